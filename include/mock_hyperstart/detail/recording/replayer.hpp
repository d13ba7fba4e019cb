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
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/recording/payload_diff.hpp"
#include "mock_hyperstart/detail/recording/recording_reader.hpp"
#include "mock_hyperstart/detail/recording/replay_agent.hpp"
#include "mock_hyperstart/detail/recording/replayed_values.hpp"
#include "mock_hyperstart/detail/recording/script.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class Replayer : public std::enable_shared_from_this<Replayer> {
 public:
  /// Throws std::invalid_argument for a pointer that is none.
  Replayer(const Recording& recording, std::string name, const ReplayRules& rules,
           ReplayAgent agent, ReplayFallback fallback = {})
      : script_(recording),
        name_(std::move(name)),
        goes_on_after_end_(rules.goes_on_after_end),
        to_the_end_(rules.to_the_end),
        agent_(std::move(agent)),
        fallback_(std::move(fallback)),
        arrived_(script_.steps().size()),
        values_(Pointers(rules.ignore)) {
    // Nothing waits for the first client of a channel: what is sent before waits for it.
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      Arrive(FindNext(Step::What::kOpen, channel));
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
    TakeConnection(channel, is_connected);
    if (fallback_.connection_handler) fallback_.connection_handler(channel, is_connected);
  }

  Reply OnCommand(const DecodedMessage& message) {
    if (std::optional<Reply> reply = Answer(message)) return *std::move(reply);
    return fallback_.handler ? fallback_.handler(message) : Reply();
  }

  void OnPacket(const IoPacket& packet) {
    if (TakePacket(packet)) return;
    if (fallback_.io_handler) fallback_.io_handler(packet);
  }

 private:
  void TakeConnection(Channel channel, bool is_connected) {
    const MutexLock lock(mutex_);
    Connection& connection = Of(channel);
    connection.is_open = is_connected;
    std::optional<std::size_t> end;
    if (is_connected) {
      connection.closed = std::exchange(connection.closes_first, false);
      if (connection.closed) agent_.close(channel);
      if (std::exchange(connection.was_open, true)) Arrive(FindNext(Step::What::kOpen, channel));
    } else {
      if (!std::exchange(connection.closed, false)) end = FindEnd(channel);
      Arrive(end);
    }
    Advance({});
    if (end && steps()[*end].what == Step::What::kClientRaw) return;  // it has not left by itself
    if (to_the_end_ && !has_left_ && !ctl_.is_open && !io_.is_open) CheckEnd();
  }

  /// Nothing: it comes after the recording's end, where the fallback answers.
  std::optional<Reply> Answer(const DecodedMessage& message) {
    const MutexLock lock(mutex_);
    is_replying_ = false;
    if (has_left_) return Reply::Error();
    const std::optional<std::size_t> expected = FindNext(Step::What::kCommand, Channel::kCtl);
    if (!expected && goes_on_after_end_) return std::nullopt;
    if (!expected || steps()[*expected].command != message.command) {
      Leave(Channel::kCtl, expected, DescribeCame(message), message.payload, {});
      return Reply::Error();
    }
    const Step& step = steps()[*expected];
    const bool bytes_follow = message.command == Command::kWriteFile;
    const std::string difference =
        DiffPayloads(step.bytes, message.payload, values_.ignored(), bytes_follow);
    if (!difference.empty()) {
      Leave(Channel::kCtl, expected, DescribeCame(message), message.payload, difference);
      return Reply::Error();
    }
    values_.Learn(step.bytes, message.payload, bytes_follow);
    ArriveWithConnections(*expected);
    if (!Advance(step.reply)) {
      if (step.reply) NoteWait(step);
      return Reply::Nothing();  // it comes later
    }
    const Step& reply = steps()[*step.reply];
    is_replying_ = true;
    return ReplyAccess::WithEnd(
        Reply::Frame(reply.command, values_.Translate(reply.bytes)),
        std::shared_ptr<const void>(
            this, [self = shared_from_this()](const void*) { self->OnReplyEnd(); }));
  }

  /// False: it comes after the recording's end, where the fallback gets it.
  bool TakePacket(const IoPacket& packet) {
    const MutexLock lock(mutex_);
    if (has_left_) return true;
    if (goes_on_after_end_ && !FindNext(Step::What::kPacket, Channel::kIo) &&
        !FindNext(Step::What::kCommand, Channel::kCtl)) {
      return false;
    }
    if (IsExpected(packet)) Advance({});
    return true;
  }

  static std::vector<JsonPointer> Pointers(const std::vector<std::string>& texts) {
    std::vector<JsonPointer> pointers;
    for (const std::string& text : texts) {
      try {
        pointers.emplace_back(text);
      } catch (const nlohmann::json::parse_error&) {
        throw std::invalid_argument("mock_hyperstart: a replay ignores " + Quoted(text) +
                                    ": that is no JSON pointer. Begin it with '/'; in a name, "
                                    "write ~1 for '/' and ~0 for '~'");
      }
    }
    return pointers;
  }

  /// Of a channel.
  struct Connection {
    bool is_open = false;
    bool was_open = false;
    bool closed = false;        // by the agent
    bool closes_first = false;  // by the agent, whose first client the mock has not served yet
  };
  Connection& Of(Channel channel) MOCK_HYPERSTART_REQUIRES(mutex_) {
    return channel == Channel::kCtl ? ctl_ : io_;
  }

  const std::vector<Step>& steps() const { return script_.steps(); }

  /// The first step of one of those kinds which has not come.
  std::optional<std::size_t> FindNextOf(std::initializer_list<Step::What> kinds,
                                        Channel channel) const MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t i = cursor_; i < steps().size(); ++i) {
      if (arrived_[i] || steps()[i].channel != channel) continue;
      if (std::find(kinds.begin(), kinds.end(), steps()[i].what) != kinds.end()) return i;
    }
    return {};
  }
  std::optional<std::size_t> FindNext(Step::What what, Channel channel) const
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    return FindNextOf({what}, channel);
  }
  /// What ends a connection next: the client leaves, the mock cannot understand it any more, or the
  /// agent closes.
  std::optional<std::size_t> FindEnd(Channel channel) const MOCK_HYPERSTART_REQUIRES(mutex_) {
    return FindNextOf({Step::What::kClientClose, Step::What::kClientRaw, Step::What::kAgentClose},
                      channel);
  }
  void Arrive(std::optional<std::size_t> step) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (step) arrived_[*step] = true;
  }
  /// A frame of the client: what was recorded before of connections of that channel has come, or
  /// this client does without it.
  void ArriveWithConnections(std::size_t at) MOCK_HYPERSTART_REQUIRES(mutex_) {
    arrived_[at] = true;
    for (std::size_t i = cursor_; i < at; ++i) {
      const bool is_connection =
          steps()[i].what == Step::What::kOpen || steps()[i].what == Step::What::kClientClose;
      if (is_connection && steps()[i].channel == steps()[at].channel) arrived_[i] = true;
    }
  }

  /// The client has the reply, or never will.
  void OnReplyEnd() {
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
      // A close of the agent's has arrived where the client left before it.
      if (!step.IsByClient() && greetings_.count(at) == 0 && !arrived_[at]) Do(step);
    }
    return false;
  }
  void Do(const Step& step) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (step.what == Step::What::kAgentClose) {
      Connection& connection = Of(step.channel);
      connection.closed = connection.was_open;
      connection.closes_first = !connection.was_open;
      agent_.close(step.channel);
    } else if (step.what == Step::What::kRaw) {
      agent_.send_raw(step.channel, step.bytes);
    } else if (step.channel == Channel::kCtl) {
      agent_.send_message(step.command, values_.Translate(step.bytes));
    } else {
      agent_.send_io(values_.OwnSeq(step.seq), step.bytes);
    }
  }

  // ---- Streams

  struct Stream {
    std::vector<std::size_t> packets;  // the numbers of their steps
    std::size_t next = 0;              // of packets
    std::size_t taken = 0;             // bytes of that one
  };

  /// False if the recorded client did not send that.
  bool IsExpected(const IoPacket& packet) MOCK_HYPERSTART_REQUIRES(mutex_) {
    Stream& stream = streams_[values_.RecordedSeq(packet.seq)];
    std::string_view rest = packet.data;
    do {
      if (stream.next == stream.packets.size()) {
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
      ArriveWithConnections(at);
      ++stream.next;
      stream.taken = 0;
    } while (!rest.empty());
    return true;
  }
  bool LeaveStream(const IoPacket& packet, std::optional<std::size_t> expected,
                   const std::string& difference) MOCK_HYPERSTART_REQUIRES(mutex_) {
    const std::string came = packet.eof()
                                 ? fmt::format("seq {} end of stream", packet.seq)
                                 : fmt::format("seq {} {} {}", packet.seq,
                                               Bytes(packet.data.size()), OneLine(packet.data));
    Leave(Channel::kIo, expected, came, packet.data, difference);
    return false;
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

  /// The clients have left: nothing that one of them said next may be missing, but for what a
  /// client said that is still to connect.
  void CheckEnd() MOCK_HYPERSTART_REQUIRES(mutex_) {
    for (std::size_t i = cursor_; i < steps().size(); ++i) {
      const Step& step = steps()[i];
      if (!step.IsByClient() || step.what == Step::What::kClientClose) continue;
      if (!Of(step.channel).was_open) return;  // the first open arrives before it comes
      if (arrived_[i]) continue;
      if (step.what == Step::What::kOpen) return;
      return Leave(step.channel, i, "nothing: the client has left", {}, {});
    }
  }

  /// Why the client gets no reply yet.
  void NoteWait(const Step& command) MOCK_HYPERSTART_REQUIRES(mutex_) {
    if (cursor_ == steps().size()) return;
    const Step& next = steps()[cursor_];
    agent_.note(Channel::kCtl,
                fmt::format("the replay waits for what the recorded client did before it got the "
                            "reply to {}: {} (line {})",
                            CommandName(command.command, script_.dialect()),
                            DescribeStep(next, script_.dialect()), next.line));
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
  const ReplayFallback fallback_;
  std::set<std::size_t> greetings_;  // steps that are the mock's to do
  Mutex mutex_;
  std::vector<bool> arrived_
      MOCK_HYPERSTART_GUARDED_BY(mutex_);  // for each step of the client, and closes
  std::size_t cursor_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;    // the steps before are done
  bool is_replying_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;  // a reply is being sent
  bool has_left_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  Connection ctl_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  Connection io_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Stream> streams_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  ReplayedValues values_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYER_HPP_
