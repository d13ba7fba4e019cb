// One listening socket and the thread that serves it: one client after another, each to its end.
// Does not know what a client's bytes mean: that is the business of the function that it is given.
// Knows who is connected; what is sent while nobody is waits here for the next client.

#ifndef MOCK_HYPERSTART_CHANNEL_HPP_
#define MOCK_HYPERSTART_CHANNEL_HPP_

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "mock_hyperstart/connection.hpp"
#include "mock_hyperstart/mailbox.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/printing.hpp"
#include "mock_hyperstart/socket_files.hpp"
#include "mock_hyperstart/transcript.hpp"

namespace hyperstart::detail {

/// The descriptors that Asio's sockets of one mock share; it is never run.
using IoContext = asio::io_context;

class ChannelServer {
 public:
  /// `serve` is called on the channel's thread with each client, and returns when there is no more
  /// to read of it. `greeting`, whole frames, is the first that a client gets.
  ChannelServer(Channel channel, Mailbox& mailbox, Transcript& transcript,
                std::function<void(Connection&)> serve, std::string greeting = {})
      : channel_(channel),
        mailbox_(mailbox),
        transcript_(transcript),
        serve_(std::move(serve)),
        greeting_(std::move(greeting)) {}

  /// Clients may connect from now on, and wait for Run. std::system_error says why they can't.
  void Listen(IoContext& io, const std::string& path) {
    const std::lock_guard lock(mutex_);
    acceptor_.emplace(io, Protocol(), ListenAt(path).release());
    io_ = &io;
    path_ = path;
    listening_ = true;
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
      if (client_) client_->HangUp();
      if (connected_) transcript_.Note(channel_, "disconnected by Stop");
      connected_ = false;
      if (!unsent_.empty()) {
        transcript_.Note(channel_, fmt::format("{} that waited for a client are dropped",
                                               Bytes(unsent_.size())));
      }
      unsent_.Clear();
      if (acceptor_) ::shutdown(acceptor_->native_handle(), SHUT_RDWR);  // wakes accept4
    }
    pause_.Set(false);
    changed_.notify_all();
  }

  /// After Interrupt: joins the thread and removes the socket. Listen may follow.
  void Finish() {
    if (thread_.joinable()) thread_.join();
    acceptor_.reset();
    if (io_ != nullptr) ::unlink(path_.c_str());
    io_ = nullptr;
  }

  /// In a process that was forked off, where the thread does not exist: forgets it, and leaves the
  /// sockets to the process that they belong to.
  void Abandon() {
    if (thread_.joinable()) thread_.detach();
    new std::shared_ptr<Connection>(
        std::move(client_));  // its end would be the other process's too
  }

  /// Whether the caller is this channel's thread, so on its way out of `serve`.
  bool IsThisThread() const { return ThisThreads() == this; }

  // ---- to the client; without one, to the next

  /// Whole frames; `body` goes on where `head` ends. Dropped once Stop has begun.
  void Send(std::string_view head, std::string_view body) {
    const std::lock_guard lock(mutex_);
    if (connected_) {
      client_->Send(head, body);
    } else if (MayQueue(head.size() + body.size())) {
      transcript_.Sent(channel_, head, body);
      unsent_.Append(head);
      unsent_.Append(body);
    }
  }
  /// Any bytes.
  void SendOdd(std::string_view bytes, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (connected_) {
      client_->SendOdd(bytes, what);
    } else if (MayQueue(bytes.size())) {
      transcript_.SentOdd(channel_, what, bytes);
      unsent_.Append(bytes);
    }
  }

  // ---- faults

  void Disconnect() {
    const std::lock_guard lock(mutex_);
    if (!connected_) return;
    transcript_.Note(channel_, "disconnected by the mock");
    client_->HangUp();
    SetDisconnected();
  }

  void Reset() {
    std::shared_ptr<Connection> client;
    {
      const std::lock_guard lock(mutex_);
      if (!connected_) return;
      transcript_.Note(channel_, "reset by the mock");
      client = client_;
      SetDisconnected();
    }
    client->BeginReset();
  }

  void EndSending() {
    const std::lock_guard lock(mutex_);
    if (!connected_) return;
    transcript_.Note(channel_, "sending shut down by the mock");
    client_->EndSending();
  }

  void PauseReading(bool paused) {
    transcript_.Note(channel_, paused ? "reading paused" : "reading resumed");
    pause_.Set(paused);
  }

  void SetWriteSize(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    write_size_ = bytes;
    if (client_) client_->SetWriteSize(bytes);
  }

  /// connect() is refused from now on, and who waits in the backlog is turned away.
  void StopListening() {
    std::unique_lock lock(mutex_);
    if (stopping_ || !listening_) return;
    listening_ = false;
    transcript_.Note(channel_, "listening stopped");
    ::shutdown(acceptor_->native_handle(), SHUT_RDWR);  // wakes accept4
    changed_.wait(lock, [&] { return !accepting_; });
    acceptor_.reset();
  }

  /// A new socket in the place of the old one. std::system_error says why it can't be made.
  void ResumeListening() {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || listening_) return;
      acceptor_.emplace(*io_, Protocol(), ListenAt(path_).release());
      listening_ = true;
      transcript_.Note(channel_, "listening again");
    }
    changed_.notify_all();
  }

 private:
  using Protocol = asio::local::stream_protocol;
  using Acceptor = Protocol::acceptor;

  static const ChannelServer*& ThisThreads() {
    static thread_local const ChannelServer* server = nullptr;
    return server;
  }

  /// Nothing once Stop has begun. With the system call itself: Asio 1.22 accepts without CLOEXEC,
  /// and a program that the test starts would keep the client's connection open.
  std::optional<Protocol::socket> Accept() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || listening_; });
      if (stopping_) break;
      const int listening = acceptor_->native_handle();
      accepting_ = true;
      lock.unlock();
      const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
      const int error = errno;
      lock.lock();
      accepting_ = false;
      changed_.notify_all();
      if (fd >= 0) {
        Protocol::socket socket(*io_);
        asio::error_code unusable;
        socket.assign(Protocol(), fd, unusable);
        if (!unusable) return socket;
        ::close(fd);
      }
      if (fd >= 0 || (error != EINTR && error != ECONNABORTED && error != EINVAL)) {
        // Descriptors or memory have run out: the client waits in the backlog until there are some.
        changed_.wait_for(lock, std::chrono::milliseconds(10), [&] { return stopping_; });
      }
    }
    return std::nullopt;
  }

  void Serve(Protocol::socket socket) {
    const std::shared_ptr<Connection> client = Admit(std::move(socket));
    if (!client) return;
    serve_(*client);
    do {
      client->WaitUntilOwedAtMost(0);  // it may have ended its input only, and still read
    } while (!Dismiss(*client));
    client->Close();
  }

  /// From here on, what is sent goes to this client. None once Stop has begun.
  std::shared_ptr<Connection> Admit(Protocol::socket socket) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return nullptr;
    client_ = std::make_shared<Connection>(
        channel_, std::move(socket), transcript_, pause_, [this] { ClientLeft(); }, write_size_);
    transcript_.Note(channel_, "connected");
    if (!greeting_.empty()) client_->Send(greeting_);
    client_->SendQueued(std::exchange(unsent_, {}));
    connected_ = true;
    mailbox_.SetConnected(channel_);
    return client_;
  }

  /// From here on, what is sent waits for the next client. False if this one is owed something.
  bool Dismiss(Connection& client) {
    const std::lock_guard lock(mutex_);
    if (!client.OwesNothing()) return false;
    SetLeft();
    client_.reset();
    return true;
  }

  /// The client has left while reading is paused: what it has sent is read when that is over.
  void ClientLeft() {
    const std::lock_guard lock(mutex_);
    SetLeft();
  }

  // ---- under the lock

  void SetLeft() {
    if (!connected_) return;
    transcript_.Note(channel_, "disconnected");
    SetDisconnected();
  }
  void SetDisconnected() {
    connected_ = false;
    mailbox_.SetDisconnected(channel_);
  }
  bool MayQueue(std::size_t bytes) {
    if (stopping_) {
      transcript_.Note(channel_, fmt::format("{} not sent: the mock is stopped", Bytes(bytes)));
    }
    return !stopping_;
  }

  const Channel channel_;
  Mailbox& mailbox_;
  Transcript& transcript_;
  const std::function<void(Connection&)> serve_;
  const std::string greeting_;
  std::string path_;
  std::thread thread_;
  Pause pause_;

  std::mutex mutex_;
  std::condition_variable changed_;
  IoContext* io_ = nullptr;           // from Listen to Finish
  std::optional<Acceptor> acceptor_;  // while listening_, and until the thread has left it
  bool listening_ = false;
  bool accepting_ = false;  // the thread is in accept4
  bool stopping_ = true;
  std::shared_ptr<Connection> client_;  // the one that is served
  bool connected_ = false;              // what is sent goes to it
  ByteQueue unsent_;                    // while it does not
  std::size_t write_size_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_CHANNEL_HPP_
