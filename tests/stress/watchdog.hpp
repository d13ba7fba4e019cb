// Aborts a program whose threads are deadlocked, and prints what each of them was doing.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_WATCHDOG_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_WATCHDOG_HPP_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

class Watchdog {
 public:
  Watchdog(std::size_t threads, std::chrono::seconds patience)
      : doing_(threads), thread_([this, patience] { Watch(patience); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// Notes what the thread with that number does from now on; nullptr when it has ended.
  void Note(std::size_t thread, const char* what) { doing_[thread] = what; }

 private:
  void Watch(std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [&] { return over_; })) return;
    std::fprintf(stderr, "deadlock: after %lld s these threads have not come to an end:\n",
                 static_cast<long long>(patience.count()));
    for (std::size_t i = 0; i < doing_.size(); ++i) {
      if (const char* const what = doing_[i]) std::fprintf(stderr, "  %zu: %s\n", i, what);
    }
    std::abort();
  }

  std::vector<std::atomic<const char*>> doing_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

#endif  // MOCK_HYPERSTART_TESTS_STRESS_WATCHDOG_HPP_
