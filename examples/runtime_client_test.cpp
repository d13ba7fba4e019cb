// Tests of a client in a child process: it talks to the mock as it would to the agent. The first
// test prints the conversation while it happens.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <string>

#include "child_process.hpp"

namespace {

using hyperstart::Command, hyperstart::DecodedMessage, hyperstart::IoPacket;
using hyperstart::MockHyperstart;

ChildProcess RunClient(const MockHyperstart& agent,
                       const std::string& pod = R"({"hostname":"web","shareDir":"share"})") {
  const auto& [ctl, io] = agent.GetSocketPaths();
  return ChildProcess({RUNTIME_CLIENT_PATH, ctl, io, pod});
}

TEST(RuntimeClient, RunsAProcess) {
  MockHyperstart agent;
  agent.Start();
  ChildProcess client = RunClient(agent);
  for (const Command command : {Command::kVersion, Command::kStartPod, Command::kNewContainer}) {
    const auto message = agent.WaitForMessage();
    ASSERT_TRUE(message);
    fmt::print("client  ctl  {}\n", *message);
    EXPECT_EQ(message->command, command);
  }

  client.WriteStdin("hello\n");
  const auto hello = agent.ReadIo(1);
  ASSERT_TRUE(hello);
  fmt::print("client  io   {}\n", *hello);
  EXPECT_EQ(*hello, (IoPacket{1, "hello\n"}));

  fmt::print("agent   io   HELLO on seq 1, \"1 line\" on seq 2\n");
  agent.SendIo(1, "HELLO\n");
  agent.SendIo(2, "1 line\n");

  client.WriteStdin("bye\n");
  client.CloseStdin();
  const auto rest = agent.ReadStreamToEnd(1);
  ASSERT_TRUE(rest);
  fmt::print("client  io   seq 1 to its end: {}", *rest);
  EXPECT_EQ(*rest, "bye\n");

  fmt::print("agent   io   seq 1: end of stream; ctl: the process is over, status 3\n");
  agent.CloseIo(1);
  agent.SendProcessEvent("web", "init", 3);

  const auto last = agent.WaitForMessage();
  ASSERT_TRUE(last);
  fmt::print("client  ctl  {}\n", *last);
  EXPECT_EQ(*last, (DecodedMessage{Command::kDestroyPod, ""}));

  const ChildProcess::Result result = client.Finish();
  fmt::print("client  exits with {}, has printed {}", result.status, result.out);
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "HELLO\n");
  EXPECT_EQ(result.err, "1 line\n");
}

// The client writes 512 bytes at a time, and continues when `next` has counted them all.
TEST(RuntimeClient, SendsMoreThanTheAgentReadsAtOnce) {
  const std::string pod = R"({"hostname":")" + std::string(5000, 'w') + R"("})";
  const std::string input(20000, 'i');
  MockHyperstart agent;
  agent.Start();
  ChildProcess client = RunClient(agent, pod);
  client.WriteStdin(input);
  client.CloseStdin();

  const auto stream = agent.ReadStreamToEnd(1);
  ASSERT_TRUE(stream);
  EXPECT_EQ(*stream, input);
  agent.SendProcessEvent("web", "init", 0);  // before the stream's end: either order is right
  agent.CloseIo(1);
  EXPECT_EQ(client.Finish().status, 0);
  EXPECT_EQ(agent.GetLastMessages().at(1), (DecodedMessage{Command::kStartPod, pod}));
}

TEST(RuntimeClient, ReportsAnAgentThatDies) {
  MockHyperstart agent;
  agent.Start();
  ChildProcess client = RunClient(agent);
  ASSERT_TRUE(agent.WaitForMessage(Command::kNewContainer));
  agent.Stop();

  const ChildProcess::Result result = client.Finish();
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.err, testing::HasSubstr("the agent hung up"));
}

}  // namespace
