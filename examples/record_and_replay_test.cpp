// A session with an agent becomes a test that needs no agent. Here the agent is a model; where you
// have a virtual machine, forward to its sockets, once, and keep the recording with your tests.

#include <gtest/gtest.h>

#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/compare.hpp>
#include <mock_hyperstart/recording.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "hyperstart_connection.hpp"
#include "hyperstart_ctl.hpp"

namespace {

/// The code under test: runs cat in a pod of that name, and returns what it wrote and its status.
std::string RunCat(const hyperstart::SocketPaths& paths, const std::string& pod) {
  Ctl ctl(paths.ctl);
  const Connection io("io", paths.io, 8);
  ctl.Call(kStartPod, R"({"hostname":")" + pod + R"(","shareDir":"share_dir"})");
  ctl.Call({6, "execcmd"}, R"({"container":"hyperstart","process":{"id":"cat","terminal":false,)"
                           R"("stdio":1,"stderr":2,"args":["/bin/cat"],"envs":[],"workdir":"/"}})");
  io.Write(io.Encode({1, "hello"}));
  const std::string output = io.ReadFrame().payload;
  io.Write(io.Encode({1, ""}));
  while (!ctl.exit_status()) ctl.Take();
  io.ReadFrame();  // the end of the stream
  return output + ", status " + std::to_string(*ctl.exit_status());
}

class RecordAndReplay : public testing::Test {
 protected:
  /// The session: the client, a spy that records, and the agent.
  void Record() {
    hyperstart::MockHyperstart agent;
    hyperstart::AgentModel model(agent);
    model.OnProgram("/bin/cat", hyperstart::Program::Echo());
    agent.Start();

    hyperstart::Options options;
    options.keep_all = true;
    hyperstart::MockHyperstart spy(options);
    spy.ForwardTo(agent.GetSocketPaths());  // of a virtual machine: {"/run/vm/ctl.sock", …}
    hyperstart::CompareWithModel(spy);      // fails the test if that agent is not as the model
    spy.Start();
    EXPECT_EQ(RunCat(spy.GetSocketPaths(), "web"), "hello, status 0");
    spy.Stop();
    hyperstart::SaveRecording(spy, recording_);
  }

  const std::string recording_ = testing::TempDir() + "session." +
                                 testing::UnitTest::GetInstance()->current_test_info()->name() +
                                 ".json";
};

TEST_F(RecordAndReplay, TheSameClientWithoutTheAgent) {
  Record();
  hyperstart::MockHyperstart agent;
  hyperstart::Replay(agent, recording_);
  agent.Start();
  EXPECT_EQ(RunCat(agent.GetSocketPaths(), "web"), "hello, status 0");
}

TEST_F(RecordAndReplay, AClientThatSaysSomethingElse) {
  Record();
  hyperstart::MockHyperstart agent;
  hyperstart::Replay(agent, recording_);
  agent.Start();
  EXPECT_THROW(RunCat(agent.GetSocketPaths(), "db"), std::runtime_error);
  const std::vector<hyperstart::Violation> violations = agent.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_NE(violations[0].what.find(R"(/hostname: expected "web", came "db")"), std::string::npos);
}

TEST_F(RecordAndReplay, WhatMayDiffer) {
  Record();
  hyperstart::ReplayOptions options;
  options.ignore = {"/hostname"};
  hyperstart::MockHyperstart agent;
  hyperstart::Replay(agent, recording_, options);
  agent.Start();
  EXPECT_EQ(RunCat(agent.GetSocketPaths(), "db"), "hello, status 0");
}

}  // namespace
