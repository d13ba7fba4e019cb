// The commands of one read and their answers: recorded together, sent in one write, in order.

#include "mock_hyperstart/detail/agent/answer_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/connected.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class AnswerBatchTest : public ServiceTest {
 protected:
  /// A whole command that came in one piece.
  void Receive(Command command, const std::string& payload = {}) {
    FrameStep<CtlHeader> step;
    step.header_bytes = kCtlHeaderSize;
    step.payload_bytes = static_cast<std::uint32_t>(payload.size());
    step.payload = payload;
    step.complete = true;
    batch_.CountPiece(step);
    batch_.Receive({command, payload}, Clock::now());
  }
  /// A piece of a command that is not complete.
  void CountPayload(std::uint32_t bytes) {
    FrameStep<CtlHeader> step;
    step.payload_bytes = bytes;
    batch_.CountPiece(step);
  }
  /// All that the client gets.
  std::string Received() {
    connection_->queue().ShutDownSending();
    return client_->ReadToEnd();
  }

  AnswerBatch batch_{*connection_, context_};
};

TEST_F(AnswerBatchTest, DoesNothingUntilItIsSent) {
  Receive(Command::kPing);
  batch_.Answer(Command::kAck, "");
  EXPECT_THAT(records_.PeekMessages(), IsEmpty());
  EXPECT_EQ(client_->Unread(), 0u);
  batch_.Send();
  EXPECT_THAT(records_.PeekMessages(), ElementsAre(DecodedMessage{Command::kPing, ""}));
  EXPECT_EQ(Received(), wire::Next(8) + wire::Ack());
}

TEST_F(AnswerBatchTest, SendsSeveralAnswersInOrder) {
  Receive(Command::kStartPod, "pod");
  batch_.Answer(Command::kAck, "");
  Receive(Command::kPing);
  batch_.Answer(Command::kError, "no");
  batch_.Send();
  EXPECT_THAT(records_.TakeMessages(), ElementsAre(DecodedMessage{Command::kStartPod, "pod"},
                                                   DecodedMessage{Command::kPing, ""}));
  EXPECT_EQ(Conversation(),
            "--> startpod        3 bytes  \"pod\"\n"
            "<-- next 8, next 3\n"
            "<-- ack\n"
            "--> ping            0 bytes\n"
            "<-- next 8\n"
            "<-- error \"no\"\n");
  EXPECT_EQ(Received(), wire::Next(8) + wire::Next(3) + wire::Ack() + wire::Next(8) +
                            wire::Ctl(static_cast<std::uint32_t>(Command::kError), "no"));
}

TEST_F(AnswerBatchTest, MarksTheAnswerAsSentInOneWriteWithItsNexts) {
  Receive(Command::kPing);
  batch_.Answer(Command::kAck, "");
  batch_.Send();
  const std::vector<Event> events = log_.Events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_FALSE(events[1].same_write);
  EXPECT_TRUE(events[2].same_write);
}

TEST_F(AnswerBatchTest, CountsAsTheOptionsSay) {
  options_.next_acks = NextAcks::kNone;
  Receive(Command::kPing, "abc");
  options_.next_acks = NextAcks::kPerFrame;
  Receive(Command::kPing, "abc");
  batch_.Send();
  EXPECT_EQ(Received(), wire::Next(8) + wire::Next(3));
}

TEST_F(AnswerBatchTest, FoldsEqualNextsInTheConversation) {
  CountPayload(504);
  for (int i = 0; i < 54; ++i) CountPayload(512);
  Receive(Command::kStartPod);
  batch_.Send();
  EXPECT_THAT(Conversation(), testing::HasSubstr("<-- next 504, next 512 \u00d754, next 8\n"));
}

TEST_F(AnswerBatchTest, FoldsTheRestAfterSixteenRuns) {
  for (std::uint32_t bytes = 1; bytes <= 20; ++bytes) CountPayload(bytes);
  Receive(Command::kStartPod);
  batch_.Send();
  EXPECT_THAT(Conversation(), testing::HasSubstr("next 15, next 16, 5 more nexts\n"));
}

TEST_F(AnswerBatchTest, SendsTheNextsOfAFrameThatIsNotComplete) {
  CountPayload(100);
  batch_.Send();
  EXPECT_EQ(client_->Read(12), wire::Next(100));
  EXPECT_EQ(Conversation(), "") << "they stand behind the command that they count";
  Receive(Command::kStartPod);
  batch_.Send();
  EXPECT_EQ(Conversation(),
            "--> startpod        0 bytes\n"
            "<-- next 100, next 8\n");
}

TEST_F(AnswerBatchTest, ShowsTheNextsOfAFrameThatNeverIsComplete) {
  CountPayload(100);
  batch_.Send();
  batch_.EndPartialFrame();
  EXPECT_EQ(Conversation(), "<-- next 100\n");
}

TEST_F(AnswerBatchTest, RecordsCommandsAlthoughTheAnswerCannotBeSent) {
  Receive(Command::kPing);
  batch_.Answer(Command::kAck, "");
  connection_->Disconnect();
  batch_.Send();
  EXPECT_THAT(records_.TakeMessages(), SizeIs(1));
  EXPECT_EQ(Conversation(), "--> ping            0 bytes\n");
}

TEST_F(AnswerBatchTest, EndsRepliesOnceTheyAreSent) {
  std::string received;
  Receive(Command::kPing);
  batch_.Answer(Command::kAck, "1", End([&] { received += "first " + client_->Read(21); }));
  Receive(Command::kPing);
  batch_.Answer(Command::kAck, "2", End([&] { received += " second " + client_->Read(21); }));
  EXPECT_EQ(received, "");
  batch_.Send();
  EXPECT_EQ(received, "first " + wire::Next(8) + wire::Ack("1") + " second " + wire::Next(8) +
                          wire::Ack("2"));
}

TEST_F(AnswerBatchTest, EndsAReplyOfWhichSomethingIsPendingOnceTheKernelHasIt) {
  SendMuch();
  Receive(Command::kPing);
  bool ended = false;
  batch_.Answer(Command::kAck, "", End([&] {
                  EXPECT_FALSE(HasPending());
                  ended = true;
                }));
  BlockedCall<bool> send([&] {
    batch_.Send();
    return true;
  });
  EXPECT_FALSE(send.HasReturned());
  client_->Read(kMuch);
  EXPECT_TRUE(send.Get());
  EXPECT_TRUE(ended);
}

TEST_F(AnswerBatchTest, KeepsTheEndOfAReplyThatTheClientLeavesUnread) {
  SendMuch();
  Receive(Command::kPing);
  bool ended = false;
  batch_.Answer(Command::kAck, "", End([&] { ended = true; }));
  BlockedCall<bool> send([&] {
    batch_.Send();
    return true;
  });
  EXPECT_FALSE(send.HasReturned());
  client_->Close();
  EXPECT_TRUE(send.Get());
  EXPECT_FALSE(ended);
  EXPECT_THAT(batch_.TakeEnds(), SizeIs(1));
  EXPECT_TRUE(ended);
}

TEST_F(AnswerBatchTest, SaysWhenSoMuchIsGatheredThatItShouldBeSent) {
  std::size_t count = 0;
  for (; !batch_.IsLarge(); ++count) {
    ASSERT_LT(count, 5000u) << "what is gathered is bounded";
    Receive(Command::kPing);
    batch_.Answer(Command::kAck, "");
  }
  EXPECT_THAT(records_.PeekMessages(), IsEmpty()) << "it does not send by itself";
  batch_.Send();
  EXPECT_FALSE(batch_.IsLarge());
  EXPECT_THAT(records_.TakeMessages(), SizeIs(count));
  EXPECT_EQ(Received().size(), count * (12 + 8));
}

}  // namespace
}  // namespace hyperstart::detail
