// The way of a command: counted, recorded and answered, by a service that runs on the test's
// thread.

#include "mock_hyperstart/detail/agent/ctl_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/reply.hpp"
#include "support/wire.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Frame(Command command, std::string_view payload = {}) {
  return wire::Ctl(static_cast<std::uint32_t>(command), payload);
}

class CtlServiceTest : public ServiceTest {
 protected:
  /// All that a client gets that writes those bytes and ends its input.
  std::string Serve(std::string_view bytes) {
    client_->Write(bytes);
    client_->EndInput();
    service_.Serve(*connection_);
    connection_->queue().ShutDownSending();
    return client_->ReadToEnd();
  }
  void SetHandler(Handler handler) { policy_.SetHandler(std::move(handler), false); }

  ReplyPolicy policy_{options_};
  CtlService service_{ctl_, io_, context_, policy_};
};

TEST_F(CtlServiceTest, AcknowledgesACommandAndRecordsIt) {
  EXPECT_EQ(Serve(Frame(Command::kStartPod, "pod")), wire::Next(8) + wire::Next(3) + wire::Ack());
  EXPECT_THAT(records_.TakeMessages(), ElementsAre(DecodedMessage{Command::kStartPod, "pod"}));
}

TEST_F(CtlServiceTest, AnswersCommandsInOrder) {
  policy_.On(Command::kStartPod).WillOnce(Reply::Error("no"));
  EXPECT_EQ(Serve(Frame(Command::kPing) + Frame(Command::kStartPod) + Frame(Command::kVersion)),
            wire::Next(8) + wire::Ack() + wire::Next(8) + Frame(Command::kError, "no") +
                wire::Next(8) + wire::Ack(wire::U32(4244)));
}

TEST_F(CtlServiceTest, RecordsTheCommandBeforeItAsksTheHandler) {
  SetHandler([&](const DecodedMessage& message) {
    EXPECT_THAT(records_.TakeMessages(), ElementsAre(message));
    EXPECT_EQ(client_->Read(12), wire::Next(8)) << "the handler may send, after the next frames";
    return Reply::Ack("handled");
  });
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Ack("handled"));
}

/// Also those of a command that comes when much is gathered to be sent.
TEST_F(CtlServiceTest, HoldsTheNextFramesBackUntilTheHandlerHasAnswered) {
  service_.HoldNexts(true);
  const std::string large(70000, 'x');
  policy_.On(Command::kPing).WillOnce(Reply::Ack(large));
  SetHandler([&](const DecodedMessage&) {
    const std::string before = wire::Next(8) + wire::Ack(large);
    EXPECT_TRUE(client_->Read(before.size()) == before);
    EXPECT_EQ(client_->Waiting(), 0u);
    return Reply::Ack("handled");
  });
  EXPECT_EQ(Serve(Frame(Command::kPing) + Frame(Command::kStartPod)),
            wire::Next(8) + wire::Ack("handled"));
}

TEST_F(CtlServiceTest, AnswersAnErrorIfTheHandlerThrows) {
  SetHandler([](const DecodedMessage&) -> Reply { throw std::runtime_error("no idea"); });
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + Frame(Command::kError, "no idea"));
  EXPECT_THAT(records_.TakeErrors(), ElementsAre("the handler threw at a ping: no idea"));
}

TEST_F(CtlServiceTest, AnswersAnErrorIfThePlanCannotBeExecuted) {
  policy_.On(Command::kPing).WillOnce(Reply().WithLength(9));
  policy_.SetDefaultReply(Reply::Raw("raw"));
  EXPECT_THAT(Serve(Frame(Command::kPing)), HasSubstr("Raw and Nothing have no header"));
  EXPECT_THAT(records_.TakeErrors(),
              ElementsAre(HasSubstr("the plan could not be executed at a ping: ")));
}

TEST_F(CtlServiceTest, RunsTheActionOnceTheReplyIsSent) {
  std::string received;
  policy_.On(Command::kPing).WillOnce(Reply::Ack("done").Then([&] {
    received = client_->Read(12 + 12);
  }));
  Serve(Frame(Command::kPing));
  EXPECT_EQ(received, wire::Next(8) + wire::Ack("done"));
}

TEST_F(CtlServiceTest, ReportsWhatAnActionThrows) {
  policy_.On(Command::kPing).WillOnce(Reply().Then([] { throw std::runtime_error("no idea"); }));
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack());
  EXPECT_THAT(records_.TakeErrors(), ElementsAre("the action after a reply (ack) threw: no idea"));
}

TEST_F(CtlServiceTest, DropsTheActionOfAHandlerThatHasReplacedItself) {
  bool ran = false;
  SetHandler([&](const DecodedMessage&) {
    policy_.SetHandler(nullptr, true);
    return Reply::Ack().Then([&] { ran = true; });
  });
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack());
  EXPECT_FALSE(ran);
  EXPECT_THAT(Conversation(),
              HasSubstr("the action after a reply is dropped: its handler was replaced\n"));
}

TEST_F(CtlServiceTest, DropsAReplyThatTheClientDoesNotWaitFor) {
  policy_.On(Command::kPing).WillOnce(Reply().After(24h));
  client_->Write(Frame(Command::kPing));
  client_->Close();
  service_.Serve(*connection_);
  EXPECT_THAT(Conversation(), HasSubstr("not answered, the client did not wait: ack\n"));
}

// ---- the end of a handler's reply

/// What happened to replies of the handler, in order.
class ReplyEndTest : public CtlServiceTest {
 protected:
  void SetReply(const Reply& reply) {
    SetHandler([this, reply](const DecodedMessage&) {
      return ReplyAccess::WithEnd(reply, End([this] { happened_ += "end "; }));
    });
  }
  std::string happened_;
};

TEST_F(ReplyEndTest, ComesOnceAPlainReplyIsSent) {
  std::string received;
  SetHandler([&](const DecodedMessage&) {
    return ReplyAccess::WithEnd(Reply::Ack("handled"),
                                End([&] { received = client_->Read(12 + 15); }));
  });
  Serve(Frame(Command::kPing));
  EXPECT_EQ(received, wire::Next(8) + wire::Ack("handled"));
}

TEST_F(ReplyEndTest, ComesBeforeTheNextCommandIsHandled) {
  SetHandler([&](const DecodedMessage&) {
    happened_ += "command ";
    return ReplyAccess::WithEnd(Reply::Ack(), End([this] { happened_ += "end "; }));
  });
  Serve(Frame(Command::kPing) + Frame(Command::kPing));
  EXPECT_EQ(happened_, "command end command end ");
}

TEST_F(ReplyEndTest, ComesOnceTheModifiersOfAPlanAreCarriedOut) {
  SetReply(Reply::Ack("handled"));
  policy_.On(Command::kPing).WillOnce(Reply().After(1ms).InPieces(3, 1ms).Then([this] {
    happened_ += "action ";
  }));
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack("handled"));
  EXPECT_EQ(happened_, "end action ");
}

TEST_F(ReplyEndTest, ComesAfterAnUnspecifiedReply) {
  SetReply(Reply());
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack());
  EXPECT_EQ(happened_, "end ");
  SetReply(Reply::Nothing());
  Connect();
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8));
  EXPECT_EQ(happened_, "end end ");
}

TEST_F(ReplyEndTest, ComesOfAReplyThatTheClientDoesNotWaitFor) {
  SetReply(Reply::Ack().After(24h));
  client_->Write(Frame(Command::kPing));
  client_->Close();
  service_.Serve(*connection_);
  EXPECT_EQ(happened_, "") << "what the end brings about is for the next client";
  service_.EndDroppedReplies();
  EXPECT_EQ(happened_, "end ");
}

TEST_F(ReplyEndTest, ComesAfterTheDisconnect) {
  SetReply(Reply::Ack());
  policy_.On(Command::kPing).WillOnce(Reply().ThenDisconnect());
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack());
  EXPECT_EQ(happened_, "");
  service_.EndDroppedReplies();
  EXPECT_EQ(happened_, "end ");
}

TEST_F(ReplyEndTest, ComesOfAReplyThatCannotBeSent) {
  SetReply(Reply::Nothing());
  policy_.On(Command::kPing).WillOnce(Reply().WithLength(9));
  EXPECT_THAT(Serve(Frame(Command::kPing)), HasSubstr("Raw and Nothing have no header"));
  EXPECT_EQ(happened_, "end ");
}

TEST_F(ReplyEndTest, ComesThoughTheHandlerIsReplaced) {
  SetHandler([&](const DecodedMessage&) {
    policy_.SetHandler(nullptr, true);
    return ReplyAccess::WithEnd(Reply::Ack().Then([this] { happened_ += "action "; }),
                                End([this] { happened_ += "end "; }));
  });
  Serve(Frame(Command::kPing));
  EXPECT_EQ(happened_, "end ");
}

TEST_F(CtlServiceTest, AnswersWhatCameBeforeABrokenHeaderAndReportsItThen) {
  const std::string broken = wire::U32(1) + wire::U32(7);
  EXPECT_EQ(Serve(Frame(Command::kPing) + broken + Frame(Command::kPing)),
            wire::Next(8) + wire::Ack());
  EXPECT_THAT(ViolationTexts(), ElementsAre(HasSubstr("length 7 is below")));
  EXPECT_THAT(records_.TakeMessages(), testing::SizeIs(1));
}

TEST_F(CtlServiceTest, ForgetsTheHalfReadFrameOfTheClientBefore) {
  Serve(Frame(Command::kPing, "payload").substr(0, 10));
  records_.TakeViolations();
  Connect();
  EXPECT_EQ(Serve(Frame(Command::kPing)), wire::Next(8) + wire::Ack());
}

TEST_F(CtlServiceTest, GoesOnWithTheHalfReadFrameOfAVirtioClient) {
  options_.transport = Transport::kVirtio;
  const std::string frame = Frame(Command::kPing, "payload");
  EXPECT_EQ(Serve(frame.substr(0, 10)), wire::Next(8) + wire::Next(2));
  Connect();
  EXPECT_EQ(Serve(frame.substr(10)), wire::Next(5) + wire::Ack());
  EXPECT_THAT(records_.TakeMessages(), ElementsAre(DecodedMessage{Command::kPing, "payload"}));
  EXPECT_THAT(ViolationTexts(), IsEmpty());
}

}  // namespace
}  // namespace hyperstart::detail
