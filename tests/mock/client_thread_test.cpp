// A client under test in a thread of its own, which cannot make a test hang.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mock_hyperstart/client_thread.hpp>
#include <string>

#include "support/mock_test.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::HasSubstr;

/// A client that only Stop ends.
void WaitForTheEnd(const Started& agent) { EXPECT_EQ(agent.Io().ReadToEnd(), ""); }

TEST(ClientThread, RunsTheClientAndJoinsIt) {
  Started agent;
  std::atomic<bool> answered{false};
  ClientThread client(agent, [&] {
    agent.Ctl().Call(wire::kPing);
    answered = true;
  });
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, kDeadline));
  EXPECT_TRUE(client.Join(kDeadline));
  EXPECT_TRUE(answered);
  EXPECT_TRUE(client.Join(0ms)) << "once more";
}

TEST(ClientThread, IsJoinedByItsDestructor) {
  Started agent;
  std::atomic<bool> answered{false};
  {
    const ClientThread client(agent, [&] {
      agent.Ctl().Call(wire::kPing);
      answered = true;
    });
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, (wire::Frame{wire::kAck, ""}))
      << "the mock goes on";
}

TEST(ClientThread, TellsWhatTheClientThrew) {
  Started agent;
  ClientThread client(agent, [] { throw std::runtime_error("no idea"); });
  for (int i = 0; i < 2; ++i) {
    const testing::AssertionResult joined = client.Join(kDeadline);
    ASSERT_FALSE(joined);
    EXPECT_STREQ(joined.message(), "the client threw: no idea");
  }
}

TEST(ClientThread, FailsTheTestForWhatTheClientThrew) {
  EXPECT_NONFATAL_FAILURE(
      {
        Started agent(Silent());
        const ClientThread client(agent, [] { throw 42; });
      },
      "the client threw: an exception that is no std::exception");
}

TEST(ClientThread, TellsThatTheClientHasNotReturned) {
  Started agent;
  ClientThread client(agent, [&] { WaitForTheEnd(agent); });
  ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
  const testing::AssertionResult joined = client.Join(1ms);
  ASSERT_FALSE(joined);
  EXPECT_STREQ(joined.message(), "the client has not returned within 1 ms");
  agent.Disconnect(Channel::kIo);
  EXPECT_TRUE(client.Join(kDeadline)) << "it may be joined again";
}

TEST(ClientThread, FailsTheTestAndStopsTheMockIfTheClientDoesNotReturn) {
  testing::TestPartResultArray failures;
  int line = 0;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    Options options = Silent();
    options.timeout = 1ms;  // of the Join in the destructor
    Started agent(options);
    line = __LINE__ + 1;
    const ClientThread client(agent, [&] { WaitForTheEnd(agent); });
    ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
  }
  ASSERT_EQ(failures.size(), 1);
  const testing::TestPartResult& failure = failures.GetTestPartResult(0);
  EXPECT_STREQ(failure.file_name(), __FILE__);
  EXPECT_EQ(failure.line_number(), line);
  EXPECT_THAT(failure.message(), HasSubstr("the client has not returned within 1 ms"));
}

void FailAnAssert() {
  Options options = Silent();
  options.timeout = kForever;  // of a Join in the destructor
  Started agent(options);
  const ClientThread client(agent, [&] { WaitForTheEnd(agent); });
  ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
  ASSERT_TRUE(agent.WaitForMessage(0ms));
}

/// In a process of its own, whose failure is not that of this test.
TEST(ClientThreadDeathTest, EndsATestWhoseAssertHasFailedAtOnce) {
  EXPECT_EXIT(
      {
        if (std::freopen("/dev/null", "w", stdout) == nullptr) std::_Exit(1);
        const auto start = std::chrono::steady_clock::now();
        FailAnAssert();
        if (!testing::Test::HasFailure()) std::_Exit(2);
        std::_Exit(std::chrono::steady_clock::now() - start < kDeadline / 2 ? 0 : 3);
      },
      testing::ExitedWithCode(0), "");
}

/// Collects the failures of a test that an exception leaves while `client` runs.
template <typename Client>
void CollectFailuresAfterAnAssert(const Client& client, testing::TestPartResultArray& failures) {
  const testing::ScopedFakeTestPartResultReporter reporter(
      testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
  Started agent(Silent());
  try {
    const ClientThread thread(agent, [&] { client(agent); });
    if (!agent.WaitForConnection(Channel::kIo, kDeadline)) ADD_FAILURE() << "no connection";
    throw 1;
  } catch (int) {
  }
}

TEST(ClientThread, TellsWhatTheClientThrewAfterAFailedAssert) {
  testing::TestPartResultArray failures;
  CollectFailuresAfterAnAssert(
      [](const Started& agent) {
        WaitForTheEnd(agent);
        throw std::runtime_error("the end came too early");
      },
      failures);
  ASSERT_EQ(failures.size(), 1);
  EXPECT_THAT(failures.GetTestPartResult(0).message(),
              HasSubstr("the client threw: the end came too early (after the mock was stopped"));
}

TEST(ClientThread, EndsATestThatAnExceptionLeavesAtOnce) {
  Options options = Silent();
  options.timeout = kForever;
  Started agent(options);
  EXPECT_THROW(
      {
        const ClientThread client(agent, [&] { WaitForTheEnd(agent); });
        // Else the client could find a mock that is stopped, and fail.
        EXPECT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
        throw std::runtime_error("leaves the test");
      },
      std::runtime_error);
}

}  // namespace
}  // namespace hyperstart
