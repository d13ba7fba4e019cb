// Starting and stopping, one client after another, forked processes, and errors of the user.

#include <dirent.h>
#include <gtest/gtest-spi.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bool Exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

std::size_t CountEntries(const char* directory) {
  DIR* const entries = ::opendir(directory);
  std::size_t count = 0;
  while (::readdir(entries) != nullptr) ++count;
  ::closedir(entries);
  return count;
}

// ---- Stop at every stage

TEST(Life, StopsBeforeStart) {
  MockHyperstart agent;
  agent.Stop();
}

TEST(Life, StopsBeforeAnyClient) {
  Started agent;
  agent.Stop();
  agent.Stop();
}

TEST(Life, StopsWithOneChannelConnected) {
  for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
    Started agent;
    RawClient client = channel == Channel::kCtl ? agent.Ctl() : agent.Io();
    ASSERT_TRUE(agent.WaitForConnection(channel, kDeadline));
    agent.Stop();
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_FALSE(agent.IsConnected(channel));
  }
}

TEST(Life, StopsWithAClientThatWasNotAcceptedYet) {
  Started agent;
  RawClient first = agent.Ctl();
  first.Call(wire::kPing);
  RawClient second = agent.Ctl();
  agent.Stop();
  EXPECT_EQ(first.ReadToEnd(), "");
}

TEST(Life, StopsInMidFrameWithoutBlamingTheClient) {
  const std::string frame = wire::Ctl(wire::kStartPod, "payload");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    Started agent;
    RawClient client = agent.Ctl();
    client.Write(frame.substr(0, cut));
    for (std::size_t counted = 0; counted < cut;) {
      counted += wire::ToU32(client.ReadFrame()->payload);
    }
    agent.Stop();
    EXPECT_THAT(agent.TakeViolations(), IsEmpty()) << cut;
  }
}

// What a client wrote before it left is recorded, however soon Stop follows.
TEST(Life, ReadsWhatADepartedClientWroteBeforeItStops) {
  for (int i = 0; i < 50; ++i) {
    Started agent;
    agent.Ctl().Write(wire::Ctl(wire::kPing, "from the backlog, perhaps"));
    agent.Io().Write(wire::Io(1, "whole") + wire::Io(2, "never complete...").substr(0, 20));
    EXPECT_NONFATAL_FAILURE(agent.Stop(), "20 of 29 bytes of a frame of seq 2");
    EXPECT_THAT(agent.GetLastMessages(),
                ElementsAre(Message(Command::kPing, "from the backlog, perhaps")));
    EXPECT_THAT(agent.GetLastIoPackets(), ElementsAre(IoPacket{1, "whole"}));
  }
}

TEST(Life, StopsWhileThreadsWait) {
  auto agent = std::make_unique<Started>();
  std::vector<std::thread> waiters;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&, i] {
      const testing::AssertionResult result =
          i == 0   ? testing::AssertionResult(agent->WaitForMessage(kDeadline))
          : i == 1 ? testing::AssertionResult(agent->ReadStream(1, 1, kDeadline))
          : i == 2 ? agent->WaitForConnection(kDeadline)
                   : agent->WaitForDisconnect(Channel::kIo, kDeadline);
      if (!result && std::string(result.message()).find("stopped") != std::string::npos) ++failed;
    });
  }
  agent->Stop();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(failed, 4);
}

TEST(Life, StopsWhileAClientFloods) {
  for (int i = 0; i < 20; ++i) {
    Started agent;
    RawClient client = agent.Io();
    std::thread flood([&] {
      const std::string data = wire::Io(1, wire::Pattern(10'000));
      try {
        for (;;) client.Write(data);
      } catch (const std::runtime_error&) {  // the mock has disconnected
      }
    });
    ASSERT_TRUE(agent.ReadIo(kDeadline));
    agent.Stop();
    flood.join();
  }
}

TEST(Life, StopsWithAFullQueue) {
  Started agent;
  RawClient client = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
  for (int i = 0; i < 100; ++i) agent.SendIo(1, std::string(100'000, 'x'));
  agent.Stop();
}

TEST(Life, StartsAgainOnTheSamePaths) {
  Started agent;
  const SocketPaths paths = agent.GetSocketPaths();
  for (int life = 0; life < 3; ++life) {
    RawClient client = agent.Ctl();
    EXPECT_EQ(client.Call(wire::kPing).next, 8u);
    agent.Stop();
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_EQ(ErrorOf([&] { agent.Ctl(); }), "connect: No such file or directory");
    agent.Start();
    EXPECT_EQ(agent.GetSocketPaths().ctl, paths.ctl);
  }
  EXPECT_EQ(agent.GetLastMessages().size(), 3u);  // Stop keeps records
}

TEST(Life, KeepsRecordsThroughStop) {
  Started agent;
  RawClient client = agent.Ctl();
  client.Call(wire::kPing);
  client.Call(wire::kStartPod, "x");
  agent.Stop();
  EXPECT_EQ(agent.WaitForMessage(Command::kStartPod)->payload, "x");
  EXPECT_EQ(agent.GetLastMessages().size(), 1u);
}

TEST(Life, WaitsFailAtOnceWhenNotStarted) {
  MockHyperstart agent;
  const auto message = agent.WaitForMessage(kDeadline);
  EXPECT_FALSE(message);
  EXPECT_THAT(testing::AssertionResult(message).message(), HasSubstr("call Start() first"));
  EXPECT_THAT(ErrorOf([&] { (void)*message; }), HasSubstr("call Start() first"));
  EXPECT_FALSE(agent.WaitForConnection(kDeadline));
  EXPECT_FALSE(agent.ReadStreamToEnd(1, kDeadline));
}

TEST(Life, LeavesNothingBehind) {
  { Started first; }  // a sanitizer starts a thread of its own with the first thread
  const std::size_t descriptors = CountEntries("/proc/self/fd");
  const std::size_t threads = CountEntries("/proc/self/task");
  std::string directory;
  {
    Started agent;
    directory = agent.GetSocketPaths().ctl;
    directory.resize(directory.rfind('/'));
    struct stat status {};
    ASSERT_EQ(::stat(directory.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0700u);
    RawClient ctl = agent.Ctl();
    RawClient io = agent.Io();
    ctl.Call(wire::kPing);
    ASSERT_TRUE(agent.WaitForConnection(kDeadline));
    for (int i = 0; i < 100; ++i)
      agent.SendIo(1, std::string(100'000, 'x'));                   // starts a writer thread
    EXPECT_EQ(CountEntries("/proc/self/fd"), descriptors + 7 + 2);  // the mock's, and two clients
    EXPECT_EQ(CountEntries("/proc/self/task"), threads + 3);
  }
  EXPECT_EQ(CountEntries("/proc/self/fd"), descriptors);
  EXPECT_EQ(CountEntries("/proc/self/task"), threads);
  EXPECT_FALSE(Exists(directory));
}

TEST(Life, StartsAndStopsAThousandTimes) {
  const std::size_t descriptors = CountEntries("/proc/self/fd");
  for (int i = 0; i < 1000; ++i) {
    Started agent;
    RawClient client = agent.Ctl();
    ASSERT_EQ(client.Call(wire::kPing).next, 8u);
  }
  EXPECT_EQ(CountEntries("/proc/self/fd"), descriptors);
}

// ---- One client after another

TEST(Reconnect, ServesOneClientAfterAnother) {
  Started agent;
  for (std::uint32_t i = 0; i < 50; ++i) {
    RawClient ctl = agent.Ctl();
    RawClient io = agent.Io();
    ctl.Call(wire::kPing);
    io.Write(wire::Io(i, "x"));
    EXPECT_EQ(agent.ReadIo(kDeadline)->seq, i);
  }
}

TEST(Reconnect, MakesTheNextClientWaitUntilTheFirstLeaves) {
  Started agent;
  RawClient first = agent.Ctl();
  first.Call(wire::kPing);
  RawClient second = agent.Ctl();
  second.Write(wire::Ctl(wire::kStartPod));
  first.Call(wire::kPing);
  EXPECT_EQ(second.Unread(), 0u);
  EXPECT_EQ(agent.GetLastMessages().size(), 2u);
  first.Close();
  EXPECT_EQ(second.ReadAnswer().next, 8u);
}

TEST(Reconnect, DropsAPartialFrameBeforeTheNextClient) {
  Started agent;
  {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing).substr(0, 5));
    client.Read(12);
  }
  RawClient next = agent.Ctl();
  EXPECT_EQ(next.Call(wire::kPing).next, 8u);
  EXPECT_EQ(agent.TakeViolations().size(), 1u);
}

TEST(Reconnect, KeepsWhatIsSentBetweenClientsForTheNext) {
  Started agent;
  for (std::uint64_t i = 0; i < 20; ++i) {
    { RawClient client = agent.Io(); }
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
    agent.SendIo(i, "kept");
    RawClient next = agent.Io();
    EXPECT_EQ(*next.ReadFrame(), (wire::Frame{i, "kept"}));
    next.Close();
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  }
}

TEST(Reconnect, DropsAFullQueueBeforeTheNextClient) {
  Started agent;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto client = std::make_unique<RawClient>(agent.Io());
    ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
    for (int n = 0; n < 8; ++n) agent.SendIo(0, std::string(100'000, 'x'));
    RawClient next = agent.Io();  // waits in the backlog
    client.reset();               // more is queued for it than a socket holds
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
    agent.SendIo(i, std::string(300'000, 'y'));
    const wire::Frame frame = *next.ReadFrame();
    EXPECT_EQ(frame.key, i);
    EXPECT_EQ(frame.payload.size(), 300'000u);
    next.Close();
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  }
}

TEST(Reconnect, CountsEachDepartureOnce) {
  Started agent;
  for (int i = 0; i < 3; ++i) agent.Ctl().Call(wire::kPing);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_FALSE(agent.WaitForDisconnect(Channel::kCtl, 0ms));
  EXPECT_FALSE(agent.WaitForDisconnect(Channel::kIo, 0ms));
}

TEST(Connection, IsWaitedForOnBothChannels) {
  Started agent;
  RawClient ctl = agent.Ctl();
  EXPECT_TRUE(agent.WaitForConnection(Channel::kCtl, kDeadline));
  EXPECT_TRUE(agent.IsConnected(Channel::kCtl));
  EXPECT_FALSE(agent.IsConnected(Channel::kIo));
  const testing::AssertionResult both = agent.WaitForConnection(0ms);
  EXPECT_FALSE(both);
  EXPECT_THAT(both.message(), HasSubstr("ctl: connected; io: never connected"));
  RawClient io = agent.Io();
  EXPECT_TRUE(agent.WaitForConnection(kDeadline));
}

// ---- Forked processes

/// The exit status of a child process that calls the function; the deadline kills it.
template <typename Function>
int StatusOfChild(const Function& function) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(std::chrono::duration_cast<std::chrono::duration<unsigned>>(kDeadline).count());
    function();
    std::_Exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Fork, MayDestroyAMockWhoseThreadsWait) {
  auto agent = std::make_unique<Started>();
  agent->StopListening(Channel::kIo);
  agent->PauseReading(Channel::kCtl);
  RawClient ctl = agent->Ctl();
  ctl.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(agent->WaitForConnection(Channel::kCtl, kDeadline));
  EXPECT_EQ(StatusOfChild([&] { agent.reset(); }), 0);
  agent->ResumeReading(Channel::kCtl);
  EXPECT_EQ(ctl.ReadAnswer().next, 8u) << "the mock still works in the process that made it";
}

TEST(Fork, LeavesTheDirectoryOfAMockThatIsStopped) {
  auto agent = std::make_unique<Started>();
  agent->Stop();
  EXPECT_EQ(StatusOfChild([&] { agent.reset(); }), 0);
  agent->Start();
  EXPECT_EQ(agent->Ctl().Call(wire::kPing).next, 8u);
}

TEST(Fork, LeavesTheMockToTheProcessThatStartedIt) {
  Started agent;
  EXPECT_EQ(StatusOfChild([&] {
              agent.Stop();
              if (ErrorOf([&] { agent.Start(); }).find("forked off") == std::string::npos) {
                std::_Exit(1);
              }
            }),
            0);
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).next, 8u);
}

// ---- Errors of the user

TEST(Errors, NameThePathThatIsTooLongAndTheLimit) {
  Options options;
  options.ctl_path = "/tmp/" + std::string(103, 'x');
  MockHyperstart agent(options);
  const std::string error = ErrorOf([&] { agent.Start(); });
  EXPECT_THAT(error, HasSubstr(options.ctl_path));
  EXPECT_THAT(error, HasSubstr("108 bytes"));
  EXPECT_THAT(error, HasSubstr("107"));
  EXPECT_THROW(agent.Start(), std::system_error);
}

TEST(Errors, NameTheDirectoryThatDoesNotExist) {
  Options options;
  options.io_path = "/nonexistent/io.sock";
  MockHyperstart agent(options);
  const std::string error = ErrorOf([&] { agent.Start(); });
  EXPECT_THAT(error, HasSubstr("/nonexistent/io.sock"));
  EXPECT_THAT(error, HasSubstr("directory does not exist"));
  EXPECT_FALSE(
      Exists(agent.GetSocketPaths().ctl));  // the channel that could listen is closed again
  EXPECT_THAT(ErrorOf([&] { agent.SendReady(); }), HasSubstr("call Start() first"));
}

TEST(Errors, NameThePathInUseAndLeaveItsOwnerAlone) {
  Started owner;
  Options options;
  options.ctl_path = owner.GetSocketPaths().ctl;
  MockHyperstart agent(options);
  const std::string error = ErrorOf([&] { agent.Start(); });
  EXPECT_THAT(error, HasSubstr(options.ctl_path));
  EXPECT_THAT(error, HasSubstr("in use"));
  EXPECT_EQ(owner.Ctl().Call(wire::kPing).next, 8u);
  EXPECT_TRUE(owner.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_FALSE(owner.WaitForDisconnect(Channel::kCtl, 0ms));  // the other mock did not connect
  owner.Stop();
  agent.Start();  // the path is free now
}

TEST(Errors, LeaveAPathThatAnotherMockListensOn) {
  Started first;
  first.Stop();
  Options options;
  options.ctl_path = first.GetSocketPaths().ctl;
  Started second(options);
  EXPECT_THROW(first.Start(), std::system_error);
  EXPECT_EQ(second.Ctl().Call(wire::kPing).next, 8u);
}

TEST(Errors, LeaveAPathThatAnotherMockHasTakenSinceListeningStopped) {
  Started first;
  Options options;
  options.ctl_path = first.GetSocketPaths().ctl;
  first.StopListening(Channel::kCtl);
  Started second(options);
  first.Stop();
  EXPECT_EQ(second.Ctl().Call(wire::kPing).next, 8u);
}

TEST(Errors, NeverReplaceAFileThatIsNoSocket) {
  char path[] = "/tmp/mock_hyperstart_test.XXXXXX";
  ::close(::mkstemp(path));
  Options options;
  options.ctl_path = path;
  MockHyperstart agent(options);
  EXPECT_THAT(ErrorOf([&] { agent.Start(); }), HasSubstr(path));
  EXPECT_TRUE(Exists(path));
  ::unlink(path);
}

TEST(Errors, ReplaceTheSocketOfADeadProcess) {
  detail::PrivateDirectory directory;
  Options options;
  options.ctl_path = directory.path() + "/ctl";
  { const detail::ListeningSocket dead = detail::ListenAt(options.ctl_path); }
  ASSERT_TRUE(Exists(options.ctl_path));
  Started agent(options);
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).next, 8u);
}

TEST(Errors, ForbidSendingBeforeStart) {
  MockHyperstart agent;
  EXPECT_THROW(agent.SendReady(), std::logic_error);
  EXPECT_THROW(agent.SendMessage(Command::kAck), std::logic_error);
  EXPECT_THROW(agent.SendProcessEvent("", "", 0), std::logic_error);
  EXPECT_THROW(agent.SendIo(1, ""), std::logic_error);
  EXPECT_THROW(agent.CloseIo(1), std::logic_error);
  EXPECT_THROW(agent.SendExitStatus(1, 0), std::logic_error);
  EXPECT_THROW(agent.SendRaw(Channel::kIo, ""), std::logic_error);
  EXPECT_THAT(ErrorOf([&] { agent.SendReady(); }), HasSubstr("call Start() first"));
}

TEST(Errors, DropWhatIsSentAfterStop) {
  Started agent;
  agent.Stop();
  agent.SendIo(1, "lost");
  agent.Start();
  agent.SendIo(2, "kept");
  EXPECT_EQ(agent.Io().ReadFrame()->key, 2u);
}

TEST(Errors, ForbidStartTwice) {
  Started agent;
  EXPECT_THROW(agent.Start(), std::logic_error);
  EXPECT_THAT(ErrorOf([&] { agent.Start(); }), HasSubstr("call Stop() first"));
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).next, 8u);
}

TEST(Errors, ForbidOnePathForBothChannels) {
  Options options;
  options.ctl_path = options.io_path = "/tmp/one.sock";
  EXPECT_THROW(MockHyperstart agent(options), std::invalid_argument);
  options.io_path = std::string("\0abstract", 9);
  EXPECT_THROW(MockHyperstart agent(options), std::invalid_argument);
}

TEST(Errors, NameATimeoutThatIsNoNumber) {
  ::setenv("MOCK_HYPERSTART_TIMEOUT_MS", "5s", 1);
  EXPECT_THAT(ErrorOf([] { MockHyperstart agent; }), HasSubstr("MOCK_HYPERSTART_TIMEOUT_MS"));
  ::setenv("MOCK_HYPERSTART_TIMEOUT_MS", "7", 1);
  Started agent;
  const testing::AssertionResult message = agent.WaitForMessage();
  EXPECT_THAT(message.message(), HasSubstr("within 7 ms"));
  ::unsetenv("MOCK_HYPERSTART_TIMEOUT_MS");
}

}  // namespace
}  // namespace hyperstart
