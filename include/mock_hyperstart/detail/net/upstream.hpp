// A connection of ours to the sockets of another agent, for the spy: a thread reads it, its owner
// sends. Does not know what the bytes mean.

#ifndef MOCK_HYPERSTART_DETAIL_NET_UPSTREAM_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_UPSTREAM_HPP_

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/net/background_thread.hpp"
#include "mock_hyperstart/detail/net/client_socket.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"

namespace hyperstart::detail {

class Upstream {
 public:
  struct Connected {
    Descriptor socket;
    int error = 0;  // errno, if there is no socket
  };
  /// One attempt, which does not wait: an agent that has no room for one more client that it has
  /// not accepted is EAGAIN.
  static Connected Connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return {Descriptor(-1), ENAMETOOLONG};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return {Descriptor(-1), errno};
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
      return {Descriptor(-1), errno};
    }
    return {std::move(socket), 0};
  }

  /// Tells the agent that a socket is connected to from any other that listens at the same path, at
  /// another time: by its process and its socket file.
  static std::string Identify(const std::string& path, const Descriptor& socket) {
    struct stat file {};
    ucred peer{};
    socklen_t size = sizeof(peer);
    ::stat(path.c_str(), &file);  // all zero where it was removed since
    ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return fmt::format("process {}, file {}:{} of {}.{:09}", peer.pid, file.st_dev, file.st_ino,
                       file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
  }

  /// `on_bytes` is called on a thread of the connection's, with what has come; last with no bytes,
  /// at the end of the agent's output. `is_over` is asked now and then, on that thread: once it
  /// says yes, the connection is shut down. Throws std::system_error if there is no thread.
  template <typename OnBytes, typename IsOver>
  Upstream(Descriptor socket, OnBytes on_bytes, IsOver is_over) : socket_(std::move(socket)) {
    reader_ = StartBackgroundThread([this, on_bytes, is_over] { Read(on_bytes, is_over); });
  }
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  /// The agent sees end of file, once it has read what was sent. Joins the thread: not under a lock
  /// that it takes.
  ~Upstream() {
    socket_.ShutDown();
    reader_.join();
  }

  /// Blocks until the agent has room for the bytes. False if it has gone, or if `goes_on` says no
  /// before all are sent.
  template <typename GoesOn>
  bool Send(std::string_view bytes, const GoesOn& goes_on) const {
    while (!bytes.empty()) {
      const ClientSocket::Sent sent =
          socket_.Send(bytes, {}, std::numeric_limits<std::size_t>::max());
      if (sent.status == ClientSocket::SendStatus::kPeerClosed) return false;
      bytes.remove_prefix(sent.bytes);
      if (bytes.empty()) break;
      if (!goes_on()) return false;
      if (sent.status == ClientSocket::SendStatus::kFull) {
        socket_.Wait(POLLOUT, ClientSocket::kRecheck);
      }
    }
    return true;
  }
  void ShutDownSending() const { socket_.ShutDownSending(); }

  /// The agent's output has ended, and on_bytes has returned from its last call.
  bool HasEnded() const { return has_ended_; }

 private:
  static constexpr std::chrono::milliseconds kLook{50};

  template <typename OnBytes, typename IsOver>
  void Read(const OnBytes& on_bytes, const IsOver& is_over) {
    constexpr std::size_t kSize = 128 * 1024;
    // Not zeroed: most of its pages are never touched.
    const std::unique_ptr<char[]> buffer(new char[kSize]);
    for (;;) {
      const ClientSocket::Received received = socket_.Receive(buffer.get(), kSize);
      if (received.status == ClientSocket::ReceiveStatus::kEnded) break;
      if (received.status == ClientSocket::ReceiveStatus::kTimedOut) {
        if (is_over()) socket_.ShutDown();
        socket_.Wait(POLLIN, kLook);
        continue;
      }
      on_bytes(std::string_view(buffer.get(), received.bytes));
    }
    on_bytes(std::string_view());
    has_ended_ = true;
  }

  const ClientSocket socket_;
  std::atomic<bool> has_ended_{false};
  std::thread reader_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_UPSTREAM_HPP_
