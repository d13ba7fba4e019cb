// Compares the agents behind a spy with the model of them, one after the other, and reports what it
// finds. What is compared of one agent stands in agent_comparison.hpp. An agent that takes the
// place of another one, or comes after a power-off, is compared from its start.
//
// Locks itself: its members are called on all threads of the forwarding. What it reports, it
// reports under no lock.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/recording/agent_comparison.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class ModelComparison final : public ForwardObserver {
 public:
  /// `report` gets the violations, `note` what else is to be known; both on the forwarding's
  /// threads. `old_agent`: API 4242.
  ModelComparison(bool old_agent, std::function<void(Violation)> report,
                  std::function<void(Channel, std::string_view)> note)
      : old_(old_agent), report_(std::move(report)), note_(std::move(note)) {}

  void OnBegin(Channel channel, const std::string& agent) override {
    const MutexLock lock(mutex_);
    if (channel == Channel::kIo) return BeginIo(agent);
    if (agent != agent_ || current_->machine_ended()) BeginAgent(agent);
    current_->BeginCtl();
  }

  void OnBytes(std::size_t count) override {
    const MutexLock lock(mutex_);
    current_->AddBytes(count);
  }
  void OnCommand(const DecodedMessage& message) override {
    const MutexLock lock(mutex_);
    current_->AddCommand(message);
  }
  void OnPacket(const IoPacket& packet) override {
    const MutexLock lock(mutex_);
    Of(Channel::kIo).AddPacket(packet);
  }

  void OnAgentFrame(Command command, const std::string& payload) override {
    {
      const MutexLock lock(mutex_);
      current_->AddFrame({command, payload});
    }
    ReportFindings();
  }
  void OnAgentFrame(std::uint64_t seq, const std::string& data) override {
    const MutexLock lock(mutex_);
    Of(Channel::kIo).AddOutput(seq, data);
  }

  void OnFatalInput(Channel channel) override {
    const MutexLock lock(mutex_);
    Of(channel).AddFatalInput();
  }
  void OnBrokenFraming(Channel channel) override {
    {
      const MutexLock lock(mutex_);
      Of(channel).End(channel, "the framing is broken");
    }
    ReportFindings();
  }
  void OnEnd(Channel channel, bool agent_left) override {
    {
      const MutexLock lock(mutex_);
      if (channel == Channel::kCtl) {
        current_->EndCtl(agent_left);
      } else {
        Of(channel).EndIo(agent_left);
        io_agent_.clear();
        io_is_current_ = false;
      }
    }
    ReportFindings();
  }

 private:
  /// Another agent than before is on ctl. Io may have found it before.
  void BeginAgent(const std::string& agent) MOCK_HYPERSTART_REQUIRES(mutex_) {
    auto fresh = std::make_unique<AgentComparison>(old_);
    agent_ = agent;
    io_is_current_ = !io_agent_.empty() && io_agent_ != known_io_agent_;
    known_io_agent_ = io_agent_;
    if (io_is_current_) fresh.swap(next_);
    current_ = std::move(fresh);
  }
  /// What connects to io may be the agent on ctl, or the next one, which ctl has not found yet.
  void BeginIo(const std::string& agent) MOCK_HYPERSTART_REQUIRES(mutex_) {
    io_agent_ = agent;
    if (current_->machine_ended()) known_io_agent_.clear();
    const bool may_be = known_io_agent_.empty() || known_io_agent_ == agent;
    io_is_current_ = !agent_.empty() && !current_->machine_ended() && may_be;
    if (io_is_current_) {
      known_io_agent_ = agent;
    } else {
      next_ = std::make_unique<AgentComparison>(old_);
    }
    Of(Channel::kIo).BeginIo();
  }
  /// Of the agent that the channel is connected to.
  AgentComparison& Of(Channel channel) MOCK_HYPERSTART_REQUIRES(mutex_) {
    return channel == Channel::kCtl || io_is_current_ ? *current_ : *next_;
  }

  /// Under no lock.
  void ReportFindings() {
    AgentComparison::Found found;
    {
      const MutexLock lock(mutex_);
      found = current_->TakeFound();
    }
    if (found.difference) report_(*std::move(found.difference));
    if (!found.why_ended.empty()) {
      note_(found.ended_on,
            "this agent is not compared with the model any further: " + found.why_ended);
    }
  }

  const bool old_;
  const std::function<void(Violation)> report_;
  const std::function<void(Channel, std::string_view)> note_;

  Mutex mutex_;
  // Of the agent on ctl, and of one that so far only io is connected to. Never null.
  std::unique_ptr<AgentComparison> current_ MOCK_HYPERSTART_GUARDED_BY(mutex_) =
      std::make_unique<AgentComparison>(old_);
  std::unique_ptr<AgentComparison> next_ MOCK_HYPERSTART_GUARDED_BY(mutex_) =
      std::make_unique<AgentComparison>(old_);
  // Agents as OnBegin names them. An agent has another name on io than on ctl.
  std::string agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);           // of the last connection of ctl
  std::string io_agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);        // of that of io; empty: none
  std::string known_io_agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // the name of current_ on io
  bool io_is_current_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
