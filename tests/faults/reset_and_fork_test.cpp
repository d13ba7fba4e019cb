// A reset is a close of the mock's end of the socket. A process that was forked without exec has a
// copy of that end, and keeps the connection open: the documented limit of Reset.

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

/// A child process that has this process's descriptors until it is ended.
class ForkedProcess {
 public:
  ForkedProcess() {
    if (::pipe(pipe_.data()) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::close(pipe_[1]);
      char byte = 0;
      while (::read(pipe_[0], &byte, 1) > 0) {  // to the end of file
      }
      std::_Exit(0);
    }
    ::close(pipe_[0]);
  }
  ForkedProcess(const ForkedProcess&) = delete;
  ForkedProcess& operator=(const ForkedProcess&) = delete;
  ~ForkedProcess() { End(); }

  void End() {
    if (child_ < 0) return;
    ::close(pipe_[1]);
    ::waitpid(std::exchange(child_, -1), nullptr, 0);
  }

 private:
  std::array<int, 2> pipe_{};
  pid_t child_ = -1;
};

/// Whether the client sees anything within a moment: bytes, an end or a reset.
bool SeesSomething(const RawClient& client) {
  pollfd poll = {client.fd(), POLLIN, 0};
  return ::poll(&poll, 1, static_cast<int>(kMoment.count())) > 0;
}

class ResetAndFork : public testing::TestWithParam<Channel> {};

TEST_P(ResetAndFork, HasNoEffectOnTheClientWhileAForkedProcessHasTheSocket) {
  const Channel channel = GetParam();
  Started agent;
  RawClient client = ConnectAndWait(agent, channel);
  ForkedProcess forked;
  agent.Reset(channel);
  EXPECT_TRUE(agent.WaitForDisconnect(channel, kDeadline));
  EXPECT_FALSE(agent.IsConnected(channel));
  client.Write("never read");
  EXPECT_FALSE(SeesSomething(client));
  ExpectUsable(agent, channel);  // for the mock it is gone
  EXPECT_FALSE(SeesSomething(client));
  forked.End();
  EXPECT_EQ(client.ReadError(), ECONNRESET);
}

/// Disconnect shuts the socket down, which holds for all copies of it.
TEST_P(ResetAndFork, LeavesDisconnectItsEffect) {
  const Channel channel = GetParam();
  Started agent;
  RawClient client = ConnectAndWait(agent, channel);
  const ForkedProcess forked;
  agent.Disconnect(channel);
  EXPECT_EQ(client.ReadToEnd(), "");
  ExpectUsable(agent, channel);
}

/// A program that is started, by fork and exec, does not get the socket.
TEST_P(ResetAndFork, IsNotHinderedByAProgramThatIsStarted) {
  const Channel channel = GetParam();
  Started agent;
  RawClient client = ConnectAndWait(agent, channel);
  std::array<int, 2> input{};
  ASSERT_EQ(::pipe(input.data()), 0);
  const pid_t program = ::fork();
  if (program == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::close(input[0]);
    ::close(input[1]);
    ::execlp("cat", "cat", nullptr);
    std::_Exit(127);
  }
  ::close(input[0]);
  agent.Reset(channel);
  client.Write("x");
  EXPECT_EQ(client.ReadError(),
            ECONNRESET);  // at the latest when the program has replaced the fork
  ::close(input[1]);
  int status = -1;
  ::waitpid(program, &status, 0);
  EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(EachChannel, ResetAndFork, testing::ValuesIn(kChannels),
                         [](const auto& tested) {
                           return tested.param == Channel::kCtl ? "Ctl" : "Io";
                         });

}  // namespace
}  // namespace hyperstart
