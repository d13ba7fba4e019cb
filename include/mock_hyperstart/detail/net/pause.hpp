// Whether a channel's reading is paused. Locks itself, alone: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_NET_PAUSE_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_PAUSE_HPP_

#include <atomic>
#include <chrono>

#include "mock_hyperstart/detail/net/mutex.hpp"

namespace hyperstart::detail {

class Pause {
 public:
  void Set(bool paused) {
    {
      const MutexLock lock(mutex_);
      paused_ = paused;
    }
    changed_.NotifyAll();
  }
  bool IsSet() const { return paused_; }
  /// Blocks while the pause is set, for `time` at most. May return early.
  void WaitFor(std::chrono::milliseconds time) {
    MutexLock lock(mutex_);
    if (paused_) changed_.WaitFor(lock, time);
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::atomic<bool> paused_{false};  // written under mutex_, so that WaitFor misses no change
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_PAUSE_HPP_
