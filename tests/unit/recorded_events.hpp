// What the net layer has told its observer, for the tests of that layer.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_RECORDED_EVENTS_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_RECORDED_EVENTS_HPP_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <ostream>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/channel_observer.hpp"

namespace hyperstart::detail {

struct ToldEvent {
  ChannelEvent event;
  std::size_t bytes = 0;
};
inline bool operator==(const ToldEvent& a, const ToldEvent& b) {
  return a.event == b.event && a.bytes == b.bytes;
}
/// The position in ChannelEvent, and the count.
inline void PrintTo(const ToldEvent& told, std::ostream* out) {
  *out << "event " << static_cast<int>(told.event) << " with " << told.bytes << " bytes";
}

class RecordedEvents final : public ChannelObserver {
 public:
  /// `forward`: called with each event, too.
  explicit RecordedEvents(std::function<void(ChannelEvent)> forward = {})
      : forward_(std::move(forward)) {}

  void OnEvent(ChannelEvent event, std::size_t bytes) override {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back({event, bytes});
    }
    if (forward_) forward_(event);
  }
  std::vector<ToldEvent> All() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::size_t Count(ChannelEvent event) const {
    const std::vector<ToldEvent> all = All();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const ToldEvent& told) { return told.event == event; }));
  }
  /// The sum of the counts of those events.
  std::size_t Bytes(ChannelEvent event) const {
    std::size_t sum = 0;
    for (const ToldEvent& told : All()) {
      if (told.event == event) sum += told.bytes;
    }
    return sum;
  }

 private:
  const std::function<void(ChannelEvent)> forward_;
  mutable std::mutex mutex_;
  std::vector<ToldEvent> events_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_RECORDED_EVENTS_HPP_
