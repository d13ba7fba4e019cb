// One client on one channel: its bytes in, and what it is owed out. The channel's thread reads with
// blocking calls; any thread may send, and no send blocks: what the socket does not take is queued,
// and a thread of the connection's own, started when that first happens, writes it as the client
// reads. Knows nothing of frames.

#ifndef MOCK_HYPERSTART_CONNECTION_HPP_
#define MOCK_HYPERSTART_CONNECTION_HPP_

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <asio/error_code.hpp>
#include <asio/local/stream_protocol.hpp>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace hyperstart::detail {

/// A thread that takes no signals: the test program's own threads keep them. std::system_error
/// where the system has no thread left.
template <typename Body>
std::thread QuietThread(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

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

  std::deque<std::string> chunks_;
  std::size_t used_ = 0;  // bytes of the first chunk that are gone
  std::size_t size_ = 0;
};

class Connection {
 public:
  using Socket = asio::local::stream_protocol::socket;

  explicit Connection(Socket socket) : socket_(std::move(socket)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { Close(); }

  // ---- on the channel's thread

  /// Blocks for the client's next bytes; 0 once its input has ended, for whatever reason.
  std::size_t Read(char* buffer, std::size_t size) {
    for (;;) {
      asio::error_code error;
      const std::size_t count = socket_.read_some(asio::mutable_buffer(buffer, size), error);
      if (error == asio::error::interrupted) continue;
      if (error || count == 0) return 0;
      if (!hung_up_) return count;  // else read on to the end, or close would reset the client
    }
  }

  /// Blocks until the client is owed no more than that: because it has read, has left, or was
  /// hung up on.
  void WaitUntilOwedAtMost(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    while (owed_.size() > bytes) {
      lock.unlock();
      WaitUntilWritable();
      lock.lock();
      SendOwed();
    }
  }

  /// Ends what is left of the connection. Nobody else may use it any more.
  void Close() {
    HangUp();
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    owes_.notify_all();
    if (writer_.joinable()) writer_.join();
    std::array<char, 4096> rest;
    while (Read(rest.data(), rest.size()) > 0) {
    }
    asio::error_code ignored;
    socket_.close(ignored);
  }

  // ---- on any thread

  /// Sends `head` and `body` as one, at once or as the client reads. Dropped once it can't read.
  void Send(std::string_view head, std::string_view body = {}) {
    const std::lock_guard lock(mutex_);
    if (!sendable_) return;
    if (owed_.empty()) SendNow(head, body);
    if (!sendable_ || (head.empty() && body.empty())) return;
    owed_.Append(head);
    owed_.Append(body);
    StartWriter();
  }

  /// The same for what has been queued elsewhere.
  void Send(ByteQueue&& bytes) {
    const std::lock_guard lock(mutex_);
    if (!sendable_) return;
    owed_.Append(std::move(bytes));
    SendOwed();
    if (!owed_.empty()) StartWriter();
  }

  /// The client sees end of file; what it is owed and what it has sent unread is dropped. Ends
  /// every wait on the connection.
  void HangUp() {
    const std::lock_guard lock(mutex_);
    hung_up_ = true;
    StopSending();
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
  }

  bool IsHungUp() const { return hung_up_; }

  bool OwesNothing() const {
    const std::lock_guard lock(mutex_);
    return owed_.empty();
  }

 private:
  void StopSending() {
    sendable_ = false;
    owed_.Clear();
  }

  /// Takes off `head` and `body` what the socket takes without blocking.
  void SendNow(std::string_view& head, std::string_view& body) {
    while (!head.empty() || !body.empty()) {
      const std::size_t sent = TrySend(head, body);
      if (sent == 0) return;
      const std::size_t of_head = std::min(sent, head.size());
      head.remove_prefix(of_head);
      body.remove_prefix(sent - of_head);
    }
  }

  void SendOwed() {
    while (!owed_.empty()) {
      const std::size_t sent = TrySend(owed_.Front(), {});
      if (sent == 0) return;
      owed_.RemoveFront(sent);
    }
  }

  /// Asio polls through EAGAIN on a socket that is read blockingly, and O_NONBLOCK would hold for
  /// both directions: so the call itself, with MSG_DONTWAIT. 0: the socket is full, or nobody
  /// reads any more.
  std::size_t TrySend(std::string_view head, std::string_view body) {
    std::array<iovec, 2> parts = {iovec{const_cast<char*>(head.data()), head.size()},
                                  iovec{const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    for (;;) {
      const ssize_t sent =
          ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) return static_cast<std::size_t>(sent);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) StopSending();
      return 0;
    }
  }

  void WaitUntilWritable() {
    pollfd client = {socket_.native_handle(), POLLOUT, 0};
    ::poll(&client, 1, -1);  // EINTR, like anything else: the caller looks again
  }

  /// Under the lock. Without a thread to be had the bytes wait for the next send, or for the end
  /// of the client's input.
  void StartWriter() {
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
      WaitUntilWritable();
      lock.lock();
      SendOwed();
    }
  }

  Socket socket_;
  std::atomic<bool> hung_up_{false};
  mutable std::mutex mutex_;  // orders the bytes that go out
  std::condition_variable owes_;
  ByteQueue owed_;
  bool sendable_ = true;  // false: the client can't read any more, or shall not
  bool closing_ = false;
  std::thread writer_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_CONNECTION_HPP_
