// A pause blocks who waits for its end, until it is over or the time is.

#include "mock_hyperstart/detail/net/pause.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "support/deadline.hpp"
#include "unit/blocked_call.hpp"

namespace hyperstart::detail {
namespace {

TEST(PauseTest, IsNotSetAtFirst) {
  Pause pause;
  EXPECT_FALSE(pause.IsSet());
  pause.WaitFor(kDeadline);  // returns at once, or the test takes a minute
}

TEST(PauseTest, IsSetUntilItIsEnded) {
  Pause pause;
  pause.Set(true);
  pause.Set(true);
  EXPECT_TRUE(pause.IsSet());
  pause.Set(false);
  EXPECT_FALSE(pause.IsSet());
}

TEST(PauseTest, EndsAWaitWhenItIsEnded) {
  Pause pause;
  pause.Set(true);
  BlockedCall<bool> wait([&] {
    while (pause.IsSet()) pause.WaitFor(2 * kDeadline);  // it may return early
    return true;
  });
  EXPECT_FALSE(wait.HasReturned());
  pause.Set(false);
  EXPECT_TRUE(wait.Get());
}

TEST(PauseTest, EndsAWaitWhenItsTimeIsOver) {
  Pause pause;
  pause.Set(true);
  pause.WaitFor(std::chrono::milliseconds(1));
  EXPECT_TRUE(pause.IsSet());
}

}  // namespace
}  // namespace hyperstart::detail
