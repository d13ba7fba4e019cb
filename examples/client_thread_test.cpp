// Tests of a client that blocks, and therefore runs in a thread of its own. ClientThread makes sure
// that no such test can hang: it stops the mock before it joins the thread.

#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <mock_hyperstart/client_thread.hpp>
#include <stdexcept>
#include <string>

#include "hyperstart_ctl.hpp"

namespace {

using hyperstart::ClientThread, hyperstart::MockHyperstart;

// The code under test. Starts a pod, waits for the end of its process, and returns the exit status.
int RunPod(const std::string& ctl_path) {
  Ctl ctl(ctl_path);
  ctl.Call(kStartPod, R"({"hostname":"web"})");
  while (!ctl.exit_status()) ctl.Take();
  ctl.Call(kDestroyPod);
  return *ctl.exit_status();
}

// The order of declaration: the mock, then what the client uses, and the ClientThread last.
TEST(RunPod, ReturnsTheStatusOfTheProcess) {
  MockHyperstart agent;
  agent.Start();
  int status = -1;
  ClientThread client(agent, [&] { status = RunPod(agent.GetSocketPaths().ctl); });

  // If this fails, the test ends at once, and prints the conversation. With std::async it would
  // hang: the future waits for RunPod, and RunPod for the mock, which is destroyed after the
  // future.
  ASSERT_TRUE(agent.WaitForMessage(hyperstart::Command::kStartPod));
  agent.SendProcessEvent("web", "init", 3);
  ASSERT_TRUE(agent.WaitForMessage(hyperstart::Command::kDestroyPod));

  ASSERT_TRUE(client.Join());  // a failure says what the client threw, or that it still runs
  EXPECT_EQ(status, 3);        // written by the thread, and safe to read after Join
}

TEST(RunPod, ThrowsWhenTheAgentDies) {
  MockHyperstart agent;
  agent.Start();
  ClientThread client(
      agent, [&] { EXPECT_THROW(RunPod(agent.GetSocketPaths().ctl), std::runtime_error); });

  ASSERT_TRUE(agent.WaitForMessage(hyperstart::Command::kStartPod));
  agent.Stop();
  EXPECT_TRUE(client.Join());
}

// A fixture declares its members in the same order; each test makes its ClientThread itself.
struct AStartedPod : testing::Test {
  MockHyperstart agent;
  void SetUp() override { agent.Start(); }
};

TEST_F(AStartedPod, IsDestroyedWhateverTheStatus) {
  ClientThread client(agent, [&] { RunPod(agent.GetSocketPaths().ctl); });
  ASSERT_TRUE(agent.WaitForMessage(hyperstart::Command::kStartPod));
  agent.SendProcessEvent("web", "init", 255);
  EXPECT_TRUE(agent.WaitForMessage(hyperstart::Command::kDestroyPod));
}  // joins the client, and fails if it threw

}  // namespace
