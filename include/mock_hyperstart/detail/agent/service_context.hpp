// What the services of both channels use, and neither owns.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_SERVICE_CONTEXT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_SERVICE_CONTEXT_HPP_

#include <fmt/core.h>

#include <utility>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/user_function.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {

struct ServiceContext {
  const Options& options;
  Records& records;
  EventLog& log;
  UserFunction<void(const Violation&)>& fatal_input_handler;
  /// Set before the first client is served. Null: nobody.
  ForwardObserver* forward_observer = nullptr;

  /// What the client did is forbidden by the protocol.
  void AddViolation(Violation violation) const {
    log.Words(EventKind::kViolation, violation.channel, violation.what, violation.bytes);
    records.Add(std::move(violation));
  }

  /// The real agent dies of it, though it breaks no framing.
  void AddFatalInput(const Violation& violation) const {
    if (options.strict) {
      AddViolation(violation);
    } else {
      log.Words(EventKind::kWarning, violation.channel, violation.what);
    }
    if (forward_observer != nullptr) forward_observer->OnFatalInput(violation.channel);
    TellFatalInput(violation);
  }

  /// The header can't be trusted: what follows it is not understood.
  void AddBrokenHeader(const Violation& violation) const {
    AddViolation(violation);
    TellFatalInput(violation);
  }

 private:
  void TellFatalInput(const Violation& violation) const {
    if (!fatal_input_handler.IsSet()) return;
    const UserFunction<void(const Violation&)>::Call call(fatal_input_handler);
    try {
      if (call) call.function()(violation);
    } catch (...) {
      records.AddError("the fatal input handler threw: " + CurrentExceptionText());
    }
  }
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_SERVICE_CONTEXT_HPP_
