// The blocks of README.md, in their order. README says of those without a TEST that they are lines
// of a test with an `agent` and a `client`.

#include "readme/a_first_test.1.inc"

// What the others need.
#include <chrono>
#include <cstdio>
#include <mock_hyperstart/client_thread.hpp>
#include <mock_hyperstart/compare.hpp>
#include <mock_hyperstart/json.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <mock_hyperstart/recording.hpp>
#include <stdexcept>
#include <string>

#include "hyperstart_connection.hpp"
#include "readme/a_model_of_the_agent.1.inc"
#include "readme/a_process.1.inc"

namespace {

using namespace std::chrono_literals;

TEST(Readme, Waiting) {  // the calls of the table
  MockHyperstart agent;
  agent.Start();
  TinyClient client(agent.GetSocketPaths());
  EXPECT_TRUE(agent.WaitForConnection());
  client.Call(Command::kPing, "1");
  client.Call(Command::kPing, "2");
  client.Call(Command::kExecCmd, R"({"process":{"id":"init"}})");
  EXPECT_EQ(agent.PeekMessages().size(), 3u);
  EXPECT_EQ(agent.WaitForMessage()->payload, "1");
  EXPECT_EQ(agent.WaitForMessage(Command::kPing, 100ms)->payload, "2");
  EXPECT_TRUE(agent.WaitForMessage(
      testing::AllOf(IsCommand(Command::kExecCmd), PayloadJson("/process/id", "init"))));
  EXPECT_TRUE(agent.GetLastMessages().empty());

  for (const char* const data : {"one", "two", "three", "four"}) client.WriteIo(7, data);
  client.WriteIo(7);
  EXPECT_EQ(agent.ReadIo()->data, "one");
  EXPECT_EQ(agent.ReadIo(7)->data, "two");
  EXPECT_FALSE(agent.ReadIo(IsIoPacket(7, "three"))->eof());
  EXPECT_EQ(*agent.ReadStream(7, 2), "fo");
  EXPECT_EQ(*agent.ReadStreamToEnd(7), "ur");
  EXPECT_TRUE(agent.PeekIoPackets().empty());
  EXPECT_TRUE(agent.GetLastIoPackets().empty());
  EXPECT_TRUE(agent.WaitForPlans());
  agent.Disconnect(Channel::kCtl);
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl));
}

TEST(Readme, Answering) {
  MockHyperstart agent;
  agent.Start();
  TinyClient client(agent.GetSocketPaths());
#include "readme/answering.1.inc"
  EXPECT_FALSE(client.Call(Command::kExecCmd, "sh"));
  EXPECT_TRUE(client.Call(Command::kExecCmd, "sh"));
  EXPECT_FALSE(client.Call(Command::kStartPod));
  EXPECT_TRUE(client.Call(Command::kStartPod));
  EXPECT_TRUE(client.Call(Command::kReadFile));
  EXPECT_FALSE(client.Call(Command::kPing, "null"));
}

TEST(Readme, Sending) {
  MockHyperstart agent;
  agent.Start();
  TinyClient client(agent.GetSocketPaths());
  agent.SetWriteSize(Channel::kIo, 1);
  agent.SendMessage(Command::kPing, "payload");
  agent.SendReady();
  agent.SendRaw(Channel::kCtl, CtlFrame(Command::kAck));
  agent.SendIo(1, "one");
  agent.CloseIo(1);
  agent.SendExitStatus(1, 3);
  EXPECT_EQ(client.ReadCtl().payload, "payload");
  EXPECT_EQ(client.ReadCtl().command, Command::kReady);
  EXPECT_EQ(client.ReadCtl().command, Command::kAck);
  EXPECT_EQ(client.ReadIo().data, "one");
  EXPECT_TRUE(client.ReadIo().eof());
  EXPECT_EQ(client.ReadIo().data, "\3");
}

TEST(Readme, Misbehaving) {
  MockHyperstart agent;
  agent.Start();
  TinyClient client(agent.GetSocketPaths());
  ASSERT_TRUE(agent.WaitForConnection());
#include "readme/misbehaving.1.inc"
  EXPECT_THROW(client.ReadIo(), std::runtime_error);
  EXPECT_TRUE(client.Call(Command::kPing));
  EXPECT_TRUE(client.Call(Command::kPing));
  EXPECT_THROW(client.Call(Command::kVersion), std::runtime_error);
  // No client understands the rest: this one does not read it.
  const Connection ctl("ctl", agent.GetSocketPaths().ctl, 4);
  for (int i = 0; i < 3; ++i) ctl.Write(CtlFrame(Command::kExecCmd));
  EXPECT_TRUE(agent.WaitForPlans());
}

TEST(Readme, WhenATestFails) {
  MockHyperstart agent;
  agent.Start();
  TinyClient client(agent.GetSocketPaths());
#include "readme/when_a_test_fails.1.inc"
}

TEST(Readme, BetweenClientAndAgent) {
  MockHyperstart agent;
  agent.Start();
#include "readme/between_client_and_agent.1.inc"
  EXPECT_TRUE(replayer.WaitForMessage(Command::kPing));
  EXPECT_TRUE(replayer.TakeViolations().empty());
  std::remove("session.json");
}

/// The client of README's picture: a bug.
void RunContainer(const TinyClient& client) {
  client.Call(Command::kStartPod, R"({"hostname":"web"})");
  client.Call(Command::kNewContainer, R"({"id":"web"})");
}

TEST(Picture, DISABLED_DestroysThePodIfTheContainerFails) {
  MockHyperstart agent;
  agent.On(Command::kNewContainer).WillOnce(Reply::Error("no such image"));
  agent.Start();
  const TinyClient client(agent.GetSocketPaths());
  ASSERT_TRUE(agent.WaitForConnection());
  RunContainer(client);
  EXPECT_TRUE(agent.WaitForMessage(Command::kDestroyPod, 100ms));
}

}  // namespace
