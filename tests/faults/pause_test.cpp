// What a pause of reading promises about the client that leaves meanwhile, and about the next one.

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

using testing::IsEmpty;

class PauseOn : public testing::TestWithParam<Channel> {
 protected:
  const Channel channel_ = GetParam();
  Started agent_;

  void ExpectServedOnlyOnResumption(RawClient& next) {
    EXPECT_FALSE(agent_.WaitForConnection(channel_, kMoment));
    EXPECT_TRUE(HasReceivedNothing(agent_));
    EXPECT_EQ(next.Waiting(), 0u);
    agent_.ResumeReading(channel_);
    EXPECT_TRUE(agent_.WaitForConnection(channel_, kDeadline));
    EXPECT_EQ(Received(agent_, channel_), "of the next");
  }
};

TEST_P(PauseOn, HoldsTheNextClientWhenOneLeavesThatSentNothing) {
  RawClient first = ConnectAndWait(agent_, channel_);
  agent_.PauseReading(channel_);
  first.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  EXPECT_FALSE(agent_.IsConnected(channel_));
  RawClient next = Connect(agent_, channel_);
  next.Write(FrameFor(channel_, "of the next"));
  ExpectServedOnlyOnResumption(next);
  next.Close();
  ExpectUsable(agent_, channel_);
}

TEST_P(PauseOn, HoldsTheNextClientWhenOneLeavesThatSentSomething) {
  RawClient first = ConnectAndWait(agent_, channel_);
  agent_.PauseReading(channel_);
  first.Write(FrameFor(channel_, "of the first"));
  first.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  RawClient next = Connect(agent_, channel_);
  next.Write(FrameFor(channel_, "of the next"));
  EXPECT_FALSE(agent_.WaitForConnection(channel_, kMoment));
  EXPECT_TRUE(HasReceivedNothing(agent_));
  agent_.ResumeReading(channel_);
  EXPECT_EQ(Received(agent_, channel_), "of the first");
  EXPECT_EQ(Received(agent_, channel_), "of the next");
}

TEST_P(PauseOn, KeepsForTheNextClientWhatIsSentAfterADeparture) {
  RawClient first = ConnectAndWait(agent_, channel_);
  agent_.PauseReading(channel_);
  first.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  agent_.SendRaw(channel_, FrameFor(channel_, "for the next"));
  RawClient next = Connect(agent_, channel_);
  EXPECT_FALSE(agent_.WaitForConnection(channel_, kMoment));
  EXPECT_EQ(next.Waiting(), 0u);
  agent_.ResumeReading(channel_);
  EXPECT_EQ(next.ReadFrame()->payload, "for the next");
}

TEST_P(PauseOn, CountsADepartureOnce) {
  RawClient first = ConnectAndWait(agent_, channel_);
  agent_.PauseReading(channel_);
  first.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  agent_.ResumeReading(channel_);
  RawClient next = ConnectAndWait(agent_, channel_);
  EXPECT_FALSE(agent_.WaitForDisconnect(channel_, 0ms));
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_P(PauseOn, IsEndedByStopAfterADeparture) {
  RawClient first = ConnectAndWait(agent_, channel_);
  agent_.PauseReading(channel_);
  first.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  agent_.Stop();
  agent_.Start();
  ExpectUsable(agent_, channel_);
}

INSTANTIATE_TEST_SUITE_P(EachChannel, PauseOn, testing::ValuesIn(kChannels),
                         [](const auto& tested) {
                           return tested.param == Channel::kCtl ? "Ctl" : "Io";
                         });

}  // namespace
}  // namespace hyperstart
