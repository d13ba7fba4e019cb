// What one client is owed: any thread may send, and no send blocks. What the socket does not take
// is queued, and a thread of the outbox's own, started when that first happens, writes it as the
// client reads. Knows nothing of frames, nor of what the client says.

#ifndef MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/net/background_thread.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Bytes in order, small pieces joined so that a backlog is written together.
class ByteQueue {
 public:
  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    if (chunks_.empty() || chunks_.back().size() + bytes.size() > kChunk) chunks_.emplace_back();
    chunks_.back() += bytes;
  }
  void Append(ByteQueue&& other) {
    if (empty()) {
      std::swap(*this, other);
      return;
    }
    for (; !other.empty(); other.RemoveFront(other.Front().size())) Append(other.Front());
  }
  std::string_view Front() const { return std::string_view(chunks_.front()).substr(used_); }
  /// At most the bytes of Front().
  void RemoveFront(std::size_t bytes) {
    size_ -= bytes;
    used_ += bytes;
    if (used_ < chunks_.front().size()) return;
    chunks_.pop_front();
    used_ = 0;
  }
  void Clear() { *this = ByteQueue(); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kChunk = 256 * 1024;

  std::list<std::string> chunks_;  // which costs nothing while it is empty
  std::size_t used_ = 0;           // bytes of the first chunk that are gone
  std::size_t size_ = 0;
};

/// The sending half of a connection.
class Outbox {
 public:
  /// `fd` stays the caller's, who calls FinishSending before closing it; write_size 0 is no limit.
  Outbox(Channel channel, int fd, Transcript& transcript, std::size_t write_size)
      : channel_(channel), transcript_(transcript), fd_(fd), write_size_(write_size) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // ---- on the channel's thread

  /// Waits; false if the client left before, or was hung up on.
  bool Sleep(std::chrono::milliseconds time) {
    constexpr std::chrono::hours kEver{24 * 365 * 100};  // what a clock's count can hold
    const auto end = Clock::now() + std::clamp<std::chrono::milliseconds>(
                                        time, std::chrono::milliseconds(0), kEver);
    while (!hung_up_ && !resetting_ && !IsGone()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return true;
      WaitFor(0, std::min(left, kPatience));
    }
    return false;
  }

  /// The client has closed its socket, or that has been shut down.
  bool IsGone() {
    return (WaitFor(0, std::chrono::milliseconds(0)) & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  }

  /// Blocks until the client is owed no more than that: because it has read, has left, or was hung
  /// up on.
  void WaitUntilOwedAtMost(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    WaitUntilSent(lock, queued_ - std::min<std::uint64_t>(queued_, bytes));
  }
  /// Blocks until the kernel has all that was sent before this call; false if it never will.
  bool WaitUntilSent() {
    std::unique_lock lock(mutex_);
    WaitUntilSent(lock, queued_);
    return sendable_;
  }

  /// A write for each piece, with a pause between two. What else is sent waits for the last. False
  /// if the client left before.
  bool SendInPieces(std::string_view bytes, std::size_t size, std::chrono::milliseconds gap,
                    const std::string& what) {
    std::unique_lock lock(mutex_);
    if (!CanSend(bytes.size())) return false;
    transcript_.SentOdd(channel_, fmt::format("{} in pieces of {}", what, Bytes(size)), bytes);
    held_ = true;
    WaitUntilSent(lock, queued_);
    for (bool first = true; sendable_ && !bytes.empty(); first = false) {
      if (!first && gap.count() > 0) {
        lock.unlock();
        const bool there = Sleep(gap);
        lock.lock();
        if (!there || !sendable_) break;
      }
      const std::string_view piece = bytes.substr(0, size);
      bytes.remove_prefix(piece.size());
      Append(piece);
      WaitUntilSent(lock, queued_);
    }
    held_ = false;
    if (sendable_) {
      Append(std::exchange(behind_, {}));
      SendOwed();
      StartWriter();
    }
    return sendable_ && bytes.empty();
  }

  // ---- on any thread

  /// Sends whole frames as one, at once or as the client reads; `body` goes on where `head` ends.
  /// Dropped once the client can't read.
  void Send(std::string_view head, std::string_view body = {}) {
    const std::lock_guard lock(mutex_);
    if (!CanSend(head.size() + body.size())) return;
    transcript_.Sent(channel_, head, body);
    SendOrQueue(head, body);
  }
  /// The same for bytes that are no whole frames.
  void SendOdd(std::string_view bytes, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!CanSend(bytes.size())) return;
    transcript_.SentOdd(channel_, what, bytes);
    SendOrQueue(bytes, {});
  }
  /// The same for what has been queued, and told in the transcript, elsewhere.
  void SendQueued(ByteQueue&& bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes.empty() || !CanSend(bytes.size())) return;
    Append(std::move(bytes));
    SendOwed();
    StartWriter();
  }

  /// Half a close, after what is queued: the client sees end of file and is still heard.
  void EndSending() {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    SendOwed();
    StartWriter();
  }

  void SetWriteSize(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    write_size_ = bytes;
  }

  bool OwesNothing() const {
    const std::lock_guard lock(mutex_);
    return owed_.empty();
  }

 protected:
  /// How long a wait goes on before it looks whether a reset has begun, which must leave the socket
  /// as it is and so can't wake it.
  static constexpr std::chrono::milliseconds kPatience{10};

  ~Outbox() = default;

  const Channel channel_;
  Transcript& transcript_;
  const int fd_;
  mutable std::mutex mutex_;  // orders the bytes that go out
  std::atomic<bool> hung_up_{false};
  std::atomic<bool> resetting_{false};

  /// The client's departure ends every wait, too.
  short WaitFor(short events, std::chrono::milliseconds time = std::chrono::milliseconds(-1)) {
    pollfd client = {fd_, events, 0};
    ::poll(&client, 1,
           static_cast<int>(time.count()));  // EINTR: the caller looks again
    return client.revents;
  }

  /// Nothing is sent any more, and what is owed dropped. Under the lock.
  void StopSending() {
    if (sendable_ && owed_.size() + behind_.size() > 0) {
      transcript_.Note(channel_, fmt::format("{} that the client had not read are dropped",
                                             Bytes(owed_.size() + behind_.size())));
    }
    sendable_ = false;
    owed_.Clear();
    behind_.Clear();
    sent_ = queued_;
  }
  /// For what is owed while there was no thread to be had.
  void RetryWriter() {
    const std::lock_guard lock(mutex_);
    if (!writer_.joinable()) StartWriter();
  }
  /// Ends the writer's thread.
  void FinishSending() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      StopSending();
    }
    owes_.notify_all();
    if (writer_.joinable()) writer_.join();
  }

 private:
  // ---- sending, all under the lock

  bool CanSend(std::size_t bytes) {
    if (sendable_ && !ending_) return true;
    if (!hung_up_) {
      transcript_.Note(
          channel_, fmt::format("{} not sent: {}", Bytes(bytes),
                                ending_ ? "sending was shut down" : "the client no longer reads"));
    }
    return false;
  }

  void SendOrQueue(std::string_view head, std::string_view body) {
    if (held_) {
      behind_.Append(head);
      behind_.Append(body);
      return;
    }
    if (owed_.empty()) SendNow(head, body);
    if (!sendable_) transcript_.Note(channel_, "lost: the client has left");
    if (!sendable_ || (head.empty() && body.empty())) return;
    Append(head);
    Append(body);
    StartWriter();
  }

  void Append(std::string_view bytes) {
    queued_ += bytes.size();
    owed_.Append(bytes);
  }
  void Append(ByteQueue&& bytes) {
    queued_ += bytes.size();
    owed_.Append(std::move(bytes));
  }

  /// A client that reads as fast as it is sent to would hold the lock for as long as there is
  /// something to send.
  static constexpr std::size_t kMostAtOnce = 1024 * 1024;

  /// Takes off `head` and `body` what the socket takes without blocking, up to kMostAtOnce.
  void SendNow(std::string_view& head, std::string_view& body) {
    for (std::size_t left = kMostAtOnce; left > 0 && !(head.empty() && body.empty());) {
      const std::size_t sent = TrySend(head, body, left);
      if (sent == 0) return;
      left -= sent;
      const std::size_t of_head = std::min(sent, head.size());
      head.remove_prefix(of_head);
      body.remove_prefix(sent - of_head);
    }
  }

  void SendOwed() {
    for (std::size_t left = kMostAtOnce; left > 0 && !owed_.empty();) {
      const std::size_t sent = TrySend(owed_.Front(), {}, left);
      if (sent == 0) return;
      left -= sent;
      owed_.RemoveFront(sent);
      sent_ += sent;
    }
    if (owed_.empty() && ending_ && sendable_ && !held_) {
      sendable_ = false;
      ::shutdown(fd_, SHUT_WR);
    }
  }

  /// Asio polls through EAGAIN on a socket that is read blockingly, and O_NONBLOCK would hold for
  /// both directions: so the call itself, with MSG_DONTWAIT. 0: the socket is full, or nobody reads
  /// any more.
  std::size_t TrySend(std::string_view head, std::string_view body, std::size_t most) {
    if (write_size_ > 0) most = std::min(most, write_size_);
    head = head.substr(0, most);
    body = body.substr(0, most - head.size());
    constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    std::array<iovec, 2> parts = {iovec{const_cast<char*>(head.data()), head.size()},
                                  iovec{const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    for (;;) {
      const ssize_t sent = body.empty() ? ::send(fd_, head.data(), head.size(), kFlags)
                                        : ::sendmsg(fd_, &message, kFlags);
      if (sent > 0) return static_cast<std::size_t>(sent);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) StopSending();
      return 0;
    }
  }

  void WaitUntilSent(std::unique_lock<std::mutex>& lock, std::uint64_t position) {
    while (sent_ < position) {
      lock.unlock();
      WaitFor(POLLOUT, kPatience);
      lock.lock();
      SendOwed();
    }
  }

  /// Where something is owed. Without a thread to be had the bytes wait for the next send, for the
  /// next look of RetryWriter, or for the end of the client's input.
  void StartWriter() {
    if (owed_.empty()) return;
    if (writer_.joinable()) {
      owes_.notify_one();
      return;
    }
    try {
      writer_ = QuietThread([this] { Write(); });
    } catch (const std::system_error&) {
    }
  }

  /// The writer's thread.
  void Write() {
    std::unique_lock lock(mutex_);
    for (;;) {
      owes_.wait(lock, [&] { return closing_ || !owed_.empty(); });
      if (closing_) return;
      lock.unlock();
      WaitFor(POLLOUT, kPatience);
      lock.lock();
      SendOwed();
    }
  }

  std::condition_variable owes_;
  ByteQueue owed_;
  ByteQueue behind_;          // sent while a reply goes out in pieces
  std::uint64_t queued_ = 0;  // bytes that ever went into owed_
  std::uint64_t sent_ = 0;    // bytes that ever left it
  std::size_t write_size_;
  bool held_ = false;     // a reply goes out in pieces
  bool ending_ = false;   // no more after what is owed
  bool sendable_ = true;  // false: the client can't read any more, or shall not
  bool closing_ = false;
  std::thread writer_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_SEND_QUEUE_HPP_
