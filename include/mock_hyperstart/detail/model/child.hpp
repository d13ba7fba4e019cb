// A real process of this machine: fork and exec, pipes or a pty, signals, reaping. Knows nothing of
// the agent. Not thread-safe; the child itself calls only what a fork of a threaded program may.
//
// Source of the behaviour: hyper_exec_process of hyperstart v1.1.0, virtio-06k-exec-exit-kinds,
// virtio-09e-exec-status-kinds, virtio-09b-signal-group.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_CHILD_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_CHILD_HPP_

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/accounts.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/program.hpp"

namespace hyperstart::detail {

struct LaunchSpec {
  std::vector<std::string> args;
  std::vector<std::string> environment;
  std::string root;  // "" is the machine's own
  std::string cwd = "/";
  bool terminal = false;
  bool separate_stderr = true;
  Credentials user;
  bool old_agent = false;  // API 4242
};

class LocalChild {
 public:
  /// Starts it. std::system_error where there is no pipe, pty or process to be had.
  explicit LocalChild(const LaunchSpec& spec) : terminal_(spec.terminal) {
    ChildSide side;
    if (terminal_) {
      side.in = OpenTerminal(spec.root);
      side.out = Duplicate(side.in);
      if (!spec.separate_stderr) side.err = Duplicate(side.in);
    } else {
      std::tie(side.in, in_) = Pipe();
      std::tie(out_, side.out) = Pipe();
    }
    if (spec.separate_stderr) std::tie(err_, side.err) = Pipe();
    for (const Descriptor* fd : {&in_, &out_, &err_}) {
      if (*fd) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }
    RememberPipes();
    Fork(spec, side);
  }
  LocalChild(const LocalChild&) = delete;
  LocalChild& operator=(const LocalChild&) = delete;
  /// Kills and reaps it, and what it left behind; nothing in a process that was forked off.
  ~LocalChild() {
    if (::getpid() != owner_) return;
    KillAll(SIGKILL);
    if (!reaped_) Wait(0);
  }

  /// The parent's ends. With a terminal stdin and stdout are two descriptors of its master.
  Descriptor& in() { return in_; }
  Descriptor& out() { return out_; }
  Descriptor& err() { return err_; }
  /// Readable once the process has ended; none where the kernel has no such thing (Linux 5.3).
  const Descriptor& exit_event() const { return exit_event_; }

  /// Whether it has ended, and waits to be reaped.
  bool HasExited() const {
    siginfo_t info{};
    return reaped_ ||
           (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0);
  }
  /// Its status once it has ended, of which a signal makes 0; later calls return nothing.
  /// [virtio-06k-exec-exit-kinds]
  std::optional<int> Reap() {
    if (reaped_) return std::nullopt;
    return Wait(WNOHANG);
  }

  /// To the process alone. False where the kernel refuses it.
  bool Signal(int number) const { return reaped_ || ::kill(pid_, number) == 0; }
  /// To its process group, which its children are of: a process that made a session of its own gets
  /// nothing. Reaches the children once the process itself has ended. [virtio-09b-signal-group]
  void SignalGroup(int number) const {
    if (::kill(-pid_, number) != 0) Signal(number);  // it has not called setsid yet
  }
  /// To everything that came of it: its session, and whoever holds its pipes.
  void KillAll(int number) const {
    SignalGroup(number);
    for (const pid_t pid : Relatives()) ::kill(pid, number);
  }

  void Resize(WindowSize size) const {
    winsize wanted{};
    wanted.ws_row = static_cast<unsigned short>(size.rows);
    wanted.ws_col = static_cast<unsigned short>(size.columns);
    if (terminal_) ::ioctl(in_ ? in_.get() : out_.get(), TIOCSWINSZ, &wanted);
  }

 private:
  struct ChildSide {
    Descriptor in;
    Descriptor out;
    Descriptor err;
  };

  [[noreturn]] static void Throw(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  static std::pair<Descriptor, Descriptor> Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) Throw("pipe2");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
  }
  static Descriptor Duplicate(const Descriptor& fd) {
    Descriptor copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) Throw("fcntl");
    return copy;
  }
  /// A terminal of the root's own devpts, where it has one: then its name is right inside. Returns
  /// the slave's end.
  Descriptor OpenTerminal(const std::string& root) {
    constexpr int kFlags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    if (!root.empty()) in_ = Descriptor(::open((root + "/dev/pts/ptmx").c_str(), kFlags));
    if (!in_) in_ = Descriptor(::open("/dev/ptmx", kFlags));
    int locked = 0;
    if (!in_ || ::ioctl(in_.get(), TIOCSPTLCK, &locked) != 0) Throw("/dev/ptmx");
    Descriptor slave(::ioctl(in_.get(), TIOCGPTPEER, kFlags));
    if (!slave) Throw("TIOCGPTPEER");
    out_ = Duplicate(in_);
    return slave;
  }

  void Fork(const LaunchSpec& spec, const ChildSide& side) {
    const std::vector<char*> args = Pointers(spec.args);
    const std::vector<char*> environment = Pointers(spec.environment);
    pid_ = ::fork();
    if (pid_ < 0) Throw("fork");
    if (pid_ == 0) Become(spec, side, args.data(), environment.data());
#ifdef SYS_pidfd_open
    exit_event_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
#endif
  }
  static std::vector<char*> Pointers(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }

  // ---- in the child, where only async-signal-safe functions may be called

  [[noreturn]] static void Become(const LaunchSpec& spec, const ChildSide& side, char* const* args,
                                  char* const* environment) {
    for (int number = 1; number < 65; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid();
    if (spec.terminal) ::ioctl(side.in.get(), TIOCSCTTY, 0);
    ::dup2(side.in.get(), STDIN_FILENO);
    ::dup2(side.out.get(), STDOUT_FILENO);
    ::dup2(side.err.get(), STDERR_FILENO);
#ifdef SYS_close_range
    ::syscall(SYS_close_range, 3U, ~0U, 0U);  // what the test has open without CLOEXEC
#endif
    if (!spec.root.empty() && ::chroot(spec.root.c_str()) != 0) Fail("chroot", errno);
    if (::chdir("/") != 0 || ::chdir(spec.cwd.c_str()) != 0) Fail("chdir", errno);
    if (!spec.root.empty() && spec.user.real && ::geteuid() == 0) {
      const Credentials& user = spec.user;
      if ((!user.groups.empty() && ::setgroups(user.groups.size(), user.groups.data()) != 0) ||
          ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) {
        Fail("setuid", errno);
      }
    }
    ::environ = const_cast<char**>(environment);
    ::execvp(args[0], args);  // runs a file that is neither ELF nor #! with /bin/sh, as the agent's
    const int error = errno;
    Print("exec failed: ");
    Print(TextOf(error));
    Print("\n");
    if (error == ENOENT) ::_exit(127);
    if (error == EACCES) ::_exit(126);
    if (!spec.old_agent) Print("hyper send process inited event: error\n");
    ::_exit(125);
  }
  static void Print(const char* text) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  }
  [[noreturn]] static void Fail(const char* what, int error) {
    Print("AgentModel: ");
    Print(what);
    Print(" failed: ");
    Print(TextOf(error));
    Print("\n");
    ::_exit(125);
  }
  /// strerror may not be called there.
  static const char* TextOf(int error) {
    switch (error) {
      case ENOENT:
        return "No such file or directory";
      case EACCES:
        return "Permission denied";
      case ELOOP:
        return "Too many levels of symbolic links";
      case ENOTDIR:
        return "Not a directory";
      case ENAMETOOLONG:
        return "File name too long";
      case E2BIG:
        return "Argument list too long";
      case ENOEXEC:
        return "Exec format error";
      case ETXTBSY:
        return "Text file busy";
      case EISDIR:
        return "Is a directory";
      case EPERM:
        return "Operation not permitted";
      case ENOMEM:
        return "Cannot allocate memory";
      case EIO:
        return "Input/output error";
      case EINVAL:
        return "Invalid argument";
      default:
        return "Unknown error";
    }
  }

  // ---- in the parent

  std::optional<int> Wait(int options) {
    int status = 0;
    pid_t waited = 0;
    do waited = ::waitpid(pid_, &status, options);
    while (waited < 0 && errno == EINTR);
    if (waited == 0) return std::nullopt;
    reaped_ = true;
    exit_event_.Close();
    // Where someone else reaped it, its status is lost.
    return waited > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  }

  /// By what the pipes' ends are called in /proc.
  void RememberPipes() {
    for (const Descriptor* fd : {&in_, &out_, &err_}) {
      struct stat status {};
      if (*fd && ::fstat(fd->get(), &status) == 0 && S_ISFIFO(status.st_mode)) {
        pipes_.push_back("pipe:[" + std::to_string(status.st_ino) + "]");
      }
    }
  }

  /// Processes of its session, or with one of its pipes. Not those of this program's own session: a
  /// copy of it that was forked off has the pipes too.
  std::vector<pid_t> Relatives() const {
    std::vector<pid_t> found;
    DIR* const processes = ::opendir("/proc");
    if (processes == nullptr) return found;
    while (const dirent* const entry = ::readdir(processes)) {
      const auto pid = static_cast<pid_t>(std::atoi(entry->d_name));
      if (pid <= 1 || pid == owner_) continue;
      const pid_t session = ::getsid(pid);
      if (session == pid_ || (session != ::getsid(0) && HoldsPipe(pid))) found.push_back(pid);
    }
    ::closedir(processes);
    return found;
  }
  bool HoldsPipe(pid_t pid) const {
    const std::string path = "/proc/" + std::to_string(pid) + "/fd";
    DIR* const descriptors = ::opendir(path.c_str());
    if (descriptors == nullptr) return false;
    bool holds = false;
    while (const dirent* const entry = ::readdir(descriptors)) {
      std::array<char, 64> link{};
      const ssize_t size =
          ::readlinkat(::dirfd(descriptors), entry->d_name, link.data(), link.size());
      if (size <= 0) continue;
      const std::string_view name(link.data(), static_cast<std::size_t>(size));
      holds = holds || std::find(pipes_.begin(), pipes_.end(), name) != pipes_.end();
    }
    ::closedir(descriptors);
    return holds;
  }

  const bool terminal_;
  const pid_t owner_ = ::getpid();
  pid_t pid_ = -1;
  bool reaped_ = false;
  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
  Descriptor exit_event_;
  std::vector<std::string> pipes_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_CHILD_HPP_
