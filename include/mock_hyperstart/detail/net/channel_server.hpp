// One listening socket, and the clients that it accepts, one after another. Knows who is connected;
// what is sent while nobody is waits here for the next client. Does not know what bytes mean: the
// channel's thread, which its owner runs, asks for a client, reads it to its end, and detaches it.
//
//   while (std::shared_ptr<Connection> client = server.AttachClient(...)) {
//     ... client->Read(...) ...
//     server.DetachClient();
//   }

#ifndef MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/net/byte_queue.hpp"
#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/listener.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/net/pause.hpp"
#include "mock_hyperstart/detail/net/send_queue.hpp"

namespace hyperstart::detail {

class ChannelServer {
 public:
  /// `observer` outlives the server. With `keep_unread`, what a client did not read when it left
  /// goes to the next one.
  explicit ChannelServer(ChannelObserver& observer, bool keep_unread = false)
      : observer_(observer), keep_unread_(keep_unread) {}

  /// Clients may connect from now on, and wait for AttachClient. Throws std::system_error, which
  /// says why they can't.
  void Listen(IoContext& io, const std::string& path) {
    const MutexLock lock(mutex_);
    listener_.Open(io, path);
    stopping_ = false;
  }

  // ---- On the channel's thread

  /// Blocks for the next client. From here on, what is sent goes to it: first `greeting`, which
  /// `record_greeting` records as Send's `record` does, then what waited for a client. Null once
  /// Stop has begun; before that come the clients that had connected and left by themselves.
  template <typename Record>
  std::shared_ptr<Connection> AttachClient(std::string_view greeting,
                                           const Record& record_greeting) {
    MutexLock lock(mutex_);
    for (;;) {
      while (!stopping_ && !listener_.IsOpen()) changed_.Wait(lock);
      if (!listener_.IsOpen()) return nullptr;
      const int listening = listener_.BeginAccept();
      lock.Unlock();
      Listener::Accepted accepted = Listener::Accept(listening);
      lock.Lock();
      listener_.EndAccept();
      changed_.NotifyAll();
      if (accepted.client.get() >= 0) {
        if (Attach(std::move(accepted.client))) {
          if (!greeting.empty()) client_->queue().Send(greeting, {}, record_greeting);
          client_->queue().SendQueued(std::exchange(unsent_, {}));
          return client_;
        }
      } else if (stopping_) {
        return nullptr;
      } else if (accepted.out_of_resources) {
        // The client waits in the backlog until there are descriptors and memory again.
        changed_.WaitFor(lock, Listener::kRetryAccept);
      }
    }
  }

  /// Closes a client that waits in the backlog. False if there is none.
  bool TurnAwayWaitingClient() {
    const MutexLock lock(mutex_);
    if (stopping_ || !listener_.HasBacklog()) return false;
    Listener::Accept(listener_.handle());  // closed with the result
    observer_.OnEvent(ChannelEvent::kTurnedAway, 0);
    return true;
  }

  /// The client has left while reading is paused: what is sent from here on waits for the next one.
  void ReportDeparture() {
    const MutexLock lock(mutex_);
    SetClientLeft();
  }

  /// The client's input has ended. Blocks until it has read what is pending, or can't any more.
  /// From here on, what is sent waits for the next client. Does nothing if no client is attached:
  /// AttachClient may have thrown before or after it attached one.
  void DetachClient() {
    const std::shared_ptr<Connection> client = AttachedClient();  // it ends here, under no lock
    if (!client) return;
    do {
      // It may have closed only its sending direction, and still read.
      client->queue().WaitUntilPendingAtMost(0);
    } while (!TryDetach());
  }

  // ---- Sending, on any thread

  /// Sends whole frames, `head` and then `body` as one, to the client; without one, to the next.
  /// Calls `record` under the lock that orders the bytes, if they are accepted; else tells the
  /// observer why not.
  template <typename Record>
  void Send(std::string_view head, std::string_view body, const Record& record) {
    const MutexLock lock(mutex_);
    if (connected_) {
      client_->queue().Send(head, body, record);
    } else if (stopping_) {
      observer_.OnEvent(ChannelEvent::kNotSentStopped, head.size() + body.size());
    } else {
      record();
      unsent_.Append(head);
      unsent_.Append(body);
    }
  }

  /// How many bytes were sent that no socket has taken yet.
  std::size_t UnsentBytes() {
    const MutexLock lock(mutex_);
    return unsent_.size() + (client_ ? client_->queue().PendingBytes() : 0);
  }

  // ---- Faults, on any thread

  /// Drops what is pending; the client sees end of file. `event` says why.
  void Disconnect(ChannelEvent event = ChannelEvent::kDisconnected) {
    const MutexLock lock(mutex_);
    if (!connected_) return;
    observer_.OnEvent(event, 0);
    connected_ = false;
    client_->Disconnect();
  }

  void Reset() {
    MutexLock lock(mutex_);
    if (!connected_) return;
    observer_.OnEvent(ChannelEvent::kReset, 0);
    connected_ = false;
    const std::shared_ptr<Connection> client = client_;
    ++resets_;
    lock.Unlock();
    client->Reset();
    lock.Lock();
    // Only now: who waits for the departure then finds a client that is not read any more.
    observer_.OnEvent(ChannelEvent::kDetached, 0);
    --resets_;
    changed_.NotifyAll();
  }

  void ShutDownSending() {
    const MutexLock lock(mutex_);
    if (!connected_) return;
    observer_.OnEvent(ChannelEvent::kSendingShutDown, 0);
    client_->queue().ShutDownSending();
  }

  void PauseReading(bool paused) {
    const MutexLock lock(mutex_);
    observer_.OnEvent(paused ? ChannelEvent::kReadingPaused : ChannelEvent::kReadingResumed, 0);
    pause_.Set(paused);
  }

  void SetWriteSize(std::size_t bytes) {
    const MutexLock lock(mutex_);
    write_size_ = bytes;
    if (client_) client_->queue().SetWriteSize(bytes);
  }

  /// connect() is refused from now on, and who waits in the backlog is turned away.
  void StopListening() {
    MutexLock lock(mutex_);
    if (stopping_ || !listener_.IsOpen()) return;
    listener_.Close();
    observer_.OnEvent(ChannelEvent::kListeningStopped, 0);
    while (!stopping_ && !listener_.IsOpen() && listener_.IsAccepting()) changed_.Wait(lock);
    if (stopping_ || listener_.IsOpen()) return;  // FinishStop closes it, or another call has
    listener_.Release();
    changed_.NotifyAll();
  }

  /// Listens at the same path again. Throws std::system_error, which says why it can't.
  void ResumeListening() {
    MutexLock lock(mutex_);
    while (!stopping_ && !listener_.IsOpen() && !listener_.IsReleased()) changed_.Wait(lock);
    if (stopping_ || listener_.IsOpen()) return;
    listener_.Reopen();
    observer_.OnEvent(ChannelEvent::kListeningResumed, 0);
    changed_.NotifyAll();
  }

  // ---- Stop

  /// Ends whatever the channel's thread waits for. What is sent from now on is dropped.
  void BeginStop() {
    std::shared_ptr<Connection> client;  // to be disconnected
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      if (client_ && client_->IsGone()) {
        // It has left by itself: it is read to its end, so that no verdict depends on timing.
        client_->Drain();
      } else if (client_) {
        client = client_;
        client->BeginDisconnect();
        if (connected_) observer_.OnEvent(ChannelEvent::kStopped, 0);
        connected_ = false;
      }
      if (!unsent_.empty()) observer_.OnEvent(ChannelEvent::kUnsentDropped, unsent_.size());
      unsent_.Clear();
      listener_.WakeAccept();
    }
    if (client) client->FinishDisconnect();  // wakes the thread, which then finds no lock taken
    pause_.Set(false);
    changed_.NotifyAll();
  }

  /// After BeginStop, once the channel's thread has ended: removes the socket. Listen may follow.
  void FinishStop() {
    const MutexLock lock(mutex_);
    listener_.Remove();
  }

  bool IsStopping() {
    const MutexLock lock(mutex_);
    return stopping_;
  }
  /// Waits until Stop has begun, or for `time`. May return early.
  void WaitForStop(std::chrono::milliseconds time) {
    MutexLock lock(mutex_);
    if (!stopping_) changed_.WaitFor(lock, time);
  }
  /// A client has connected and is not attached yet, since another one is.
  bool HasWaitingClient() {
    const MutexLock lock(mutex_);
    // Stop shuts the listening socket down, which poll can't tell from a client that waits.
    return !stopping_ && client_ != nullptr && listener_.HasBacklog();
  }

 private:
  std::shared_ptr<Connection> AttachedClient() {
    const MutexLock lock(mutex_);
    return client_;
  }

  /// Once Stop has begun, only a client that has left by itself is still attached.
  bool Attach(Descriptor socket) MOCK_HYPERSTART_REQUIRES(mutex_) {
    auto client = std::make_shared<Connection>(std::move(socket), pause_, observer_,
                                               SendQueue::Settings{write_size_, keep_unread_});
    if (stopping_) {
      if (!client->IsGone()) {
        observer_.OnEvent(ChannelEvent::kTurnedAway, 0);
        return false;
      }
      client->Drain();
    }
    client_ = std::move(client);
    connected_ = true;
    observer_.OnEvent(ChannelEvent::kConnected, 0);
    return true;
  }

  /// False if something is pending again.
  bool TryDetach() {
    MutexLock lock(mutex_);
    // Who resets the client holds it meanwhile. It must be closed here, before the next is served.
    while (resets_ > 0) changed_.Wait(lock);
    if (client_->queue().HasPending()) return false;
    SetClientLeft();
    ByteQueue unread = client_->queue().TakePending();
    unread.Append(std::exchange(unsent_, {}));
    if (!stopping_) unsent_ = std::move(unread);
    client_.reset();
    return true;
  }

  void SetClientLeft() MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (!connected_) return;
    connected_ = false;
    observer_.OnEvent(ChannelEvent::kClientLeft, 0);
  }

  ChannelObserver& observer_;
  const bool keep_unread_;
  Pause pause_;
  Mutex mutex_;
  ConditionVariable changed_;  // of stopping_, listener_ and resets_
  bool stopping_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = true;
  Listener listener_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  /// The client that is read, from AttachClient to DetachClient.
  std::shared_ptr<Connection> client_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  /// What is sent goes to client_. False while it is detached: it has left in a pause, or the mock
  /// has disconnected or reset it.
  bool connected_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  int resets_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;    // calls of Reset that hold client_
  ByteQueue unsent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // waits for a client
  std::size_t write_size_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CHANNEL_SERVER_HPP_
