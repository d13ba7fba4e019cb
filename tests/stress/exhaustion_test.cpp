// What happens when the system runs out of descriptors, threads, or space in the temporary
// directory. The error says what and where, the failed attempt leaves nothing behind, and the same
// mock works when there is enough again.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "stress/process.hpp"
#include "stress/system_faults.hpp"
#include "support/mock_test.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

using system_faults::Failing;
using system_faults::FailingAllocations;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

/// As long as it exists, only that many more descriptors can be opened.
class FreeDescriptors {
 public:
  explicit FreeDescriptors(std::size_t count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    std::size_t free = 0;
    for (limit.rlim_cur = 0; free < count || IsOpen(limit.rlim_cur); ++limit.rlim_cur) {
      if (!IsOpen(limit.rlim_cur)) ++free;
    }
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  FreeDescriptors(const FreeDescriptors&) = delete;
  FreeDescriptors& operator=(const FreeDescriptors&) = delete;
  ~FreeDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  static bool IsOpen(rlim_t fd) { return ::fcntl(static_cast<int>(fd), F_GETFD) >= 0; }

  rlimit before_{};
};

/// What Start throws; an empty text if it succeeds.
std::string WhyNotStarted(MockHyperstart& agent) {
  try {
    agent.Start();
  } catch (const std::system_error& error) {
    return error.what();
  }
  return {};
}

/// A sentence of the library that names the path.
auto SaysWhere(const MockHyperstart& agent, const std::string& why) {
  return AllOf(StartsWith("mock_hyperstart: cannot "), HasSubstr(why),
               AnyOf(HasSubstr(agent.GetSocketPaths().ctl), HasSubstr(agent.GetSocketPaths().io)));
}

void ExpectWorks(MockHyperstart& agent) {
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  EXPECT_EQ(ctl.Call(wire::kPing).next, 8u);
  io.Write(wire::Io(1, "x"));
  EXPECT_TRUE(agent.ReadIo(kDeadline));
}

std::size_t CountSockets(const MockHyperstart& agent) {
  return process::CountEntries(
      std::filesystem::path(agent.GetSocketPaths().ctl).parent_path().string());
}

// ---- Descriptors

TEST(Descriptors, RunOutAtEachStepOfStart) {
  constexpr std::size_t kNeeded = 5;  // by a mock without clients
  { Started first; }  // a sanitizer starts a thread of its own with the first thread
  for (std::size_t free = 0; free <= 10; ++free) {
    SCOPED_TRACE(testing::Message() << free << " descriptors free");
    MockHyperstart agent;
    const process::Holdings before;
    std::string error;
    {
      const FreeDescriptors few(free);
      error = WhyNotStarted(agent);
    }
    if (free < kNeeded) {
      EXPECT_THAT(error, SaysWhere(agent, "Too many open files"));
      EXPECT_TRUE(process::HoldsOnly(before));
      EXPECT_EQ(CountSockets(agent), 0u);
      agent.Start();
    } else {
      EXPECT_EQ(error, "");
    }
    ExpectWorks(agent);
    agent.Stop();
    EXPECT_TRUE(process::HoldsOnly(before));
  }
}

TEST(Descriptors, AreNotNeededToConstruct) {
  std::optional<MockHyperstart> agent;
  {
    const FreeDescriptors none(0);
    agent.emplace();
  }
  agent->Start();
  ExpectWorks(*agent);
}

TEST(Descriptors, RunOutWhereAStaleSocketIsToBeReplaced) {
  const TemporaryPlace place;
  Options options;
  options.ctl_path = place.path() + "/ctl";
  for (std::size_t free = 0; free < 8; ++free) {
    SCOPED_TRACE(testing::Message() << free << " descriptors free");
    { const detail::ListeningSocket dead = detail::ListenAt(options.ctl_path); }
    MockHyperstart agent(options);
    std::string error;
    {
      const FreeDescriptors few(free);
      error = WhyNotStarted(agent);
    }
    if (!error.empty()) {
      EXPECT_THAT(error, SaysWhere(agent, "Too many open files"));
      agent.Start();
    }
    ExpectWorks(agent);
  }
}

TEST(Descriptors, ThatRunOutInAcceptMakeTheClientWait) {
  Started agent;
  const process::Holdings before;
  std::optional<RawClient> first = agent.Ctl();
  first->Call(wire::kPing);
  RawClient second = agent.Ctl();
  second.Write(wire::Ctl(wire::kPing));
  {
    const auto start = std::chrono::steady_clock::now();
    const Failing none(system_faults::kAccept, EMFILE);
    first.reset();
    // The mock has tried ten times to accept the second client, which still waits.
    while (none.failed() < 10) {
      ASSERT_LT(std::chrono::steady_clock::now() - start, kDeadline) << none.failed();
      std::this_thread::yield();
    }
    EXPECT_EQ(second.Unread(), 0u);
    EXPECT_FALSE(agent.IsConnected(Channel::kCtl));
    // Each channel tries again every 10 ms, and does not spin.
    const int calls = none.failed();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    EXPECT_LE(calls, 2 * (took.count() / 10 + 2));
  }
  EXPECT_EQ(second.ReadAnswer().next, 8u);
  second.Close();
  for (int client = 0; client < 2; ++client) {
    EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  }
  EXPECT_TRUE(process::HoldsOnly(before));
}

TEST(Descriptors, ThatRunOutInAcceptDoNotDelayStop) {
  Started agent;
  std::optional<RawClient> first = agent.Ctl();
  first->Call(wire::kPing);
  const Failing none(system_faults::kAccept, EMFILE);
  const RawClient second = agent.Ctl();
  first.reset();
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  agent.Stop();
}

// ---- Each call that can fail

class AnyCall : public testing::TestWithParam<int> {};

TEST_P(AnyCall, FailsAtEachStepOfStart) {
  constexpr unsigned kCalls =
      system_faults::kSocket | system_faults::kBind | system_faults::kListen |
      system_faults::kEpollCreate | system_faults::kEpollCtl | system_faults::kEventFd |
      system_faults::kPipe | system_faults::kTimerFd | system_faults::kThread;
  { Started first; }
  int failures = 0;
  for (int step = 0;; ++step) {
    SCOPED_TRACE(testing::Message() << "call " << step);
    MockHyperstart agent;
    const process::Holdings before;
    std::string error;
    int failed = 0;
    {
      const Failing once(kCalls, GetParam(), step,
                         2);  // twice: Asio tries a second way for some calls
      error = WhyNotStarted(agent);
      failed = once.failed();
    }
    if (failed == 0) break;
    if (!error.empty()) {
      ++failures;
      EXPECT_THAT(error, SaysWhere(agent, std::system_category().message(GetParam())));
      EXPECT_TRUE(process::HoldsOnly(before));
      EXPECT_EQ(CountSockets(agent), 0u);
      agent.Start();
    }
    ExpectWorks(agent);
    agent.Stop();
    EXPECT_TRUE(process::HoldsOnly(before));
  }
  EXPECT_GE(failures, 10);
}

INSTANTIATE_TEST_SUITE_P(With, AnyCall, testing::Values(EMFILE, ENOMEM, EAGAIN, ENOSPC),
                         [](const auto& tested) {
                           return std::string(::strerrorname_np(tested.param));
                         });

// ---- Threads

TEST(Threads, ThatRunOutAreReportedByStart) {
  for (int there = 0; there < 2; ++there) {
    MockHyperstart agent;
    std::string error;
    {
      const Failing none(system_faults::kThread, EAGAIN, there);
      error = WhyNotStarted(agent);
    }
    EXPECT_THAT(error, SaysWhere(agent, "thread"));
    agent.Start();
    ExpectWorks(agent);
  }
}

/// The mock sends more than a socket holds, so it needs a writer thread, which cannot be started.
class NoWriter : public testing::Test {
 protected:
  NoWriter() {
    EXPECT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
    const Failing none(system_faults::kThread, EAGAIN);
    agent_.SendIo(1, std::string(kSize, 'x'));
    EXPECT_EQ(none.failed(), 1);
  }
  void ExpectAll() { EXPECT_EQ(client_.ReadFrame()->payload.size(), kSize); }

  static constexpr std::size_t kSize = 3'000'000;
  Started agent_;
  RawClient client_ = agent_.Io();
};

TEST_F(NoWriter, SendsTheRestWithTheNextSend) {
  agent_.SendIo(2, "next");
  ExpectAll();
  EXPECT_EQ(*client_.ReadFrame(), (wire::Frame{2, "next"}));
}

TEST_F(NoWriter, SendsTheRestAtTheEndOfTheClientsInput) {
  client_.EndInput();
  ExpectAll();
}

TEST_F(NoWriter, SendsTheRestByItself) { ExpectAll(); }

TEST_F(NoWriter, DoesNotDelayStop) {}

// ---- Memory, on the threads of the mock

/// Too few bytes for the buffer of a client's reads, and for a large payload.
constexpr std::size_t kFew = 32 * 1024;

std::string LargeFrame(Channel channel) {
  const std::string payload = wire::Pattern(100'000);
  return channel == Channel::kCtl ? wire::Ctl(wire::kWriteFile, payload) : wire::Io(1, payload);
}
/// A client that the mock reads already.
RawClient ServedClient(Started& agent, Channel channel) {
  RawClient client = Connect(agent, channel);
  if (channel == Channel::kCtl) {
    client.Call(wire::kPing);
  } else {
    client.Write(wire::Io(1, "x"));
    EXPECT_TRUE(agent.ReadIo(kDeadline));
  }
  return client;
}
void ExpectStopReportsBadAlloc(Started& agent, Channel channel) {
  EXPECT_NONFATAL_FAILURE(agent.Stop(), channel == Channel::kCtl
                                            ? "ended the connection on ctl: std::bad_alloc"
                                            : "ended the connection on io: std::bad_alloc");
}

class Memory : public testing::TestWithParam<Channel> {};

TEST_P(Memory, ThatRunsOutInAFrameEndsTheConnection) {
  const Channel channel = GetParam();
  Started agent;
  RawClient client = ServedClient(agent, channel);
  const std::string frame = LargeFrame(channel);
  {
    const FailingAllocations none(kFew);
    ErrorOf([&] { client.Write(frame); });  // the mock may disconnect it in the middle
    client.ReadToEnd();
    EXPECT_GE(none.failed(), 1);
  }
  EXPECT_TRUE(agent.WaitForDisconnect(channel, kDeadline));
  ExpectUsable(agent);
  ExpectStopReportsBadAlloc(agent, channel);
}

TEST_P(Memory, ThatRunsOutAsAClientConnectsEndsItsConnection) {
  const Channel channel = GetParam();
  Started agent;
  {
    const FailingAllocations none(kFew);
    EXPECT_EQ(Connect(agent, channel).ReadToEnd(), "");
    EXPECT_EQ(none.failed(), 1);
  }
  ExpectUsable(agent);
  ExpectStopReportsBadAlloc(agent, channel);
}

/// Not even the events of it can be made. Stop reports those that could.
TEST_P(Memory, ThatRunsOutAltogetherEndsTheConnection) {
  const Channel channel = GetParam();
  Started agent;
  for (int i = 0; i < 10; ++i) {
    RawClient client = ServedClient(agent, channel);
    {
      const FailingAllocations none(1);
      client.Write(channel == Channel::kCtl ? wire::Ctl(wire::kPing) : wire::Io(1, "x"));
      client.ReadToEnd();
      EXPECT_EQ(Connect(agent, channel).ReadToEnd(), "");
      EXPECT_GE(none.failed(), 2);
    }
    ExpectUsable(agent);
  }
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    agent.Stop();
  }
  for (int i = 0; i < failures.size(); ++i) {
    EXPECT_THAT(failures.GetTestPartResult(i).message(), HasSubstr("std::bad_alloc"));
  }
}

INSTANTIATE_TEST_SUITE_P(EachChannel, Memory, testing::ValuesIn(kChannels), [](const auto& tested) {
  return tested.param == Channel::kCtl ? "Ctl" : "Io";
});

// ---- The temporary directory

std::string WhyNotConstructed() {
  try {
    const MockHyperstart agent;
  } catch (const std::system_error& error) {
    return error.what();
  }
  return {};
}

TEST(TemporaryDirectory, ThatIsFullOrReadOnlyIsNamedByTheConstructor) {
  const TemporaryPlace place;
  for (const int error : {ENOSPC, EROFS, EACCES, EDQUOT}) {
    {
      const Failing full(system_faults::kMkdtemp, error);
      EXPECT_THAT(WhyNotConstructed(), AllOf(HasSubstr(place.path()), HasSubstr("set TMPDIR"),
                                             HasSubstr(std::system_category().message(error))));
    }
    EXPECT_EQ(WhyNotConstructed(), "");
  }
  EXPECT_EQ(place.CountEntries(), 0u);
}

TEST(TemporaryDirectory, ThatFillsUpBeforeStartIsNamedByIt) {
  const TemporaryPlace place;
  for (const int error : {ENOSPC, EROFS, EACCES}) {
    for (int bound = 0; bound < 2; ++bound) {  // only the second bind fails, or the first
      MockHyperstart agent;
      {
        const Failing full(system_faults::kBind, error, bound);
        EXPECT_THAT(WhyNotStarted(agent), SaysWhere(agent, std::system_category().message(error)));
      }
      EXPECT_EQ(CountSockets(agent), 0u);
      agent.Start();
      ExpectWorks(agent);
    }
  }
  EXPECT_EQ(place.CountEntries(), 0u);
}

TEST(TemporaryDirectory, ThatIsNotThereOrTakesNoFilesIsNamed) {
  const TemporaryPlace place;
  for (const std::string directory : {"/proc", "/nonexistent", "/dev/null"}) {
    ::setenv("TMPDIR", directory.c_str(), 1);
    EXPECT_THAT(WhyNotConstructed(), AllOf(HasSubstr(directory), HasSubstr("set TMPDIR")));
    place.Enter();
    EXPECT_EQ(WhyNotConstructed(), "");
  }
}

TEST(TemporaryDirectory, ThatIsTooDeepIsNamedByStart) {
  const TemporaryPlace place;
  const std::string deep = place.path() + "/" + std::string(100, 'd');
  std::filesystem::create_directory(deep);
  ::setenv("TMPDIR", deep.c_str(), 1);
  {
    MockHyperstart agent;
    EXPECT_THAT(WhyNotStarted(agent), AllOf(HasSubstr(agent.GetSocketPaths().ctl),
                                            HasSubstr("takes 107"), HasSubstr("set TMPDIR")));
  }
  EXPECT_EQ(process::CountEntries(deep), 0u);
  place.Enter();
  Started agent;
  ExpectWorks(agent);
}

}  // namespace
}  // namespace hyperstart
