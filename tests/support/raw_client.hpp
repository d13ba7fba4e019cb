// A client that does just what a test says, byte by byte, over a real socket. Every operation has a
// deadline; what it did not expect it throws, which fails the test with a sentence.

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
#include <vector>

#include "support/wire.hpp"

class RawClient {
 public:
  enum class Kind { kCtl, kIo };

  /// Connects; std::runtime_error with the errno's text where that fails.
  RawClient(Kind kind, const std::string& path)
      : header_size_(kind == Kind::kCtl ? 8 : 12), fd_(Connect(path)) {}
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

  /// All of the bytes, waiting for the mock to read them.
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
  /// As much as the socket takes now; how much that was.
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
  /// The next frame; nothing at the end of the stream.
  std::optional<wire::Frame> ReadFrame() {
    while (used_ == read_.size()) {
      if (!Fill()) return std::nullopt;
    }
    const std::string header = Read(header_size_);
    const std::size_t length = wire::ToU32(std::string_view(header).substr(header_size_ - 4));
    const std::uint64_t key = header_size_ == 8 ? wire::ToU32(header) : wire::ToU64(header);
    return wire::Frame{key, Read(length - header_size_)};
  }
  std::string ReadToEnd() {
    while (Fill()) {
    }
    return std::exchange(read_, {}).substr(std::exchange(used_, 0));
  }
  /// The errno of a read; 0 for an end of file or bytes.
  int ReadError() {
    WaitFor(POLLIN);
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK) < 0 ? errno : 0;
  }
  /// How many bytes lie unread in the socket.
  std::size_t Unread() const {
    int count = 0;
    ::ioctl(fd_, FIONREAD, &count);
    return static_cast<std::size_t>(count);
  }
  /// The same, and what was read with what a Read returned.
  std::size_t Waiting() const { return read_.size() - used_ + Unread(); }

  // ---- ctl

  /// The sum of the `next`s up to the next other frame, and that frame.
  struct Answer {
    std::uint64_t next = 0;
    wire::Frame reply;
  };
  Answer ReadAnswer() {
    Answer answer;
    for (;;) {
      std::optional<wire::Frame> frame = ReadFrame();
      if (!frame) throw std::runtime_error("end of file where a reply should be");
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
  /// As runV writes: 512 bytes, then nothing until the `next`s sum up to what was written.
  void WriteAsRunv(std::string_view bytes) {
    std::uint64_t owed = 0;
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, 512);
      bytes.remove_prefix(piece.size());
      Write(piece);
      for (owed += piece.size(); owed > 0;) {
        const std::optional<wire::Frame> next = ReadFrame();
        if (!next || next->key != wire::kNext) throw std::runtime_error("not a next");
        const std::uint32_t count = wire::ToU32(next->payload);
        if (count > owed) throw std::runtime_error("next counts more than was sent");
        owed -= count;
      }
    }
  }

 private:
  static constexpr int kDeadlineMs = 60'000;  // of each wait: only a hanging test meets it

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
    do ready = ::poll(&client, 1, kDeadlineMs);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) throw std::runtime_error("the mock did nothing for a minute");
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
  std::size_t used_ = 0;  // of read_
};

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_RAW_CLIENT_HPP_
