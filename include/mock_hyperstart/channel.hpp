// One listening socket and the thread that serves it: one client after another, each to its end.
// Does not know what a client's bytes mean: that is the business of the function that it is given.
// Knows who is connected; what is sent while nobody is waits here for the next client.

#ifndef MOCK_HYPERSTART_CHANNEL_HPP_
#define MOCK_HYPERSTART_CHANNEL_HPP_

#include <sys/socket.h>
#include <unistd.h>

#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "mock_hyperstart/connection.hpp"
#include "mock_hyperstart/mailbox.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/socket_files.hpp"

namespace hyperstart::detail {

/// The descriptors that Asio's sockets of one mock share; it is never run.
using IoContext = asio::io_context;

class ChannelServer {
 public:
  /// `serve` is called on the channel's thread with each client, and returns when there is no more
  /// to read of it. `greeting` is the first that a client gets.
  ChannelServer(Channel channel, Mailbox& mailbox, std::function<void(Connection&)> serve,
                std::string greeting = {})
      : channel_(channel),
        mailbox_(mailbox),
        serve_(std::move(serve)),
        greeting_(std::move(greeting)) {}

  /// Clients may connect from now on, and wait for Run. std::system_error says why they can't.
  void Listen(IoContext& io, const std::string& path) {
    acceptor_.emplace(io);
    acceptor_->assign(Protocol(), ListenAt(path).release());
    path_ = path;
    stopping_ = false;
  }

  /// Starts the thread.
  void Run() {
    thread_ = QuietThread([this] {
      ThisThreads() = this;
      while (std::optional<Protocol::socket> client = Accept()) Serve(std::move(*client));
    });
  }

  /// Ends whatever the thread waits for; what is sent from now on is dropped.
  void Interrupt() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (client_ != nullptr) client_->HangUp();
      unsent_.Clear();
    }
    stopped_.notify_all();
    if (acceptor_) ::shutdown(acceptor_->native_handle(), SHUT_RDWR);  // wakes accept4
  }

  /// After Interrupt: joins the thread and removes the socket. Listen may follow.
  void Finish() {
    if (thread_.joinable()) thread_.join();
    if (!acceptor_) return;
    acceptor_.reset();
    ::unlink(path_.c_str());
  }

  /// To the client; without one, to the next. Dropped once Stop has begun.
  void Send(std::string_view head, std::string_view body) {
    const std::lock_guard lock(mutex_);
    if (client_ != nullptr) {
      client_->Send(head, body);
    } else if (!stopping_) {
      unsent_.Append(head);
      unsent_.Append(body);
    }
  }

  /// Whether the caller is this channel's thread, so on its way out of `serve`.
  bool IsThisThread() const { return ThisThreads() == this; }

 private:
  using Protocol = asio::local::stream_protocol;

  static const ChannelServer*& ThisThreads() {
    static thread_local const ChannelServer* server = nullptr;
    return server;
  }

  /// Nothing once Stop has begun. With the system call itself: Asio 1.22 accepts without CLOEXEC,
  /// and a program that the test starts would keep the client's connection open.
  std::optional<Protocol::socket> Accept() {
    for (;;) {
      const int fd = ::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
      const int error = errno;
      std::unique_lock lock(mutex_);
      if (fd >= 0) {
        Protocol::socket socket(acceptor_->get_executor());
        asio::error_code unusable;
        socket.assign(Protocol(), fd, unusable);
        if (!unusable) return socket;
        ::close(fd);
      }
      if (stopping_) return std::nullopt;
      // Descriptors or memory have run out: the client waits in the backlog until there are some.
      if (fd >= 0 || (error != EINTR && error != ECONNABORTED)) {
        stopped_.wait_for(lock, std::chrono::milliseconds(10), [&] { return stopping_; });
      }
    }
  }

  void Serve(Protocol::socket socket) {
    Connection client(std::move(socket));
    if (!Admit(client)) return;
    serve_(client);
    do {
      client.WaitUntilOwedAtMost(0);  // it may have ended its input only, and still read
    } while (!Dismiss(client));
  }

  /// From here on, what is sent goes to this client. False once Stop has begun.
  bool Admit(Connection& client) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    client_ = &client;
    client.Send(greeting_);
    client.Send(std::exchange(unsent_, {}));
    mailbox_.SetConnected(channel_);
    return true;
  }

  /// From here on, what is sent waits for the next client. False if this one is owed something.
  bool Dismiss(Connection& client) {
    const std::lock_guard lock(mutex_);
    if (!client.OwesNothing()) return false;
    client_ = nullptr;
    mailbox_.SetDisconnected(channel_);
    return true;
  }

  const Channel channel_;
  Mailbox& mailbox_;
  const std::function<void(Connection&)> serve_;
  const std::string greeting_;
  std::string path_;
  std::optional<Protocol::acceptor> acceptor_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = true;
  Connection* client_ = nullptr;  // the one place that knows whether there is one
  ByteQueue unsent_;              // while there is none
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_CHANNEL_HPP_
