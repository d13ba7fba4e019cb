// A client whose bytes a service reads on the test's thread: the client writes, ends its input, and
// then it is served to its end.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_SERVICE_TEST_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_SERVICE_TEST_HPP_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/agent/user_function.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "unit/connected.hpp"

namespace hyperstart::detail {

class ServiceTest : public Connected {
 protected:
  ServiceTest() { log_.SetStart(Clock::now()); }

  /// The conversation, an event a line, without times.
  std::string Conversation() const {
    std::string text;
    for (const Event& event : log_.Events()) {
      text += std::string(Arrow(event)) + (Arrow(event).empty() ? "" : " ") + DescribeEvent(event);
      text += '\n';
    }
    return text;
  }
  std::vector<std::string> ViolationTexts() {
    std::vector<std::string> texts;
    for (const Violation& violation : records_.TakeViolations()) texts.push_back(violation.what);
    return texts;
  }

  /// A reply's end, as ReplySpec has it, that calls the function.
  template <typename Function>
  std::shared_ptr<const void> End(const Function& function) const {
    return std::shared_ptr<const void>(this, [function](const void*) { function(); });
  }

  Options options_;
  Records records_{Dialect::kHyperstart};
  EventLog log_{options_};
  UserFunction<void(const Violation&)> fatal_input_handler_;
  ServiceContext context_{options_, records_, log_, fatal_input_handler_};
  ChannelServer ctl_{observer_};
  ChannelServer io_{observer_};
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_SERVICE_TEST_HPP_
