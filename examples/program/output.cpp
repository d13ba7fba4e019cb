#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace program {
namespace {

constexpr int kPollMilliseconds = 100;  // to notice that the program ends
constexpr int kPatience = 20;           // polls without progress, once it ends
constexpr std::size_t kPiece = 4096;    // as much as a pipe takes when it says that it takes more

}  // namespace

Output::Output(int fd, std::size_t limit, bool owns)
    : fd_(fd), limit_(limit), owns_(owns), thread_([this] { Run(); }) {}

Output::~Output() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  thread_.join();
  if (owns_) ::close(fd_);
}

void Output::Write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (closed_ || ending_) return;
  if (waiting_.size() + line.size() > limit_) {
    closed_ = true;
    std::fprintf(stderr,
                 "mock-hyperstart: the client does not read: more than %zu bytes wait for it; it "
                 "gets nothing more\n",
                 limit_);
    return;
  }
  waiting_ += line;
  waiting_ += '\n';
  changed_.notify_one();
}

void Output::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || closed_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    const std::string bytes = std::exchange(waiting_, {});
    lock.unlock();
    const bool written = WriteAll(bytes);
    lock.lock();
    if (!written) break;
  }
  closed_ = true;
  waiting_.clear();
  if (ending_) return;
  // The clear end for who reads on: the end of the file. The descriptor stays taken.
  ::shutdown(fd_, SHUT_RDWR);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, fd_);
  ::close(null);
}

bool Output::WriteAll(const std::string& bytes) {
  int stalled = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    pollfd poller{fd_, POLLOUT, 0};
    const int ready = ::poll(&poller, 1, kPollMilliseconds);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) {
      const std::lock_guard lock(mutex_);
      if (ending_ && ++stalled > kPatience) return false;
      continue;
    }
    const ssize_t count = ::write(fd_, bytes.data() + at, std::min(kPiece, bytes.size() - at));
    if (count < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (count > 0) {
      at += static_cast<std::size_t>(count);
      stalled = 0;
    }
  }
  return true;
}

}  // namespace program
