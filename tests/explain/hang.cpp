// Tests that hang, and one that would without ClientThread, in a program of their own:
// hang_test.cpp reads what they print, and ends those that hang.

#include <gtest/gtest.h>

#include <future>
#include <mock_hyperstart.hpp>
#include <mock_hyperstart/client_thread.hpp>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// Sends a command, then waits for the end of io, which only Stop brings.
void StartPodAndWait(const Started& agent) {
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kStartPod, "{}");
  agent.Io().ReadToEnd();
}

void FailAnAssert(Started& agent) {
  ASSERT_TRUE(agent.WaitForConnection(kDeadline));
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, 5ms));
}

/// GoogleTest prints nothing, so that nothing but the mock writes its output out.
TEST(Wait, HangsForADay) {
  Started agent;
  const auto client = std::async(std::launch::async, [&] { StartPodAndWait(agent); });
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, kForever));
}

/// The destructor of the future waits for the client, and the mock is stopped only after that.
TEST(Async, HangsWhenAnAssertFails) {
  Started agent;
  const auto client = std::async(std::launch::async, [&] { StartPodAndWait(agent); });
  ASSERT_NO_FATAL_FAILURE(FailAnAssert(agent));
}

TEST(ClientThread, EndsWhenAnAssertFails) {
  Options options;
  options.timeout = kForever;  // of a Join in the destructor
  Started agent(options);
  const ClientThread client(agent, [&] { StartPodAndWait(agent); });
  ASSERT_NO_FATAL_FAILURE(FailAnAssert(agent));
}

}  // namespace
}  // namespace hyperstart
