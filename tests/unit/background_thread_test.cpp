// The library's threads leave signals to the program's own threads, but not those of a crash.

#include "mock_hyperstart/detail/net/background_thread.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <vector>

namespace hyperstart::detail {
namespace {

TEST(BackgroundThreadTest, BlocksSignalsAndLeavesTheCallersAsTheyWere) {
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    std::vector<int> signals;
    for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGPIPE, SIGUSR1}) {
      if (sigismember(&mask, signal) == 1) signals.push_back(signal);
    }
    return signals;
  };
  const std::vector<int> before = blocked();
  std::vector<int> inside;
  StartBackgroundThread([&] { inside = blocked(); }).join();
  EXPECT_EQ(inside.size(), 6u);
  EXPECT_EQ(blocked(), before);
}

TEST(BackgroundThreadTest, LeavesTheSignalsOfACrashUnblocked) {
  int blocked = -1;
  StartBackgroundThread([&] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = 0;
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
      blocked += sigismember(&mask, signal);
    }
  }).join();
  EXPECT_EQ(blocked, 0);
}

}  // namespace
}  // namespace hyperstart::detail
