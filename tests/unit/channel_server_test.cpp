// A listening socket and its clients, one after another: who is served, what is kept for whom, and
// an end at every stage.

#include "mock_hyperstart/detail/net/channel_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
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
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/listener.hpp"
#include "support/deadline.hpp"
#include "support/error_of.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/recording_observer.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

/// More than a socket takes at once.
constexpr std::size_t kMuch = 5 * 1024 * 1024;

void SendTo(Connection& client, std::string_view bytes) {
  client.queue().Send(bytes, {}, [] {});
}

/// Sends everything back, until the client's input ends.
void Echo(ChannelServer& server, Connection& client) {
  std::array<char, 4096> buffer;
  for (;;) {
    const Connection::ReadResult result = client.Read(buffer.data(), buffer.size());
    if (result.status == Connection::ReadStatus::kEnd) return;
    if (result.status == Connection::ReadStatus::kLeftInPause) server.ReportDeparture();
    SendTo(client, {buffer.data(), result.bytes});
  }
}

class ChannelServerTest : public testing::Test {
 protected:
  using Serve = std::function<void(ChannelServer&, Connection&)>;
  using Told = RecordingObserver::Told;

  ~ChannelServerTest() override { Stop(); }

  void Make(Serve serve, std::string greeting = {}, bool keep_unread = false) {
    server_.emplace(observer_, keep_unread);
    serve_ = std::move(serve);
    greeting_ = std::move(greeting);
  }
  void Listen() {
    if (!server_) Make(Echo);
    server_->Listen(io_, path_);
  }
  /// Starts the channel's thread, as the owner of a channel does.
  void Run() {
    thread_ = std::thread([this] {
      while (const std::shared_ptr<Connection> client = server_->AttachClient(greeting_, [] {})) {
        serve_(*server_, *client);
        server_->DetachClient();
      }
    });
  }
  void Start() {
    Listen();
    Run();
  }
  void Start(Serve serve, std::string greeting = {}) {
    Make(std::move(serve), std::move(greeting));
    Start();
  }
  void FinishStop() {
    if (thread_.joinable()) thread_.join();
    server_->FinishStop();
  }
  /// As the owner of a channel stops it. Ends the program if that hangs.
  void Stop() {
    if (!server_) return;
    BlockedCall<bool> stop([&] {
      server_->BeginStop();
      FinishStop();
      return true;
    });
    stop.Get();
  }
  RawClient Connect() { return RawClient::Ctl(path_); }
  /// A client that is being served.
  RawClient ConnectAndWait() {
    RawClient client = Connect();
    EXPECT_TRUE(observer_.WaitForConnection());
    return client;
  }
  bool WaitForDeparture() { return observer_.WaitForDeparture(); }
  void Send(std::string_view head, std::string_view body = {}) {
    server_->Send(head, body, [] {});
  }
  bool SocketExists() const {
    struct stat status {};
    return ::lstat(path_.c_str(), &status) == 0;
  }

  /// What the client gets for a text; the text itself if it is served by Echo.
  static std::string Exchange(RawClient& client, const std::string& text) {
    client.Write(text);
    return client.Read(text.size());
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "ctl.sock";
  RecordingObserver observer_;
  IoContext io_;
  Serve serve_;
  std::string greeting_;
  std::optional<ChannelServer> server_;
  std::thread thread_;
};

// ---- Clients

TEST_F(ChannelServerTest, ServesAClient) {
  Start();
  RawClient client = Connect();
  EXPECT_EQ(Exchange(client, "hello"), "hello");
}

TEST_F(ChannelServerTest, ServesOneClientAfterAnother) {
  Start();
  for (const char* const text : {"first", "second", "third"}) {
    RawClient client = Connect();
    EXPECT_EQ(Exchange(client, text), text);
    client.Close();
    EXPECT_TRUE(WaitForDeparture());
  }
}

TEST_F(ChannelServerTest, MakesTheSecondClientWaitForTheFirstToLeave) {
  Start();
  RawClient first = ConnectAndWait();
  RawClient second = Connect();
  second.Write("second");
  EXPECT_EQ(Exchange(first, "first"), "first");
  EXPECT_EQ(second.Unread(), 0u);
  first.Close();
  EXPECT_EQ(second.Read(6), "second");
}

TEST_F(ChannelServerTest, ServesAClientThatConnectedBeforeItRan) {
  Listen();
  RawClient client = Connect();
  client.Write("early");
  Run();
  EXPECT_EQ(client.Read(5), "early");
}

TEST_F(ChannelServerTest, TellsTheObserverWhoIsConnected) {
  Start();
  EXPECT_FALSE(observer_.IsConnected());
  RawClient client = ConnectAndWait();
  EXPECT_TRUE(observer_.IsConnected());
  client.Close();
  EXPECT_TRUE(WaitForDeparture());
  EXPECT_FALSE(observer_.IsConnected());
}

TEST_F(ChannelServerTest, TellsTheObserverOfEveryDeparture) {
  Start();
  for (int i = 0; i < 5; ++i) Connect().Close();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelServerTest, GivesAClientThatIsDetachedAnEnd) {
  std::promise<void> written;
  Start([&](ChannelServer&, Connection&) { written.get_future().wait(); });
  RawClient client = Connect();
  client.Write("unread");
  written.set_value();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelServerTest, LeavesNoDescriptorToAProgramThatTheTestStarts) {
  Start();
  const RawClient client = ConnectAndWait();
  for (const int fd : OpenDescriptors()) {
    std::error_code closed_meanwhile;
    const auto target =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), closed_meanwhile);
    if (target.string().rfind("socket:", 0) != 0) continue;
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC) << fd << " is " << target;
  }
}

// ---- Sending

TEST_F(ChannelServerTest, SendsToTheClient) {
  Start();
  RawClient client = ConnectAndWait();
  Send("head", "body");
  EXPECT_EQ(client.Read(8), "headbody");
}

TEST_F(ChannelServerTest, GreetsEachClientFirst) {
  Start(Echo, "welcome");
  for (int i = 0; i < 3; ++i) {
    RawClient client = Connect();
    EXPECT_EQ(client.Read(7), "welcome");
    client.Close();
    EXPECT_TRUE(WaitForDeparture());
  }
}

TEST_F(ChannelServerTest, KeepsWhatIsSentBeforeAnyClientForTheFirst) {
  Listen();
  Send("1");
  Run();
  Send("2", "3");
  RawClient client = ConnectAndWait();
  Send("4");
  EXPECT_EQ(client.Read(4), "1234");
}

TEST_F(ChannelServerTest, KeepsWhatIsSentBetweenTwoClientsForTheNext) {
  Start();
  RawClient first = ConnectAndWait();
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  Send("for the next");
  RawClient second = Connect();
  EXPECT_EQ(second.Read(12), "for the next");
}

TEST_F(ChannelServerTest, GreetsBeforeItSendsWhatWaited) {
  Start(Echo, "welcome ");
  Send("waited ");
  RawClient client = ConnectAndWait();
  Send("now");
  EXPECT_EQ(client.Read(18), "welcome waited now");
}

TEST_F(ChannelServerTest, GivesWhatWaitedToOneClientOnly) {
  Start();
  Send("once");
  {
    RawClient first = Connect();
    EXPECT_EQ(first.Read(4), "once");
  }
  EXPECT_TRUE(WaitForDeparture());
  RawClient second = Connect();
  EXPECT_EQ(Exchange(second, "x"), "x");
}

TEST_F(ChannelServerTest, KeepsManyBytesForTheNext) {
  Start();
  const std::string much = wire::Pattern(kMuch);
  Send(much);
  Send("the end");
  RawClient client = Connect();
  EXPECT_TRUE(client.Read(kMuch) == much);
  EXPECT_EQ(client.Read(7), "the end");
}

TEST_F(ChannelServerTest, DropsWhatAClientLeftUnread) {
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

TEST_F(ChannelServerTest, SendsAClientThatEndsItsInputAllThatIsPending) {
  Start();
  RawClient client = ConnectAndWait();
  const std::string much = wire::Pattern(kMuch);
  Send(much);
  client.EndInput();
  EXPECT_TRUE(client.ReadToEnd() == much);
  EXPECT_TRUE(WaitForDeparture());
}

TEST_F(ChannelServerTest, LosesNothingBetweenClientsThatReadToTheEnd) {
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
    client.EndInput();  // it is detached once nothing is pending
    while (const std::optional<wire::Frame> frame = client.ReadFrame()) {
      EXPECT_EQ(frame->key, next++);
      EXPECT_TRUE(frame->payload == payload);
    }
  }
  sender.join();
  EXPECT_EQ(next, kFrames);
}

TEST_F(ChannelServerTest, SendsWholeFramesWhileClientsComeAndGo) {
  Start();
  std::atomic<bool> stop{false};
  std::vector<std::thread> senders;
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    senders.emplace_back([&, thread] {
      const std::string payload(100, static_cast<char>('a' + thread));
      while (!stop) {
        Send(wire::U32(thread) + wire::U32(108), payload);
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

TEST_F(ChannelServerTest, StopsWhileOthersSend) {
  for (int round = 0; round < 20; ++round) {
    Start();
    RawClient client = Connect();
    std::vector<std::thread> senders;
    for (int i = 0; i < 2; ++i) {
      senders.emplace_back([&] {
        for (int j = 0; j < 100; ++j) Send("head", "body");
      });
    }
    Stop();
    for (std::thread& sender : senders) sender.join();
  }
}

// ---- Faults

TEST_F(ChannelServerTest, DisconnectsAClientAndServesTheNext) {
  Start();
  server_->Disconnect();  // nobody
  RawClient first = ConnectAndWait();
  server_->Disconnect();
  EXPECT_EQ(first.ReadToEnd(), "");
  EXPECT_TRUE(WaitForDeparture());
  server_->Disconnect();
  Send("for the next");
  RawClient second = Connect();
  EXPECT_EQ(second.Read(12), "for the next");
  EXPECT_EQ(observer_.departures(), 0) << "a departure is told once";
}

TEST_F(ChannelServerTest, ResetsAClientAndServesTheNext) {
  Start();
  server_->Reset();  // nobody
  RawClient first = ConnectAndWait();
  observer_.Take();
  server_->Reset();
  EXPECT_THAT(observer_.Take(), testing::ElementsAre(Told{ChannelEvent::kReset, 0},
                                                     Told{ChannelEvent::kDetached, 0}));
  RawClient second = Connect();
  first.Write("x");
  EXPECT_EQ(first.ReadError(), ECONNRESET);
  EXPECT_EQ(Exchange(second, "y"), "y");
}

TEST_F(ChannelServerTest, ShutsDownSendingAndStillReads) {
  std::promise<std::string> read;
  Start([&](ChannelServer&, Connection& client) {
    std::array<char, 10> buffer;
    const std::size_t count = client.Read(buffer.data(), buffer.size()).bytes;
    read.set_value(std::string(buffer.data(), count));
  });
  RawClient client = ConnectAndWait();
  Send("abc");
  server_->ShutDownSending();
  Send("more");
  EXPECT_EQ(client.ReadToEnd(), "abc");
  client.Write("x");
  EXPECT_EQ(read.get_future().get(), "x");
}

TEST_F(ChannelServerTest, KeepsTheNextClientWaitingInAPauseInWhichTheFirstHasLeft) {
  Start();
  RawClient first = ConnectAndWait();
  server_->PauseReading(true);
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  RawClient second = Connect();
  EXPECT_TRUE(server_->HasWaitingClient());
  Send("for the next ");
  server_->PauseReading(false);
  EXPECT_EQ(second.Read(13), "for the next ");
  EXPECT_EQ(Exchange(second, "x"), "x");
}

TEST_F(ChannelServerTest, LimitsTheWritesToThisClientAndTheNext) {
  Start();
  server_->SetWriteSize(1);
  RawClient first = ConnectAndWait();
  Send("head", "body");
  EXPECT_EQ(first.Read(8), "headbody");
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  RawClient second = ConnectAndWait();
  Send("head", "body");
  EXPECT_EQ(second.Read(8), "headbody");
}

TEST_F(ChannelServerTest, RefusesClientsWhileItDoesNotListen) {
  Start();
  RawClient first = ConnectAndWait();
  RawClient waiting = Connect();
  server_->StopListening();
  server_->StopListening();
  EXPECT_EQ(ErrorOf([&] { Connect(); }), "connect: Connection refused");
  waiting.ReadError();  // an end or a reset, but at once
  EXPECT_EQ(Exchange(first, "stays"), "stays");
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  server_->ResumeListening();
  server_->ResumeListening();
  RawClient second = Connect();
  EXPECT_EQ(Exchange(second, "x"), "x");
}

TEST_F(ChannelServerTest, StopsListeningWhileItWaitsForAClient) {
  Start();
  for (int round = 0; round < 20; ++round) {
    server_->StopListening();
    EXPECT_EQ(ErrorOf([&] { Connect(); }), "connect: Connection refused");
    server_->ResumeListening();
    RawClient client = Connect();
    EXPECT_EQ(Exchange(client, "x"), "x");
  }
}

TEST_F(ChannelServerTest, TurnsAwayAClientThatWaits) {
  Start();
  EXPECT_FALSE(server_->HasWaitingClient());
  RawClient first = ConnectAndWait();
  EXPECT_FALSE(server_->TurnAwayWaitingClient());
  RawClient second = Connect();
  EXPECT_TRUE(server_->HasWaitingClient());
  EXPECT_TRUE(server_->TurnAwayWaitingClient());
  EXPECT_EQ(second.ReadToEnd(), "");
  EXPECT_FALSE(server_->HasWaitingClient());
  EXPECT_EQ(Exchange(first, "stays"), "stays");
}

TEST_F(ChannelServerTest, GivesTheNextClientWhatOneLeftUnreadIfItIsToBeKept) {
  Make(Echo, {}, true);
  Start();
  const std::string much = wire::Pattern(kMuch);
  RawClient first = ConnectAndWait();
  Send(much);
  const std::size_t taken = first.Unread();
  first.Close();
  EXPECT_TRUE(WaitForDeparture());
  Send("the end");
  RawClient second = ConnectAndWait();
  EXPECT_TRUE(second.Read(kMuch - taken) == much.substr(taken));
  EXPECT_EQ(second.Read(7), "the end");
}

// ---- Stop, at every stage, and another start

class ChannelServerStopTest : public ChannelServerTest {
 protected:
  /// The server stops, leaves nothing behind, and serves clients when it is started again.
  void ExpectStopsAndStartsAgain() {
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

TEST_F(ChannelServerStopTest, ComesBeforeItListens) {
  Make(Echo);
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesBeforeItRuns) {
  Listen();
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesBeforeItRunsWithAClientWaiting) {
  Listen();
  RawClient client = Connect();
  client.Write("unread");
  ExpectStopsAndStartsAgain();
  client.ReadError();  // an end or a reset, but at once
}

TEST_F(ChannelServerStopTest, ComesAsItBeginsToRun) {
  for (int round = 0; round < 20; ++round) {
    Start();
    Stop();
    EXPECT_FALSE(SocketExists());
  }
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesBetweenTwoClients) {
  Start();
  RawClient client = ConnectAndWait();
  client.Close();
  EXPECT_TRUE(WaitForDeparture());
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesAsAClientConnects) {
  for (int round = 0; round < 20; ++round) {
    Start();
    const RawClient client = Connect();
    Stop();
  }
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesWhileAClientIsIdle) {
  Start();
  RawClient client = ConnectAndWait();
  ExpectStopsAndStartsAgain();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ChannelServerStopTest, ComesWhileAClientWritesMore) {
  Start([](ChannelServer&, Connection& client) {
    std::array<char, 1> byte;  // it goes on to the end of the input
    while (client.Read(byte.data(), byte.size()).bytes > 0) {
    }
  });
  RawClient client = ConnectAndWait();
  client.WriteWhatFits(std::string(kMuch, 'x'));
  Stop();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ChannelServerStopTest, ComesWhileMuchIsPending) {
  Start();
  RawClient client = ConnectAndWait();
  Send(wire::Pattern(kMuch));
  ExpectStopsAndStartsAgain();
  EXPECT_LT(client.ReadToEnd().size(), kMuch);
}

TEST_F(ChannelServerStopTest, ComesWhileItsThreadWaitsForAClientToRead) {
  bool once = true;
  Start([&](ChannelServer& server, Connection& client) {
    if (!once) return Echo(server, client);
    once = false;
    SendTo(client, wire::Pattern(kMuch));
    client.queue().WaitUntilPendingAtMost(1024 * 1024);
  });
  RawClient client = ConnectAndWait();
  client.Read(1);
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesWhileMuchIsPendingForAClientThatEndedItsInput) {
  std::atomic<bool> served{false};
  Start([&](ChannelServer& server, Connection& client) {
    Echo(server, client);
    served = true;
  });
  RawClient client = ConnectAndWait();
  Send(wire::Pattern(kMuch));
  client.EndInput();
  WaitUntil("the end of the input to be seen", [&] { return served.load(); });
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ComesWhileMoreClientsWait) {
  Start();
  const RawClient first = ConnectAndWait();
  RawClient second = Connect();
  RawClient third = Connect();
  third.Write("unread");
  ExpectStopsAndStartsAgain();
  second.ReadError();  // an end or a reset, but at once
  third.ReadError();
}

TEST_F(ChannelServerStopTest, ComesTwice) {
  Start();
  server_->BeginStop();
  server_->BeginStop();
  FinishStop();
  FinishStop();
  server_->BeginStop();
  FinishStop();
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, DropsWhatWaitedForAClient) {
  Start();
  Send("before");
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, DropsWhatIsSentAfterIt) {
  Start();
  server_->BeginStop();
  Send("after the begin");
  FinishStop();
  Send("after the end");
  Start();
  RawClient client = ConnectAndWait();
  Send("again");
  EXPECT_EQ(client.Read(5), "again");
}

TEST_F(ChannelServerStopTest, IsNotADepartureOfTheClient) {
  Start();
  const RawClient client = ConnectAndWait();
  Stop();
  EXPECT_FALSE(observer_.IsConnected());
  EXPECT_EQ(observer_.departures(), 0);
}

TEST_F(ChannelServerStopTest, LeaksNoDescriptor) {
  Start();
  Stop();  // Asio's own descriptors stay with the context
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

TEST_F(ChannelServerStopTest, ComesInAPause) {
  Start();
  server_->PauseReading(true);
  RawClient client = ConnectAndWait();
  client.Write("unread");
  ExpectStopsAndStartsAgain();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ChannelServerStopTest, ComesWhileItDoesNotListen) {
  Start();
  server_->StopListening();
  ExpectStopsAndStartsAgain();
}

TEST_F(ChannelServerStopTest, ReadsAClientThatHasLeftToItsEnd) {
  std::string read;
  Start([&](ChannelServer&, Connection& client) {
    std::array<char, 100> buffer;
    for (;;) {
      const Connection::ReadResult result = client.Read(buffer.data(), buffer.size());
      if (result.status == Connection::ReadStatus::kEnd) return;
      read.append(buffer.data(), result.bytes);
    }
  });
  for (int i = 0; i < 3; ++i) Connect().Write("abc");
  Stop();
  EXPECT_EQ(read, "abcabcabc");
}

TEST_F(ChannelServerStopTest, EndsAWaitForIt) {
  Start();
  server_->WaitForStop(std::chrono::milliseconds(1));
  EXPECT_FALSE(server_->IsStopping()) << "the time was over";
  BlockedCall<bool> wait([&] {
    while (!server_->IsStopping()) server_->WaitForStop(kDeadline);
    return true;
  });
  Stop();
  EXPECT_TRUE(wait.Get());
  server_->WaitForStop(kDeadline);  // returns at once
}

// ---- When it can't listen

TEST_F(ChannelServerStopTest, ComesAfterItCouldNotListen) {
  std::ofstream(path_) << "precious";
  EXPECT_THROW(Start(), std::system_error);
  Stop();
  EXPECT_TRUE(SocketExists()) << "the file is not ours";
  std::filesystem::remove(path_);
  ExpectStopsAndStartsAgain();
}

}  // namespace
}  // namespace hyperstart::detail
