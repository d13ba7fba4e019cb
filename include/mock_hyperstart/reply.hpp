// What to answer to a command, as values: a Reply says what and how, a ReplyPlan which of them
// when. Knows nothing of connections. A Reply is a value; a ReplyPlan locks itself: any thread.

#ifndef MOCK_HYPERSTART_REPLY_HPP_
#define MOCK_HYPERSTART_REPLY_HPP_

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {

/// The answer to one command: what is sent, and how. Built by chaining; each call returns a new
/// value. `next` frames are not part of it: see Options::next_acks.
class Reply {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Whatever would be answered without this reply, by what comes after it in the order of
  /// MockHyperstart::On. Modifiers apply to that, and win over its own.
  Reply() = default;
  /// `ack`, as almost every command is answered.
  static Reply Ack(std::string payload = {}) { return Frame(Command::kAck, std::move(payload)); }
  /// `error`; the agent ends its texts with a NUL, and mostly sends none.
  static Reply Error(std::string message = {}) {
    return Frame(Command::kError, std::move(message));
  }
  /// std::length_error, as of the two above, for a payload that the header can't announce.
  static Reply Frame(Command command, std::string payload = {}) {
    detail::CtlHeader::For(command, payload.size());  // throws here, not on the ctl thread
    Reply reply;
    reply.kind_ = Kind::kFrame;
    reply.command_ = command;
    reply.bytes_ = std::move(payload);
    return reply;
  }
  /// Any bytes at all, without a header.
  static Reply Raw(std::string bytes) {
    Reply reply;
    reply.kind_ = Kind::kRaw;
    reply.bytes_ = std::move(bytes);
    return reply;
  }
  /// Silence: `next`s only.
  static Reply Nothing() {
    Reply reply;
    reply.kind_ = Kind::kNothing;
    return reply;
  }

  /// First waits. The agent works on one command at a time: later ones wait too, io does not. Ends
  /// at once, and the reply is dropped, with Stop and when the client leaves.
  Reply After(Milliseconds delay) const {
    return With([&](Reply& reply) { reply.delay_ = delay; });
  }
  /// In writes of so many bytes with a pause between two. Without one the kernel may join them.
  /// What else is sent on ctl waits for the last. std::invalid_argument for pieces of 0 bytes.
  Reply InPieces(std::size_t bytes, Milliseconds gap = {}) const {
    if (bytes == 0) throw std::invalid_argument("Reply::InPieces(0): a piece has at least 1 byte");
    return With([&](Reply& reply) { reply.pieces_ = Pieces{bytes, gap}; });
  }
  /// Only its first bytes, header included.
  Reply Truncated(std::size_t bytes) const {
    return With([&](Reply& reply) { reply.truncated_ = bytes; });
  }
  /// A header that announces a frame of that length, header included, whatever follows.
  /// std::logic_error for Raw and Nothing, which have none.
  Reply WithLength(std::uint32_t length) const {
    if (kind_ == Kind::kRaw || kind_ == Kind::kNothing) {
      throw std::logic_error(
          "Reply::WithLength: Raw and Nothing have no "
          "header whose length could lie");
    }
    return With([&](Reply& reply) { reply.length_ = length; });
  }
  /// Calls `action` on the ctl thread once the kernel has the whole reply; not if the client left
  /// or Stop came first. What it throws is reported by Stop.
  Reply Then(std::function<void()> action) const {
    return With([&](Reply& reply) { reply.then_ = std::move(action); });
  }
  /// Then ends both channels, as when a VM dies. The next clients are accepted.
  Reply ThenDisconnect() const {
    return With([](Reply& reply) { reply.disconnect_ = true; });
  }

  // ---- for who carries it out

  struct Pieces {
    std::size_t bytes;
    Milliseconds gap;
  };

  bool IsWhateverElse() const { return kind_ == Kind::kWhateverElse; }
  /// This reply where it says something, `below` where it does not. std::logic_error for a length
  /// over what has none.
  Reply Over(Reply below) && {
    if (!IsWhateverElse()) return std::move(*this);
    if (delay_) below.delay_ = delay_;
    if (pieces_) below.pieces_ = pieces_;
    if (truncated_) below.truncated_ = truncated_;
    if (length_) below = below.WithLength(*length_);
    if (then_) below.then_ = std::move(then_);
    if (disconnect_) below.disconnect_ = true;
    return below;
  }
  /// Puts what goes over the wire behind `out`.
  void AppendTo(std::string& out) const {
    const std::size_t start = out.size();
    if (kind_ == Kind::kFrame) {
      detail::CtlHeader header = detail::CtlHeader::For(command_, bytes_.size());
      header.length = length_.value_or(header.length);
      out += detail::View(header.Encode());
    }
    out += bytes_;
    if (truncated_ && *truncated_ < out.size() - start) out.resize(start + *truncated_);
  }
  /// "ack", "raw bytes", "ack cut to 5 bytes"
  std::string What(Dialect dialect) const {
    std::string what = kind_ == Kind::kRaw       ? "raw bytes"
                       : kind_ == Kind::kNothing ? "nothing"
                                                 : CommandName(command_, dialect);
    if (length_) what += " that says " + std::to_string(*length_) + " bytes";
    if (truncated_) what += " cut to " + std::to_string(*truncated_) + " bytes";
    return what;
  }
  /// All of it, for people: `error "no space" after 50 ms`
  std::string Describe() const {
    std::string text = IsWhateverElse() ? "whatever else answers" : What(Dialect::kHyperstart);
    if (!bytes_.empty()) text += ' ' + detail::OneLine(bytes_);
    if (delay_) text += fmt::format(" after {} ms", delay_->count());
    if (pieces_) text += fmt::format(" in pieces of {}", detail::Bytes(pieces_->bytes));
    if (then_) text += ", then an action";
    if (disconnect_) text += ", then a disconnect";
    return text;
  }
  /// Sent as it is, at once, with nothing to follow.
  bool IsPlain() const { return !delay_ && !pieces_ && !then_ && !disconnect_ && IsWholeFrame(); }
  bool IsWholeFrame() const { return kind_ == Kind::kFrame && !truncated_ && !length_; }
  Milliseconds delay() const { return delay_.value_or(Milliseconds(0)); }
  const std::optional<Pieces>& pieces() const { return pieces_; }
  const std::function<void()>& then() const { return then_; }
  bool disconnects() const { return disconnect_; }

 private:
  enum class Kind { kWhateverElse, kFrame, kRaw, kNothing };

  template <typename Change>
  Reply With(const Change& change) const {
    Reply reply = *this;
    change(reply);
    return reply;
  }

  Kind kind_ = Kind::kWhateverElse;
  Command command_ = Command::kAck;
  std::string bytes_;  // a frame's payload, or raw
  std::optional<Milliseconds> delay_;
  std::optional<Pieces> pieces_;
  std::optional<std::size_t> truncated_;
  std::optional<std::uint32_t> length_;
  std::function<void()> then_;
  bool disconnect_ = false;
};

/// How GoogleMock shows what a handler returned.
inline void PrintTo(const Reply& reply, std::ostream* out) { *out << reply.Describe(); }

/// Answers commands. Called on the ctl thread, under no lock: it may call any member of the mock
/// but Start and Stop, and may block, which holds up ctl alone. What it throws is reported by Stop,
/// and the client gets `error` with its text. While it runs, a departing client goes unseen.
using Handler = std::function<Reply(const DecodedMessage&)>;

/// What is answered to one command: each WillOnce for one of them, in order, then the
/// WillRepeatedly.
class ReplyPlan {
 public:
  /// For the next command that no other WillOnce answers. One that is never used fails the test at
  /// Stop(), with the place of this call.
  ReplyPlan& WillOnce(Reply reply, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
    const std::lock_guard lock(mutex_);
    once_.push_back({std::move(reply), file, line});
    return *this;
  }
  /// For every other; a later call replaces it.
  ReplyPlan& WillRepeatedly(Reply reply, const char* = __builtin_FILE(), int = __builtin_LINE()) {
    const std::lock_guard lock(mutex_);
    repeatedly_ = std::move(reply);
    return *this;
  }

  // ---- for who carries it out

  struct Place {
    const char* file;
    int line;
  };

  /// The plan's answer to the next command; whatever else, where it has none.
  Reply Next() {
    const std::lock_guard lock(mutex_);
    Reply reply;
    if (!once_.empty()) {
      reply = std::move(once_.front().reply);
      once_.pop_front();
    }
    return repeatedly_ ? std::move(reply).Over(*repeatedly_) : reply;
  }
  /// Where the unused WillOnce were set. They are taken back.
  std::vector<Place> TakeUnused() {
    const std::lock_guard lock(mutex_);
    std::vector<Place> places;
    for (const Once& once : once_) places.push_back({once.file, once.line});
    once_.clear();
    return places;
  }

 private:
  struct Once {
    Reply reply;
    const char* file;
    int line;
  };

  std::mutex mutex_;
  std::deque<Once> once_;
  std::optional<Reply> repeatedly_;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_REPLY_HPP_
