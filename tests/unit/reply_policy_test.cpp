// Who answers a command: the plan, the handler, the default, in that order, and what a change of
// the handler waits for.

#include "mock_hyperstart/detail/agent/reply_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {
namespace {

class PlaybookTest : public testing::Test {
 protected:
  /// As the ctl thread does it.
  std::string AnswerTo(Command command) {
    Playbook::Turn turn = playbook_.Next(command);
    if (turn.ask) playbook_.Ask(turn, {command, ""});
    std::string bytes;
    turn.reply.AppendTo(bytes);
    return bytes;
  }

  Options options_;
  Playbook playbook_{options_};
};

const std::string kAcked = CtlFrame(Command::kAck);
std::string Failed(const std::string& text) { return CtlFrame(Command::kError, text); }

TEST_F(PlaybookTest, AcksAndTellsItsVersion) {
  options_.api_version = 0x01020304;
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
  EXPECT_EQ(AnswerTo(Command::kVersion), CtlFrame(Command::kAck, "\1\2\3\4"));
}

TEST_F(PlaybookTest, AsksThePlanThenTheHandlerThenTheDefault) {
  playbook_.SetDefaultReply(Reply::Error("default"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("default"));
  playbook_.SetHandler([](const DecodedMessage&) { return Reply::Error("handler"); }, false);
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("handler"));
  playbook_.On(Command::kPing).WillOnce(Reply::Error("once"));
  playbook_.On(Command::kPing).WillRepeatedly(Reply::Error("repeatedly"));
  EXPECT_EQ(AnswerTo(Command::kStartPod), Failed("handler"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("once"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("repeatedly"));
}

TEST_F(PlaybookTest, LeavesToTheNextWhatAReplyDoesNotSay) {
  playbook_.SetHandler([](const DecodedMessage&) { return Reply().Truncated(9); }, false);
  playbook_.SetDefaultReply(Reply::Error("default"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("default").substr(0, 9));
  playbook_.SetDefaultReply(Reply());
  playbook_.SetHandler(nullptr, false);
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

TEST_F(PlaybookTest, TakesBackWhatWasPlannedAndNotUsed) {
  playbook_.On(Command::kPing).WillOnce(Reply(), "a.cpp", 1).WillOnce(Reply(), "a.cpp", 2);
  playbook_.On(Command::kStartPod).WillRepeatedly(Reply());
  AnswerTo(Command::kPing);
  const auto unused = playbook_.TakeUnused();
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_EQ(unused[0].command, Command::kPing);
  EXPECT_EQ(unused[0].place.line, 2);
  EXPECT_TRUE(playbook_.TakeUnused().empty());
}

TEST_F(PlaybookTest, HandsOnWhatTheHandlerThrowsAndIsIdleAgain) {
  playbook_.SetHandler([](const DecodedMessage&) -> Reply { throw std::runtime_error("no"); },
                       false);
  EXPECT_THROW(AnswerTo(Command::kPing), std::runtime_error);
  playbook_.SetHandler(nullptr, false);  // returns: nothing is running
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

TEST_F(PlaybookTest, ChangesTheHandlerOnceTheOldOneHasReturned) {
  std::promise<void> entered;
  std::promise<void> leave;
  const auto held = std::make_shared<int>(0);
  playbook_.SetHandler(
      [&, held](const DecodedMessage&) {
        entered.set_value();
        leave.get_future().wait();
        return Reply();
      },
      false);
  const auto answer = std::async(std::launch::async, [&] { return AnswerTo(Command::kPing); });
  entered.get_future().wait();
  auto change = std::async(std::launch::async, [&] { playbook_.SetHandler(nullptr, false); });
  while (playbook_.Next(Command::kPing).ask) {  // until the change has begun
  }
  EXPECT_EQ(change.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  leave.set_value();
  change.wait();
  EXPECT_EQ(held.use_count(), 1) << "the old handler is gone when the change returns";
}

TEST_F(PlaybookTest, LetsTheHandlerReplaceItself) {
  playbook_.SetHandler(
      [&](const DecodedMessage&) {
        playbook_.SetHandler(nullptr, true);
        return Reply::Error("the last time");
      },
      false);
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("the last time"));
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

}  // namespace
}  // namespace hyperstart::detail
