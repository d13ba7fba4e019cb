// Which replies and `next` frames of the agent a client of a spy gets, while there are plans.

#include <mock_hyperstart/agent_model.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "mock/spied_agent_test.hpp"
#include "support/payloads.hpp"

namespace hyperstart {
namespace {

const std::string kPingFrame = wire::Ctl(wire::kPing);
const std::string kVersionFrame = wire::Ctl(wire::kVersion);
const std::string kDestroyFrame = wire::Ctl(wire::kDestroyPod);
const std::string kEvent = wire::Ctl(wire::kProcessAsyncEvent, "event");

class SpyReplyTest : public SpiedAgentTest {
 protected:
  /// From now on the mock counts the bytes of commands. The plan itself answers none of them.
  void SetAnyPlan() { spy_.On(Command::kSetupRoute).WillRepeatedly(Reply::Ack("here")); }
  /// Shows whether a reply is the one to a ping.
  void CutReplyToPing() { spy_.On(Command::kPing).WillOnce(Reply().Truncated(10)); }
  static std::string CutReply(std::string_view payload) { return wire::Ack(payload).substr(0, 10); }
  void ExpectGets(std::string_view bytes) { EXPECT_EQ(client().Read(bytes.size()), bytes); }
  /// What the client gets from now on. Nothing else has come before.
  void ExpectGetsOnly(std::string_view bytes) {
    LeaveAsAgent();
    EXPECT_EQ(client().ReadToEnd(), bytes);
  }
};

// ---- destroypod, which the agent may answer late

TEST_F(SpyReplyTest, CommandsBehindADestroypodDoNotWaitForItsReply) {
  SetAnyPlan();
  Start();
  client().Write(kDestroyFrame);
  ExpectHears(kDestroyFrame);
  Say(wire::Next(8));
  for (int i = 0; i < 3; ++i) {
    client().Write(kPingFrame);
    ExpectHears(kPingFrame);
    Say(wire::Next(8) + wire::Ack("pong"));
  }
  client().Write(wire::Ctl(wire::kSetupRoute));
  const std::string ping = wire::Next(8) + wire::Ack("pong");
  ExpectGets(wire::Next(8) + ping + ping + ping + wire::Next(8) + wire::Ack("here"));
  Say(kEvent + wire::Ack());
  ExpectGetsOnly(kEvent + wire::Ack());
}

TEST_F(SpyReplyTest, AKillEndsTheContainersThatADestroypodWaitsFor) {
  MockHyperstart agent;
  AgentModel model(agent);
  model.OnProgram("/bin/init", Program::Custom([](Process& process) {
                    process.OnSignal([](int) {});  // but SIGKILL
                  }));
  agent.Start();
  MockHyperstart spy;
  spy.ForwardTo(agent.GetSocketPaths());
  spy.On(Command::kKillContainer).WillOnce(Reply().InPieces(5));
  spy.Start();
  RawClient ctl = RawClient::Ctl(spy.GetSocketPaths().ctl);
  ctl.Call(wire::kStartPod, kPod);
  EXPECT_EQ(ctl.Call(wire::kNewContainer,
                     R"({"id":"web","rootfs":"rootfs","image":"image","process":{"id":"init",)"
                     R"("terminal":false,"stdio":1,"stderr":2,"args":["/bin/init"],"envs":[],)"
                     R"("workdir":"/"}})")
                .reply.key,
            wire::kAck);
  ctl.Write(kDestroyFrame + kDestroyFrame);
  EXPECT_EQ(ctl.Read(24), wire::Next(8) + wire::Next(8));
  EXPECT_EQ(ctl.Call(wire::kVersion).reply.payload, wire::U32(4244));
  const RawClient::Answer kill =
      ctl.Call(wire::kKillContainer, R"({"container":"web","signal":9})");
  EXPECT_EQ(kill.reply.key, wire::kAck);
  EXPECT_EQ(kill.next, 38u);
  EXPECT_EQ(ctl.ReadFrame()->key, wire::kProcessAsyncEvent);
  EXPECT_EQ(ctl.ReadToEnd(), wire::Ack());
}

TEST_F(SpyReplyTest, AReplyToADestroypodThatIsNotLateIsNotTheNextCommands) {
  CutReplyToPing();
  Start();
  client().Write(kDestroyFrame + kPingFrame);
  ExpectHears(kDestroyFrame + kPingFrame);
  Say(wire::Next(8) + wire::Ack("destroyed"));
  ExpectGets(wire::Next(8) + wire::Next(8) + wire::Ack("destroyed"));
  Say(wire::Next(8) + wire::Ack("pong"));
  ExpectGetsOnly(CutReply("pong"));
}

TEST_F(SpyReplyTest, AReplyAfterADestroypodIsTheNextCommandsIfTheAgentCountsNothing) {
  CutReplyToPing();
  Start();
  client().Write(kVersionFrame);
  ExpectHears(kVersionFrame);
  Say(wire::Ack("version"));
  client().Write(kDestroyFrame + kPingFrame);
  ExpectHears(kDestroyFrame + kPingFrame);
  Say(wire::Ack("pong"));
  ExpectGets(wire::Next(8) + wire::Ack("version") + wire::Next(8) + wire::Next(8) +
             CutReply("pong"));
  Say(wire::Ack("destroyed"));
  ExpectGetsOnly(wire::Ack("destroyed"));
}

TEST_F(SpyReplyTest, ADestroypodFromBeforeThePlansHoldsNothingUp) {
  Start();
  client().Write(kDestroyFrame);
  ExpectHears(kDestroyFrame);
  Say(wire::Next(8));
  ExpectGets(wire::Next(8));
  SetAnyPlan();
  CutReplyToPing();
  client().Write(wire::Ctl(wire::kSetupRoute));
  ExpectGets(wire::Next(8) + wire::Ack("here"));
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(wire::Next(8) + wire::Ack("pong"));
  ExpectGets(wire::Next(8) + CutReply("pong"));
  Say(wire::Ack("destroyed"));
  ExpectGetsOnly(wire::Ack("destroyed"));
}

TEST_F(SpyReplyTest, AFaultOfTheReplyToADestroypodWaitsForIt) {
  spy_.On(Command::kDestroyPod).WillOnce(Reply().Truncated(10));
  Start();
  client().Write(kDestroyFrame + kPingFrame);
  ExpectHears(kDestroyFrame);
  EXPECT_FALSE(HasHeard(kMoment));
  Say(wire::Next(8) + wire::Ack("destroyed"));
  ExpectHears(kPingFrame);
  ExpectGetsOnly(wire::Next(8) + CutReply("destroyed") + wire::Next(8));
}

TEST_F(SpyReplyTest, APlanAnswersADestroypod) {
  spy_.On(Command::kDestroyPod).WillOnce(Reply::Ack("here")).WillOnce(Reply());
  Start();
  client().Write(kDestroyFrame);
  ExpectGets(wire::Next(8) + wire::Ack("here"));
  EXPECT_FALSE(HasHeard(kMoment));
  client().Write(kDestroyFrame);
  ExpectHears(kDestroyFrame);
  EXPECT_TRUE(spy_.WaitForPlans(kDeadline)) << "the second one says nothing, and is used";
  ExpectGetsOnly(wire::Next(8));
}

// ---- next

TEST_F(SpyReplyTest, DropsTheNextsThatComeAfterTheReply) {
  SetAnyPlan();
  Start();
  const std::string ping = wire::Ctl(wire::kPing, "12345");
  client().Write(ping);
  ExpectHears(ping);
  Say(wire::Ack("pong"));
  ExpectGets(wire::Next(8) + wire::Next(5) + wire::Ack("pong"));
  Say(wire::Next(8) + kEvent + wire::Next(3) + wire::Next(2) + kEvent);
  ExpectGetsOnly(kEvent + kEvent);
}

TEST_F(SpyReplyTest, DropsNextsInAnyPieces) {
  SetAnyPlan();
  Start();
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(wire::Ack("pong"));
  ExpectGets(wire::Next(8) + wire::Ack("pong"));
  for (const char byte : wire::Next(8) + kEvent) {
    Say(std::string(1, byte));
  }
  ExpectGetsOnly(kEvent);
}

TEST_F(SpyReplyTest, PassesNextsOnOfBytesFromBeforeThePlans) {
  for (const bool in_one : {false, true}) {
    SCOPED_TRACE(in_one);
    MockHyperstart spy;
    spy.ForwardTo({place_.path() + "/ctl", place_.path() + "/io"});
    spy.Start();
    client_.emplace(RawClient::Ctl(spy.GetSocketPaths().ctl));
    agent_.emplace(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    client().Write(kPingFrame);
    ExpectHears(kPingFrame);
    Say(wire::Ack("pong"));
    ExpectGets(wire::Ack("pong"));
    spy.On(Command::kSetupRoute).WillRepeatedly(Reply::Ack("here"));
    client().Write(kVersionFrame);
    ExpectHears(kVersionFrame);
    ExpectGets(wire::Next(8));  // of the mock
    Say((in_one ? wire::Next(16) : wire::Next(8) + wire::Next(8)) + wire::Ack("version"));
    ExpectGetsOnly(wire::Next(8) + wire::Ack("version"));
    client_.reset();
  }
}

TEST_F(SpyReplyTest, PassesNextsOnOfBytesFromAfterTheHandler) {
  spy_.SetHandler([](const DecodedMessage&) { return Reply(); });
  Start();
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(wire::Ack("pong"));
  ExpectGets(wire::Next(8) + wire::Ack("pong"));
  spy_.SetHandler(nullptr);
  client().Write(kVersionFrame);
  ExpectHears(kVersionFrame);
  Say(wire::Next(8) + wire::Next(8) + wire::Ack("version"));
  ExpectGetsOnly(wire::Next(8) + wire::Ack("version"));
}

// ---- Frames that are broken, or begin before the command

TEST_F(SpyReplyTest, AReplyWithABrokenHeaderEndsTheWaitForIt) {
  SetAnyPlan();
  Start();
  const std::string broken = wire::U32(wire::kAck) + wire::U32(4) + "rest";
  client().Write(kPingFrame + kVersionFrame);
  ExpectHears(kPingFrame);
  Say(broken);
  ExpectHears(kVersionFrame);
  ExpectGets(wire::Next(8) + broken + wire::Next(8));
  Say("any bytes");
  ExpectGets("any bytes");
  client().Write(kPingFrame + wire::Ctl(wire::kSetupRoute));
  ExpectHears(kPingFrame + wire::Ctl(wire::kSetupRoute));
  Say(wire::Next(8) + wire::Ack("pong"));
  ExpectGetsOnly(wire::Next(8) + wire::Ack("pong"));
}

TEST_F(SpyReplyTest, AReplyBeforeABrokenHeaderIsSentFirst) {
  spy_.On(Command::kPing).WillOnce(Reply().InPieces(3));
  Start();
  const std::string broken = wire::U32(wire::kAck) + wire::U32(4) + "rest";
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(wire::Next(8) + wire::Ack("pong") + broken);
  ExpectGetsOnly(wire::Next(8) + wire::Ack("pong") + broken);
}

TEST_F(SpyReplyTest, FindsTheReplyBehindAFrameThatHasBegunBefore) {
  CutReplyToPing();
  Start();
  Say(kEvent.substr(0, 10));
  ExpectGets(kEvent.substr(0, 10));
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(kEvent.substr(10) + wire::Next(8) + wire::Ack("pong"));
  ExpectGetsOnly(kEvent.substr(10) + wire::Next(8) + CutReply("pong"));
}

TEST_F(SpyReplyTest, AReplyToADestroypodThatHasBegunBeforeIsNotTheNextCommands) {
  CutReplyToPing();
  Start();
  client().Write(kVersionFrame + kDestroyFrame);
  ExpectHears(kVersionFrame);
  Say(wire::Ack("version"));  // and counts nothing
  ExpectHears(kDestroyFrame);
  ExpectGets(wire::Next(8) + wire::Ack("version") + wire::Next(8));
  const std::string late = wire::Ack("destroyed");
  Say(late.substr(0, 10));
  ExpectGets(late.substr(0, 10));
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  Say(late.substr(10) + wire::Ack("pong"));
  ExpectGetsOnly(late.substr(10) + wire::Next(8) + CutReply("pong"));
}

TEST_F(SpyReplyTest, ALengthNeedsNoReplyOfAnAgentThatLeaves) {
  spy_.On(Command::kPing).WillOnce(Reply().WithLength(100));
  Start();
  client().Write(kPingFrame);
  ExpectHears(kPingFrame);
  ExpectGetsOnly(wire::Next(8));
}

// ---- A client that leaves

TEST_F(SpyReplyTest, WhatAClientHasSentBeforeItLeftArrives) {
  SetAnyPlan();
  Start();
  client().Write(kPingFrame + kVersionFrame + kDestroyFrame + kPingFrame);
  client_.reset();
  ExpectHears(kPingFrame + kVersionFrame + kDestroyFrame + kPingFrame);
}

TEST_F(SpyReplyTest, AClientThatHasEndedItsInputHearsTheRest) {
  SetAnyPlan();
  Start();
  client().Write(kPingFrame + kDestroyFrame);
  client().EndInput();
  ExpectHears(kPingFrame);
  const std::string much = wire::Pattern(3'000'000);
  std::thread agent([&] {
    Say(wire::Next(8) + wire::Ack("pong"));
    ExpectHears(kDestroyFrame);
    Say(wire::Next(8) + wire::Ctl(wire::kReady, much) + wire::Ack());
    LeaveAsAgent();
  });
  const std::string all = client().ReadToEnd();
  agent.join();
  EXPECT_TRUE(all == wire::Next(8) + wire::Ack("pong") + wire::Next(8) +
                         wire::Ctl(wire::kReady, much) + wire::Ack());
}

TEST_F(SpyReplyTest, AnAgentThatReadsNothingHoldsNoStopUpAndGetsNoGap) {
  Start();
  // More than the agent's socket takes, and less than all on the way to it.
  const std::string sent = wire::Ctl(wire::kStartPod, std::string(350'000, 'x'));
  client().Write(sent);
  client().Close();
  spy_.Stop();
  EXPECT_THAT(spy_.Transcript(),
              testing::HasSubstr("it does not get all that the client had sent"));
  std::string heard;
  char some[4096];
  for (ssize_t size = 0; (size = ::recv(agent_->get(), some, sizeof(some), 0)) > 0;) {
    heard.append(some, static_cast<std::size_t>(size));
  }
  EXPECT_TRUE(sent.substr(0, heard.size()) == heard) << heard.size() << " bytes";
  EXPECT_GT(heard.size(), 0u);
}

}  // namespace
}  // namespace hyperstart
