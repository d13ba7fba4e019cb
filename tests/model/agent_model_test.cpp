// The model as a runtime sees it, with programs that are no real processes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mock_hyperstart/agent_model.hpp>
#include <mutex>
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
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;
using testing::Pair;
using testing::SizeIs;

std::string NulTerminated(const char* text) { return std::string(text) + '\0'; }

/// A program whose processes the test takes in hand: they ignore signals, and do nothing by
/// themselves.
class Inits {
 public:
  Program program() const {
    return Program::Custom([state = state_](Process& process) {
      process.OnSignal([](int) {});
      const std::lock_guard lock(state->mutex);
      state->last.emplace(process);
      state->started.notify_all();
    });
  }
  /// The one that was started last; waits for the first.
  Process Last() const {
    std::unique_lock lock(state_->mutex);
    if (!state_->started.wait_for(lock, kDeadline, [&] { return state_->last.has_value(); })) {
      throw std::runtime_error("the program was not started");
    }
    return *state_->last;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable started;
    std::optional<Process> last;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A mock with a model and, once Connect was called, a client.
class ModelTest : public testing::Test {
 protected:
  explicit ModelTest(AgentVersion version = AgentVersion::kHyperstart110, Options options = {})
      : agent_(std::move(options)), model_(agent_, version) {
    model_.OnProgram("/bin/cat", Program::Echo());
    model_.OnProgram("/bin/sleep", Program::UntilKilled());
    agent_.Start();
    client_.emplace(agent_.GetSocketPaths());
    EXPECT_TRUE(agent_.WaitForConnection(kDeadline));
  }

  void StartPod() { ASSERT_EQ(client_->Call(Command::kStartPod, kPodJson), Ack()); }
  /// c1, whose init is cat with seq 1.
  void StartContainer() {
    StartPod();
    ASSERT_EQ(client_->Call(Command::kNewContainer,
                            ContainerJson("c1", ProcessJson("init", 1, {"/bin/cat"}))),
              Ack());
  }
  Answered Exec(const std::string& container, const Json& process) {
    return client_->Call(Command::kExecCmd, ExecJson(container, process));
  }
  /// Both channels close, nobody is let in again, and the test is told why.
  void ExpectDeath(const std::string& why) {
    EXPECT_TRUE(client_->CtlCloses());
    EXPECT_TRUE(client_->IoCloses());
    EXPECT_THAT(ErrorOf([&] { ModelClient(agent_.GetSocketPaths()); }), HasSubstr("connect"));
    const std::vector<Violation> violations = agent_.TakeViolations();
    ASSERT_THAT(violations, SizeIs(1));
    EXPECT_THAT(violations[0].what, HasSubstr("The real agent dies of it"));
    EXPECT_THAT(violations[0].what, HasSubstr(why));
    EXPECT_THAT(agent_.Transcript(), HasSubstr(why));
  }
  /// Nothing is answered any more, not even with `next`.
  void ExpectHang(const std::string& why) {
    client_->Send(Command::kPing);
    ASSERT_TRUE(agent_.WaitForMessage(Command::kPing, kDeadline));
    client_->Write(77, "x");
    ASSERT_TRUE(agent_.ReadIo(77, kDeadline));
    EXPECT_THAT(agent_.Transcript(), HasSubstr("hangs for ever"));
    EXPECT_THAT(agent_.Transcript(), HasSubstr(why));
    client_->ctl().EndInput();
    client_->io().EndInput();
    EXPECT_TRUE(client_->CtlCloses());
    EXPECT_TRUE(client_->IoCloses());
  }

  MockHyperstart agent_;
  AgentModel model_;
  std::optional<ModelClient> client_;
};

TEST_F(ModelTest, CarriesAContainerThroughItsLife) {
  StartContainer();
  client_->Write(1, "hello\n");
  EXPECT_EQ(client_->ReadStream(1, 6), "hello\n");
  client_->CloseStdin(1);
  EXPECT_EQ(client_->ReadStream(1), "");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
  EXPECT_EQ(client_->Call(Command::kDestroyPod), Ack());
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
}

TEST_F(ModelTest, RunsAProgramThatNobodyNamedAsAMissingFile) {
  StartPod();
  ASSERT_EQ(Exec("hyperstart", ProcessJson("p", 3, {"/bin/unknown"})), Ack());
  EXPECT_EQ(client_->ReadStream(4, 39), "exec failed: No such file or directory\n");
  EXPECT_EQ(client_->ReadStream(3), "");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"hyperstart", "p", 127}));
}

TEST_F(ModelTest, LetsTheNewestProgramWin) {
  model_.OnAnyProgram(Program::Exit(1)).OnProgram("/x", Program::Exit(2));
  model_.OnProgram("/x", Program::Print("newest", 3));
  StartPod();
  ASSERT_EQ(Exec("hyperstart", ProcessJson("x", 3, {"/x"})), Ack());
  EXPECT_EQ(client_->ReadStream(3), "newest");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"hyperstart", "x", 3}));
  ASSERT_EQ(Exec("hyperstart", ProcessJson("y", 3, {"/y"})), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"hyperstart", "y", 1}));
}

TEST_F(ModelTest, LetsAPlanOfTheMockGoFirst) {
  agent_.On(Command::kStartPod).WillOnce(Reply::Error("disk full"));
  EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Error("disk full"));
  EXPECT_EQ(client_->Call(Command::kNewContainer,
                          ContainerJson("c1", ProcessJson("init", 1, {"/bin/cat"}))),
            Error())
      << "the model has seen no startpod";
}

TEST_F(ModelTest, TellsItsContainers) {
  EXPECT_THAT(model_.Containers(), IsEmpty());
  StartContainer();
  Json process = ProcessJson("e1", 3, {"/bin/sh", "-c", "exit 3"}, true);
  process["envs"].push_back({{"env", "A"}, {"value", "1"}});
  model_.OnProgram("/bin/sh", Program::Exit(3));
  ASSERT_EQ(Exec("c1", process), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e1", 3}));

  const std::vector<Container> containers = model_.Containers();
  ASSERT_THAT(containers, SizeIs(1));
  EXPECT_EQ(containers[0].id, "c1");
  ASSERT_THAT(containers[0].processes, SizeIs(2));
  EXPECT_EQ(containers[0].processes[0].id, "init");
  EXPECT_TRUE(containers[0].processes[0].running);
  const Container::ProcessState& exec = containers[0].processes[1];
  EXPECT_THAT(exec.args, ElementsAre("/bin/sh", "-c", "exit 3"));
  EXPECT_THAT(exec.envs, ElementsAre(Pair("A", "1")));
  EXPECT_TRUE(exec.terminal);
  EXPECT_FALSE(exec.running);
  EXPECT_EQ(exec.status, 3);

  client_->CloseStdin(1);
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
  EXPECT_THAT(model_.Containers(), IsEmpty()) << "a container is gone with its init";
}

TEST_F(ModelTest, KeepsFiles) {
  StartContainer();
  EXPECT_EQ(
      client_->Call(Command::kWriteFile, std::string(R"({"container":"c1","file":"tmp/w"}data)")),
      Ack());
  EXPECT_THAT(model_.File("c1", "/tmp/w"), Optional(Eq("data")));
  EXPECT_EQ(model_.File("c1", "/tmp/x"), std::nullopt);
  EXPECT_EQ(model_.File("c2", "/tmp/w"), std::nullopt);
  const Json file = {{"container", "c1"}, {"file", "/tmp/w"}};
  EXPECT_EQ(client_->Call(Command::kReadFile, file), Ack("data"));
  EXPECT_EQ(client_->Call(Command::kReadFile, Json{{"container", "c1"}, {"file", "/x"}}), Error());
  client_->CloseStdin(1);
  client_->ReadEnd();
  EXPECT_EQ(client_->Call(Command::kReadFile, file), Error());
  EXPECT_THAT(model_.File("c1", "/tmp/w"), Optional(Eq("data"))) << "to look at afterwards";
}

TEST_F(ModelTest, ProvidesTheFilesOfThePod) {  // [from source]
  const auto read = [&](const char* path) {
    return client_->Call(Command::kReadFile, Json{{"container", "c1"}, {"file", path}});
  };
  Json pod = kPodJson;
  pod["dns"] = {"8.8.8.8", "1.1.1.1"};
  pod["dnsSearch"] = {"a", "b"};
  ASSERT_EQ(client_->Call(Command::kStartPod, pod), Ack());
  ASSERT_EQ(client_->Call(Command::kNewContainer,
                          ContainerJson("c1", ProcessJson("init", 1, {"/bin/cat"}))),
            Ack());
  EXPECT_EQ(read("/etc/hostname"), Ack("h\n"));
  EXPECT_EQ(read("/etc/resolv.conf"), Ack("nameserver 8.8.8.8\nnameserver 1.1.1.1\nsearch a b\n"));
  EXPECT_EQ(model_.File("c1", "/etc/hostname"), std::nullopt) << "not what the client wrote";
  EXPECT_EQ(client_->Call(Command::kWriteFile,
                          std::string(R"({"container":"c1","file":"/etc/hostname"}mine)")),
            Ack());
  EXPECT_EQ(read("/etc/hostname"), Ack("mine"));
}

TEST_F(ModelTest, RefusesIdsThatAreTaken) {  // [virtio-09c-exec-id-elsewhere, virtio-06r4]
  StartContainer();
  const auto container = [](const char* id) {
    return ContainerJson(id, ProcessJson("init", 5, {"/bin/cat"}));
  };
  EXPECT_EQ(client_->Call(Command::kNewContainer, container("c1")), Error());
  EXPECT_EQ(client_->Call(Command::kNewContainer, container("hyperstart")), Error());
  EXPECT_EQ(client_->Call(Command::kNewContainer, container("c2")), Ack()) << "of inits, not";
  EXPECT_EQ(Exec("c1", ProcessJson("e", 7, {"/bin/cat"})), Ack());
  for (const char* const where : {"c1", "c2", "hyperstart"}) {
    for (const char* const id : {"init", "e"}) {
      EXPECT_EQ(Exec(where, ProcessJson(id, 9, {"/bin/cat"})), Error()) << id << " in " << where;
    }
  }
}

TEST_F(ModelTest, LeavesTheIdOfAFailedContainerFree) {
  StartPod();
  Json container = ContainerJson("c1", ProcessJson("init", 1, {"/bin/cat"}));
  container["image"] = "nope";
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Error());
  container["image"] = "img";
  container["process"]["stdio"] = 0;
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Error());
  container["process"]["stdio"] = 1;
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Ack());
}

TEST_F(ModelTest, GivesInputToTheFirstOfTwoProcessesWithOneSeq) {
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("e", 1, {"/bin/cat"})), Ack());
  client_->CloseStdin(1);
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
}

// ---- signals and terminals

TEST_F(ModelTest, EndsAProgramByASignalWithStatusZero) {
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("e", 3, {"/bin/sleep"})), Ack());
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "e", SIGCHLD)), Ack());
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "e", 999)), Ack());
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "e", SIGTERM)), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e", 0}));
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "e", SIGTERM)), Error());
}

TEST_F(ModelTest, EndsAContainerWithItsInit) {  // [virtio-06r3]
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("e1", 3, {"/bin/sleep"})), Ack());
  ASSERT_EQ(Exec("c1", ProcessJson("e2", 5, {"/bin/sleep"})), Ack());
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", 99)),
            Error(NulTerminated("invalid signal")));
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", 0)), Ack());
  EXPECT_EQ(client_->Call(Command::kRemoveContainer, Json{{"container", "c1"}}), Error());
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", SIGKILL)), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e1", 0}));
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e2", 0}));
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", SIGKILL)),
            Error(NulTerminated("no such container")));
}

TEST_F(ModelTest, ResizesTerminalsOnly) {
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("t", 3, {"/bin/cat"}, true)), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "init", 24, 80)), Error());
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "t", 24, 80)), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("c1", "unknown", 24, 80)), Error());
  ASSERT_EQ(Exec("hyperstart", ProcessJson("h", 5, {"/bin/cat"}, true)), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, SizeJson("hyperstart", "h", 24, 80)), Error());
}

// ---- streams

TEST_F(ModelTest, CutsAFrameOfInputTo512Bytes) {  // [virtio-09h-stdin-drain]
  StartContainer();
  client_->Write(1, std::string(600, 'a'));
  EXPECT_EQ(client_->ReadStream(1, 512), std::string(512, 'a'));
  client_->CloseStdin(1);
  EXPECT_EQ(client_->ReadStream(1), "");
}

TEST_F(ModelTest, LetsTwoFramesOfOneReadShareTheBuffer) {  // [from source]
  StartContainer();
  client_->io().Write(wire::Io(1, std::string(300, 'a')) + wire::Io(1, std::string(300, 'b')) +
                      wire::Io(1, std::string(300, 'c')));
  EXPECT_EQ(client_->ReadStream(1, 812),
            std::string(300, 'a') + std::string(212, 'b') + std::string(300, 'c'));
}

TEST_F(ModelTest, LetsFramesForTwoProcessesShareNothing) {  // [from source]
  StartContainer();
  client_->io().Write(wire::Io(1, std::string(300, 'a')) + wire::Io(77, "x") +
                      wire::Io(1, std::string(300, 'b')));
  std::string echoed;
  while (echoed.size() < 600) {
    const wire::Frame frame = client_->ReadIo();
    if (frame.key == 1) echoed += frame.payload;
  }
  EXPECT_EQ(echoed, std::string(300, 'a') + std::string(300, 'b'));
}

TEST_F(ModelTest, FindsWhatCameWhileItWaitedAtOnce) {  // [from source]
  StartContainer();
  client_->Send(Command::kSetupInterface, Json{{"device", "eth7"}});
  while (agent_.Transcript().find("waits for a device") == std::string::npos) {
    std::this_thread::yield();
  }
  client_->Write(1, std::string(300, 'a'));
  EXPECT_TRUE(agent_.ReadIo(1, kDeadline));
  client_->Write(1, std::string(300, 'b'));
  EXPECT_EQ(client_->ReadStream(1, 512), std::string(300, 'a') + std::string(212, 'b'));
}

TEST_F(ModelTest, EndsInputAfterWhatCameBefore) {  // [virtio-06n2-stdin-data-and-eof]
  StartContainer();
  client_->io().Write(wire::Io(1, "data") + wire::Io(1));
  EXPECT_EQ(client_->ReadStream(1), "data");
}

TEST_F(ModelTest, AnswersInputForNobodyWithAnEnd) {  // [virtio-07a-io-unknown-seq]
  client_->Write(77, "x");
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{77, ""}));
}

TEST_F(ModelTest, SendsOutputInFramesOfTheAgentsSize) {
  model_.OnAnyProgram(Program::Print(std::string(20'000, 'x')));
  StartPod();
  ASSERT_EQ(Exec("hyperstart", ProcessJson("pipe", 3, {"/x"})), Ack());
  EXPECT_EQ(client_->ReadIo().payload.size(), 10'228u);
  EXPECT_EQ(client_->ReadIo().payload.size(), 9'772u);
  EXPECT_EQ(client_->ReadIo().payload.size(), 0u);
  ASSERT_EQ(Exec("hyperstart", ProcessJson("terminal", 3, {"/x"}, true)), Ack());
  EXPECT_EQ(client_->ReadIo().payload.size(), 4'095u);
  EXPECT_EQ(client_->ReadStream(3).size(), 20'000u - 4'095u);
}

TEST_F(ModelTest, HoldsUpAllStreamsAndEndsWhereTheClientDoesNotRead) {
  constexpr std::size_t kMuch = 4 * 1024 * 1024;
  model_.OnProgram("/much", Program::Print(std::string(kMuch, 'x')));
  model_.OnProgram("/little", Program::Print("y"));
  StartPod();
  ASSERT_EQ(Exec("hyperstart", ProcessJson("much", 3, {"/much"})), Ack());
  ASSERT_EQ(Exec("hyperstart", ProcessJson("little", 5, {"/little"})), Ack());
  EXPECT_EQ(client_->Call(Command::kPing), Ack()) << "not ctl's replies";
  agent_.SendMessage(Command::kReady);
  EXPECT_EQ(client_->ReadReply().command, Command::kReady) << "no end came before";
  std::map<std::uint64_t, std::size_t> bytes;  // once it reads, the streams share the channel
  for (int ended = 0; ended < 2;) {
    const wire::Frame frame = client_->ReadIo();
    bytes[frame.key] += frame.payload.size();
    if (frame.payload.empty()) ++ended;
  }
  EXPECT_THAT(bytes, ElementsAre(Pair(3, kMuch), Pair(5, 1)));
  std::vector<Ended> ends = {client_->ReadEnd(), client_->ReadEnd()};
  EXPECT_THAT(ends, testing::UnorderedElementsAre(Ended{"hyperstart", "much", 0},
                                                  Ended{"hyperstart", "little", 0}));
}

// What a client can do to a container whose init has ended, but is not over. [from source]
class EndedInitTest : public ModelTest {
 protected:
  void StartEndedInit() {
    model_.OnProgram("/much", Program::Print(std::string(kMuch, 'x')));
    StartPod();
    ASSERT_EQ(client_->Call(Command::kNewContainer,
                            ContainerJson("c1", ProcessJson("init", 1, {"/much"}))),
              Ack());
    while (model_.Containers().at(0).processes.at(0).running) std::this_thread::yield();
  }

  static constexpr std::size_t kMuch = 4 * 1024 * 1024;
};

TEST_F(EndedInitTest, CanNotBeKilled) {
  StartEndedInit();
  for (const int signal : {SIGKILL, 0, 99}) {
    EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", signal)),
              Error(NulTerminated("no such process")));
  }
  EXPECT_EQ(client_->ReadStream(1).size(), kMuch);
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
}

TEST_F(EndedInitTest, KillsTheAgentOnceItsContainerIsRemoved) {
  StartEndedInit();
  EXPECT_EQ(client_->Call(Command::kRemoveContainer, Json{{"container", "c1"}}), Ack());
  EXPECT_THAT(model_.Containers(), IsEmpty());
  EXPECT_EQ(client_->Call(Command::kRemoveContainer, Json{{"container", "c1"}}), Error());
  EXPECT_EQ(client_->ReadStream(1, kMuch).size(), kMuch);
  ExpectDeath("the agent frees that container again");
}

// ---- destroypod

TEST_F(ModelTest, AcksDestroyPodAfterTheLastInitsEnd) {  // [virtio-06w-destroy-running]
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("e", 3, {"/bin/sleep"})), Ack());
  ASSERT_EQ(Exec("hyperstart", ProcessJson("h", 5, {"/bin/sleep"})), Ack());
  EXPECT_EQ(client_->Call(Command::kDestroyPod), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0})) << "came before the ack";
  EXPECT_TRUE(client_->CtlCloses()) << "and no other end";
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_F(ModelTest, WaitsWithDestroyPodForAnInitThatIgnoresSigterm) {  // [virtio-06x, virtio-06y]
  const Inits inits;
  model_.OnProgram("/init", inits.program());
  StartPod();
  ASSERT_EQ(
      client_->Call(Command::kNewContainer, ContainerJson("c1", ProcessJson("init", 1, {"/init"}))),
      Ack());
  client_->Send(Command::kDestroyPod);
  client_->Send(Command::kDestroyPod);
  EXPECT_EQ(client_->Call(Command::kPing), Ack()) << "other commands work";
  EXPECT_EQ(client_->next(),
            4u * 8 + 4 * 0 + kPodJson.dump().size() + 8 +
                ContainerJson("c1", ProcessJson("init", 1, {"/init"})).dump().size())
      << "next came at once";
  inits.Last().Exit(5);
  EXPECT_EQ(client_->ReadReply(), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 5}));
  EXPECT_TRUE(client_->CtlCloses()) << "no second ack";
}

TEST_F(ModelTest, PowersOffAtASecondStartPod) {  // [virtio-06h]
  StartPod();
  EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Error());
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
  EXPECT_THAT(agent_.Transcript(), HasSubstr("powers off: a second startpod"));
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

// As after a later container's failure, where the agent was recorded to live. [from source,
// virtio-09f-startpod-second-fails]
TEST_F(ModelTest, TerminatesWhatRunsAtASecondStartPodAndPowersOffAtAThird) {
  StartContainer();
  ASSERT_EQ(Exec("c1", ProcessJson("e", 3, {"/bin/sleep"})), Ack());
  EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Error());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "e", 0}));
  EXPECT_EQ(client_->ReadStream(1), "");
  EXPECT_EQ(client_->ReadStream(3), "");
  EXPECT_EQ(client_->Call(Command::kPing), Ack()) << "the agent lives";
  EXPECT_THAT(model_.Containers(), IsEmpty());
  EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Error());
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
  EXPECT_THAT(agent_.Transcript(), HasSubstr("powers off: a second startpod"));
}

TEST_F(ModelTest, LivesAfterASecondStartPodThatAnInitIgnores) {  // [from source]
  const Inits inits;
  model_.OnProgram("/init", inits.program());
  StartPod();
  ASSERT_EQ(
      client_->Call(Command::kNewContainer, ContainerJson("c1", ProcessJson("init", 1, {"/init"}))),
      Ack());
  EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Error());
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
  inits.Last().Exit(5);
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 5}));
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
}

TEST_F(ModelTest, TerminatesWhatRunsWhereALaterContainerFails) {  // [virtio-09f-second-fails]
  Json pod = kPodJson;
  pod["containers"] = {ContainerJson("c1", ProcessJson("init", 1, {"/bin/sleep"})),
                       ContainerJson("c2", ProcessJson("init", 3, {"/bin/sleep"}))};
  pod["containers"][1]["image"] = "nope";
  EXPECT_EQ(client_->Call(Command::kStartPod, pod), Error());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
  pod["containers"][1]["image"] = "img";
  EXPECT_EQ(client_->Call(Command::kNewContainer, pod["containers"][1]), Error()) << "taken";
  EXPECT_EQ(client_->Call(Command::kNewContainer, pod["containers"][0]), Ack());
}

// ---- the agent's deaths and hangs

TEST_F(ModelTest, DiesOfAKillWithoutContainer) {  // [virtio-09a-kill-nokey]
  StartContainer();
  const std::uint64_t before = client_->next();
  client_->Send(Command::kKillContainer, Json{{"signal", 9}});
  ExpectDeath("virtio-09a-kill-nokey");
  EXPECT_EQ(client_->next(), before);
}

TEST_F(ModelTest, DiesOfMissingKeysOnlyWhereItHasContainers) {
  EXPECT_EQ(client_->Call(Command::kKillContainer, Json{{"signal", 9}}),
            Error(NulTerminated("no such container")));
  EXPECT_EQ(client_->Call(Command::kRemoveContainer, Json::object()), Error());
  EXPECT_EQ(client_->Call(Command::kSignalProcess, Json::object()), Error());
  StartContainer();
  EXPECT_EQ(client_->Call(Command::kWinSize, Json::object()), Error());
  client_->Send(Command::kSignalProcess, Json{{"container", "c1"}});
  ExpectDeath("virtio-09a-signal-noprocess");
}

TEST_F(ModelTest, AnswersWhatCameBeforeItDies) {
  StartContainer();
  client_->ctl().Write(wire::Ctl(12) + wire::Ctl(22, "{}") + wire::Ctl(12));
  EXPECT_EQ(client_->ReadReply(), Ack());
  ExpectDeath("removecontainer");
}

TEST_F(ModelTest, DiesOfABadWorkdirAfterTheError) {  // [virtio-09e-exec-bad-workdir]
  StartContainer();
  Json process = ProcessJson("e", 3, {"/bin/cat"});
  process["workdir"] = "/no/such";
  EXPECT_EQ(Exec("c1", process), Error());
  ExpectDeath("virtio-09e-exec-bad-workdir");
}

TEST_F(ModelTest, DiesOfABadUserOfAContainer) {  // [virtio-09e-newcontainer-bad-user]
  StartPod();
  Json process = ProcessJson("init", 1, {"/bin/cat"});
  process["user"] = "nosuch";
  client_->Send(Command::kNewContainer, ContainerJson("c1", process));
  ExpectDeath("virtio-09e-newcontainer-bad-user");
}

TEST_F(ModelTest, DiesOfABadUserOfAStartPodsContainer) {  // [from source]
  Json process = ProcessJson("init", 1, {"/bin/cat"});
  process["user"] = "nosuch";
  Json pod = kPodJson;
  pod["containers"] = Json::array({ContainerJson("c1", process)});
  client_->Send(Command::kStartPod, pod);
  ExpectDeath("its user or workdir does not exist");
}

TEST_F(ModelTest, MakesTheWorkdirOfAContainerThatIsInitialized) {  // [from source]
  StartPod();
  Json process = ProcessJson("init", 1, {"/bin/cat"});
  process["workdir"] = "/no/missing";
  Json container = ContainerJson("c1", process);
  container["initialize"] = true;
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Ack());
  container["id"] = "c2";
  container["process"].erase("workdir");
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Error());
  container["initialize"] = false;
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Ack());
}

TEST_F(ModelTest, DiesOfAProcessWithoutIdBesideAnother) {  // [virtio-06m, virtio-06m2]
  StartPod();
  Json process = ProcessJson("", 3, {"/bin/cat"});
  process.erase("id");
  ASSERT_EQ(Exec("hyperstart", process), Ack());
  client_->CloseStdin(3);
  EXPECT_EQ(client_->ReadStream(3), "");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"hyperstart", "(null)", 0})) << "alone it works";
  ASSERT_EQ(Exec("hyperstart", process), Ack());
  client_->Send(Command::kExecCmd, ExecJson("hyperstart", ProcessJson("p", 5, {"/bin/cat"})));
  ExpectDeath("virtio-06m2");
}

TEST_F(ModelTest, DiesOfFramesThatNoAgentSurvives) {
  client_->Write(77, std::string(4096 - 12 + 1, 'x'));
  ExpectDeath("io frames over 4096 bytes");
}

TEST_F(ModelTest, DiesOfAHeaderWhosePayloadHasNotBegun) {  // [virtio-03i-…-after-header]
  client_->ctl().Write(wire::Ctl(12, "abc").substr(0, 8));
  ExpectDeath("virtio-03i-chunk-boundary-after-header");
}

TEST_F(ModelTest, ReportsALengthBelowTheHeadersOnce) {  // [virtio-07e-io-length-field-8]
  client_->io().Write(wire::U64(77) + wire::U32(8));
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(1));
  EXPECT_THAT(agent_.Transcript(), HasSubstr("virtio-07e-io-length-field-8"));
}

class StrictModelTest : public ModelTest {
 protected:
  StrictModelTest() : ModelTest(AgentVersion::kHyperstart110, StrictOptions()) {}

  static Options StrictOptions() {
    Options options;
    options.strict = true;
    return options;
  }
  /// The violation is the mock's; what the model knows of it is in the transcript.
  void ExpectOneViolation(const std::string& why) {
    EXPECT_TRUE(client_->CtlCloses());
    EXPECT_TRUE(client_->IoCloses());
    const std::vector<Violation> violations = agent_.TakeViolations();
    ASSERT_THAT(violations, SizeIs(1));
    EXPECT_THAT(violations[0].what, HasSubstr("the real agent dies"));
    EXPECT_THAT(agent_.Transcript(), HasSubstr("The real agent dies of it"));
    EXPECT_THAT(agent_.Transcript(), HasSubstr(why));
  }
};

TEST_F(StrictModelTest, ReportsAFrameThatIsTooLongOnce) {
  client_->Write(77, std::string(4096 - 12 + 1, 'x'));
  ExpectOneViolation("[from source]");
}

TEST_F(StrictModelTest, ReportsAHeaderWhosePayloadHasNotBegunOnce) {
  client_->ctl().Write(wire::Ctl(12, "abc").substr(0, 8));
  ExpectOneViolation("virtio-03i-chunk-boundary-after-header");
}

/// Over the VM's transports the agent says `ready` to the first client at least.
class TransportModelTest : public ModelTest {
 protected:
  explicit TransportModelTest(Transport transport)
      : ModelTest(AgentVersion::kHyperstart110, OptionsOf(transport)) {
    EXPECT_EQ(client_->ReadReply().command, Command::kReady);
  }

 private:
  static Options OptionsOf(Transport transport) {
    Options options;
    options.transport = transport;
    return options;
  }
};

class VirtioModelTest : public TransportModelTest {
 protected:
  VirtioModelTest() : TransportModelTest(Transport::kVirtio) {}
};

TEST_F(VirtioModelTest, KeepsWhatIsSaidWhileThereIsNoClient) {  // [virtio-08a-reconnect-ctl]
  const Inits inits;
  model_.OnProgram("/init", inits.program());
  StartPod();
  ASSERT_EQ(
      client_->Call(Command::kNewContainer, ContainerJson("c1", ProcessJson("init", 1, {"/init"}))),
      Ack());
  const Process init = inits.Last();
  client_.reset();
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  init.Out("late");
  init.Exit(3);
  while (!model_.Containers().empty()) std::this_thread::yield();
  client_.emplace(agent_.GetSocketPaths());
  EXPECT_EQ(client_->ReadStream(1), "late");
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 3}));
  EXPECT_EQ(client_->Call(Command::kPing), Ack()) << "without another ready";
}

class VsockModelTest : public TransportModelTest {
 protected:
  VsockModelTest() : TransportModelTest(Transport::kVsock) {}
};

TEST_F(VsockModelTest, TakesLongerFrames) {
  client_->Write(77, std::string(65536 - 12, 'x'));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{77, ""}));
  client_->Write(77, std::string(65536 - 12 + 1, 'x'));
  ExpectDeath(
      "over 65536 bytes (vsock; over virtio 4096): send several. The real agent dies of "
      "it, and both channels close [from source]");
}

TEST_F(VsockModelTest, NamesNoRecordingOfVirtio) {
  client_->ctl().Write(wire::Ctl(12, "abc").substr(0, 8));
  ExpectDeath("[from source]");
}

TEST_F(VsockModelTest, NamesNoRecordingOfVirtioForABrokenLength) {
  client_->ctl().Write(wire::U32(12) + wire::U32(4));
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(1));
  EXPECT_THAT(agent_.Transcript(), HasSubstr("[from source]"));
}

TEST_F(ModelTest, HangsAtAStartPodWithoutHostname) {  // [virtio-06f]
  client_->Send(Command::kStartPod, std::string("{}"));
  ExpectHang("virtio-06f");
}

TEST_F(ModelTest, KeepsTheHostnameOfAStartPodThatFailed) {  // [from source]
  EXPECT_EQ(client_->Call(Command::kStartPod, Json{{"hostname", "h"}, {"unknown", 1}}), Error());
  EXPECT_EQ(client_->Call(Command::kStartPod, Json::object()), Ack());
  model_.OnProgram("/x", Program::Custom([](Process& process) {
                     for (const std::string& variable : process.environment())
                       process.Out(variable + "\n");
                     process.Exit(0);
                   }));
  ASSERT_EQ(client_->Call(Command::kNewContainer, ContainerJson("c1", ProcessJson("i", 1, {"/x"}))),
            Ack());
  EXPECT_THAT(client_->ReadStream(1), HasSubstr("HOSTNAME=h\n"));
}

TEST_F(ModelTest, DiesOfAnIdWithABrokenEscape) {  // [from source]
  StartPod();
  client_->Send(Command::kNewContainer, std::string(R"({"id":"\ud83d"})"));
  ExpectDeath("a string has a broken escape");
}

TEST_F(ModelTest, RefusesASysctlThatThereIsNot) {  // [from source]
  StartPod();
  Json container = ContainerJson("c1", ProcessJson("init", 1, {"/bin/cat"}));
  container["sysctl"] = {{"net.nope", "1"}};
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Error());
  container["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
  EXPECT_EQ(client_->Call(Command::kNewContainer, container), Ack());
}

TEST_F(ModelTest, HangsAtAProcessWithoutArguments) {  // [virtio-09e-exec-emptyargs]
  StartContainer();
  client_->Send(Command::kExecCmd, ExecJson("c1", ProcessJson("e", 3, {})));
  ExpectHang("virtio-09e-exec-emptyargs");
}

TEST_F(ModelTest, HangsAtAFileOfSysfs) {  // [virtio-09d-readfile-sysfs]
  StartContainer();
  client_->Send(Command::kReadFile, Json{{"container", "c1"}, {"file", "/sys/kernel/x"}});
  ExpectHang("virtio-09d-readfile-sysfs");
}

// ---- the machine

TEST_F(ModelTest, KnowsTheInterfacesThatTheTestNames) {
  const Json eth0 = {{"device", "eth0"}, {"newDeviceName", "net0"}};
  const Json route = {{"routes", {{{"dest", "10.1.0.0/16"}, {"device", "net0"}}}}};
  model_.AddInterface("eth0");
  EXPECT_EQ(client_->Call(Command::kSetupInterface, eth0), Ack());
  EXPECT_EQ(client_->Call(Command::kSetupRoute, route), Ack());
  EXPECT_EQ(client_->Call(Command::kDeleteInterface, Json{{"device", "net0"}}), Ack());
  EXPECT_EQ(client_->Call(Command::kDeleteInterface, Json{{"device", "net0"}}), Error());
  EXPECT_EQ(client_->Call(Command::kDeleteInterface, Json{{"device", "lo"}}), Error());
  EXPECT_EQ(client_->Call(Command::kSetupInterface, Json{{"device", "lo"}, {"x", 1}}), Error());
}

TEST_F(ModelTest, ReadsTheAddressesOfAnInterface) {  // [from source]
  const auto interface = [](const Json& address) {
    return Json{{"device", "lo"}, {"ipAddresses", {address}}};
  };
  EXPECT_EQ(client_->Call(Command::kSetupInterface,
                          interface({{"ipAddress", "10.0.0.2"}, {"netMask", "24"}})),
            Ack());
  EXPECT_EQ(client_->Call(Command::kSetupInterface,
                          interface({{"ipAddress", "nope"}, {"netMask", "24"}})),
            Error());
  client_->Send(Command::kSetupInterface, interface({{"ipAddress", "10.0.0.2"}}));
  ExpectDeath("null address or mask");
}

TEST_F(ModelTest, WaitsTwoSecondsForAnInterface) {  // [virtio-09k-setupinterface-missing]
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client_->Call(Command::kSetupInterface, Json{{"device", "eth7"}}), Error());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(ModelTest, ServesNoStreamWhileItWaitsForAnInterface) {  // [from source]
  StartContainer();
  const auto when_sent = [&](Channel channel) {
    std::uint64_t number = 0;
    for (const Event& event : agent_.Events()) {
      const bool next = channel == Channel::kCtl && event.command == Command::kNext;
      if (event.kind == EventKind::kSent && event.channel == channel && !next) {
        number = event.number;
      }
    }
    return number;
  };
  client_->Send(Command::kSetupInterface, Json{{"device", "eth7"}});
  while (agent_.Transcript().find("waits for a device") == std::string::npos) {
    std::this_thread::yield();
  }
  client_->Write(1, "echo");
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "echo"}));
  EXPECT_EQ(client_->ReadReply(), Error());
  EXPECT_GT(when_sent(Channel::kIo), when_sent(Channel::kCtl));
}

// ---- the model's own life

TEST_F(ModelTest, EndsWithItsMocksStop) {
  StartContainer();
  agent_.Stop();
  EXPECT_THAT(model_.Containers(), SizeIs(1)) << "state stays to look at";
}

TEST_F(ModelTest, GoesOnWhenItsMockStartsAgain) {
  StartContainer();
  agent_.Stop();
  agent_.Start();
  client_.emplace(agent_.GetSocketPaths());
  EXPECT_TRUE(agent_.WaitForConnection(kDeadline));
  client_->Write(1, "x");
  EXPECT_EQ(client_->ReadStream(1, 1), "x");
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", SIGKILL)), Ack());
  EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "init", 0}));
}

TEST(AgentModelLife, LeavesTheMockAsItWas) {
  Started agent;
  {
    AgentModel model(agent);
    ModelClient client(agent.GetSocketPaths());
    EXPECT_EQ(client.Call(Command::kExecCmd, std::string("junk")), Error());
  }
  ModelClient client(agent.GetSocketPaths());
  EXPECT_EQ(client.Call(Command::kExecCmd, std::string("junk")), Ack());
  client.Write(77, "x");
  EXPECT_TRUE(agent.ReadIo(77, kDeadline));
}

TEST(AgentModelLife, IsSafeToEndUnderTraffic) {
  for (int life = 0; life < 20; ++life) {
    Started agent;
    auto model = std::make_unique<AgentModel>(agent);
    model->OnAnyProgram(Program::Echo());
    ModelClient client(agent.GetSocketPaths());
    ASSERT_EQ(client.Call(Command::kStartPod, kPodJson), Ack());
    std::thread traffic([&] {
      for (int i = 0; i < 50; ++i) {
        client.Send(Command::kExecCmd,
                    ExecJson("hyperstart", ProcessJson(std::to_string(i), 3, {"/x"})));
        client.Write(3, "data");
      }
    });
    EXPECT_EQ(client.ReadReply(), Ack());
    model.reset();
    traffic.join();
  }
}

// ---- v0.7.0

class OldModelTest : public ModelTest {
 protected:
  OldModelTest() : ModelTest(AgentVersion::kHyperstart070) {}

  static Json WithoutId(Json process) {
    process.erase("id");
    return process;
  }
};

TEST_F(OldModelTest, TellsAnEndOnIo) {  // [virtio070-03-container]
  model_.OnProgram("/x", Program::Exit(3));
  EXPECT_EQ(client_->Call(Command::kVersion), Ack(wire::U32(4242)));
  EXPECT_EQ(client_->Call(Command::kGetPodDeprecated), Ack());
  StartPod();
  const Json container = ContainerJson("c1", WithoutId(ProcessJson("", 1, {"/bin/cat"})));
  ASSERT_EQ(client_->Call(Command::kNewContainer, container), Ack());
  ASSERT_EQ(Exec("c1", WithoutId(ProcessJson("", 3, {"/x"}))), Ack());
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{3, ""}));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{3, "\3"}));
  EXPECT_EQ(client_->Call(Command::kRemoveContainer, Json{{"container", "c1"}}), Error());
  client_->CloseStdin(1);
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, ""}));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, std::string(1, '\0')}));
  EXPECT_EQ(client_->ReadReply(), (Answered{Command::kFinishPodDeprecated, wire::U32(0)}));
}

TEST_F(OldModelTest, ResizesBySeq) {  // [virtio070-05-tty]
  StartPod();
  const Json container = ContainerJson("c1", WithoutId(ProcessJson("", 3, {"/bin/cat"}, true)));
  ASSERT_EQ(client_->Call(Command::kNewContainer, container), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, Json{{"seq", 3}, {"row", 24}, {"column", 80}}), Ack());
  EXPECT_EQ(client_->Call(Command::kWinSize, Json{{"seq", 9}, {"row", 24}, {"column", 80}}), Ack());
  EXPECT_EQ(client_->Call(Command::kSignalProcess, SignalJson("c1", "init", 9)), Error());
}

TEST_F(OldModelTest, WaitsForAPayloadThatHasNotBegun) {
  client_->ctl().Write(wire::Ctl(12, "abc").substr(0, 8));
  ASSERT_EQ(client_->ctl().Read(12), wire::Next(8));
  client_->ctl().Write("abc");
  EXPECT_EQ(client_->ReadReply(), Ack());
}

TEST_F(OldModelTest, DoesNotDieOfABrokenLength) {  // [from source]
  client_->ctl().Write(wire::U32(12) + wire::U32(4));
  EXPECT_TRUE(client_->CtlCloses()) << "the mock can't go on";
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(1));
  EXPECT_THAT(agent_.Transcript(), Not(HasSubstr("both channels close")));
  client_->Write(77, "x");
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{77, ""}));
}

// Of v0.7.0's source, as what follows.
TEST_F(OldModelTest, SaysNextBeforeItWorksOnACommand) {
  client_->Send(Command::kStartPod, std::string("{}"));
  ASSERT_EQ(client_->ctl().Read(24), wire::Next(8) + wire::Next(2));
  client_->Send(Command::kPing);
  ASSERT_TRUE(agent_.WaitForMessage(Command::kPing, kDeadline));
  EXPECT_THAT(agent_.Transcript(), HasSubstr("hangs for ever"));
  client_->ctl().EndInput();
  EXPECT_TRUE(client_->CtlCloses()) << "and not at those that come while it hangs";
}

TEST_F(OldModelTest, SendsErrorsWithoutPayload) {
  StartPod();
  ASSERT_EQ(client_->Call(Command::kNewContainer,
                          ContainerJson("c1", WithoutId(ProcessJson("", 1, {"/bin/cat"})))),
            Ack());
  EXPECT_EQ(client_->Call(Command::kReadFile, Json{{"container", "c1"}, {"file", "/tmp"}}),
            Error());
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c2", 9)), Error());
  EXPECT_EQ(client_->Call(Command::kKillContainer, KillJson("c1", 99)), Ack());
}

TEST_F(OldModelTest, DoesNotWaitForADevice) {
  EXPECT_EQ(client_->Call(Command::kSetupInterface, Json{{"device", "eth7"}}), Error());
  EXPECT_EQ(client_->Call(Command::kSetupRoute,
                          Json{{"routes", {{{"dest", "default"}, {"device", "eth7"}}}}}),
            Error());
  EXPECT_THAT(agent_.Transcript(), Not(HasSubstr("waits for a device")));
}

TEST_F(OldModelTest, FindsAfterItsAckThatThereIsNoContainer) {
  StartPod();
  ASSERT_EQ(Exec("c1", WithoutId(ProcessJson("", 3, {"/bin/cat"}))), Ack());
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{3, ""}));
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{3, "\175"}));
  EXPECT_EQ(Exec("c1", WithoutId(ProcessJson("", 3, {"/bin/cat"}, true))), Error())
      << "of which it has no terminal";
}

}  // namespace
}  // namespace hyperstart
