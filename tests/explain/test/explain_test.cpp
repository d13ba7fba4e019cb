// What a failing test prints, to the letter (times, and where it stands, masked): each test of the
// program inner.cpp is run, and what it printed compared with expected/NAME.txt.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using testing::HasSubstr;
using testing::Not;

struct Output {
  std::string text;
  int status;
};

/// Runs the inner program; its output without a terminal.
Output RunInner(const std::string& arguments) {
  const std::string command = std::string(EXPLAIN_INNER " ") + arguments + " 2>&1";
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

std::string RunInnerOnATerminal(const char* filter, bool no_color) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    if (no_color) ::setenv("NO_COLOR", "1", 1);
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

/// What one test printed between its start and its end.
std::string Masked(const std::string& output) {
  std::smatch found;
  static const std::regex test(R"(\[ RUN      \] [^\n]*\n([^]*)\n?\[ *(OK|FAILED) *\] [^\n]* \()");
  if (!std::regex_search(output, found, test)) return "no test ran: " + output;
  std::string text = found[1];
  text =
      std::regex_replace(text, std::regex(R"([^\n ]*/[^\n ]*:\d+: Failure)"), "FILE:LINE: Failure");
  text = std::regex_replace(text, std::regex(R"( *\+\d+(\.\d)? ms)"), " +T ms");
  return text;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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
  EXPECT_EQ(Masked(output.text),
            ReadFile(std::filesystem::path(EXPLAIN_EXPECTED) / (GetParam() + ".txt")));
}

INSTANTIATE_TEST_SUITE_P(Inner, Explains, testing::ValuesIn(ExpectedOutputs()),
                         [](const auto& tested) {
                           return std::regex_replace(tested.param, std::regex("[^A-Za-z0-9]"), "_");
                         });

TEST(Explain, EveryTestThatFailsOnPurpose) {
  const std::string listed = RunInner("--gtest_list_tests").text;
  std::size_t tests = 0;
  for (std::size_t at = 0; (at = listed.find("\n  ", at)) != std::string::npos; ++at) ++tests;
  // Those without an expected output are the ones below, which must pass.
  EXPECT_EQ(tests, ExpectedOutputs().size() + 3) << listed;
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
  // An assertion of the test itself: GoogleTest throws it out of main. The mock has its say before.
  EXPECT_THAT(RunInner("--gtest_throw_on_failure "
                       "--gtest_filter=Conversation.IsPrintedWhenTheTestFails")
                  .text,
              HasSubstr("[hyperstart]"));
}

TEST(Nothing, OfAMockIsInAForkedProcess) {
  for (const char* const style : {"fast", "threadsafe"}) {
    const Output output = RunInner(
        std::string("--gtest_filter=DeathTest.*:Fork.* --gtest_death_test_style=") + style);
    EXPECT_THAT(output.text, HasSubstr("[  PASSED  ] 2 tests."));
  }
}

TEST(Colour, IsForATerminalOnly) {
  const char* const filter = "--gtest_filter=Conversation.IsAlwaysPrinted";
  EXPECT_THAT(RunInnerOnATerminal(filter, false), HasSubstr("\x1b[36m-->"));
  EXPECT_THAT(RunInnerOnATerminal(filter, true), Not(HasSubstr("\x1b[36m-->")));
  EXPECT_THAT(RunInner(filter).text, Not(HasSubstr("\x1b[36m-->")));
}

}  // namespace
