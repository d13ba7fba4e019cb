// One client over a real socket: what it says is read to its end, and whoever hangs up on it ends
// every wait.

#include "mock_hyperstart/detail/net/connection.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/connected.hpp"

namespace hyperstart::detail {
namespace {

class ConnectionTest : public Connected {};

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
  connection_.reset();
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
