// A listening socket and its thread: one client after another, and an end at every stage.

#include "mock_hyperstart/detail/net/channel_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/records.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

/// More than a socket takes at once.
constexpr std::size_t kMuch = 5 * 1024 * 1024;
constexpr std::chrono::milliseconds kLong{60'000};

/// Says everything again, until the client's input ends.
void Echo(Connection& client) {
  std::array<char, 4096> buffer;
  while (const std::size_t count = client.Read(buffer.data(), buffer.size())) {
    client.Send(std::string_view(buffer.data(), count));
  }
}

class ChannelTest : public testing::Test {
 protected:
  using Serve = std::function<void(Connection&)>;

  ~ChannelTest() override { Stop(); }

  void Make(Serve serve, std::string greeting = {}) {
    server_.emplace(Channel::kCtl, mailbox_, transcript_, std::move(serve), std::move(greeting));
  }
  void Listen() {
    if (!server_) Make(Echo);
    server_->Listen(io_, path_);
    mailbox_.Open(Clock::now());
  }
  void Run() { server_->Run(); }
  void Start() {
    Listen();
    Run();
  }
  void Start(Serve serve, std::string greeting = {}) {
    Make(std::move(serve), std::move(greeting));
    Start();
  }
  /// As the mock stops; gives up where that hangs.
  void Stop() {
    if (!server_) return;
    BlockedCall<bool> stop([&] {
      server_->Interrupt();
      mailbox_.Close();
      server_->Finish();
      return true;
    });
    stop.Get();
  }
  RawClient Connect() { return RawClient::Ctl(path_); }
  /// A client that is being served, with no wait for its departure open.
  RawClient ConnectAndWait() {
    RawClient client = Connect();
    EXPECT_TRUE(mailbox_.WaitForConnection(Channel::kCtl, kLong));
    return client;
  }
  testing::AssertionResult WaitForDeparture() {
    return mailbox_.WaitForDisconnect(Channel::kCtl, kLong);
  }
  void Send(std::string_view bytes) { server_->Send(bytes, {}); }
  bool SocketExists() const {
    struct stat status {};
    return ::lstat(path_.c_str(), &status) == 0;
  }

  static std::string Say(RawClient& client, const std::string& text) {
    client.Write(text);
    return client.Read(text.size());
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "ctl.sock";
  Mailbox mailbox_{Dialect::kHyperstart};
  Transcript transcript_{Dialect::kHyperstart};
  IoContext io_;
  std::optional<ChannelServer> server_;
};

// ---- Clients

TEST_F(ChannelTest, ServesAClient) {
  Start();
  RawClient client = Connect();
  EXPECT_EQ(Say(client, "hello"), "hello");
}

TEST_F(ChannelTest, ServesOneClientAfterAnother) {
  Start();
  for (const char* const text : {"first", "second", "third"}) {
    RawClient client = Connect();
    EXPECT_EQ(Say(client, text), text);
    client.Close();
    EXPECT_TRUE(WaitForDeparture());
  }
}

TEST_F(ChannelTest, LetsTheSecondClientWaitForTheFirstToLeave) {
  Start();
  RawClient first = ConnectAndWait();
  RawClient second = Connect();
  second.Write("second");
  EXPECT_EQ(Say(first, "first"), "first");
  EXPECT_EQ(second.Unread(), 0u);
  first.Close();
  EXPECT_EQ(second.Read(6), "second");
}

TEST_F(ChannelTest, ServesAClientThatConnectedBeforeItRan) {
  Listen();
  RawClient client = Connect();
  client.Write("early");
  Run();
  EXPECT_EQ(client.Read(5), "early");
}

TEST_F(ChannelTest, TellsTheMailboxWhoIsThere) {
  Start();
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
  RawClient client = ConnectAndWait();
  EXPECT_TRUE(mailbox_.IsConnected(Channel::kCtl));
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kIo));
  client.Close();
  EXPECT_TRUE(WaitForDeparture());
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
}

TEST_F(ChannelTest, TellsTheMailboxOfEveryDeparture) {
  Start();
  for (int i = 0; i < 5; ++i) Connect().Close();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelTest, GivesAClientThatServeIsDoneWithAnEnd) {
  std::promise<void> written;
  Start([&](Connection&) { written.get_future().wait(); });
  RawClient client = Connect();
  client.Write("unread");
  written.set_value();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelTest, KnowsItsOwnThread) {
  ChannelServer other(Channel::kIo, mailbox_, transcript_, Echo);
  std::atomic<bool> inside{false};
  std::atomic<bool> inside_other{true};
  Start([&](Connection&) {
    inside = server_->IsThisThread();
    inside_other = other.IsThisThread();
  });
  Connect().ReadToEnd();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(inside_other);
  EXPECT_FALSE(server_->IsThisThread());
}

TEST_F(ChannelTest, LeavesNoDescriptorToAProgramThatTheTestStarts) {
  Start();
  const RawClient client = ConnectAndWait();
  for (const int fd : OpenDescriptors()) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), gone);
    if (target.string().rfind("socket:", 0) != 0) continue;
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC) << fd << " is " << target;
  }
}

// ---- Sending

TEST_F(ChannelTest, SendsToTheClient) {
  Start();
  RawClient client = ConnectAndWait();
  server_->Send("head", "body");
  EXPECT_EQ(client.Read(8), "headbody");
}

TEST_F(ChannelTest, GreetsEachClientFirst) {
  Start(Echo, "welcome");
  for (int i = 0; i < 3; ++i) {
    RawClient client = Connect();
    EXPECT_EQ(client.Read(7), "welcome");
    client.Close();
    EXPECT_TRUE(WaitForDeparture());
  }
}

TEST_F(ChannelTest, KeepsWhatIsSentBeforeAnyClientForTheFirst) {
  Listen();
  Send("1");
  Run();
  server_->Send("2", "3");
  RawClient client = ConnectAndWait();
  Send("4");
  EXPECT_EQ(client.Read(4), "1234");
}

TEST_F(ChannelTest, KeepsWhatIsSentBetweenTwoClientsForTheNext) {
  Start();
  RawClient first = ConnectAndWait();
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  Send("for the next");
  RawClient second = Connect();
  EXPECT_EQ(second.Read(12), "for the next");
}

TEST_F(ChannelTest, GreetsBeforeItSendsWhatWaited) {
  Start(Echo, "welcome ");
  Send("waited ");
  RawClient client = ConnectAndWait();
  Send("now");
  EXPECT_EQ(client.Read(18), "welcome waited now");
}

TEST_F(ChannelTest, GivesWhatWaitedToOneClientOnly) {
  Start();
  Send("once");
  {
    RawClient first = Connect();
    EXPECT_EQ(first.Read(4), "once");
  }
  EXPECT_TRUE(WaitForDeparture());
  RawClient second = Connect();
  EXPECT_EQ(Say(second, "x"), "x");
}

TEST_F(ChannelTest, KeepsMuchForTheNext) {
  Start();
  const std::string much = wire::Pattern(kMuch);
  Send(much);
  Send("the end");
  RawClient client = Connect();
  EXPECT_TRUE(client.Read(kMuch) == much);
  EXPECT_EQ(client.Read(7), "the end");
}

TEST_F(ChannelTest, DropsWhatAClientLeftUnread) {
  Start();
  RawClient first = ConnectAndWait();
  Send(wire::Pattern(kMuch));
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  RawClient second = ConnectAndWait();
  Send("only this");
  second.EndInput();
  EXPECT_EQ(second.ReadToEnd(), "only this");
}

TEST_F(ChannelTest, GivesAClientThatEndsItsInputAllThatItIsOwed) {
  Start();
  RawClient client = ConnectAndWait();
  const std::string much = wire::Pattern(kMuch);
  Send(much);
  client.EndInput();
  EXPECT_TRUE(client.ReadToEnd() == much);
  EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelTest, LosesNothingBetweenClientsThatReadToTheEnd) {
  Start();
  constexpr std::uint32_t kFrames = 200;
  const std::string payload = wire::Pattern(100'000);
  std::atomic<bool> all_sent{false};
  std::thread sender([&] {
    for (std::uint32_t i = 0; i < kFrames; ++i) Send(wire::Ctl(i, payload));
    all_sent = true;
  });
  std::uint32_t next = 0;
  for (bool last = false; !last;) {
    last = all_sent;
    RawClient client = Connect();
    client.EndInput();  // it is let go as soon as it is owed nothing
    while (const std::optional<wire::Frame> frame = client.ReadFrame()) {
      EXPECT_EQ(frame->key, next++);
      EXPECT_TRUE(frame->payload == payload);
    }
  }
  sender.join();
  EXPECT_EQ(next, kFrames);
}

TEST_F(ChannelTest, SendsWholeFramesWhileClientsComeAndGo) {
  Start();
  std::atomic<bool> stop{false};
  std::vector<std::thread> senders;
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    senders.emplace_back([&, thread] {
      const std::string payload(100, static_cast<char>('a' + thread));
      while (!stop) {
        server_->Send(wire::U32(thread) + wire::U32(108), payload);
        std::this_thread::yield();
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    RawClient client = Connect();
    for (int j = 0; j < 20; ++j) {
      const wire::Frame frame = client.ReadFrame().value();
      ASSERT_LT(frame.key, 3u);
      ASSERT_EQ(frame.payload, std::string(100, static_cast<char>('a' + frame.key)));
    }
  }
  stop = true;
  for (std::thread& sender : senders) sender.join();
}

TEST_F(ChannelTest, StopsWhileOthersSend) {
  for (int round = 0; round < 20; ++round) {
    Start();
    RawClient client = Connect();
    std::vector<std::thread> senders;
    for (int i = 0; i < 2; ++i) {
      senders.emplace_back([&] {
        for (int j = 0; j < 100; ++j) server_->Send("head", "body");
      });
    }
    Stop();
    for (std::thread& sender : senders) sender.join();
  }
}

// ---- The end, at every stage, and another beginning

class ChannelEndTest : public ChannelTest {
 protected:
  /// Whatever it was doing: it ends, nothing is left, and it can begin again.
  void ExpectEndsAndBeginsAgain() {
    Stop();
    EXPECT_FALSE(SocketExists());
    EXPECT_THROW(Connect(), std::runtime_error);
    Start();
    RawClient client = ConnectAndWait();
    EXPECT_FALSE(served_again_);
    served_again_ = true;
    Send("again");
    EXPECT_EQ(client.Read(5), "again");
    Stop();
    EXPECT_EQ(client.ReadError(), 0);
  }

 private:
  bool served_again_ = false;
};

TEST_F(ChannelEndTest, ComesBeforeItListens) {
  Make(Echo);
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesBeforeItRuns) {
  Listen();
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesBeforeItRunsWithAClientWaiting) {
  Listen();
  RawClient client = Connect();
  client.Write("unread");
  ExpectEndsAndBeginsAgain();
  client.ReadError();  // an end or a reset, but at once
}

TEST_F(ChannelEndTest, ComesAsItBeginsToRun) {
  for (int round = 0; round < 20; ++round) {
    Start();
    Stop();
    EXPECT_FALSE(SocketExists());
  }
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesBetweenTwoClients) {
  Start();
  RawClient client = ConnectAndWait();
  client.Close();
  EXPECT_TRUE(WaitForDeparture());
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesAsAClientConnects) {
  for (int round = 0; round < 20; ++round) {
    Start();
    const RawClient client = Connect();
    Stop();
  }
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesWhileAClientIsIdle) {
  Start();
  RawClient client = ConnectAndWait();
  ExpectEndsAndBeginsAgain();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ChannelEndTest, ComesWhileAClientWritesMore) {
  Start([](Connection& client) {
    std::array<char, 1> byte;  // it is not done before the end
    while (client.Read(byte.data(), byte.size()) > 0) {
    }
  });
  RawClient client = ConnectAndWait();
  client.WriteWhatFits(std::string(kMuch, 'x'));
  Stop();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ChannelEndTest, ComesWhileAClientIsOwedMuch) {
  Start();
  RawClient client = ConnectAndWait();
  Send(wire::Pattern(kMuch));
  ExpectEndsAndBeginsAgain();
  EXPECT_LT(client.ReadToEnd().size(), kMuch);
}

TEST_F(ChannelEndTest, ComesWhileServeWaitsForAClientToRead) {
  bool once = true;
  Start([&](Connection& client) {
    if (!once) return Echo(client);
    once = false;
    client.Send(wire::Pattern(kMuch));
    client.WaitUntilOwedAtMost(1024 * 1024);
  });
  RawClient client = ConnectAndWait();
  client.Read(1);
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesWhileAClientThatEndedItsInputIsOwedMuch) {
  std::atomic<bool> served{false};
  Start([&](Connection& client) {
    Echo(client);
    served = true;
  });
  RawClient client = ConnectAndWait();
  Send(wire::Pattern(kMuch));
  client.EndInput();
  WaitUntil("the input's end to be seen", [&] { return served.load(); });
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, ComesWhileMoreClientsWait) {
  Start();
  const RawClient first = ConnectAndWait();
  RawClient second = Connect();
  RawClient third = Connect();
  third.Write("unread");
  ExpectEndsAndBeginsAgain();
  second.ReadError();  // an end or a reset, but at once
  third.ReadError();
}

TEST_F(ChannelEndTest, ComesTwice) {
  Start();
  server_->Interrupt();
  server_->Interrupt();
  server_->Finish();
  server_->Finish();
  server_->Interrupt();
  server_->Finish();
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, DropsWhatWaitedForAClient) {
  Start();
  Send("before");
  ExpectEndsAndBeginsAgain();
}

TEST_F(ChannelEndTest, DropsWhatIsSentAfterIt) {
  Start();
  server_->Interrupt();
  Send("after the interrupt");
  server_->Finish();
  Send("after the finish");
  Start();
  RawClient client = ConnectAndWait();
  Send("again");
  EXPECT_EQ(client.Read(5), "again");
}

TEST_F(ChannelEndTest, IsNoDepartureOfTheClient) {
  Start();
  const RawClient client = ConnectAndWait();
  Stop();
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
  EXPECT_FALSE(WaitForDeparture());
}

TEST_F(ChannelEndTest, LeaksNoDescriptor) {
  Start();
  Stop();  // Asio's own, which stay with the context
  const std::set<int> before = OpenDescriptors();
  for (int life = 0; life < 5; ++life) {
    Start();
    {
      const RawClient client = ConnectAndWait();
      Send(wire::Pattern(kMuch));
    }
    EXPECT_TRUE(WaitForDeparture());
    const RawClient last = ConnectAndWait();
    Stop();
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

// ---- Where it can't listen

TEST_F(ChannelEndTest, ComesWhereItCouldNotListen) {
  std::ofstream(path_) << "precious";
  EXPECT_THROW(Start(), std::system_error);
  Stop();
  EXPECT_TRUE(SocketExists()) << "it is not ours";
  std::filesystem::remove(path_);
  ExpectEndsAndBeginsAgain();
}

}  // namespace
}  // namespace hyperstart::detail
