// A client that does exactly what a test says, byte by byte, over a real socket. Every operation
// has a deadline. Anything unexpected is thrown as std::runtime_error, which fails the test with a
// sentence.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_RAW_CLIENT_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_RAW_CLIENT_HPP_

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "support/deadline.hpp"
#include "support/wire.hpp"

class RawClient {
 public:
  enum class Kind { kCtl, kIo };

  /// An operation has reached its deadline: the mock hangs, or the test expects too much.
  struct TimedOut : std::runtime_error {
    TimedOut() : std::runtime_error("the mock did nothing until the deadline") {}
  };

  /// Connects. Throws std::runtime_error with the text of errno if that fails.
  RawClient(Kind kind, const std::string& path)
      : header_size_(kind == Kind::kCtl ? wire::kCtlHeader : wire::kIoHeader), fd_(Connect(path)) {}
  RawClient(RawClient&& other) noexcept
      : header_size_(other.header_size_),
        fd_(std::exchange(other.fd_, -1)),
        read_(std::move(other.read_)),
        used_(other.used_) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() { Close(); }

  static RawClient Ctl(const std::string& path) { return {Kind::kCtl, path}; }
  static RawClient Io(const std::string& path) { return {Kind::kIo, path}; }

  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void EndInput() { ::shutdown(fd_, SHUT_WR); }
  int fd() const { return fd_; }

  /// Writes all bytes; waits for the mock to read while the socket is full.
  void Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        WaitFor(POLLOUT);
      } else if (errno != EINTR) {
        Throw("write");
      }
    }
  }
  /// Writes as much as the socket takes now. Returns the number of bytes written.
  std::size_t WriteWhatFits(std::string_view bytes) {
    std::size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t sent =
          ::send(fd_, bytes.data() + written, bytes.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) Throw("write");
      written += static_cast<std::size_t>(sent);
    }
    return written;
  }

  std::string Read(std::size_t count) {
    while (read_.size() - used_ < count) {
      if (!Fill()) {
        throw std::runtime_error("end of file after " + std::to_string(read_.size() - used_) +
                                 " of " + std::to_string(count) + " bytes");
      }
    }
    used_ += count;
    return read_.substr(used_ - count, count);
  }
  /// The next frame; std::nullopt at the end of the stream.
  std::optional<wire::Frame> ReadFrame() {
    while (used_ == read_.size()) {
      if (!Fill()) return std::nullopt;
    }
    const std::string header = Read(header_size_);
    const std::size_t length = wire::ToU32(std::string_view(header).substr(header_size_ - 4));
    const std::uint64_t key =
        header_size_ == wire::kCtlHeader ? wire::ToU32(header) : wire::ToU64(header);
    return wire::Frame{key, Read(length - header_size_)};
  }
  std::string ReadToEnd() {
    while (Fill()) {
    }
    return std::exchange(read_, {}).substr(std::exchange(used_, 0));
  }
  /// Waits until a read would not block. Returns the errno of that read; 0 for bytes or end of
  /// file.
  int ReadError() {
    WaitFor(POLLIN);
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK) < 0 ? errno : 0;
  }
  /// The number of unread bytes in the socket.
  std::size_t Unread() const {
    int count = 0;
    ::ioctl(fd_, FIONREAD, &count);
    return static_cast<std::size_t>(count);
  }
  /// The same, and the bytes that earlier reads took from the socket and did not return.
  std::size_t Waiting() const { return read_.size() - used_ + Unread(); }

  // ---- ctl

  /// A frame that is no `next`, and the sum of the `next`s before it.
  struct Answer {
    std::uint64_t next = 0;
    wire::Frame reply;
  };
  Answer ReadAnswer() {
    Answer answer;
    for (;;) {
      std::optional<wire::Frame> frame = ReadFrame();
      if (!frame) throw std::runtime_error("end of file instead of a reply");
      if (frame->key != wire::kNext) {
        answer.reply = *std::move(frame);
        return answer;
      }
      answer.next += wire::ToU32(frame->payload);
    }
  }
  Answer Call(std::uint32_t command, std::string_view payload = {}) {
    Write(wire::Ctl(command, payload));
    return ReadAnswer();
  }
  /// Writes as runV does: 512 bytes, then nothing until the `next`s add up to what was written.
  void WriteAsRunv(std::string_view bytes) {
    std::uint64_t uncounted = 0;
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, 512);
      bytes.remove_prefix(piece.size());
      Write(piece);
      for (uncounted += piece.size(); uncounted > 0;) {
        const std::optional<wire::Frame> next = ReadFrame();
        if (!next || next->key != wire::kNext) throw std::runtime_error("not a next");
        const std::uint32_t count = wire::ToU32(next->payload);
        if (count > uncounted) throw std::runtime_error("a next counts more than was sent");
        uncounted -= count;
      }
    }
  }

 private:
  static int Connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      const int error = errno;
      ::close(fd);
      throw std::runtime_error(std::string("connect: ") + std::strerror(error));
    }
    return fd;
  }
  [[noreturn]] static void Throw(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  }
  void WaitFor(short events) const {
    pollfd client = {fd_, events, 0};
    int ready = 0;
    do ready = ::poll(&client, 1, static_cast<int>(kDeadline.count()));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) throw TimedOut();
  }
  bool Fill() {
    char buffer[65536];
    for (;;) {
      WaitFor(POLLIN);
      const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) Throw("read");
      read_.erase(0, std::exchange(used_, 0));
      read_.append(buffer, static_cast<std::size_t>(count));
      return count > 0;
    }
  }

  std::size_t header_size_;
  int fd_;
  std::string read_;
  std::size_t used_ = 0;  // bytes of read_ that have been returned
};

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_RAW_CLIENT_HPP_
