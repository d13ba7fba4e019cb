// Answers a client as the agent of a recording did. Does not know what carries it out: the mock, or
// a server without GoogleTest, calls it from its handlers, and it acts through ReplayAgent.
//
// The order of the conversation is that of the recording: a frame of the agent goes out when each
// frame of the client that was recorded before it has come, and each of the agent has gone out.
// No clock has a part in it. Commands must come in the order in which they were recorded, and the
// bytes of each stream, too; a command may overtake a stream, or the other way round, and a stream
// may be cut into other pieces.
//
// Locks itself: its handlers are called on the threads of both channels.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYER_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYER_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/recording/payload_diff.hpp"
#include "mock_hyperstart/detail/recording/recording_reader.hpp"
#include "mock_hyperstart/detail/recording/script.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// What a replay does. None may call the replay back before it returns.
struct ReplayAgent {
  std::function<void(Command, std::string_view)> send_message;
  std::function<void(std::uint64_t, std::string_view)> send_io;
  std::function<void(Channel, std::string_view)> send_raw;
  std::function<void(Channel)> disconnect;
  std::function<void(Violation)> report;
};

struct ReplayRules {
  std::vector<std::string> ignore;  // JSON pointers to what may differ in a command's payload
  bool goes_on_after_end = false;   // else what comes then is a violation
  bool to_the_end = false;          // a client that stops before it is a violation
  /// So many clients get `ready` from the mock itself, and not from the recording.
  std::size_t greeted = 0;

  void SetGreeted(const Options& options) {
    const bool each = options.transport == Transport::kVsock ||
                      (options.transport == Transport::kUnixSocket && options.ready_on_connect);
    greeted = each                                      ? std::numeric_limits<std::size_t>::max()
              : options.transport == Transport::kVirtio ? 1
                                                        : 0;
  }
};

class Replayer : public std::enable_shared_from_this<Replayer> {
 public:
  /// Throws nlohmann::json::exception for a pointer that is none.
  Replayer(const Recording& recording, std::string name, const ReplayRules& rules,
           ReplayAgent agent)
      : script_(recording),
        name_(std::move(name)),
        goes_on_after_end_(rules.goes_on_after_end),
        to_the_end_(rules.to_the_end),
        agent_(std::move(agent)),
        arrived_(script_.steps().size()) {
    for (const std::string& pointer : rules.ignore) ignored_.emplace_back(pointer);
    // Nothing waits for the first client of a channel: what is sent before waits for it.
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      for (std::size_t i = 0; i < steps().size(); ++i) {
        if (steps()[i].what != Step::What::kOpen || steps()[i].channel != channel) continue;
        arrived_[i] = true;
        break;
      }
    }
    std::size_t greeted = rules.greeted;
    for (std::size_t i = 0; i < steps().size(); ++i) {
      if (IsGreeting(i) && greeted > 0) {
        --greeted;
        greetings_.insert(i);
      }
      if (steps()[i].what == Step::What::kPacket) streams_[steps()[i].seq].packets.push_back(i);
    }
  }

  /// A client has connected, or has left.
  void OnConnection(Channel channel, bool is_connected) {
    const MutexLock lock(mutex_);
    bool& closed = closed_[channel == Channel::kCtl ? 0 : 1];
    is_open_[channel == Channel::kCtl ? 0 : 1] = is_connected;
    if (is_connected) {
      closed = false;
      bool& was_open = was_open_[channel == Channel::kCtl ? 0 : 1];
      if (std::exchange(was_open, true)) Arrive(FindNext(Step::What::kOpen, channel));
    } else if (!std::exchange(closed, false)) {
      Arrive(FindNext(Step::What::kClientClose, channel));
    }
    Advance({});
    if (to_the_end_ && !has_left_ && !is_open_[0] && !is_open_[1]) CheckEnd();
  }

  Reply OnCommand(const DecodedMessage& message) {
    const MutexLock lock(mutex_);
    is_replying_ = false;
    if (has_left_) return Reply::Error();
    const std::optional<std::size_t> expected = FindNext(Step::What::kCommand, Channel::kCtl);
    if (!expected) {
      if (goes_on_after_end_) return {};
      Leave(Channel::kCtl, expected, DescribeCame(message), message.payload, {});
      return Reply::Error();
    }
    const Step& step = steps()[*expected];
    if (step.command != message.command) {
      Leave(Channel::kCtl, expected, DescribeCame(message), message.payload, {});
      return Reply::Error();
    }
    const std::string difference =
        DiffPayloads(step.bytes, message.payload, ignored_, message.command == Command::kWriteFile);
    if (!difference.empty()) {
      Leave(Channel::kCtl, expected, DescribeCame(message), message.payload, difference);
      return Reply::Error();
    }
    Learn(step.bytes, message.payload);
    Arrive(expected);
    if (!Advance(step.reply)) return Reply::Nothing();
    const Step& reply = steps()[*step.reply];
    is_replying_ = true;
    return Reply::Frame(reply.command, Translate(reply.bytes)).Then([self = shared_from_this()] {
      self->OnReplySent();
    });
  }

  void OnPacket(const IoPacket& packet) {
    const MutexLock lock(mutex_);
    if (has_left_) return;
    const std::string difference = TakePacket(packet);
    if (!difference.empty()) return;
    Advance({});
  }

 private:
  const std::vector<Step>& steps() const { return script_.steps(); }

  /// The first step of that kind which has not come.
  std::optional<std::size_t> FindNext(Step::What what, Channel channel) const
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t i = cursor_; i < steps().size(); ++i) {
      if (steps()[i].what == what && steps()[i].channel == channel && !arrived_[i]) return i;
    }
    return {};
  }
  void Arrive(std::optional<std::size_t> step) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (step) arrived_[*step] = true;
  }

  void OnReplySent() {
    const MutexLock lock(mutex_);
    is_replying_ = false;
    Advance({});
  }

  /// Does what is the agent's to do. True if the next thing is `reply`, which counts as done then.
  bool Advance(std::optional<std::size_t> reply) MOCK_HYPERSTART_REQUIRES(mutex_) {
    while (!is_replying_ && !has_left_ && cursor_ < steps().size()) {
      const Step& step = steps()[cursor_];
      if (step.IsByClient() && !arrived_[cursor_]) return false;
      const std::size_t at = cursor_++;
      if (at == reply) return true;
      if (!step.IsByClient() && greetings_.count(at) == 0) Do(step);
    }
    return false;
  }
  void Do(const Step& step) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (step.what == Step::What::kAgentClose) {
      closed_[step.channel == Channel::kCtl ? 0 : 1] = true;
      agent_.disconnect(step.channel);
    } else if (step.what == Step::What::kRaw) {
      agent_.send_raw(step.channel, step.bytes);
    } else if (step.channel == Channel::kCtl) {
      agent_.send_message(step.command, Translate(step.bytes));
    } else {
      const auto seq = seqs_.find(step.seq);
      agent_.send_io(seq == seqs_.end() ? step.seq : seq->second, step.bytes);
    }
  }

  // ---- Streams

  struct Stream {
    std::vector<std::size_t> packets;  // the numbers of their steps
    std::size_t next = 0;              // of packets
    std::size_t taken = 0;             // bytes of that one
  };

  /// Why the packet is not in the recording; empty if it is.
  std::string TakePacket(const IoPacket& packet) MOCK_HYPERSTART_REQUIRES(mutex_) {
    Stream& stream = streams_[RecordedSeq(packet.seq)];
    std::string_view rest = packet.data;
    do {
      if (stream.next == stream.packets.size()) {
        if (goes_on_after_end_ && !FindNext(Step::What::kPacket, Channel::kIo)) return {};
        return LeaveStream(packet, {}, "\n    the recorded client sent no more on this stream");
      }
      const std::size_t at = stream.packets[stream.next];
      const std::string_view wanted = std::string_view(steps()[at].bytes).substr(stream.taken);
      const std::string_view part = rest.substr(0, wanted.size());
      const bool is_end = packet.data.empty();
      if (is_end != wanted.empty() || part != wanted.substr(0, part.size())) {
        return LeaveStream(packet, at,
                           DiffPayloads(wanted.substr(0, rest.size()), rest, {}, false));
      }
      rest.remove_prefix(part.size());
      stream.taken += part.size();
      if (part.size() < wanted.size()) continue;
      Arrive(at);
      ++stream.next;
      stream.taken = 0;
    } while (!rest.empty());
    return {};
  }
  std::string LeaveStream(const IoPacket& packet, std::optional<std::size_t> expected,
                          const std::string& difference) MOCK_HYPERSTART_REQUIRES(mutex_) {
    std::string came = packet.eof() ? fmt::format("seq {} end of stream", packet.seq)
                                    : fmt::format("seq {} {} {}", packet.seq,
                                                  Bytes(packet.data.size()), OneLine(packet.data));
    Leave(Channel::kIo, expected, came, packet.data, difference);
    return came;
  }
  std::uint64_t RecordedSeq(std::uint64_t seq) const MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (const auto& [recorded, own] : seqs_) {
      if (own == seq) return recorded;
    }
    return seq;
  }

  // ---- What may differ: the agent repeats the client's ids and seqs, not the recorded ones.

  void Learn(std::string_view recorded, std::string_view came) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (ignored_.empty() || recorded == came) return;
    const nlohmann::json left = nlohmann::json::parse(recorded, nullptr, false);
    const nlohmann::json right = nlohmann::json::parse(came, nullptr, false);
    for (const JsonPointer& pointer : ignored_) {
      if (!left.contains(pointer) || !right.contains(pointer)) continue;
      const nlohmann::json& before = left.at(pointer);
      const nlohmann::json& now = right.at(pointer);
      if (before.is_string() && now.is_string() && before != now) {
        texts_[JsonString(before.get<std::string>())] = JsonString(now.get<std::string>());
      }
      const bool is_seq =
          !pointer.empty() && (pointer.back() == "stdio" || pointer.back() == "stderr");
      if (is_seq && before.is_number_unsigned() && now.is_number_unsigned()) {
        seqs_[before.get<std::uint64_t>()] = now.get<std::uint64_t>();
      }
    }
  }
  /// A payload of the agent, with what the client says instead of the recorded.
  std::string Translate(const std::string& payload) const MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (texts_.empty() || payload.empty() || payload[0] != '{') return payload;
    std::string out;
    for (std::size_t at = 0; at < payload.size();) {
      const auto text = std::find_if(texts_.begin(), texts_.end(), [&](const auto& pair) {
        return payload.compare(at, pair.first.size(), pair.first) == 0;
      });
      out += text == texts_.end() ? std::string(1, payload[at]) : text->second;
      at += text == texts_.end() ? 1 : text->first.size();
    }
    return out;
  }

  /// The recorded agent's `ready` to a client that has just connected.
  bool IsGreeting(std::size_t at) const {
    if (steps()[at].what != Step::What::kUnasked || steps()[at].channel != Channel::kCtl ||
        steps()[at].command != Command::kReady) {
      return false;
    }
    while (at-- > 0) {
      if (steps()[at].channel == Channel::kCtl) return steps()[at].what == Step::What::kOpen;
    }
    return false;
  }

  // ---- Verdicts

  /// The clients have left: nothing that one of them said next may be missing.
  void CheckEnd() MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t i = cursor_; i < steps().size(); ++i) {
      const Step& step = steps()[i];
      if (!step.IsByClient() || arrived_[i] || step.what == Step::What::kClientClose) continue;
      if (step.what != Step::What::kOpen)
        Leave(step.channel, i, "nothing: the client has left", {}, {});
      return;
    }
  }

  std::string DescribeCame(const DecodedMessage& message) const {
    Step step;
    step.what = Step::What::kCommand;
    step.command = message.command;
    step.bytes = message.payload;
    return DescribeStep(step, script_.dialect());
  }

  /// The client has left the path of the recording: says so once. From here on commands are
  /// answered with `error`.
  void Leave(Channel channel, std::optional<std::size_t> expected, const std::string& came,
             const std::string& bytes, const std::string& difference)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    has_left_ = true;
    std::string text = fmt::format("the client leaves the recording {}", name_);
    if (expected) {
      text += fmt::format(" at line {}\n  expected: {}\n  came:     {}{}", steps()[*expected].line,
                          DescribeStep(steps()[*expected], script_.dialect()), came, difference);
    } else if (channel == Channel::kCtl) {
      text += fmt::format(", which ends before\n  came:     {}", came);
    } else {
      text += fmt::format("\n  came:     {}{}", came, difference);
    }
    const std::size_t at = expected.value_or(steps().size());
    text += "\n  in the recording:";
    for (std::size_t i = at - std::min<std::size_t>(at, kNeighbours);
         i < std::min(at + kNeighbours + 1, steps().size()); ++i) {
      text +=
          fmt::format("\n  {} {} {}", i == at ? ">" : " ", steps()[i].IsByClient() ? "-->" : "<--",
                      DescribeStep(steps()[i], script_.dialect()));
    }
    agent_.report({channel, text, bytes});
  }

  static constexpr std::size_t kNeighbours = 2;  // shown on each side

  const Script script_;
  const std::string name_;
  const bool goes_on_after_end_;
  const bool to_the_end_;
  const ReplayAgent agent_;
  std::vector<JsonPointer> ignored_;
  std::set<std::size_t> greetings_;  // steps that are the mock's to do
  Mutex mutex_;
  std::vector<bool> arrived_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // for each step of the client
  std::size_t cursor_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;     // the steps before are done
  bool is_replying_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;   // a reply is being sent
  bool has_left_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  bool was_open_[2] MOCK_HYPERSTART_GUARDED_BY(mutex_) = {false, false};  // ctl, io
  bool is_open_[2] MOCK_HYPERSTART_GUARDED_BY(mutex_) = {false, false};   // ctl, io
  bool closed_[2] MOCK_HYPERSTART_GUARDED_BY(mutex_) = {false, false};    // by the agent: ctl, io
  std::map<std::uint64_t, Stream> streams_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::map<std::string, std::string> texts_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::uint64_t> seqs_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

/// Lets `agent`, a mock or a server, answer as a recording says. Before its Start.
template <typename Agent, typename Disconnect>
void AttachReplay(Agent& agent, const std::string& path, const ReplayRules& rules,
                  Disconnect disconnect) {
  ReplayAgent actions;
  actions.send_message = [&agent](Command command, std::string_view payload) {
    agent.SendMessage(command, payload);
  };
  actions.send_io = [&agent](std::uint64_t seq, std::string_view data) { agent.SendIo(seq, data); };
  actions.send_raw = [&agent](Channel channel, std::string_view bytes) {
    agent.SendRaw(channel, bytes);
  };
  actions.disconnect = std::move(disconnect);
  actions.report = [&agent](Violation violation) { agent.ReportViolation(std::move(violation)); };
  const auto replayer =
      std::make_shared<Replayer>(RecordingReader::ReadFile(path), path, rules, std::move(actions));
  agent.SetConnectionHandler([replayer](Channel channel, bool is_connected) {
    replayer->OnConnection(channel, is_connected);
  });
  agent.SetIoHandler([replayer](const IoPacket& packet) { replayer->OnPacket(packet); });
  agent.SetHandler(
      [replayer](const DecodedMessage& message) { return replayer->OnCommand(message); });
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYER_HPP_
