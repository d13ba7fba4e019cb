// One client on one channel: its bytes in, over the outbox that holds what it is owed. The
// channel's thread reads with blocking calls; a hang-up or a reset from any other thread ends them.
// Owns the client's descriptor. Knows nothing of frames.

#ifndef MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/send_queue.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Whether a channel's reading is paused.
class Pause {
 public:
  void Set(bool paused) {
    {
      const std::lock_guard lock(mutex_);
      paused_ = paused;
    }
    changed_.notify_all();
  }
  bool IsSet() const { return paused_; }
  /// Until it is over, or that long.
  void WaitFor(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return !paused_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> paused_{false};
};

class Connection : public Outbox {
 public:
  /// `pause` is looked at while it is served, `on_left` called on the channel's thread if the
  /// client leaves in a pause; write_size 0 is no limit.
  Connection(Channel channel, Descriptor socket, Transcript& transcript, Pause& pause,
             std::function<void()> on_left, std::size_t write_size)
      : Outbox(channel, socket.get(), transcript, write_size),
        pause_(pause),
        on_left_(std::move(on_left)),
        socket_(std::move(socket)) {
    // See Read: a read that waits longer goes on as a poll, which leaves the bytes where they are.
    const timeval patience = {0, kPatience.count() * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Ends what is left of the connection, and joins the writer's thread: not under a lock. The
  /// descriptor lives until here, as long as anybody who may yet hang up on it.
  ~Connection() {
    if (!IsOver()) HangUp();
    FinishSending();
    if (!resetting_) DiscardInput();
  }

  // ---- on the channel's thread

  /// Blocks for the client's next bytes, and then as long as reading is paused; 0 once its input
  /// has ended, for whatever reason.
  std::size_t Read(char* buffer, std::size_t size) {
    for (;;) {
      receiving_ = true;  // before the look at resetting_: BeginReset does it the other way round
      const ssize_t count = resetting_ ? -1 : ::recv(fd_, buffer, size, 0);
      const int error = errno;
      receiving_ = false;
      if (resetting_) {
        NotifyReset();
        WaitFor(POLLIN);  // what lies unread when the socket closes makes it a reset
        return 0;
      }
      if (count > 0 && !hung_up_) {  // hung up: read on to the end, or close would be a reset
        WaitWhilePaused();
        if (!hung_up_ && !resetting_) return static_cast<std::size_t>(count);
      } else if (count == 0 || (count < 0 && error != EAGAIN && error != EINTR)) {
        return 0;
      } else if (count < 0 && error == EAGAIN) {
        WaitFor(POLLIN, kWriterPatience);
        RetryWriter();
      }
    }
  }

  // ---- on any thread

  /// What the client is owed and what it has sent unread is dropped.
  void BeginHangUp() {
    const std::lock_guard lock(mutex_);
    hung_up_ = true;
    StopSending();
  }
  /// The same, and the client sees end of file. Ends every wait on the connection.
  void HangUp() {
    BeginHangUp();
    ::shutdown(fd_, SHUT_RDWR);
  }

  /// For a client that has left: what it has sent is read to its end, paused or not.
  void ReadOut() { reading_out_ = true; }

  /// The client sees ECONNRESET once it has written again, or now if something it wrote is unread.
  /// What it is owed is dropped. On return nothing more is read.
  void BeginReset() {
    std::unique_lock lock(mutex_);
    StopSending();
    resetting_ = true;
    stopped_receiving_.wait(lock, [&] { return !receiving_; });
  }

  /// Hung up on or reset: what else it says is not heard.
  bool IsOver() const { return hung_up_ || resetting_; }

 private:
  /// How long a read goes on before it looks whether a writer is missing.
  static constexpr std::chrono::milliseconds kWriterPatience{1000};

  void WaitWhilePaused() {
    for (bool here = true; pause_.IsSet() && !reading_out_ && !IsOver();) {
      pause_.WaitFor(kPatience);
      if (here && IsGone()) {
        here = false;
        on_left_();
      }
    }
  }

  void NotifyReset() {
    { const std::lock_guard lock(mutex_); }
    stopped_receiving_.notify_all();
  }

  void DiscardInput() {
    std::array<char, 4096> rest;
    while (::recv(fd_, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
    }
  }

  Pause& pause_;
  const std::function<void()> on_left_;
  Descriptor socket_;
  std::atomic<bool> receiving_{false};  // the channel's thread is in recv
  std::atomic<bool> reading_out_{false};
  std::condition_variable stopped_receiving_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CONNECTION_HPP_
