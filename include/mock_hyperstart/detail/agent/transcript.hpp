// The conversation for people: events as lines of text, and as a Mermaid sequence diagram.
// Functions of events: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Calls `on_line` with the first event of each line and the line's words: one line for all frames
/// that were sent in one write; and `on_gap` with how many events were not kept between two lines.
template <typename OnLine, typename OnGap>
void ForEachLine(const std::vector<Event>& events, const OnLine& on_line, const OnGap& on_gap) {
  for (std::size_t i = 0; i < events.size();) {
    if (const std::uint64_t before = i == 0 ? 0 : events[i - 1].number;
        events[i].number > before + 1) {
      on_gap(events[i].number - before - 1);
    }
    const Event& first = events[i];
    std::string line = DescribeEvent(first);
    for (++i; i < events.size() && events[i].same_write; ++i) {
      if (events[i].number != events[i - 1].number + 1) break;
      line += ", " + DescribeEvent(events[i]);
    }
    on_line(first, line);
  }
}

inline std::string_view Colour(const Event& event) {
  switch (event.kind) {
    case EventKind::kReceived:
      return "\x1b[36m";
    case EventKind::kSent:
      return "\x1b[32m";
    case EventKind::kWarning:
    case EventKind::kViolation:
      return "\x1b[31m";
    case EventKind::kConnected:
    case EventKind::kDisconnected:
    case EventKind::kFault:
      break;
  }
  return "\x1b[2m";
}

/// One line of the conversation, with its line feed.
inline std::string TranscriptLine(const Event& event, std::string_view words, bool colour) {
  const std::string_view begin = colour ? Colour(event) : "";
  return fmt::format("[hyperstart] {:>9}  {:<3}  {}{:<3}  {}{}\n", DescribeTime(event),
                     ToString(event.channel), begin, Arrow(event), words,
                     begin.empty() ? "" : "\x1b[0m");
}

/// "8002 more events, not kept"
inline std::string DescribeMissing(std::uint64_t missing) {
  return fmt::format("{} more event{}, not kept", missing, missing == 1 ? "" : "s");
}

inline std::string TranscriptText(const std::vector<Event>& events, bool colour = false) {
  std::string text;
  ForEachLine(
      events,
      [&](const Event& event, const std::string& words) {
        text += TranscriptLine(event, words, colour);
      },
      [&](std::uint64_t missing) {
        text += "[hyperstart]  ... " + DescribeMissing(missing) + " ...\n";
      });
  return text;
}

inline std::string TranscriptMermaid(const std::vector<Event>& events) {
  std::string text = "sequenceDiagram\n  participant C as client\n  participant A as hyperstart\n";
  ForEachLine(
      events,
      [&](const Event& event, const std::string& words) {
        const char* const arrow = event.kind == EventKind::kReceived ? "C->>A"
                                  : event.kind == EventKind::kSent   ? "A-->>C"
                                                                     : "Note over C,A";
        text += fmt::format("  {}: {}: {} ({})\n", arrow, ToString(event.channel),
                            MermaidText(words), DescribeTime(event));
      },
      [&](std::uint64_t missing) {
        text += "  Note over C,A: " + DescribeMissing(missing) + "\n";
      });
  return text;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_
