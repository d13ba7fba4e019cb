// Who answers a command: the plans by criterion, the plan of the command, the handler, the default,
// in that order; and what a change of the handler waits for.

#include "mock_hyperstart/detail/agent/reply_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/payload_is.hpp"

namespace hyperstart::detail {
namespace {

class ReplyPolicyTest : public testing::Test {
 protected:
  /// The bytes of the answer, as the ctl thread finds them.
  std::string AnswerTo(const DecodedMessage& message) {
    ReplyPolicy::Decision decision = policy_.Decide(message);
    if (decision.needs_handler) policy_.AskHandler(decision, message);
    std::string bytes;
    AppendReply(decision.reply, bytes);
    return bytes;
  }
  std::string AnswerTo(Command command) { return AnswerTo({command, ""}); }

  Options options_;
  ReplyPolicy policy_{options_};
};

const std::string kAcked = wire::Ack();
std::string Failed(const std::string& text) { return wire::Ctl(wire::kError, text); }

std::unique_ptr<const PayloadIs> Payload(std::string payload) {
  return std::make_unique<const PayloadIs>(std::move(payload));
}

TEST_F(ReplyPolicyTest, AcknowledgesAndTellsTheApiVersion) {
  options_.api_version = 0x01020304;
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
  EXPECT_EQ(AnswerTo(Command::kVersion), wire::Ack("\1\2\3\4"));
}

TEST_F(ReplyPolicyTest, AsksThePlanThenTheHandlerThenTheDefault) {
  policy_.SetDefaultReply(Reply::Error("default"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("default"));
  policy_.SetHandler([](const DecodedMessage&) { return Reply::Error("handler"); }, false);
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("handler"));
  policy_.On(Command::kPing).WillOnce(Reply::Error("once"));
  policy_.On(Command::kPing).WillRepeatedly(Reply::Error("repeatedly"));
  EXPECT_EQ(AnswerTo(Command::kStartPod), Failed("handler"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("once"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("repeatedly"));
}

TEST_F(ReplyPolicyTest, CompletesAReplyWithTheNextOne) {
  policy_.SetHandler([](const DecodedMessage&) { return Reply().Truncated(9); }, false);
  policy_.SetDefaultReply(Reply::Error("default"));
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("default").substr(0, 9));
  policy_.SetDefaultReply(Reply());
  policy_.SetHandler(nullptr, false);
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

TEST_F(ReplyPolicyTest, AsksThePlansByCriterionFirstAndTheNewestOfThemBeforeOlderOnes) {
  policy_.On(Command::kPing).WillRepeatedly(Reply::Error("command"));
  policy_.On(Payload("x")).WillRepeatedly(Reply::Error("older"));
  policy_.On(Payload("x")).WillOnce(Reply::Error("newer"));
  EXPECT_EQ(AnswerTo({Command::kPing, "other"}), Failed("command"));
  EXPECT_EQ(AnswerTo({Command::kStartPod, "x"}), Failed("newer"));
  EXPECT_EQ(AnswerTo({Command::kPing, "x"}), Failed("older")) << "the newer one is used up";
}

TEST_F(ReplyPolicyTest, FallsThroughPlansThatAreUsedUp) {
  policy_.On(Payload("x")).WillOnce(Reply::Error("criterion"));
  policy_.On(Command::kPing).WillOnce(Reply::Error("command"));
  policy_.SetHandler([](const DecodedMessage&) { return Reply::Error("handler"); }, false);
  const DecodedMessage ping = {Command::kPing, "x"};
  EXPECT_EQ(AnswerTo(ping), Failed("criterion"));
  EXPECT_EQ(AnswerTo(ping), Failed("command"));
  EXPECT_EQ(AnswerTo(ping), Failed("handler"));
}

TEST_F(ReplyPolicyTest, CompletesTheReplyOfACriterionWithThatOfTheCommand) {
  policy_.On(Payload("x")).WillRepeatedly(Reply().Truncated(9));
  policy_.On(Command::kPing).WillOnce(Reply::Error("command"));
  EXPECT_EQ(AnswerTo({Command::kPing, "x"}), Failed("command").substr(0, 9));
  EXPECT_EQ(AnswerTo({Command::kPing, "x"}), kAcked.substr(0, 9));
}

TEST_F(ReplyPolicyTest, TakesBackTheUnusedRepliesOfCriteria) {
  policy_.On(Payload("x")).WillOnce(Reply::Error("unused"), "a.cpp", 7);
  const auto unused = policy_.TakeUnused();
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_EQ(unused[0].wanted, "has the payload x");
  EXPECT_TRUE(unused[0].by_criterion);
  EXPECT_EQ(unused[0].place.line, 7);
  EXPECT_TRUE(policy_.TakeUnused().empty());
  EXPECT_EQ(AnswerTo({Command::kPing, "x"}), kAcked);
}

/// An action of the user's whose destruction calls the policy: it would wait for ever for a lock
/// that the thread holds.
std::function<void()> AsksWhenDestroyed(ReplyPolicy& policy, int& destroyed) {
  const std::shared_ptr<int> held(new int(0), [&](const int* value) {
    delete value;
    std::ignore = policy.IsFulfilled();
    ++destroyed;
  });
  return [held] {};
}

TEST_F(ReplyPolicyTest, DestroysAReplacedReplyUnderNoLock) {
  int destroyed = 0;
  ReplyPlan& plan = policy_.On(Command::kPing);
  plan.WillRepeatedly(Reply().Then(AsksWhenDestroyed(policy_, destroyed)));
  plan.WillRepeatedly(Reply());
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ReplyPolicyTest, DestroysRepliesThatAreTakenBackUnderNoLock) {
  int destroyed = 0;
  policy_.On(Command::kPing).WillOnce(Reply().Then(AsksWhenDestroyed(policy_, destroyed)));
  policy_.On(Payload("x")).WillOnce(Reply().Then(AsksWhenDestroyed(policy_, destroyed)));
  EXPECT_EQ(policy_.TakeUnused().size(), 2u);
  EXPECT_EQ(destroyed, 2);
}

TEST_F(ReplyPolicyTest, TellsWhichUnusedRepliesAreAskedAfterOthers) {
  policy_.On(Payload("x")).WillOnce(Reply());
  policy_.On(Payload("x")).WillOnce(Reply());
  policy_.On(Command::kPing).WillOnce(Reply());
  const auto unused = policy_.TakeUnused();
  ASSERT_EQ(unused.size(), 3u);
  EXPECT_TRUE(unused[0].asked_later) << "that of the command";
  EXPECT_TRUE(unused[1].asked_later) << "the older one";
  EXPECT_FALSE(unused[2].asked_later) << "the newest one";
}

TEST_F(ReplyPolicyTest, IsPlainUntilAnythingIsSaid) {
  EXPECT_TRUE(policy_.IsPlain());
  policy_.SetHandler([](const DecodedMessage&) { return Reply(); }, false);
  EXPECT_FALSE(policy_.IsPlain());
  policy_.SetHandler(nullptr, false);
  EXPECT_TRUE(policy_.IsPlain());
  policy_.On(Command::kPing);
  EXPECT_FALSE(policy_.IsPlain());
  ReplyPolicy with_default(options_);
  with_default.SetDefaultReply(Reply());
  EXPECT_FALSE(with_default.IsPlain());
  ReplyPolicy with_criterion(options_);
  with_criterion.On(Payload("x"));
  EXPECT_FALSE(with_criterion.IsPlain());
}

TEST_F(ReplyPolicyTest, IsFulfilledWhenEachWillOnceIsUsedAndSent) {
  EXPECT_TRUE(policy_.IsFulfilled());
  policy_.On(Command::kPing).WillOnce(Reply()).WillRepeatedly(Reply());
  EXPECT_FALSE(policy_.IsFulfilled());
  AnswerTo(Command::kPing);
  EXPECT_FALSE(policy_.IsFulfilled()) << "not sent yet";
  EXPECT_TRUE(policy_.EndAnswers());
  EXPECT_TRUE(policy_.IsFulfilled());
  EXPECT_FALSE(policy_.EndAnswers()) << "nothing was used since";
}

/// Fails the test if it is asked for its text.
class Undescribed final : public Criterion<DecodedMessage> {
 public:
  bool Matches(const DecodedMessage&) const override { return true; }
  std::string Describe() const override {
    ADD_FAILURE() << "no text is needed";
    return {};
  }
  std::string Explain(const DecodedMessage&) const override { return {}; }
};
TEST_F(ReplyPolicyTest, LooksForUnusedRepliesWithoutDescribingThem) {
  policy_.On(std::make_unique<const Undescribed>()).WillOnce(Reply());
  EXPECT_FALSE(policy_.IsFulfilled());
  AnswerTo(Command::kPing);
  policy_.EndAnswers();
  EXPECT_TRUE(policy_.IsFulfilled());
}

TEST_F(ReplyPolicyTest, StaysFulfilledWhileOtherCommandsAreAnswered) {
  policy_.On(Command::kPing).WillOnce(Reply()).WillRepeatedly(Reply());
  AnswerTo(Command::kPing);
  policy_.EndAnswers();
  AnswerTo(Command::kPing);
  AnswerTo(Command::kStartPod);
  EXPECT_TRUE(policy_.IsFulfilled()) << "no wait for these replies would be woken";
  EXPECT_FALSE(policy_.EndAnswers());
}

TEST_F(ReplyPolicyTest, ThrowsForAPlanThatCannotBeExecuted) {
  policy_.SetDefaultReply(Reply::Raw("raw"));
  policy_.On(Command::kPing).WillOnce(Reply().WithLength(9));
  EXPECT_THROW(AnswerTo(Command::kPing), std::logic_error);
  EXPECT_TRUE(policy_.EndAnswers()) << "the WillOnce is used all the same";
  EXPECT_EQ(AnswerTo(Command::kPing), "raw");
}

TEST_F(ReplyPolicyTest, RunsTheActionOfAPlanThoughTheHandlerWasReplaced) {
  int ran = 0;
  policy_.On(Command::kPing).WillOnce(Reply::Ack().Then([&] { ++ran; }));
  const ReplyPolicy::Decision decision = policy_.Decide({Command::kPing, ""});
  policy_.SetHandler([](const DecodedMessage&) { return Reply(); }, false);
  EXPECT_TRUE(policy_.RunAction(decision));
  EXPECT_EQ(ran, 1);
}

TEST_F(ReplyPolicyTest, DropsTheActionOfAHandlerThatWasReplaced) {
  int ran = 0;
  policy_.SetHandler([&](const DecodedMessage&) { return Reply().Then([&] { ++ran; }); }, false);
  const DecodedMessage ping = {Command::kPing, ""};
  ReplyPolicy::Decision decision = policy_.Decide(ping);
  policy_.AskHandler(decision, ping);
  EXPECT_TRUE(policy_.RunAction(decision));
  EXPECT_EQ(ran, 1);
  policy_.SetHandler([&](const DecodedMessage&) { return Reply(); }, false);
  EXPECT_FALSE(policy_.RunAction(decision));
  EXPECT_EQ(ran, 1);
}

TEST_F(ReplyPolicyTest, TakesBackThePlannedRepliesThatWereNotUsed) {
  policy_.On(Command::kPing).WillOnce(Reply(), "a.cpp", 1).WillOnce(Reply(), "a.cpp", 2);
  policy_.On(Command::kStartPod).WillRepeatedly(Reply());
  AnswerTo(Command::kPing);
  const auto unused = policy_.TakeUnused();
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_EQ(unused[0].wanted, "ping");
  EXPECT_FALSE(unused[0].by_criterion);
  EXPECT_STREQ(unused[0].place.file, "a.cpp");
  EXPECT_EQ(unused[0].place.line, 2);
  EXPECT_TRUE(policy_.TakeUnused().empty());
}

TEST_F(ReplyPolicyTest, PassesOnWhatTheHandlerThrows) {
  policy_.SetHandler([](const DecodedMessage&) -> Reply { throw std::runtime_error("no"); }, false);
  EXPECT_THROW(AnswerTo(Command::kPing), std::runtime_error);
  policy_.SetHandler(nullptr, false);  // returns: nothing is running
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

TEST_F(ReplyPolicyTest, ReplacesTheHandlerWhenItHasReturned) {
  std::promise<void> entered;
  std::promise<void> leave;
  const auto held = std::make_shared<int>(0);
  policy_.SetHandler(
      [&, held](const DecodedMessage&) {
        entered.set_value();
        leave.get_future().wait();
        return Reply();
      },
      false);
  auto answer = std::async(std::launch::async, [&] { return AnswerTo(Command::kPing); });
  entered.get_future().wait();
  auto change = std::async(std::launch::async, [&] { policy_.SetHandler(nullptr, false); });
  WaitUntil("the change to begin", [&] {
    return !policy_.Decide({Command::kPing, ""}).needs_handler;
  });
  EXPECT_EQ(change.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  leave.set_value();
  change.get();
  EXPECT_EQ(answer.get(), kAcked);
  EXPECT_EQ(held.use_count(), 1) << "the old handler is gone when the change returns";
}

/// What an action holds is the user's code, which may call the mock when it is copied.
TEST_F(ReplyPolicyTest, CopiesAReplyUnderNoLock) {
  struct Copied {
    explicit Copied(ReplyPolicy& changed) : policy(changed) {}
    Copied(const Copied& other) : policy(other.policy) {
      policy.On(Command::kPing).WillRepeatedly(Reply::Error("from the copy"));
      policy.SetDefaultReply(Reply::Error("from the copy"));
    }
    void operator()() const {}
    ReplyPolicy& policy;
  };
  policy_.On(Command::kPing).WillRepeatedly(Reply::Ack("first").Then(Copied(policy_)));
  EXPECT_EQ(AnswerTo(Command::kPing), wire::Ack("first"));
  policy_.SetDefaultReply(Reply::Ack("first").Then(Copied(policy_)));
  EXPECT_EQ(AnswerTo(Command::kStartPod), wire::Ack("first"));
}

TEST_F(ReplyPolicyTest, LetsTheHandlerReplaceItself) {
  policy_.SetHandler(
      [&](const DecodedMessage&) {
        policy_.SetHandler(nullptr, true);
        return Reply::Error("the last time");
      },
      false);
  EXPECT_EQ(AnswerTo(Command::kPing), Failed("the last time"));
  EXPECT_EQ(AnswerTo(Command::kPing), kAcked);
}

}  // namespace
}  // namespace hyperstart::detail
