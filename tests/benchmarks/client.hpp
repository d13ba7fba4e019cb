// The client of every benchmark: plain blocking sockets on the test's thread, the same towards each
// server.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_CLIENT_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_CLIENT_HPP_

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "benchmarks/wire.hpp"

class Client {
 public:
  Client(const std::string& ctl_path, const std::string& io_path)
      : ctl_(Connect(ctl_path)), io_(Connect(io_path)), buffer_(new char[kReadSize]) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    ::close(ctl_);
    ::close(io_);
  }

  /// Writes frames, and reads until there are so many acks.
  void Command(std::string_view frames, std::size_t acks = 1) {
    Write(ctl_, frames);
    while (acks > 0) acks -= ReadAcks();
  }
  void WriteIo(std::string_view bytes) { Write(io_, bytes); }
  void ReadIo(std::size_t bytes) {
    while (bytes > 0) bytes -= Read(io_, buffer_.get(), bytes < kReadSize ? bytes : kReadSize);
  }

 private:
  static constexpr std::size_t kReadSize = 128 * 1024;

  static int Connect(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = AddressOf(path);
    Check(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
          "connect");
    return fd;
  }
  static void Write(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd, bytes.data(), bytes.size());
      Check(count > 0, "write");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  static std::size_t Read(int fd, char* buffer, std::size_t size) {
    const ssize_t count = ::read(fd, buffer, size);
    Check(count > 0, "read");
    return static_cast<std::size_t>(count);
  }

  /// One read: how many acks were in it. Frames may be cut anywhere.
  std::size_t ReadAcks() {
    const std::size_t end = pending_ + Read(ctl_, buffer_.get() + pending_, kReadSize - pending_);
    std::size_t acks = 0;
    std::size_t at = 0;
    while (end - at >= kCtlHeader) {
      const std::size_t length = GetBigEndian(buffer_.get() + at + 4, 4);
      if (end - at < length) break;
      if (buffer_[at + 3] == kAck) ++acks;
      at += length;
    }
    pending_ = end - at;
    std::memmove(buffer_.get(), buffer_.get() + at, pending_);
    return acks;
  }

  const int ctl_;
  const int io_;
  const std::unique_ptr<char[]> buffer_;
  std::size_t pending_ = 0;  // bytes of a frame of ctl that is not complete
};

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_CLIENT_HPP_
