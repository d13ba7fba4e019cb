// A test that hangs has printed its conversation by the time that it is killed, if the log is live;
// and a ClientThread does not let a failed test hang. The tests of hang.cpp are run in a process.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/deadline.hpp"
#include "support/temporary_place.hpp"

namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// One test of hang.cpp in a process, whose output is read as it comes. Kills it at the end.
class Process {
 public:
  /// `log` is MOCK_HYPERSTART_LOG.
  Process(const std::string& test, const std::string& log) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const std::string filter = "--gtest_filter=" + test;
    child_ = ::fork();
    if (child_ == 0) {
      ::setenv("MOCK_HYPERSTART_LOG", log.c_str(), 1);
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::execl(EXPLAIN_HANG, EXPLAIN_HANG, filter.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
    if (child_ < 0) {
      ::close(output_);
      throw std::runtime_error("fork");
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (!status_) Kill();
    ::close(output_);
  }

  /// Reads until the output has the text. False at its end, and at the deadline.
  bool ReadUntil(const std::string& text) {
    while (text_.find(text) == std::string::npos) {
      if (!ReadMore()) return false;
    }
    return true;
  }
  /// Reads until the process has closed its output. False at the deadline.
  bool ReadToEnd() {
    while (ReadMore()) {
    }
    return at_end_;
  }
  /// What it has printed.
  const std::string& text() const { return text_; }

  /// Waits for its end. The status as of waitpid.
  int Wait() {
    int status = -1;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
    return status;
  }
  /// The same after a SIGKILL, as from ctest.
  int Kill() {
    ::kill(child_, SIGKILL);
    return Wait();
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool ReadMore() {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd output = {output_, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&output, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) return true;
    if (ready <= 0) return false;
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count > 0) text_.append(buffer.data(), static_cast<std::size_t>(count));
    at_end_ = count == 0;
    return count > 0;
  }

  const Clock::time_point deadline_ = Clock::now() + kDeadline;
  pid_t child_ = -1;
  int output_ = -1;
  std::string text_;
  bool at_end_ = false;
  std::optional<int> status_;
};

/// The conversation of a client that has sent a command and waits on io.
auto HasTheConversation() {
  return testing::AllOf(
      ContainsRegex(R"(\[hyperstart\] .* ms  ctl       connected)"),
      ContainsRegex(R"(\[hyperstart\] .* ms  ctl  -->  startpod        2 bytes  \{\})"),
      ContainsRegex(R"(\[hyperstart\] .* ms  ctl  <--  next 8, next 2)"),
      ContainsRegex(R"(\[hyperstart\] .* ms  io        connected)"));
}

TEST(ATestThatHangs, HasPrintedItsConversationWhenItIsKilled) {
  for (const char* const test : {"Wait.HangsForADay", "Async.HangsWhenAnAssertFails"}) {
    SCOPED_TRACE(test);
    const TemporaryPlace place;  // a killed process leaves the directory of its mock
    Process process(test, "live");
    ASSERT_TRUE(process.ReadUntil("ms  io        connected\n")) << process.text();
    const int status = process.Kill();
    EXPECT_TRUE(WIFSIGNALED(status)) << "it has ended by itself";
    EXPECT_THAT(process.text(), HasTheConversation());
  }
}

TEST(ATestThatHangs, HasPrintedItsFailureToo) {
  const TemporaryPlace place;
  Process process("Async.HangsWhenAnAssertFails", "live");
  EXPECT_TRUE(process.ReadUntil("no ping within 5 ms")) << process.text();
  EXPECT_TRUE(WIFSIGNALED(process.Kill())) << "it has ended by itself";
}

TEST(AClientThread, LetsATestEndWhoseAssertHasFailed) {
  const TemporaryPlace place;
  Process process("ClientThread.EndsWhenAnAssertFails", "failure");
  ASSERT_TRUE(process.ReadToEnd()) << "it hangs: " << process.text();
  const int status = process.Wait();
  ASSERT_TRUE(WIFEXITED(status)) << process.text();
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(process.text(), HasTheConversation());
  EXPECT_THAT(process.text(), ContainsRegex("io        disconnected by Stop"));
  EXPECT_THAT(process.text(), HasSubstr("[  FAILED  ] ClientThread.EndsWhenAnAssertFails"));
  EXPECT_THAT(process.text(), Not(HasSubstr("the client threw")));
  EXPECT_EQ(place.CountEntries(), 0u) << "files are left behind";
}

}  // namespace
