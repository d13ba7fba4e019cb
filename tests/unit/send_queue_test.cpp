// What is sent arrives whole and in order, and no sender waits for a client that does not read.

#include "mock_hyperstart/detail/net/send_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/byte_queue.hpp"
#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/connected.hpp"

namespace hyperstart::detail {
namespace {

class SendQueueTest : public Connected {
 protected:
  using Told = RecordingObserver::Told;
};

// ---- Sending

TEST_F(SendQueueTest, SendsHeadAndBodyAsOne) {
  Send("head", "body");
  Send("", "body alone");
  Send("head alone");
  Send("", "");
  Send("", ".");
  EXPECT_EQ(client_->Read(28), "headbodybody alonehead alone");
  EXPECT_EQ(client_->Read(1), ".");
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, SendsWhatWasQueuedElsewhere) {
  ByteQueue queue;
  queue.Append("abc");
  queue.Append("def");
  connection_->queue().SendQueued(std::move(queue));
  connection_->queue().SendQueued(ByteQueue());
  Send("g");
  EXPECT_EQ(client_->Read(7), "abcdefg");
}

TEST_F(SendQueueTest, StillSendsToAClientThatHasEndedItsInput) {
  client_->EndInput();
  EXPECT_EQ(Read(), "");
  Send("abc");
  EXPECT_EQ(client_->Read(3), "abc");
}

TEST_F(SendQueueTest, NeverBlocksASenderThoughTheClientDoesNotRead) {
  constexpr std::uint32_t kPieces = 50;
  const std::string pattern = wire::Pattern(kMebibyte);
  for (std::uint32_t i = 0; i < kPieces; ++i) Send(wire::U32(i), pattern);
  EXPECT_TRUE(HasPending());

  for (std::uint32_t i = 0; i < kPieces; ++i) {
    ASSERT_EQ(client_->Read(4), wire::U32(i));
    ASSERT_TRUE(client_->Read(kMebibyte) == pattern) << "piece " << i;
  }
  WaitUntilPendingAtMost(0);
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, KeepsTheOrderOfWhatIsPending) {
  std::string expected;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string head = wire::Pattern(i % 13, i);
    const std::string body = wire::Pattern(i * 97, i);
    if (i % 5 == 0) {
      ByteQueue queue;
      queue.Append(head);
      queue.Append(body);
      connection_->queue().SendQueued(std::move(queue));
    } else {
      Send(head, body);
    }
    expected += head + body;
  }
  EXPECT_TRUE(HasPending()) << "or the test proves nothing";
  Send("the end");
  EXPECT_TRUE(client_->Read(expected.size()) == expected);
  EXPECT_EQ(client_->Read(7), "the end");
}

TEST_F(SendQueueTest, SendsDirectlyAgainOnceNothingIsPending) {
  for (int round = 0; round < 3; ++round) {
    const std::string much = SendMuch();
    EXPECT_TRUE(client_->Read(much.size()) == much);
    WaitUntilPendingAtMost(0);
    Send("abc");
    EXPECT_FALSE(HasPending());
    EXPECT_EQ(client_->Read(3), "abc");
  }
}

TEST_F(SendQueueTest, NeverMixesWhatSeveralThreadsSend) {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kEach = 100;
  const auto payload = [](std::uint32_t thread, std::uint32_t number) {
    return wire::U32(number) +
           std::string(number % 7 == 0 ? 20'000 : number % 300, static_cast<char>('a' + thread));
  };
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint32_t number = 0; number < kEach; ++number) {
        const std::string frame = wire::Ctl(thread, payload(thread, number));
        Send(std::string_view(frame).substr(0, 8), std::string_view(frame).substr(8));
      }
    });
  }
  std::array<std::uint32_t, kThreads> next{};
  for (std::uint32_t i = 0; i < kThreads * kEach; ++i) {
    const wire::Frame frame = client_->ReadFrame().value();
    ASSERT_LT(frame.key, kThreads);
    const auto thread = static_cast<std::uint32_t>(frame.key);
    ASSERT_TRUE(frame.payload == payload(thread, next[thread]++)) << "in order for each thread";
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(next, testing::Each(kEach));
}

std::size_t ThreadCount() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(threads), end(threads)));
}

TEST_F(SendQueueTest, NeedsAThreadOnlyForAClientThatDoesNotRead) {
  const std::size_t before = ThreadCount();
  for (int i = 0; i < 100; ++i) {
    Send("head", "body");
    client_->Read(8);
  }
  EXPECT_LE(ThreadCount(), before);
}

TEST_F(SendQueueTest, LeavesALargeSendToItsThreadThoughTheClientReads) {
  const std::string much(4 * kMuch, 'x');
  std::promise<void> counted;
  std::thread reader([&] {
    EXPECT_TRUE(client_->Read(much.size()) == much);
    counted.get_future().wait();
  });
  const std::size_t before = ThreadCount();
  Send(much);
  EXPECT_EQ(ThreadCount(), before + 1)
      << "a sender would hold the lock for as long as the client reads";
  counted.set_value();
  reader.join();
}

// ---- Waiting for the client

TEST_F(SendQueueTest, DoesNotWaitIfFewEnoughBytesArePending) {
  WaitUntilPendingAtMost(0);
  SendMuch();
  WaitUntilPendingAtMost(kMuch);
}

TEST_F(SendQueueTest, WaitsUntilTheClientHasReadEnough) {
  SendMuch();
  const auto wait = BlockedUntilPendingAtMost(kMebibyte);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
}

TEST_F(SendQueueTest, WaitsUntilTheClientHasReadEverything) {
  SendMuch();
  const auto wait = BlockedUntilPendingAtMost(0);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, EndsAWaitWhenTheClientLeaves) {
  SendMuch();
  const auto wait = BlockedUntilPendingAtMost(0);
  client_->Close();
  EXPECT_TRUE(wait->Get());
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, EndsAWaitWhenItDisconnects) {
  SendMuch();
  const auto wait = BlockedUntilPendingAtMost(0);
  connection_->Disconnect();
  EXPECT_TRUE(wait->Get());
  EXPECT_FALSE(HasPending());
}

// ---- Departures

TEST_F(SendQueueTest, DropsWhatIsSentToAClientThatHasLeft) {
  client_->Close();
  for (int i = 0; i < 3; ++i) Send("head", "body");
  ByteQueue queue;
  queue.Append("queued");
  connection_->queue().SendQueued(std::move(queue));
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, DropsWhatIsPendingForAClientThatHasLeft) {
  SendMuch();
  client_->Close();
  WaitUntil("the writer to notice", [&] { return !HasPending(); });
  Send("more");
  EXPECT_FALSE(HasPending());
}

TEST_F(SendQueueTest, DropsWhatIsSentToAClientThatNoLongerReads) {
  ::shutdown(client_->fd(), SHUT_RD);
  Send(wire::Pattern(kMuch));
  EXPECT_FALSE(HasPending());
  client_->Write("abc");
  EXPECT_EQ(Read(), "abc");
}

TEST_F(SendQueueTest, RecordsWhatItAcceptsBeforeTheClientCanReadIt) {
  std::size_t unread = 1;
  connection_->queue().Send("abc", {}, [&] { unread = client_->Unread(); });
  EXPECT_EQ(unread, 0u);
  EXPECT_EQ(client_->Read(3), "abc");
}

TEST_F(SendQueueTest, TellsTheObserverWhatItDrops) {
  SendMuch();
  connection_->Disconnect();
  const std::vector<RecordingObserver::Told> told = observer_.Take();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].event, ChannelEvent::kUnreadDropped);
  EXPECT_EQ(told[0].bytes, kMuch - client_->Unread());
}

TEST_F(SendQueueTest, TellsTheObserverWhatIsLostWhenAClientHasLeft) {
  client_->Close();
  EXPECT_TRUE(Send("head", "body")) << "the departure is noticed by this send";
  EXPECT_FALSE(Send("more"));
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kLost, 8},
                                                     Told{ChannelEvent::kNotSentClientGone, 4}));
}

// ---- Keeping what a client did not read

TEST_F(SendQueueTest, KeepsWhatAClientThatHasLeftDidNotRead) {
  Connect({0, true});
  std::string all = SendMuch();
  const std::size_t taken = client_->Unread();
  client_->Close();
  WaitUntil("the departure to be noticed", [&] { return !HasPending(); });
  EXPECT_TRUE(Send("more"));
  all += "more";
  ByteQueue rest = connection_->queue().TakePending();
  std::string kept;
  for (; !rest.empty(); rest.RemoveFront(rest.Front().size())) kept += rest.Front();
  EXPECT_TRUE(kept == all.substr(taken));
  EXPECT_THAT(observer_.Take(), testing::IsEmpty());
}

TEST_F(SendQueueTest, KeepsNothingThatItDisconnected) {
  Connect({0, true});
  SendMuch();
  connection_->Disconnect();
  EXPECT_TRUE(connection_->queue().TakePending().empty());
}

// ---- Half a close

TEST_F(SendQueueTest, ShutsDownSendingAfterWhatIsPending) {
  const std::string much = SendMuch();
  connection_->queue().ShutDownSending();
  EXPECT_FALSE(Send("more"));
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kNotSentShutDown, 4}));
  EXPECT_TRUE(client_->ReadToEnd() == much);
  client_->Write("abc");
  EXPECT_EQ(Read(), "abc");
}

// ---- Pieces

TEST_F(SendQueueTest, SendsPiecesWithPausesBetweenThem) {
  std::vector<std::size_t> unread;
  connection_->queue().SendInPieces(
      "abcdefgh", 3, [&] { unread.push_back(client_->Unread()); },
      [&] {
        unread.push_back(client_->Unread());
        return true;
      });
  EXPECT_THAT(unread, testing::ElementsAre(0u, 3u, 6u));
  EXPECT_EQ(client_->Read(8), "abcdefgh");
}

TEST_F(SendQueueTest, DefersWhatOthersSendUntilTheLastPiece) {
  connection_->queue().SendInPieces(
      "abcdef", 3, [] {}, [&] { return Send("[other]"); });
  EXPECT_EQ(client_->Read(13), "abcdef[other]");
}

TEST_F(SendQueueTest, EndsThePiecesWhenAPauseSaysThatTheClientHasLeft) {
  connection_->queue().SendInPieces(
      "abcdef", 3, [] {}, [] { return false; });
  Send("next");
  EXPECT_EQ(client_->Read(7), "abcnext");
}

TEST_F(SendQueueTest, TellsHowManyBytesOfThePiecesAClientThatLeftDidNotGet) {
  connection_->queue().SendInPieces(
      "abcdefgh", 3, [] {},
      [&] {
        client_->Close();
        return false;
      });
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kUnreadDropped, 5}));
}

TEST_F(SendQueueTest, TellsOnceHowMuchWasDroppedWhenAPieceFindsThatTheClientHasLeft) {
  connection_->queue().SendInPieces(
      "abcdefgh", 3, [] {},
      [&] {
        Send("other");
        client_->Close();
        return true;
      });
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kUnreadDropped, 10}));
}

TEST_F(SendQueueTest, KeepsThePiecesThatAClientDidNotGetBeforeWhatOthersSent) {
  Connect({0, true});
  for (const bool told : {true, false}) {
    if (!told) Connect({0, true});
    connection_->queue().SendInPieces(
        "abcdef", 3, [] {},
        [&] {
          client_->Close();
          Send("[other]");
          return told;  // else the send of the next piece finds it out
        });
    EXPECT_EQ(connection_->queue().TakePending().Front(), "def[other]");
  }
}

TEST_F(SendQueueTest, WhatOthersSendFollowsTheEndOfParts) {
  SendQueue& queue = connection_->queue();
  EXPECT_TRUE(queue.SendPart("ab"));
  EXPECT_TRUE(Send("[other]"));
  EXPECT_EQ(client_->Read(2), "ab");
  EXPECT_TRUE(queue.SendPart("c"));
  EXPECT_EQ(queue.PendingBytes(), 7u);
  bool recorded = false;
  queue.SendEnd("d", "e", [&] { recorded = true; });
  EXPECT_TRUE(recorded);
  EXPECT_TRUE(Send("[next]"));
  EXPECT_EQ(client_->Read(16), "cde[other][next]");
}

TEST_F(SendQueueTest, PartsAndPiecesExcludeEachOther) {
  SendQueue& queue = connection_->queue();
  queue.SendInPieces(
      "abcd", 2, [] {},
      [&] {
        EXPECT_FALSE(queue.SendPart("no"));
        return true;
      });
  EXPECT_TRUE(queue.SendPart("12"));
  BlockedCall<bool> pieces([&] {
    queue.SendInPieces(
        "efgh", 2, [] {}, [] { return true; });
    return true;
  });
  EXPECT_FALSE(pieces.HasReturned());
  queue.SendEnd("3", {}, [] {});
  EXPECT_EQ(client_->Read(11), "abcd123efgh");
}

TEST_F(SendQueueTest, WhatFollowsPartsIsDroppedWhenItIsClosed) {
  connection_->queue().SendPart("ab");
  Send("[other]");
  connection_->queue().Close();
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kUnreadDropped, 7}));
  connection_->queue().SendEnd("c", {}, [] { ADD_FAILURE() << "it is not accepted"; });
  EXPECT_EQ(connection_->queue().PendingBytes(), 0u);
}

TEST_F(SendQueueTest, ShutsDownSendingAfterTheEndOfAPart) {
  connection_->queue().SendPart("ab");
  Send("[other]");
  connection_->queue().ShutDownSending();
  connection_->queue().SendPart("c");
  connection_->queue().SendEnd("d", {}, [] {});
  EXPECT_EQ(client_->ReadToEnd(), "abcd[other]");
}

TEST_F(SendQueueTest, PiecesDoNotWaitForTheEndOfAPartOnceTheClientHasLeft) {
  connection_->queue().SendPart("ab");
  client_->Close();
  connection_->queue().SendInPieces(
      "pieces", 3, [] {}, [] { return false; });
  EXPECT_EQ(observer_.Take().back().event, ChannelEvent::kUnreadDropped);
}

TEST_F(SendQueueTest, WritesNoMoreThanTheWriteSizeAtOnce) {
  Connect({2, false});
  Send("abc", "def");
  EXPECT_EQ(client_->Read(6), "abcdef");
  connection_->queue().SetWriteSize(0);
  Send("abc", "def");
  EXPECT_EQ(client_->Read(6), "abcdef");
}

}  // namespace
}  // namespace hyperstart::detail
