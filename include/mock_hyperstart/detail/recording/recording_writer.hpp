// Events to the text of a recording, at once or as they happen. A recording is one JSON object,
// with one event a line:
//
//   {
//    "format": "mock_hyperstart recording",
//    "version": 1,
//    "name": "web",
//    "description": "",
//    "agent": "mock_hyperstart",
//    "dialect": "hyperstart",
//    "transport": "unix",
//    "events": [
//     {"t_ms": 0.051000, "channel": "ctl", "dir": "open"},
//     {"t_ms": 0.103000, "channel": "ctl", "dir": "client->agent", "hex": "0000000c00000008"},
//     {"t_ms": 0.131000, "channel": "ctl", "dir": "agent->client", "hex": "0000000900000008"},
//     {"t_ms": 0.140000, "channel": "ctl", "dir": "fault", "text": "reading paused"},
//     {"t_ms": 0.207000, "channel": "ctl", "dir": "close", "by": "client"}
//    ],
//    "agent_end": "running"
//   }
//
//   t_ms     milliseconds since Start
//   dir      open, close, client->agent, agent->client, fault, warning or violation
//   by       of a close: client or agent. Stop of the mock is no close: the agent lives on
//   hex      bytes in the order in which they were sent: a frame, several, or a part of one. Of a
//            violation: the bytes that it is about
//   text     of a fault, a warning or a violation: what happened, for people. Half a close and a
//            reset by the mock are faults: a replay does not repeat them
//   dialect  who numbers the commands from 23 on: hyperstart or clear-containers
//   agent_end  "closed" if the agent has closed the channel that was open last; else "running"
//
// What is unknown to a reader it ignores, so that keys may be added; `version` grows when that is
// not enough. The form without `format` and `version` is version 1.
//
// Not synchronised.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_WRITER_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_WRITER_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ratio>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/recording/event_bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

inline constexpr std::string_view kRecordingFormat = "mock_hyperstart recording";
inline constexpr int kRecordingVersion = 1;

inline std::string HexDigits(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    hex += {kDigits[value / 16], kDigits[value % 16]};
  }
  return hex;
}

/// As JsonString, also where `text` is not UTF-8: what isn't becomes a question mark.
inline std::string JsonText(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t multibyte = MultibyteLength(text);
    const bool is_ascii = static_cast<unsigned char>(text[0]) < 0x80;
    if (multibyte > 0 || is_ascii) {
      valid += text.substr(0, std::max<std::size_t>(multibyte, 1));
    } else {
      valid += '?';
    }
    text.remove_prefix(std::max<std::size_t>(multibyte, 1));
  }
  return JsonString(valid);
}

/// Begin, then each event, then End, put together, are the text of the recording.
class RecordingWriter {
 public:
  static std::string Begin(std::string_view name, const Options& options) {
    const std::string_view transport = options.transport == Transport::kVirtio  ? "virtio"
                                       : options.transport == Transport::kVsock ? "vsock"
                                                                                : "unix";
    return fmt::format(
        "{{\n \"format\": {},\n \"version\": {},\n \"name\": {},\n \"description\": \"\",\n"
        " \"agent\": \"mock_hyperstart\",\n \"dialect\": \"{}\",\n \"transport\": \"{}\",\n"
        " \"events\": [",
        JsonText(kRecordingFormat), kRecordingVersion, JsonText(name),
        options.dialect == Dialect::kHyperstart ? "hyperstart" : "clear-containers", transport);
  }

  /// The event's line; empty for the second of two ends of a connection. Throws std::logic_error
  /// for an event that was not kept whole.
  std::string Add(const Event& event) {
    const std::string content = Content(event);
    if (content.empty()) return {};
    const double ms = std::chrono::duration<double, std::milli>(event.time).count();
    std::string line = fmt::format("{}\n  {{\"t_ms\": {:.6f}, \"channel\": \"{}\", {}}}",
                                   is_first_ ? "" : ",", ms, ToString(event.channel), content);
    is_first_ = false;
    return line;
  }

  std::string End() const {
    return fmt::format("\n ],\n \"agent_end\": \"{}\"\n}}\n",
                       ended_by_agent_ ? "closed" : "running");
  }

 private:
  std::string Content(const Event& event) {
    bool& is_open = is_open_[event.channel == Channel::kCtl ? 0 : 1];
    switch (event.kind) {
      case EventKind::kConnected:
        is_open = true;
        ended_by_agent_ = false;
        return R"("dir": "open")";
      case EventKind::kDisconnected:
        if (!is_open) return {};
        is_open = false;
        ended_by_agent_ = event.ended_by == EndedBy::kMock;
        if (event.ended_by == EndedBy::kStop) return {};  // the test is over, not the agent
        return fmt::format(R"("dir": "close", "by": "{}")", ended_by_agent_ ? "agent" : "client");
      case EventKind::kReceived:
        return fmt::format(R"("dir": "client->agent", "hex": "{}")", HexDigits(EventBytes(event)));
      case EventKind::kSent:
        return fmt::format(R"("dir": "agent->client", "hex": "{}")", HexDigits(EventBytes(event)));
      case EventKind::kFault:
        return fmt::format(R"("dir": "fault", "text": {})", JsonText(event.text));
      case EventKind::kWarning:
        return fmt::format(R"("dir": "warning", "text": {})", JsonText(event.text));
      case EventKind::kViolation:
        return fmt::format(R"("dir": "violation", "text": {}, "hex": "{}")", JsonText(event.text),
                           HexDigits(event.bytes));
    }
    return {};
  }

  bool is_first_ = true;
  bool is_open_[2] = {false, false};  // ctl, io
  bool ended_by_agent_ = false;
};

/// A whole recording.
inline std::string RecordingText(const std::vector<Event>& events, std::string_view name,
                                 const Options& options) {
  RecordingWriter writer;
  std::string text = RecordingWriter::Begin(name, options);
  for (const Event& event : events) text += writer.Add(event);
  return text + writer.End();
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_WRITER_HPP_
