// A container's whole life without a virtual machine: a client starts a pod and a container, runs a
// shell in it, feeds its stdin, reads both of its streams, resizes its terminal, signals it, waits
// for its end and destroys the pod. Behind the sockets is a model of the agent, with its state, and
// not a list of replies.

#include <gtest/gtest.h>

#include <cstdint>
#include <mock_hyperstart/agent_model.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "hyperstart_connection.hpp"
#include "hyperstart_ctl.hpp"

namespace {

using hyperstart::Process;
using hyperstart::Program;

constexpr Command kExecCmd{6, "execcmd"}, kWinSize{11, "winsize"};
constexpr Command kReadFile{16, "readfile"}, kWriteFile{15, "writefile"};
constexpr Command kSignalProcess{24, "signalprocess"};

/// What the container runs: it answers each line, until a signal ends it.
Program Shell() {
  return Program::Custom([](Process& shell) {
    shell.Out("$ ");
    shell.OnStdin([shell](const std::string& line) {
      shell.Err("running " + line);
      shell.Out("done\n$ ");
    });
    shell.OnWindowSize([shell](int rows, int columns) {
      shell.Out(std::to_string(rows) + " rows, " + std::to_string(columns) + " columns\n$ ");
    });
    shell.OnSignal([shell](int signal) { shell.Exit(100 + signal); });
  });
}

TEST(ContainerLifecycle, IsWhatTheRealAgentMakesOfIt) {
  hyperstart::MockHyperstart agent;
  hyperstart::AgentModel model(agent);
  model.OnProgram("/bin/sh", Shell()).OnProgram("/sbin/init", Program::UntilKilled());
  agent.Start();

  Ctl ctl(agent.GetSocketPaths().ctl);
  const Connection io("io", agent.GetSocketPaths().io, 8);
  const auto write = [&](std::uint64_t seq, std::string data) {
    io.Write(io.Encode({seq, std::move(data)}));
  };
  const auto expect = [&](std::uint64_t seq, const std::string& data) {
    const Frame frame = io.ReadFrame();
    EXPECT_EQ(frame.key, seq);
    EXPECT_EQ(frame.payload, data);
  };

  // A pod, and in it a container with its init.
  ctl.Call(kStartPod, R"({"hostname":"web","shareDir":"share_dir"})");
  ctl.Call(kNewContainer, R"({"id":"web","rootfs":"rootfs","image":"img","process":{"id":"init",)"
                          R"("terminal":false,"stdio":1,"stderr":2,"args":["/sbin/init"],)"
                          R"("workdir":"/"}})");
  EXPECT_EQ(model.Containers().at(0).id, "web");

  // A file.
  ctl.Call(kWriteFile, R"({"container":"web","file":"/etc/motd"}welcome)");
  EXPECT_EQ(ctl.Call(kReadFile, R"({"container":"web","file":"/etc/motd"})"), "welcome");
  EXPECT_EQ(model.File("web", "/etc/motd"), "welcome");

  // A shell on a terminal, with a stream of its own for stderr.
  ctl.Call(kExecCmd, R"({"container":"web","process":{"id":"shell","terminal":true,"stdio":3,)"
                     R"("stderr":4,"args":["/bin/sh"],"envs":[{"env":"LANG","value":"C"}]}})");
  expect(3, "$ ");
  write(3, "date\n");
  expect(4, "running date\n");
  expect(3, "done\n$ ");
  ctl.Call(kWinSize, R"({"container":"web","process":"shell","row":24,"column":80})");
  expect(3, "24 rows, 80 columns\n$ ");

  // Its end: an empty frame, and an event with its status.
  ctl.Call(kSignalProcess, R"({"container":"web","process":"shell","signal":15})");
  expect(3, "");
  while (!ctl.exit_status()) ctl.Take();
  EXPECT_EQ(ctl.exit_status(), 115);
  EXPECT_FALSE(model.Containers().at(0).processes.at(1).running);

  // What is wrong is an error, as there.
  EXPECT_THROW(ctl.Call(kSignalProcess, R"({"container":"web","process":"shell","signal":15})"),
               std::runtime_error);

  // The end of all: SIGTERM to init, its end, the reply, and both channels close.
  ctl.Call(kDestroyPod);
  expect(1, "");
  EXPECT_THROW(io.ReadFrame(), std::runtime_error);
}

}  // namespace
