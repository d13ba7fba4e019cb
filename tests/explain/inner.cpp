// Tests that fail on purpose, and some that must pass, in a program of their own: explain_test.cpp
// reads what they print.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mock_hyperstart.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

Options Strict() {
  Options options = Silent();
  options.strict = true;
  return options;
}

/// When this returns, the mock has read everything that was sent before.
void Settle(RawClient& ctl) { ctl.Call(wire::kPing); }

// ---- Waits

TEST(Wait, NotStarted) {
  MockHyperstart agent(Silent());
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing));
}

TEST(Wait, Stopped) {
  Started agent(Silent());
  agent.Stop();
  ASSERT_TRUE(agent.ReadIo());
}

TEST(Wait, NothingArrived) {
  Started agent(Silent());
  ASSERT_TRUE(agent.WaitForMessage(5ms));
}

TEST(Wait, AllWereTaken) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  Settle(ctl);
  (void)agent.GetLastMessages();
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, 5ms));
}

TEST(Wait, OtherMessagesArrivedAndAPartOfTheRightOne) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection());
  ctl.Call(wire::kStartPod, R"({"hostname":"h","shareDir":"share_dir"})");
  ctl.Write(wire::Ctl(wire::kNewContainer, std::string(504, 'x')).substr(0, 300));
  std::uint32_t counted = 0;
  while (counted < 300) counted += wire::ToU32(ctl.ReadFrame()->payload);
  EXPECT_TRUE(agent.WaitForMessage(Command::kNewContainer, 5ms));
  agent.Stop();
}

TEST(Wait, ManyMessagesArrived) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  for (std::uint32_t i = 0; i < 12; ++i) ctl.Call(wire::kExecCmd, std::to_string(i));
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, 5ms));
}

TEST(Wait, TheClientHasLeft) {
  Started agent(Silent());
  {
    RawClient ctl = agent.Ctl();
    Settle(ctl);
  }
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl));
  ASSERT_TRUE(agent.WaitForMessage(Command::kVersion, 5ms));
}

TEST(Wait, OtherStreamsCame) {
  Started agent(Silent());
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "stdin\n") + wire::Io(7, std::string("\0\1\2", 3)) + wire::Io(9));
  ASSERT_TRUE(agent.ReadIo(9));
  io.Write(wire::Io(7));
  ASSERT_TRUE(agent.ReadStreamToEnd(7));
  io.Write(wire::Io(7, "abc") + wire::Io(8));
  ASSERT_TRUE(agent.ReadIo(8));
  ASSERT_TRUE(agent.ReadStream(7, 5, 5ms));
}

TEST(Wait, TheStreamEnded) {
  Started agent(Silent());
  RawClient io = agent.Io();
  io.Write(wire::Io(7, "abc") + wire::Io(7) + wire::Io(8));
  ASSERT_TRUE(agent.ReadIo(8));
  ASSERT_TRUE(agent.ReadStream(7, 5));
}

TEST(Wait, TheStreamDoesNotEnd) {
  Started agent(Silent());
  RawClient io = agent.Io();
  io.Write(wire::Io(7, "abc"));
  ASSERT_TRUE(agent.ReadStream(7, 1));
  ASSERT_TRUE(agent.ReadStreamToEnd(7, 5ms));
}

TEST(Wait, NobodyConnects) {
  Started agent(Silent());
  EXPECT_TRUE(agent.WaitForConnection(5ms));
  EXPECT_TRUE(agent.WaitForConnection(Channel::kIo, 5ms));
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, 5ms));
}

TEST(Wait, IsUsedThoughItFailed) {
  Started agent(Silent());
  EXPECT_EQ(agent.WaitForMessage(5ms)->command, Command::kPing);
}

TEST(Wait, NoMessageMatches) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kExecCmd, "ls -l");
  ctl.Call(wire::kPing);
  ASSERT_TRUE(
      agent.WaitForMessage(IsMessage(Command::kExecCmd, testing::StartsWith("sh -c")), 5ms));
}

TEST(Wait, NoPacketMatches) {
  Started agent(Silent());
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "stdin\n") + wire::Io(1) + wire::Io(7, "exit\n") + wire::Io(9));
  ASSERT_TRUE(agent.ReadIo(9));
  ASSERT_TRUE(agent.ReadIo(IsIoPacket(1, testing::StrEq("exit\n")), 5ms));
}

TEST(Wait, NotAllPlannedRepliesWereUsed) {
  Started agent(Silent());
  agent.On(Command::kPing).WillOnce(Reply::Nothing().Ack()).WillOnce(Reply::Error("busy"));
  agent.On(IsMessage(Command::kExecCmd, testing::HasSubstr("sh"))).WillOnce(Reply::Error("no sh"));
  RawClient ctl = agent.Ctl();
  Settle(ctl);
  EXPECT_TRUE(agent.WaitForPlans(5ms));
  agent.Stop();
}

TEST(Wait, AnotherClientWaits) {
  Started agent(Silent());
  const RawClient first = ConnectAndWait(agent, Channel::kCtl);
  RawClient second = agent.Ctl();
  second.Write(wire::Ctl(wire::kPing));
  EXPECT_TRUE(agent.WaitForMessage(Command::kPing, 5ms));
  agent.Stop();
}

/// The failed wait once 11 of 18 bytes of a command have arrived, and what Stop reports when the
/// client leaves then.
void StallWithout(NextAcks next_acks) {
  Options options = Silent();
  options.next_acks = next_acks;
  Started agent(options);
  {
    RawClient ctl = agent.Ctl();
    ctl.Write(wire::Ctl(wire::kNewContainer, "0123456789").substr(0, 11));
    // No `next` tells when the mock has read it.
    testing::AssertionResult waited = agent.WaitForMessage(Command::kNewContainer, 1ms);
    while (std::string_view(waited.message()).find("11 of 18 bytes") == std::string_view::npos) {
      waited = agent.WaitForMessage(Command::kNewContainer, 1ms);
    }
    EXPECT_TRUE(waited);
  }
  agent.Stop();
}

TEST(Wait, TheClientStallsWithoutNextBeforeTheFrameIsComplete) {
  StallWithout(NextAcks::kPerFrame);
}
TEST(Wait, TheClientStallsWithoutNext) { StallWithout(NextAcks::kNone); }

// ---- Printing

TEST(Print, Messages) {
  const DecodedMessage text{Command::kReadFile, "a \"text\"\n"};
  const DecodedMessage json{Command::kStartPod, R"({"hostname":"h"})"};
  const DecodedMessage binary{Command::kNext, std::string("\0\0\x10\x94", 4)};
  EXPECT_EQ(text, json);
  EXPECT_EQ(binary, (DecodedMessage{static_cast<Command>(99), ""}));
  EXPECT_EQ((DecodedMessage{Command::kWriteFile, std::string(2000, 'x')}).command, Command::kPing);
}

TEST(Print, Packets) {
  EXPECT_EQ((IoPacket{1, "x"}), (IoPacket{1, ""}));
  EXPECT_THAT((std::vector<IoPacket>{{1, "x"}}), testing::ElementsAre(IsEof(1)));
}

// ---- What Stop reports

TEST(Stop, ReportsABrokenHeader) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::U32(wire::kStartPod) + wire::U32(4));
  ctl.ReadToEnd();
}

TEST(Stop, ReportsAFrameThatIsTooLong) {
  Started agent(Silent());
  RawClient io = agent.Io();
  io.Write(wire::U64(1) + wire::U32(0xffffffff));
  io.ReadToEnd();
}

TEST(Stop, ReportsADepartureInMidFrame) {
  Started agent(Silent());
  {
    RawClient ctl = agent.Ctl();
    ctl.Write(wire::Ctl(wire::kNewContainer, "0123456789").substr(0, 11));
  }
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl));
}

TEST(Stop, ReportsWhatTheAgentDiesOfWhenStrict) {
  Started agent(Strict());
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}").substr(0, 8));
  ctl.Read(12);
  ctl.Write("{}");
  ctl.ReadAnswer();
  RawClient io = agent.Io();
  io.Write(wire::Io(1, std::string(4085, 'x')));
  ASSERT_TRUE(agent.ReadIo());
}

TEST(Stop, ReportsNothingOfThatOtherwise) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}").substr(0, 8));
  ctl.Read(12);
  ctl.Write("{}");
  ctl.ReadAnswer();
  EXPECT_THAT(agent.Transcript(), testing::HasSubstr("warning: 8 of 10 bytes of a startpod"));
}

TEST(Stop, ReportsAnUnusedWillOnce) {
  Started agent(Silent());
  agent.On(Command::kPing).WillOnce(Reply::Nothing());
}

TEST(Stop, ReportsAnUnusedWillOnceByMatcher) {
  Started agent(Silent());
  agent.On(IsMessage(Command::kExecCmd, testing::HasSubstr("sh"))).WillOnce(Reply::Nothing());
}

TEST(Stop, ReportsAHandlerThatThrew) {
  Started agent(Silent());
  agent.SetHandler([](const DecodedMessage&) -> Reply { throw std::runtime_error("no idea"); });
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "no idea");
}

TEST(Stop, ReportsEachOfSeveral) {
  Started agent(Silent());
  for (int i = 0; i < 2; ++i) {
    RawClient ctl = agent.Ctl();
    ctl.Write(wire::U32(wire::kStartPod) + wire::U32(4));
    ctl.ReadToEnd();
  }
  agent.On(Command::kPing).WillOnce(Reply::Nothing());
}

// ---- The conversation

void Converse(Log log, bool fail) {
  Options options;
  options.log = log;
  Started agent(options);
  agent.On(Command::kStartPod).WillOnce(Reply::Error("no space left on device"));
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kStartPod, R"({"hostname":"h","shareDir":"share_dir"})");
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "stdin\n") + wire::Io(1));
  ASSERT_TRUE(agent.ReadStreamToEnd(1));
  agent.SendIo(1, "out\n");
  agent.SendProcessEvent("c", "p", 3);
  io.ReadFrame();
  ctl.ReadFrame();
  EXPECT_FALSE(fail);
  agent.Stop();
}

TEST(Conversation, IsPrintedWhenTheTestFails) { Converse(Log::kOnFailure, true); }
TEST(Conversation, IsNotPrintedWhenTheTestPasses) { Converse(Log::kOnFailure, false); }
TEST(Conversation, IsAlwaysPrinted) { Converse(Log::kAlways, false); }
TEST(Conversation, IsNeverPrinted) { Converse(Log::kNever, true); }
TEST(Conversation, IsPrintedLive) { Converse(Log::kLive, true); }

TEST(Conversation, IsPrintedWhenAnExceptionLeavesTheTest) {
  Started agent;
  RawClient ctl = agent.Ctl();
  Settle(ctl);
  throw std::runtime_error("the client gave up");
}

TEST(Conversation, IsPrintedWhenAFailedWaitIsUsed) {
  Started agent;
  RawClient ctl = agent.Ctl();
  Settle(ctl);
  EXPECT_EQ((*agent.WaitForMessage(Command::kStartPod, 5ms)).payload, "");
}

class ConversationOfAFixture : public testing::Test {
 protected:
  Started agent_;
};

TEST_F(ConversationOfAFixture, IsPrintedWhenAnExceptionLeavesTheTest) {
  RawClient ctl = agent_.Ctl();
  Settle(ctl);
  throw std::runtime_error("the client gave up");
}

TEST(Conversation, HasTheClientThatHadConnectedWhenStopCame) {
  Started agent;
  const RawClient ctl = agent.Ctl();
  ADD_FAILURE();
  agent.Stop();
}

TEST(Conversation, HasTheClientThatWaitedWhenStopCame) {
  Started agent;
  const RawClient first = ConnectAndWait(agent, Channel::kCtl);
  const RawClient second = agent.Ctl();
  ADD_FAILURE();
  agent.Stop();
}

TEST(Conversation, SaysThatTheMockWasNeverStarted) {
  MockHyperstart agent;
  EXPECT_TRUE(agent.IsConnected(Channel::kCtl));
}

/// A command of 28,545 bytes, written 512 bytes at a time.
void WriteALongCommand(RawClient& ctl) {
  ctl.WriteAsRunv(wire::Ctl(wire::kNewContainer, std::string(28'537, 'x')));
  ctl.ReadAnswer();
}

TEST(Conversation, ShowsTheNextsOfACommandOnOneLine) {
  Started agent;
  RawClient ctl = agent.Ctl();
  WriteALongCommand(ctl);
  ADD_FAILURE();
  agent.Stop();
}

TEST(Conversation, ShowsTheNextsOfACommandOnOneLineInMermaid) {
  Started agent(Silent());
  RawClient ctl = agent.Ctl();
  WriteALongCommand(ctl);
  std::cout << agent.TranscriptAsMermaid() << std::flush;
}

// ---- Tests that must pass

TEST(Next, PassesThoughTheOneBeforeFailed) {
  Started agent;
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).next, 8u);
  EXPECT_EQ(agent.GetLastMessages().size(), 1u);
  EXPECT_TRUE(agent.TakeViolations().empty());
}

TEST(DeathTest, LeavesTheMockToItsProcess) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kPing);
  EXPECT_EXIT(std::_Exit(3), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(
      {
        agent.Stop();
        std::_Exit(4);
      },
      testing::ExitedWithCode(4), "");
  EXPECT_EQ(ctl.Call(wire::kPing).next, 8u);
  EXPECT_TRUE(agent.Ctl().fd() >= 0);
}

/// The number of open descriptors of a program that this one starts.
int CountInherited() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", "exit $(ls /proc/self/fd | wc -l)", nullptr);
    std::_Exit(0);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WEXITSTATUS(status);
}

TEST(Fork, InheritsNoDescriptor) {
  const int without = CountInherited();
  ASSERT_GT(without, 0);
  Started agent;
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection());
  EXPECT_EQ(CountInherited(), without);
}

}  // namespace
}  // namespace hyperstart
