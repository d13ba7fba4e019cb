// The inner program as a child process: what it prints, its exit status, and killing it.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_CHILD_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_CHILD_HPP_

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class Child {
 public:
  /// Variables that are added to the environment of this process.
  using Environment = std::vector<std::pair<std::string, std::string>>;

  Child(const std::string& filter, const Environment& environment) {
    const std::string argument = "--gtest_filter=" + filter;
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      // If this process runs one of several shards, that does not apply to the child.
      for (const char* const name : {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX"}) ::unsetenv(name);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      ::execl(STRESS_INNER, STRESS_INNER, argument.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(pipe[1]);
    output_ = pipe[0];
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        output_(std::exchange(other.output_, -1)),
        text_(std::move(other.text_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) Kill();
    if (output_ >= 0) ::close(output_);
  }

  /// Returns when the child has printed that text, or has ended.
  void AwaitOutput(const std::string& part) {
    while (text_.find(part) == std::string::npos && ReadSome()) {
    }
  }
  void Kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// Waits for its end. Returns its exit status; -1 if a signal ended it.
  int Finish() {
    while (ReadSome()) {
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& output() const { return text_; }

 private:
  bool ReadSome() {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count > 0) text_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  pid_t pid_ = -1;
  int output_ = -1;
  std::string text_;
};

#endif  // MOCK_HYPERSTART_TESTS_STRESS_CHILD_HPP_
