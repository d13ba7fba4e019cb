// What the model says that is told what another agent is told: kept, to be compared. Locks itself:
// any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// What the model says by itself.
class ShadowAgent final : public ModelledAgent {
 public:
  struct Frame {
    Command command;
    std::string payload;
  };

  const Options& options() const override { return options_; }
  std::chrono::steady_clock::time_point IoReadTime() const override {
    return std::chrono::steady_clock::now();
  }
  void SendMessage(Command command, std::string_view payload) override {
    const MutexLock lock(mutex_);
    frames_.push_back({command, std::string(payload)});
    changed_.NotifyAll();
  }
  void SendIo(std::uint64_t seq, std::string_view data) override {
    const MutexLock lock(mutex_);
    if (data.empty()) ++ends_[seq];
    changed_.NotifyAll();
  }
  /// The client's fault, and what the agent does of it: why it says nothing.
  void ReportViolation(Violation violation) override { Note(violation.channel, violation.what); }
  void Note(Channel, std::string_view text) override {
    const MutexLock lock(mutex_);
    words_ = text;
  }
  std::size_t UnsentBytes(Channel) const override { return 0; }
  void StopListening(Channel) override {}
  void ShutdownSend(Channel) override {}
  void Disconnect(Channel) override {}
  void SetHandler(Handler) override {}
  void SetIoHandler(IoHandler) override {}
  void SetFatalInputHandler(FatalInputHandler) override {}
  void HoldNexts(bool) override {}

  /// The first frame that `wanted` takes, once there is one.
  template <typename Wanted>
  std::optional<Frame> Take(const Wanted& wanted, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    MutexLock lock(mutex_);
    for (;;) {
      for (auto frame = frames_.begin(); frame != frames_.end(); ++frame) {
        if (!wanted(*frame)) continue;
        Frame taken = std::move(*frame);
        frames_.erase(frame);
        return taken;
      }
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
      changed_.WaitUntil(lock, deadline);
    }
  }
  std::size_t Ends(std::uint64_t seq) {
    const MutexLock lock(mutex_);
    return ends_[seq];
  }
  void WaitForEnds(std::uint64_t seq, std::size_t count, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    MutexLock lock(mutex_);
    while (ends_[seq] < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(lock, deadline);
    }
  }
  std::map<std::uint64_t, std::size_t> AllEnds() {
    const MutexLock lock(mutex_);
    return ends_;
  }
  std::string TakeWords() {
    const MutexLock lock(mutex_);
    return std::exchange(words_, {});
  }

 private:
  const Options options_{};
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<Frame> frames_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::size_t> ends_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::string words_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // the last
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_
