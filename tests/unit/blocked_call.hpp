// A call on a thread of its own that is expected to block: the test can wait until it does, and
// then for what it returns.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_BLOCKED_CALL_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_BLOCKED_CALL_HPP_

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "support/deadline.hpp"

/// A hanging call can't be ended from outside, nor its thread joined: so the program ends.
[[noreturn]] inline void GiveUp(const char* what) {
  std::fprintf(stderr, "the test waited in vain for %s\n", what);
  std::abort();
}

/// Looks again and again until it holds.
template <typename Condition>
void WaitUntil(const char* what, const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) GiveUp(what);
    std::this_thread::yield();
  }
}

template <typename Result>
class BlockedCall {
 public:
  /// Returns when the call sleeps, or has returned.
  template <typename Function>
  explicit BlockedCall(Function function) {
    std::promise<pid_t> id;
    std::future<pid_t> known = id.get_future();
    result_ = std::async(std::launch::async,
                         [function = std::move(function), id = std::move(id)]() mutable {
                           id.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
                           return function();
                         });
    const std::string stat = "/proc/self/task/" + std::to_string(known.get()) + "/stat";
    WaitUntil("a call to block", [&] { return HasReturned() || Sleeps(stat.c_str()); });
  }
  BlockedCall(const BlockedCall&) = delete;
  BlockedCall& operator=(const BlockedCall&) = delete;

  bool HasReturned() const {
    return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  /// Waits for it.
  Result Get() {
    if (result_.wait_for(kDeadline) != std::future_status::ready) GiveUp("a call to return");
    return result_.get();
  }

 private:
  /// A thread that is gone sleeps. Allocates nothing: if nobody else runs, then who sleeps does not
  /// wait for a lock, not even for the heap's.
  static bool Sleeps(const char* stat) {
    char buffer[512];
    const int file = ::open(stat, O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    const ssize_t count = ::read(file, buffer, sizeof(buffer));
    ::close(file);
    const std::string_view text(buffer, count < 0 ? 0 : static_cast<std::size_t>(count));
    const std::size_t name_end = text.rfind(") ");  // the state stands behind it
    return name_end == std::string_view::npos || text.substr(name_end + 2, 1) == "S";
  }

  std::future<Result> result_;
};

#endif  // MOCK_HYPERSTART_TESTS_UNIT_BLOCKED_CALL_HPP_
