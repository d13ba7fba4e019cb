// One client on one channel: a socket, what is sent to it, and the reading of its bytes with
// blocking calls on the channel's thread. Any other thread may end it. Does not know what the bytes
// mean.
//
// State:
//   kServing       The client's bytes are read; a pause holds them up.
//     -> kDraining      by Drain: the client has left by itself, and what it had sent is read to
//     its
//                       end, paused or not
//     -> kDisconnected  by Disconnect
//     -> kResetting     by Reset
//   kDraining
//     -> kDisconnected, kResetting   as above
//   kDisconnected  The client sees end of file. Its input is read to the end and dropped.
//   kResetting     The client's input is left unread, which makes the close of the socket a reset.

#ifndef MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/net/client_socket.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/net/pause.hpp"
#include "mock_hyperstart/detail/net/send_queue.hpp"

namespace hyperstart::detail {

class Connection {
 public:
  /// `pause` and `observer` outlive the connection.
  Connection(Descriptor socket, Pause& pause, ChannelObserver& observer,
             SendQueue::Settings settings)
      : pause_(pause), socket_(std::move(socket)), queue_(socket_, observer, settings) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Closes the socket, after the writer thread has ended: not under a lock. Unread input is
  /// discarded, unless the connection is to be reset: it would make the close a reset.
  ~Connection() {
    if (!IsClosing()) Disconnect();
    queue_.Close();
    if (state_ != State::kResetting) socket_.DiscardInput();
  }

  // ---- On the channel's thread

  enum class ReadStatus {
    kBytes,        // `bytes` of them were read
    kLeftInPause,  // the client has left while reading is paused: call Read again, with the same
                   // buffer
    kEnd           // the client's input has ended, or the connection is closing
  };
  struct ReadResult {
    ReadStatus status;
    std::size_t bytes;
  };
  /// Blocks for the client's next bytes, and then as long as reading is paused.
  ReadResult Read(char* buffer, std::size_t size) {
    for (;;) {
      if (held_bytes_ == 0 && !input_ended_) {
        Receive(buffer, size);
        if (state_ == State::kResetting) return LeaveInputUnread();
        if (held_bytes_ == 0 && !input_ended_) continue;
        // After a disconnect read on to the end: a close with unread input would be a reset.
        if (state_ == State::kDisconnected) held_bytes_ = 0;
        if (held_bytes_ == 0 && !input_ended_) continue;
      }
      if (IsPaused()) {
        pause_.WaitFor(ClientSocket::kRecheck);
        if (!departure_told_ && socket_.IsGone() && IsPaused()) {
          departure_told_ = true;
          return {ReadStatus::kLeftInPause, 0};
        }
        continue;
      }
      if (held_bytes_ > 0 && !IsClosing()) {
        return {ReadStatus::kBytes, std::exchange(held_bytes_, 0)};
      }
      held_bytes_ = 0;
      if (input_ended_) return {ReadStatus::kEnd, 0};
    }
  }

  /// Waits for input, its end, or the end of `time`. False if the time is over.
  bool WaitForInput(std::chrono::milliseconds time) const {
    return socket_.Wait(POLLIN, time) != 0;
  }

  /// Waits for `time`. False if the client has left, or the connection is closing.
  bool Sleep(std::chrono::milliseconds time) const {
    using std::chrono::steady_clock;
    constexpr std::chrono::hours kEver{24 * 365 * 100};  // what a clock's count can hold
    const auto end = steady_clock::now() + std::clamp<std::chrono::milliseconds>(
                                               time, std::chrono::milliseconds(0), kEver);
    while (!IsClosing() && !socket_.IsGone()) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
      if (rest.count() <= 0) return true;
      socket_.Wait(0, std::min(rest, ClientSocket::kRecheck));
    }
    return false;
  }

  /// See SendQueue::SendInPieces. `gap` is the time between two pieces.
  template <typename Record>
  void SendInPieces(std::string_view bytes, std::size_t size, std::chrono::milliseconds gap,
                    const Record& record) {
    queue_.SendInPieces(bytes, size, record, [&] { return gap.count() <= 0 || Sleep(gap); });
  }

  // ---- On any thread

  /// What the client has not read yet, and all that is sent to it.
  SendQueue& queue() { return queue_; }

  /// The client has closed its socket, or the mock has disconnected it.
  bool IsGone() const { return socket_.IsGone(); }

  /// Drops what is pending and what the client has sent unread; the client sees end of file. Ends
  /// every wait on the connection. During a reset it only ends the waits.
  void Disconnect() {
    BeginDisconnect();
    FinishDisconnect();
  }
  /// The first half of Disconnect, which wakes nobody: for a caller that holds a lock which those
  /// who are woken want next.
  void BeginDisconnect() {
    ChangeState(State::kDisconnected);
    queue_.Close();
  }
  void FinishDisconnect() const { socket_.ShutDown(); }

  /// For a client that has left: its input is read to the end, paused or not.
  void Drain() { ChangeState(State::kDraining); }

  /// The client sees ECONNRESET once it has written again, or at once if something that it wrote is
  /// unread. Drops what is pending. On return nothing more is read.
  void Reset() {
    queue_.Close();
    ChangeState(State::kResetting);
    if (state_ != State::kResetting) return;  // disconnected already: nothing more is read
    // Receive sets receiving_ and then looks at state_; this sets state_ and then looks at
    // receiving_. All four are sequentially consistent, so at least one thread sees the other: with
    // weaker orders both could miss it, and bytes would be read after Reset has returned.
    MutexLock lock(mutex_);
    while (receiving_) stopped_receiving_.Wait(lock);
  }

  /// Disconnected or reset by the mock: what else the client says is not heard.
  bool IsClosing() const {
    const State state = state_;
    return state == State::kDisconnected || state == State::kResetting;
  }

 private:
  enum class State { kServing, kDraining, kDisconnected, kResetting };

  /// How long a read goes on before a writer thread that could not be started is tried again.
  static constexpr std::chrono::milliseconds kRetryWriter{1000};

  /// Only forwards, along the table at the top.
  void ChangeState(State to) {
    State from = state_;
    do {
      if (from == State::kDisconnected || from == State::kResetting) return;
    } while (!state_.compare_exchange_weak(from, to));
  }

  bool IsPaused() const { return pause_.IsSet() && state_ == State::kServing; }

  /// Receives into `buffer`, unless a reset has begun.
  void Receive(char* buffer, std::size_t size) {
    receiving_ = true;  // before the look at state_: see Reset
    ClientSocket::Received received{ClientSocket::ReceiveStatus::kEnded, 0};
    if (state_ != State::kResetting) received = socket_.Receive(buffer, size);
    receiving_ = false;
    switch (received.status) {
      case ClientSocket::ReceiveStatus::kReceived:
        held_bytes_ = received.bytes;
        break;
      case ClientSocket::ReceiveStatus::kTimedOut:
        // From here on as a poll, which a reset need not wait for: it leaves the bytes in the
        // socket.
        if (state_ != State::kResetting) socket_.Wait(POLLIN, kRetryWriter);
        queue_.RetryWriter();
        break;
      case ClientSocket::ReceiveStatus::kEnded:
        input_ended_ = true;
        break;
    }
  }

  /// Until the client has sent something or has left.
  ReadResult LeaveInputUnread() {
    { const MutexLock lock(mutex_); }
    stopped_receiving_.NotifyAll();
    socket_.Wait(POLLIN, std::chrono::milliseconds(-1));
    return {ReadStatus::kEnd, 0};
  }

  Pause& pause_;
  std::atomic<State> state_{State::kServing};
  std::atomic<bool> receiving_{false};  // the channel's thread is in recv
  Mutex mutex_;                         // of stopped_receiving_
  ConditionVariable stopped_receiving_;

  // Of the channel's thread.
  std::size_t held_bytes_ = 0;  // in the buffer of Read, while reading is paused
  bool input_ended_ = false;
  bool departure_told_ = false;  // kLeftInPause was returned

  ClientSocket socket_;  // before queue_, whose writer thread uses it to its end
  SendQueue queue_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_
