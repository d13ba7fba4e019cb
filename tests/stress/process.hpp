// What this process holds: descriptors, threads, files, memory. And how much of a stress test there
// is time for.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_PROCESS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_PROCESS_HPP_

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "support/deadline.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOCK_HYPERSTART_TESTS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MOCK_HYPERSTART_TESTS_SANITIZED 1
#endif
#endif

namespace process {

#ifdef MOCK_HYPERSTART_TESTS_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// A whole number from the environment.
inline std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::stoull(value);
}

/// So many, or as many as MOCK_HYPERSTART_STRESS_PERCENT says: a tenth under sanitizers.
inline std::size_t Scaled(std::size_t count) {
  const std::uint64_t percent = Setting("MOCK_HYPERSTART_STRESS_PERCENT", kSanitized ? 10 : 100);
  const std::size_t scaled = count * percent / 100;
  return scaled > 0 ? scaled : 1;
}

inline std::size_t CountEntries(const std::string& directory) {
  const std::filesystem::directory_iterator entries(directory);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

struct Holdings {
  std::size_t descriptors = CountEntries("/proc/self/fd");
  std::size_t threads = CountEntries("/proc/self/task");

  friend bool operator==(const Holdings& a, const Holdings& b) {
    return a.descriptors == b.descriptors && a.threads == b.threads;
  }
};

/// A thread that has been joined may be listed for a moment: so until it holds, or for long.
inline testing::AssertionResult HoldsOnly(const Holdings& before) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    const Holdings now;
    if (now == before) return testing::AssertionSuccess();
    if (std::chrono::steady_clock::now() > deadline) {
      return testing::AssertionFailure()
             << now.descriptors << " descriptors where " << before.descriptors << " were, "
             << now.threads << " threads where " << before.threads << " were";
    }
    std::this_thread::yield();
  }
}

/// A directory for what a test makes, on a tmpfs where there is one, with TMPDIR set to it.
class TemporaryPlace {
 public:
  TemporaryPlace() {
    if (const char* const value = std::getenv("TMPDIR")) before_ = value;
    if (::access("/dev/shm", W_OK) != 0) path_ = "/tmp/stress.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory " + path_);
    Enter();
  }
  TemporaryPlace(const TemporaryPlace&) = delete;
  TemporaryPlace& operator=(const TemporaryPlace&) = delete;
  ~TemporaryPlace() {
    if (before_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", before_.c_str(), 1);
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  void Enter() const { ::setenv("TMPDIR", path_.c_str(), 1); }
  const std::string& path() const { return path_; }
  std::size_t CountEntries() const { return process::CountEntries(path_); }

 private:
  std::string path_ = "/dev/shm/stress.XXXXXX";
  std::string before_;
};

/// Raises the limit as far as this process may; what it is then.
inline std::size_t MostDescriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace process

#endif  // MOCK_HYPERSTART_TESTS_STRESS_PROCESS_HPP_
