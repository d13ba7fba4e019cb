// A recording as the steps that a replay follows: the client's and the agent's frames, in the order
// of the conversation; but a reply stands before commands that came while the agent worked on its
// own. The agent's `next` frames are none: a replay counts what it reads itself.
// Values: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_SCRIPT_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_SCRIPT_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/recording/recording_reader.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

struct Step {
  enum class What {
    kOpen,         // by the client
    kClientClose,  // the same
    kCommand,      // of the client
    kPacket,       // of the client
    kClientRaw,    // bytes of the client with a broken header, which end its connection
    kReply,        // of the agent: ack or error, to a command
    kUnasked,      // another frame of the agent
    kRaw,          // bytes of the agent that are no whole frame
    kAgentClose
  };
  What what = What::kOpen;
  Channel channel = Channel::kCtl;
  Command command{};                 // of a ctl frame
  std::uint64_t seq = 0;             // of an io frame
  std::string bytes;                 // the payload, or raw bytes
  std::size_t line = 0;              // in the recording
  std::optional<std::size_t> reply;  // of a command: the number of its step, if it was answered

  bool IsByClient() const {
    return what == What::kOpen || what == What::kClientClose || what == What::kCommand ||
           what == What::kPacket || what == What::kClientRaw;
  }
};

/// `startpod 17 bytes {"hostname":"web"}`
inline std::string DescribeStep(const Step& step, Dialect dialect) {
  constexpr std::size_t kShown = 100;  // bytes
  const std::string channel = ToString(step.channel);
  switch (step.what) {
    case Step::What::kOpen:
      return "a client connects to " + channel;
    case Step::What::kClientClose:
      return "the client leaves " + channel;
    case Step::What::kAgentClose:
      return "the agent closes " + channel;
    case Step::What::kClientRaw:
      return fmt::format("{} on {} with a broken header", Bytes(step.bytes.size()), channel);
    case Step::What::kRaw:
      return fmt::format("{} on {}", Bytes(step.bytes.size()), channel);
    case Step::What::kPacket:
    case Step::What::kCommand:
    case Step::What::kReply:
    case Step::What::kUnasked:
      break;
  }
  const std::string name = step.channel == Channel::kCtl ? CommandName(step.command, dialect)
                                                         : fmt::format("seq {}", step.seq);
  if (step.bytes.empty()) return step.channel == Channel::kCtl ? name : name + " end of stream";
  return fmt::format("{} {} {}", name, Bytes(step.bytes.size()), OneLine(step.bytes, kShown));
}

/// Splits the bytes of one direction of one channel into frames.
template <typename Header>
class StepReader {
 public:
  explicit StepReader(bool by_client) : by_client_(by_client) {}

  /// Adds a step for each frame that ends in the event. Where a header is broken: raw bytes from
  /// there on; of a client, one step for all of them.
  void Read(const RecordedEvent& event, std::vector<Step>& steps) {
    line_ = event.line;
    channel_ = event.channel;
    std::string_view rest = event.bytes;
    while (!rest.empty() && !broken_) {
      FrameStep<Header>& frame = reader_.Next(rest);
      if (!reader_.error().empty()) {
        broken_ = true;
        AddRaw(reader_.PartialBytes(), steps);
        if (by_client_) return;
      } else if (frame.complete) {
        AddFrame(frame, steps);
      }
    }
    if (!by_client_) AddRaw(std::string(rest), steps);
  }
  /// A mock records the client's bytes from a broken header on only in the violation.
  void ReadViolation(const RecordedEvent& event, std::vector<Step>& steps) {
    FrameReader<Header> reader(kNoLimit);
    std::string_view rest = event.bytes;
    if (broken_ || rest.empty()) return;
    reader.Next(rest);
    broken_ = !reader.error().empty();
    line_ = event.line;
    channel_ = event.channel;
    if (broken_) AddRaw(event.bytes, steps);
  }
  /// The connection has ended: what there is of a frame of the agent is raw bytes.
  void End(std::vector<Step>& steps) {
    if (!by_client_ && !broken_ && reader_.partial().bytes > 0)
      AddRaw(reader_.PartialBytes(), steps);
    reader_ = FrameReader<Header>(kNoLimit);
    broken_ = false;
  }

 private:
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

  void AddRaw(std::string bytes, std::vector<Step>& steps) const {
    if (bytes.empty()) return;
    Step step;
    step.what = by_client_ ? Step::What::kClientRaw : Step::What::kRaw;
    step.channel = channel_;
    step.bytes = std::move(bytes);
    step.line = line_;
    steps.push_back(std::move(step));
  }
  void AddFrame(FrameStep<Header>& frame, std::vector<Step>& steps) const {
    Step step;
    step.channel = channel_;
    step.line = line_;
    step.bytes = std::move(frame.payload);
    SetKey(frame.header.key, step);
    if (channel_ == Channel::kIo) {
      step.what = by_client_ ? Step::What::kPacket : Step::What::kUnasked;
    } else if (by_client_) {
      step.what = Step::What::kCommand;
    } else if (step.command == Command::kNext) {
      return;
    } else if (step.command == Command::kAck || step.command == Command::kError) {
      step.what = Step::What::kReply;
    } else {
      step.what = Step::What::kUnasked;
    }
    steps.push_back(std::move(step));
  }
  static void SetKey(Command command, Step& step) { step.command = command; }
  static void SetKey(std::uint64_t seq, Step& step) { step.seq = seq; }

  const bool by_client_;
  FrameReader<Header> reader_{kNoLimit};
  bool broken_ = false;
  Channel channel_{};
  std::size_t line_ = 0;
};

class Script {
 public:
  explicit Script(const Recording& recording) : dialect_(recording.dialect) {
    StepReader<CtlHeader> commands(true);
    StepReader<CtlHeader> answers(false);
    StepReader<IoHeader> input(true);
    StepReader<IoHeader> output(false);
    const auto end = [&](bool ctl) {
      ctl ? answers.End(steps_) : output.End(steps_);
      ctl ? commands.End(steps_) : input.End(steps_);
    };
    // Over virtio, a frame in which a client leaves goes on with what the next one says or hears.
    const bool frames_go_on = recording.transport.substr(0, 6) == "virtio";
    for (const RecordedEvent& event : recording.events) {
      const bool ctl = event.channel == Channel::kCtl;
      switch (event.kind) {
        case RecordedEvent::Kind::kOpen:  // Stop records no close
          if (!frames_go_on) end(ctl);
          Add(Step::What::kOpen, event);
          break;
        case RecordedEvent::Kind::kClose:
          if (event.by_agent || !frames_go_on) end(ctl);
          Add(event.by_agent ? Step::What::kAgentClose : Step::What::kClientClose, event);
          break;
        case RecordedEvent::Kind::kFromClient:
          ctl ? commands.Read(event, steps_) : input.Read(event, steps_);
          break;
        case RecordedEvent::Kind::kFromAgent:
          ctl ? answers.Read(event, steps_) : output.Read(event, steps_);
          break;
        case RecordedEvent::Kind::kWords:
          ctl ? commands.ReadViolation(event, steps_) : input.ReadViolation(event, steps_);
          break;
      }
    }
    end(true);
    end(false);
    MatchReplies();
  }

  const std::vector<Step>& steps() const { return steps_; }
  Dialect dialect() const { return dialect_; }

 private:
  void Add(Step::What what, const RecordedEvent& event) {
    Step step;
    step.what = what;
    step.channel = event.channel;
    step.line = event.line;
    steps_.push_back(std::move(step));
  }

  /// The agent answers commands in their order. An answer without a command is an unasked frame.
  void MatchReplies() {
    std::size_t command = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].what != Step::What::kReply) continue;
      while (command < i && steps_[command].what != Step::What::kCommand) ++command;
      if (command == i) {
        steps_[i].what = Step::What::kUnasked;
      } else {
        const std::size_t reply = MoveBeforeCommands(i, command);
        steps_[command++].reply = reply;
      }
    }
  }
  /// The agent works on one command after the other: its reply does not wait for commands that came
  /// while it worked. Only while a destroypod waits for ends of processes it works on others.
  /// Returns where the reply to `command` is then.
  std::size_t MoveBeforeCommands(std::size_t reply, std::size_t command) {
    if (steps_[command].command == Command::kDestroyPod) return reply;
    std::size_t first = reply;
    while (first > command + 1 && steps_[first - 1].what == Step::What::kCommand) --first;
    const auto begin = steps_.begin();
    std::rotate(begin + static_cast<std::ptrdiff_t>(first),
                begin + static_cast<std::ptrdiff_t>(reply),
                begin + static_cast<std::ptrdiff_t>(reply) + 1);
    return first;
  }

  Dialect dialect_;
  std::vector<Step> steps_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_SCRIPT_HPP_
