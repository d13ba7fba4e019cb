// CommandMock: a GoogleMock mock whose calls are the client's commands.

#include <mock_hyperstart/matchers.hpp>
#include <string>
#include <thread>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::_;
using testing::AnyNumber;
using testing::HasSubstr;
using testing::InSequence;
using testing::NiceMock;
using testing::Return;
using testing::StrictMock;

TEST(CommandMock, AnswersAsItsExpectationsSay) {
  Started agent;
  StrictMock<CommandMock> commands(agent);
  {
    const InSequence sequence;
    EXPECT_CALL(commands, Call(IsCommand(Command::kPing))).WillOnce(Return(Reply::Ack("1")));
    EXPECT_CALL(commands, Call(IsMessage(Command::kExecCmd, HasSubstr("sh"))))
        .WillOnce(Return(Reply::Error("no shell")));
  }
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame("1"));
  EXPECT_EQ(ctl.Call(wire::kExecCmd, "sh").reply, (wire::Frame{wire::kError, "no shell"}));
}

TEST(CommandMock, AnswersAsTheMockWouldWithoutAnAction) {
  Started agent;
  NiceMock<CommandMock> commands(agent);
  EXPECT_CALL(commands, Call(_)).Times(2);
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kVersion).reply, AckFrame(wire::U32(4244)));
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame());
}

TEST(CommandMock, IsNotCalledForWhatAPlanAnswers) {
  Started agent;
  StrictMock<CommandMock> commands(agent);
  EXPECT_CALL(commands, Call(IsCommand(Command::kPing))).WillOnce(Return(Reply::Ack("mock")));
  agent.On(Command::kPing).WillOnce(Reply::Ack("plan"));
  RawClient ctl = agent.Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame("plan"));
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame("mock"));
}

TEST(CommandMock, IsDetachedByItsDestructor) {
  Started agent;
  RawClient ctl = agent.Ctl();
  {
    NiceMock<CommandMock> commands(agent);
    EXPECT_CALL(commands, Call(_)).WillOnce(Return(Reply::Ack("mock")));
    EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame("mock"));
  }
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame());
}

TEST(CommandMock, MayBeDestroyedAtAnyMomentOfACall) {
  Started agent;
  RawClient ctl = agent.Ctl();
  for (int i = 0; i < 100; ++i) {
    {
      NiceMock<CommandMock> commands(agent);
      EXPECT_CALL(commands, Call(_)).Times(AnyNumber()).WillRepeatedly([i](const DecodedMessage&) {
        for (int n = 0; n < i; ++n) std::this_thread::yield();
        return Reply();
      });
      ctl.Write(wire::Ctl(wire::kPing));
      if (i % 2 == 0) ctl.Read(12);  // it is being called, or about to be
    }                                // as an early return of a test does
    if (i % 2 != 0) ctl.Read(12);
    EXPECT_EQ(ctl.Read(8), wire::Ack());
  }
}

}  // namespace
}  // namespace hyperstart
