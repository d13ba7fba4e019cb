// What the tests of a spy share.

#ifndef MOCK_HYPERSTART_TESTS_MOCK_SPY_FIXTURE_HPP_
#define MOCK_HYPERSTART_TESTS_MOCK_SPY_FIXTURE_HPP_

#include <mock_hyperstart/recording.hpp>
#include <string>

#include "support/mock_test.hpp"

namespace hyperstart {

inline Options KeepAllAndWait() {
  Options options = KeepAll();
  options.timeout = kDeadline;
  return options;
}

/// The bytes of one direction of a channel in a mock's conversation.
inline std::string BytesOf(const MockHyperstart& mock, Channel channel, EventKind kind) {
  std::string bytes;
  for (const Event& event : mock.Events()) {
    if (event.channel == channel && event.kind == kind) bytes += detail::EventBytes(event);
  }
  return bytes;
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_MOCK_SPY_FIXTURE_HPP_
