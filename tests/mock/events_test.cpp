// The conversation as data, notes, and violations that a test reports itself.

#include <string>
#include <vector>

#include "support/mock_test.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::HasSubstr;

TEST(Events, HoldTheConversationInOrder) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kStartPod, "{}");
  agent.SendIo(7, "out");
  agent.Stop();
  const std::vector<Event> events = agent.Events();
  ASSERT_EQ(events.size(), 7u);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].number, i + 1);
    EXPECT_GE(events[i].time, events[i == 0 ? 0 : i - 1].time);
  }
  EXPECT_EQ(events[0].kind, EventKind::kConnected);
  EXPECT_EQ(events[1].kind, EventKind::kReceived);
  EXPECT_TRUE(events[1].is_frame);
  EXPECT_EQ(events[1].command, Command::kStartPod);
  EXPECT_EQ(events[1].bytes, "{}");
  EXPECT_EQ(events[2].command, Command::kNext);
  ASSERT_EQ(events[2].nexts.size(), 2u);
  EXPECT_EQ(events[2].nexts[0].bytes, 8u);
  EXPECT_EQ(events[2].nexts[1].bytes, 2u);
  EXPECT_EQ(events[3].command, Command::kAck);
  EXPECT_TRUE(events[3].same_write);
  EXPECT_EQ(events[4].channel, Channel::kIo);
  EXPECT_EQ(events[4].seq, 7u);
  EXPECT_EQ(events[4].bytes, "out");
  EXPECT_EQ(events[5].kind, EventKind::kDisconnected);
  EXPECT_EQ(events[5].channel, Channel::kCtl);
  EXPECT_EQ(events[6].text, "dropped: 15 bytes that waited for a client");
}

TEST(Events, AreTheLinesOfTheTranscript) {
  Started agent;
  agent.Ctl().Call(wire::kPing);
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  for (const Event& event : agent.Events()) {
    if (event.same_write || !event.nexts.empty()) continue;  // these share a line
    EXPECT_THAT(agent.Transcript(), HasSubstr(testing::PrintToString(event).substr(10) + "\n"));
  }
}

TEST(Events, FoldTheNextFramesOfALongCommand) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.WriteAsRunv(wire::Ctl(wire::kNewContainer, std::string(28'529, 'x')));
  ctl.ReadAnswer();
  EXPECT_THAT(agent.Transcript(),
              HasSubstr("<--  next 8, next 504, next 512 \u00d754, next 377, ack\n"));
}

TEST(Events, HoldTheBeginningOfThePayloadsUnlessAllIsKept) {
  for (const bool keep_all : {false, true}) {
    Options options;
    options.keep_all = keep_all;
    Started agent(options);
    RawClient io = agent.Io();
    const std::string payload = wire::Pattern(3000);
    for (int i = 0; i < 2500; ++i) io.Write(wire::Io(1, payload));
    io.Write(wire::Io(2));
    ASSERT_TRUE(agent.ReadIo(2, kDeadline));
    const std::vector<Event> events = agent.Events();
    ASSERT_EQ(events.size(), keep_all ? 2502u : 2000u);
    EXPECT_EQ(events.back().number, 2502u);
    EXPECT_EQ(events[1].size, payload.size());
    EXPECT_EQ(events[1].bytes.size() == payload.size(), keep_all);
    EXPECT_EQ(events[1].bytes, payload.substr(0, events[1].bytes.size()));
    EXPECT_EQ(events[200].number == 201, keep_all) << "else there is a gap";
  }
}

TEST(Events, GoOnAfterAnotherStart) {
  Started agent;
  agent.Stop();
  agent.Start();
  agent.Ctl().Call(wire::kPing);
  const std::vector<Event> events = agent.Events();
  EXPECT_EQ(events[0].text, "started again: times count from here");
  EXPECT_EQ(events[0].number, 1u);
}

// ---- What the test adds

TEST(Note, IsALineOfTheConversation) {
  Started agent;
  agent.Note(Channel::kIo, "the interesting part begins");
  const std::vector<Event> events = agent.Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].channel, Channel::kIo);
  EXPECT_EQ(events[0].text, "the interesting part begins");
  EXPECT_THAT(agent.Transcript(), HasSubstr("io        the interesting part begins\n"));
}

TEST(ReportViolation, FailsTheTestUnlessItIsTaken) {
  Started agent(Silent());
  agent.ReportViolation({Channel::kCtl, "the pod was started twice", "abc"});
  EXPECT_NONFATAL_FAILURE(agent.Stop(), "the pod was started twice");
  EXPECT_THAT(agent.Transcript(), HasSubstr("violation: the pod was started twice"));

  agent.Start();
  agent.ReportViolation({Channel::kIo, "taken", ""});
  EXPECT_FALSE(agent.WaitForMessage(0ms));
  const std::vector<Violation> violations = agent.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].channel, Channel::kIo);
  EXPECT_EQ(violations[0].what, "taken");
  agent.Stop();
}

}  // namespace
}  // namespace hyperstart
