// One client over a real socket: what it is owed arrives whole and in order, and nobody waits for a
// client that does not read.

#include "mock_hyperstart/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/socket_files.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

constexpr std::size_t kMebibyte = 1024 * 1024;
/// More than a socket takes at once.
constexpr std::size_t kMuch = 5 * kMebibyte;

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

// ---- Connection

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    broken_pipes = 0;
    struct sigaction count {};
    count.sa_handler = [](int) { ++broken_pipes; };
    ::sigaction(SIGPIPE, &count, &before_);
    Connect();
  }
  ~ConnectionTest() override {
    connection_.reset();
    ::sigaction(SIGPIPE, &before_, nullptr);
    EXPECT_EQ(broken_pipes, 0) << "a SIGPIPE ends the program under test";
  }

  /// A new client, and our end of it.
  void Connect() {
    connection_.reset();
    client_ = std::make_unique<RawClient>(RawClient::Ctl(path_));
    Connection::Socket socket(io_);
    socket.assign(asio::local::stream_protocol(),
                  ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    connection_ = std::make_unique<Connection>(
        Channel::kCtl, std::move(socket), transcript_, pause_, [] {}, std::size_t{0});
  }

  /// What one read of the connection gives.
  std::string Read(std::size_t size = 4096) {
    std::string buffer(size, '\0');
    buffer.resize(connection_->Read(buffer.data(), size));
    return buffer;
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string some = Read(); !some.empty(); some = Read()) all += some;
    return all;
  }
  /// Bytes that the client is owed, since it does not read.
  std::string SendMuch() {
    std::string bytes = wire::Pattern(kMuch);
    connection_->Send(bytes);
    EXPECT_FALSE(connection_->OwesNothing());
    return bytes;
  }
  /// A wait, seen to block.
  std::unique_ptr<BlockedCall<bool>> BlockedUntilOwedAtMost(std::size_t bytes) {
    auto wait = std::make_unique<BlockedCall<bool>>([this, bytes] {
      connection_->WaitUntilOwedAtMost(bytes);
      return true;
    });
    EXPECT_FALSE(wait->HasReturned());
    return wait;
  }

  static inline std::atomic<int> broken_pipes{0};
  struct sigaction before_ {};

  asio::io_context io_;
  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "socket";
  const Descriptor listener_ = ListenAt(path_);
  std::unique_ptr<RawClient> client_;
  Transcript transcript_{Dialect::kHyperstart};
  Pause pause_;
  std::unique_ptr<Connection> connection_;
};

// Reading

TEST_F(ConnectionTest, ReadsWhatTheClientWrites) {
  client_->Write("abcdef");
  EXPECT_EQ(Read(4), "abcd");
  EXPECT_EQ(Read(4), "ef");
}

TEST_F(ConnectionTest, WaitsForTheClientsBytes) {
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  client_->Write("abc");
  EXPECT_EQ(read.Get(), "abc");
}

TEST_F(ConnectionTest, ReadsToTheEndOfAClientThatIsGone) {
  client_->Write("abc");
  client_->Close();
  EXPECT_EQ(ReadToEnd(), "abc");
  EXPECT_EQ(Read(), "");
  EXPECT_FALSE(connection_->IsOver());
}

TEST_F(ConnectionTest, ReadsToTheEndOfAClientThatLeavesWithUnreadBytes) {
  connection_->Send("never read: the client resets the connection");
  client_->Write("abc");
  client_->Close();
  // Linux may drop what came before a reset; all that matters is that it ends.
  ReadToEnd();
  EXPECT_EQ(Read(), "");
}

TEST_F(ConnectionTest, EndsAReadAsTheClientLeaves) {
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  client_->Close();
  EXPECT_EQ(read.Get(), "");
}

// Sending

TEST_F(ConnectionTest, SendsHeadAndBodyAsOne) {
  connection_->Send("head", "body");
  connection_->Send("", "body alone");
  connection_->Send("head alone");
  connection_->Send("", "");
  connection_->Send("", ".");
  EXPECT_EQ(client_->Read(28), "headbodybody alonehead alone");
  EXPECT_EQ(client_->Read(1), ".");
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(ConnectionTest, SendsWhatWasQueuedElsewhere) {
  ByteQueue queue;
  queue.Append("abc");
  queue.Append("def");
  connection_->SendQueued(std::move(queue));
  connection_->SendQueued(ByteQueue());
  connection_->Send("g");
  EXPECT_EQ(client_->Read(7), "abcdefg");
}

TEST_F(ConnectionTest, StillSendsToAClientThatHasEndedItsInput) {
  client_->EndInput();
  EXPECT_EQ(Read(), "");
  connection_->Send("abc");
  EXPECT_EQ(client_->Read(3), "abc");
}

TEST_F(ConnectionTest, NeverBlocksASenderThoughTheClientDoesNotRead) {
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

TEST_F(ConnectionTest, KeepsTheOrderOfWhatItOwes) {
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

TEST_F(ConnectionTest, SendsDirectlyAgainOnceNothingIsOwed) {
  for (int round = 0; round < 3; ++round) {
    const std::string much = SendMuch();
    EXPECT_TRUE(client_->Read(much.size()) == much);
    connection_->WaitUntilOwedAtMost(0);
    connection_->Send("abc");
    EXPECT_TRUE(connection_->OwesNothing());
    EXPECT_EQ(client_->Read(3), "abc");
  }
}

TEST_F(ConnectionTest, NeverMixesWhatSeveralThreadsSend) {
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

TEST_F(ConnectionTest, NeedsAThreadOnlyForAClientThatDoesNotRead) {
  const std::size_t before = ThreadCount();
  for (int i = 0; i < 100; ++i) {
    connection_->Send("head", "body");
    client_->Read(8);
  }
  EXPECT_LE(ThreadCount(), before);
}

// Waiting for the client

TEST_F(ConnectionTest, DoesNotWaitWhereEnoughHasBeenRead) {
  connection_->WaitUntilOwedAtMost(0);
  SendMuch();
  connection_->WaitUntilOwedAtMost(kMuch);
}

TEST_F(ConnectionTest, WaitsUntilTheClientHasReadEnough) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(kMebibyte);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
}

TEST_F(ConnectionTest, WaitsUntilTheClientHasReadItsAll) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  client_->Read(kMuch);
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(ConnectionTest, EndsAWaitAsTheClientLeaves) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  client_->Close();
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(ConnectionTest, EndsAWaitAsItHangsUp) {
  SendMuch();
  const auto wait = BlockedUntilOwedAtMost(0);
  connection_->HangUp();
  EXPECT_TRUE(wait->Get());
  EXPECT_TRUE(connection_->OwesNothing());
}

// Departures

TEST_F(ConnectionTest, DropsWhatIsSentToAClientThatIsGone) {
  client_->Close();
  for (int i = 0; i < 3; ++i) connection_->Send("head", "body");
  ByteQueue queue;
  queue.Append("queued");
  connection_->SendQueued(std::move(queue));
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(ConnectionTest, DropsWhatAClientIsOwedThatIsGone) {
  SendMuch();
  client_->Close();
  WaitUntil("the writer to notice", [&] { return connection_->OwesNothing(); });
  connection_->Send("more");
  EXPECT_TRUE(connection_->OwesNothing());
}

TEST_F(ConnectionTest, DropsWhatIsSentToAClientThatReadsNoMore) {
  ::shutdown(client_->fd(), SHUT_RD);
  connection_->Send(wire::Pattern(kMuch));
  EXPECT_TRUE(connection_->OwesNothing());
  client_->Write("abc");
  EXPECT_EQ(Read(), "abc");
}

// Hanging up

TEST_F(ConnectionTest, GivesTheClientWhatWasSentAndThenAnEnd) {
  connection_->Send("abc");
  connection_->HangUp();
  EXPECT_TRUE(connection_->IsOver());
  EXPECT_EQ(client_->ReadToEnd(), "abc");
}

TEST_F(ConnectionTest, GivesTheClientAnEndAndNoResetThoughItsInputIsUnread) {
  client_->Write("unread");
  connection_->HangUp();
  EXPECT_EQ(client_->ReadError(), 0);
  connection_.reset();
  EXPECT_EQ(client_->ReadError(), 0);
  EXPECT_EQ(client_->ReadToEnd(), "");
}

TEST_F(ConnectionTest, GivesTheClientAnEndAndNoResetThoughItNeverHungUp) {
  client_->Write("unread");
  connection_->Send("abc");
  connection_.reset();
  EXPECT_EQ(client_->ReadToEnd(), "abc");
}

TEST_F(ConnectionTest, GivesAClientThatIsWritingAnEndAndNoReset) {
  const std::string bytes(kMebibyte, 'x');
  for (int round = 0; round < 30; ++round) {
    Connect();
    std::thread writer([&] {
      try {
        for (;;) client_->Write(bytes);
      } catch (const std::runtime_error&) {  // a broken pipe, at last
      }
    });
    Read();
    connection_.reset();
    writer.join();
    ASSERT_EQ(client_->ReadError(), 0);
    ASSERT_EQ(client_->ReadToEnd(), "");
  }
}

TEST_F(ConnectionTest, ReadsNothingMoreOnceItHungUp) {
  client_->Write("unread");
  connection_->HangUp();
  EXPECT_EQ(Read(), "");
}

TEST_F(ConnectionTest, EndsAReadAsItHangsUp) {
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  connection_->HangUp();
  EXPECT_EQ(read.Get(), "");
}

TEST_F(ConnectionTest, DropsWhatTheClientIsOwedAsItHangsUp) {
  const std::string much = SendMuch();
  connection_->HangUp();
  EXPECT_TRUE(connection_->OwesNothing());
  connection_->Send("more");
  EXPECT_TRUE(connection_->OwesNothing());
  const std::string got = client_->ReadToEnd();
  EXPECT_LT(got.size(), much.size());
  EXPECT_TRUE(std::string_view(much).substr(0, got.size()) == got);
}

TEST_F(ConnectionTest, HangsUpTwiceAsOnce) {
  connection_->HangUp();
  connection_->HangUp();
  connection_->Close();
  connection_->Close();
  EXPECT_EQ(client_->ReadToEnd(), "");
}

TEST_F(ConnectionTest, EndsThoughTheClientNeverReads) {
  SendMuch();
  connection_.reset();
  EXPECT_LT(client_->ReadToEnd().size(), kMuch);
}

TEST_F(ConnectionTest, HangsUpWhileOthersSend) {
  const std::string bytes = wire::Pattern(10'000);
  for (int round = 0; round < 20; ++round) {
    Connect();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 50; ++j) connection_->Send("head", bytes);
      });
    }
    connection_->HangUp();
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(connection_->OwesNothing());
    client_->ReadToEnd();
  }
}

}  // namespace
}  // namespace hyperstart::detail
