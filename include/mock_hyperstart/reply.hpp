// What to answer to a command: a Reply says what and how, a ReplyPlan says which of them and when.
// A Reply is a value; a ReplyPlan locks itself: any thread.

#ifndef MOCK_HYPERSTART_REPLY_HPP_
#define MOCK_HYPERSTART_REPLY_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {
namespace detail {
struct ReplyAccess;
}

/// The answer to one command: what is sent, and how. Built by chaining: each call returns a new
/// value. `next` frames are not part of it: see Options::next_acks.
class Reply {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// What would be answered without this reply, by what comes after it in the order of
  /// MockHyperstart::On. Modifiers apply to that answer, and override its own.
  Reply() = default;
  /// `ack`, the answer to almost every command.
  static Reply Ack(std::string payload = {}) { return Frame(Command::kAck, std::move(payload)); }
  /// `error`. The agent ends its texts with a NUL byte, and mostly sends none.
  static Reply Error(std::string message = {}) {
    return Frame(Command::kError, std::move(message));
  }
  /// Any frame. As the two above, throws std::length_error for a payload that does not fit the
  /// header's 32-bit length.
  static Reply Frame(Command command, std::string payload = {}) {
    detail::CtlHeader::For(command, payload.size());  // throws here, not on the ctl thread
    return Reply(detail::ReplySpec::Kind::kFrame, command, std::move(payload));
  }
  /// Any bytes, without a header.
  static Reply Raw(std::string bytes) {
    return Reply(detail::ReplySpec::Kind::kRaw, {}, std::move(bytes));
  }
  /// No answer, only `next` frames.
  static Reply Nothing() { return Reply(detail::ReplySpec::Kind::kNothing, {}, {}); }

  /// Waits before it answers. The agent works on one command at a time: later commands wait, too;
  /// io does not, unless an AgentModel answers. Stop, or the client's departure, ends the delay at
  /// once and drops the reply.
  Reply After(Milliseconds delay) const {
    return With([&](detail::ReplySpec& spec) { spec.delay = delay; });
  }
  /// Sends the reply in writes of `bytes` bytes, with a pause of `gap` between two. Without a pause
  /// the kernel may join them. What else is sent on ctl waits for the last piece. Throws
  /// std::invalid_argument for pieces of 0 bytes.
  Reply InPieces(std::size_t bytes, Milliseconds gap = {}) const {
    if (bytes == 0) throw std::invalid_argument("Reply::InPieces(0): a piece has at least 1 byte");
    return With([&](detail::ReplySpec& spec) { spec.pieces = {bytes, gap}; });
  }
  /// Sends only the first `bytes` bytes, header included.
  Reply Truncated(std::size_t bytes) const {
    return With([&](detail::ReplySpec& spec) { spec.truncated = bytes; });
  }
  /// The header announces a frame of `length` bytes, header included, whatever follows it. Throws
  /// std::logic_error for Raw and Nothing, which have no header. If this reply leaves its content
  /// to a handler, and that says Raw or Nothing, the client gets `error`, and Stop reports it.
  Reply WithLength(std::uint32_t length) const {
    detail::CheckHasHeader(spec_);
    return With([&](detail::ReplySpec& spec) { spec.length = length; });
  }
  /// Calls `action` on the ctl thread once the kernel has the whole reply. Not called if the client
  /// has left or Stop has come first, or if the reply is a handler's and the handler was replaced
  /// meanwhile. Stop reports what it throws.
  Reply Then(std::function<void()> action) const {
    return With([&](detail::ReplySpec& spec) { spec.action = std::move(action); });
  }
  /// Drops the `next` frames that MockHyperstart::HoldNexts has kept back for it, as of an agent
  /// that dies before it has said them.
  Reply WithoutNexts() const {
    return With([](detail::ReplySpec& spec) { spec.drop_nexts = true; });
  }
  /// Then disconnects both channels, as when a VM dies. The next clients are accepted.
  Reply ThenDisconnect() const {
    return With([](detail::ReplySpec& spec) { spec.disconnect = true; });
  }

 private:
  friend struct detail::ReplyAccess;

  Reply(detail::ReplySpec::Kind kind, Command command, std::string bytes) {
    spec_.kind = kind;
    spec_.command = command;
    spec_.bytes = std::move(bytes);
  }
  template <typename Change>
  Reply With(const Change& change) const {
    Reply reply = *this;
    change(reply.spec_);
    return reply;
  }

  detail::ReplySpec spec_;
};

namespace detail {

/// For the implementation: what a Reply holds.
struct ReplyAccess {
  static const ReplySpec& Spec(const Reply& reply) { return reply.spec_; }
  static ReplySpec Take(Reply&& reply) { return std::move(reply.spec_); }
  /// See ReplySpec::end.
  static Reply WithEnd(Reply reply, std::shared_ptr<const void> end) {
    reply.spec_.end = std::move(end);
    return reply;
  }
};

}  // namespace detail

/// How GoogleMock shows what a handler returned.
inline void PrintTo(const Reply& reply, std::ostream* out) {
  *out << detail::DescribeReply(detail::ReplyAccess::Spec(reply));
}

/// Answers commands. Called on the ctl thread, under no lock: it may call any member of the mock
/// but Start and Stop, and may block, which holds up ctl alone. If it throws, Stop reports the
/// exception and the client gets `error` with its text. While it runs, a client's departure is not
/// noticed.
using Handler = std::function<Reply(const DecodedMessage&)>;

/// Gets each io packet of the client, once it is recorded. Called on the io thread, under no lock:
/// it may call any member of the mock but Start and Stop, and may block, which holds up io alone.
/// Stop reports what it throws.
using IoHandler = std::function<void(const IoPacket&)>;

/// Told when a client is served on a channel, before it is read, and when it is served no more.
/// Called on the channel's thread, under no lock: it may call any member of the mock but Start and
/// Stop. Stop reports what it throws.
using ConnectionHandler = std::function<void(Channel, bool is_connected)>;

/// Gets each input of a client that the real agent dies of, as soon as it is noticed, whether or
/// not Options::strict makes it a violation. Called on the channel's thread, under no lock: it may
/// call any member of the mock but Start and Stop. Stop reports what it throws.
using FatalInputHandler = std::function<void(const Violation&)>;

namespace detail {
struct PlanAccess;
}

/// The answers to certain commands: each WillOnce to one of them, in order, then the
/// WillRepeatedly.
class ReplyPlan {
 public:
  ReplyPlan() = default;
  ReplyPlan(const ReplyPlan&) = delete;
  ReplyPlan& operator=(const ReplyPlan&) = delete;

  /// Answers the next command that no other WillOnce answers. If it is never used, Stop() fails the
  /// test at the place of this call.
  ReplyPlan& WillOnce(Reply reply, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
    const std::lock_guard lock(mutex_);
    once_.push_back({std::move(reply), file, line});
    return *this;
  }
  /// Answers every other command. A later call replaces it.
  ReplyPlan& WillRepeatedly(Reply reply, const char* = __builtin_FILE(), int = __builtin_LINE()) {
    auto next = std::make_shared<const Reply>(std::move(reply));
    const std::lock_guard lock(mutex_);
    repeatedly_.swap(next);
    return *this;
  }  // The lock ends first, then the old reply, whose action is the user's code.

 private:
  friend struct detail::PlanAccess;

  struct Once {
    Reply reply;
    const char* file;
    int line;
  };

  mutable std::mutex mutex_;
  std::deque<Once> once_;
  std::shared_ptr<const Reply> repeatedly_;  // shared, since it is copied under no lock
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_REPLY_HPP_
