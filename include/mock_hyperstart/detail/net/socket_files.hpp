// Unix sockets as files: a private directory for them, listening at a path, and removing the file
// again, but never a file of someone else. Linux; POSIX calls only. The functions are stateless; an
// object is used by one thread at a time.

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
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "mock_hyperstart/detail/net/descriptor.hpp"

namespace hyperstart::detail {

/// The longest path of a Unix socket, in bytes: sun_path, less the NUL at its end.
inline constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

/// `path`, seen from the root directory. It then names the same file after a chdir(). Throws
/// std::system_error if the current directory is unknown.
inline std::string AbsolutePath(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  const std::unique_ptr<char, decltype(&std::free)> current(::getcwd(nullptr, 0), &std::free);
  if (current == nullptr) ThrowErrno(errno, "cannot find the current directory, for " + path);
  return std::string(current.get()) + "/" + path;
}

/// A directory of mode 0700 with a random name, in $TMPDIR, else in $XDG_RUNTIME_DIR, else in /tmp.
/// The destructor removes it, if it is empty and this is the process that made it.
class PrivateDirectory {
 public:
  /// Throws std::system_error, which says where the directory can't be made and why.
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

  /// Absolute.
  const std::string& path() const { return path_; }

 private:
  static std::string Parent() {
    for (const char* const name : {"TMPDIR", "XDG_RUNTIME_DIR"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr && *value != '\0') return AbsolutePath(value);
    }
    return "/tmp";
  }

  std::string path_;
  const pid_t maker_ = ::getpid();  // a child process that was forked must not remove it
};

/// The address of a socket at `path`. Throws std::system_error if the path is too long.
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

/// Locks the directory of `path` against other mocks, until the result is closed: between the check
/// that a socket is stale and its removal, another mock could otherwise replace it. Waits while
/// another mock has the lock. If the directory can't be opened, it is not locked.
inline Descriptor LockDirectory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() >= 0) {
    while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  return lock;
}

/// Whether there is a file at `path` that is not a socket. A link to a socket is not a socket.
inline bool IsOtherFile(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode);
}

/// Whether there is a socket at `path` that no process has bound any more. It connects with a
/// datagram socket: a stream socket that is in use refuses that without noticing it. Throws
/// std::system_error if it can't make that socket.
inline bool IsStale(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const sockaddr_un address = SocketAddress(path);
  const Descriptor probe = MakeSocket(SOCK_DGRAM, path);
  return ::connect(probe.get(), AsSockaddr(address), sizeof(address)) != 0 && errno == ECONNREFUSED;
}

/// The file that binding a socket has made. It knows the file by device and inode, and removes no
/// other that has taken its path. Removing it is left to the owner: a destructor would also run in
/// a forked child process.
class BoundSocketFile {
 public:
  /// The file at `path`, to which a socket has just been bound.
  explicit BoundSocketFile(const std::string& path) : path_(AbsolutePath(path)) {
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0) {
      device_ = status.st_dev;
      inode_ = status.st_ino;
    }
  }

  /// Absolute.
  const std::string& path() const { return path_; }

  /// Removes the file, if it is still there. Call it before the socket is closed: until then the
  /// kernel gives its inode number to no other file, and no mock takes the file for stale.
  void Remove() const {
    if (IsThere()) ::unlink(path_.c_str());
  }
  /// Removes the file, if it is still there and no process has a socket bound to it. For when the
  /// socket has been closed, and another file may have got its inode number.
  void RemoveIfStale() const {
    const Descriptor lock = LockDirectory(path_);
    try {
      if (IsThere() && IsStale(path_)) ::unlink(path_.c_str());
    } catch (const std::system_error&) {  // it can't be checked; the next mock at this path will
    }
  }

 private:
  bool IsThere() const {
    struct stat status {};
    return inode_ != 0 && ::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
           status.st_dev == device_ && status.st_ino == inode_;
  }

  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: the file was gone at once
};

/// A listening stream socket, closed on exec, and its file.
struct ListeningSocket {
  Descriptor socket;
  BoundSocketFile file;
};

/// Binds `socket` in the place of a stale socket. Returns 0, or an errno.
inline int BindInPlaceOfStale(int socket, const sockaddr_un& address) {
  const Descriptor lock = LockDirectory(address.sun_path);
  if (!IsStale(address.sun_path)) return EADDRINUSE;
  ::unlink(address.sun_path);
  return ::bind(socket, AsSockaddr(address), sizeof(address)) == 0 ? 0 : errno;
}

[[noreturn]] inline void ThrowCannotListen(int error, const std::string& path) {
  std::string what = "cannot listen at " + path;
  if (error == EADDRINUSE && IsOtherFile(path)) {
    what +=
        ": there is a file that is not a socket. Remove it, or give another path, or none for a "
        "fresh one";
  } else if (error == EADDRINUSE) {
    what +=
        ": a socket is there and in use. Stop its process, or give another path, or none for a "
        "fresh one";
  } else if (error == ENOENT) {
    what += ": its directory does not exist. Make it first";
  }
  ThrowErrno(error, what);
}

/// Listens at `path`. Replaces a stale socket, but no other file. Throws std::system_error, which
/// says the path and the reason.
inline ListeningSocket ListenAt(const std::string& path) {
  const sockaddr_un address = SocketAddress(path);
  Descriptor socket = MakeSocket(SOCK_STREAM, path);
  int error = 0;
  if (::bind(socket.get(), AsSockaddr(address), sizeof(address)) != 0) error = errno;
  if (error == EADDRINUSE) error = BindInPlaceOfStale(socket.get(), address);
  if (error != 0) ThrowCannotListen(error, path);
  BoundSocketFile file(path);
  if (::listen(socket.get(), SOMAXCONN) != 0) {
    error = errno;
    file.Remove();
    ThrowCannotListen(error, path);
  }
  return {std::move(socket), std::move(file)};
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_SOCKET_FILES_HPP_
