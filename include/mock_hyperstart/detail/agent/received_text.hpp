// What a failed wait says of the records that are there, of violations and of plans. Used under the
// lock of the records.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_RECEIVED_TEXT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_RECEIVED_TEXT_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ratio>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// "+12 ms", or that it was before `start`.
inline std::string DescribeTimeSince(Clock::time_point start, Clock::time_point when) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  if (when < start) return "before this Start";
  return fmt::format("{:+.0f} ms", Milliseconds(when - start).count());
}

inline std::string DescribeReceived(const DecodedMessage& message, Dialect dialect) {
  const std::string name = CommandName(message.command, dialect);
  if (message.payload.empty()) return name + ", no payload";
  return name + "  " + Bytes(message.payload.size()) + "  " + OneLine(message.payload);
}
inline std::string DescribeReceived(const IoPacket& packet, Dialect = Dialect::kHyperstart) {
  const std::string name = "seq " + std::to_string(packet.seq);
  if (packet.eof()) return name + ", end of stream";
  return name + "  " + Bytes(packet.data.size()) + "  " + OneLine(packet.data);
}

/// The newest of the violations, if any, on a line of its own.
inline std::string DescribeLast(const std::vector<Violation>& violations) {
  if (violations.empty()) return {};
  const Violation& last = violations.back();
  return fmt::format(
      "\n  {} on {}: {}",
      last.by_client ? "the client violated the protocol" : "not caused by the client,",
      ToString(last.channel), last.what);
}

/// The replies that were not used, each on a line of its own.
inline std::string DescribePlans(const std::vector<ReplyPolicy::UnusedReply>& replies) {
  std::string text;
  for (const ReplyPolicy::UnusedReply& unused : replies) {
    text += fmt::format("\n  {}:{}: a WillOnce for {}{}", unused.place.file, unused.place.line,
                        unused.by_criterion ? "a command that " : "", unused.wanted);
  }
  return text;
}

/// What a criterion explains, on a line of its own.
inline std::string Indented(const std::string& explanation) {
  return explanation.empty() ? explanation : "\n       " + explanation;
}

/// Why a wait gives nothing, though there may be something: older `what` ("packets") that it would
/// have given were dropped. Else an empty text.
inline std::string DescribeLoss(const Inbox& inbox, std::optional<std::uint64_t> key,
                                const char* what) {
  return inbox.HasLost(key) ? fmt::format("older {} were dropped", what) : std::string();
}

/// What is dropped of an inbox with a limit, and what to do about it: when that begins, and later.
inline std::string DescribeDropping(const Inbox& inbox) {
  return fmt::format(
      "over {} MiB were not taken: from now on a mock that forwards drops the oldest; take them "
      "earlier, or set Options::keep_all",
      inbox.limit() / (1024 * 1024));
}
inline std::string DescribeDropped(const Inbox& inbox) {
  return fmt::format(
      "{} of {} records dropped, since a mock that forwards keeps at most {} MiB that were not "
      "taken: take "
      "them earlier, or set Options::keep_all",
      inbox.dropped(), inbox.added(), inbox.limit() / (1024 * 1024));
}

/// "; received instead:" and a line for each of the records that matter most: those with the key
/// `wanted`, then the newest, in the order of their arrival. `describe` is called with a record and
/// returns its line, and more lines that explain it.
template <typename Describe>
std::string DescribeInbox(Inbox& inbox, std::optional<std::uint64_t> wanted,
                          Clock::time_point start, const Describe& describe) {
  constexpr std::size_t kLines = 10;
  const std::size_t size = inbox.size();
  if (size == 0 && inbox.added() == 0) return "; nothing has arrived";
  const std::string dropped = inbox.dropped() > 0 ? "\n  " + DescribeDropped(inbox) : "";
  if (size == 0) {
    return fmt::format("; what arrived ({} in all) was taken{}{}", inbox.added(),
                       dropped.empty() ? "" : " or dropped", dropped);
  }
  std::vector<InboxEntry*> entries = inbox.MostRelevant(wanted, kLines);
  std::sort(entries.begin(), entries.end(),
            [](const InboxEntry* a, const InboxEntry* b) { return a->number < b->number; });
  std::string text = "; received instead:";
  for (InboxEntry* const entry : entries) {
    text += fmt::format("\n  {:>3}  {}  {}", entry->number, DescribeTimeSince(start, entry->when),
                        describe(entry->record));
  }
  if (size > kLines) text += fmt::format("\n       and {} more", size - kLines);
  return text + dropped;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_RECEIVED_TEXT_HPP_
