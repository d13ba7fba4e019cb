#include "mock_hyperstart/detail/recording/script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = RecordedEvent::Kind;

RecordedEvent Recorded(Kind kind, Channel channel, std::string bytes = {}) {
  RecordedEvent event;
  event.kind = kind;
  event.channel = channel;
  event.bytes = std::move(bytes);
  return event;
}
RecordedEvent FromClient(std::string bytes, Channel channel = Channel::kCtl) {
  return Recorded(Kind::kFromClient, channel, std::move(bytes));
}
RecordedEvent FromAgent(std::string bytes, Channel channel = Channel::kCtl) {
  return Recorded(Kind::kFromAgent, channel, std::move(bytes));
}

/// A script's steps, each as "KIND: WHAT".
std::vector<std::string> Steps(std::vector<RecordedEvent> events,
                               Dialect dialect = Dialect::kHyperstart,
                               const std::string& transport = "unix") {
  Recording recording;
  recording.transport = transport;
  recording.dialect = dialect;
  for (std::size_t i = 0; i < events.size(); ++i) events[i].line = i + 1;
  recording.events = std::move(events);
  static const char* const kinds[] = {"open",    "client close", "command",
                                      "packet",  "client raw",   "reply",
                                      "unasked", "raw",          "agent close"};
  std::vector<std::string> steps;
  const Script script(recording);
  for (const Step& step : script.steps()) {
    steps.push_back(std::string(kinds[static_cast<int>(step.what)]) + ": " +
                    DescribeStep(step, script.dialect()));
    if (step.reply) steps.back() += " -> " + std::to_string(*step.reply);
  }
  return steps;
}

TEST(Script, JoinsFramesThatCameInPiecesAndSplitsThoseThatCameTogether) {
  const std::string two = wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod, "{}");
  EXPECT_THAT(Steps({FromClient(two.substr(0, 3)), FromClient(two.substr(3))}),
              ElementsAre("command: ping", "command: startpod 2 bytes {}"));
}

TEST(Script, MatchesRepliesToCommandsInOrderAndLeavesNextsOut) {
  EXPECT_THAT(
      Steps({FromClient(wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion)),
             FromAgent(wire::Next(8) + wire::Ctl(wire::kProcessAsyncEvent, "{}") + wire::Ack()),
             FromAgent(wire::Next(8) + wire::Ctl(wire::kError, "no"))}),
      ElementsAre("command: ping -> 3", "command: version -> 4",
                  "unasked: processasyncevent 2 bytes {}", "reply: ack",
                  "reply: error 2 bytes \"no\""));
}

TEST(Script, AReplyComesBeforeCommandsThatCameMeanwhile) {
  const std::string three =
      wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion) + wire::Ctl(wire::kStartPod);
  EXPECT_THAT(Steps({FromClient(three), FromAgent(wire::Ack() + wire::Ack("4244")),
                     FromClient(wire::Ctl(wire::kDestroyPod)),
                     FromAgent(wire::Ctl(wire::kError) + wire::Ack())}),
              ElementsAre("command: ping -> 1", "reply: ack", "command: version -> 3",
                          "reply: ack 4 bytes \"4244\"", "command: startpod -> 5", "reply: error",
                          "command: destroypod -> 7", "reply: ack"));
  EXPECT_THAT(Steps({FromClient(wire::Ctl(wire::kPing)), FromClient(wire::Io(1), Channel::kIo),
                     FromClient(wire::Ctl(wire::kVersion)), FromAgent(wire::Ack())}),
              ElementsAre("command: ping -> 2", "packet: seq 1 end of stream", "reply: ack",
                          "command: version"))
      << "it may be what the agent waited for";
  EXPECT_THAT(
      Steps({FromClient(wire::Ctl(wire::kDestroyPod) + wire::Ctl(wire::kPing)),
             FromAgent(wire::Ack() + wire::Ack())}),
      ElementsAre("command: destroypod -> 2", "command: ping -> 3", "reply: ack", "reply: ack"));
}

TEST(Script, AReplyWithoutACommandIsUnasked) {
  EXPECT_THAT(Steps({FromAgent(wire::Ctl(wire::kReady) + wire::Ack()),
                     FromClient(wire::Ctl(wire::kPing)), FromAgent(wire::Ack())}),
              ElementsAre("unasked: ready", "unasked: ack", "command: ping -> 3", "reply: ack"));
}

TEST(Script, ShowsTheDialectsNames) {
  EXPECT_THAT(Steps({FromClient(wire::Ctl(23))}, Dialect::kClearContainers),
              ElementsAre("command: pscontainer"));
}

TEST(Script, HasConnectionsAndStreams) {
  RecordedEvent by_agent = Recorded(Kind::kClose, Channel::kIo);
  by_agent.by_agent = true;
  EXPECT_THAT(Steps({Recorded(Kind::kOpen, Channel::kIo), Recorded(Kind::kOpen, Channel::kCtl),
                     FromClient(wire::Io(1, "in"), Channel::kIo),
                     FromAgent(wire::Io(1, "out") + wire::Io(1), Channel::kIo),
                     Recorded(Kind::kWords, Channel::kCtl), Recorded(Kind::kClose, Channel::kCtl),
                     by_agent}),
              ElementsAre("open: a client connects to io", "open: a client connects to ctl",
                          "packet: seq 1 2 bytes \"in\"", "unasked: seq 1 3 bytes \"out\"",
                          "unasked: seq 1 end of stream", "client close: the client leaves ctl",
                          "agent close: the agent closes io"));
}

TEST(Script, WhatTheAgentDidNotSendWholeIsRaw) {
  const std::string half = wire::Ack("half").substr(0, 10);
  EXPECT_THAT(
      Steps({FromAgent(wire::Ack() + half), Recorded(Kind::kClose, Channel::kCtl)}),
      ElementsAre("unasked: ack", "raw: 10 bytes on ctl", "client close: the client leaves ctl"));
  EXPECT_THAT(Steps({FromAgent(half)}), ElementsAre("raw: 10 bytes on ctl"));
  const std::string broken = wire::U32(wire::kAck) + wire::U32(4) + "rest";
  EXPECT_THAT(Steps({FromAgent(broken), FromAgent("more")}),
              ElementsAre("raw: 8 bytes on ctl", "raw: 4 bytes on ctl", "raw: 4 bytes on ctl"));
}

TEST(Script, WhatTheClientDidNotSendWholeIsLeftOut) {
  const std::string half = wire::Ctl(wire::kPing, "half").substr(0, 10);
  EXPECT_THAT(Steps({FromClient(half), Recorded(Kind::kClose, Channel::kCtl),
                     FromClient(wire::Ctl(wire::kPing))}),
              ElementsAre("client close: the client leaves ctl", "command: ping"));
  EXPECT_THAT(Steps({FromClient(half), Recorded(Kind::kOpen, Channel::kCtl),
                     FromClient(wire::Ctl(wire::kPing))}),
              ElementsAre("open: a client connects to ctl", "command: ping"))
      << "Stop records no close";
}

TEST(Script, ABrokenHeaderOfTheClientIsAStep) {
  const std::string broken = wire::U32(wire::kPing) + wire::U32(4);
  EXPECT_THAT(Steps({FromClient(broken + wire::Ctl(wire::kPing)), FromClient("more"),
                     Recorded(Kind::kClose, Channel::kCtl), FromClient(wire::Ctl(wire::kPing))}),
              ElementsAre("client raw: 8 bytes on ctl with a broken header",
                          "client close: the client leaves ctl", "command: ping"));
  EXPECT_THAT(Steps({Recorded(Kind::kWords, Channel::kCtl, broken),
                     Recorded(Kind::kWords, Channel::kCtl, broken), FromClient(broken)}),
              ElementsAre("client raw: 8 bytes on ctl with a broken header"))
      << "of a violation";
  EXPECT_THAT(Steps({Recorded(Kind::kWords, Channel::kCtl, wire::Ctl(wire::kPing))}), IsEmpty());
}

TEST(Script, OverVirtioAFrameGoesOnWithTheNextClient) {
  const std::string ping = wire::Ctl(wire::kPing, "payload");
  const std::string ack = wire::Ack("payload");
  EXPECT_THAT(
      Steps({FromClient(ping.substr(0, 9)), FromAgent(ack.substr(0, 9)),
             Recorded(Kind::kClose, Channel::kCtl), Recorded(Kind::kOpen, Channel::kCtl),
             FromClient(ping.substr(9)), FromAgent(ack.substr(9))},
            Dialect::kHyperstart, "virtio-serial (QEMU)"),
      ElementsAre("client close: the client leaves ctl", "open: a client connects to ctl",
                  "command: ping 7 bytes \"payload\" -> 3", "reply: ack 7 bytes \"payload\""));
}

}  // namespace
}  // namespace hyperstart::detail
