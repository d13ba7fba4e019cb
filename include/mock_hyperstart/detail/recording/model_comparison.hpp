// Compares an agent with the model of it: the model is told what the agent was told, and must say
// the same. What differs first is reported, with the model's rule; then nothing more is compared
// with that agent, since the two no longer are in the same state. The next agent is compared anew.
//
// The order is the agent's: the model gets a command when the agent has answered it, and the end of
// a process when the agent has told it. So it does not matter when a program ends, or how much of
// io has come by then. What is compared:
//   - the reply to each command, in the order of the commands, and that there is one;
//   - the sum of the counts in `next` frames;
//   - that each process's end is told once, after its ack, and none of another;
//   - the ends of streams, in number, and that output is on a stream that some process had.
// What programs write, what is in files, and exit statuses are the agent's alone. What the agent
// can do teaches the model which devices and directories the machine has, and a reply that only an
// ended process explains, that it has ended. What the model takes for granted is in the text of a
// difference.
//
// Locks itself: its members are called on all threads of the forwarding. What it reports, it
// reports under no lock.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_

#include <fmt/core.h>

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
#include "mock_hyperstart/detail/recording/stream_comparison.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class ModelComparison final : public ForwardObserver {
 public:
  /// `report` gets the violations, `note` what else is to be known; both on the forwarding's
  /// threads. `old_agent`: API 4242.
  ModelComparison(bool old_agent, std::function<void(Violation)> report,
                  std::function<void(Channel, std::string_view)> note)
      : old_(old_agent), report_(std::move(report)), note_(std::move(note)) {
    const MutexLock lock(mutex_);
    BeginAnew();
  }
  ~ModelComparison() override {
    const MutexLock lock(mutex_);
    core_->Shutdown();
  }

  void OnBegin(Channel channel, const std::string& agent) override {
    const MutexLock lock(mutex_);
    if (channel == Channel::kIo) {
      BeginIo(agent);
      return;
    }
    if (agent != agent_ || machine_ended_) {
      agent_ = agent;
      BeginAnew();
    }
    forwarded_ = counted_ = answered_ = commands_ = 0;
  }

  void OnBytes(std::size_t count) override {
    const MutexLock lock(mutex_);
    forwarded_ += count;
  }
  void OnCommand(const DecodedMessage& message) override {
    const MutexLock lock(mutex_);
    commands_ += kCtlHeaderSize + message.payload.size();
    if (!over_) pending_.push_back(message);
  }
  void OnPacket(const IoPacket& packet) override {
    const MutexLock lock(mutex_);
    Streams().AddInput(packet.seq);
  }

  void OnAgentFrame(Command command, const std::string& payload) override {
    {
      const MutexLock lock(mutex_);
      if (!over_) Compare({command, payload});
    }
    Tell();
  }
  void OnAgentFrame(std::uint64_t seq, const std::string& data) override {
    const MutexLock lock(mutex_);
    const bool follows_end = Streams().AddOutput(seq, data);
    if (old_ && follows_end && io_is_compared_) AddStatus(seq, static_cast<unsigned char>(data[0]));
  }

  void OnFatalInput(Channel) override {
    const MutexLock lock(mutex_);
    may_have_died_ = true;
  }
  void OnBrokenFraming(Channel channel) override {
    {
      const MutexLock lock(mutex_);
      End(channel, "the framing is broken");
    }
    Tell();
  }
  void OnEnd(Channel channel, bool agent_left) override {
    {
      const MutexLock lock(mutex_);
      if (channel == Channel::kIo) {
        EndIo(agent_left);
      } else {
        EndCtl(agent_left);
      }
    }
    Tell();
  }

 private:
  using Frame = ShadowAgent::Frame;

  void BeginAnew() MOCK_HYPERSTART_REQUIRES(mutex_) {
    auto agent = std::make_unique<ShadowAgent>();
    shadow_ = agent.get();
    core_ = std::make_shared<ShadowCore>(std::move(agent), old_);
    pending_.clear();
    statuses_.clear();
    early_.clear();
    over_ = awaits_destroyed_ = machine_ended_ = may_have_died_ = false;
    io_is_compared_ = !io_agent_.empty() && io_agent_ != known_io_agent_;
    known_io_agent_ = io_is_compared_ ? io_agent_ : std::string();
    streams_ = io_is_compared_ ? std::move(next_streams_) : StreamComparison();
    io_is_whole_ = true;
  }

  static std::string Describe(const Frame& frame) {
    constexpr std::size_t kShown = 200;  // bytes
    std::string name = CommandName(frame.command);
    if (frame.payload.empty()) return name;
    return fmt::format("{} {} {}", name, Bytes(frame.payload.size()),
                       OneLine(frame.payload, kShown));
  }
  std::string DescribeSilence() const MOCK_HYPERSTART_REQUIRES(mutex_) {
    const std::string& words = shadow_->words();
    return words.empty() ? "nothing more" : "nothing more: " + words;
  }

  // ---- ctl

  void Compare(const Frame& frame) MOCK_HYPERSTART_REQUIRES(mutex_) {
    switch (frame.command) {
      case Command::kNext:
        return CompareCount(frame.payload);
      case Command::kReady:
        return;  // when it is said depends on the transport
      case Command::kAck:
      case Command::kError:
        return CompareReply(frame);
      case Command::kProcessAsyncEvent:
        if (!old_) return CompareEvent(frame);
        break;
      case Command::kFinishPodDeprecated:
        if (old_) return CompareFinish(frame);
        break;
      default:
        break;
    }
    Differ("unasked", Describe(frame), "nothing", frame.command);
  }

  void CompareCount(const std::string& payload) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (payload.size() == 4) counted_ += GetBigEndian(payload.data(), 4);
    if (payload.size() == 4 && counted_ <= forwarded_) return;
    Differ(fmt::format("byte {} of ctl", forwarded_),
           fmt::format("next for {} bytes in all", counted_),
           fmt::format("next for at most {}", forwarded_), Command::kNext);
  }

  void CompareReply(const Frame& reply) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (TakesDestroyed(reply)) return;
    while (!pending_.empty()) {
      const DecodedMessage message = std::move(pending_.front());
      pending_.pop_front();
      answered_ += kCtlHeaderSize + message.payload.size();
      const std::optional<Frame> expected = AskModel(message, reply);
      const std::string where = Describe({message.command, message.payload});
      if (!expected && awaits_destroyed_ && message.command == Command::kDestroyPod) continue;
      if (!expected) return Differ(where, Describe(reply), DescribeSilence(), message.command);
      if (!(*expected == reply)) {
        const bool assumes = expected->command != reply.command;
        return Differ(where, Describe(reply), Describe(*expected), message.command, assumes);
      }
      if (counted_ < answered_) {
        Differ(where, fmt::format("next for {} bytes in all before its reply", counted_),
               fmt::format("next for {}", answered_), Command::kNext);
      }
      return;
    }
    if (awaits_destroyed_ && old_) {
      core_->EndInits({});  // the last end is told nowhere else
      if (TakesDestroyed(reply)) return;
    }
    Differ(awaits_destroyed_ ? "destroypod, with containers that run" : "no command of the client",
           Describe(reply), "nothing", Command::kDestroyPod);
  }
  /// The ack of a destroypod that had containers to end.
  bool TakesDestroyed(const Frame& reply) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (!awaits_destroyed_ || !(reply == Frame{Command::kAck, {}})) return false;
    if (!shadow_->Take(Command::kAck)) return false;
    awaits_destroyed_ = false;
    return true;
  }

  /// What the model answers where the agent said `reply`; nothing for no answer.
  std::optional<Frame> AskModel(const DecodedMessage& message, const Frame& reply)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    std::optional<Frame> expected =
        Expected(message, core_->Answer(message, {reply.command, reply.payload}));
    if (expected && core_->ReadsFileOfContainer(message)) expected = reply;
    EndEarly();
    if (core_->HasProcesses() && !io_left_ && !io_is_compared_) io_is_whole_ = false;
    return expected;
  }
  std::optional<Frame> Expected(const DecodedMessage& message, const ReplySpec& spec)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (spec.IsUnspecified()) return Frame{Command::kAck, BigEndian32(kApiVersion)};
    if (spec.kind == ReplySpec::Kind::kFrame) return Frame{spec.command, spec.bytes};
    if (message.command == Command::kDestroyPod && !core_->IsSilent()) awaits_destroyed_ = true;
    return std::nullopt;
  }

  void CompareEvent(const Frame& event) MOCK_HYPERSTART_REQUIRES(mutex_) {
    core_->EndByEvent(event.payload);
    const std::optional<Frame> expected = shadow_->Take(event.command);
    if (expected && *expected == event) return;
    Differ("the end of a process", Describe(event),
           expected ? Describe(*expected) : "nothing: no such process runs, or in another form",
           event.command);
  }
  void CompareFinish(const Frame& finish) MOCK_HYPERSTART_REQUIRES(mutex_) {
    core_->EndInits(finish.payload);
    const std::optional<Frame> expected = shadow_->Take(finish.command);
    if (expected && *expected == finish) return;
    Differ("unasked", Describe(finish), expected ? Describe(*expected) : "nothing", finish.command);
  }

  void EndCtl(bool agent_left) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (agent_left && !over_ && !may_have_died_) CompareSilence();
    machine_ended_ = agent_left || core_->IsSilent();
    if (!over_ && !machine_ended_) {
      if (forwarded_ > commands_) {
        End(Channel::kCtl, "the client has left within a command");
      } else if (!pending_.empty() || core_->HasProcesses()) {
        CompareStreams(false);
        End(Channel::kCtl,
            "the client has left commands or processes behind, of which it does not hear");
      }
    }
    if (!over_) CompareStreams(agent_left && io_left_);
  }
  /// The agent has closed. What it owes an answer, the model must leave unanswered, too.
  void CompareSilence() MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (awaits_destroyed_) {
      if (old_) core_->EndInits({});
      return Differ("destroypod", "closes ctl",
                    shadow_->HasSaid(Command::kAck) ? "ack" : "ack once its containers have ended",
                    Command::kDestroyPod, true);
    }
    if (pending_.empty() || core_->IsSilent()) return;
    const DecodedMessage message = std::move(pending_.front());
    pending_.clear();
    const std::optional<Frame> expected = Expected(message, core_->Answer(message));
    if (!expected && !awaits_destroyed_) return;
    Differ(Describe({message.command, message.payload}), "closes ctl",
           expected ? Describe(*expected) : "ack once its containers have ended", message.command,
           true);
  }

  // ---- io

  /// What connects to io may be the agent on ctl, or the next one, which ctl has not found yet.
  void BeginIo(const std::string& agent) MOCK_HYPERSTART_REQUIRES(mutex_) {
    io_agent_ = agent;
    next_streams_ = StreamComparison();
    io_left_ = false;
    if (machine_ended_) known_io_agent_.clear();
    const bool may_be = known_io_agent_.empty() || known_io_agent_ == agent;
    io_is_compared_ = !agent_.empty() && !machine_ended_ && may_be;
    if (io_is_compared_) known_io_agent_ = agent;
  }
  StreamComparison& Streams() MOCK_HYPERSTART_REQUIRES(mutex_) {
    return io_is_compared_ ? streams_ : next_streams_;
  }
  void EndIo(bool agent_left) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (io_is_compared_) {
      io_left_ = agent_left;
      if (!agent_left) io_is_whole_ = false;
      CompareStreams(agent_left && machine_ended_);
    }
    io_agent_.clear();
    io_is_compared_ = false;
  }
  /// `has_ended`: the agent has closed both channels.
  void CompareStreams(bool has_ended) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (over_ || !pending_.empty()) return;
    const bool is_whole = has_ended && io_is_whole_ && core_->IsSilent();
    const auto difference = streams_.Compare(*shadow_, *core_, is_whole);
    if (!difference) return;
    Report(Channel::kIo, fmt::format("the streams, seq {}", difference->seq), difference->agent,
           difference->model, std::string(StreamComparison::kRule));
  }

  /// API 4242 tells the end of a process on io, which has no order with ctl: it may come before the
  /// reply that the process runs, and after what tells the end on ctl.
  void AddStatus(std::uint64_t seq, int status) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (++statuses_[seq] <= shadow_->Statuses(seq)) return;
    if (!core_->EndBySeq(seq, status)) early_.push_back({seq, status});
  }
  void EndEarly() MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (auto early = early_.begin(); early != early_.end();) {
      early = core_->EndBySeq(early->seq, early->status) ? early_.erase(early) : early + 1;
    }
  }

  // ---- Verdicts

  /// `assumes`: it is no difference where the model takes too much for granted.
  void Differ(const std::string& where, const std::string& agent, const std::string& model,
              Command command, bool assumes = false) MOCK_HYPERSTART_REQUIRES(mutex_) {
    std::string rule = DescribeModelRule(command);
    if (assumes && agent == "closes ctl") {
      rule += "\n  unless somebody has ended the machine: then both are right";
    } else if (assumes) {
      rule += DescribeModelAssumption(command);
    }
    Report(Channel::kCtl, where, agent, model, rule);
  }
  void Report(Channel channel, const std::string& where, const std::string& agent,
              const std::string& model, const std::string& rule) MOCK_HYPERSTART_REQUIRES(mutex_) {
    over_ = true;
    violation_ = Violation{
        channel,
        fmt::format("the agent differs from the model of hyperstart {} at {}\n  the agent: {}\n"
                    "  the model: {}\n  its rule:  {}\n  nothing more of this agent is compared",
                    old_ ? "0.7.0" : "1.1.0", where, agent, model, rule),
        {},
        false};
  }
  void End(Channel channel, std::string_view why) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (std::exchange(over_, true)) return;
    ended_on_ = channel;
    why_ended_ = why;
  }
  /// What was found, under no lock.
  void Tell() {
    std::optional<Violation> violation;
    std::string why;
    Channel channel{};
    {
      const MutexLock lock(mutex_);
      violation = std::exchange(violation_, std::nullopt);
      why = std::exchange(why_ended_, {});
      channel = ended_on_;
    }
    if (violation) report_(*std::move(violation));
    if (!why.empty()) {
      note_(channel, "nothing more of this agent is compared with the model: " + why);
    }
  }

  struct Status {
    std::uint64_t seq;
    int status;
  };

  const bool old_;
  const std::function<void(Violation)> report_;
  const std::function<void(Channel, std::string_view)> note_;

  Mutex mutex_;
  ShadowAgent* shadow_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = nullptr;  // owned by the core
  std::shared_ptr<ShadowCore> core_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::deque<DecodedMessage> pending_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // not answered yet
  bool awaits_destroyed_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  bool over_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;  // this agent is compared no more
  std::optional<Violation> violation_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // to be told
  std::string why_ended_ MOCK_HYPERSTART_GUARDED_BY(mutex_);               // the same
  Channel ended_on_ MOCK_HYPERSTART_GUARDED_BY(mutex_){};

  // Agents as OnBegin names them: whom ctl is connected to, whom io is, and who had the io of this
  // one. The first and the others have different names, since the sockets have.
  std::string agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::string io_agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::string known_io_agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  bool io_is_compared_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;  // io is connected to agent_
  bool may_have_died_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;   // of what the client has sent
  bool machine_ended_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  bool io_left_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;     // the agent has closed io
  bool io_is_whole_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = true;  // io has told all ends of streams

  // Bytes on this connection of ctl: of the client, of its whole commands, in `next` frames, of
  // commands that are answered.
  std::uint64_t forwarded_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  std::uint64_t commands_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  std::uint64_t counted_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  std::uint64_t answered_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;

  StreamComparison streams_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  StreamComparison next_streams_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // while io is not compared
  std::map<std::uint64_t, std::size_t> statuses_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // told on io
  std::deque<Status> early_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // of processes not known yet
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_COMPARISON_HPP_
