// Once SetHandler has returned, nothing that belongs to the old handler runs: neither a call of it,
// nor the action of a reply that it returned. A test may then destroy what they refer to.

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kDropped = "the action after a reply is dropped: its handler was replaced";

/// More than a socket takes at once: the reply waits until the client reads it.
const std::string kLargePayload = wire::Pattern(5 * 1024 * 1024);

class HandlerReplacement : public testing::Test {
 protected:
  /// Sends a ping, and returns when the handler is about to return that reply.
  void AnswerPingWith(const Reply& reply) {
    const auto called = std::make_shared<std::promise<void>>();
    agent_.SetHandler([called, reply](const DecodedMessage&) {
      called->set_value();
      return reply;
    });
    client_.Write(wire::Ctl(wire::kPing));
    called->get_future().wait();
  }
  /// The client gets a reply to another command: what follows the first reply has been done.
  void ReadRepliesToPingAndAnother() {
    EXPECT_EQ(client_.ReadAnswer().reply.key, wire::kAck);
    EXPECT_EQ(client_.Call(wire::kStartPod).reply.key, wire::kAck);
  }

  std::atomic<int> runs_{0};
  Started agent_;
  RawClient client_ = agent_.Ctl();
};

TEST_F(HandlerReplacement, DropsTheActionOfAReplyThatWaitsForTheClientToRead) {
  AnswerPingWith(Reply::Ack(kLargePayload).Then([&] { ++runs_; }));
  agent_.SetHandler(nullptr);
  ReadRepliesToPingAndAnother();
  EXPECT_EQ(runs_, 0);
  EXPECT_THAT(agent_.Transcript(), HasSubstr(kDropped));
}

TEST_F(HandlerReplacement, DropsTheActionOfAReplyThatIsDelayed) {
  AnswerPingWith(Reply::Ack().After(kMoment).Then([&] { ++runs_; }));
  agent_.SetHandler(nullptr);
  const int runs = runs_;  // 1 on a machine that took as long as the delay
  ReadRepliesToPingAndAnother();
  EXPECT_EQ(runs_, runs) << "nothing runs after SetHandler has returned";
  EXPECT_THAT(agent_.Transcript(), runs == 0 ? HasSubstr(kDropped) : HasSubstr("ping"));
}

TEST_F(HandlerReplacement, DropsTheActionThoughAnotherHandlerTakesOver) {
  AnswerPingWith(Reply::Ack(kLargePayload).Then([&] { ++runs_; }));
  agent_.SetHandler([](const DecodedMessage&) { return Reply::Ack("of the new handler"); });
  ReadRepliesToPingAndAnother();
  EXPECT_EQ(client_.Call(wire::kPing).reply.payload, "of the new handler");
  EXPECT_EQ(runs_, 0);
}

TEST_F(HandlerReplacement, StillSendsTheReplyAndDisconnects) {
  AnswerPingWith(Reply::Ack(kLargePayload).Then([&] { ++runs_; }).ThenDisconnect());
  agent_.SetHandler(nullptr);
  EXPECT_TRUE(client_.ReadAnswer().reply.payload == kLargePayload);
  EXPECT_EQ(client_.ReadToEnd(), "");
  EXPECT_EQ(runs_, 0);
  ExpectUsable(agent_);
}

TEST_F(HandlerReplacement, WaitsForAnActionThatRuns) {
  std::promise<void> begun;
  std::promise<void> may_end;
  AnswerPingWith(Reply::Ack().Then([&] {
    begun.set_value();
    may_end.get_future().wait();
    ++runs_;
  }));
  begun.get_future().wait();
  std::future<int> runs = std::async(std::launch::async, [&] {
    agent_.SetHandler(nullptr);
    return runs_.load();
  });
  EXPECT_EQ(runs.wait_for(kMoment), std::future_status::timeout);
  may_end.set_value();
  EXPECT_EQ(runs.get(), 1);
  EXPECT_THAT(agent_.Transcript(), Not(HasSubstr(kDropped)));
}

TEST_F(HandlerReplacement, DoesNotWaitForAnActionThatReplacesItsHandler) {
  AnswerPingWith(Reply::Ack().Then([&] {
    agent_.SetHandler(nullptr);
    ++runs_;
  }));
  ReadRepliesToPingAndAnother();
  EXPECT_EQ(runs_, 1);
}

TEST_F(HandlerReplacement, LeavesTheActionsOfPlansAlone) {
  agent_.SetHandler([](const DecodedMessage&) { return Reply::Ack(); });
  agent_.On(Command::kPing).WillOnce(Reply::Ack(kLargePayload).Then([&] { ++runs_; }));
  client_.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(agent_.WaitForMessage(Command::kPing, kDeadline));
  agent_.SetHandler(nullptr);
  ReadRepliesToPingAndAnother();
  EXPECT_EQ(runs_, 1);
}

}  // namespace
}  // namespace hyperstart
