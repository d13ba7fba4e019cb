// A comparison of what only the machine knows: files, exits, ends. And of one machine after
// another.

#include <cstdint>
#include <mock_hyperstart/protocol.hpp>
#include <mock_hyperstart/reply.hpp>
#include <string>

#include "mock/compare_fixture.hpp"
#include "support/wire.hpp"

namespace hyperstart {
namespace {

const std::string kNoSuchProcess("no such process\0", 16);

class CompareMachineTest : public CompareTest {
 protected:
  /// A pod with a container that runs until it is killed.
  void StartContainer() {
    Start();
    io().Write(wire::Io(99));
    EXPECT_EQ(io().ReadFrame().value().key, 99u) << "io is connected to the agent from now on";
    EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kAck);
  }
  void DestroyPod() {
    ctl().Write(wire::Ctl(wire::kDestroyPod));
    ctl().ReadToEnd();
    io().ReadToEnd();
  }
};

// ---- What the agent's answers teach

TEST_F(CompareMachineTest, LearnsTheDirectoriesInWhichTheAgentWrites) {
  agent().On(Command::kWriteFile).WillOnce(Reply::Ack());
  StartContainer();
  const std::string file = R"({"container":"web","file":"/var/lib/app/state"})";
  EXPECT_EQ(Call(wire::kWriteFile, file + "bytes"), wire::kAck);
  DestroyPod();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, TakesTheAgentsWordForWhatIsInAFile) {
  const std::string file = R"({"container":"web","file":"/tmp/a"})";
  agent()
      .On(Command::kReadFile)
      .WillOnce(Reply::Ack("a process wrote this"))
      .WillOnce(Reply::Error());
  StartContainer();
  EXPECT_EQ(Call(wire::kWriteFile, file + "bytes"), wire::kAck);
  EXPECT_EQ(Call(wire::kReadFile, file), wire::kAck);
  EXPECT_EQ(Call(wire::kReadFile, file), wire::kError) << "a process has removed it";
  DestroyPod();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, ShowsAFileOfNoContainer) {
  agent().On(Command::kReadFile).WillOnce(Reply::Ack("bytes"));
  StartContainer();
  Call(wire::kReadFile, R"({"container":"nope","file":"/tmp/a"})");
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: ack 5 bytes"), HasSubstr("model: error")));
}

TEST_F(CompareMachineTest, LearnsTheDevices) {
  agent().On(Command::kSetupInterface).WillOnce(Reply::Ack());
  agent().On(Command::kSetupRoute).WillOnce(Reply::Ack());
  Start();
  EXPECT_EQ(Call(wire::kSetupInterface,
                 R"({"device":"eth7","ipAddresses":[{"ipAddress":"10.0.0.2","netMask":"24"}]})"),
            wire::kAck);
  EXPECT_EQ(Call(wire::kSetupRoute, R"({"routes":[{"dest":"10.1.0.0/24","device":"eth8"}]})"),
            wire::kAck);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, SaysWhatTheModelTakesForGranted) {
  agent().On(Command::kNewContainer).WillOnce(Reply::Error());
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep"));
  EXPECT_THAT(Differences(),
              AllOf(HasSubstr("the agent: error"), HasSubstr("the model: ack"),
                    HasSubstr("the model assumes that the image, the rootfs, the user"),
                    HasSubstr("this is no error of the agent")));
}

// ---- When a process ends, the agent alone knows

TEST_F(CompareMachineTest, FindsNothingWhenAProcessIsKilledTwice) {
  StartContainer();
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "sleep", 3, "/bin/sleep")), wire::kAck);
  const std::string kill = R"({"container":"web","process":"sleep","signal":9})";
  ctl().Write(wire::Ctl(wire::kSignalProcess, kill) + wire::Ctl(wire::kSignalProcess, kill) +
              wire::Ctl(wire::kKillContainer, kKillWeb) +
              wire::Ctl(wire::kKillContainer, kKillWeb) + wire::Ctl(wire::kPing));
  int replies = 0;
  int events = 0;
  while (replies < 5 || events < 2) {
    const std::uint64_t key = ctl().ReadAnswer().reply.key;
    ++(key == wire::kProcessAsyncEvent ? events : replies);
  }
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, TakesTheAgentsWordThatAProcessHasEnded) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Error(kNoSuchProcess));
  StartContainer();
  EXPECT_EQ(Call(wire::kKillContainer, kKillWeb), wire::kError);
  agent().SendIo(1, "");
  agent().SendProcessEvent("web", "init", 137);
  EXPECT_THAT(ReadEvent(), HasSubstr("137"));
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, ShowsAnAgentThatSignalsAProcessWhichItSaidHasEnded) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Error(kNoSuchProcess));
  StartContainer();
  Call(wire::kKillContainer, kKillWeb);
  EXPECT_EQ(Call(wire::kKillContainer, kKillWeb), wire::kAck);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: ack"),
                                   HasSubstr(R"(the model: error 16 bytes "no such process)")));
}

TEST_F(CompareMachineTest, ShowsAWrongErrorOfAKill) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Error("no such thing"));
  StartContainer();
  Call(wire::kKillContainer, kKillWeb);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("no such thing"), HasSubstr("the model: ack")));
}

TEST_F(CompareMachineTest, TakesTheAgentsWordThatATerminalHasEnded) {
  agent().On(Command::kWinSize).WillOnce(Reply::Error());
  StartContainer();
  std::string exec = ExecJson("web", "tty", 3, "/bin/sleep");
  exec.replace(exec.find("false"), 5, "true");
  EXPECT_EQ(Call(wire::kExecCmd, exec), wire::kAck);
  EXPECT_EQ(Call(wire::kWinSize, R"({"container":"web","process":"tty","row":1,"column":2})"),
            wire::kError);
  agent().SendIo(3, "");
  agent().SendProcessEvent("web", "tty", 0);
  EXPECT_THAT(ReadEvent(), HasSubstr("tty"));
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, ShowsAnEventThatComesTwice) {
  StartContainer();
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "false", 3, "/bin/false")), wire::kAck);
  ReadEvent();
  agent().SendProcessEvent("web", "false", 3);
  ReadEvent();
  EXPECT_THAT(Differences(), HasSubstr("no such process is running"));
}

TEST_F(CompareMachineTest, ShowsAnEndOfStreamWithoutAnEvent) {
  StartContainer();
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "cat", 3, "/bin/sleep")), wire::kAck);
  agent().CloseIo(3);
  io().ReadFrame();
  DestroyPod();
  EXPECT_THAT(Differences(),
              AllOf(HasSubstr("the streams, seq 3"),
                    HasSubstr("the agent: an end of stream, then a reply without the event"),
                    HasSubstr("the model: 0 events of processes with that stream")));
}

TEST_F(CompareMachineTest, ShowsAnEventWithoutAnEndOfStream) {
  StartContainer();
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "cat", 3, "/bin/sleep")), wire::kAck);
  agent().SendProcessEvent("web", "cat", 3);
  ReadEvent();
  DestroyPod();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the streams, seq 3"), HasSubstr("agent: 0 ends of"),
                                   HasSubstr("model: 1, one for each process")));
}

// ---- How a machine ends, and the next one

TEST_F(CompareMachineTest, FindsNothingInCommandsBehindDestroypod) {
  StartContainer();
  ctl().Write(wire::Ctl(wire::kDestroyPod) + wire::Ctl(wire::kPing) + wire::Ctl(wire::kDestroyPod));
  ctl().ReadToEnd();
  io().ReadToEnd();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, ShowsAMissingAckOfDestroypod) {
  agent().On(Command::kDestroyPod).WillOnce(Reply::Nothing());
  StartContainer();
  ctl().Write(wire::Ctl(wire::kDestroyPod));
  EXPECT_EQ(Call(wire::kPing), wire::kAck);
  agent().SendProcessEvent("web", "init", 0);
  ReadEvent();
  agent().Disconnect(Channel::kCtl);
  ctl().ReadToEnd();
  EXPECT_THAT(Differences(),
              AllOf(HasSubstr("where:     destroypod"), HasSubstr("the agent: closes ctl"),
                    HasSubstr("the model: ack\n")));
}

TEST_F(CompareMachineTest, SaysThatSomebodyMayHaveEndedTheMachine) {
  agent().On(Command::kPing).WillOnce(Reply::Nothing());
  Start();
  ctl().Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(agent().WaitForMessage(Command::kPing));
  machine_.reset();
  ctl().ReadToEnd();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: closes ctl"),
                                   HasSubstr("if the virtual machine was stopped from outside")));
}

TEST_F(CompareMachineTest, FindsNothingWhereTheAgentDiesOfWhatTheClientHasSent) {
  agent().On(Command::kPing).WillOnce(Reply::Nothing());
  Start();
  ctl().Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(agent().WaitForMessage(Command::kPing));
  ctl().Write(wire::Ctl(wire::kStartPod, kPod).substr(0, wire::kCtlHeader));
  ctl().ReadToEnd();
  EXPECT_FALSE(agent().TakeViolations().empty()) << "the header without its payload";
  EXPECT_THAT(Differences(), Not(HasSubstr("differs")));
}

TEST_F(CompareMachineTest, FindsNothingWhereTheAgentIsEndedBetweenCommands) {
  StartContainer();
  machine_.reset();
  ctl().ReadToEnd();
  io().ReadToEnd();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareMachineTest, ComparesTheNextMachineAnewAfterAPowerOff) {
  StartContainer();
  DestroyPod();
  ctl_.reset();
  io_.reset();
  MakeMachine();
  agent().On(Command::kPing).WillOnce(Reply::Error());
  agent().Start();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck) << "the model has no pod of before";
  EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kAck);
  EXPECT_TRUE(spy_.TakeViolations().empty());
  Call(wire::kPing);
  EXPECT_THAT(Differences(), HasSubstr("where:     ping"));
}

TEST_F(CompareMachineTest, ComparesTheNextMachineAnewAfterADifference) {
  agent().On(Command::kPing).WillOnce(Reply::Error());
  StartContainer();
  Call(wire::kPing);
  EXPECT_EQ(spy_.TakeViolations().size(), 1u);
  ctl_.reset();
  io_.reset();
  MakeMachine();
  agent().Start();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  EXPECT_TRUE(spy_.TakeViolations().empty());
  agent().On(Command::kVersion).WillOnce(Reply::Error());
  Call(wire::kVersion);
  EXPECT_THAT(Differences(), HasSubstr("where:     version"));
}

TEST_F(CompareMachineTest, ComparesAMachineThatHasTakenThePlaceOfAnother) {
  Start();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  ctl_.reset();
  ASSERT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
  MakeMachine();
  agent().Start();
  EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kError);
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  EXPECT_EQ(Differences(), "");
}

// ---- Clients that leave

TEST_F(CompareMachineTest, GoesOnWithTheNextClient) {
  Start();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  ctl_.reset();
  ASSERT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_EQ(Call(wire::kPing), wire::kAck);
  EXPECT_TRUE(spy_.TakeViolations().empty());
  agent().On(Command::kPing).WillOnce(Reply::Error());
  Call(wire::kPing);
  EXPECT_THAT(Differences(), HasSubstr("where:     ping"));
}

TEST_F(CompareMachineTest, EndsWhereAClientLeavesWithinACommand) {
  Start();
  Call(wire::kPing);
  ctl().Write(wire::Ctl(wire::kPing).substr(0, 5));
  ctl_.reset();
  ASSERT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
  ASSERT_TRUE(agent().WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_EQ(spy_.TakeViolations().size(), 1u) << "that the client has left";
  EXPECT_EQ(agent().TakeViolations().size(), 1u) << "the same";
  EXPECT_EQ(Call(wire::kPing), wire::kAck);
  EXPECT_EQ(Differences(), "");
  EXPECT_THAT(spy_.Transcript(), HasSubstr("the client has left within a command"));
}

}  // namespace
}  // namespace hyperstart
