// Commands that are expected, counted and ordered with GoogleMock: CommandMock answers what no plan
// answers. Its destructor waits for a call that is running, so a test may end at any moment.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <mock_hyperstart/client_thread.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "hyperstart_ctl.hpp"

namespace {

using hyperstart::ClientThread, hyperstart::CommandMock, hyperstart::IsCommand;
using hyperstart::IsMessage, hyperstart::MockHyperstart, hyperstart::Reply;
using testing::HasSubstr, testing::InSequence, testing::Return;

// The code under test. Starts a pod and its containers. Destroys the pod if a container fails.
void RunContainers(const std::string& ctl_path, const std::vector<std::string>& ids) {
  Ctl ctl(ctl_path);
  ctl.Call(kStartPod, R"({"hostname":"web"})");
  try {
    for (const std::string& id : ids) ctl.Call(kNewContainer, R"({"id":")" + id + R"("})");
  } catch (const std::runtime_error&) {
    ctl.Call(kDestroyPod);
    throw;
  }
}

// The order of declaration: the mock, then the CommandMock. Set the expectations before the client
// connects.
TEST(RunContainers, StartsThePodFirst) {
  MockHyperstart agent;
  CommandMock commands(agent);
  {
    const InSequence in_order;
    EXPECT_CALL(commands, Call(IsCommand(hyperstart::Command::kStartPod)));  // acked
    EXPECT_CALL(commands, Call(IsMessage(hyperstart::Command::kNewContainer, HasSubstr("web"))));
    EXPECT_CALL(commands, Call(IsMessage(hyperstart::Command::kNewContainer, HasSubstr("db"))));
  }
  agent.Start();

  RunContainers(agent.GetSocketPaths().ctl, {"web", "db"});
}

TEST(RunContainers, DestroysThePodIfAContainerFails) {
  MockHyperstart agent;
  CommandMock commands(agent);
  EXPECT_CALL(commands, Call(IsCommand(hyperstart::Command::kStartPod)));
  EXPECT_CALL(commands, Call(IsCommand(hyperstart::Command::kNewContainer)))
      .WillOnce(Return(Reply::Ack()))
      .WillOnce(Return(Reply::Error("no such image")));  // of "db"; "cache" is never asked for
  EXPECT_CALL(commands, Call(IsCommand(hyperstart::Command::kDestroyPod)));
  agent.Start();

  EXPECT_THROW(RunContainers(agent.GetSocketPaths().ctl, {"web", "db", "cache"}),
               std::runtime_error);
}

// Without GoogleMock's counts, a plan is enough: a command that matches is answered by it, and an
// answer that was never used fails the test.
TEST(RunContainers, IsAnsweredByAPlan) {
  MockHyperstart agent;
  agent.On(IsMessage(hyperstart::Command::kNewContainer, HasSubstr("db")))
      .WillOnce(Reply::Error("no such image"));
  agent.Start();
  ClientThread client(agent, [&] {
    EXPECT_THROW(RunContainers(agent.GetSocketPaths().ctl, {"web", "db"}), std::runtime_error);
  });

  EXPECT_TRUE(agent.WaitForPlans());  // until the error has been sent
  EXPECT_TRUE(agent.WaitForMessage(hyperstart::Command::kDestroyPod));
}

}  // namespace
