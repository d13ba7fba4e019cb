// What a client is owed arrives whole and in order, and nobody waits for a client that does not
// read.

#include "mock_hyperstart/detail/net/send_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/connected.hpp"

namespace hyperstart::detail {
namespace {

// ---- ByteQueue

std::string TakeAll(ByteQueue& queue) {
  std::string bytes;
  while (!queue.empty()) {
    const std::string front(queue.Front());
    EXPECT_FALSE(front.empty()) << "or who writes the queue writes nothing for ever";
    bytes += front;
    queue.RemoveFront(front.size());
  }
  return bytes;
}

TEST(ByteQueueTest, IsEmptyAtFirst) {
  ByteQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  queue.Append("");
  EXPECT_TRUE(queue.empty());
}

TEST(ByteQueueTest, JoinsSmallPieces) {
  ByteQueue queue;
  queue.Append("abc");
  queue.Append("");
  queue.Append("def");
  EXPECT_EQ(queue.size(), 6u);
  EXPECT_EQ(queue.Front(), "abcdef");
  queue.RemoveFront(2);
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(queue.Front(), "cdef");
  queue.Append("g");
  EXPECT_EQ(TakeAll(queue), "cdefg");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(ByteQueueTest, IsEmptyOnceCleared) {
  ByteQueue queue;
  queue.Append("abc");
  queue.RemoveFront(1);
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  queue.Append("d");
  EXPECT_EQ(TakeAll(queue), "d");
}

TEST(ByteQueueTest, TakesAnotherBehindItsOwn) {
  for (const std::string& first : {std::string(), std::string("abc"), wire::Pattern(kMebibyte)}) {
    for (const std::string& second :
         {std::string(), std::string("xyz"), wire::Pattern(kMebibyte)}) {
      ByteQueue queue;
      queue.Append("??" + first);
      queue.RemoveFront(2);
      ByteQueue other;
      other.Append("?" + second);
      other.RemoveFront(1);
      queue.Append(std::move(other));
      EXPECT_EQ(queue.size(), first.size() + second.size());
      queue.Append("!");
      EXPECT_TRUE(TakeAll(queue) == first + second + "!");
    }
  }
}

TEST(ByteQueueTest, IsAStringThatGrowsAndShrinks) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    ByteQueue queue;
    std::string model;
    for (int step = 0; step < 200; ++step) {
      if (random() % 2 == 0) {
        const std::size_t size = random() % 8 == 0 ? random() % 300'000 : random() % 1000;
        const std::string bytes = wire::Pattern(size, static_cast<std::uint32_t>(random()));
        queue.Append(bytes);
        model += bytes;
      } else if (!queue.empty()) {
        const std::string_view front = queue.Front();
        ASSERT_TRUE(std::string_view(model).substr(0, front.size()) == front);
        const std::size_t count = random() % (front.size() + 1);
        queue.RemoveFront(count);
        model.erase(0, count);
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.empty(), model.empty());
    }
    EXPECT_TRUE(TakeAll(queue) == model);
  }
}

// ---- QuietThread

TEST(QuietThreadTest, TakesNoSignalsAndLeavesThemToTheCaller) {
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    std::vector<int> signals;
    for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGPIPE, SIGUSR1}) {
      if (sigismember(&mask, signal) == 1) signals.push_back(signal);
    }
    return signals;
  };
  const std::vector<int> before = blocked();
  std::vector<int> inside;
  QuietThread([&] { inside = blocked(); }).join();
  EXPECT_EQ(inside.size(), 6u);
  EXPECT_EQ(blocked(), before);
}

TEST(QuietThreadTest, DiesAloudOfACrash) {
  int blocked = -1;
  QuietThread([&] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = 0;
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
      blocked += sigismember(&mask, signal);
    }
  }).join();
  EXPECT_EQ(blocked, 0);
}

// ---- Outbox

class OutboxTest : public Connected {};

// Sending

TEST_F(OutboxTest, SendsHeadAndBodyAsOne) {
  connection_->Send("head", "body");
  connection_->Send("", "body alone");
  connection_->Send("head alone");
  connection_->Send("", "");
  connection_->Send("", ".");
  EXPECT_EQ(client_->Read(28), "headbodybody alonehead alone");
  EXPECT_EQ(client_->Read(1), ".");
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, SendsWhatWasQueuedElsewhere) {
  ByteQueue queue;
  queue.Append("abc");
  queue.Append("def");
  connection_->SendQueued(std::move(queue));
  connection_->SendQueued(ByteQueue());
  connection_->Send("g");
  EXPECT_EQ(client_->Read(7), "abcdefg");
}

TEST_F(OutboxTest, StillSendsToAClientThatHasEndedItsInput) {
  client_->EndInput();
  EXPECT_EQ(Read(), "");
  connection_->Send("abc");
  EXPECT_EQ(client_->Read(3), "abc");
}

TEST_F(OutboxTest, NeverBlocksASenderThoughTheClientDoesNotRead) {
  constexpr std::uint32_t kPieces = 50;
  const std::string pattern = wire::Pattern(kMebibyte);
  for (std::uint32_t i = 0; i < kPieces; ++i) connection_->Send(wire::U32(i), pattern);
  EXPECT_FALSE(connection_->OwesNothing());

  for (std::uint32_t i = 0; i < kPieces; ++i) {
    ASSERT_EQ(client_->Read(4), wire::U32(i));
    ASSERT_TRUE(client_->Read(kMebibyte) == pattern) << "piece " << i;
  }
  connection_->WaitUntilOwedAtMost(0);
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, KeepsTheOrderOfWhatItOwes) {
  std::string expected;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string head = wire::Pattern(i % 13, i);
    const std::string body = wire::Pattern(i * 97, i);
    if (i % 5 == 0) {
      ByteQueue queue;
      queue.Append(head);
      queue.Append(body);
      connection_->SendQueued(std::move(queue));
    } else {
      connection_->Send(head, body);
    }
    expected += head + body;
  }
  EXPECT_FALSE(connection_->OwesNothing()) << "or this test shows nothing";
  connection_->Send("the end");
  EXPECT_TRUE(client_->Read(expected.size()) == expected);
  EXPECT_EQ(client_->Read(7), "the end");
}

TEST_F(OutboxTest, SendsDirectlyAgainOnceNothingIsOwed) {
  for (int round = 0; round < 3; ++round) {
    const std::string much = SendMuch();
    EXPECT_TRUE(client_->Read(much.size()) == much);
    connection_->WaitUntilOwedAtMost(0);
    connection_->Send("abc");
    EXPECT_TRUE(connection_->OwesNothing());
    EXPECT_EQ(client_->Read(3), "abc");
  }
}

TEST_F(OutboxTest, NeverMixesWhatSeveralThreadsSend) {
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
        connection_->Send(std::string_view(frame).substr(0, 8), std::string_view(frame).substr(8));
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

TEST_F(OutboxTest, NeedsAThreadOnlyForAClientThatDoesNotRead) {
  const std::size_t before = ThreadCount();
  for (int i = 0; i < 100; ++i) {
    connection_->Send("head", "body");
    client_->Read(8);
  }
  EXPECT_LE(ThreadCount(), before);
}

TEST_F(OutboxTest, LeavesMuchToItsThreadThoughTheClientReads) {
  const std::string much(4 * kMuch, 'x');
  std::promise<void> counted;
  std::thread reader([&] {
    EXPECT_TRUE(client_->Read(much.size()) == much);
    counted.get_future().wait();
  });
  const std::size_t before = ThreadCount();
  connection_->Send(much);
  EXPECT_EQ(ThreadCount(), before + 1) << "or who sends holds the lock for as long as one reads";
  counted.set_value();
  reader.join();
}

// Waiting for the client

TEST_F(OutboxTest, DoesNotWaitWhereEnoughHasBeenRead) {
  connection_->WaitUntilOwedAtMost(0);
  SendMuch();
  connection_->WaitUntilOwedAtMost(kMuch);
}

TEST_F(OutboxTest, WaitsUntilTheClientHasReadEnough) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(kMebibyte);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
}

TEST_F(OutboxTest, WaitsUntilTheClientHasReadItsAll) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, EndsAWaitAsTheClientLeaves) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  client_->Close();
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, EndsAWaitAsItHangsUp) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  connection_->HangUp();
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

// Departures

TEST_F(OutboxTest, DropsWhatIsSentToAClientThatIsGone) {
  client_->Close();
  for (int i = 0; i < 3; ++i) connection_->Send("head", "body");
  ByteQueue queue;
  queue.Append("queued");
  connection_->SendQueued(std::move(queue));
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, DropsWhatAClientIsOwedThatIsGone) {
  SendMuch();
  client_->Close();
  WaitUntil("the writer to notice", [&] { return connection_->OwesNothing(); });
  connection_->Send("more");
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(OutboxTest, DropsWhatIsSentToAClientThatReadsNoMore) {
  ::shutdown(client_->fd(), SHUT_RD);
  connection_->Send(wire::Pattern(kMuch));
  EXPECT_TRUE(connection_->OwesNothing());
  client_->Write("abc");
  EXPECT_EQ(Read(), "abc");
}

}  // namespace
}  // namespace hyperstart::detail
