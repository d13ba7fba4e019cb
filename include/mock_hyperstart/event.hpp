// One thing that happened between a client and the mock, as a value. The transcript's text, its
// Mermaid diagram and recordings are made from these. Values: any thread.

#ifndef MOCK_HYPERSTART_EVENT_HPP_
#define MOCK_HYPERSTART_EVENT_HPP_

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <ratio>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {

/// What an Event is.
enum class EventKind : std::uint8_t {
  kConnected,     // a client is served
  kDisconnected,  // it is served no more: it has left, or the mock has ended the connection
  kReceived,      // a whole frame of the client
  kSent,          // a frame to the client, or other bytes
  kFault,         // what the test did to the connection, or what was lost by it
  kWarning,       // the client did what the real agent dies of
  kViolation      // the client broke the protocol
};

/// Who has ended a connection.
enum class EndedBy : std::uint8_t { kClient, kMock, kStop };

/// Consecutive `next` frames that count the same number of bytes.
struct NextRun {
  std::uint32_t bytes = 0;  // the payload of each
  std::uint64_t frames = 0;
};

struct Event {
  std::uint64_t number = 0;          // 1, 2, 3, ...: a gap means events that were not kept
  std::chrono::nanoseconds time{0};  // since the latest Start; never less than the event before
  /// The same by the wall clock, as it was at that Start.
  std::chrono::system_clock::time_point wall_time{};
  EventKind kind = EventKind::kFault;
  Channel channel = Channel::kCtl;
  Dialect dialect = Dialect::kHyperstart;  // that of the mock, for the names of commands
  bool is_frame = false;    // `command` or `seq` are set; false for raw bytes and for words
  bool same_write = false;  // sent in one write with the event before
  EndedBy ended_by = EndedBy::kClient;  // of kDisconnected
  Command command{};                    // of a ctl frame
  std::uint64_t seq = 0;                // of an io frame
  /// The payload of a frame, or the bytes that were sent or that violate the protocol: whole with
  /// Options::keep_all, else their beginning.
  std::string bytes;
  std::size_t size = 0;  // how many there were
  /// The `next` frames that counted one command, in order; then `command` is kNext and `bytes` is
  /// empty. They stand behind the command that they count. After 16 runs the rest is one run of 0
  /// bytes each, unless Options::keep_all is set.
  std::vector<NextRun> nexts;
  std::string text;  // words for people, of what is not a frame
};

namespace detail {

/// "next 8, next 512 x54, next 385"
inline std::string DescribeNexts(const Event& event) {
  std::string text;
  for (const NextRun& run : event.nexts) {
    if (!text.empty()) text += ", ";
    if (run.bytes == 0) {
      text += fmt::format("{} more nexts", run.frames);
    } else {
      text += fmt::format("next {}", run.bytes);
      if (run.frames > 1) text += fmt::format(" \u00d7{}", run.frames);
    }
  }
  return text;
}

inline std::string DescribeViolation(const Event& event) {
  constexpr std::size_t kShown = 64;  // bytes
  std::string text =
      "violation: " + event.text + HexDump(std::string_view(event.bytes).substr(0, kShown));
  if (event.size > kShown) {
    text += fmt::format("\n    ... (the first {} of {} bytes)", kShown, event.size);
  }
  return text;
}

/// What an event says in a line of the transcript, without its time, channel and direction.
inline std::string DescribeEvent(const Event& event) {
  constexpr std::size_t kShown = 100;  // bytes
  if (!event.is_frame) {
    if (event.kind == EventKind::kViolation) return DescribeViolation(event);
    if (event.kind == EventKind::kWarning) return "warning: " + event.text;
    if (event.kind != EventKind::kSent) return event.text;
    return fmt::format("{}, {}{}{}", event.text, Bytes(event.size), event.size == 0 ? "" : "  ",
                       event.size == 0 ? "" : OneLine(event.bytes));
  }
  if (!event.nexts.empty()) return DescribeNexts(event);
  const bool ctl = event.channel == Channel::kCtl;
  const std::string name =
      ctl ? CommandName(event.command, event.dialect) : fmt::format("seq {}", event.seq);
  std::string shown = OneLine(event.bytes, kShown);
  if (event.size > event.bytes.size() && shown.back() != '.') shown += "...";
  if (event.kind == EventKind::kSent && ctl) {  // short, since several share a line
    const bool is_number =
        event.command == Command::kNext || (event.command == Command::kAck && !IsText(event.bytes));
    if (event.size == 4 && is_number) {
      return fmt::format("{} {}", name, GetBigEndian(event.bytes.data(), 4));
    }
    return event.size == 0 ? name : fmt::format("{} {}", name, shown);
  }
  if (event.size == 0 && !ctl) return fmt::format("{:<12}    end of stream", name);
  return fmt::format("{:<12} {:>4} byte{}{}{}", name, event.size, event.size == 1 ? " " : "s",
                     event.size == 0 ? "" : "  ", event.size == 0 ? "" : shown);
}

inline std::string_view Arrow(const Event& event) {
  return event.kind == EventKind::kReceived ? "-->" : event.kind == EventKind::kSent ? "<--" : "";
}

/// The time as the transcript shows it.
inline std::string DescribeTime(const Event& event) {
  return fmt::format("{:+.1f} ms", std::chrono::duration<double, std::milli>(event.time).count());
}

/// "+1.5 ms  ctl  -->  startpod       39 bytes  {...}"
inline std::string ToString(const Event& event) {
  return fmt::format("{:>10}  {:<3}  {:<3}  {}", DescribeTime(event), ToString(event.channel),
                     Arrow(event), DescribeEvent(event));
}

}  // namespace detail

/// How GoogleTest shows it: a line of the transcript.
inline void PrintTo(const Event& event, std::ostream* out) { *out << detail::ToString(event); }

}  // namespace hyperstart

/// Not detail::Formatter: it knows only the functions ToString that stand before it.
template <>
struct fmt::formatter<hyperstart::Event> : fmt::formatter<fmt::string_view> {
  template <typename Context>
  auto format(const hyperstart::Event& event, Context& context) const {
    const std::string text = hyperstart::detail::ToString(event);
    return fmt::formatter<fmt::string_view>::format(fmt::string_view(text), context);
  }
};

#endif  // MOCK_HYPERSTART_EVENT_HPP_
