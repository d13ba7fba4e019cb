// The smallest useful test: the client sends a command, and the test looks at what has arrived.
// README.md builds it in four steps.

#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>

#include "tiny_client.hpp"  // stands for the client under test

using hyperstart::Command, hyperstart::MockHyperstart;

TEST(Client, StartsAPod) {
  MockHyperstart agent;
  agent.Start();
  const TinyClient client(agent.GetSocketPaths());  // .ctl and .io: fresh paths for each mock
  EXPECT_TRUE(client.Call(Command::kStartPod, R"({"hostname":"web"})"));

  const auto message = agent.WaitForMessage(Command::kStartPod);
  ASSERT_TRUE(message);  // a failure says what has arrived instead
  EXPECT_EQ(message->payload, R"({"hostname":"web"})");
}
