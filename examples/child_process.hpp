// A program under test as a child process: its stdin, stdout, stderr and exit status. The process
// has ended when the object is destroyed, even if the test fails.

#ifndef CHILD_PROCESS_HPP_
#define CHILD_PROCESS_HPP_

#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

/// A socket pair, so that writing to a process that has ended raises no SIGPIPE.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    parent_end = ends[0];
    child_end = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    Close(parent_end);
    Close(child_end);
  }
  static void Close(int& fd) { ::close(std::exchange(fd, -1)); }
  int parent_end;
  int child_end;
};

class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int fd = 0;
    for (const Pipe& pipe : pipes_)
      posix_spawn_file_actions_adddup2(&actions, pipe.child_end, fd++);
    const int error =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), command[0]);
    for (Pipe& pipe : pipes_) Pipe::Close(pipe.child_end);
  }
  ~ChildProcess() {
    if (pid_ > 0) Finish(0);
  }
  void WriteStdin(std::string_view text) {
    ::send(pipes_[0].parent_end, text.data(), text.size(), MSG_NOSIGNAL);
  }
  void CloseStdin() { Pipe::Close(pipes_[0].parent_end); }

  /// What the process has printed, and its exit status; -1 if a signal ended it.
  struct Result {
    std::string out, err;
    int status;
  };
  /// Waits for the end of the process. Kills it if it prints nothing for that long.
  Result Finish(int milliseconds = 20000) {
    const int out = pipes_[1].parent_end, err = pipes_[2].parent_end;
    Result result{ReadToEnd(out, milliseconds), ReadToEnd(err, milliseconds), -1};
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
    return result;
  }

 private:
  std::string ReadToEnd(int fd, int milliseconds) const {
    pollfd input = {fd, POLLIN, 0};
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
      if (::poll(&input, 1, milliseconds) == 0) ::kill(pid_, SIGKILL);
      const ssize_t count = ::read(fd, buffer.data(), buffer.size());
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

  std::array<Pipe, 3> pipes_;  // stdin, stdout, stderr
  pid_t pid_ = -1;
};

#endif  // CHILD_PROCESS_HPP_
