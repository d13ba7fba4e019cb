// Waits by matcher, looking without taking, waits for plans, and plans by matcher.

#include <atomic>
#include <future>
#include <mock_hyperstart/matchers.hpp>
#include <string>
#include <thread>

#include "support/mock_test.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

wire::Frame Error(std::string payload) { return {wire::kError, std::move(payload)}; }

// ---- Waits by matcher

TEST(WaitByMatcher, TakesTheOldestMessageThatMatches) {
  Started agent;
  RawClient ctl = agent.Ctl();
  for (const char* const payload : {"ls", "sh 1", "sh 2"}) ctl.Call(wire::kExecCmd, payload);
  EXPECT_EQ(*agent.WaitForMessage(IsMessage(Command::kExecCmd, HasSubstr("sh")), kDeadline),
            Message(Command::kExecCmd, "sh 1"));
  EXPECT_THAT(agent.GetLastMessages(),
              ElementsAre(Message(Command::kExecCmd, "ls"), Message(Command::kExecCmd, "sh 2")));
}

TEST(WaitByMatcher, WaitsForAMessageThatMatches) {
  Started agent;
  auto wait = std::async(std::launch::async, [&] {
    return agent.WaitForMessage(IsMessage(Command::kExecCmd, "sh"), kDeadline);
  });
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kExecCmd, "ls");
  ctl.Call(wire::kExecCmd, "sh");
  EXPECT_EQ(*wait.get(), Message(Command::kExecCmd, "sh"));
}

TEST(WaitByMatcher, SaysWhatWasWantedAndWhyEachMessageDoesNotMatch) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kExecCmd, "ls");
  ctl.Call(wire::kPing);
  const testing::AssertionResult result =
      agent.WaitForMessage(IsMessage(Command::kExecCmd, "sh"), 0ms);
  ASSERT_FALSE(result);
  const std::string reason = result.message();
  EXPECT_THAT(reason, testing::StartsWith("no message that is an execcmd whose payload is equal "
                                          "to \"sh\" within 0 ms; received instead:\n    1  "));
  EXPECT_THAT(reason, HasSubstr("execcmd  2 bytes  \"ls\"\n       whose payload is \"ls\"\n"));
  EXPECT_THAT(reason,
              HasSubstr("ping, no payload\n       which is a ping, not an execcmd\n  ctl: "));
}

TEST(WaitByMatcher, TakesAPacketOutOfItsStream) {
  Started agent;
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "ab") + wire::Io(2, "x") + wire::Io(1, "x") + wire::Io(1, "cd") +
           wire::Io(1));
  EXPECT_EQ(*agent.ReadIo(IsIoPacket(1, "x"), kDeadline), (IoPacket{1, "x"}));
  EXPECT_EQ(*agent.ReadStreamToEnd(1, kDeadline), "abcd");
  EXPECT_THAT(agent.GetLastIoPackets(), ElementsAre(IoPacket{2, "x"}));
}

TEST(WaitByMatcher, WaitsForThePacketThatEndsAStream) {
  Started agent;
  auto wait = std::async(std::launch::async, [&] { return agent.ReadIo(IsEof(7), kDeadline); });
  RawClient io = agent.Io();
  io.Write(wire::Io(7, "abc") + wire::Io(8));
  io.Write(wire::Io(7));
  EXPECT_EQ(*wait.get(), (IoPacket{7, ""}));
  const testing::AssertionResult result = agent.ReadIo(IsEof(7), 0ms);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("no io packet that is the end of seq 7 within 0 ms"));
}

// ---- Peek

TEST(Peek, ShowsWhatIsThereWithoutTakingIt) {
  Started agent;
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ctl.Call(wire::kPing, "1");
  ctl.Call(wire::kVersion);
  io.Write(wire::Io(1, "abc") + wire::Io(2) + wire::Io(3));
  ASSERT_TRUE(agent.ReadIo(3, kDeadline));
  ASSERT_TRUE(agent.ReadStream(1, 2, kDeadline));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(agent.PeekMessages(),
                ElementsAre(Message(Command::kPing, "1"), Message(Command::kVersion)));
    EXPECT_THAT(agent.PeekIoPackets(), ElementsAre(IoPacket{1, "c"}, IoPacket{2, ""}));
  }
  EXPECT_EQ(agent.GetLastMessages().size(), 2u);
  EXPECT_EQ(agent.GetLastIoPackets().size(), 2u);
  EXPECT_THAT(agent.PeekMessages(), IsEmpty());
  EXPECT_THAT(agent.PeekIoPackets(), IsEmpty());
}

// ---- Waits for plans

TEST(WaitForPlans, ReturnsWhenTheLastReplyHasBeenSent) {
  Started agent;
  EXPECT_TRUE(agent.WaitForPlans(0ms)) << "there are none";
  agent.On(Command::kPing).WillOnce(Reply::Ack("1")).WillOnce(Reply::Ack("2").InPieces(1));
  auto wait = std::async(std::launch::async, [&]() -> testing::AssertionResult {
    return agent.WaitForPlans(kDeadline);
  });
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kPing);
  EXPECT_EQ(wait.wait_for(kMoment), std::future_status::timeout);
  ctl.Write(wire::Ctl(wire::kPing));
  EXPECT_TRUE(wait.get());
  EXPECT_EQ(ctl.Waiting(), (wire::Next(8) + wire::Ack("2")).size()) << "sent already";
}

TEST(WaitForPlans, ReturnsInTheActionAfterTheLastReply) {
  Started agent;
  testing::AssertionResult result = testing::AssertionFailure();
  agent.On(Command::kPing).WillOnce(Reply().Then([&] { result = agent.WaitForPlans(kDeadline); }));
  agent.Ctl().Call(wire::kPing);
  agent.Stop();
  EXPECT_TRUE(result) << result.message();
}

TEST(WaitForPlans, DoesNotWaitForTheReplyToALaterCommandOfTheSameRead) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack());
  agent.On(Command::kVersion).WillRepeatedly(Reply().After(kForever));
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion));
  EXPECT_TRUE(agent.WaitForPlans(kDeadline));
}

TEST(WaitForPlans, WaitsForADelayedReplyOfTheSameReadAsOneThatIsSent) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack());
  agent.On(Command::kVersion).WillOnce(Reply().After(kForever));
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion));
  ctl.ReadAnswer();
  EXPECT_FALSE(agent.WaitForPlans(kMoment));
}

TEST(WaitForPlans, ReturnsInAHandlerWhoseCommandUsesNoPlan) {
  Started agent;
  testing::AssertionResult result = testing::AssertionFailure();
  agent.On(Command::kPing).WillOnce(Reply::Ack());
  agent.SetHandler([&](const DecodedMessage&) {
    result = agent.WaitForPlans(kDeadline);
    return Reply();
  });
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion));
  ctl.ReadAnswer();
  ctl.ReadAnswer();
  EXPECT_TRUE(result) << result.message();
}

TEST(WaitForPlans, ReturnsThoughOtherCommandsKeepComing) {
  Started agent;
  agent.SetHandler([](const DecodedMessage&) { return Reply(); });
  RawClient ctl = agent.Ctl();
  for (int i = 0; i < 200; ++i) {
    agent.On(Command::kPing).WillOnce(Reply::Ack());
    ctl.Call(wire::kPing);
    ctl.Write(wire::Ctl(wire::kVersion));
    ASSERT_TRUE(agent.WaitForPlans(kDeadline / 2));
    ctl.ReadAnswer();
  }
}

TEST(WaitForPlans, NamesThePlansThatWereNotUsed) {
  Started agent(Silent());
  const int line = __LINE__ + 1;
  agent.On(Command::kStartPod).WillOnce(Reply::Ack());
  const testing::AssertionResult result = agent.WaitForPlans(0ms);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.message(),
              HasSubstr("not all planned replies were used within 0 ms\n  " __FILE__ ":" +
                        std::to_string(line) + ": a WillOnce for startpod; nothing has arrived"));
  EXPECT_NONFATAL_FAILURE(agent.Stop(), "startpod");
}

// ---- Plans by matcher

TEST(PlanByMatcher, AnswersBeforeThePlanOfTheCommandAndTheNewestFirst) {
  Started agent;
  agent.On(Command::kExecCmd).WillRepeatedly(Reply::Ack("command"));
  agent.On(IsMessage(Command::kExecCmd, HasSubstr("sh"))).WillRepeatedly(Reply::Error("older"));
  agent.On(IsMessage(Command::kExecCmd, HasSubstr("zsh"))).WillRepeatedly(Reply::Error("newer"));
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kExecCmd, "ls").reply, AckFrame("command"));
  EXPECT_EQ(ctl.Call(wire::kExecCmd, "sh").reply, Error("older"));
  EXPECT_EQ(ctl.Call(wire::kExecCmd, "zsh").reply, Error("newer"));
  EXPECT_EQ(ctl.Call(wire::kPing, "zsh").reply, AckFrame());
}

TEST(PlanByMatcher, FallsThroughWhenItIsUsedUp) {
  Started agent;
  agent.SetHandler([](const DecodedMessage&) { return Reply::Ack("handler"); });
  agent.On(Command::kPing).WillOnce(Reply::Ack("command"));
  agent.On(IsCommand(Command::kPing)).WillOnce(Reply::Ack("older"));
  agent.On(IsCommand(Command::kPing)).WillOnce(Reply::Ack("newer"));
  RawClient ctl = agent.Ctl();
  for (const char* const answer : {"newer", "older", "command", "handler"}) {
    EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame(answer));
  }
  EXPECT_TRUE(agent.WaitForPlans(kDeadline));
}

TEST(PlanByMatcher, ModifiesWhatAnswersBelowIt) {
  Started agent;
  agent.On(testing::_).WillRepeatedly(Reply().Truncated(9));
  agent.On(Command::kPing).WillOnce(Reply::Error("command"));
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(RestOf(ctl), wire::Next(8) + wire::Ctl(wire::kError, "command").substr(0, 9));
}

TEST(PlanByMatcher, IsReportedWithItsWordsAndItsPlaceIfItIsNotUsed) {
  Started agent(Silent());
  const int line = __LINE__ + 1;
  agent.On(IsMessage(Command::kExecCmd, "sh")).WillOnce(Reply::Ack());
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(&failures);
    agent.Stop();
  }
  ASSERT_EQ(failures.size(), 1);
  const testing::TestPartResult& failure = failures.GetTestPartResult(0);
  EXPECT_STREQ(failure.file_name(), __FILE__);
  EXPECT_EQ(failure.line_number(), line);
  EXPECT_THAT(failure.message(),
              AllOf(HasSubstr("this WillOnce was never used"),
                    HasSubstr("is an execcmd whose payload is equal to \"sh\"")));
}

TEST(PlanByMatcher, MayBeAddedWhileCommandsArrive) {
  Started agent;
  std::atomic<bool> over{false};
  auto plans = std::async(std::launch::async, [&] {
    for (int i = 0; i < 200 && !over; ++i) {
      agent.On(IsMessage(Command::kExecCmd, "x")).WillRepeatedly(Reply::Ack("planned"));
    }
  });
  RawClient ctl = agent.Ctl();
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(ctl.Call(wire::kExecCmd, "x").reply.payload, testing::AnyOf("", "planned"));
  }
  over = true;
  plans.get();
}

}  // namespace
}  // namespace hyperstart
