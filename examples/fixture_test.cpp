// A fixture for tests of one client: a pod is there before each test, and after each test the
// fixture checks what every test expects of the client.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <mock_hyperstart/client_thread.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "hyperstart_ctl.hpp"

namespace {

using hyperstart::ClientThread, hyperstart::IsCommand, hyperstart::IsMessage;
using hyperstart::MockHyperstart, hyperstart::Options, hyperstart::Reply;
using testing::HasSubstr, testing::IsEmpty;

// The code under test.
class Pod {
 public:
  explicit Pod(const std::string& ctl_path) : ctl_(ctl_path) {
    ctl_.Call(kStartPod, R"({"hostname":"web"})");
  }
  void Destroy() { ctl_.Call(kDestroyPod); }
  void Run(const std::string& id) { ctl_.Call(kNewContainer, R"({"id":")" + id + R"("})"); }
  int WaitForExit() {
    while (!ctl_.exit_status()) ctl_.Take();
    return *ctl_.exit_status();
  }

 private:
  Ctl ctl_;
};

// The order of declaration: the mock, then what uses it. Members are destroyed in reverse order.
class PodTest : public testing::Test {
 protected:
  void SetUp() override {
    agent_.Start();
    pod_.emplace(agent_.GetSocketPaths().ctl);
    ASSERT_TRUE(agent_.WaitForMessage(hyperstart::Command::kStartPod));
  }
  // Not in the destructor, where no ASSERT can be used.
  void TearDown() override {
    pod_->Destroy();
    EXPECT_TRUE(agent_.WaitForMessage(hyperstart::Command::kDestroyPod));
    EXPECT_THAT(agent_.GetLastMessages(), IsEmpty()) << "a test takes what it expects";
    agent_.Stop();  // fails the test for violations and unused plans
  }

  MockHyperstart agent_{StrictOptions()};
  std::optional<Pod> pod_;

 private:
  static Options StrictOptions() {
    Options options;
    options.strict = true;  // a client that would kill the real agent fails each test
    return options;
  }
};

TEST_F(PodTest, RunsAContainer) {
  pod_->Run("web");
  EXPECT_TRUE(agent_.WaitForMessage(
      IsMessage(hyperstart::Command::kNewContainer, HasSubstr(R"("id":"web")"))));
}

TEST_F(PodTest, ReportsAContainerThatFails) {
  agent_.On(hyperstart::Command::kNewContainer).WillOnce(Reply::Error("no such image"));
  EXPECT_THROW(pod_->Run("web"), std::runtime_error);
  EXPECT_TRUE(agent_.WaitForMessage(IsCommand(hyperstart::Command::kNewContainer)));
}

// A client that blocks gets its ClientThread in the test, after the fixture's members.
TEST_F(PodTest, WaitsForTheEndOfAProcess) {
  int status = -1;
  ClientThread client(agent_, [&] { status = pod_->WaitForExit(); });
  agent_.SendProcessEvent("web", "init", 3);
  ASSERT_TRUE(client.Join());
  EXPECT_EQ(status, 3);
}

}  // namespace
