#include "mock_hyperstart/detail/recording/recording_writer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

Event Words(EventKind kind, std::chrono::nanoseconds time = {}) {
  Event event;
  event.kind = kind;
  event.time = time;
  event.text = "text";
  return event;
}

Event Frame(EventKind kind, Command command, const std::string& payload) {
  Event event;
  event.kind = kind;
  event.is_frame = true;
  event.command = command;
  event.bytes = payload;
  event.size = payload.size();
  return event;
}

TEST(RecordingWriter, WritesTheFormThatItsHeaderDescribes) {
  Event next;
  next.kind = EventKind::kSent;
  next.is_frame = true;
  next.command = Command::kNext;
  next.nexts = {{8, 1}, {2, 2}};
  Event io = Frame(EventKind::kSent, {}, "x");
  io.channel = Channel::kIo;
  io.seq = 3;
  Event end = Words(EventKind::kDisconnected);
  end.ended_by = EndedBy::kMock;
  EXPECT_EQ(RecordingText({Words(EventKind::kConnected, 51us),
                           Frame(EventKind::kReceived, Command::kPing, "{}"), next, io,
                           Words(EventKind::kFault), end, Words(EventKind::kDisconnected)},
                          "a \"name\"", {}),
            R"({
 "format": "mock_hyperstart recording",
 "version": 1,
 "name": "a \"name\"",
 "description": "",
 "agent": "mock_hyperstart",
 "dialect": "hyperstart",
 "transport": "unix",
 "events": [
  {"t_ms": 0.051000, "channel": "ctl", "dir": "open"},
  {"t_ms": 0.000000, "channel": "ctl", "dir": "client->agent", "hex": "0000000c0000000a7b7d"},
  {"t_ms": 0.000000, "channel": "ctl", "dir": "agent->client", "hex": "0000000e0000000c000000080000000e0000000c000000020000000e0000000c00000002"},
  {"t_ms": 0.000000, "channel": "io", "dir": "agent->client", "hex": "00000000000000030000000d78"},
  {"t_ms": 0.000000, "channel": "ctl", "dir": "fault", "text": "text"},
  {"t_ms": 0.000000, "channel": "ctl", "dir": "close", "by": "agent"}
 ],
 "agent_end": "closed"
}
)");
}

TEST(RecordingWriter, RefusesAnEventThatWasCut) {
  Event cut = Frame(EventKind::kReceived, Command::kPing, "12");
  cut.size = 3;
  EXPECT_THROW(RecordingWriter().Add(cut), std::logic_error);
}

TEST(JsonText, IsAlwaysUtf8) {
  EXPECT_EQ(JsonText("a\"\n\u00e9"), "\"a\\\"\\u000a\u00e9\"");
  EXPECT_EQ(JsonText("\xff\xc3"), "\"??\"");
}

}  // namespace
}  // namespace hyperstart::detail
