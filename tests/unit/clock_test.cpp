// Deadlines, with any timeout.

#include "mock_hyperstart/detail/agent/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hyperstart::detail {
namespace {

using std::chrono::milliseconds;

TEST(ClockTest, PutsADeadlineSoFarAhead) {
  const Clock::time_point before = Clock::now();
  const Clock::time_point deadline = DeadlineIn(milliseconds(1000));
  EXPECT_GE(deadline, before + milliseconds(1000));
  EXPECT_LE(deadline, Clock::now() + milliseconds(1000));
}

TEST(ClockTest, PutsNoDeadlineInThePast) {
  const Clock::time_point before = Clock::now();
  for (const milliseconds timeout : {milliseconds(0), milliseconds(-1), milliseconds::min()}) {
    const Clock::time_point deadline = DeadlineIn(timeout);
    EXPECT_GE(deadline, before);
    EXPECT_LE(deadline, Clock::now());
  }
}

TEST(ClockTest, PutsNoDeadlineBeyondWhatTheClockCanCount) {
  EXPECT_EQ(DeadlineIn(milliseconds::max()), Clock::time_point::max());
  EXPECT_EQ(DeadlineIn(milliseconds::max() / 2), Clock::time_point::max());
}

}  // namespace
}  // namespace hyperstart::detail
