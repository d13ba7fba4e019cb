// A test that fails on purpose, to see what it prints: the code under test has two bugs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <mock_hyperstart.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <string>

#include "hyperstart_connection.hpp"
#include "hyperstart_ctl.hpp"

namespace {

using hyperstart::Channel, hyperstart::IsMessage, hyperstart::MockHyperstart, hyperstart::Reply;
using testing::HasSubstr;
using namespace std::chrono_literals;

// The code under test is to start a pod, a container "web" in it, and to try again if the pod has
// no space yet.
void StartWeb(const std::string& ctl_path) {
  Ctl ctl(ctl_path);
  try {
    ctl.Call(kStartPod, R"({"hostname":"web","shareDir":"share"})");
  } catch (const std::runtime_error&) {
    ctl.Call(kStartPod, R"({"hostname":"web","shareDir":"share"})");
  }
  ctl.Call(kNewContainer, R"({"id":"wbe","process":{"args":["/bin/httpd"]}})");  // a bug: "wbe"
  ctl.Write(ToBytes(4, 4) + ToBytes(12, 4));  // a bug: it announces 4 more bytes, and leaves
}

TEST(StartWeb, StartsTheContainer) {
  MockHyperstart agent;
  agent.On(hyperstart::Command::kStartPod).WillOnce(Reply::Error("no space left"));
  agent.Start();

  StartWeb(agent.GetSocketPaths().ctl);

  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl));
  EXPECT_TRUE(agent.WaitForMessage(
      IsMessage(hyperstart::Command::kNewContainer, HasSubstr(R"("id":"web")")), 1ms));
}

}  // namespace
