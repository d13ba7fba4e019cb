// A spy that compares the agent behind it with the model; the agent is a second model, spoiled or
// not.

#include <mock_hyperstart/compare.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const char kPod[] = R"({"hostname":"web","shareDir":"share"})";

std::string Process(const std::string& id, int stdio, const std::string& program) {
  return (id.empty() ? "{" : R"({"id":")" + id + R"(",)") + R"("terminal":false,"stdio":)" +
         std::to_string(stdio) + R"(,"stderr":)" + std::to_string(stdio + 1) + R"(,"args":[")" +
         program + R"("],"envs":[],"workdir":"/"})";
}
std::string Container(const std::string& id, int stdio, const std::string& program,
                      const std::string& init = "init") {
  return R"({"id":")" + id + R"(","rootfs":"rootfs","image":"image","process":)" +
         Process(init, stdio, program) + "}";
}
std::string Exec(const std::string& container, const std::string& id, int stdio,
                 const std::string& program) {
  return R"({"container":")" + container + R"(","process":)" + Process(id, stdio, program) + "}";
}

class CompareTest : public testing::TestWithParam<AgentVersion> {
 protected:
  explicit CompareTest(AgentVersion version = AgentVersion::kHyperstart110)
      : version_(version), model_(agent_, version) {
    model_.OnProgram("/bin/cat", Program::Echo());
    model_.OnProgram("/bin/sleep", Program::UntilKilled());
    model_.OnProgram("/bin/false", Program::Exit(3));
    spy_.ForwardTo(agent_.GetSocketPaths());
    CompareWithModel(spy_, version);
  }

  void Start() {
    agent_.Start();
    spy_.Start();
  }
  /// What differs, once both sides are done; taken.
  std::string Differences() {
    ctl_.reset();
    io_.reset();
    EXPECT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
    if (had_io_) {
      EXPECT_TRUE(spy_.WaitForDisconnect(Channel::kIo, kDeadline));
    }
    std::string text;
    for (const Violation& violation : spy_.TakeViolations()) text += violation.what;
    spy_.Stop();
    return text;
  }
  std::uint64_t Call(std::uint32_t command, const std::string& payload = {}) {
    return ctl().Call(command, payload).reply.key;
  }
  RawClient& ctl() {
    if (!ctl_) ctl_.emplace(RawClient::Ctl(spy_.GetSocketPaths().ctl));
    return *ctl_;
  }
  RawClient& io() {
    had_io_ = true;
    if (!io_) io_.emplace(RawClient::Io(spy_.GetSocketPaths().io));
    return *io_;
  }
  /// The event of a process's end.
  std::string ReadEvent() { return ctl().ReadFrame().value().payload; }

  /// Every command, and what each kind of process does.
  void RunEverything() {
    EXPECT_EQ(Call(wire::kNewContainer, Container("early", 1, "/bin/cat")), wire::kError);
    EXPECT_EQ(Call(wire::kVersion), wire::kAck);
    EXPECT_EQ(Call(wire::kPing), wire::kAck);
    EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, Container("web", 1, "/bin/sleep")), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, Container("web", 1, "/bin/sleep")), wire::kError);
    EXPECT_EQ(Call(wire::kExecCmd, Exec("web", "cat", 3, "/bin/cat")), wire::kAck);
    EXPECT_EQ(Call(wire::kExecCmd, Exec("web", "cat", 5, "/bin/cat")), wire::kError);
    io().Write(wire::Io(3, "hello"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, "hello"}));
    io().Write(wire::Io(3));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("cat")"));
    EXPECT_EQ(Call(wire::kExecCmd, Exec("web", "cat", 3, "/bin/false")), wire::kAck);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("status":3)"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
    io().Write(wire::Io(99, "nobody"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{99, ""}));
    EXPECT_EQ(Call(wire::kWriteFile, R"({"container":"web","file":"/tmp/a"}bytes)"), wire::kAck);
    EXPECT_EQ(Call(wire::kReadFile, R"({"container":"web","file":"/tmp/a"})"), wire::kAck);
    EXPECT_EQ(Call(wire::kReadFile, R"({"container":"nope","file":"/tmp/a"})"), wire::kError);
    EXPECT_EQ(Call(wire::kSignalProcess, R"({"container":"web","process":"x","signal":1})"),
              wire::kError);
    EXPECT_EQ(Call(wire::kWinSize, R"({"container":"web","process":"init","row":1,"column":1})"),
              wire::kError);
    EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})"), wire::kError);
    EXPECT_EQ(Call(wire::kKillContainer, R"({"container":"no","signal":9})"), wire::kError);
    EXPECT_EQ(Call(wire::kOnlineCpuMem), wire::kAck);
    EXPECT_EQ(Call(99), wire::kError);
    EXPECT_EQ(Call(wire::kExecCmd, Exec("web", "sleep", 7, "/bin/sleep")), wire::kAck);
    EXPECT_EQ(Call(wire::kKillContainer, R"({"container":"web","signal":9})"), wire::kAck);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("init")"));
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("sleep")"));
    EXPECT_EQ(Call(wire::kNewContainer, Container("web", 1, "/bin/sleep")), wire::kAck);
    ctl().Write(wire::Ctl(wire::kDestroyPod));
    EXPECT_EQ(ctl().ReadFrame().value().key, wire::kNext);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("web")"));
    EXPECT_EQ(ctl().ReadFrame().value().key, wire::kAck);
    EXPECT_EQ(ctl().ReadToEnd(), "");
    io().ReadToEnd();
  }

  Options WithDeadline() const {
    Options options;
    options.timeout = kDeadline;
    return options;
  }

  const AgentVersion version_;
  MockHyperstart agent_{WithDeadline()};
  AgentModel model_;
  MockHyperstart spy_{WithDeadline()};
  std::optional<RawClient> ctl_;
  std::optional<RawClient> io_;
  bool had_io_ = false;
};

TEST_F(CompareTest, FindsNothingInTheSameModel) {
  Start();
  io();
  RunEverything();
  EXPECT_EQ(Differences(), "");
  EXPECT_THAT(spy_.Transcript(), testing::Not(HasSubstr("nothing more is compared")));
}

TEST_F(CompareTest, FindsNothingWhereAPlanAsksForEachReply) {
  spy_.On(Command::kSetupRoute).WillRepeatedly(Reply::Ack("here"));
  Start();
  io();
  RunEverything();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareTest, ShowsTheFirstReplyThatDiffersWithTheModelsRule) {
  agent_.On(Command::kKillContainer).WillOnce(Reply::Ack("spoiled"));
  agent_.On(Command::kPing).WillOnce(Reply::Error("later"));
  Start();
  Call(wire::kKillContainer, R"({"container":"web","signal":15})");
  EXPECT_EQ(Call(wire::kPing), wire::kError);
  const std::string differences = Differences();
  EXPECT_THAT(
      differences,
      AllOf(HasSubstr("differs from the model of hyperstart 1.1.0 at killcontainer 31 bytes "
                      R"({"container":"web","signal":15})"),
            HasSubstr("\n  the agent: ack 7 bytes \"spoiled\""),
            HasSubstr("\n  the model: error 18 bytes \"no such container\\x00\""),
            HasSubstr("its rule:  ack for a container that runs"),
            HasSubstr("[virtio-06a-kill-missing, "), HasSubstr("nothing more is compared")));
  EXPECT_EQ(differences.find("later"), std::string::npos) << "only the first is shown";
}

TEST_F(CompareTest, ShowsAWrongPayload) {
  agent_.On(Command::kVersion).WillOnce(Reply::Ack("1234"));
  Start();
  Call(wire::kVersion);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: ack 4 bytes \"1234\""),
                                   HasSubstr("ack with the API version")));
}

TEST_F(CompareTest, ShowsAnEventOfNoProcess) {
  Start();
  Call(wire::kPing);
  agent_.SendProcessEvent("web", "init", 0);
  ReadEvent();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the end of a process"),
                                   HasSubstr("the model: nothing: no such process runs"),
                                   HasSubstr("virtio-06i-exec-script")));
}

TEST_F(CompareTest, ShowsAReplyWithoutACommand) {
  Start();
  Call(wire::kPing);
  agent_.SendMessage(Command::kAck, "more");
  ctl().ReadFrame();
  EXPECT_THAT(Differences(), HasSubstr("no command of the client"));
}

TEST_F(CompareTest, ShowsAnAckOfDestroypodBeforeTheContainersHaveEnded) {
  agent_.On(Command::kDestroyPod).WillOnce(Reply::Ack());
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, Container("web", 1, "/bin/sleep"));
  Call(wire::kDestroyPod);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("destroypod, with containers that run"),
                                   HasSubstr("virtio-06w-destroy-running")));
}

TEST_F(CompareTest, ShowsAnAgentThatClosesInsteadOfAnAnswer) {
  agent_.On(Command::kPing).WillOnce(Reply::Nothing().ThenDisconnect());
  Start();
  ctl().Write(wire::Ctl(wire::kPing));
  ctl().ReadToEnd();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: closes ctl"), HasSubstr("model: ack")));
}

TEST_F(CompareTest, ShowsAnAgentThatSurvivesWhatTheRealOneDiesOf) {
  agent_.On(Command::kKillContainer).WillOnce(Reply::Error());
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, Container("web", 1, "/bin/sleep"));
  Call(wire::kKillContainer, R"({"signal":9})");
  EXPECT_THAT(Differences(),
              AllOf(HasSubstr("the agent: error"), HasSubstr("the model: nothing more: "),
                    HasSubstr("The real agent dies of it")));
}

TEST_F(CompareTest, ShowsAWrongSumOfNexts) {
  Start();
  Call(wire::kPing);
  agent_.SendRaw(Channel::kCtl, wire::Next(8));
  ctl().ReadFrame();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("next for 16 bytes in all"),
                                   HasSubstr("next for at most 8"), HasSubstr("virtio-03b")));
}

TEST_F(CompareTest, ShowsAnEndOfStreamTooMany) {
  Start();
  Call(wire::kStartPod, kPod);
  io();
  Call(wire::kExecCmd, Exec("hyperstart", "cat", 3, "/bin/cat"));
  io().Write(wire::Io(3));
  io().ReadFrame();
  ReadEvent();
  agent_.CloseIo(4);
  EXPECT_EQ(io().ReadFrame().value().key, 4u);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("seq 4"), HasSubstr("the agent: 1 ends of stream"),
                                   HasSubstr("the model: 0")));
}

TEST_F(CompareTest, StopsWhereTheClientLeavesProcessesBehind) {
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, Container("web", 1, "/bin/sleep"));
  ctl_.reset();
  ASSERT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
  Call(wire::kPing);
  EXPECT_EQ(Differences(), "");
  EXPECT_THAT(spy_.Transcript(), HasSubstr("nothing more is compared with the model: the client "
                                           "has left commands or processes behind"));
}

TEST_F(CompareTest, IsCalledBeforeStart) {
  Start();
  EXPECT_THAT(ErrorOf([&] { CompareWithModel(spy_); }), HasSubstr("before Start()"));
}

TEST(Compare, NeedsAnAgent) {
  MockHyperstart spy;
  CompareWithModel(spy);
  EXPECT_THAT(ErrorOf([&] { spy.Start(); }),
              HasSubstr("CompareWithModel() without ForwardTo() compares nothing"));
}

class CompareOldAgentTest : public CompareTest {
 protected:
  CompareOldAgentTest() : CompareTest(AgentVersion::kHyperstart070) {}
};

TEST_F(CompareOldAgentTest, FindsNothingInTheSameModel) {
  Start();
  io();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  EXPECT_EQ(Call(wire::kNewContainer, Container("web", 1, "/bin/sleep", "")), wire::kAck);
  EXPECT_EQ(Call(wire::kExecCmd, Exec("web", "", 3, "/bin/false")), wire::kAck);
  EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
  EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, "\3"}));
  EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})"), wire::kError);
  EXPECT_EQ(Call(wire::kDestroyPod), wire::kAck);
  EXPECT_EQ(Differences(), "");
}

}  // namespace
}  // namespace hyperstart
