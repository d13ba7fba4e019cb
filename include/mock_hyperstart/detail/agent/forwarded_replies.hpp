// The commands that were forwarded to another agent and are not answered or counted yet. Decides
// for each of that agent's frames on ctl whether the client gets it.
//
// Replies come in the order of the commands, but for that to destroypod: hyperstart sends its `ack`
// when all containers have ended, answers other commands until then, and a second destroypod never
// [virtio-06w-destroy-running, virtio-06x, virtio-06y]. So after a destroypod an `ack` may be for
// it, or for the next command. The `next` frames tell which: hyperstart counts all bytes of a
// command before it answers it. If an agent does not, the reply is taken for the next command's.
//
// Not synchronised: its owner locks.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_REPLIES_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_REPLIES_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class ForwardedReplies {
 public:
  enum class How {
    kAsItCame,  // the agent counts its bytes for the client
    kCounted,   // the mock has counted them
    kAsked      // the same, and the mock waits for the reply
  };
  /// The agent is about to get the end of this command, which follows the one before.
  void Add(const DecodedMessage& message, How how) {
    const std::uint64_t begin = commands_end_;
    commands_end_ += kCtlHeaderSize + message.payload.size();
    const bool asked = how == How::kAsked;
    const bool may_be_late = !asked && message.command == Command::kDestroyPod;
    unanswered_.push_back({commands_end_, may_be_late, asked});
    if (how == How::kAsItCame) return;
    if (!counted_here_.empty() && counted_here_.back().end == begin) {
      counted_here_.back().end = commands_end_;
    } else {
      counted_here_.push_back({begin, commands_end_});
    }
  }
  /// The agent is about to get so many bytes, of commands that were added or are not whole yet.
  void AddBytes(std::size_t bytes) { forwarded_ += bytes; }
  /// The mock no longer waits for a reply: if it comes, the client gets it.
  void EndAsk() {
    for (Unanswered& command : unanswered_) command.asked = false;
  }

  static bool IsReply(Command command) {
    return command == Command::kAck || command == Command::kError;
  }
  enum class Way {
    kPass,    // to the client, as it is
    kKeep,    // the reply that the mock waits for
    kDrop,    // a `next` for bytes that the mock has counted
    kReplace  // a `next` for such bytes and others: the payload now counts the others only
  };
  /// The agent's next frame. `begun`: a part of it has been passed on.
  Way Take(Command command, std::string& payload, bool begun) {
    if (IsReply(command)) return TakeReply(begun) ? Way::kKeep : Way::kPass;
    if (command != Command::kNext || payload.size() != 4) return Way::kPass;
    const auto bytes = static_cast<std::uint32_t>(GetBigEndian(payload.data(), payload.size()));
    const std::uint32_t others = bytes - TakeCount(bytes);
    if (others == bytes || begun) return Way::kPass;
    payload = BigEndian32(others);
    return others == 0 ? Way::kDrop : Way::kReplace;
  }
  /// Whether Take may say that a frame which begins now is not passed on as it is.
  bool MayHold(Command command) const {
    return IsReply(command) ? Asks() : command == Command::kNext && !counted_here_.empty();
  }
  /// The same for a frame of which it is not known yet what it is.
  bool MayHoldAny() const { return Asks() || !counted_here_.empty(); }

  /// There is a command without a reply that is no destroypod which may be answered late.
  bool Waits() const { return FirstInOrder() != unanswered_.end(); }

 private:
  struct Unanswered {
    std::uint64_t end;  // among all bytes that were forwarded
    bool may_be_late;
    bool asked;
  };
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };

  bool Asks() const {
    return std::any_of(unanswered_.begin(), unanswered_.end(),
                       [](const Unanswered& command) { return command.asked; });
  }
  std::deque<Unanswered>::const_iterator FirstInOrder() const {
    return std::find_if(unanswered_.begin(), unanswered_.end(),
                        [](const Unanswered& command) { return !command.may_be_late; });
  }

  /// Whether it is the reply that the mock waits for.
  bool TakeReply(bool begun) {
    if (unanswered_.empty()) return false;  // a reply without a command
    auto command = FirstInOrder();
    const bool has_late = command != unanswered_.begin();
    // An agent that sends `next` frames has counted the destroypod before it answers a later
    // command. This one has not.
    if (has_late && counted_ < unanswered_.front().end) counts_first_ = false;
    const bool has_begun_before = command != unanswered_.end() && command->asked && begun;
    if (has_late && (command == unanswered_.end() || has_begun_before ||
                     (counts_first_ && counted_ < command->end))) {
      command = unanswered_.begin();
    } else if (has_begun_before) {
      return false;  // it began before this command was sent
    } else {
      counts_first_ = counts_first_ && counted_ >= command->end;
    }
    const bool asked = command->asked;
    unanswered_.erase(command);
    return asked;
  }

  /// The agent has counted so many more bytes. Returns how many of them the mock had counted.
  std::uint32_t TakeCount(std::uint32_t bytes) {
    const std::uint64_t begin = counted_;
    // Over virtio the agent may yet count what the client before has sent.
    counted_ = std::min(counted_ + bytes, forwarded_);
    std::uint64_t here = 0;
    while (!counted_here_.empty() && counted_here_.front().begin < counted_) {
      const Range range = counted_here_.front();
      here += std::min(range.end, counted_) - std::max(range.begin, begin);
      if (range.end > counted_) break;
      counted_here_.pop_front();
    }
    return static_cast<std::uint32_t>(here);
  }

  std::deque<Unanswered> unanswered_;  // in the order in which they were forwarded
  std::uint64_t forwarded_ = 0;        // bytes
  std::uint64_t counted_ = 0;          // of them, by the agent
  std::uint64_t commands_end_ = 0;     // where the last command that was added ends
  std::deque<Range> counted_here_;     // by the mock, and not by the agent yet
  bool counts_first_ = true;           // the agent has counted each command before it answered it
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_REPLIES_HPP_
