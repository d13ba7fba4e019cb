// The calls on a client's socket: what they return in each state of its other end. None of them
// raises SIGPIPE, which would end this program.

#include "mock_hyperstart/detail/net/client_socket.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "support/deadline.hpp"
#include "unit/blocked_call.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;
using ReceiveStatus = ClientSocket::ReceiveStatus;
using SendStatus = ClientSocket::SendStatus;

constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

/// A socket whose other end is a bare descriptor.
class ClientSocketTest : public testing::Test {
 protected:
  ClientSocketTest() : ClientSocketTest(Pair()) {}
  ~ClientSocketTest() override { CloseOther(); }

  void CloseOther() {
    if (other_ >= 0) ::close(other_);
    other_ = -1;
  }
  void WriteOther(std::string_view bytes) const {
    ASSERT_EQ(::send(other_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string ReadOther() const {
    std::array<char, 100> buffer;
    const ssize_t count = ::recv(other_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return count < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(count));
  }
  ClientSocket::Received Receive() { return socket_.Receive(buffer_.data(), buffer_.size()); }
  std::string_view Received(std::size_t bytes) const { return {buffer_.data(), bytes}; }

  int other_;
  ClientSocket socket_;
  std::array<char, 10> buffer_{};

 private:
  static std::array<int, 2> Pair() {
    std::array<int, 2> pair{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return pair;
  }
  explicit ClientSocketTest(std::array<int, 2> pair)
      : other_(pair[0]), socket_(Descriptor(pair[1])) {}
};

TEST_F(ClientSocketTest, ReceivesWhatHasArrived) {
  WriteOther("0123456789abc");
  ClientSocket::Received received = Receive();
  EXPECT_EQ(received.status, ReceiveStatus::kReceived);
  EXPECT_EQ(Received(received.bytes), "0123456789");
  received = Receive();
  EXPECT_EQ(received.status, ReceiveStatus::kReceived);
  EXPECT_EQ(Received(received.bytes), "abc");
}

TEST_F(ClientSocketTest, TellsThatNothingHasArrivedFromAnEnd) {
  EXPECT_EQ(Receive().status, ReceiveStatus::kTimedOut);
  ::shutdown(other_, SHUT_WR);
  EXPECT_EQ(Receive().status, ReceiveStatus::kEnded);
  EXPECT_FALSE(socket_.IsGone()) << "the other end still reads";
}

TEST_F(ClientSocketTest, SendsBothParts) {
  ClientSocket::Sent sent = socket_.Send("head", "body", kNoLimit);
  EXPECT_EQ(sent.status, SendStatus::kSent);
  EXPECT_EQ(sent.bytes, 8u);
  EXPECT_EQ(ReadOther(), "headbody");
}

TEST_F(ClientSocketTest, SendsNoMoreThanTheLimit) {
  for (std::size_t limit = 1; limit <= 9; ++limit) {
    const std::string expected = std::string("headbody").substr(0, limit);
    EXPECT_EQ(socket_.Send("head", "body", limit).bytes, expected.size());
    EXPECT_EQ(ReadOther(), expected);
  }
}

TEST_F(ClientSocketTest, DoesNotBlockWhenTheSocketIsFull) {
  const std::string bytes(100'000, 'x');
  ClientSocket::Sent sent{SendStatus::kSent, 0};
  while (sent.status == SendStatus::kSent) sent = socket_.Send(bytes, {}, kNoLimit);
  EXPECT_EQ(sent.status, SendStatus::kFull);
  EXPECT_EQ(sent.bytes, 0u);
  EXPECT_EQ(socket_.Wait(POLLOUT, 0ms), 0);
  while (ReadOther() != "nothing") {
  }
  EXPECT_EQ(socket_.Wait(POLLOUT, kDeadline), POLLOUT);
}

TEST_F(ClientSocketTest, TellsWhenTheOtherEndIsClosed) {
  EXPECT_FALSE(socket_.IsGone());
  CloseOther();
  EXPECT_TRUE(socket_.IsGone());
  EXPECT_EQ(socket_.Send("head", "body", kNoLimit).status, SendStatus::kPeerClosed);
  EXPECT_EQ(socket_.Send("head", {}, kNoLimit).status, SendStatus::kPeerClosed);
  EXPECT_EQ(Receive().status, ReceiveStatus::kEnded);
}

TEST_F(ClientSocketTest, EndsAWaitWhenTheOtherEndIsClosed) {
  BlockedCall<short> wait([&] { return socket_.Wait(0, -1ms); });
  EXPECT_FALSE(wait.HasReturned());
  CloseOther();
  EXPECT_NE(wait.Get() & POLLHUP, 0);
}

TEST_F(ClientSocketTest, ShutsDownOneDirectionOrBoth) {
  socket_.ShutDownSending();
  EXPECT_EQ(ReadOther(), "");
  WriteOther("abc");
  EXPECT_EQ(Received(Receive().bytes), "abc");
  socket_.ShutDown();
  EXPECT_TRUE(socket_.IsGone());
  EXPECT_EQ(Receive().status, ReceiveStatus::kEnded);
}

TEST_F(ClientSocketTest, DiscardsWhatHasArrived) {
  WriteOther(std::string(10'000, 'x'));
  socket_.DiscardInput();
  EXPECT_EQ(Receive().status, ReceiveStatus::kTimedOut);
}

}  // namespace
}  // namespace hyperstart::detail
