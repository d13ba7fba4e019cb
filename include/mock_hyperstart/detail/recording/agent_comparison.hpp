// The comparison of one agent with the model of it: the model is told what the agent was told, and
// must say the same. What differs first is kept, with the model's rule; then nothing more is
// compared, since the two no longer are in the same state.
//
// The order is the agent's: the model gets a command when the agent has answered it, and the end of
// a process when the agent has told it. So it does not matter when a program ends, or how much of
// io has come by then. What is compared:
//   - the reply to each command, in the order of the commands, and that there is one;
//   - the counts in `next` frames: their sum, and that they come in the order of the agent's work;
//   - that each process's end is told once, after its ack, and none of another;
//   - the ends of streams, in number, and that output is on a stream that some process had.
// What programs write, what is in files, and exit statuses are the agent's alone. What the agent
// can do teaches the model which devices and directories the machine has, and a reply that only an
// ended process explains, that it has ended. What the model takes for granted is in the text of a
// difference.
//
// Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_AGENT_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_AGENT_COMPARISON_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/recording/model_rules.hpp"
#include "mock_hyperstart/detail/recording/shadow_agent.hpp"
#include "mock_hyperstart/detail/recording/shadow_core.hpp"
#include "mock_hyperstart/detail/recording/stream_comparison.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class AgentComparison {
 public:
  /// `old_agent`: API 4242.
  explicit AgentComparison(bool old_agent) : old_(old_agent) {
    auto agent = std::make_unique<ShadowAgent>();
    shadow_ = agent.get();
    core_ = std::make_shared<ShadowCore>(std::move(agent), old_agent);
  }
  AgentComparison(const AgentComparison&) = delete;
  AgentComparison& operator=(const AgentComparison&) = delete;
  ~AgentComparison() { core_->Shutdown(); }

  // ---- What a client and the agent say, before it is passed on

  void BeginCtl() { forwarded_ = counted_ = answered_ = commands_ = 0; }
  void AddBytes(std::size_t count) { forwarded_ += count; }
  void AddCommand(const DecodedMessage& message) {
    commands_ += kCtlHeaderSize + message.payload.size();
    if (!over_) pending_.push_back({message, streams_.ends(), HasFinished()});
  }
  void AddFrame(const DecodedMessage& frame) {
    if (may_live_ && !pending_.empty()) {
      End(Channel::kCtl,
          "the agent has survived an execcmd that ends the real one only by chance [virtio-06l3]");
    }
    if (!over_) Compare(frame);
  }
  /// Neither side says more. `agent_left`: the agent has closed, and the client had not.
  void EndCtl(bool agent_left) {
    if (agent_left && !over_ && !may_have_died_) CompareSilence();
    machine_ended_ = agent_left || core_->IsOff();
    if (!over_ && !machine_ended_) {
      if (forwarded_ > commands_) {
        End(Channel::kCtl, "the client has left within a command");
      } else if (!pending_.empty() || core_->HasProcesses()) {
        CompareStreams(false);
        End(Channel::kCtl,
            "the client left before it received all replies and all ends of processes");
      }
    }
    if (!over_) CompareStreams(agent_left && io_left_);
  }

  void BeginIo() {
    io_is_there_ = true;
    io_left_ = false;
  }
  void AddPacket(const IoPacket& packet) {
    if (!over_) streams_.AddInput(packet.seq, core_->CountOf(packet.seq) > 0);
  }
  void AddOutput(std::uint64_t seq, const std::string& data) {
    if (over_) return;
    const bool has_event = !old_ && core_->HadStream(seq);
    const bool follows_end = streams_.AddOutput(seq, data, has_event);
    if (old_ && follows_end) AddStatus(seq, static_cast<unsigned char>(data[0]));
  }
  void EndIo(bool agent_left) {
    io_is_there_ = false;
    io_left_ = agent_left;
    if (!agent_left) io_is_whole_ = false;
    CompareStreams(agent_left && machine_ended_);
  }

  /// The client has sent what the real agent may die of.
  void AddFatalInput() { may_have_died_ = true; }
  /// Nothing more can be compared.
  void End(Channel channel, std::string_view why) {
    if (std::exchange(over_, true)) return;
    found_.ended_on = channel;
    found_.why_ended = why;
  }

  // ---- What was found

  struct Found {
    std::optional<Violation> difference;
    std::string why_ended;  // nothing more is compared; empty: it is, or there is a difference
    Channel ended_on{};
  };
  Found TakeFound() { return std::exchange(found_, {}); }
  /// The agent has closed, or is one that answers nothing more.
  bool machine_ended() const { return machine_ended_; }

 private:
  std::string DescribeSilence() const {
    const std::string& words = shadow_->words();
    return words.empty() ? "nothing more" : "nothing more: " + words;
  }

  // ---- ctl

  void Compare(const DecodedMessage& frame) {
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
    Report(Channel::kCtl, "no command of the client", Describe(frame), "nothing",
           "an agent of this version never says that [from source]");
  }

  void CompareCount(const std::string& payload) {
    if (payload.size() != 4) {
      return Differ("the client's bytes", Describe({Command::kNext, payload}), "next with 4 bytes",
                    Command::kNext);
    }
    counted_ += GetBigEndian(payload.data(), 4);
    if (counted_ <= forwarded_) return CompareOrder();
    Differ(fmt::format("byte {} of ctl", forwarded_),
           fmt::format("next for {} bytes in all", counted_),
           fmt::format("next for at most {}", forwarded_), Command::kNext);
  }

  /// The agent reads the next command when it has answered the one before. Only a destroypod may
  /// have its answer later.
  void CompareOrder() {
    std::uint64_t read = answered_;
    for (const Pending& pending : pending_) {
      read += kCtlHeaderSize + pending.message.payload.size();
      if (counted_ <= read) return;
      if (pending.message.command == Command::kDestroyPod) continue;
      return Differ(
          Describe(pending.message), "next for the following command, before the reply to this one",
          "the reply first, then next for the following command", pending.message.command);
    }
  }

  void CompareReply(const DecodedMessage& reply) {
    if (TakesDestroyed(reply)) return;
    while (!pending_.empty()) {
      const std::size_t size = kCtlHeaderSize + pending_.front().message.payload.size();
      const bool is_read = counted_ >= answered_ + size;
      if (!is_read && TakesGuessedDestroyed(reply)) return;
      const DecodedMessage message = std::move(pending_.front().message);
      const std::uint64_t ends_before = pending_.front().ends_before;
      const bool finished_before = pending_.front().finished_before;
      pending_.pop_front();
      answered_ += size;
      const std::optional<DecodedMessage> expected = AskModel(message, reply);
      const std::string where = Describe(message);
      if (!expected && awaits_destroyed_ && message.command == Command::kDestroyPod) continue;
      if (!expected) return Differ(where, Describe(reply), DescribeSilence(), message.command);
      if (!(*expected == reply)) {
        const bool assumes = expected->command != reply.command;
        return Differ(where, Describe(reply), Describe(*expected), message.command, assumes);
      }
      if (counted_ < answered_) {
        return Differ(where, fmt::format("next for {} bytes in all before its reply", counted_),
                      fmt::format("next for {}", answered_), Command::kNext);
      }
      if (finished_before && HasFinished()) {
        return Differ(where, Describe(reply), "finishpod before it", Command::kFinishPodDeprecated);
      }
      may_live_ = core_->IsSilent() && message.command == Command::kExecCmd;
      ReportStreams(streams_.CompareEvents(ends_before, *shadow_));
      EndEarly();
      return;
    }
    if (TakesGuessedDestroyed(reply)) return;
    if (awaits_destroyed_) {
      return Differ("destroypod, with containers that run", Describe(reply), "nothing",
                    Command::kDestroyPod);
    }
    Report(Channel::kCtl, "no command of the client", Describe(reply), "nothing",
           "one reply to each command [virtio-03e-pipelined]");
  }
  /// With API 4242 the model has said finishpod, and the agent has not.
  bool HasFinished() { return shadow_->HasSaid(Command::kFinishPodDeprecated); }
  /// The ack of a destroypod that had containers to end.
  bool TakesDestroyed(const DecodedMessage& reply) {
    if (!awaits_destroyed_ || !(reply == DecodedMessage{Command::kAck, {}})) return false;
    if (!shadow_->Take(Command::kAck)) return false;
    awaits_destroyed_ = false;
    return true;
  }

  /// The same of API 4242, which tells the last end nowhere else.
  bool TakesGuessedDestroyed(const DecodedMessage& reply) {
    if (!old_ || !awaits_destroyed_) return false;
    GuessEnds();
    return TakesDestroyed(reply);
  }
  void GuessEnds() {
    core_->EndInits({});
    streams_are_guessed_ = true;  // in which order they ended decides which end is not told
  }

  /// What the model answers where the agent said `reply`; nothing for no answer.
  std::optional<DecodedMessage> AskModel(const DecodedMessage& message,
                                         const DecodedMessage& reply) {
    if (core_->NamesFileOfContainer(message) && MayBeOfAFile(message.command, reply)) return reply;
    if (!core_->IsSilent()) shadow_->ClearWords();
    std::optional<DecodedMessage> expected = Expected(message, core_->Answer(message, reply));
    if (core_->HasProcesses() && !io_left_ && !io_is_there_) io_is_whole_ = false;
    return expected;
  }
  /// What is in a file, and whether it can be written, the machine knows. The error of a readfile
  /// is as long as the file, but has none of its bytes.
  static bool MayBeOfAFile(Command command, const DecodedMessage& reply) {
    if (reply.command == Command::kAck)
      return command == Command::kReadFile || reply.payload.empty();
    return command == Command::kReadFile &&
           reply.payload.find_first_not_of('\0') == std::string::npos;
  }
  std::optional<DecodedMessage> Expected(const DecodedMessage& message, const ReplySpec& spec) {
    if (spec.IsUnspecified()) return DecodedMessage{Command::kAck, BigEndian32(kApiVersion)};
    if (spec.kind == ReplySpec::Kind::kFrame) return DecodedMessage{spec.command, spec.bytes};
    if (message.command == Command::kDestroyPod && !core_->IsSilent()) awaits_destroyed_ = true;
    return std::nullopt;
  }

  void CompareEvent(const DecodedMessage& event) {
    core_->EndByEvent(event.payload);
    const std::optional<DecodedMessage> expected = shadow_->Take(event.command);
    if (expected && *expected == event) return;
    Differ("the end of a process", Describe(event),
           expected ? Describe(*expected)
                    : "no event: no such process is running, or the event has another form",
           event.command);
  }
  void CompareFinish(const DecodedMessage& finish) {
    core_->EndInits(finish.payload);
    const std::optional<DecodedMessage> expected = shadow_->Take(finish.command);
    if (expected && *expected == finish) return;
    Differ("finishpod, which the agent sends by itself", Describe(finish),
           expected ? Describe(*expected) : "nothing", finish.command);
  }

  /// The agent has closed. What it owes an answer, the model must leave unanswered, too.
  void CompareSilence() {
    if (awaits_destroyed_) {
      if (old_) GuessEnds();
      return Differ("destroypod", "closes ctl",
                    shadow_->HasSaid(Command::kAck) ? "ack" : "ack once its containers have ended",
                    Command::kDestroyPod, true);
    }
    if (pending_.empty() || core_->IsSilent()) return;
    const DecodedMessage message = std::move(pending_.front().message);
    pending_.clear();
    const std::optional<DecodedMessage> expected = Expected(message, core_->Answer(message));
    if (!expected && !awaits_destroyed_) return;
    Differ(Describe(message), "closes ctl",
           expected ? Describe(*expected) : "ack once its containers have ended", message.command,
           true);
  }

  // ---- io

  /// `has_ended`: the agent has closed both channels.
  void CompareStreams(bool has_ended) {
    if (over_ || streams_are_guessed_ || !pending_.empty()) return;
    const bool is_whole = has_ended && io_is_whole_ && core_->IsSilent();
    ReportStreams(streams_.Compare(*shadow_, *core_, is_whole));
  }
  void ReportStreams(const std::optional<StreamComparison::Difference>& difference) {
    if (!difference) return;
    Report(Channel::kIo, fmt::format("the streams, seq {}", difference->seq), difference->agent,
           difference->model, std::string(StreamComparison::kRule));
  }

  /// API 4242 tells the end of a process on io, which has no order with ctl: it may come before the
  /// reply that the process runs, and after what tells the end on ctl.
  void AddStatus(std::uint64_t seq, int status) {
    early_.push_back({seq, status, ++statuses_[seq]});
    EndEarly();
  }
  void EndEarly() {
    if (!pending_.empty()) return;
    for (auto early = early_.begin(); early != early_.end();) {
      const bool was_told = early->number <= shadow_->Statuses(early->seq);
      const bool is_over = was_told || core_->EndBySeq(early->seq, early->status);
      early = is_over ? early_.erase(early) : early + 1;
    }
  }

  // ---- Verdicts

  /// `assumes`: it is no difference where the model takes too much for granted.
  void Differ(const std::string& where, const std::string& agent, const std::string& model,
              Command command, bool assumes = false) {
    std::string rule = DescribeModelRule(command);
    if (assumes && agent == "closes ctl") {
      rule += "\n  if the virtual machine was stopped from outside, this is no error of the agent";
    } else if (assumes) {
      rule += DescribeModelAssumption(command);
    }
    Report(Channel::kCtl, where, agent, model, rule);
  }
  void Report(Channel channel, const std::string& where, const std::string& agent,
              const std::string& model, const std::string& rule) {
    over_ = true;
    found_.difference =
        Violation{channel,
                  fmt::format("the agent differs from the model of hyperstart {}\n  where:     {}\n"
                              "  the agent: {}\n  the model: {}\n  the model's rule: {}\n"
                              "  this agent is not compared any further",
                              old_ ? "0.7.0" : "1.1.0", where, agent, model, rule),
                  {},
                  false};
  }

  struct Pending {
    DecodedMessage message;
    // What the agent had told on io before it was sent: ends of streams, the last init's status.
    std::uint64_t ends_before;
    bool finished_before;
  };
  struct Status {
    std::uint64_t seq;
    int status;
    std::size_t number;  // among those of the seq
  };

  const bool old_;
  ShadowAgent* shadow_ = nullptr;  // owned by the core
  std::shared_ptr<ShadowCore> core_;
  std::deque<Pending> pending_;  // not answered yet
  bool awaits_destroyed_ = false;
  Found found_;
  bool over_ = false;           // nothing more is compared
  bool may_have_died_ = false;  // of what the client has sent
  bool machine_ended_ = false;
  bool may_live_ = false;  // though the model has died of an execcmd

  // Bytes on this connection of ctl: of the client, of its whole commands, in `next` frames, of
  // commands that are answered.
  std::uint64_t forwarded_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t answered_ = 0;

  bool io_is_there_ = false;
  bool io_left_ = false;     // the agent has closed io
  bool io_is_whole_ = true;  // io has told all ends of streams
  bool streams_are_guessed_ = false;
  StreamComparison streams_;
  std::map<std::uint64_t, std::size_t> statuses_;  // told on io
  std::deque<Status> early_;                       // that the model was not told yet
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_AGENT_COMPARISON_HPP_
