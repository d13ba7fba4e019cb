// A mock with static storage duration stops when the program exits, after GoogleTest has said how
// the tests ended. It must not crash there, and what it fails for must fail the program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "support/temporary_place.hpp"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Exit {
  int status;  // as a shell sees it; a signal is 128 and more
  std::string output;
};

/// Runs one test of the inner program to the program's end. The options come after the filter.
Exit RunInner(const std::string& test, const std::string& options = {}) {
  // If this process runs one of several shards, that does not apply to the inner one.
  const std::string command = "env -u GTEST_TOTAL_SHARDS -u GTEST_SHARD_INDEX " STATIC_MOCKS_INNER
                              " --gtest_filter=" +
                              test + " " + options + " 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  Exit exit{};
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    exit.output.append(buffer.data(), count);
  }
  const int status = ::pclose(pipe);
  exit.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit;
}

/// What it says when it fails although GoogleTest has said PASSED.
auto SaysThatTheProgramFails() {
  return AllOf(HasSubstr("[  PASSED  ] 1 test."),
               HasSubstr("this WillOnce was never used: too few startpod commands came"),
               HasSubstr("a mock failed outside of any test"));
}

class StaticMock : public testing::TestWithParam<const char*> {
 protected:
  ~StaticMock() override { EXPECT_EQ(place_.CountEntries(), 0u) << "files are left behind"; }
  TemporaryPlace place_;
};

TEST_P(StaticMock, ThatFailsNothingLetsTheProgramPass) {
  const Exit exit = RunInner(GetParam());
  EXPECT_EQ(exit.status, 0) << exit.output;
  EXPECT_THAT(exit.output, AllOf(HasSubstr("[  PASSED  ] 1 test."), Not(HasSubstr("Failure"))));
}

INSTANTIATE_TEST_SUITE_P(Each, StaticMock,
                         testing::Values("Unused.AtNamespaceScope", "Used.AtNamespaceScope",
                                         "Used.InAFunction", "Stopped.AtNamespaceScope",
                                         "Intercepted.AfterTheTests"));

class FailingStaticMock : public StaticMock {};

TEST_P(FailingStaticMock, FailsTheProgram) {
  const Exit exit = RunInner(GetParam());
  EXPECT_EQ(exit.status, 1) << exit.output;
  EXPECT_THAT(exit.output, SaysThatTheProgramFails());
}

TEST_P(FailingStaticMock, FailsTheProgramThoughGoogleTestThrows) {
  const Exit exit = RunInner(GetParam(), "--gtest_throw_on_failure");
  EXPECT_EQ(exit.status, 1) << exit.output;
  EXPECT_THAT(exit.output, SaysThatTheProgramFails());
}

INSTANTIATE_TEST_SUITE_P(Each, FailingStaticMock,
                         testing::Values("Failing.AtNamespaceScope", "Failing.InAFunction"));

}  // namespace
