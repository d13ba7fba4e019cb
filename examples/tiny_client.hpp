// A client of the agent that does nothing but send and receive frames: it stands for the client
// under test where none is at hand. Plain sockets: a client needs no Asio, and nothing of the
// library; here two functions of it encode the frames. One thread.

#ifndef TINY_CLIENT_HPP_
#define TINY_CLIENT_HPP_

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <mock_hyperstart.hpp>
#include <stdexcept>
#include <string>

/// Connected to both channels. Functions throw std::runtime_error if the agent does not listen or
/// has hung up.
class TinyClient {
 public:
  explicit TinyClient(const hyperstart::SocketPaths& paths)
      : ctl_(Connect(paths.ctl)), io_(Connect(paths.io)) {}
  TinyClient(const TinyClient&) = delete;
  TinyClient& operator=(const TinyClient&) = delete;
  ~TinyClient() {
    ::close(ctl_);
    ::close(io_);
  }

  /// Sends a command and waits for its reply. True: `ack`. False: `error`.
  bool Call(hyperstart::Command command, const std::string& payload = {}) const {
    Write(ctl_, hyperstart::CtlFrame(command, payload));
    for (;;) {
      const hyperstart::Command reply = ReadCtl().command;
      if (reply == hyperstart::Command::kAck) return true;
      if (reply == hyperstart::Command::kError) return false;
    }  // others are `next` frames, which count what the agent has read
  }
  /// The next frame on ctl.
  hyperstart::DecodedMessage ReadCtl() const {
    const hyperstart::Command command{ReadNumber(ctl_)};
    return {command, ReadPayload(ctl_, hyperstart::kCtlHeaderSize)};
  }
  /// The next frame on io.
  hyperstart::IoPacket ReadIo() const {
    const std::uint64_t high = ReadNumber(io_);
    const std::uint64_t seq = high << 32 | ReadNumber(io_);
    return {seq, ReadPayload(io_, hyperstart::kIoHeaderSize)};
  }
  /// Without data it ends the stream.
  void WriteIo(std::uint64_t seq, const std::string& data = {}) const {
    Write(io_, hyperstart::IoFrame(seq, data));
  }

 private:
  static int Connect(const std::string& path) {
    sockaddr_un address{AF_UNIX, {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
    ::close(fd);
    throw std::runtime_error("cannot connect to " + path);
  }
  static void Write(int fd, const std::string& bytes) {
    if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
      throw std::runtime_error("the agent has hung up");
    }
  }
  static std::string Read(int fd, std::size_t size) {
    std::string bytes(size, '\0');
    const auto wanted = static_cast<ssize_t>(size);
    if (size == 0 || ::recv(fd, bytes.data(), size, MSG_WAITALL) == wanted) return bytes;
    throw std::runtime_error("the agent has hung up");
  }
  static std::uint32_t ReadNumber(int fd) {
    std::uint32_t number = 0;
    Read(fd, sizeof(number)).copy(reinterpret_cast<char*>(&number), sizeof(number));
    return ntohl(number);
  }
  static std::string ReadPayload(int fd, std::size_t header) {
    return Read(fd, ReadNumber(fd) - header);
  }

  const int ctl_;
  const int io_;
};

#endif  // TINY_CLIENT_HPP_
