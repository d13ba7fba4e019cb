// The clock of records, events and deadlines: one that never jumps.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CLOCK_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CLOCK_HPP_

#include <chrono>

namespace hyperstart::detail {

using Clock = std::chrono::steady_clock;

/// The point `timeout` from now; none in the past, and not beyond what the clock can count.
inline Clock::time_point DeadlineIn(std::chrono::milliseconds timeout) {
  const Clock::time_point now = Clock::now();
  if (timeout <= std::chrono::milliseconds::zero()) return now;
  const auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return timeout < longest ? now + timeout : Clock::time_point::max();
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CLOCK_HPP_
