// Which frames of an agent its client gets, by what was forwarded before.

#include "mock_hyperstart/detail/agent/forwarded_replies.hpp"

#include <gtest/gtest.h>

#include <string>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {
namespace {

using How = ForwardedReplies::How;
using Way = ForwardedReplies::Way;

class ForwardedRepliesTest : public testing::Test {
 protected:
  void Add(How how, Command command = Command::kPing, std::string payload = {}) {
    replies_.AddBytes(kCtlHeaderSize + payload.size());
    replies_.Add({command, std::move(payload)}, how);
  }
  Way Take(Command command, std::string payload = {}, bool begun = false) {
    return replies_.Take(command, payload, begun);
  }
  /// How many of the bytes that a `next` counts it still counts for the client.
  std::uint32_t Count(std::uint32_t bytes) {
    std::string payload = BigEndian32(bytes);
    const Way way = replies_.Take(Command::kNext, payload, false);
    if (way == Way::kDrop) return 0;
    const auto rest = static_cast<std::uint32_t>(GetBigEndian(payload.data(), 4));
    EXPECT_EQ(way, rest == bytes ? Way::kPass : Way::kReplace);
    return rest;
  }

  ForwardedReplies replies_;
};

TEST_F(ForwardedRepliesTest, PassesOnWhatNothingWasForwardedFor) {
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
  EXPECT_EQ(Take(Command::kReady), Way::kPass);
  EXPECT_EQ(Take(Command::kNext, "abc"), Way::kPass) << "no count";
  EXPECT_EQ(Count(8), 8u);
  EXPECT_FALSE(replies_.Waits());
}

TEST_F(ForwardedRepliesTest, PassesRepliesOnUntilOneIsAskedFor) {
  Add(How::kAsItCame);
  EXPECT_TRUE(replies_.Waits());
  EXPECT_EQ(Count(8), 8u);
  EXPECT_EQ(Take(Command::kError), Way::kPass);
  EXPECT_FALSE(replies_.Waits());
  Add(How::kAsked);
  EXPECT_TRUE(replies_.Waits());
  EXPECT_EQ(Count(8), 0u);
  EXPECT_EQ(Take(Command::kProcessAsyncEvent), Way::kPass);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  EXPECT_EQ(Take(Command::kAck), Way::kPass) << "one more than there are commands";
}

TEST_F(ForwardedRepliesTest, PassesOnAReplyThatIsNoLongerWaitedFor) {
  Add(How::kAsked);
  replies_.EndAsk();
  EXPECT_TRUE(replies_.Waits());
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
  EXPECT_FALSE(replies_.Waits());
}

TEST_F(ForwardedRepliesTest, DropsCountsByTheirSum) {
  Add(How::kAsItCame, Command::kPing, "12");  // 10 bytes
  Add(How::kAsked);                           // 8
  Add(How::kCounted, Command::kDestroyPod);   // 8
  EXPECT_EQ(Count(8), 8u);
  EXPECT_EQ(Count(3), 2u);
  EXPECT_EQ(Count(7), 0u);
  EXPECT_EQ(Count(7), 0u);
  Add(How::kAsItCame);  // 8
  Add(How::kAsked);     // 8
  EXPECT_EQ(Count(17), 8u) << "one that is counted here, eight that are not, eight that are";
  EXPECT_EQ(Count(5), 5u) << "of nothing that was forwarded";
  Add(How::kAsked);
  EXPECT_EQ(Count(8), 0u);
}

TEST_F(ForwardedRepliesTest, CountsPartsOfCommandsThatAreNotWholeYet) {
  replies_.AddBytes(20);
  EXPECT_EQ(Count(20), 20u);
  replies_.AddBytes(10);
  replies_.Add({Command::kPing, std::string(22, 'x')}, How::kAsItCame);
  Add(How::kAsked);
  EXPECT_EQ(Count(10), 10u);
  EXPECT_EQ(Count(8), 0u);
}

TEST_F(ForwardedRepliesTest, WaitsForNoDestroypodButOneThatIsAskedFor) {
  Add(How::kCounted, Command::kDestroyPod);
  Add(How::kAsItCame, Command::kDestroyPod);
  EXPECT_FALSE(replies_.Waits());
  Add(How::kAsked, Command::kDestroyPod);
  EXPECT_TRUE(replies_.Waits());
}

TEST_F(ForwardedRepliesTest, MatchesRepliesAroundADestroypodByTheCounts) {
  Add(How::kCounted, Command::kDestroyPod);
  EXPECT_EQ(Count(8), 0u);
  Add(How::kAsked);
  EXPECT_EQ(Count(8), 0u);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  Add(How::kAsked);
  EXPECT_EQ(Take(Command::kAck), Way::kPass) << "of the destroypod: the command is not counted";
  EXPECT_EQ(Count(8), 0u);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
}

TEST_F(ForwardedRepliesTest, ADestroypodThatIsNeverAnsweredChangesNothing) {
  Add(How::kCounted, Command::kDestroyPod);
  Add(How::kCounted, Command::kDestroyPod);
  EXPECT_EQ(Count(16), 0u);
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
  for (int i = 0; i < 3; ++i) {
    Add(How::kAsked);
    EXPECT_EQ(Count(8), 0u);
    EXPECT_EQ(Take(Command::kError), Way::kKeep);
  }
}

TEST_F(ForwardedRepliesTest, TakesAReplyForTheNextCommandsIfTheAgentCountsNothing) {
  Add(How::kAsItCame);
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
  Add(How::kCounted, Command::kDestroyPod);
  Add(How::kAsked);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
}

TEST_F(ForwardedRepliesTest, LearnsOfTheFirstReplyThatTheAgentCountsNothing) {
  Add(How::kCounted, Command::kDestroyPod);
  Add(How::kAsked);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  EXPECT_EQ(Take(Command::kAck), Way::kPass);
}

TEST_F(ForwardedRepliesTest, KeepsNoReplyThatHasBegunBeforeItsCommand) {
  Add(How::kAsked);
  EXPECT_EQ(Take(Command::kAck, "", true), Way::kPass);
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  Add(How::kCounted, Command::kDestroyPod);
  Add(How::kAsked);
  EXPECT_EQ(Count(24), 0u);
  EXPECT_EQ(Take(Command::kAck, "", true), Way::kPass) << "of the destroypod";
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
}

TEST_F(ForwardedRepliesTest, SaysWhatMayBeHeldBack) {
  EXPECT_FALSE(replies_.MayHoldAny());
  Add(How::kCounted, Command::kDestroyPod);
  EXPECT_TRUE(replies_.MayHoldAny());
  EXPECT_TRUE(replies_.MayHold(Command::kNext));
  EXPECT_FALSE(replies_.MayHold(Command::kAck));
  Add(How::kAsked);
  EXPECT_TRUE(replies_.MayHold(Command::kAck));
  EXPECT_TRUE(replies_.MayHold(Command::kError));
  EXPECT_FALSE(replies_.MayHold(Command::kProcessAsyncEvent));
  EXPECT_EQ(Count(16), 0u);
  EXPECT_FALSE(replies_.MayHold(Command::kNext));
  EXPECT_EQ(Take(Command::kAck), Way::kKeep);
  EXPECT_FALSE(replies_.MayHoldAny());
}

}  // namespace
}  // namespace hyperstart::detail
