// A file descriptor that closes itself. Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_DESCRIPTOR_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_DESCRIPTOR_HPP_

#include <unistd.h>

#include <utility>

namespace hyperstart::detail {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~OwnedFd() { Close(); }

  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_DESCRIPTOR_HPP_
