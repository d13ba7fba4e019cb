// A client that retries, times out and reconnects, and an agent that injects every kind of fault.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <mock_hyperstart.hpp>
#include <string>

using hyperstart::Channel, hyperstart::Command;
using hyperstart::MockHyperstart, hyperstart::Reply, hyperstart::ReplyPlan;
using namespace std::literals;

/// Pings the agent. Replaces a connection that fails, or on which no reply arrives in time.
class Client {
 public:
  explicit Client(std::string path) : path_(std::move(path)) {}
  ~Client() { ::close(fd_); }

  bool Ping(int attempts = 2, std::chrono::milliseconds patience = 5s) {
    for (; attempts > 0; --attempts) {
      if (fd_ < 0) Connect();
      deadline_ = Clock::now() + patience;
      const ssize_t sent = ::send(fd_, "\0\0\0\14\0\0\0\10", 8, MSG_NOSIGNAL);  // ping, 8 bytes
      if (sent == 8 && ReadReply() == "\0\0\0\11\0\0\0\10"s) return true;       // ack, 8 bytes
      ::close(std::exchange(fd_, -1));
    }
    return false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  void Connect() {
    sockaddr_un address{AF_UNIX, {}};
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
  std::string ReadReply() {
    std::string header = Read(8);
    while (header == "\0\0\0\16\0\0\0\14"s && !Read(4).empty()) header = Read(8);  // next
    return header;
  }
  std::string Read(std::size_t size) {
    std::string bytes;
    for (char byte = 0; bytes.size() < size; bytes += byte) {
      const std::chrono::duration<double, std::milli> left = deadline_ - Clock::now();
      pollfd agent = {fd_, POLLIN, 0};
      if (::poll(&agent, 1, std::max(0, static_cast<int>(left.count()))) != 1) return {};
      if (::recv(fd_, &byte, 1, 0) != 1) return {};
    }
    return bytes;
  }
  const std::string path_;
  int fd_ = -1;
  Clock::time_point deadline_;
};

struct ACarefulClient : testing::Test {
  MockHyperstart agent;
  Client client{agent.GetSocketPaths().ctl};
  ReplyPlan& ping = agent.On(Command::kPing);
  void SetUp() override { agent.Start(); }
};

TEST_F(ACarefulClient, TriesAgainAfterAReplyThatIsNoAck) {
  ping.WillOnce(Reply::Error("busy")).WillOnce(Reply::Raw("garbage!")).WillOnce(Reply::Ack());
  EXPECT_TRUE(client.Ping(3));
}
TEST_F(ACarefulClient, DoesNotWaitForASilentAgent) {
  for (const Reply& silent : {Reply::Nothing(), Reply().After(1h), Reply().InPieces(3, 1h)}) {
    ping.WillOnce(silent);
    EXPECT_TRUE(client.Ping(1000, 20ms));
  }
}
TEST_F(ACarefulClient, PutsPiecesTogether) {
  ping.WillOnce(Reply().InPieces(3, 1ms));
  EXPECT_TRUE(client.Ping(1));
}
TEST_F(ACarefulClient, ReconnectsWhenTheAgentDiesInMidReply) {
  ping.WillOnce(Reply().Truncated(5).ThenDisconnect());
  EXPECT_TRUE(client.Ping());
}
TEST_F(ACarefulClient, ReconnectsWhenTheConnectionIsLost) {
  for (const auto lose :
       {&MockHyperstart::Disconnect, &MockHyperstart::Reset, &MockHyperstart::ShutdownSend}) {
    EXPECT_TRUE(client.Ping());
    (agent.*lose)(Channel::kCtl);
    EXPECT_TRUE(client.Ping());
  }
}
TEST_F(ACarefulClient, GivesUpOnAnAgentThatIsGone) {
  agent.StopListening(Channel::kCtl);
  EXPECT_FALSE(client.Ping());
  agent.ResumeListening(Channel::kCtl);
  EXPECT_TRUE(client.Ping());
}
