// The core of the model without a double and without a thread: the test calls RunToRest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <memory>
#include <mock_hyperstart.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/model/agent_commands.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "model/model_client.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Keeps what the core says: "CHANNEL TEXT".
class HeardAgent final : public DetachedAgent {
 public:
  explicit HeardAgent(std::vector<std::string>& heard) : heard_(heard) {}

  void SendMessage(Command command, std::string_view payload) override {
    heard_.push_back("ctl " + CommandName(command) + " " + std::string(payload));
  }
  void SendIo(std::uint64_t seq, std::string_view data) override {
    heard_.push_back("io " + std::to_string(seq) + " " + std::string(data));
  }
  void ReportViolation(Violation violation) override {
    heard_.push_back("violation " + violation.what);
  }
  void Note(Channel, std::string_view) override {}

 private:
  std::vector<std::string>& heard_;
};

/// A core whose programs ignore signals. It records each signal.
class SignalRecordingCore final : public AgentCommands {
 public:
  using AgentCommands::AgentCommands;
  std::vector<std::string> signals;

 private:
  void SignalProgram(ModelProcess& process, int number) override {
    signals.push_back(process.spec().id + " " + std::to_string(number));
  }
};

template <typename Core>
class CoreTest : public testing::Test {
 protected:
  CoreTest() {
    core_->ChangeSetup([this](MachineSetup& setup) {
      setup.AddProgram("/stays", Program::Custom([this](Process& process) {
                         processes_.push_back(process);
                         process.OnStdin([process](const std::string& data) { process.Out(data); });
                       }));
      setup.AddProgram("/exits", Program::Exit(3));
    });
    Call(Command::kStartPod, kPodJson);
    heard_.clear();
  }
  ~CoreTest() override { core_->Shutdown(); }

  /// Sends a command, and lets the core do what comes of it.
  void Call(Command command, const Json& payload) {
    Hear(core_->Handle({command, payload.dump()}));
    core_->RunToRest();
  }

  void Hear(const Reply& reply) {
    const ReplySpec& spec = ReplyAccess::Spec(reply);
    heard_.push_back("ctl " + CommandName(spec.command) + " " + spec.bytes);
  }

  std::vector<std::string> heard_;
  std::vector<Process> processes_;  // of /stays
  std::shared_ptr<Core> core_ = std::make_shared<Core>(std::make_unique<HeardAgent>(heard_), false);
};

using PlainCoreTest = CoreTest<AgentCommands>;
using SignalRecordingCoreTest = CoreTest<SignalRecordingCore>;

TEST_F(PlainCoreTest, RunsToRestOnTheCallersThread) {
  Call(Command::kNewContainer, ContainerJson("c", ProcessJson("i", 1, {"/stays"})));
  EXPECT_THAT(heard_, ElementsAre("ctl ack ")) << "its program runs on";
  ASSERT_EQ(processes_.size(), 1u);
  core_->HandleIo({1, "in"});
  core_->RunToRest();
  EXPECT_THAT(heard_, ElementsAre("ctl ack ", "io 1 in"));
  processes_.front().Exit(4);
  EXPECT_THAT(heard_, ElementsAre("ctl ack ", "io 1 in")) << "nobody serves it meanwhile";
  core_->RunToRest();
  EXPECT_THAT(heard_, ElementsAre("ctl ack ", "io 1 in", "io 1 ",
                                  R"(ctl processasyncevent {"container":"c","process":"i",)"
                                  R"("event":"finished","status":4})"));
  heard_.clear();
  core_->RunToRest();
  EXPECT_THAT(heard_, IsEmpty());
}

TEST_F(PlainCoreTest, StartsAndEndsAProcessInOneGo) {
  Call(Command::kNewContainer, ContainerJson("c", ProcessJson("i", 1, {"/exits"})));
  EXPECT_THAT(heard_, ElementsAre("ctl ack ", "io 1 ", HasSubstr(R"("status":3)")));
}

TEST_F(PlainCoreTest, DoesNothingElseAsLongAsThereIsAReply) {
  Call(Command::kNewContainer, ContainerJson("c", ProcessJson("i", 1, {"/stays"})));
  Call(Command::kExecCmd, ExecJson("c", ProcessJson("e", 3, {"/stays"})));
  heard_.clear();
  std::optional<Reply> reply =
      core_->Handle({Command::kSignalProcess, SignalJson("c", "e", SIGKILL).dump()});
  const std::optional<Reply> copy = reply;
  processes_[0].Out("out");
  core_->HandleIo({1, "in"});
  core_->HandleIo({7, "to nobody"});
  reply.reset();
  core_->RunToRest();
  EXPECT_THAT(heard_, IsEmpty());
  Hear(core_->Handle({Command::kPing, ""}));  // of the reply before nobody will tell any more
  core_->RunToRest();
  EXPECT_THAT(heard_, ElementsAre("io 7 ", "ctl ack ", "io 1 out", "io 3 ",
                                  HasSubstr(R"("process":"e")"), "io 1 in"));
}

TEST_F(SignalRecordingCoreTest, LeavesToADerivedClassWhatASignalDoes) {
  Call(Command::kNewContainer, ContainerJson("c", ProcessJson("i", 1, {"/stays"})));
  Call(Command::kExecCmd, ExecJson("c", ProcessJson("e", 3, {"/stays"})));
  Call(Command::kSignalProcess, SignalJson("c", "e", SIGTERM));
  Call(Command::kKillContainer, KillJson("c", SIGKILL));
  EXPECT_THAT(core_->signals, ElementsAre("e 15", "i 9"));
  EXPECT_EQ(heard_.size(), 4u) << "four replies, and no end";
  ASSERT_EQ(processes_.size(), 2u);
  processes_[0].Exit(0);
  core_->RunToRest();
  EXPECT_THAT(core_->signals, ElementsAre("e 15", "i 9", "e 9"))
      << "what runs in a container is killed when its init ends";
}

}  // namespace
}  // namespace hyperstart::detail
