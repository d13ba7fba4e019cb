// A client under test in a thread of its own, for tests that can't hang. The future of std::async,
// or a guard that joins a thread, makes a test hang when an ASSERT fails, if it is declared after
// the mock: its destructor waits for the client, and the client waits for the mock, which is
// destroyed only after that. ClientThread stops the mock before it waits.

#ifndef MOCK_HYPERSTART_CLIENT_THREAD_HPP_
#define MOCK_HYPERSTART_CLIENT_THREAD_HPP_

#include <gtest/gtest.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"

namespace hyperstart {

/// Runs a function as the client of a mock:
///
///   MockHyperstart agent;
///   agent.Start();
///   ClientThread client(agent, [&] { RunPod(agent.GetSocketPaths().ctl); });
///   ASSERT_TRUE(agent.WaitForMessage(Command::kStartPod));  // fails at once, or goes on
///   EXPECT_TRUE(client.Join());
///
/// Declare it after the mock, and after what the function uses. Use it on one thread, the test's.
class ClientThread {
 public:
  /// Starts the thread. `agent` outlives the object. Failures of the destructor are shown at `file`
  /// and `line`, by default the caller's. Throws std::system_error if the system has no thread
  /// left.
  ClientThread(MockHyperstart& agent, std::function<void()> client,
               const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : agent_(agent), file_(file), line_(line), thread_([this, client = std::move(client)] {
          try {
            client();
          } catch (...) {
            error_ = "the client threw: " + detail::CurrentExceptionText();
          }
          const std::lock_guard lock(mutex_);
          has_returned_ = true;
          returned_.notify_all();
        }) {}
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;

  /// Without a Join before: if the test has failed, stops the mock, which ends every connection and
  /// wait of the client, and joins the thread. Else the same as Join, whose failure fails the test
  /// and stops the mock. What the client threw fails the test in each case.
  ~ClientThread() {
    if (!thread_.joinable()) return;
    bool stopped = false;  // before the client had returned
    try {
      const bool has_failed =
          testing::Test::HasFailure() || std::uncaught_exceptions() > exceptions_;
      if (!has_failed) Report(Join());
      if (!thread_.joinable()) return;
      stopped = !HasReturned();
      agent_.Stop();
    } catch (...) {  // --gtest_throw_on_failure: the failure is reported already
    }
    if (!thread_.joinable()) return;
    thread_.join();
    if (error_.empty()) return;
    try {
      Report(testing::AssertionFailure()
             << error_ << (stopped ? " (after the mock was stopped for the failure before)" : ""));
    } catch (...) {  // as above
    }
  }

  /// Waits until the client's function has returned. Fails if it threw, or if it still runs when
  /// the time is over; then it may be joined again.
  testing::AssertionResult Join(MockHyperstart::Timeout timeout = {}) {
    if (thread_.joinable()) {
      const auto time = timeout.value_or(agent_.GetOptions().timeout);
      std::unique_lock lock(mutex_);
      if (!returned_.wait_for(lock, time, [&] { return has_returned_; })) {
        return testing::AssertionFailure()
               << "the client has not returned within " << time.count() << " ms";
      }
      lock.unlock();
      thread_.join();
    }
    if (!error_.empty()) return testing::AssertionFailure() << error_;
    return testing::AssertionSuccess();
  }

 private:
  void Report(const testing::AssertionResult& result) const {
    if (!result) ADD_FAILURE_AT(file_, line_) << result.message();
  }
  bool HasReturned() {
    const std::lock_guard lock(mutex_);
    return has_returned_;
  }

  MockHyperstart& agent_;
  const char* const file_;
  const int line_;
  const int exceptions_ = std::uncaught_exceptions();  // when the object was made
  std::mutex mutex_;
  std::condition_variable returned_;
  bool has_returned_ = false;
  std::string error_;   // written before has_returned_
  std::thread thread_;  // last: it uses the members above
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_CLIENT_THREAD_HPP_
