// A channel observer that remembers what it is told, and lets a test wait for it. Locks itself: any
// thread.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_RECORDING_OBSERVER_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_RECORDING_OBSERVER_HPP_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "support/deadline.hpp"

namespace hyperstart::detail {

class RecordingObserver : public ChannelObserver {
 public:
  struct Told {
    ChannelEvent event;
    std::size_t bytes;

    friend bool operator==(const Told& a, const Told& b) {
      return a.event == b.event && a.bytes == b.bytes;
    }
  };

  void OnEvent(ChannelEvent event, std::size_t bytes) override {
    {
      const std::lock_guard lock(mutex_);
      told_.push_back({event, bytes});
      switch (event) {
        case ChannelEvent::kConnected:
          connected_ = true;
          break;
        case ChannelEvent::kClientLeft:
        case ChannelEvent::kDisconnected:
        case ChannelEvent::kDetached:
          ++departures_;
          connected_ = false;
          break;
        case ChannelEvent::kReset:
        case ChannelEvent::kStopped:
          connected_ = false;
          break;
        default:
          break;
      }
    }
    changed_.notify_all();
  }

  /// Everything since the last call.
  std::vector<Told> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(told_, {});
  }
  bool IsConnected() {
    const std::lock_guard lock(mutex_);
    return connected_;
  }
  /// The departures that no wait has taken.
  int departures() {
    const std::lock_guard lock(mutex_);
    return departures_;
  }
  bool WaitForConnection() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, [&] { return connected_; });
  }
  /// Takes one departure.
  bool WaitForDeparture() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kDeadline, [&] { return departures_ > 0; })) return false;
    --departures_;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Told> told_;
  bool connected_ = false;
  int departures_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_RECORDING_OBSERVER_HPP_
