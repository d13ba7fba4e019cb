// One client over a real socket: what it writes is read to its end, a pause holds it up, and a
// disconnect or a reset ends every wait.

#include "mock_hyperstart/detail/net/connection.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/deadline.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/connected.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public Connected {};

// ---- Reading

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

TEST_F(ConnectionTest, ReadsToTheEndOfAClientThatHasLeft) {
  client_->Write("abc");
  client_->Close();
  EXPECT_EQ(ReadToEnd(), "abc");
  EXPECT_EQ(Read(), "");
  EXPECT_FALSE(connection_->IsClosing());
}

TEST_F(ConnectionTest, ReadsToTheEndOfAClientThatLeavesWithUnreadBytes) {
  Send("never read: the client resets the connection");
  client_->Write("abc");
  client_->Close();
  // Linux may drop what came before a reset; what matters is that it ends.
  ReadToEnd();
  EXPECT_EQ(Read(), "");
}

TEST_F(ConnectionTest, EndsAReadWhenTheClientLeaves) {
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  client_->Close();
  EXPECT_EQ(read.Get(), "");
}

// ---- Disconnecting

TEST_F(ConnectionTest, GivesTheClientWhatWasSentAndThenAnEnd) {
  Send("abc");
  connection_->Disconnect();
  EXPECT_TRUE(connection_->IsClosing());
  EXPECT_EQ(client_->ReadToEnd(), "abc");
}

TEST_F(ConnectionTest, GivesTheClientAnEndAndNoResetThoughItsInputIsUnread) {
  client_->Write("unread");
  connection_->Disconnect();
  EXPECT_EQ(client_->ReadError(), 0);
  connection_.reset();
  EXPECT_EQ(client_->ReadError(), 0);
  EXPECT_EQ(client_->ReadToEnd(), "");
}

TEST_F(ConnectionTest, GivesTheClientAnEndAndNoResetThoughItWasNeverDisconnected) {
  client_->Write("unread");
  Send("abc");
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
      } catch (const std::runtime_error&) {  // a broken pipe ends the loop
      }
    });
    Read();
    connection_.reset();
    writer.join();
    ASSERT_EQ(client_->ReadError(), 0);
    ASSERT_EQ(client_->ReadToEnd(), "");
  }
}

TEST_F(ConnectionTest, ReadsNothingMoreOnceDisconnected) {
  client_->Write("unread");
  connection_->Disconnect();
  EXPECT_EQ(Read(), "");
}

TEST_F(ConnectionTest, EndsAReadWhenDisconnected) {
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  connection_->Disconnect();
  EXPECT_EQ(read.Get(), "");
}

TEST_F(ConnectionTest, DropsWhatIsPendingWhenDisconnected) {
  const std::string much = SendMuch();
  connection_->Disconnect();
  EXPECT_FALSE(HasPending());
  Send("more");
  EXPECT_FALSE(HasPending());
  const std::string got = client_->ReadToEnd();
  EXPECT_LT(got.size(), much.size());
  EXPECT_TRUE(std::string_view(much).substr(0, got.size()) == got);
}

TEST_F(ConnectionTest, DisconnectsTwiceAsOnce) {
  connection_->Disconnect();
  connection_->Disconnect();
  connection_.reset();
  EXPECT_EQ(client_->ReadToEnd(), "");
}

TEST_F(ConnectionTest, EndsThoughTheClientNeverReads) {
  SendMuch();
  connection_.reset();
  EXPECT_LT(client_->ReadToEnd().size(), kMuch);
}

TEST_F(ConnectionTest, DisconnectsWhileOthersSend) {
  const std::string bytes = wire::Pattern(10'000);
  for (int round = 0; round < 20; ++round) {
    Connect();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 50; ++j) Send("head", bytes);
      });
    }
    connection_->Disconnect();
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(HasPending());
    client_->ReadToEnd();
  }
}

// ---- Pausing

TEST_F(ConnectionTest, ReadsNothingInAPause) {
  client_->Write("abc");
  pause_.Set(true);
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  pause_.Set(false);
  EXPECT_EQ(read.Get(), "abc");
}

TEST_F(ConnectionTest, TellsOnceThatTheClientHasLeftInAPause) {
  client_->Write("abc");
  client_->Close();
  pause_.Set(true);
  std::string buffer(10, '\0');
  const Connection::ReadResult left = connection_->Read(buffer.data(), buffer.size());
  EXPECT_EQ(left.status, ReadStatus::kLeftInPause);
  EXPECT_EQ(left.bytes, 0u);
  BlockedCall<Connection::ReadResult> read(
      [&] { return connection_->Read(buffer.data(), buffer.size()); });
  EXPECT_FALSE(read.HasReturned());
  pause_.Set(false);
  const Connection::ReadResult result = read.Get();
  EXPECT_EQ(result.status, ReadStatus::kBytes);
  EXPECT_EQ(buffer.substr(0, result.bytes), "abc");
  EXPECT_EQ(Read(), "");
}

TEST_F(ConnectionTest, HoldsTheEndOfAClientThatLeftInAPauseHavingSentNothing) {
  pause_.Set(true);
  client_->Close();
  std::string buffer(10, '\0');
  EXPECT_EQ(connection_->Read(buffer.data(), buffer.size()).status, ReadStatus::kLeftInPause);
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  pause_.Set(false);
  EXPECT_EQ(read.Get(), "");
}

TEST_F(ConnectionTest, DrainsAClientThatHasLeftThoughReadingIsPaused) {
  client_->Write("abc");
  client_->Close();
  pause_.Set(true);
  connection_->Drain();
  EXPECT_EQ(ReadToEnd(), "abc");
}

TEST_F(ConnectionTest, EndsAPausedReadWhenDisconnected) {
  client_->Write("abc");
  pause_.Set(true);
  BlockedCall<std::string> read([&] { return Read(); });
  EXPECT_FALSE(read.HasReturned());
  connection_->Disconnect();
  EXPECT_EQ(read.Get(), "");
}

// ---- Resetting

TEST_F(ConnectionTest, GivesTheClientAResetWithUnreadInput) {
  client_->Write("unread");
  connection_->Reset();
  EXPECT_TRUE(connection_->IsClosing());
  EXPECT_EQ(Read(), "");
  connection_.reset();
  EXPECT_EQ(client_->ReadError(), ECONNRESET);
}

TEST_F(ConnectionTest, WaitsForTheByteThatMakesTheCloseAReset) {
  BlockedCall<std::string> read([&] { return Read(); });
  connection_->Reset();
  EXPECT_FALSE(read.HasReturned());
  client_->Write("x");
  EXPECT_EQ(read.Get(), "");
  connection_.reset();
  EXPECT_EQ(client_->ReadError(), ECONNRESET);
}

TEST_F(ConnectionTest, ReadsNothingMoreOnceAResetHasReturned) {
  for (int round = 0; round < 30; ++round) {
    Connect();
    BlockedCall<std::string> read([&] { return Read(); });
    connection_->Reset();
    client_->Write("x");
    ASSERT_EQ(read.Get(), "");
    connection_.reset();
    ASSERT_EQ(client_->ReadError(), ECONNRESET);
  }
}

TEST_F(ConnectionTest, IsNotResetOnceDisconnected) {
  connection_->Disconnect();
  connection_->Reset();
  connection_.reset();
  EXPECT_EQ(client_->ReadError(), 0);
}

// ---- Waiting

TEST_F(ConnectionTest, SleepsToTheEndOfTheTime) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(connection_->Sleep(15ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 15ms);
  EXPECT_TRUE(connection_->Sleep(0ms));
  EXPECT_TRUE(connection_->Sleep(-1ms));
}

TEST_F(ConnectionTest, EndsASleepWhenTheClientLeavesOrIsDisconnected) {
  {
    BlockedCall<bool> call([&] { return connection_->Sleep(std::chrono::milliseconds::max()); });
    EXPECT_FALSE(call.HasReturned());
    client_->Close();
    EXPECT_FALSE(call.Get());
  }
  Connect();
  BlockedCall<bool> call([&] { return connection_->Sleep(std::chrono::milliseconds::max()); });
  EXPECT_FALSE(call.HasReturned());
  connection_->Disconnect();
  EXPECT_FALSE(call.Get());
}

TEST_F(ConnectionTest, WaitsForInputOrTheEndOfTheTime) {
  EXPECT_FALSE(connection_->WaitForInput(1ms));
  client_->Write("x");
  EXPECT_TRUE(connection_->WaitForInput(kDeadline));
  EXPECT_EQ(Read(), "x");
  client_->Close();
  EXPECT_TRUE(connection_->WaitForInput(kDeadline));
}

}  // namespace
}  // namespace hyperstart::detail
