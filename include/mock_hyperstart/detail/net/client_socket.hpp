// The system calls on one client's socket, each in one place with its reason. No state but the
// descriptor, no locks: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_NET_CLIENT_SOCKET_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CLIENT_SOCKET_HPP_

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/net/descriptor.hpp"

namespace hyperstart::detail {

class ClientSocket {
 public:
  /// How long a blocking call lasts before its caller looks whether a reset has begun. A reset must
  /// leave the socket untouched, so it can't end the call.
  static constexpr std::chrono::milliseconds kRecheck{10};

  explicit ClientSocket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {
    const timeval limit = {0, kRecheck.count() * 1000};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }

  enum class ReceiveStatus { kReceived, kTimedOut, kEnded };
  struct Received {
    ReceiveStatus status;
    std::size_t bytes;
  };
  /// Blocks for kRecheck at most. kEnded: end of file or an error.
  Received Receive(char* buffer, std::size_t size) const {
    const ssize_t count = ::recv(fd(), buffer, size, 0);
    if (count > 0) return {ReceiveStatus::kReceived, static_cast<std::size_t>(count)};
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {ReceiveStatus::kTimedOut, 0};
    return {ReceiveStatus::kEnded, 0};
  }

  /// Reads and drops what has arrived. A close with unread input would be a reset.
  void DiscardInput() const {
    std::array<char, 4096> rest;
    while (::recv(fd(), rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
    }
  }

  enum class SendStatus { kSent, kFull, kPeerClosed };
  struct Sent {
    SendStatus status;
    std::size_t bytes;
  };
  /// Sends at most `limit` bytes of `head` and then `body`, and never blocks. A system call of its
  /// own: Asio can't send without blocking on a socket that is read with blocking calls, and
  /// O_NONBLOCK would hold for both directions.
  Sent Send(std::string_view head, std::string_view body, std::size_t limit) const {
    head = head.substr(0, limit);
    body = body.substr(0, limit - head.size());
    constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    std::array<iovec, 2> parts = {iovec{const_cast<char*>(head.data()), head.size()},
                                  iovec{const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    for (;;) {
      const ssize_t sent = body.empty() ? ::send(fd(), head.data(), head.size(), kFlags)
                                        : ::sendmsg(fd(), &message, kFlags);
      if (sent > 0) return {SendStatus::kSent, static_cast<std::size_t>(sent)};
      if (sent < 0 && errno == EINTR) continue;
      const bool full = sent == 0 || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
      return {full ? SendStatus::kFull : SendStatus::kPeerClosed, 0};
    }
  }

  /// Waits for `events`, or until the client has left, or for `time` (negative: for ever). A signal
  /// ends it early: the caller looks again. Returns poll's revents.
  short Wait(short events, std::chrono::milliseconds time) const {
    pollfd client = {fd(), events, 0};
    ::poll(&client, 1, static_cast<int>(time.count()));
    return client.revents;
  }

  /// The client has closed its socket, or this end has been shut down.
  bool IsGone() const {
    return (Wait(0, std::chrono::milliseconds(0)) & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  }

  void ShutDownSending() const { ::shutdown(fd(), SHUT_WR); }
  /// Ends every blocking call on the socket; the client sees end of file.
  void ShutDown() const { ::shutdown(fd(), SHUT_RDWR); }

 private:
  int fd() const { return descriptor_.get(); }

  const Descriptor descriptor_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CLIENT_SOCKET_HPP_
