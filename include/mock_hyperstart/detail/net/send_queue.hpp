// What is sent to one client. Any thread may send, and no send blocks: what the socket does not
// take is queued, and a writer thread, started when that first happens, sends it as the client
// reads. Does not know what the bytes mean, nor what the client says.
//
// State:
//   kOpen       Send accepts bytes.
//     -> kFinishing     by ShutDownSending: accepts nothing; what is pending is still sent
//     -> kDisconnected  by Close
//     -> kClientGone    by a send that fails: the client has closed its end
//   kFinishing
//     -> kFinished      once nothing is pending: the client sees end of file
//     -> kDisconnected, kClientGone   as above
//   kFinished, kDisconnected, kClientGone: nothing is sent, nothing is pending. But with
//   keep_unread, in kClientGone, what is sent stays pending.

#ifndef MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/net/background_thread.hpp"
#include "mock_hyperstart/detail/net/byte_queue.hpp"
#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/net/client_socket.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"

namespace hyperstart::detail {

class SendQueue {
 public:
  struct Settings {
    std::size_t write_size = 0;  // see SetWriteSize
    /// What a client that has left did not read stays pending, for TakePending.
    bool keep_unread = false;
  };

  /// `socket` and `observer` outlive the queue.
  SendQueue(const ClientSocket& socket, ChannelObserver& observer, Settings settings)
      : socket_(socket),
        observer_(observer),
        keep_unread_(settings.keep_unread),
        write_size_(settings.write_size) {}
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;
  /// Drops what is pending, and joins the writer thread: not under a lock.
  ~SendQueue() {
    {
      const MutexLock lock(mutex_);
      stop_writer_ = true;
      Close(State::kDisconnected);
    }
    writer_wakeup_.NotifyAll();
    if (writer_.joinable()) writer_.join();
  }

  /// Sends `head` and then `body` as one, now or as the client reads. Calls `record` first, under
  /// the lock that orders the bytes, if they are accepted; else tells the observer why not.
  template <typename Record>
  void Send(std::string_view head, std::string_view body, const Record& record) {
    const MutexLock lock(mutex_);
    if (!Accepts(head.size() + body.size())) return;
    record();
    SendOrQueue(head, body);
  }
  /// Sends a part of what SendEnd ends, and records: what others send meanwhile follows that on the
  /// wire, but is recorded before it. False, and nothing is sent, while SendInPieces runs. One
  /// thread at a time.
  bool SendPart(std::string_view bytes) {
    const MutexLock lock(mutex_);
    if (deferred_) return false;
    const bool accepts = state_ == State::kOpen || (state_ == State::kClientGone && keep_unread_);
    if (!part_deferred_ && accepts) part_deferred_.emplace();
    if (part_deferred_) SendNowOrQueue(bytes, {});
    return true;
  }
  /// As Send, and ends what SendPart has begun, also if sending was shut down meanwhile.
  template <typename Record>
  void SendEnd(std::string_view head, std::string_view body, const Record& record) {
    const MutexLock lock(mutex_);
    std::optional<ByteQueue> behind = std::exchange(part_deferred_, std::nullopt);
    part_ended_.NotifyAll();
    const bool goes_on = behind && state_ == State::kFinishing;
    if (!goes_on && !Accepts(head.size() + body.size())) return;
    record();
    SendOrQueue(head, body);
    if (!behind) return;
    Enqueue(*std::move(behind));
    SendPending();
    WakeWriter();
  }
  /// Sends bytes that were queued, and recorded, elsewhere.
  void SendQueued(ByteQueue&& bytes) {
    const MutexLock lock(mutex_);
    if (bytes.empty() || !Accepts(bytes.size())) return;
    Enqueue(std::move(bytes));
    SendPending();
    WakeWriter();
  }

  /// Half a close, after what is pending: the client sees end of file and may go on to send.
  void ShutDownSending() {
    const MutexLock lock(mutex_);
    if (state_ == State::kOpen) state_ = State::kFinishing;
    SendPending();
    WakeWriter();
  }
  /// Drops what is pending. Nothing is sent any more.
  void Close() {
    const MutexLock lock(mutex_);
    Close(State::kDisconnected);
  }
  /// With keep_unread: what a client that has left did not read. Closes the queue.
  ByteQueue TakePending() {
    const MutexLock lock(mutex_);
    ByteQueue pending;
    if (keep_unread_ && state_ == State::kClientGone) pending = std::exchange(pending_, {});
    Close(State::kDisconnected);
    return pending;
  }

  /// At most so many bytes a system call; 0: no limit.
  void SetWriteSize(std::size_t bytes) {
    const MutexLock lock(mutex_);
    write_size_ = bytes;
  }

  /// The client may yet read what is pending.
  bool HasPending() {
    const MutexLock lock(mutex_);
    return IsSending() && !pending_.empty();
  }

  std::size_t PendingBytes() {
    const MutexLock lock(mutex_);
    return pending_.size() + DeferredBytes();
  }

  /// Starts the writer thread if bytes are pending and none could be started before.
  void RetryWriter() {
    const MutexLock lock(mutex_);
    if (!writer_.joinable()) WakeWriter();
  }

  // ---- On the channel's thread, which may block.

  /// Blocks until no more than `bytes` are pending: the client has read, has left, or was
  /// disconnected.
  void WaitUntilPendingAtMost(std::size_t bytes) {
    MutexLock lock(mutex_);
    WaitUntilSent(lock, queued_ - std::min<std::uint64_t>(queued_, bytes));
  }
  /// Blocks until the kernel has all that was sent before this call. False if it never will.
  bool WaitUntilSent() {
    MutexLock lock(mutex_);
    WaitUntilSent(lock, queued_);
    return state_ != State::kClientGone && state_ != State::kDisconnected;
  }

  /// Sends `bytes` in writes of `size` bytes. Calls `pause` between two of them, under no lock; it
  /// returns false when the client has left. What others send meanwhile follows the last piece.
  /// `record` as for Send.
  template <typename Record, typename Pause>
  void SendInPieces(std::string_view bytes, std::size_t size, const Record& record,
                    const Pause& pause) {
    MutexLock lock(mutex_);
    while (part_deferred_ && IsSending() && !socket_.IsGone()) {
      part_ended_.WaitFor(lock, ClientSocket::kRecheck);
    }
    if (!Accepts(bytes.size())) return;
    record();
    deferred_.emplace();
    rest_of_pieces_ = bytes.size();
    WaitUntilSent(lock, queued_);
    for (bool first = true; IsSending() && !bytes.empty(); first = false) {
      if (!first) {
        lock.Unlock();
        const bool is_there = pause();
        lock.Lock();
        if (!is_there || !IsSending()) break;
      }
      const std::string_view piece = bytes.substr(0, size);
      bytes.remove_prefix(piece.size());
      rest_of_pieces_ = bytes.size();
      Enqueue(piece);
      WaitUntilSent(lock, queued_);
    }
    if (rest_of_pieces_ > 0) {
      // The client has left. With keep_unread the rest waits for the next one.
      if (keep_unread_) {
        Enqueue(bytes);
      } else {
        observer_.OnEvent(ChannelEvent::kUnreadDropped, bytes.size());
      }
      rest_of_pieces_ = 0;
    }
    if (!deferred_) return;  // closed meanwhile
    Enqueue(*std::exchange(deferred_, std::nullopt));
    SendPending();
    WakeWriter();
  }

 private:
  enum class State { kOpen, kFinishing, kFinished, kDisconnected, kClientGone };

  /// A client that reads as fast as it is sent to would else hold the lock for as long as there is
  /// something to send.
  static constexpr std::size_t kMostAtOnce = 1024 * 1024;

  bool IsSending() const MOCK_HYPERSTART_REQUIRES(mutex_) {
    return state_ == State::kOpen || state_ == State::kFinishing;
  }

  std::size_t DeferredBytes() const MOCK_HYPERSTART_REQUIRES(mutex_) {
    return (deferred_ ? deferred_->size() : 0) + (part_deferred_ ? part_deferred_->size() : 0);
  }

  bool Accepts(std::size_t bytes) MOCK_HYPERSTART_REQUIRES(mutex_) {
    switch (state_) {
      case State::kOpen:
        return true;
      case State::kFinishing:
      case State::kFinished:
        observer_.OnEvent(ChannelEvent::kNotSentShutDown, bytes);
        return false;
      case State::kClientGone:
        if (!keep_unread_) observer_.OnEvent(ChannelEvent::kNotSentClientGone, bytes);
        return keep_unread_;
      case State::kDisconnected:
        return false;
    }
    return false;
  }

  void SendOrQueue(std::string_view head, std::string_view body) MOCK_HYPERSTART_REQUIRES(mutex_) {
    std::optional<ByteQueue>& deferred = deferred_ ? deferred_ : part_deferred_;
    if (deferred) {
      deferred->Append(head);
      deferred->Append(body);
      return;
    }
    SendNowOrQueue(head, body);
  }
  void SendNowOrQueue(std::string_view head, std::string_view body)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (pending_.empty() && IsSending()) SendNow(head, body);
    if (head.empty() && body.empty()) return;
    if (!IsSending() && !keep_unread_) {
      observer_.OnEvent(ChannelEvent::kLost, head.size() + body.size());
      return;
    }
    Enqueue(head);
    Enqueue(body);
    WakeWriter();
  }

  void Enqueue(std::string_view bytes) MOCK_HYPERSTART_REQUIRES(mutex_) {
    queued_ += bytes.size();
    pending_.Append(bytes);
  }
  void Enqueue(ByteQueue&& bytes) MOCK_HYPERSTART_REQUIRES(mutex_) {
    queued_ += bytes.size();
    pending_.Append(std::move(bytes));
  }

  /// Removes from `head` and `body` what the socket takes without blocking.
  void SendNow(std::string_view& head, std::string_view& body) MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t rest = kMostAtOnce; rest > 0 && !(head.empty() && body.empty());) {
      const std::size_t sent = TrySend(head, body, rest);
      if (sent == 0) return;
      rest -= sent;
      const std::size_t of_head = std::min(sent, head.size());
      head.remove_prefix(of_head);
      body.remove_prefix(sent - of_head);
    }
  }

  void SendPending() MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t rest = kMostAtOnce; rest > 0 && !pending_.empty() && IsSending();) {
      const std::size_t sent = TrySend(pending_.Front(), {}, rest);
      if (sent == 0) return;
      rest -= sent;
      pending_.RemoveFront(sent);
      sent_ += sent;
    }
    if (pending_.empty() && state_ == State::kFinishing && !deferred_ && !part_deferred_) {
      state_ = State::kFinished;
      socket_.ShutDownSending();
    }
  }

  /// 0: the socket is full, or the client has closed its end.
  std::size_t TrySend(std::string_view head, std::string_view body, std::size_t limit)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (write_size_ > 0) limit = std::min(limit, write_size_);
    const ClientSocket::Sent sent = socket_.Send(head, body, limit);
    if (sent.status == ClientSocket::SendStatus::kPeerClosed) Close(State::kClientGone);
    return sent.bytes;
  }

  void Close(State state) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (state_ == State::kFinished || state_ == State::kDisconnected || state_ == state) return;
    state_ = state;
    if (state == State::kClientGone && keep_unread_) return;
    const std::size_t dropped =
        pending_.size() + std::exchange(rest_of_pieces_, 0) + DeferredBytes();
    if (dropped > 0) observer_.OnEvent(ChannelEvent::kUnreadDropped, dropped);
    pending_.Clear();
    deferred_.reset();
    part_deferred_.reset();
    part_ended_.NotifyAll();
    sent_ = queued_;
  }

  /// `lock` holds mutex_. The analysis can't tell which mutex the lock of a caller holds.
  void WaitUntilSent(MutexLock& lock, std::uint64_t position) MOCK_HYPERSTART_NO_ANALYSIS {
    while (sent_ < position && IsSending()) {
      lock.Unlock();
      socket_.Wait(POLLOUT, ClientSocket::kRecheck);
      lock.Lock();
      SendPending();
    }
  }

  /// If bytes are pending. Where the system has no thread left they wait for the next send, for
  /// RetryWriter, or for the end of the client's input.
  void WakeWriter() MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (pending_.empty() || !IsSending()) return;
    if (writer_.joinable()) {
      writer_wakeup_.NotifyOne();
      return;
    }
    try {
      writer_ = StartBackgroundThread([this] { WritePending(); });
    } catch (const std::system_error&) {  // no thread: see above
    }
  }

  void WritePending() {
    MutexLock lock(mutex_);
    for (;;) {
      while (!stop_writer_ && (pending_.empty() || !IsSending())) writer_wakeup_.Wait(lock);
      if (stop_writer_) return;
      lock.Unlock();
      socket_.Wait(POLLOUT, ClientSocket::kRecheck);
      lock.Lock();
      SendPending();
    }
  }

  const ClientSocket& socket_;
  ChannelObserver& observer_;
  const bool keep_unread_;
  Mutex mutex_;
  ConditionVariable writer_wakeup_;
  State state_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = State::kOpen;
  ByteQueue pending_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  /// Present while SendInPieces runs: what others send meanwhile.
  std::optional<ByteQueue> deferred_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::size_t rest_of_pieces_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;  // not in pending_ yet
  /// Present from SendPart to SendEnd: the same.
  std::optional<ByteQueue> part_deferred_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  ConditionVariable part_ended_;
  std::uint64_t queued_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;  // bytes ever put into pending_
  std::uint64_t sent_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;    // of those, sent or dropped
  std::size_t write_size_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  bool stop_writer_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  std::thread writer_;  // started under mutex_, joined by the destructor
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_
