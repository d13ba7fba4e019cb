// The listening socket of a channel and its file. Asio holds the socket; this is the only header
// that includes it. Not synchronised: the channel's lock guards it, but for Accept.
//
// State:
//   kClosed    no socket, no file
//     -> kOpen      by Open
//   kOpen      clients may connect
//     -> kClosing   by Close
//     -> kClosed    by Remove
//   kClosing   connect() is refused; a thread may still be in Accept
//     -> kReleased  by Release
//     -> kClosed    by Remove
//   kReleased  no socket; the file stays, so that connect() finds it and is refused
//     -> kOpen      by Reopen
//     -> kClosed    by Remove

#ifndef MOCK_HYPERSTART_DETAIL_NET_LISTENER_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_LISTENER_HPP_

#include <poll.h>
#include <sys/socket.h>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/socket_files.hpp"

namespace hyperstart::detail {

/// What the Asio sockets of one mock share. It is never run.
using IoContext = asio::io_context;

class Listener {
 public:
  /// How long to wait before a client that could not be accepted is tried again.
  static constexpr std::chrono::milliseconds kRetryAccept{10};

  /// Throws std::system_error, which says which path and why it can't listen there.
  void Open(IoContext& io, const std::string& path) {
    io_ = &io;
    path_ = path;
    Reopen();
  }
  void Reopen() {
    file_.reset();
    ListeningSocket listening = ListenAt(path_);
    try {
      acceptor_.emplace(*io_, Protocol(), listening.socket.get());
    } catch (const std::system_error& error) {  // no descriptors for Asio's own
      listening.file.Remove();
      ThrowErrno(error.code().value(), "cannot listen at " + path_);
    }
    listening.socket.release();
    file_.emplace(std::move(listening.file));
    state_ = State::kOpen;
  }

  bool IsOpen() const { return state_ == State::kOpen; }
  bool IsReleased() const { return state_ == State::kReleased; }
  bool IsAccepting() const { return accepting_; }

  void Close() {
    state_ = State::kClosing;
    WakeAccept();
  }
  void Release() {
    acceptor_.reset();
    state_ = State::kReleased;
  }
  /// Removes the socket and its file, unless the file is another's by now.
  void Remove() {
    // While the socket is open nobody takes the file for stale and replaces it.
    if (file_ && acceptor_) file_->Remove();
    if (file_ && !acceptor_) file_->RemoveIfStale();
    acceptor_.reset();
    file_.reset();
    io_ = nullptr;
    state_ = State::kClosed;
  }

  /// Ends an Accept. There is no way back to accepting with this socket.
  void WakeAccept() {
    if (acceptor_) ::shutdown(acceptor_->native_handle(), SHUT_RDWR);
  }

  /// A client has connected that was not accepted yet.
  bool HasBacklog() {
    if (!IsOpen()) return false;
    pollfd listening = {acceptor_->native_handle(), POLLIN, 0};
    return ::poll(&listening, 1, 0) == 1;
  }

  /// The descriptor for Accept. Only while the listener is open.
  int handle() { return acceptor_->native_handle(); }
  /// The same, and the socket stays until EndAccept.
  int BeginAccept() {
    accepting_ = true;
    return handle();
  }
  void EndAccept() { accepting_ = false; }

  struct Accepted {
    Descriptor client;              // negative: none
    bool out_of_resources = false;  // no descriptors or memory
  };
  /// Blocks for a client, under no lock. With the system call itself: Asio 1.22 accepts without
  /// CLOEXEC, and a program that the test starts would keep the client's connection open.
  static Accepted Accept(int listening) {
    Accepted accepted{Descriptor(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)), false};
    if (accepted.client.get() < 0) {
      // EINVAL: shut down. The first two: try again at once.
      accepted.out_of_resources = errno != EINTR && errno != ECONNABORTED && errno != EINVAL;
    }
    return accepted;
  }

 private:
  enum class State { kClosed, kOpen, kClosing, kReleased };
  using Protocol = asio::local::stream_protocol;
  /// Not Protocol::acceptor: its type-erased executor costs a quarter of a second to compile.
  using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;

  State state_ = State::kClosed;
  bool accepting_ = false;  // a thread is in Accept
  IoContext* io_ = nullptr;
  std::string path_;
  std::optional<Acceptor> acceptor_;
  std::optional<BoundSocketFile> file_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_LISTENER_HPP_
