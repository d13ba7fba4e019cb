// What a failing test prints, to the letter, but for times and source locations: each test of the
// program inner.cpp is run, and its output compared with expected/NAME.txt.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_place.hpp"

namespace {

using testing::HasSubstr;
using testing::Not;

struct Output {
  std::string text;
  int status;
};

/// Runs the inner program without a terminal. `log` is MOCK_HYPERSTART_LOG; empty: not set.
Output RunInner(const std::string& arguments, const std::string& log = {}) {
  const std::string environment =
      log.empty() ? "-u MOCK_HYPERSTART_LOG" : "MOCK_HYPERSTART_LOG=" + log;
  const std::string command = "env " + environment + " " EXPLAIN_INNER " " + arguments + " 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  Output output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.text.append(buffer.data(), count);
  }
  output.status = ::pclose(pipe);
  return output;
}

/// What the inner program prints on a terminal; std::nullopt, and errno, if there is no
/// pseudo-terminal.
std::optional<std::string> RunInnerOnATerminal(const char* filter, bool no_color) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) return std::nullopt;
  if (child == 0) {
    if (no_color) ::setenv("NO_COLOR", "1", 1);
    ::unsetenv("MOCK_HYPERSTART_LOG");
    ::execl(EXPLAIN_INNER, EXPLAIN_INNER, filter, nullptr);
    std::_Exit(127);
  }
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = ::read(terminal, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(terminal);
  ::waitpid(child, nullptr, 0);
  return text;
}

/// What the first test printed between its start and its end, with times and locations masked.
std::string Masked(const std::string& output) {
  std::smatch found;
  static const std::regex test(R"(\[ RUN      \] [^\n]*\n([^]*)\n?\[ *(OK|FAILED) *\] [^\n]* \()");
  if (!std::regex_search(output, found, test)) return "no test ran: " + output;
  std::string text = found[1];
  text = std::regex_replace(text, std::regex(R"([^\n ]*/[^\n ]*:\d+: )"), "FILE:LINE: ");
  text = std::regex_replace(text, std::regex(R"( *\+\d+(\.\d)? ms)"), " +T ms");
  text = std::regex_replace(text, std::regex(R"(\( \+T ms)"), "(+T ms");
  return text;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the test must print.
std::string ExpectedOutput(const std::string& test) {
  return ReadFile(std::filesystem::path(EXPLAIN_EXPECTED) / (test + ".txt"));
}

std::vector<std::string> ExpectedOutputs() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(EXPLAIN_EXPECTED)) {
    names.push_back(entry.path().stem().string());
  }
  return names;
}

class Explains : public testing::TestWithParam<std::string> {};

TEST_P(Explains, ToTheLetter) {
  const Output output = RunInner("--gtest_filter=" + GetParam());
  EXPECT_EQ(Masked(output.text), ExpectedOutput(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Inner, Explains, testing::ValuesIn(ExpectedOutputs()),
                         [](const auto& tested) {
                           return std::regex_replace(tested.param, std::regex("[^A-Za-z0-9]"), "_");
                         });

TEST(Explain, EveryTestHasAnExpectedOutput) {
  const std::string listed = RunInner("--gtest_list_tests").text;
  std::size_t tests = 0;
  for (std::size_t at = 0; (at = listed.find("\n  ", at)) != std::string::npos; ++at) ++tests;
  // The four without an expected output are run below.
  EXPECT_EQ(tests, ExpectedOutputs().size() + 4) << listed;
}

TEST(Conversation, HasTheClientThatHadConnectedWhenStopCame) {
  // The mock has accepted it or not.
  EXPECT_THAT(
      Masked(RunInner("--gtest_filter=Conversation.HasTheClientThatHadConnectedWhenStopCame").text),
      testing::AnyOf(
          HasSubstr("ctl       connected\n[hyperstart] +T ms  ctl       disconnected by Stop\n"),
          HasSubstr("ctl       a client that was waiting is closed by the mock\n")));
}

/// With MOCK_HYPERSTART_LOG, a test prints what another one does whose options say the same.
struct LogInTheEnvironment {
  const char* log;
  const char* test;
  const char* like;

  friend void PrintTo(const LogInTheEnvironment& tested, std::ostream* out) {
    *out << tested.log << ", " << tested.test;
  }
};

class Environment : public testing::TestWithParam<LogInTheEnvironment> {};

TEST_P(Environment, OverridesTheOptions) {
  const LogInTheEnvironment& tested = GetParam();
  EXPECT_EQ(Masked(RunInner(std::string("--gtest_filter=") + tested.test, tested.log).text),
            ExpectedOutput(tested.like));
}

INSTANTIATE_TEST_SUITE_P(
    Each, Environment,
    testing::Values(LogInTheEnvironment{"never", "Conversation.IsPrintedWhenTheTestFails",
                                        "Conversation.IsNeverPrinted"},
                    LogInTheEnvironment{"failure", "Conversation.IsNeverPrinted",
                                        "Conversation.IsPrintedWhenTheTestFails"},
                    LogInTheEnvironment{"failure", "Conversation.IsAlwaysPrinted",
                                        "Conversation.IsNotPrintedWhenTheTestPasses"},
                    LogInTheEnvironment{"always", "Conversation.IsNotPrintedWhenTheTestPasses",
                                        "Conversation.IsAlwaysPrinted"},
                    LogInTheEnvironment{"live", "Conversation.IsNeverPrinted",
                                        "Conversation.IsPrintedLive"}),
    [](const auto& tested) {
      return std::string(tested.param.log) + "_" +
             std::regex_replace(tested.param.test, std::regex("[^A-Za-z0-9]"), "_");
    });

TEST(AnUnknownLog, IsAnError) {
  const Output output = RunInner("--gtest_filter=Conversation.IsPrintedWhenTheTestFails", "loud");
  EXPECT_EQ(WEXITSTATUS(output.status), 1);
  EXPECT_THAT(output.text, HasSubstr("mock_hyperstart: MOCK_HYPERSTART_LOG is \"loud\": give live, "
                                     "always, failure or never"));
}

TEST(Nothing, LeaksIntoTheNextTest) {
  const Output output = RunInner(
      "--gtest_filter=Next.*:Wait.*:Stop.*:Conversation.* --gtest_repeat=3 --gtest_shuffle");
  std::size_t passed = 0;
  const std::string ok = "[       OK ] Next.PassesThoughTheOneBeforeFailed";
  for (std::size_t at = 0; (at = output.text.find(ok, at)) != std::string::npos; ++at) ++passed;
  EXPECT_EQ(passed, 3u) << output.text;
}

TEST(Nothing, IsLostWhenFailuresThrow) {
  for (const char* const filter : {"Stop.ReportsEachOfSeveral", "Stop.ReportsAHandlerThatThrew"}) {
    const Output output =
        RunInner(std::string("--gtest_throw_on_failure --gtest_filter=") + filter);
    EXPECT_TRUE(WIFEXITED(output.status)) << "not killed by an exception in a destructor";
    EXPECT_EQ(WEXITSTATUS(output.status), 1);
    EXPECT_THAT(output.text, HasSubstr(std::string("[  FAILED  ] ") + filter));
  }
  const std::string several =
      RunInner("--gtest_throw_on_failure --gtest_filter=Stop.ReportsEachOfSeveral").text;
  EXPECT_THAT(several, testing::ContainsRegex("violated(.|\n)*violated(.|\n)*was never used"));
  // An assertion of the test itself: GoogleTest throws it out of main. The mock prints before that.
  EXPECT_THAT(RunInner("--gtest_throw_on_failure "
                       "--gtest_filter=Conversation.IsPrintedWhenTheTestFails")
                  .text,
              HasSubstr("[hyperstart]"));
}

TEST(Nothing, OfAMockIsInAForkedProcess) {
  // The process of a death test ends without destructors: it leaves the directory of its mock.
  const TemporaryPlace place;
  for (const char* const style : {"fast", "threadsafe"}) {
    const Output output = RunInner(
        std::string("--gtest_filter=DeathTest.*:Fork.* --gtest_death_test_style=") + style);
    EXPECT_THAT(output.text, HasSubstr("[  PASSED  ] 2 tests."));
  }
}

TEST(Colour, IsForATerminalOnly) {
  const char* const filter = "--gtest_filter=Conversation.IsAlwaysPrinted";
  EXPECT_THAT(RunInner(filter).text, Not(HasSubstr("\x1b[36m-->")));
  const std::optional<std::string> in_colour = RunInnerOnATerminal(filter, false);
  if (!in_colour) GTEST_SKIP() << "no pseudo-terminal: forkpty: " << std::strerror(errno);
  EXPECT_THAT(*in_colour, HasSubstr("\x1b[36m-->"));
  const std::optional<std::string> plain = RunInnerOnATerminal(filter, true);
  ASSERT_TRUE(plain) << std::strerror(errno);
  EXPECT_THAT(*plain, Not(HasSubstr("\x1b[36m-->")));
}

}  // namespace
