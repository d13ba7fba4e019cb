// What of a client's input the agent keeps for a process. Knows nothing of descriptors. Not
// thread-safe.
//
// Source of the behaviour: hyper_ttyfd_handle and hyper_event_write of hyperstart v1.1.0,
// virtio-06n2, virtio-09h-stdin-drain.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_STDIN_GATE_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_STDIN_GATE_HPP_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace hyperstart::detail {

/// A buffer of 512 bytes in front of a process's stdin. What does not fit is dropped without a
/// word, each frame by itself. The agent empties the buffer after every second frame of a burst, so
/// those two share it; frames that come apart find it empty, unless the process does not read.
///
/// A burst is what the agent finds when it looks for input again, which it does at once. So a clock
/// decides: the time when a frame was read. Frames of one read have the same time, and are a burst
/// on the slowest machine; those of two reads are one if the client wrote them without a pause.
class StdinGate {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kCapacity = 512;
  /// Longer than the agent takes for one frame, shorter than a pause of a client.
  static constexpr std::chrono::milliseconds kBurst{2};

  void Write(std::string_view data, Clock::time_point read_at) {
    if (end_requested_) return;
    std::size_t used = blocked_ ? pending_.size() : 0;
    const bool second = first_of_pair_ > 0 && read_at - first_at_ < kBurst;
    if (second) used = std::max(used, first_of_pair_);
    const std::string_view kept = data.substr(0, kCapacity - std::min(kCapacity, used));
    pending_ += kept;
    first_of_pair_ = second ? 0 : kept.size();
    first_at_ = read_at;
  }
  /// A frame for someone else has come: the agent has emptied the buffer meanwhile.
  void EndBurst() { first_of_pair_ = 0; }
  /// The client closed it: what is pending goes first.
  void RequestEnd() { end_requested_ = true; }

  /// The process does not read: what is pending keeps its place in the buffer.
  void SetBlocked(bool blocked) { blocked_ = blocked; }
  std::string_view pending() const { return pending_; }
  void Remove(std::size_t bytes) { pending_.erase(0, bytes); }
  std::string TakePending() { return std::exchange(pending_, {}); }
  bool AtEnd() const { return end_requested_ && pending_.empty(); }
  bool end_requested() const { return end_requested_; }

 private:
  std::string pending_;
  bool blocked_ = false;
  bool end_requested_ = false;
  std::size_t first_of_pair_ = 0;  // bytes kept of a frame whose second has not come
  Clock::time_point first_at_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_STDIN_GATE_HPP_
