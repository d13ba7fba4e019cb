// One listening socket and the thread that serves it: one client after another, each to its end.
// Does not know what a client's bytes mean: that is the business of the function that it is given.
// Knows who is connected; what is sent while nobody is waits here for the next client.

#ifndef MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/basic_socket_acceptor.hpp>
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
#include <system_error>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/net/background_thread.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"

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
    io_ = &io;
    path_ = path;
    Bind();
    stopping_ = false;
  }

  /// Starts the thread. std::system_error where there is none to be had.
  void Run() try {
    thread_ = QuietThread([this] {
      ThisThreads() = this;
      while (std::optional<Descriptor> client = Accept()) Serve(*std::move(client));
    });
  } catch (const std::system_error& error) {
    ThrowErrno(error.code().value(), "cannot start the thread that serves " + path_);
  }

  /// Ends whatever the thread waits for; what is sent from now on is dropped.
  void Interrupt() {
    std::shared_ptr<Connection> client;  // to hang up on
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      // One that has left by itself is served to its end, so that no verdict depends on who was
      // quicker.
      if (client_ && client_->IsGone()) {
        client_->ReadOut();
      } else if (client_) {
        client = client_;
        client->BeginHangUp();
        if (connected_) transcript_.Note(channel_, "disconnected by Stop");
        connected_ = false;
      }
      if (!unsent_.empty()) {
        transcript_.Note(channel_, fmt::format("{} that waited for a client are dropped",
                                               Bytes(unsent_.size())));
      }
      unsent_.Clear();
      if (acceptor_) ::shutdown(acceptor_->native_handle(), SHUT_RDWR);  // wakes accept4
    }
    if (client) client->HangUp();  // wakes the thread, which then finds no lock taken
    pause_.Set(false);
    changed_.notify_all();
  }

  /// After Interrupt: joins the thread and removes the socket. Listen may follow.
  void Finish() {
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    if (listening_ && file_) file_->Remove();
    acceptor_.reset();
    if (!listening_ && file_) file_->RemoveIfStale();
    file_.reset();
    listening_ = false;
    io_ = nullptr;
  }

  bool IsStopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  /// Whether the caller is this channel's thread: a handler, say.
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
    std::unique_lock lock(mutex_);
    if (!connected_) return;
    transcript_.Note(channel_, "reset by the mock");
    connected_ = false;
    const std::shared_ptr<Connection> client = client_;
    ++resets_;
    lock.unlock();
    client->BeginReset();
    lock.lock();
    // Only now: whoever waits for it finds a client that is heard no more.
    mailbox_.SetDisconnected(channel_);
    --resets_;
    changed_.notify_all();
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
    changed_.wait(lock, [&] { return stopping_ || listening_ || !accepting_; });
    if (stopping_ || listening_) return;  // it is Finish's to end, or another's
    acceptor_.reset();
    changed_.notify_all();
  }

  /// A new socket in the place of the old one. std::system_error says why it can't be made.
  void ResumeListening() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || listening_ || !acceptor_; });
    if (stopping_ || listening_) return;
    Bind();
    transcript_.Note(channel_, "listening again");
    changed_.notify_all();
  }

 private:
  using Protocol = asio::local::stream_protocol;
  /// Not Protocol::acceptor: its type-erased executor is a quarter of a second to compile.
  using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;

  static const ChannelServer*& ThisThreads() {
    static thread_local const ChannelServer* server = nullptr;
    return server;
  }

  /// Nothing once Stop has begun and who waited in the backlog was seen. With the system call
  /// itself: Asio 1.22 accepts without CLOEXEC, and a program that the test starts would keep the
  /// client's connection open.
  std::optional<Descriptor> Accept() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || listening_; });
      if (!listening_) return std::nullopt;
      const int listening = acceptor_->native_handle();
      accepting_ = true;
      lock.unlock();
      Descriptor client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
      const int error = errno;
      lock.lock();
      accepting_ = false;
      changed_.notify_all();
      if (client.get() >= 0) return client;
      if (error == EINTR || error == ECONNABORTED) continue;
      if (stopping_) return std::nullopt;
      if (error != EINVAL) {
        // Descriptors or memory have run out: the client waits in the backlog until there are some.
        changed_.wait_for(lock, std::chrono::milliseconds(10), [&] { return stopping_; });
      }
    }
  }

  void Serve(Descriptor socket) {
    const std::shared_ptr<Connection> client = Admit(std::move(socket));
    if (!client) return;
    serve_(*client);
    do {
      client->WaitUntilOwedAtMost(0);  // it may have ended its input only, and still read
    } while (!Dismiss(*client));
  }

  /// From here on, what is sent goes to this client. Once Stop has begun, only one that has left
  /// by itself is still heard.
  std::shared_ptr<Connection> Admit(Descriptor socket) {
    const std::lock_guard lock(mutex_);
    auto client = std::make_shared<Connection>(
        channel_, std::move(socket), transcript_, pause_, [this] { ClientLeft(); }, write_size_);
    if (stopping_) {
      if (!client->IsGone()) return nullptr;
      client->ReadOut();
    }
    client_ = std::move(client);
    transcript_.Note(channel_, "connected");
    if (!greeting_.empty()) client_->Send(greeting_);
    client_->SendQueued(std::exchange(unsent_, {}));
    connected_ = true;
    mailbox_.SetConnected(channel_);
    return client_;
  }

  /// From here on, what is sent waits for the next client. False if this one is owed something.
  bool Dismiss(Connection& client) {
    std::unique_lock lock(mutex_);
    // Who resets it holds it meanwhile: it must close here, before the next one is served.
    changed_.wait(lock, [&] { return resets_ == 0; });
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

  /// std::system_error says which path and why it can't be.
  void Bind() {
    ListeningSocket listening = ListenAt(path_);
    try {
      acceptor_.emplace(*io_, Protocol(), listening.socket.get());
    } catch (const std::system_error& error) {  // no descriptors for Asio's own
      listening.file.Remove();
      ThrowErrno(error.code().value(), "cannot listen at " + path_);
    }
    listening.socket.release();
    file_.emplace(std::move(listening.file));
    listening_ = true;
  }
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
  std::optional<BoundSocketFile> file_;
  bool listening_ = false;
  bool accepting_ = false;  // the thread is in accept4
  bool stopping_ = true;
  std::shared_ptr<Connection> client_;  // the one that is served
  bool connected_ = false;              // what is sent goes to it
  int resets_ = 0;                      // that other threads are about to do to it
  ByteQueue unsent_;                    // while it does not
  std::size_t write_size_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_
