// What this process holds: descriptors and threads. And how large a stress test may be.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_PROCESS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_PROCESS_HPP_

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
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

/// A whole number from the environment, or the default.
inline std::uint64_t Setting(const char* name, std::uint64_t fallback) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : std::stoull(value);
}

/// The percentage of `count` that MOCK_HYPERSTART_STRESS_PERCENT sets, by default all, and a tenth
/// under sanitizers; at least 1.
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

/// Whether this process holds what it held before. A thread that has been joined may be listed for
/// a moment longer, so this waits until it is true or the deadline is reached.
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

/// Raises the limit of open descriptors as far as this process may, and returns it.
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
