// The conversation as text and as a diagram.

#include "mock_hyperstart/detail/agent/transcript.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

/// A conversation, written event by event.
class Conversation {
 public:
  Conversation& Received(Command command, std::string payload) {
    return Frame(EventKind::kReceived, command, std::move(payload));
  }
  Conversation& Sent(Command command, std::string payload = {}) {
    return Frame(EventKind::kSent, command, std::move(payload));
  }
  Conversation& Nexts(std::vector<NextRun> runs) {
    Frame(EventKind::kSent, Command::kNext, {});
    events_.back().nexts = std::move(runs);
    return *this;
  }
  /// The latest event was sent in one write with the one before.
  Conversation& InSameWrite() {
    events_.back().same_write = true;
    return *this;
  }
  Conversation& Words(EventKind kind, std::string text) {
    Add(kind).text = std::move(text);
    return *this;
  }
  Conversation& OnIo() {
    events_.back().channel = Channel::kIo;
    return *this;
  }
  /// Events that were not kept.
  Conversation& Missing(std::uint64_t count) {
    number_ += count;
    return *this;
  }
  const std::vector<Event>& events() const { return events_; }

 private:
  Event& Add(EventKind kind) {
    Event event;
    event.number = ++number_;
    event.time = 1500us * number_;
    event.kind = kind;
    events_.push_back(std::move(event));
    return events_.back();
  }
  Conversation& Frame(EventKind kind, Command command, std::string payload) {
    Event& event = Add(kind);
    event.is_frame = true;
    event.command = command;
    event.size = payload.size();
    event.bytes = std::move(payload);
    return *this;
  }

  std::uint64_t number_ = 0;
  std::vector<Event> events_;
};

TEST(TranscriptTest, IsEmptyWithoutEvents) { EXPECT_EQ(TranscriptText({}), ""); }

TEST(TranscriptTest, HasALineForEachEvent) {
  Conversation conversation;
  conversation.Words(EventKind::kConnected, "connected")
      .Received(Command::kPing, "")
      .Sent(Command::kAck)
      .Words(EventKind::kDisconnected, "disconnected")
      .OnIo();
  EXPECT_EQ(TranscriptText(conversation.events()),
            "[hyperstart]   +1.5 ms  ctl       connected\n"
            "[hyperstart]   +3.0 ms  ctl  -->  ping            0 bytes\n"
            "[hyperstart]   +4.5 ms  ctl  <--  ack\n"
            "[hyperstart]   +6.0 ms  io        disconnected\n");
}

TEST(TranscriptTest, JoinsTheFramesOfOneWriteToOneLine) {
  Conversation conversation;
  conversation.Received(Command::kStartPod, "pod")
      .Nexts({{8, 1}, {3, 1}})
      .Sent(Command::kAck)
      .InSameWrite()
      .Sent(Command::kReady);
  EXPECT_EQ(TranscriptText(conversation.events()),
            "[hyperstart]   +1.5 ms  ctl  -->  startpod        3 bytes  \"pod\"\n"
            "[hyperstart]   +3.0 ms  ctl  <--  next 8, next 3, ack\n"
            "[hyperstart]   +6.0 ms  ctl  <--  ready\n");
}

TEST(TranscriptTest, FoldsRunsOfEqualNexts) {
  Conversation conversation;
  conversation.Nexts({{8, 1}, {504, 1}, {512, 54}, {385, 1}}).Sent(Command::kAck).InSameWrite();
  EXPECT_EQ(
      TranscriptText(conversation.events()),
      "[hyperstart]   +1.5 ms  ctl  <--  next 8, next 504, next 512 \u00d754, next 385, ack\n");
}

TEST(TranscriptTest, SaysHowManyEventsWereNotKept) {
  Conversation conversation;
  conversation.Received(Command::kPing, "").Missing(8002).Received(Command::kPing, "");
  EXPECT_EQ(TranscriptText(conversation.events()),
            "[hyperstart]   +1.5 ms  ctl  -->  ping            0 bytes\n"
            "[hyperstart]  ... 8002 more events, not kept ...\n"
            "[hyperstart] +12006.0 ms  ctl  -->  ping            0 bytes\n");
}

TEST(TranscriptTest, JoinsNothingAcrossAGap) {
  Conversation conversation;
  conversation.Sent(Command::kAck).Missing(1).Sent(Command::kAck).InSameWrite();
  EXPECT_EQ(TranscriptText(conversation.events()),
            "[hyperstart]   +1.5 ms  ctl  <--  ack\n"
            "[hyperstart]  ... 1 more event, not kept ...\n"
            "[hyperstart]   +4.5 ms  ctl  <--  ack\n");
}

TEST(TranscriptTest, GivesEachDirectionAColour) {
  Conversation conversation;
  conversation.Received(Command::kPing, "")
      .Sent(Command::kAck)
      .Words(EventKind::kWarning, "odd")
      .Words(EventKind::kConnected, "connected");
  EXPECT_EQ(TranscriptText(conversation.events(), true),
            "[hyperstart]   +1.5 ms  ctl  \x1b[36m-->  ping            0 bytes\x1b[0m\n"
            "[hyperstart]   +3.0 ms  ctl  \x1b[32m<--  ack\x1b[0m\n"
            "[hyperstart]   +4.5 ms  ctl  \x1b[31m     warning: odd\x1b[0m\n"
            "[hyperstart]   +6.0 ms  ctl  \x1b[2m     connected\x1b[0m\n");
}

TEST(TranscriptTest, ShowsAViolationInTheColourOfAWarning) {
  Conversation conversation;
  conversation.Words(EventKind::kViolation, "broken");
  EXPECT_EQ(TranscriptText(conversation.events(), true),
            "[hyperstart]   +1.5 ms  ctl  \x1b[31m     violation: broken\x1b[0m\n");
}

TEST(TranscriptTest, DrawsADiagram) {
  Conversation conversation;
  conversation.Words(EventKind::kConnected, "connected")
      .Received(Command::kStartPod, R"({"a":"<b>;#%"})")
      .Nexts({{8, 1}})
      .Sent(Command::kAck)
      .InSameWrite()
      .Missing(3)
      .Words(EventKind::kDisconnected, "disconnected")
      .OnIo();
  EXPECT_EQ(
      TranscriptMermaid(conversation.events()),
      "sequenceDiagram\n"
      "  participant C as client\n"
      "  participant A as hyperstart\n"
      "  Note over C,A: ctl: connected (+1.5 ms)\n"
      "  C->>A: ctl: startpod       14 bytes  {\"a\"#58;\"#60;b#62;#59;#35;#37;\"} (+3.0 ms)\n"
      "  A-->>C: ctl: next 8, ack (+4.5 ms)\n"
      "  Note over C,A: 3 more events, not kept\n"
      "  Note over C,A: io: disconnected (+12.0 ms)\n");
}

}  // namespace
}  // namespace hyperstart::detail
