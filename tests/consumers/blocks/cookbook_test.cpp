// The blocks of the cookbook, examples/README.md, in their order. It says of those without a TEST
// that they are lines of a test with a started `agent`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <mock_hyperstart.hpp>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/client_thread.hpp>
#include <mock_hyperstart/compare.hpp>
#include <mock_hyperstart/json.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <mock_hyperstart/recording.hpp>
#include <string>

#include "hyperstart_connection.hpp"
#include "tiny_client.hpp"

using namespace hyperstart;

TEST(Cookbook, Waiting) {
  MockHyperstart agent;
  agent.Start();
  const TinyClient client(agent.GetSocketPaths());
  client.Call(Command::kNewContainer, R"({"process":{"args":["sh","-c","ls"],"stdio":1}})");
#include "cookbook/waiting.1.inc"
#include "cookbook/waiting.2.inc"
}

TEST(Cookbook, Answering) {
  MockHyperstart agent;
  agent.Start();
#include "cookbook/answering.1.inc"
  const TinyClient client(agent.GetSocketPaths());
  client.WriteIo(3, "text");
  EXPECT_EQ(client.ReadIo(), (IoPacket{3, "text"}));
  client.WriteIo(3);
  EXPECT_TRUE(client.ReadIo().eof());
}

TEST(Cookbook, Faults) {
  MockHyperstart agent;
  agent.Start();
#include "cookbook/faults.1.inc"
  const Connection ctl("ctl", agent.GetSocketPaths().ctl, 4);
  ctl.Write(CtlFrame(Command::kPing));
  EXPECT_EQ(ctl.ReadFrame().key, std::uint64_t{14});  // next
  EXPECT_EQ(ctl.ReadFrame().key, std::uint64_t{8});   // ready
  ctl.Write(CtlFrame(Command::kPing) + CtlFrame(Command::kPing));
  EXPECT_TRUE(agent.WaitForPlans());
}

// cookbook/a_client_in_a_thread.1.inc and others are whole tests.
#include "cookbook/a_client_in_a_thread.1.inc"
#include "cookbook/recordings.3.inc"
#include "cookbook/the_model.1.inc"

TEST(Cookbook, WhenATestFails) {
  MockHyperstart agent;
  agent.Start();
#include "cookbook/when_a_test_fails.1.inc"
}

TEST(Cookbook, Recordings) {
  MockHyperstart agent;
  agent.Start();
#include "cookbook/recordings.1.inc"
}

TEST(Cookbook, Comparing) {
#include "cookbook/recordings.2.inc"
}
