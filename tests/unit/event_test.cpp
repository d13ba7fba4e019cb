// An event in words.

#include "mock_hyperstart/event.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/protocol.hpp"
#include "support/wire.hpp"

namespace hyperstart {
namespace {

using namespace std::chrono_literals;
using detail::DescribeEvent;

Event Frame(EventKind kind, Command command, std::string payload) {
  Event event;
  event.kind = kind;
  event.is_frame = true;
  event.command = command;
  event.size = payload.size();
  event.bytes = std::move(payload);
  return event;
}
Event Frame(EventKind kind, std::uint64_t seq, std::string data) {
  Event event = Frame(kind, Command{}, std::move(data));
  event.channel = Channel::kIo;
  event.seq = seq;
  return event;
}
Event Words(EventKind kind, std::string text, std::string bytes = {}) {
  Event event;
  event.kind = kind;
  event.text = std::move(text);
  event.size = bytes.size();
  event.bytes = std::move(bytes);
  return event;
}
Event Nexts(std::vector<NextRun> runs) {
  Event event = Frame(EventKind::kSent, Command::kNext, "");
  event.nexts = std::move(runs);
  return event;
}

TEST(EventTest, DescribesReceivedMessages) {
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kReceived, Command::kStartPod, R"({"a":1})")),
            R"(startpod        7 bytes  {"a":1})");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kReceived, Command::kReadFile, "x")),
            R"(readfile        1 byte   "x")");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kReceived, Command::kPing, "")),
            "ping            0 bytes");
}

TEST(EventTest, DescribesPackets) {
  for (const EventKind kind : {EventKind::kReceived, EventKind::kSent}) {
    EXPECT_EQ(DescribeEvent(Frame(kind, 7, "waits")), R"(seq 7           5 bytes  "waits")");
    EXPECT_EQ(DescribeEvent(Frame(kind, 7, "")), "seq 7           end of stream");
  }
}

TEST(EventTest, DescribesSentMessagesInShort) {
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kSent, Command::kAck, "")), "ack");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kSent, Command::kError, "no")), R"(error "no")");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kSent, Command::kAck, wire::U32(4244))), "ack 4244");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kSent, Command::kAck, "abcd")), R"(ack "abcd")");
  EXPECT_EQ(DescribeEvent(Frame(EventKind::kSent, Command::kNext, wire::U32(0x61626364))),
            "next 1633837924");
}

TEST(EventTest, DescribesFoldedNexts) {
  EXPECT_EQ(DescribeEvent(Nexts({{8, 1}, {504, 1}, {512, 54}, {385, 1}})),
            "next 8, next 504, next 512 \u00d754, next 385");
  EXPECT_EQ(DescribeEvent(Nexts({{8, 1}, {0, 1000}})), "next 8, 1000 more nexts");
}

TEST(EventTest, NamesCommandsInTheDialectOfTheMock) {
  Event event = Frame(EventKind::kReceived, Command::kProcessAsyncEvent, "");
  EXPECT_EQ(DescribeEvent(event), "processasyncevent    0 bytes");
  event.dialect = Dialect::kClearContainers;
  EXPECT_EQ(DescribeEvent(event), "pscontainer     0 bytes");
}

TEST(EventTest, ShowsThatBytesAreMissing) {
  Event event = Frame(EventKind::kReceived, Command::kReadFile, std::string(104, 'x'));
  event.size = 5000;
  EXPECT_EQ(DescribeEvent(event), "readfile     5000 bytes  \"" + std::string(100, 'x') + "\"...");
}

TEST(EventTest, DescribesRawBytes) {
  EXPECT_EQ(DescribeEvent(Words(EventKind::kSent, "raw bytes", "\xff")),
            "raw bytes, 1 byte  hex ff");
  EXPECT_EQ(DescribeEvent(Words(EventKind::kSent, "nothing")), "nothing, 0 bytes");
}

TEST(EventTest, DescribesWords) {
  EXPECT_EQ(DescribeEvent(Words(EventKind::kConnected, "connected")), "connected");
  EXPECT_EQ(DescribeEvent(Words(EventKind::kFault, "reading paused")), "reading paused");
  EXPECT_EQ(DescribeEvent(Words(EventKind::kWarning, "too long")), "warning: too long");
}

TEST(EventTest, DescribesAViolationWithItsFirstBytes) {
  EXPECT_EQ(DescribeEvent(Words(EventKind::kViolation, "broken", "abc")),
            "violation: broken\n"
            "    00000000  61 62 63                                         |abc|");
  EXPECT_THAT(DescribeEvent(Words(EventKind::kViolation, "broken", std::string(100, 'x'))),
              testing::AllOf(testing::HasSubstr("\n    00000030  "),
                             testing::Not(testing::HasSubstr("\n    00000040  ")),
                             testing::EndsWith("\n    ... (the first 64 of 100 bytes)")));
}

TEST(EventTest, PrintsAsALineOfTheTranscript) {
  Event event = Frame(EventKind::kReceived, Command::kPing, "");
  event.time = 1'540us;
  const std::string line = "   +1.5 ms  ctl  -->  ping            0 bytes";
  EXPECT_EQ(testing::PrintToString(event), line);
  EXPECT_EQ(fmt::format("{}", event), line);
  event.kind = EventKind::kSent;
  EXPECT_EQ(testing::PrintToString(event), "   +1.5 ms  ctl  <--  ping");
  EXPECT_EQ(testing::PrintToString(Words(EventKind::kConnected, "connected")),
            "   +0.0 ms  ctl       connected");
}

}  // namespace
}  // namespace hyperstart
