// The io handler and the handler of fatal input: when and on which thread they are called, what a
// replacement waits for, and what Stop() reports about them.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/mock_test.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What one call of a handler was given. Take() waits for the call.
template <typename T>
class Given {
 public:
  auto handler() {
    return [this](const T& value) { promise_.set_value(value); };
  }
  T Take() {
    std::future<T> future = promise_.get_future();
    if (future.wait_for(kDeadline) != std::future_status::ready) {
      throw std::runtime_error("the handler was not called");
    }
    return future.get();
  }

 private:
  std::promise<T> promise_;
};

// ---- The io handler

TEST(IoHandler, GetsEachPacketInOrder) {
  Started agent;
  std::vector<IoPacket> given;
  agent.SetIoHandler([&](const IoPacket& packet) { given.push_back(packet); });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a") + wire::Io(2, "b") + wire::Io(1));
  io.Write(wire::Io(1, "c"));
  io.Close();
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  agent.SetIoHandler(nullptr);  // no call is running any more
  EXPECT_THAT(given,
              ElementsAre(IoPacket{1, "a"}, IoPacket{2, "b"}, IoPacket{1, ""}, IoPacket{1, "c"}));
}

TEST(IoHandler, IsToldWhenItsPacketWasRead) {
  Started agent;
  std::vector<std::chrono::steady_clock::time_point> times;
  agent.SetIoHandler([&](const IoPacket&) { times.push_back(agent.IoReadTime()); });
  RawClient io = agent.Io();
  const auto start = std::chrono::steady_clock::now();
  io.Write(wire::Io(1, "a") + wire::Io(2, "b"));
  ASSERT_TRUE(agent.ReadIo(2, kDeadline));
  io.Write(wire::Io(1, "c"));
  io.Close();
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  agent.SetIoHandler(nullptr);
  ASSERT_EQ(times.size(), 3U);
  EXPECT_GE(times[0], start);
  EXPECT_EQ(times[1], times[0]) << "packets of one read";
  EXPECT_GT(times[2], times[1]);
}

TEST(IoHandler, IsCalledOnceThePacketIsRecorded) {
  Started agent;
  Given<std::vector<IoPacket>> recorded;
  agent.SetIoHandler([&](const IoPacket&) { recorded.handler()(agent.PeekIoPackets()); });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  EXPECT_THAT(recorded.Take(), ElementsAre(IoPacket{1, "a"}));
  EXPECT_EQ(*agent.ReadIo(1, kDeadline), (IoPacket{1, "a"})) << "it stays recorded";
}

TEST(IoHandler, MayAnswer) {
  Started agent;
  agent.SetIoHandler([&](const IoPacket& packet) { agent.SendIo(packet.seq, packet.data); });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "echo") + wire::Io(1));
  EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, "echo"}));
  EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, ""}));
}

TEST(IoHandler, IsCalledOnTheIoThread) {
  Started agent;
  Given<std::thread::id> ctl_thread;
  Given<std::thread::id> io_thread;
  agent.SetHandler([&](const DecodedMessage&) {
    ctl_thread.handler()(std::this_thread::get_id());
    return Reply();
  });
  agent.SetIoHandler([&](const IoPacket&) {
    EXPECT_THROW(agent.Stop(), std::logic_error);
    io_thread.handler()(std::this_thread::get_id());
  });
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ctl.Call(wire::kPing);
  io.Write(wire::Io(1, "a"));
  const std::thread::id id = io_thread.Take();
  EXPECT_NE(id, std::this_thread::get_id());
  EXPECT_NE(id, ctl_thread.Take());
}

TEST(IoHandler, BlocksIoOnly) {
  Started agent;
  std::promise<void> entered;
  std::promise<void> leave;
  agent.SetIoHandler([&](const IoPacket&) {
    entered.set_value();
    leave.get_future().wait();
  });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  ASSERT_EQ(entered.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, (wire::Frame{wire::kAck, ""}));
  leave.set_value();
  agent.SetIoHandler(nullptr);
}

TEST(IoHandler, IsReplacedWhenItsCallHasReturned) {
  Started agent;
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> returned{false};
  agent.SetIoHandler([&](const IoPacket&) {
    entered.set_value();
    leave.get_future().wait();
    returned = true;
  });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  ASSERT_EQ(entered.get_future().wait_for(kDeadline), std::future_status::ready);
  std::future<void> replacement = std::async(std::launch::async, [&] {
    agent.SetIoHandler(nullptr);
    EXPECT_TRUE(returned);
  });
  EXPECT_EQ(replacement.wait_for(kMoment), std::future_status::timeout);
  leave.set_value();
  replacement.get();
}

TEST(IoHandler, MayReplaceItself) {
  Started agent;
  Given<IoPacket> second;
  std::vector<IoPacket> first;
  agent.SetIoHandler([&](const IoPacket& packet) {
    first.push_back(packet);
    agent.SetIoHandler(second.handler());
  });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  io.Write(wire::Io(2, "b"));
  EXPECT_EQ(second.Take(), (IoPacket{2, "b"}));
  EXPECT_THAT(first, ElementsAre(IoPacket{1, "a"}));
}

TEST(IoHandler, IsNotCalledAfterItWasRemoved) {
  Started agent;
  std::atomic<int> calls{0};
  agent.SetIoHandler([&](const IoPacket&) { ++calls; });
  agent.SetIoHandler(nullptr);
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  ASSERT_TRUE(agent.ReadIo(1, kDeadline));
  agent.Stop();
  EXPECT_EQ(calls, 0);
}

TEST(IoHandler, MayThrowWhichStopReports) {
  Started agent(Silent());
  agent.SetIoHandler([](const IoPacket&) { throw std::runtime_error("no idea"); });
  RawClient io = agent.Io();
  io.Write(wire::Io(7, "a"));
  io.Close();
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  EXPECT_NONFATAL_FAILURE(agent.Stop(), "the io handler threw at a frame of seq 7: no idea");
  EXPECT_THAT(agent.GetLastIoPackets(), ElementsAre(IoPacket{7, "a"}));
}

// ---- The handler of fatal input

TEST(FatalInputHandler, GetsWhatTheAgentDiesOfThoughTheMockIsNotStrict) {
  Started agent;
  Given<Violation> given;
  agent.SetFatalInputHandler(given.handler());
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}").substr(0, 8));
  const Violation violation = given.Take();
  EXPECT_EQ(violation.channel, Channel::kCtl);
  EXPECT_THAT(violation.what, HasSubstr("8 of 10 bytes of a startpod"));
  EXPECT_EQ(violation.bytes, wire::Ctl(wire::kStartPod, "{}").substr(0, 8));
  ctl.Write("{}");
  EXPECT_EQ(ctl.ReadAnswer().reply, (wire::Frame{wire::kAck, ""})) << "the mock goes on";
  EXPECT_THAT(agent.TakeViolations(), IsEmpty());
}

TEST(FatalInputHandler, GetsWhatAStrictMockCountsAsAViolation) {
  Options options;
  options.strict = true;
  Started agent(options);
  Given<Violation> given;
  agent.SetFatalInputHandler(given.handler());
  RawClient io = agent.Io();
  io.Write(wire::Io(1, std::string(4085, 'x')));
  EXPECT_THAT(given.Take().what, HasSubstr("a frame of 4097 bytes"));
  EXPECT_EQ(agent.TakeViolations().size(), 1u);
}

TEST(FatalInputHandler, GetsABrokenHeader) {
  Started agent;
  Given<Violation> given;
  agent.SetFatalInputHandler(given.handler());
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::U32(wire::kStartPod) + wire::U32(4));
  const Violation violation = given.Take();
  ctl.ReadToEnd();
  const std::vector<Violation> violations = agent.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violation.what, violations[0].what);
}

TEST(FatalInputHandler, MayEndBothConnectionsAsTheAgentDoes) {
  Started agent;
  agent.SetFatalInputHandler([&](const Violation&) {
    agent.Disconnect(Channel::kCtl);
    agent.Disconnect(Channel::kIo);
  });
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  RawClient ctl = agent.Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}").substr(0, 8));
  EXPECT_EQ(io.ReadToEnd(), "");
  ctl.ReadToEnd();
  agent.SetFatalInputHandler(nullptr);
  ExpectUsable(agent);
}

TEST(FatalInputHandler, MayReplaceItself) {
  Started agent;
  Given<Violation> second;
  agent.SetFatalInputHandler(
      [&](const Violation&) { agent.SetFatalInputHandler(second.handler()); });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, std::string(5000, 'x')) + wire::Io(2, std::string(6000, 'x')));
  EXPECT_THAT(second.Take().what, HasSubstr("a frame of 6012 bytes"));
}

TEST(FatalInputHandler, MayThrowWhichStopReports) {
  Started agent(Silent());
  agent.SetFatalInputHandler([](const Violation&) { throw std::runtime_error("no idea"); });
  RawClient io = agent.Io();
  io.Write(wire::Io(1, std::string(5000, 'x')));
  ASSERT_TRUE(agent.ReadIo(1, kDeadline));
  EXPECT_NONFATAL_FAILURE(agent.Stop(), "the fatal input handler threw: no idea");
}

TEST(ConnectionHandler, IsToldOfClientsThatComeAndGo) {
  MockHyperstart agent;
  std::promise<void> left;
  std::string told;  // on the ctl thread alone
  agent.SetConnectionHandler([&](Channel channel, bool is_connected) {
    if (channel != Channel::kCtl) return;
    told += is_connected ? "came " : "left ";
    if (is_connected) agent.SendReady();
    if (!is_connected) left.set_value();
  });
  agent.Start();
  EXPECT_EQ(RawClient::Ctl(agent.GetSocketPaths().ctl).ReadFrame()->key, wire::kReady);
  ASSERT_EQ(left.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(told, "came left ");
}

TEST(ConnectionHandler, IsReportedIfItThrows) {
  MockHyperstart agent;
  agent.SetConnectionHandler([](Channel, bool) { throw std::runtime_error("no idea"); });
  agent.Start();
  RawClient::Ctl(agent.GetSocketPaths().ctl).Call(wire::kPing);
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(&failures);
    agent.Stop();
  }
  ASSERT_EQ(failures.size(), 2);
  EXPECT_THAT(failures.GetTestPartResult(0).message(),
              HasSubstr("the connection handler threw: no idea"));
}

// ---- The mock's own threads

TEST(Handler, ReplacesTheOtherHandlerThatReplacesItAtOnce) {
  Started agent;
  std::promise<void> ctl_entered;
  std::promise<void> io_entered;
  agent.SetHandler([&](const DecodedMessage&) {
    ctl_entered.set_value();
    EXPECT_EQ(io_entered.get_future().wait_for(kDeadline), std::future_status::ready);
    agent.SetIoHandler(nullptr);
    return Reply::Ack("of the old handler");
  });
  std::promise<void> io_returns;
  agent.SetIoHandler([&](const IoPacket&) {
    io_entered.set_value();
    EXPECT_EQ(ctl_entered.get_future().wait_for(kDeadline), std::future_status::ready);
    agent.SetHandler(nullptr);
    io_returns.set_value();
  });
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  io.Write(wire::Io(1, "a"));
  EXPECT_EQ(ctl.Call(wire::kPing).reply, (wire::Frame{wire::kAck, "of the old handler"}));
  EXPECT_EQ(io_returns.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(ctl.Call(wire::kPing).reply, (wire::Frame{wire::kAck, ""}));
}

/// The thread would have to wait for its own end.
TEST(HandlerDeathTest, DestroysTheMock) {
  EXPECT_DEATH(
      {
        auto agent = std::make_unique<Started>();
        agent->SetHandler([&](const DecodedMessage&) {
          agent.reset();
          return Reply();
        });
        agent->Ctl().Call(wire::kPing);
      },
      "the mock made at .* is destroyed on its own thread, in a handler or an action: destroy it "
      "on the test's thread");
}

}  // namespace
}  // namespace hyperstart
