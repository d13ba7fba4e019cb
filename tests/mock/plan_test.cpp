// Which reply a command gets: from a plan, the handler or the default. What Stop() reports about
// plans and handlers.

#include <gtest/gtest-spi.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Return;

wire::Frame Error(std::string payload = {}) { return {wire::kError, std::move(payload)}; }

/// The failures that Stop() adds to the test.
std::vector<testing::TestPartResult> FailuresOfStop(MockHyperstart& agent) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    agent.Stop();
  }
  std::vector<testing::TestPartResult> failures;
  for (int i = 0; i < results.size(); ++i) failures.push_back(results.GetTestPartResult(i));
  return failures;
}

// ---- Precedence

TEST(Plan, AnswersByPlanThenHandlerThenDefaultThenAck) {
  Started agent;
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kVersion).reply, AckFrame(wire::U32(4244)));
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame());

  agent.SetDefaultReply(Reply::Ack("default"));
  EXPECT_EQ(client.Call(wire::kVersion).reply, AckFrame("default"));
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("default"));

  agent.SetHandler([](const DecodedMessage& message) {
    return message.command == Command::kPing ? Reply::Ack("handler: " + message.payload) : Reply();
  });
  EXPECT_EQ(client.Call(wire::kPing, "x").reply, AckFrame("handler: x"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame("default"));

  agent.On(Command::kPing).WillRepeatedly(Reply::Ack("repeatedly"));
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("repeatedly"));
  agent.On(Command::kPing).WillOnce(Reply::Ack("once")).WillOnce(Reply::Error("twice"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame("default"));
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("once"));
  EXPECT_EQ(client.Call(wire::kPing).reply, Error("twice"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("repeatedly"));

  agent.On(Command::kPing).WillRepeatedly(Reply());
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("handler: "));
  agent.SetHandler(nullptr);
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame("default"));
  agent.SetDefaultReply(Reply());
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame());
  EXPECT_EQ(client.Call(wire::kVersion).reply, AckFrame(wire::U32(4244)));
}

TEST(Plan, AnswersTheFirstCommandsAndThenTheRest) {
  Started agent;
  agent.On(Command::kStartPod).WillOnce(Reply::Error("once")).WillRepeatedly(Reply::Ack("then"));
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kStartPod).reply, Error("once"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame("then"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame("then"));
}

TEST(Plan, IsExtendedByALaterOn) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack("1"));
  agent.On(Command::kPing).WillOnce(Reply::Ack("2")).WillRepeatedly(Reply::Ack("old"));
  agent.On(Command::kStartPod).WillOnce(Reply::Ack("other"));
  agent.On(Command::kPing).WillRepeatedly(Reply::Ack("new")).WillOnce(Reply::Ack("3"));
  RawClient client = agent.Ctl();
  for (const char* answer : {"1", "2", "3", "new", "new"}) {
    EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame(answer));
  }
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame("other"));
}

TEST(Plan, ContinuesWithTheNextClientAndTheNextStart) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack("1")).WillOnce(Reply::Ack("2"));
  agent.On(Command::kPing).WillRepeatedly(Reply::Ack("3"));
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, AckFrame("1"));
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, AckFrame("2"));
  agent.Stop();
  agent.Start();
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, AckFrame("3"));
}

TEST(Plan, AnswersCommandsOfOneWriteInOrder) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Error("1")).WillOnce(Reply::Nothing());
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kPing) + wire::Ctl(wire::kPing));
  EXPECT_EQ(RestOf(client), wire::Next(8) + wire::Ctl(wire::kError, "1") + wire::Next(8) +
                                wire::Next(8) + wire::Ack());
}

TEST(Plan, AnswersVersionWithTheApiVersionOfTheOptions) {
  Options options;
  options.api_version = 4242;
  Started agent(options);
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kVersion).reply, AckFrame(wire::U32(4242)));
  agent.SetDefaultReply(Reply::Error());
  EXPECT_EQ(client.Call(wire::kVersion).reply, Error());
  agent.On(Command::kVersion).WillOnce(Reply::Ack(wire::U32(1)));
  EXPECT_EQ(client.Call(wire::kVersion).reply, AckFrame(wire::U32(1)));
}

TEST(Plan, MayBeMadeBeforeStart) {
  MockHyperstart agent;
  agent.On(Command::kPing).WillOnce(Reply::Error("early"));
  agent.Start();
  EXPECT_EQ(RawClient::Ctl(agent.GetSocketPaths().ctl).Call(wire::kPing).reply, Error("early"));
}

TEST(Plan, MayChangeWhileCommandsArrive) {
  Started agent;
  std::atomic<bool> over{false};
  std::thread changes([&] {
    for (std::uint32_t i = 0; !over; ++i) {
      agent.On(static_cast<Command>(i % 26)).WillRepeatedly(Reply::Ack("repeatedly"));
      agent.On(Command::kPing).WillRepeatedly(Reply());
      if (i % 2 == 0) {
        agent.SetHandler([](const DecodedMessage&) { return Reply::Ack("handler"); });
      } else {
        agent.SetHandler(nullptr);
      }
      agent.SetDefaultReply(i % 3 == 0 ? Reply() : Reply::Ack("default"));
    }
  });
  RawClient client = agent.Ctl();
  for (std::uint32_t i = 0; i < 2000; ++i) {
    EXPECT_THAT(client.Call(wire::kPing).reply.payload,
                testing::AnyOf("", "repeatedly", "handler", "default"));
    agent.On(Command::kStartPod).WillOnce(Reply::Error("once"));
    EXPECT_EQ(client.Call(wire::kStartPod).reply, Error("once"));
  }
  over = true;
  changes.join();
}

// ---- Plans of modifiers alone

TEST(PlanOfModifiers, AppliesThemToTheFallbackReply) {
  const std::string ack = wire::Next(8);
  Started agent;
  const auto answer = [&](std::uint32_t command) {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(command));
    return RestOf(client).substr(12);
  };
  agent.On(Command::kVersion).WillOnce(Reply().Truncated(11));
  EXPECT_EQ(answer(wire::kVersion), wire::Ack(wire::U32(4244)).substr(0, 11));

  agent.SetDefaultReply(Reply::Error("default"));
  agent.On(Command::kPing).WillOnce(Reply().Truncated(9));
  EXPECT_EQ(answer(wire::kPing), wire::Ctl(wire::kError, "default").substr(0, 9));

  agent.SetHandler([](const DecodedMessage&) { return Reply::Ack("handler"); });
  agent.On(Command::kPing).WillOnce(Reply().WithLength(3));
  EXPECT_EQ(answer(wire::kPing), wire::U32(wire::kAck) + wire::U32(3) + "handler");

  agent.On(Command::kPing).WillRepeatedly(Reply::Raw("repeatedly"));
  agent.On(Command::kPing).WillOnce(Reply().Truncated(4));
  EXPECT_EQ(answer(wire::kPing), "repe");

  agent.On(Command::kPing).WillOnce(Reply());
  EXPECT_EQ(answer(wire::kPing), "repeatedly");
}

TEST(PlanOfModifiers, TakesPrecedenceOverTheModifiersOfTheFallback) {
  std::atomic<int> called_by_plan{0};
  std::atomic<int> called_by_handler{0};
  Started agent;
  agent.SetDefaultReply(Reply::Error("a default").After(kForever).Truncated(3).ThenDisconnect());
  agent.SetHandler([&](const DecodedMessage&) {
    return Reply().Truncated(14).InPieces(1, kForever).Then([&] { ++called_by_handler; });
  });
  agent.On(Command::kPing)
      .WillOnce(Reply().InPieces(5).Then([&] { ++called_by_plan; }))
      .WillRepeatedly(Reply().After(0ms).WithLength(9));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + wire::U32(wire::kError) + wire::U32(9) + "a defa");
  EXPECT_EQ(called_by_plan, 1);
  EXPECT_EQ(called_by_handler, 0);
}

TEST(PlanOfModifiers, AppliesToEveryCommandAsTheDefaultReply) {
  Started agent;
  agent.SetDefaultReply(Reply().Truncated(6));
  for (const wire::Named& command : wire::kHyperstartCommands) {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(command.number));
    EXPECT_EQ(RestOf(client), wire::Next(8) + wire::U32(wire::kAck) + std::string(2, '\0'));
  }
}

// ---- What Stop reports

TEST(Plan, FailsTheTestForEachUnusedWillOnceWhereItWasSet) {
  Started agent(Silent());
  agent.On(Command::kPing).WillOnce(Reply::Ack("used")).WillRepeatedly(Reply());
  const int first = __LINE__ + 1;
  agent.On(Command::kPing).WillOnce(Reply());
  const int second = __LINE__ + 1;
  agent.On(Command::kStartPod).WillOnce(Reply::Error());
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, AckFrame("used"));

  const std::vector<testing::TestPartResult> failures = FailuresOfStop(agent);
  ASSERT_EQ(failures.size(), 2u);
  for (const testing::TestPartResult& failure : failures) {
    EXPECT_TRUE(failure.nonfatally_failed());
    EXPECT_STREQ(failure.file_name(), __FILE__);
    EXPECT_THAT(failure.message(), HasSubstr("never used"));
  }
  EXPECT_EQ(failures[0].line_number(), second);  // in the order of the command numbers
  EXPECT_THAT(failures[0].message(), HasSubstr("startpod"));
  EXPECT_EQ(failures[1].line_number(), first);
  EXPECT_THAT(failures[1].message(), HasSubstr("ping"));

  EXPECT_THAT(FailuresOfStop(agent), IsEmpty());  // reported once
  agent.Start();
  EXPECT_EQ(agent.Ctl().Call(wire::kStartPod).reply, AckFrame());  // and the plan is gone
}

TEST(Plan, FailsTheTestInTheDestructorToo) {
  EXPECT_NONFATAL_FAILURE(
      {
        MockHyperstart agent(Silent());
        agent.On(Command::kExecCmd).WillOnce(Reply());
      },
      "execcmd");
}

TEST(Plan, AcceptsAnUnusedWillRepeatedly) {
  Started agent;
  agent.On(Command::kPing).WillRepeatedly(Reply::Error());
  EXPECT_THAT(FailuresOfStop(agent), IsEmpty());
}

// ---- Handlers

TEST(HandlerOfTheTest, MayBeAMockFunction) {
  testing::StrictMock<testing::MockFunction<Reply(const DecodedMessage&)>> handler;
  EXPECT_CALL(handler, Call(Message(Command::kPing, "x"))).WillOnce(Return(Reply::Ack("mocked")));
  EXPECT_CALL(handler,
              Call(testing::Field("command", &DecodedMessage::command, Command::kStartPod)))
      .WillOnce(Return(Reply::Error("no")))
      .WillOnce(Return(Reply()));
  Started agent;
  agent.SetHandler(handler.AsStdFunction());
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kPing, "x").reply, AckFrame("mocked"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, Error("no"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply, AckFrame());
  agent.SetHandler(nullptr);  // returns when no call is running, so the handler may be destroyed
  EXPECT_EQ(client.Call(wire::kPing).reply, AckFrame());
}

TEST(HandlerOfTheTest, MayCallEveryMemberOfTheMock) {
  Started agent;
  RawClient ctl = ConnectAndWait(agent, Channel::kCtl);
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  std::thread stdin_writer;
  agent.SetHandler([&](const DecodedMessage& message) {
    EXPECT_THAT(agent.GetLastMessages(),
                ElementsAre(message));  // recorded before the handler is called
    EXPECT_FALSE(agent.WaitForMessage(0ms));
    EXPECT_TRUE(agent.WaitForConnection(kDeadline));
    EXPECT_FALSE(agent.WaitForDisconnect(Channel::kIo, 0ms));
    EXPECT_TRUE(agent.IsConnected(Channel::kCtl));
    agent.SendReady();
    agent.SendMessage(Command::kWinSize, "w");
    agent.SendProcessEvent("c", "p", 3);
    agent.SendRaw(Channel::kCtl, "raw");
    agent.SendIo(1, "out");
    agent.SendExitStatus(1, 7);
    agent.CloseIo(1);
    EXPECT_EQ(*agent.ReadStreamToEnd(5, kDeadline), "in");  // io is not blocked
    EXPECT_THAT(agent.GetLastIoPackets(), IsEmpty());
    EXPECT_THAT(agent.TakeViolations(), IsEmpty());
    EXPECT_THAT(agent.Transcript(), HasSubstr("execcmd"));
    agent.PauseReading(Channel::kIo);
    agent.ResumeReading(Channel::kIo);
    agent.SetWriteSize(Channel::kIo, 1);
    agent.StopListening(Channel::kIo);
    agent.ResumeListening(Channel::kIo);
    agent.ShutdownSend(Channel::kIo);
    EXPECT_THROW(agent.Start(), std::logic_error);
    EXPECT_THROW(agent.Stop(), std::logic_error);
    EXPECT_THAT(ErrorOf([&] { agent.Stop(); }), HasSubstr("Stop()"));
    agent.On(Command::kPing).WillOnce(Reply::Ack("planned by the handler"));
    agent.SetDefaultReply(Reply::Error("default of the handler"));
    agent.SetHandler(nullptr);  // the handler that is running
    return Reply::Ack("handled");
  });
  ctl.Write(wire::Ctl(wire::kExecCmd, "{}"));
  EXPECT_EQ(io.ReadFrame()->payload, "out");
  EXPECT_EQ(io.ReadFrame()->payload, "\7");
  EXPECT_EQ(io.ReadFrame()->payload, "");
  io.Write(wire::Io(5, "in") + wire::Io(5));
  const std::string event = R"({"container":"c","process":"p","event":"finished","status":3})";
  const std::string said =
      wire::Next(8) + wire::Next(2) + wire::Ctl(wire::kReady) + wire::Ctl(wire::kWinSize, "w") +
      wire::Ctl(wire::kProcessAsyncEvent, event) + "raw" + wire::Ack("handled");
  EXPECT_EQ(ctl.Read(said.size()), said);
  EXPECT_EQ(io.ReadToEnd(), "");
  EXPECT_EQ(ctl.Call(wire::kPing).reply, AckFrame("planned by the handler"));
  EXPECT_EQ(ctl.Call(wire::kPing).reply, Error("default of the handler"));
}

TEST(HandlerOfTheTest, MayEndItsOwnConnection) {
  Started agent;
  agent.SetHandler([&](const DecodedMessage& message) {
    if (message.command == Command::kPing) agent.Disconnect(Channel::kCtl);
    if (message.command == Command::kStartPod) agent.Reset(Channel::kCtl);
    return Reply();
  });
  {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.ReadToEnd(), wire::Next(8));
    ExpectUsable(agent);
  }
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kStartPod));
  EXPECT_EQ(client.Read(12), wire::Next(8));
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  client.Write("x");
  EXPECT_EQ(client.ReadError(), ECONNRESET);
  ExpectUsable(agent);
}

TEST(HandlerOfTheTest, MayBlockWhileIoGoesOn) {
  Started agent;
  std::promise<void> release;
  agent.SetHandler([&](const DecodedMessage&) {
    release.get_future().wait();
    return Reply::Ack("released");
  });
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod));
  EXPECT_EQ(ctl.Read(12), wire::Next(8));
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, kDeadline));
  io.Write(wire::Io(1, "x"));
  EXPECT_EQ(agent.ReadIo(kDeadline)->data, "x");
  agent.SendIo(2, "y");
  EXPECT_EQ(io.ReadFrame()->payload, "y");
  agent.SendReady();
  EXPECT_EQ(ctl.Read(8), wire::Ctl(wire::kReady));
  EXPECT_EQ(ctl.Waiting(), 0u);
  EXPECT_THAT(agent.GetLastMessages(), IsEmpty());  // the second command has not been read
  agent.On(Command::kStartPod).WillOnce(Reply::Error());
  release.set_value();
  EXPECT_EQ(RestOf(ctl), wire::Ack("released") + wire::Next(8) + wire::Ctl(wire::kError));
}

TEST(HandlerOfTheTest, MayThrow) {
  Started agent(Silent());
  agent.SetHandler([](const DecodedMessage& message) -> Reply {
    if (message.command == Command::kPing) throw std::runtime_error("out of luck");
    throw 42;
  });
  agent.On(Command::kExecCmd).WillOnce(Reply().Then([] { throw std::runtime_error("too late"); }));
  agent.On(Command::kExecCmd).WillRepeatedly(Reply::Ack());
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kPing).reply, Error("out of luck"));
  EXPECT_EQ(client.Call(wire::kStartPod).reply.key, wire::kError);
  EXPECT_EQ(client.Call(wire::kExecCmd).reply, AckFrame());
  EXPECT_EQ(client.Call(wire::kExecCmd).reply, AckFrame());  // the mock still answers

  const std::vector<testing::TestPartResult> failures = FailuresOfStop(agent);
  ASSERT_EQ(failures.size(), 3u);
  EXPECT_THAT(failures[0].message(), testing::AllOf(HasSubstr("ping"), HasSubstr("out of luck")));
  EXPECT_THAT(failures[1].message(), HasSubstr("startpod"));
  EXPECT_THAT(failures[2].message(), HasSubstr("too late"));
  EXPECT_THAT(FailuresOfStop(agent), IsEmpty());
}

TEST(HandlerOfTheTest, IsNoLongerRunningWhenSetHandlerReturns) {
  Started agent;
  RawClient client = agent.Ctl();
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(1);
    agent.SetHandler([alive = alive.get()](const DecodedMessage&) {
      for (int n = 0; n < 50; ++n) std::this_thread::yield();
      EXPECT_EQ(alive->load(), 1);  // a use after free if the handler still runs
      return Reply();
    });
    client.Write(wire::Ctl(wire::kPing));
    if (i % 2 == 0) client.Read(12);  // the handler is running, or about to run
    agent.SetHandler(nullptr);
    *alive = 0;
    alive.reset();
    if (i % 2 != 0) client.Read(12);
    EXPECT_EQ(client.Read(8), wire::Ack());
  }
}

TEST(HandlerOfTheTest, IsWaitedForBySetHandlerAndByStop) {
  for (const bool stop : {false, true}) {
    Started agent;
    std::promise<void> called;
    std::promise<void> release;
    std::atomic<bool> returned{false};
    agent.SetHandler([&](const DecodedMessage&) {
      called.set_value();
      release.get_future().wait();
      returned = true;
      return Reply();
    });
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    ASSERT_EQ(called.get_future().wait_for(kDeadline), std::future_status::ready);
    std::future<void> waiting = std::async(std::launch::async, [&] {
      stop ? agent.Stop() : agent.SetHandler(nullptr);
      EXPECT_TRUE(returned);
    });
    EXPECT_EQ(waiting.wait_for(kMoment), std::future_status::timeout);
    release.set_value();
    waiting.get();
  }
}

TEST(HandlerOfTheTest, IsWokenFromAWaitByStop) {
  Started agent;
  agent.SetHandler([&](const DecodedMessage&) {
    EXPECT_FALSE(agent.ReadIo(kForever));
    return Reply();
  });
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(agent.WaitForMessage(kDeadline));
  agent.Stop();
  EXPECT_EQ(client.ReadToEnd(), wire::Next(8));
}

}  // namespace
}  // namespace hyperstart
