// The client side of a hyperstart channel: sends and receives whole frames on a Unix socket. Plain
// POSIX, independent of the mock.

#ifndef HYPERSTART_CONNECTION_HPP_
#define HYPERSTART_CONNECTION_HPP_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

inline std::string ToBytes(std::uint64_t value, std::size_t count) {
  std::string bytes(count, '\0');
  for (; count-- > 0; value >>= 8) bytes[count] = static_cast<char>(value & 0xff);
  return bytes;
}

inline std::uint64_t ToNumber(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

struct Frame {
  std::uint64_t key = 0;  // on ctl the command, on io the stream's seq
  std::string payload;
};

/// A header is the key of the frame, 4 bytes on ctl and 8 on io, and its length, 4 bytes. Functions
/// throw std::runtime_error if the agent does not listen or has disconnected.
class Connection {
 public:
  Connection(std::string name, const std::string& path, std::size_t key_bytes)
      : name_(std::move(name)),
        key_bytes_(key_bytes),
        fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      const int error = errno;
      ::close(fd_);
      throw std::system_error(error, std::generic_category(), "cannot connect to " + path);
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd_); }

  int fd() const { return fd_; }

  std::string Encode(const Frame& frame) const {
    const std::size_t length = key_bytes_ + 4 + frame.payload.size();
    return ToBytes(frame.key, key_bytes_) + ToBytes(length, 4) + frame.payload;
  }

  void Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && errno != EINTR) throw std::runtime_error("the agent hung up on " + name_);
    }
  }

  /// Blocks until the next frame is complete, in however many pieces it arrives.
  Frame ReadFrame() const {
    const std::string header = Read(key_bytes_ + 4);
    const std::uint64_t length = ToNumber(header.substr(key_bytes_));
    if (length < header.size()) throw std::runtime_error("broken header on " + name_);
    return {ToNumber(header.substr(0, key_bytes_)), Read(length - header.size())};
  }

 private:
  std::string Read(std::size_t size) const {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size;) {
      const ssize_t count = ::recv(fd_, bytes.data() + at, size - at, 0);
      if (count > 0) at += static_cast<std::size_t>(count);
      if (count == 0 || (count < 0 && errno != EINTR)) {
        throw std::runtime_error("the agent hung up on " + name_);
      }
    }
    return bytes;
  }

  const std::string name_;
  const std::size_t key_bytes_;
  const int fd_;
};

#endif  // HYPERSTART_CONNECTION_HPP_
