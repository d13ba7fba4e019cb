// Turns a server's verdicts into failures of the current GoogleTest test, on the test's own thread.

#ifndef MOCK_HYPERSTART_DETAIL_GTEST_VERDICTS_HPP_
#define MOCK_HYPERSTART_DETAIL_GTEST_VERDICTS_HPP_

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/server.hpp"

namespace hyperstart::detail {

/// Makes the program fail for a failure that is reported outside of any test: for a mock that lives
/// until the program exits, GoogleTest has by then said how the tests ended.
class LateFailures {
 public:
  /// Call it in the constructor of whatever may report failures: GoogleTest's own objects, and the
  /// exit function below, then outlive that.
  static void Prepare() {
    testing::UnitTest::GetInstance();
    static const int registered = std::atexit(&FailAtExit);
    static_cast<void>(registered);
  }
  static void Note() {
    if (testing::UnitTest::GetInstance()->current_test_info() == nullptr) Noted() = true;
  }

 private:
  static std::atomic<bool>& Noted() {
    static std::atomic<bool> noted{false};
    return noted;
  }
  static void FailAtExit() {
    // A failure that a reporter of the test's own has taken is none of the program's.
    if (!Noted() || !testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed()) return;
    std::fflush(nullptr);
    std::fputs("mock_hyperstart: a mock failed outside of any test, see above: the program fails\n",
               stderr);
    ::_exit(EXIT_FAILURE);
  }
};

/// Reports each verdict, though GoogleTest may throw at each (--gtest_throw_on_failure). Then
/// throws the last exception. `made_at` is the place of those that have none of their own.
inline void ReportVerdicts(const std::vector<Verdict>& verdicts, const Place& made_at) {
  std::exception_ptr thrown;
  for (const Verdict& verdict : verdicts) {
    const Place place = verdict.place.value_or(made_at);
    LateFailures::Note();
    try {
      ADD_FAILURE_AT(place.file, place.line) << DescribeVerdict(verdict);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_GTEST_VERDICTS_HPP_
