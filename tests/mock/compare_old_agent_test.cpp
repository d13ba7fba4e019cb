// A comparison of an agent of API 4242, which tells the ends of processes on io.

#include <cstdint>
#include <mock_hyperstart/protocol.hpp>
#include <mock_hyperstart/reply.hpp>
#include <string>

#include "mock/compare_fixture.hpp"
#include "support/wire.hpp"

namespace hyperstart {
namespace {

const char kWeb[] = R"({"container":"web"})";

class CompareOldAgentTest : public CompareTest {
 protected:
  CompareOldAgentTest() : CompareTest(AgentVersion::kHyperstart070) {}

  /// The end of a process, on the client's io.
  void ExpectEnd(int seq, char status) {
    const auto key = static_cast<std::uint64_t>(seq);
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{key, ""}));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{key, std::string(1, status)}));
  }
  void StartPod() {
    Start();
    io();
    EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep", "")), wire::kAck);
  }
};

TEST_F(CompareOldAgentTest, FindsNothingInTheSameModel) {
  Start();
  io();
  EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
  EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep", "")), wire::kAck);
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "", 3, "/bin/false")), wire::kAck);
  EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
  EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, "\3"}));
  EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})"), wire::kError);
  EXPECT_EQ(Call(wire::kDestroyPod), wire::kAck);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, FindsNothingWhereAStatusComesBeforeTheAck) {
  agent().On(Command::kExecCmd).WillOnce(Reply::Ack());
  StartPod();
  agent().SendIo(3, "");
  agent().SendIo(3, "\7");
  ExpectEnd(3, 7);
  EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "", 3, "/bin/false")), wire::kAck);
  EXPECT_EQ(Call(wire::kDestroyPod), wire::kAck);
  ctl().ReadToEnd();
  io().ReadToEnd();
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, FindsNothingWhereTheStatusComesAfterFinishpod) {
  StartPod();
  agent().SendMessage(Command::kFinishPodDeprecated, std::string("\0\0\0\11", 4));
  EXPECT_EQ(ctl().ReadFrame().value().key, wire::kFinishPodDeprecated);
  agent().SendIo(1, "");
  agent().SendIo(1, "\11");
  ExpectEnd(1, 9);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, ShowsAFinishpodWithAnotherStatus) {
  StartPod();
  agent().SendIo(1, "");
  agent().SendIo(1, "\11");
  ExpectEnd(1, 9);
  agent().SendMessage(Command::kFinishPodDeprecated, std::string("\0\0\0\10", 4));
  EXPECT_EQ(ctl().ReadFrame().value().key, wire::kFinishPodDeprecated);
  EXPECT_THAT(Differences(), AllOf(HasSubstr("finishpod, which the agent sends by itself"),
                                   HasSubstr("the agent: finishpod 4 bytes hex 00 00 00 08"),
                                   HasSubstr("the model: finishpod 4 bytes hex 00 00 00 09")));
}

TEST_F(CompareOldAgentTest, FindsNothingWhereTheStatusComesAfterRemovecontainer) {
  agent().On(Command::kRemoveContainer).WillOnce(Reply::Ack());
  StartPod();
  EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("two", 3, "/bin/sleep", "")), wire::kAck);
  EXPECT_EQ(Call(wire::kRemoveContainer, kWeb), wire::kAck);
  agent().SendIo(1, "");
  agent().SendIo(1, "\11");
  ExpectEnd(1, 9);
  EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("three", 5, "/bin/sleep", "")), wire::kAck);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, FindsNothingWhereTheStatusOvertakesTheReplyToTheKill) {
  agent().On(Command::kKillContainer).WillOnce(Reply::Nothing());
  StartPod();
  ctl().Write(wire::Ctl(wire::kKillContainer, kKillWeb));
  ASSERT_TRUE(agent().WaitForMessage(Command::kKillContainer));
  agent().SendIo(1, "");
  agent().SendIo(1, "\11");
  ExpectEnd(1, 9);
  agent().SendMessage(Command::kAck);
  EXPECT_EQ(ctl().ReadAnswer().reply.key, wire::kAck);
  agent().SendMessage(Command::kFinishPodDeprecated, std::string("\0\0\0\11", 4));
  EXPECT_EQ(ctl().ReadFrame().value().key, wire::kFinishPodDeprecated);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, FindsNothingInAProcessThatCannotBeStarted) {
  agent().On(Command::kExecCmd).WillOnce(Reply::Ack());
  StartPod();
  std::string exec = ExecJson("web", "", 3, "/bin/false");
  exec.replace(exec.find(R"("workdir":"/")"), 13, R"("workdir":"/missing")");
  EXPECT_EQ(Call(wire::kExecCmd, exec), wire::kAck);
  EXPECT_EQ(Call(wire::kPing), wire::kAck);
  agent().SendIo(3, "");
  agent().SendIo(3, "\175");
  ExpectEnd(3, 125);
  EXPECT_EQ(Differences(), "");
}

TEST_F(CompareOldAgentTest, ShowsAnEventWhichThatVersionHasNot) {
  StartPod();
  agent().SendProcessEvent("web", "init", 0);
  ReadEvent();
  EXPECT_THAT(Differences(), HasSubstr("an agent of this version never says that"));
}

}  // namespace
}  // namespace hyperstart
