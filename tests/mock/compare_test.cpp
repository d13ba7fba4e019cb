// A spy that compares the agent behind it with the model: what it finds, and what it does not.

#include <mock_hyperstart/compare.hpp>
#include <string>

#include "mock/compare_fixture.hpp"

namespace hyperstart {
namespace {

TEST_F(CompareTest, FindsNothingInTheSameModel) {
  Start();
  io();
  RunEverything();
  EXPECT_EQ(Differences(), "");
  EXPECT_THAT(spy_.Transcript(), testing::Not(HasSubstr("this agent is not compared any further")));
}

TEST_F(CompareTest, FindsNothingWhereAPlanAsksForEachReply) {
  spy_.On(Command::kSetupRoute).WillRepeatedly(Reply::Ack("here"));
  Start();
  io();
  RunEverything();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareTest, ShowsTheFirstReplyThatDiffersWithTheModelsRule) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Ack("spoiled"));
  agent().On(Command::kPing).WillOnce(Reply::Error("later"));
  Start();
  Call(wire::kKillContainer, R"({"container":"web","signal":15})");
  EXPECT_EQ(Call(wire::kPing), wire::kError);
  const std::string differences = Differences();
  EXPECT_THAT(
      differences,
      AllOf(HasSubstr(
                "differs from the model of hyperstart 1.1.0\n  where:     killcontainer 31 bytes "
                R"({"container":"web","signal":15})"),
            HasSubstr("\n  the agent: ack 7 bytes \"spoiled\""),
            HasSubstr("\n  the model: error 18 bytes \"no such container\\x00\""),
            HasSubstr("the model's rule: ack for a container that runs"),
            HasSubstr("[virtio-06a-kill-missing, "),
            HasSubstr("this agent is not compared any further")));
  EXPECT_EQ(differences.find("later"), std::string::npos) << "only the first is shown";
}

TEST_F(CompareTest, ShowsAWrongPayload) {
  agent().On(Command::kVersion).WillOnce(Reply::Ack("1234"));
  Start();
  Call(wire::kVersion);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: ack 4 bytes \"1234\""),
                                   HasSubstr("ack with the API version")));
}

TEST_F(CompareTest, ShowsAnEventOfNoProcess) {
  Start();
  Call(wire::kPing);
  agent().SendProcessEvent("web", "init", 0);
  ReadEvent();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the end of a process"),
                                   HasSubstr("the model: no event: no such process is running"),
                                   HasSubstr("virtio-06i-exec-script")));
}

TEST_F(CompareTest, ShowsAReplyWithoutACommand) {
  Start();
  Call(wire::kPing);
  agent().SendMessage(Command::kAck, "more");
  ctl().ReadFrame();
  EXPECT_THAT(Differences(), HasSubstr("no command of the client"));
}

TEST_F(CompareTest, ShowsAnAckOfDestroypodBeforeTheContainersHaveEnded) {
  agent().On(Command::kDestroyPod).WillOnce(Reply::Ack());
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep"));
  Call(wire::kDestroyPod);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("destroypod, with containers that run"),
                                   HasSubstr("virtio-06w-destroy-running")));
}

TEST_F(CompareTest, ShowsAnAgentThatClosesInsteadOfAnAnswer) {
  agent().On(Command::kPing).WillOnce(Reply::Nothing().ThenDisconnect());
  Start();
  ctl().Write(wire::Ctl(wire::kPing));
  ctl().ReadToEnd();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("the agent: closes ctl"), HasSubstr("model: ack")));
}

TEST_F(CompareTest, ShowsAnAgentThatSurvivesWhatTheRealOneDiesOf) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Error());
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep"));
  Call(wire::kKillContainer, R"({"signal":9})");
  EXPECT_THAT(Differences(),
              AllOf(HasSubstr("the agent: error"), HasSubstr("the model: nothing more: "),
                    HasSubstr("The real agent dies of it")));
}

TEST_F(CompareTest, ShowsAWrongSumOfNexts) {
  Start();
  Call(wire::kPing);
  agent().SendRaw(Channel::kCtl, wire::Next(8));
  ctl().ReadFrame();
  EXPECT_THAT(Differences(), AllOf(HasSubstr("next for 16 bytes in all"),
                                   HasSubstr("next for at most 8"), HasSubstr("virtio-03b")));
}

TEST_F(CompareTest, ShowsAnEndOfStreamTooMany) {
  Start();
  Call(wire::kStartPod, kPod);
  io();
  Call(wire::kExecCmd, ExecJson("hyperstart", "cat", 3, "/bin/cat"));
  io().Write(wire::Io(3));
  io().ReadFrame();
  ReadEvent();
  agent().CloseIo(4);
  EXPECT_EQ(io().ReadFrame().value().key, 4u);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("seq 4"), HasSubstr("the agent: 1 ends of stream"),
                                   HasSubstr("the model: 0")));
}

TEST_F(CompareTest, StopsWhereTheClientLeavesProcessesBehind) {
  Start();
  Call(wire::kStartPod, kPod);
  Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep"));
  ctl_.reset();
  ASSERT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
  Call(wire::kPing);
  EXPECT_EQ(Differences(), "");
  EXPECT_THAT(spy_.Transcript(),
              HasSubstr("this agent is not compared with the model any further: the client "
                        "left before it received all replies"));
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

}  // namespace
}  // namespace hyperstart
