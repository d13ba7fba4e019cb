// Compares an agent with the model of it: the model is told what the agent was told, and must say
// the same. What differs first is reported, with the model's rule; then nothing more is compared,
// since the two no longer are in the same state.
//
// The order is the agent's: the model gets a command when the agent has answered it, and the end of
// a process when the agent has told it. So it does not matter when a program ends, or how much of
// io has come by then. What is compared:
//   - the reply to each command, in the order of the commands, and that there is one;
//   - the sum of the counts in `next` frames;
//   - that each process's end is told once, after its ack, and none of another;
//   - the ends of streams, in number, and that output is on a stream that some process had.
// What programs write and their statuses are the agent's alone. So are the devices of the machine,
// and files that `writefile` has not written; images, users and directories all are taken to exist.
//
// Locks itself: its members are called on all threads of the forwarding, and on the model's. ctl_
// is taken first, then the model's mutex, then streams_mutex_.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/recording/model_rules.hpp"
#include "mock_hyperstart/detail/recording/shadow_agent.hpp"
#include "mock_hyperstart/detail/recording/shadow_core.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class ModelComparison final : public ForwardObserver {
 public:
  /// `report` gets the violation, `note` what else is to be known; both on the forwarding's
  /// threads. `old_agent`: API 4242. std::system_error where there is no thread to be had.
  ModelComparison(bool old_agent, std::function<void(Violation)> report,
                  std::function<void(Channel, std::string_view)> note)
      : old_(old_agent), report_(std::move(report)), note_(std::move(note)) {
    auto agent = std::make_unique<ShadowAgent>();
    shadow_ = agent.get();
    core_ = std::make_shared<ShadowCore>(std::move(agent), old_agent);
    core_->RunThread();
  }
  ~ModelComparison() override { core_->Shutdown(); }

  void OnBytes(std::size_t count) override {
    const MutexLock lock(ctl_);
    forwarded_ += count;
  }
  void OnCommand(const DecodedMessage& message) override {
    const MutexLock lock(ctl_);
    if (over_) return;
    pending_.push_back(message);
    is_pending_ = true;
  }

  void OnPacket(const IoPacket& packet) override {
    if (over_) return;
    const bool known = core_->CountOf(packet.seq) > 0;
    {
      const MutexLock lock(streams_mutex_);
      Stream& stream = streams_[packet.seq];
      // The agent may be ahead: the process may have ended, or a command may have begun one.
      if (known) ++stream.may_end_more;
      if (!known && is_pending_) ++stream.may_end_fewer;
    }
    core_->HandleIo(packet);
  }

  void OnAgentFrame(Command command, const std::string& payload) override {
    const MutexLock lock(ctl_);
    if (over_) return;
    if (command == Command::kNext) return CompareCount(payload);
    if (command == Command::kReady) return;  // when it is said depends on the transport
    if (command == Command::kAck || command == Command::kError) {
      CompareReply({command, payload});
    } else if (command == Command::kProcessAsyncEvent && !old_) {
      CompareEvent({command, payload});
    } else if (command == Command::kFinishPodDeprecated && old_) {
      core_->EndAll();  // the last end is told nowhere else
      TakeFrame(command);
    } else {
      Differ(Channel::kCtl, "unasked", Describe({command, payload}), "nothing", command);
    }
    is_pending_ = !pending_.empty();
  }

  void OnAgentFrame(std::uint64_t seq, const std::string& data) override {
    if (over_) return;
    bool tells_status = false;
    {
      const MutexLock lock(streams_mutex_);
      Stream& stream = streams_[seq];
      tells_status = old_ && stream.ended_last && data.size() == 1;
      stream.ended_last = data.empty();
      stream.has_output = stream.has_output || !data.empty();
      if (data.empty()) ++stream.ends;
    }
    if (!tells_status) return;
    const std::size_t ends = shadow_->Ends(seq);
    if (core_->EndBySeq(seq, static_cast<unsigned char>(data[0]))) {
      shadow_->WaitForEnds(seq, ends + 1, kLongest);
    }
  }

  void OnBrokenFraming(Channel channel) override {
    const MutexLock lock(ctl_);
    End(channel, "the framing is broken");
  }

  void OnEnd(Channel channel, bool agent_left) override {
    const MutexLock lock(ctl_);
    if (over_) return;
    if (channel == Channel::kCtl) {
      if (agent_left) CompareSilence();
      if (!over_ && !agent_left && (!pending_.empty() || core_->HasProcesses())) {
        CompareStreams(false);
        End(channel, "the client has left commands or processes behind, of which it does not hear");
      }
      pending_.clear();
      is_pending_ = false;
      forwarded_ = counted_ = answered_ = 0;
    } else {
      CompareStreams(agent_left && !has_left_io_);
      has_left_io_ = true;
    }
  }

 private:
  using Frame = ShadowAgent::Frame;
  /// For what the model surely says: only a failure takes so long.
  static constexpr std::chrono::milliseconds kLongest{30'000};

  struct Stream {
    std::size_t ends = 0;  // that the agent has told
    std::size_t may_end_more = 0;
    std::size_t may_end_fewer = 0;
    bool has_output = false;
    bool ended_last = false;
  };

  static std::string Describe(const Frame& frame) {
    constexpr std::size_t kShown = 200;  // bytes
    std::string name = CommandName(frame.command);
    if (frame.payload.empty()) return name;
    return fmt::format("{} {} {}", name, Bytes(frame.payload.size()),
                       OneLine(frame.payload, kShown));
  }

  // ---- ctl

  void CompareCount(const std::string& payload) MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (payload.size() == 4) counted_ += GetBigEndian(payload.data(), 4);
    if (payload.size() == 4 && counted_ <= forwarded_) return;
    Differ(Channel::kCtl, fmt::format("byte {} of ctl", forwarded_),
           fmt::format("next for {} bytes in all", counted_),
           fmt::format("next for at most {}", forwarded_), Command::kNext);
  }

  void CompareReply(const Frame& reply) MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (awaits_destroyed_ && TakesDestroyed(reply, std::chrono::milliseconds(0))) return;
    while (!pending_.empty()) {
      const DecodedMessage message = std::move(pending_.front());
      pending_.pop_front();
      answered_ += kCtlHeaderSize + message.payload.size();
      const std::optional<Frame> expected = AskModel(message, reply);
      const std::string where = Describe({message.command, message.payload});
      if (!expected && awaits_destroyed_ && message.command == Command::kDestroyPod) continue;
      if (!expected) {
        return Differ(Channel::kCtl, where, Describe(reply), DescribeSilence(), message.command);
      }
      if (expected->command != reply.command || expected->payload != reply.payload) {
        return Differ(Channel::kCtl, where, Describe(reply), Describe(*expected), message.command);
      }
      if (counted_ < answered_) {
        Differ(Channel::kCtl, where,
               fmt::format("next for {} bytes in all before its reply", counted_),
               fmt::format("next for {}", answered_), Command::kNext);
      }
      return;
    }
    if (awaits_destroyed_ && old_) core_->EndAll();  // the last end is told nowhere else
    const bool is_due = awaits_destroyed_ && (old_ || !core_->HasContainers());
    if (is_due && TakesDestroyed(reply, kLongest)) return;
    Differ(Channel::kCtl,
           awaits_destroyed_ ? "destroypod, with containers that run" : "no command of the client",
           Describe(reply), "nothing", Command::kDestroyPod);
  }
  /// The ack of a destroypod that had containers to end.
  bool TakesDestroyed(const Frame& reply, std::chrono::milliseconds timeout)
      MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (reply.command != Command::kAck || !reply.payload.empty()) return false;
    if (!shadow_->Take([](const Frame& frame) { return frame.command == Command::kAck; },
                       timeout)) {
      return false;
    }
    awaits_destroyed_ = false;
    return true;
  }

  /// What the model answers where the agent said `reply`.
  std::optional<Frame> AskModel(const DecodedMessage& message, const Frame& reply)
      MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (reply.command == Command::kAck) core_->AddDevicesOf(message);
    if (core_->ReadsUnknownFile(message)) return reply;
    return Answer(message);
  }
  std::optional<Frame> Answer(const DecodedMessage& message) MOCK_HYPERSTART_REQUIRES(ctl_) {
    const ReplySpec spec = ReplyAccess::Take(core_->Handle(message));
    core_->NoteStreams();
    if (spec.action) spec.action();
    if (spec.IsUnspecified()) return Frame{Command::kAck, BigEndian32(kApiVersion)};
    if (spec.kind == ReplySpec::Kind::kFrame) return Frame{spec.command, spec.bytes};
    if (message.command == Command::kDestroyPod && !spec.drop_nexts) awaits_destroyed_ = true;
    return std::nullopt;
  }
  std::string DescribeSilence() const {
    const std::string words = shadow_->TakeWords();
    return words.empty() ? "nothing more" : "nothing more: " + words;
  }

  void CompareEvent(const Frame& event) MOCK_HYPERSTART_REQUIRES(ctl_) {
    // The model has ended it by itself, after a SIGKILL; else the agent's word ends it.
    const std::string key = event.payload.substr(0, event.payload.rfind(':'));
    const auto same = [&](const Frame& frame) {
      return frame.command == event.command &&
             frame.payload.substr(0, frame.payload.rfind(':')) == key;
    };
    const bool runs = core_->EndByEvent(event.payload);
    if (shadow_->Take(same, runs ? kLongest : std::chrono::milliseconds(0))) return;
    Differ(Channel::kCtl, "the end of a process", Describe(event),
           "nothing: no such process runs, or the event has another form", event.command);
  }
  void TakeFrame(Command command) MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (shadow_->Take([&](const Frame& frame) { return frame.command == command; }, kLongest)) {
      return;
    }
    Differ(Channel::kCtl, "unasked", CommandName(command), "nothing", command);
  }

  /// The agent has closed. What it owes an answer, the model must leave unanswered, too.
  void CompareSilence() MOCK_HYPERSTART_REQUIRES(ctl_) {
    for (const DecodedMessage& message : pending_) {
      const std::optional<Frame> expected = Answer(message);
      if (!expected) return;
      const std::string where = Describe({message.command, message.payload});
      return Differ(Channel::kCtl, where, "closes ctl", Describe(*expected), message.command);
    }
  }

  // ---- io

  /// `has_ended`: the agent says no more.
  void CompareStreams(bool has_ended) MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (!pending_.empty()) return;
    std::map<std::uint64_t, Stream> streams;
    {
      const MutexLock lock(streams_mutex_);
      streams = streams_;
    }
    for (const auto& [seq, ends] : shadow_->AllEnds()) streams[seq];
    for (const auto& [seq, stream] : streams) {
      const std::string where = fmt::format("the streams, seq {}", seq);
      const std::size_t ends = shadow_->Ends(seq);
      const std::size_t most = ends + stream.may_end_more + core_->CountOf(seq);
      if (stream.ends > most || (has_ended && stream.ends + stream.may_end_fewer < ends)) {
        return DifferOnStreams(where, fmt::format("{} ends of stream", stream.ends),
                               fmt::format("{}", ends));
      }
      if (stream.has_output && !core_->HadStream(seq)) {
        return DifferOnStreams(where, "output", "none: no process has that stream");
      }
    }
  }
  void DifferOnStreams(const std::string& where, const std::string& agent, const std::string& model)
      MOCK_HYPERSTART_REQUIRES(ctl_) {
    Report(Channel::kIo, where, agent, model,
           "a process ends its stdio stream once, when it is over, and never its stderr stream; "
           "input on a stream that no process has is answered with an end [virtio-06i-exec-script, "
           "virtio-07a-io-unknown-seq]");
  }

  // ---- Verdicts

  void Differ(Channel channel, const std::string& where, const std::string& agent,
              const std::string& model, Command rule) MOCK_HYPERSTART_REQUIRES(ctl_) {
    Report(channel, where, agent, model, DescribeModelRule(rule));
  }
  void Report(Channel channel, const std::string& where, const std::string& agent,
              const std::string& model, const std::string& rule) MOCK_HYPERSTART_REQUIRES(ctl_) {
    over_ = true;
    report_({channel,
             fmt::format("no fault of the client: the agent differs from the model of hyperstart "
                         "{} at {}\n  the agent: {}\n  the model: {}\n  its rule:  {}\n"
                         "  nothing more is compared",
                         old_ ? "0.7.0" : "1.1.0", where, agent, model, rule),
             {}});
  }
  void End(Channel channel, std::string_view why) MOCK_HYPERSTART_REQUIRES(ctl_) {
    if (over_.exchange(true)) return;
    note_(channel, fmt::format("nothing more is compared with the model: {}", why));
  }

  const bool old_;
  const std::function<void(Violation)> report_;
  const std::function<void(Channel, std::string_view)> note_;
  ShadowAgent* shadow_ = nullptr;  // owned by the core
  std::shared_ptr<ShadowCore> core_;
  std::atomic<bool> over_{false};
  std::atomic<bool> is_pending_{false};  // pending_ is not empty

  Mutex ctl_;
  std::deque<DecodedMessage> pending_ MOCK_HYPERSTART_GUARDED_BY(ctl_);  // not answered yet
  bool awaits_destroyed_ MOCK_HYPERSTART_GUARDED_BY(ctl_) = false;
  bool has_left_io_ MOCK_HYPERSTART_GUARDED_BY(ctl_) = false;
  // Bytes on this connection: of the client, in `next` frames, of commands that are answered.
  std::uint64_t forwarded_ MOCK_HYPERSTART_GUARDED_BY(ctl_) = 0;
  std::uint64_t counted_ MOCK_HYPERSTART_GUARDED_BY(ctl_) = 0;
  std::uint64_t answered_ MOCK_HYPERSTART_GUARDED_BY(ctl_) = 0;

  Mutex streams_mutex_;
  std::map<std::uint64_t, Stream> streams_ MOCK_HYPERSTART_GUARDED_BY(streams_mutex_);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
