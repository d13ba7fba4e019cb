// A mock between a client and another agent, here the model, or a second mock.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/detail/net/socket_files.hpp>
#include <mock_hyperstart/recording.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "mock/spy_fixture.hpp"
#include "support/mock_test.hpp"
#include "support/payloads.hpp"
#include "support/temporary_place.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A spy and the agent behind it.
class SpyTest : public testing::Test {
 protected:
  SpyTest() { spy_.ForwardTo(agent_.GetSocketPaths()); }

  void Start() {
    agent_.Start();
    spy_.Start();
  }
  RawClient Ctl() const { return RawClient::Ctl(spy_.GetSocketPaths().ctl); }
  RawClient Io() const { return RawClient::Io(spy_.GetSocketPaths().io); }

  void ExpectSameConversation() {
    for (const Channel channel : kChannels) {
      for (const EventKind kind : {EventKind::kReceived, EventKind::kSent}) {
        EXPECT_EQ(BytesOf(spy_, channel, kind), BytesOf(agent_, channel, kind));
      }
    }
  }

  MockHyperstart agent_{KeepAllAndWait()};
  MockHyperstart spy_{KeepAllAndWait()};
};

/// Runs cat in a pod, to its end.
void RunCat(RawClient& ctl, RawClient& io) {
  EXPECT_EQ(ctl.Call(wire::kStartPod, kPod).reply.key, wire::kAck);
  EXPECT_EQ(ctl.Call(wire::kExecCmd, kExecCat).reply.key, wire::kAck);
  io.Write(wire::Io(1, "hello"));
  EXPECT_EQ(io.ReadFrame().value(), (wire::Frame{1, "hello"}));
  io.Write(wire::Io(1));
  EXPECT_EQ(io.ReadFrame().value(), (wire::Frame{1, ""}));
  EXPECT_EQ(ctl.ReadFrame().value().key, wire::kProcessAsyncEvent);
}

TEST_F(SpyTest, PassesEverythingOnByteForByte) {
  AgentModel model(agent_);
  model.OnProgram("/bin/cat", Program::Echo());
  Start();
  {
    RawClient ctl = Ctl();
    RawClient io = Io();
    RunCat(ctl, io);
    ctl.WriteAsRunv(wire::Ctl(wire::kPing, std::string(5'000, 'x')));
    EXPECT_EQ(ctl.ReadAnswer().reply.key, wire::kAck);
  }
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  spy_.Stop();
  agent_.Stop();
  ExpectSameConversation();
}

TEST_F(SpyTest, RecordsWhatIsThenReplayedWithoutTheAgent) {
  const TemporaryPlace place;
  AgentModel model(agent_);
  model.OnProgram("/bin/cat", Program::Echo());
  Start();
  RawClient ctl = Ctl();
  RawClient io = Io();
  RunCat(ctl, io);
  spy_.Stop();
  SaveRecording(spy_, place.path() + "/session.json");

  MockHyperstart replay;
  Replay(replay, place.path() + "/session.json");
  replay.Start();
  RawClient again = RawClient::Ctl(replay.GetSocketPaths().ctl);
  RawClient io_again = RawClient::Io(replay.GetSocketPaths().io);
  RunCat(again, io_again);
}

TEST_F(SpyTest, WaitsSeeWhatPasses) {
  Start();
  RawClient ctl = Ctl();
  RawClient io = Io();
  ctl.Call(wire::kStartPod, "{}");
  EXPECT_EQ(spy_.WaitForMessage(Command::kStartPod, kDeadline)->payload, "{}");
  io.Write(wire::Io(3, "in"));
  EXPECT_EQ(spy_.ReadIo(3, kDeadline)->data, "in");
  EXPECT_EQ(agent_.ReadIo(3, kDeadline)->data, "in");
}

TEST_F(SpyTest, APlanAnswersHere) {
  spy_.On(Command::kPing).WillOnce(Reply::Error("here"));
  Start();
  RawClient ctl = Ctl();
  const RawClient::Answer here = ctl.Call(wire::kPing, "12");
  EXPECT_EQ(here.reply, (wire::Frame{wire::kError, "here"}));
  EXPECT_EQ(here.next, 10u);
  const RawClient::Answer there = ctl.Call(wire::kStartPod, "{}");
  EXPECT_EQ(there.reply, (wire::Frame{wire::kAck, ""}));
  EXPECT_EQ(there.next, 10u) << "counted once, by one of the two";
  const RawClient::Answer ping = ctl.Call(wire::kPing);
  EXPECT_EQ(ping.reply.key, wire::kAck);
  EXPECT_EQ(
      agent_.GetLastMessages(),
      (std::vector<DecodedMessage>{Message(Command::kStartPod, "{}"), Message(Command::kPing)}));
}

TEST_F(SpyTest, APlanComesInTheOrderOfTheCommands) {
  std::promise<void> go_on;
  agent_.SetHandler([gate = go_on.get_future().share()](const DecodedMessage&) {
    gate.wait();
    return Reply::Ack("there");
  });
  Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}"));
  ASSERT_TRUE(agent_.WaitForMessage(Command::kStartPod, kDeadline));
  spy_.On(Command::kPing).WillRepeatedly(Reply::Ack("here"));
  ctl.Write(wire::Ctl(wire::kVersion) + wire::Ctl(wire::kPing));
  ASSERT_TRUE(spy_.WaitForMessage(Command::kVersion, kDeadline));
  go_on.set_value();
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "there");
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "there");
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "here");
}

TEST_F(SpyTest, WhatTheAgentSaysBesideAReplyKeepsItsPlace) {
  agent_.SetHandler([this](const DecodedMessage&) {
    agent_.SendProcessEvent("before", "p", 0);
    return Reply::Ack().Then([this] { agent_.SendProcessEvent("after", "p", 0); });
  });
  spy_.On(Command::kPing).WillRepeatedly(Reply::Ack("here"));  // each other reply is asked for
  Start();
  RawClient ctl = Ctl();
  for (int i = 0; i < 100; ++i) {
    ctl.Write(wire::Ctl(wire::kVersion));
    EXPECT_EQ(ctl.ReadFrame()->key, wire::kNext);
    EXPECT_THAT(ctl.ReadFrame()->payload, HasSubstr("before"));
    EXPECT_EQ(ctl.ReadFrame()->key, wire::kAck);
    EXPECT_THAT(ctl.ReadFrame()->payload, HasSubstr("after"));
  }
}

TEST_F(SpyTest, TheLastReplyOfAnAgentThatClosesArrives) {
  agent_.SetDefaultReply(Reply::Ack("last").ThenDisconnect());
  spy_.On(Command::kPing).WillRepeatedly(Reply::Ack("here"));
  Start();
  for (int i = 0; i < 50; ++i) {
    RawClient ctl = Ctl();
    ctl.Write(wire::Ctl(wire::kVersion));
    EXPECT_EQ(ctl.ReadToEnd(), wire::Next(8) + wire::Ack("last"));
  }
}

TEST_F(SpyTest, APlanWaitsForTheRepliesBeforeIt) {
  std::promise<void> go_on;
  agent_.SetHandler([gate = go_on.get_future().share()](const DecodedMessage&) {
    gate.wait();
    return Reply::Ack("there");
  });
  Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kStartPod, "{}"));
  ASSERT_TRUE(agent_.WaitForMessage(Command::kStartPod, kDeadline));
  spy_.On(Command::kPing).WillOnce(Reply::Ack("here"));
  ctl.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(spy_.WaitForMessage(Command::kPing, kDeadline));
  go_on.set_value();
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "there");
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "here");
}

TEST_F(SpyTest, FaultsApplyToTheAgentsReply) {
  agent_.SetDefaultReply(Reply::Ack("there"));
  spy_.On(Command::kPing).WillOnce(Reply().Truncated(10).ThenDisconnect());
  Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(ctl.ReadToEnd(), wire::Next(8) + wire::Ack("there").substr(0, 10));
  EXPECT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline)) << "the agent is told";
}

TEST_F(SpyTest, FaultsOfTheConnectionReachBothSides) {
  Start();
  {
    RawClient ctl = Ctl();
    ctl.Call(wire::kPing);
    spy_.Disconnect(Channel::kCtl);
    EXPECT_EQ(ctl.ReadToEnd(), "");
    EXPECT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  }
  RawClient ctl = Ctl();
  spy_.SetWriteSize(Channel::kCtl, 1);
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  spy_.PauseReading(Channel::kCtl);
  ctl.Write(wire::Ctl(wire::kStartPod));
  EXPECT_FALSE(agent_.WaitForMessage(Command::kStartPod, kMoment));
  spy_.ResumeReading(Channel::kCtl);
  EXPECT_EQ(ctl.ReadAnswer().reply.key, wire::kAck);
  spy_.ShutdownSend(Channel::kCtl);
  EXPECT_EQ(ctl.ReadToEnd(), "");
  ctl.Write(wire::Ctl(wire::kDestroyPod));
  EXPECT_TRUE(agent_.WaitForMessage(Command::kDestroyPod, kDeadline));
  spy_.Reset(Channel::kCtl);
  EXPECT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
}

TEST_F(SpyTest, TheTestMaySayMore) {
  Start();
  RawClient io = Io();
  io.Write(wire::Io(3, "in"));
  ASSERT_TRUE(agent_.ReadIo(3, kDeadline));
  agent_.SendIo(3, "from the agent");
  EXPECT_EQ(io.ReadFrame()->payload, "from the agent");
  spy_.SendIo(3, "from the test");
  EXPECT_EQ(io.ReadFrame()->payload, "from the test");
}

TEST_F(SpyTest, PassesABrokenHeaderOn) {
  Start();
  RawClient ctl = Ctl();
  const std::string broken = wire::U32(wire::kPing) + wire::U32(4) + "rest";
  ctl.Write(wire::Ctl(wire::kPing) + broken);
  EXPECT_EQ(ctl.ReadToEnd(), wire::Next(8) + wire::Ack());
  EXPECT_EQ(agent_.TakeViolations().size(), 1u);
  EXPECT_EQ(spy_.TakeViolations().size(), 1u);
}

TEST_F(SpyTest, PassesBrokenBytesOfTheAgentOn) {
  Start();
  RawClient ctl = Ctl();
  ctl.Call(wire::kPing);
  agent_.SendRaw(Channel::kCtl, wire::Ack("whole") + wire::U32(wire::kAck) + wire::U32(4) + "rest");
  agent_.Disconnect(Channel::kCtl);
  EXPECT_EQ(ctl.ReadToEnd(), wire::Ack("whole") + wire::U32(wire::kAck) + wire::U32(4) + "rest");
}

TEST_F(SpyTest, PassesHalfAFrameOnWhenTheAgentDies) {
  Start();
  RawClient io = Io();
  io.Write(wire::Io(1, "x"));
  ASSERT_TRUE(agent_.ReadIo(1, kDeadline));
  agent_.SendRaw(Channel::kIo, wire::Io(1, "whole") + wire::Io(1, "half").substr(0, 14));
  agent_.Disconnect(Channel::kIo);
  EXPECT_EQ(io.ReadToEnd(), wire::Io(1, "whole") + wire::Io(1, "half").substr(0, 14));
}

TEST_F(SpyTest, PassesABegunFrameOnAtOnce) {
  Start();
  RawClient ctl = Ctl();
  RawClient io = Io();
  ctl.Call(wire::kPing);
  io.Write(wire::Io(1, "x"));
  ASSERT_TRUE(agent_.ReadIo(1, kDeadline));
  const std::string frame = wire::Io(1, "frame");
  for (const char byte : frame) {
    agent_.SendRaw(Channel::kIo, std::string(1, byte));
    EXPECT_EQ(io.Read(1), std::string(1, byte));
  }
  agent_.SendRaw(Channel::kCtl, wire::Ack("0123456789").substr(0, 12));
  EXPECT_EQ(ctl.Read(12), wire::Ack("0123456789").substr(0, 12));
  spy_.SendProcessEvent("c", "p", 0);
  EXPECT_EQ(spy_.UnsentBytes(Channel::kCtl), 69u) << "it follows the frame";
  agent_.SendRaw(Channel::kCtl, "456789");
  EXPECT_EQ(ctl.Read(6), "456789");
  EXPECT_EQ(ctl.ReadFrame()->key, wire::kProcessAsyncEvent);
  EXPECT_THAT(spy_.Transcript(), AllOf(HasSubstr("ack \"0123456789\""), HasSubstr("\"frame\"")));
}

TEST_F(SpyTest, AReplyInPiecesWaitsForABegunFrame) {
  spy_.On(Command::kPing).WillOnce(Reply::Ack("here").InPieces(3));
  Start();
  RawClient ctl = Ctl();
  ctl.Call(wire::kVersion);
  agent_.SendRaw(Channel::kCtl, wire::Ctl(wire::kReady, "frame").substr(0, 10));
  EXPECT_EQ(ctl.Read(10), wire::Ctl(wire::kReady, "frame").substr(0, 10));
  ctl.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(spy_.WaitForMessage(Command::kPing, kDeadline));
  agent_.SendRaw(Channel::kCtl, "ame");
  EXPECT_EQ(ctl.Read(3), "ame");
  EXPECT_EQ(ctl.ReadAnswer().reply.payload, "here");
}

TEST_F(SpyTest, TellsTheAgentThatTheClientHasLeft) {
  Start();
  Ctl().Call(wire::kPing);
  EXPECT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_EQ(Ctl().Call(wire::kPing).reply.key, wire::kAck) << "the next client is passed on, too";
}

TEST_F(SpyTest, AClientThatEndsItsInputHearsTheRest) {
  Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kPing));
  ctl.EndInput();
  EXPECT_EQ(ctl.ReadToEnd(), wire::Next(8) + wire::Ack());
}

TEST_F(SpyTest, WaitsForAnAgentThatStartsLate) {
  spy_.Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kPing));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kCtl, kDeadline));
  agent_.Start();
  EXPECT_EQ(ctl.ReadAnswer().reply.key, wire::kAck);
}

TEST_F(SpyTest, WhatAClientThatLeavesBeforeTheAgentStartsHadSentStillArrives) {
  spy_.Start();
  Ctl().Write(wire::Ctl(wire::kStartPod, "{}") + wire::Ctl(wire::kDestroyPod));
  Io().Write(wire::Io(3, "in"));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kCtl, kDeadline));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kIo, kDeadline));
  EXPECT_FALSE(spy_.WaitForDisconnect(Channel::kCtl, kMoment)) << "it is not dropped";
  agent_.Start();
  for (MockHyperstart* const mock : {&spy_, &agent_}) {
    EXPECT_EQ(mock->WaitForMessage(Command::kStartPod, kDeadline)->payload, "{}");
    EXPECT_TRUE(mock->WaitForMessage(Command::kDestroyPod, kDeadline));
    EXPECT_EQ(mock->ReadIo(3, kDeadline)->data, "in");
  }
  EXPECT_EQ(Ctl().Call(wire::kPing).reply.key, wire::kAck) << "the next client is passed on, too";
  spy_.Stop();
  agent_.Stop();
  EXPECT_EQ(BytesOf(spy_, Channel::kCtl, EventKind::kReceived),
            BytesOf(agent_, Channel::kCtl, EventKind::kReceived));
}

TEST_F(SpyTest, WithAPlanItArrivesToo) {
  spy_.On(Command::kStartPod).WillOnce(Reply::Ack());
  spy_.Start();
  Ctl().Write(wire::Ctl(wire::kStartPod) + wire::Ctl(wire::kPing) + wire::Ctl(wire::kDestroyPod));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kCtl, kDeadline));
  agent_.Start();
  EXPECT_TRUE(agent_.WaitForMessage(Command::kPing, kDeadline));
  EXPECT_TRUE(agent_.WaitForMessage(Command::kDestroyPod, kDeadline));
  EXPECT_TRUE(spy_.WaitForPlans(kDeadline));
  EXPECT_TRUE(agent_.PeekMessages().empty()) << "no startpod";
}

TEST_F(SpyTest, WhatAClientThatHasLeftHadSentArrivesAlthoughTheMockStops) {
  spy_.Start();
  Ctl().Write(wire::Ctl(wire::kDestroyPod));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kCtl, kDeadline));
  agent_.Start();
  spy_.Stop();
  EXPECT_TRUE(agent_.WaitForMessage(Command::kDestroyPod, kDeadline));
}

TEST_F(SpyTest, StopDoesNotWaitForAnAgentThatIsNotThere) {
  spy_.Start();
  Ctl().Write(wire::Ctl(wire::kDestroyPod));
  const RawClient io = Io();
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kCtl, kDeadline));
  ASSERT_TRUE(spy_.WaitForConnection(Channel::kIo, kDeadline));
  const auto begin = std::chrono::steady_clock::now();
  spy_.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kDeadline) << "which is Options::timeout";
  EXPECT_THAT(spy_.Transcript(), HasSubstr("since the mock stops: No such file or directory"));
}

TEST_F(SpyTest, StopEndsEverythingAtOnce) {
  agent_.SetDefaultReply(Reply::Nothing());
  spy_.On(Command::kStartPod).WillRepeatedly(Reply::Ack());
  Start();
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kPing));  // never answered
  ASSERT_TRUE(agent_.WaitForMessage(Command::kPing, kDeadline));
  spy_.Stop();
  EXPECT_THAT(ctl.ReadToEnd(), wire::Next(8));
}

TEST(Spy, SaysThatItCannotReachTheAgent) {
  Options options;
  options.timeout = 30ms;
  MockHyperstart spy(options);
  spy.ForwardTo({"/nowhere/ctl", "/nowhere/io"});
  spy.Start();
  EXPECT_EQ(RawClient::Ctl(spy.GetSocketPaths().ctl).ReadToEnd(), "");
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(&failures);
    spy.Stop();
  }
  ASSERT_EQ(failures.size(), 1);
  EXPECT_THAT(failures.GetTestPartResult(0).message(),
              HasSubstr("cannot forward a client of ctl to the agent at /nowhere/ctl: No such file "
                        "or directory (tried for 30 ms)"));
  spy.Start();
  EXPECT_THAT(ErrorOf([&] { spy.ForwardTo({"a", "b"}); }), HasSubstr("before Start()"));
}

TEST(Spy, SaysThatItCannotReachTheAgentOfAClientThatHasLeft) {
  Options options;
  options.timeout = 30ms;
  MockHyperstart spy(options);
  spy.ForwardTo({"/nowhere/ctl", "/nowhere/io"});
  spy.Start();
  RawClient::Ctl(spy.GetSocketPaths().ctl).Write(wire::Ctl(wire::kDestroyPod));
  ASSERT_TRUE(spy.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_NONFATAL_FAILURE(spy.Stop(), "cannot forward a client of ctl");
}

TEST_F(SpyTest, PassesMuchOnBothWays) {
  Start();
  RawClient io = Io();
  const std::string data = wire::Pattern(4'000'000);
  const std::size_t piece = 4000;
  for (std::size_t at = 0; at < data.size(); at += piece) {
    io.Write(wire::Io(1, std::string_view(data).substr(at, piece)));
  }
  EXPECT_EQ(*agent_.ReadStream(1, data.size(), kDeadline), data);
  for (std::size_t at = 0; at < data.size(); at += 40'000) {
    agent_.SendIo(1, std::string_view(data).substr(at, 40'000));
  }
  std::string read;
  while (read.size() < data.size()) read += io.ReadFrame()->payload;
  EXPECT_TRUE(read == data);
}

TEST(Spy, KeepsLittleOfWhatTheClientHasNotRead) {
  const TemporaryPlace place;
  const detail::Descriptor listener = detail::ListenAt(place.path() + "/io").socket;
  MockHyperstart spy;
  spy.ForwardTo({place.path() + "/ctl", place.path() + "/io"});
  spy.Start();
  RawClient client = RawClient::Io(spy.GetSocketPaths().io);
  const detail::Descriptor agent(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::size_t count = 26'000;  // some 256 MiB
  const std::string frame = wire::Io(1, wire::Pattern(10'228));
  std::size_t sent = 0;
  const auto send = [&](int flags) {
    const ssize_t size = ::send(agent.get(), frame.data() + sent % frame.size(),
                                frame.size() - sent % frame.size(), MSG_NOSIGNAL | flags);
    if (size > 0) sent += static_cast<std::size_t>(size);
    return size > 0;
  };
  pollfd room = {agent.get(), POLLOUT, 0};
  while (::poll(&room, 1, static_cast<int>(kMoment.count())) > 0) send(MSG_DONTWAIT);
  EXPECT_LT(sent, std::size_t{8} << 20) << "what the spy and the sockets take unread";
  std::thread writer([&] {
    while (sent < count * frame.size() && send(0)) {
    }
  });
  const std::size_t most = std::size_t{2} << 20;
  std::size_t unsent = 0;
  bool same = true;
  for (std::size_t i = 0; i < count; ++i) {
    same = client.Read(frame.size()) == frame && same;
    unsent = std::max(unsent, spy.UnsentBytes(Channel::kIo));
  }
  writer.join();
  EXPECT_TRUE(same);
  EXPECT_LE(unsent, most);
}

}  // namespace
}  // namespace hyperstart
