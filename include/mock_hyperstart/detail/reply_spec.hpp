// What a Reply says, as plain data, and its text. Values: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_REPLY_SPEC_HPP_
#define MOCK_HYPERSTART_DETAIL_REPLY_SPEC_HPP_

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

struct ReplySpec {
  enum class Kind { kUnspecified, kFrame, kRaw, kNothing };
  struct Pieces {
    std::size_t bytes;
    std::chrono::milliseconds gap;
  };

  Kind kind = Kind::kUnspecified;
  Command command = Command::kAck;  // of a frame
  std::string bytes;                // a frame's payload, or the raw bytes
  std::optional<std::chrono::milliseconds> delay;
  std::optional<Pieces> pieces;
  std::optional<std::size_t> truncated;  // to so many bytes
  std::optional<std::uint32_t> length;   // that the header announces
  std::function<void()> action;          // once it has been sent
  bool disconnect = false;               // after the action
  bool drop_nexts = false;               // those that HoldNexts has kept back
  /// Set by a handler that must know when its reply is sent. It is destroyed on the ctl thread,
  /// under no lock, when the kernel has accepted all bytes of the reply, or when the client is not
  /// served any more; also if the reply is dropped.
  std::shared_ptr<const void> end;

  bool IsUnspecified() const { return kind == Kind::kUnspecified; }
  /// Unspecified, and with no modifier but WithoutNexts.
  bool SaysNothing() const {
    return IsUnspecified() && !delay && !pieces && !truncated && !length && !action && !disconnect;
  }
  bool IsWholeFrame() const { return kind == Kind::kFrame && !truncated && !length; }
  /// Sent as it is, at once, with nothing to follow.
  bool IsPlain() const { return IsWholeFrame() && !delay && !pieces && !action && !disconnect; }
};

/// Throws std::logic_error if the reply has no header whose length could be changed.
inline void CheckHasHeader(const ReplySpec& spec) {
  if (spec.kind != ReplySpec::Kind::kRaw && spec.kind != ReplySpec::Kind::kNothing) return;
  throw std::logic_error(
      "Reply::WithLength: Raw and Nothing have no header whose length could be changed");
}

/// The reply where it says something, `fallback` where it does not. Throws std::logic_error for a
/// length on what has no header.
inline ReplySpec WithFallback(ReplySpec reply, ReplySpec fallback) {
  if (!reply.IsUnspecified()) return reply;
  if (reply.delay) fallback.delay = reply.delay;
  if (reply.pieces) fallback.pieces = reply.pieces;
  if (reply.truncated) fallback.truncated = reply.truncated;
  if (reply.length) {
    CheckHasHeader(fallback);
    fallback.length = reply.length;
  }
  if (reply.action) fallback.action = std::move(reply.action);
  if (reply.disconnect) fallback.disconnect = true;
  if (reply.drop_nexts) fallback.drop_nexts = true;
  return fallback;
}

/// Appends what goes over the wire to `out`.
inline void AppendReply(const ReplySpec& reply, std::string& out) {
  const std::size_t start = out.size();
  if (reply.kind == ReplySpec::Kind::kFrame) {
    CtlHeader header = CtlHeader::For(reply.command, reply.bytes.size());
    header.length = reply.length.value_or(header.length);
    out += View(header.Encode());
  }
  out += reply.bytes;
  if (reply.truncated && *reply.truncated < out.size() - start) {
    out.resize(start + *reply.truncated);
  }
}

/// "ack", "raw bytes", "ack cut to 5 bytes"
inline std::string DescribeContent(const ReplySpec& reply, Dialect dialect) {
  std::string text = reply.kind == ReplySpec::Kind::kRaw ? "raw bytes"
                     : reply.kind == ReplySpec::Kind::kNothing
                         ? "nothing"
                         : CommandName(reply.command, dialect);
  if (reply.length) text += fmt::format(" that says {} bytes", *reply.length);
  if (reply.truncated) text += fmt::format(" cut to {}", Bytes(*reply.truncated));
  return text;
}

/// `error "no space" after 50 ms`
inline std::string DescribeReply(const ReplySpec& reply) {
  std::string text = reply.IsUnspecified() ? "the reply that would be given otherwise"
                                           : DescribeContent(reply, Dialect::kHyperstart);
  if (!reply.bytes.empty()) text += ' ' + OneLine(reply.bytes);
  if (reply.delay) text += fmt::format(" after {} ms", reply.delay->count());
  if (reply.pieces) text += fmt::format(" in pieces of {}", Bytes(reply.pieces->bytes));
  if (reply.action) text += ", then an action";
  if (reply.disconnect) text += ", then a disconnect";
  return text;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_REPLY_SPEC_HPP_
