// Programs: what a Custom one can do, and that a Local one is a real process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mock_hyperstart/agent_model.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/model_client.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    agent_.Start();
    client_.emplace(agent_.GetSocketPaths());
    EXPECT_TRUE(agent_.WaitForConnection(kDeadline));
    EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Ack());
  }

  /// c1 with init "i" of seq 1, whose program starts so.
  void Run(std::function<void(Process&)> on_start, bool terminal = false) {
    model_->OnAnyProgram(Program::Custom(std::move(on_start)));
    Start({"/x"}, terminal);
  }
  void RunLocally(const std::vector<std::string>& args, bool terminal = false) {
    model_->OnAnyProgram(Program::Local());
    Start(args, terminal);
  }
  void Start(const std::vector<std::string>& args, bool terminal) {
    ASSERT_EQ(client_->Call(Command::kNewContainer,
                            ContainerJson("c1", ProcessJson("i", 1, args, terminal))),
              Ack());
  }
  Answered Signal(int number) {
    return client_->Call(Command::kSignalProcess, SignalJson("c1", "i", number));
  }
  /// What came of a stream so far holds that text, or the test times out.
  std::string ReadUntil(std::uint64_t seq, const std::string& text) {
    std::string data;
    while (data.find(text) == std::string::npos) {
      const wire::Frame frame = client_->ReadIo();
      if (frame.key != seq || frame.payload.empty()) {
        throw std::runtime_error("the stream ended after " + data);
      }
      data += frame.payload;
    }
    return data;
  }

  MockHyperstart agent_;
  std::unique_ptr<AgentModel> model_ = std::make_unique<AgentModel>(agent_);
  std::optional<ModelClient> client_;
};

TEST_F(ProcessTest, KnowsWhatTheClientAskedFor) {
  std::promise<Process> started;
  model_->OnAnyProgram(Program::Custom([&](Process& process) { started.set_value(process); }));
  Json process = ProcessJson("i", 1, {"prog", "arg"}, true);
  process["envs"].push_back({{"env", "A"}, {"value", "1"}});
  process["workdir"] = "work";
  process["user"] = "app";
  ASSERT_EQ(client_->Call(Command::kNewContainer, ContainerJson("c1", process)), Ack());
  const Process running = started.get_future().get();
  EXPECT_EQ(running.container(), "c1");
  EXPECT_EQ(running.id(), "i");
  EXPECT_THAT(running.args(), ElementsAre("prog", "arg"));
  EXPECT_THAT(running.envs(), ElementsAre(Pair("A", "1")));
  EXPECT_THAT(running.environment(),
              ElementsAre("HOME=/home/app", "HOSTNAME=h", "TERM=xterm", "USER=app",
                          "PATH=/usr/local/bin:/usr/bin:/bin:.", "A=1"));
  EXPECT_EQ(running.cwd(), "/work");
  EXPECT_EQ(running.user(), "app");
  EXPECT_TRUE(running.terminal());
  EXPECT_EQ(running.size(), WindowSize());
}

TEST_F(ProcessTest, WritesToBothStreams) {
  Run([](Process& process) {
    process.Out("out");
    process.Err("err");
    process.Out("");  // no end of stream
    process.Exit(256 + 7);
  });
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "out"}));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{2, "err"}));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, ""}));
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 7}));
}

TEST_F(ProcessTest, WritesStderrOfATerminalToStdout) {
  Run([](Process& process) { process.Err("err"); }, true);
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "err"}));
}

TEST_F(ProcessTest, KeepsInputUntilItIsRead) {
  std::promise<Process> started;
  Run([&](Process& process) { started.set_value(process); });
  const Process process = started.get_future().get();
  client_->Write(1, std::string(500, 'a'));
  client_->Write(1, std::string(500, 'b'));
  client_->CloseStdin(1);
  client_->Write(77, "");
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{77, ""})) << "all of that has arrived";
  process.OnStdin([process](const std::string& data) { process.Out(data); });
  process.OnStdinEnd([process] { process.Exit(0); });
  EXPECT_EQ(client_->ReadStream(1), std::string(500, 'a') + std::string(12, 'b'));
}

TEST_F(ProcessTest, HandlesSignalsButNotSigkill) {
  Run([](Process& process) {
    process.OnSignal([process](int number) { process.Out(std::to_string(number)); });
  });
  EXPECT_EQ(Signal(SIGTERM), Ack());
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, std::to_string(SIGTERM)}));
  EXPECT_EQ(Signal(SIGKILL), Ack());
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, ""}));
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 0}));
}

TEST_F(ProcessTest, HearsOfItsWindow) {
  Run(
      [](Process& process) {
        process.OnWindowSize([process](int rows, int columns) {
          process.Out(std::to_string(rows) + " " + std::to_string(columns));
        });
      },
      true);
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "i", 65536 + 4, -1)), Ack());
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "4 65535"}));
}

TEST_F(ProcessTest, HearsOfItsWindowThoughTheClientRepeatsTheSize) {
  std::promise<void> resized;
  Run(
      [&](Process& process) {
        process.OnWindowSize(
            [process](WindowSize size) { process.Out(std::to_string(size.rows)); });
        resized.get_future().wait();
      },
      true);
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "i", 24, 80)), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "i", 24, 80)), Ack());
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
  resized.set_value();
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "24"}));
}

TEST_F(ProcessTest, MayBeUsedFromAnyThreadAndAfterItsEnd) {
  std::promise<Process> started;
  Run([&](Process& process) { started.set_value(process); });
  const Process process = started.get_future().get();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([process] { process.Out("x"); });
  for (std::thread& thread : threads) thread.join();
  process.KilledBy(SIGSEGV);
  EXPECT_EQ(client_->ReadStream(1), "xxxx");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 0}));
  process.Out("late");
  process.OnStdin([](const std::string&) {});
  process.Exit(1);
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
  model_.reset();
  process.Out("later");
  process.Exit(1);
  EXPECT_THAT(process.args(), ElementsAre("/x"));
}

TEST_F(ProcessTest, MayBeReferredToAsLongAsTheModelLives) {
  std::promise<Process*> started;
  Run([&](Process& process) { started.set_value(&process); });
  Process& process = *started.get_future().get();
  process.OnSignal([&process](int) { process.Exit(1); });
  EXPECT_EQ(Signal(SIGHUP), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 1}));
  process.Out("late");
  EXPECT_EQ(process.id(), "i");
}

TEST_F(ProcessTest, ReportsWhatAFunctionThrows) {
  Run([](Process& process) {
    process.Exit(1);
    throw std::runtime_error("broken");
  });
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 1}));
  const std::vector<Violation> violations = agent_.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_THAT(violations[0].what, HasSubstr("threw: broken"));
}

// ---- Local

TEST_F(ProcessTest, RunsAProcessOfThisMachine) {
  RunLocally({"/bin/sh", "-c", "echo out; echo err >&2; cat; exit 3"});
  client_->Write(1, "hello\n");
  client_->CloseStdin(1);
  std::string out;
  std::string err;
  for (wire::Frame frame = client_->ReadIo(); !frame.payload.empty(); frame = client_->ReadIo()) {
    (frame.key == 1 ? out : err) += frame.payload;
  }
  EXPECT_EQ(out, "out\nhello\n");
  EXPECT_EQ(err, "err\n");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 3}));
}

TEST_F(ProcessTest, GivesItTheEnvironmentAndDirectoryOfThePayload) {
  model_->OnAnyProgram(Program::Local());
  Json process = ProcessJson("i", 1, {"/bin/sh", "-c", "echo $A $HOSTNAME; pwd"});
  process["envs"].push_back({{"env", "A"}, {"value", "two words"}});
  process["workdir"] = "usr";
  ASSERT_EQ(client_->Call(Command::kNewContainer, ContainerJson("c1", process)), Ack());
  EXPECT_EQ(client_->ReadStream(1), "two words h\n/usr\n");
}

TEST_F(ProcessTest, TellsHowAnExecFailed) {  // [virtio-09e-exec-status-kinds]
  RunLocally({"/etc/passwd/x"});
  EXPECT_EQ(client_->ReadStream(2, 68),
            "exec failed: Not a directory\nhyper send process inited event: error\n");
  EXPECT_EQ(client_->ReadStream(1), "");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 125}));
}

TEST_F(ProcessTest, GivesItATerminal) {
  RunLocally({"/bin/sh", "-c", "tty; read x; stty size; echo got $x"}, true);
  EXPECT_THAT(ReadUntil(1, "\r\n"), StartsWith("/dev/"));
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "i", 24, 80)), Ack());
  client_->Write(1, "abc\n");
  EXPECT_EQ(client_->ReadStream(1), "abc\r\n24 80\r\ngot abc\r\n");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 0}));
}

TEST_F(ProcessTest, SignalsItsGroup) {  // [virtio-09b-signal-group]
  RunLocally({"/bin/sh", "-c",
              "(trap 'exit 6' TERM; echo child; while :; do sleep 1; done) & "
              "echo $$; wait"});
  ReadUntil(1, "child\n");
  EXPECT_EQ(Signal(SIGTERM), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 0}));
}

TEST_F(ProcessTest, IsOverWhenNothingHoldsItsStreams) {  // [virtio-06p, virtio-09m]
  RunLocally({"/bin/cat"});
  const auto exec = [&](std::uint64_t seq, const std::vector<std::string>& args) {
    return client_->Call(Command::kExecCmd, ExecJson("c1", ProcessJson("e", seq, args)));
  };
  ASSERT_EQ(exec(3, {"/bin/sh", "-c", "sleep 1000 & echo $$; exit 3"}), Ack());
  const auto shell = static_cast<pid_t>(std::atoi(ReadUntil(3, "\n").c_str()));
  while (::kill(shell, 0) == 0) std::this_thread::yield();  // until it is reaped
  EXPECT_EQ(exec(5, {"/bin/true"}), Error()) << "its id is taken";
  client_->Write(3, "dropped");
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "e", SIGTERM)), Ack())
      << "its group is still there";
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e", 3})) << "with its own status";
  EXPECT_EQ(client_->ReadStream(3), "");
  EXPECT_EQ(exec(5, {"/bin/true"}), Ack());
}

TEST_F(ProcessTest, EndsWithItsContainerThoughItLeftTheGroup) {
  RunLocally({"/bin/sh", "-c", "setsid sleep 1000 & echo started; exit 3"});
  EXPECT_EQ(client_->ReadStream(1), "started\n");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 3}));
}

// Its output takes longer to read than the other process takes to be killed.
TEST_F(ProcessTest, EndsBeforeTheOthersOfItsContainer) {  // [virtio-06r3]
  constexpr int kLives = 20;
  for (int life = 0; life < kLives; ++life) {
    RunLocally({"/bin/sh", "-c", "read line; head -c 60000 /dev/zero; exit 3"});
    ASSERT_EQ(client_->Call(Command::kExecCmd,
                            ExecJson("c1", ProcessJson("e", 3, {"/bin/sleep", "1000"}))),
              Ack());
    client_->Write(1, "go\n");
    EXPECT_EQ(client_->ReadStream(1).size(), 60000U);
    EXPECT_EQ(client_->ReadStream(3), "");
    EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 3}));
    EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e", 0}));
  }
}

TEST_F(ProcessTest, DoesNotHoldUpCtlThoughItNeverStopsWriting) {
  RunLocally({"/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"});
  std::thread reader([&] {
    while (!client_->ReadIo().payload.empty()) {
    }
  });
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client_->Call(Command::kPing), Ack());
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", SIGKILL)), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 0}));
  reader.join();
}

TEST_F(ProcessTest, IsKilledAndReapedWithTheModel) {
  RunLocally({"/bin/sh", "-c", "trap '' TERM; setsid sleep 1000 & echo $$ $!; sleep 1000"});
  const std::string pids = ReadUntil(1, "\n");
  const auto shell = static_cast<pid_t>(std::atoi(pids.c_str()));
  const auto child = static_cast<pid_t>(std::atoi(pids.c_str() + pids.find(' ')));
  ASSERT_GT(shell, 0);
  ASSERT_EQ(::kill(shell, 0), 0);
  model_.reset();
  EXPECT_EQ(::waitpid(shell, nullptr, WNOHANG), -1) << "it has been reaped";
  // Its child is someone else's to reap: it is gone or a zombie.
  EXPECT_TRUE(::kill(child, 0) != 0 || ::kill(child, SIGKILL) == 0);
}

TEST_F(ProcessTest, NeverRunsAnythingByDefault) {
  Start({"/bin/sh", "-c", "echo no"}, false);
  EXPECT_EQ(client_->ReadIo().key, 2u) << "exec failed";
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i", 127}));
}

}  // namespace
}  // namespace hyperstart
