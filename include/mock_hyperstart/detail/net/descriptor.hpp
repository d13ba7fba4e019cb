// A file descriptor with an owner, and the exception for a system call that failed. Used by one
// thread at a time.

#ifndef MOCK_HYPERSTART_DETAIL_NET_DESCRIPTOR_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_DESCRIPTOR_HPP_

#include <unistd.h>

#include <string>
#include <system_error>

namespace hyperstart::detail {

/// Throws std::system_error for `error`, an errno, with a sentence that says what failed.
[[noreturn]] inline void ThrowErrno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), "mock_hyperstart: " + what);
}

/// Owns a file descriptor and closes it. A negative number is no descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.release();
    }
    return *this;
  }
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Close() {
    const int fd = release();
    if (fd >= 0) ::close(fd);
  }
  /// The caller owns the descriptor from now on.
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_DESCRIPTOR_HPP_
