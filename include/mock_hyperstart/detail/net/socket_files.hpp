// Where the sockets lie in the file system: a private directory for fresh names, the limits of a
// socket's address, and what to do about a file that is already there. Linux, POSIX calls only.
// Stateless but for PrivateDirectory, which its owner uses from one thread.

#ifndef MOCK_HYPERSTART_DETAIL_NET_SOCKET_FILES_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_SOCKET_FILES_HPP_

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

namespace hyperstart::detail {

/// One less than sun_path: the NUL that ends it.
inline constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

[[noreturn]] inline void ThrowErrno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), "mock_hyperstart: " + what);
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

/// A directory of mode 0700 with a name that can't be guessed, removed with the object. Made in
/// $TMPDIR, else $XDG_RUNTIME_DIR, else /tmp.
class PrivateDirectory {
 public:
  /// std::system_error says where it can't be made and why.
  PrivateDirectory() : path_(Parent() + "/mock_hyperstart.XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      ThrowErrno(errno, "cannot make a directory for the sockets as " + path_ +
                            " (set TMPDIR to a directory that can be written, or give "
                            "Options::ctl_path and io_path)");
    }
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory() {
    if (::getpid() == maker_) ::rmdir(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  static std::string Parent() {
    for (const char* const name : {"TMPDIR", "XDG_RUNTIME_DIR"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr && *value != '\0') return value;
    }
    return "/tmp";
  }

  std::string path_;
  const pid_t maker_ = ::getpid();  // a process forked off it leaves it alone
};

/// The address of a socket at `path`; std::system_error where it is too long for one.
inline sockaddr_un SocketAddress(const std::string& path) {
  if (path.size() > kMaxSocketPath) {
    ThrowErrno(ENAMETOOLONG, "the socket path " + path + " has " + std::to_string(path.size()) +
                                 " bytes, a Unix socket's address takes " +
                                 std::to_string(kMaxSocketPath) +
                                 ": give a shorter one, or set TMPDIR to a shorter directory");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

inline const sockaddr* AsSockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

inline Descriptor MakeSocket(int type, const std::string& path) {
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) ThrowErrno(errno, "cannot make a socket for " + path);
  return socket;
}

/// A socket file whose process is gone. Asked with a datagram socket: a living stream socket
/// refuses its type, and never learns that it was asked.
inline bool IsStale(const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Descriptor probe = MakeSocket(SOCK_DGRAM, address.sun_path);
  return ::connect(probe.get(), AsSockaddr(address), sizeof(address)) != 0 && errno == ECONNREFUSED;
}

/// Until it is closed, no other process that asks replaces or removes a stale file in that
/// directory: between the look and the deed it could be somebody's new one.
inline Descriptor TakeTurn(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor turn(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (turn.get() >= 0) ::flock(turn.get(), LOCK_EX);
  return turn;
}

/// Removes a stale socket file and binds in its place. 0, or why not.
inline int ReplaceStale(int socket, const sockaddr_un& address) {
  const Descriptor turn = TakeTurn(address.sun_path);
  if (!IsStale(address)) return EADDRINUSE;
  ::unlink(address.sun_path);
  return ::bind(socket, AsSockaddr(address), sizeof(address)) == 0 ? 0 : errno;
}

/// Removes a socket file that nobody listens at.
inline void RemoveStale(const std::string& path) {
  const Descriptor turn = TakeTurn(path);
  try {
    if (IsStale(SocketAddress(path))) ::unlink(path.c_str());
  } catch (const std::system_error&) {  // no descriptor to ask with: who comes next replaces it
  }
}

/// A listening stream socket at `path`, closed on exec. The file of a dead process is replaced, any
/// other is not. std::system_error says which path and why.
inline Descriptor ListenAt(const std::string& path) {
  const sockaddr_un address = SocketAddress(path);
  Descriptor socket = MakeSocket(SOCK_STREAM, path);
  int error = 0;
  if (::bind(socket.get(), AsSockaddr(address), sizeof(address)) != 0) error = errno;
  if (error == EADDRINUSE) error = ReplaceStale(socket.get(), address);
  if (error == 0 && ::listen(socket.get(), SOMAXCONN) != 0) {
    error = errno;
    ::unlink(path.c_str());
  }
  if (error == EADDRINUSE) {
    ThrowErrno(error, "cannot listen at " + path +
                          ": something is there and in use. Stop it, or give "
                          "another path, or "
                          "none for a fresh one");
  }
  if (error == ENOENT) {
    ThrowErrno(error, "cannot listen at " + path + ": its directory does not exist. Make it first");
  }
  if (error != 0) ThrowErrno(error, "cannot listen at " + path);
  return socket;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_SOCKET_FILES_HPP_
