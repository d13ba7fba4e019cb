// Faults of a connection, on both channels, before, between and in the middle of frames.

#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(
    EveryMoment, FaultAt,
    testing::Combine(testing::ValuesIn(kChannels),
                     testing::Values(Moment::kBeforeAnyFrame, Moment::kBetweenFrames,
                                     Moment::kInTheirFrame, Moment::kInOurFrame)),
    [](const auto& test) {
      const bool ctl = std::get<0>(test.param) == Channel::kCtl;
      return (ctl ? "Ctl" : "Io") + ToString(std::get<1>(test.param));
    });

/// A fault on one channel, for each of the two.
class FaultOn : public testing::TestWithParam<Channel> {
 protected:
  const Channel channel_ = GetParam();
  Started agent_;

  std::string Frame(std::string_view payload) const { return FrameFor(channel_, payload); }
  /// The mock may read once more after PauseReading. It reads this byte, so that what is written
  /// next stays in the socket.
  void PauseOver(RawClient& client) {
    agent_.PauseReading(channel_);
    client.Write(Frame("later").substr(0, 1));
    WaitUntilTaken(client);
  }
};

INSTANTIATE_TEST_SUITE_P(EachChannel, FaultOn, testing::ValuesIn(kChannels), [](const auto& test) {
  return test.param == Channel::kCtl ? "Ctl" : "Io";
});

// ---- Disconnect

TEST(Fault, Disconnect) {
  Started agent;
  for (const Channel channel : kChannels) {
    RawClient client = ConnectAndWait(agent, channel);
    agent.Disconnect(channel);
    EXPECT_EQ(client.ReadToEnd(), "");
    ExpectUsable(agent, channel);
  }
}

TEST_P(FaultAt, Disconnect) {
  agent_.Disconnect(channel_);
  EXPECT_FALSE(agent_.IsConnected(channel_));
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  EXPECT_EQ(client_.ReadToEnd(), "");
  EXPECT_THROW(client_.Write("x"), std::runtime_error);  // EPIPE
  EXPECT_EQ(client_.ReadToEnd(), "");                    // not ECONNRESET
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, DisconnectAtEveryByteOfAFrame) {
  const std::string frame = Frame("payload");
  for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
    SCOPED_TRACE(cut);
    {  // of a frame that the mock sends
      RawClient client = ConnectAndWait(agent_, channel_);
      agent_.SendRaw(channel_, frame.substr(0, cut));
      agent_.Disconnect(channel_);
      EXPECT_EQ(client.ReadToEnd(), frame.substr(0, cut));
      ExpectUsable(agent_, channel_);
    }
    // of a frame that the client sends
    RawClient client = ConnectAndWait(agent_, channel_);
    client.Write(frame.substr(0, cut));
    WaitUntilTaken(client);
    agent_.Disconnect(channel_);
    client.ReadToEnd();  // the nexts, if they were sent before the disconnect
    ExpectUsable(agent_, channel_);
  }
}

TEST_P(FaultOn, DisconnectWithUnreadInputOnBothSides) {
  for (int i = 0; i < 20; ++i) {
    RawClient client = ConnectAndWait(agent_, channel_);
    PauseOver(client);
    client.Write("unread by the mock");
    agent_.SendRaw(channel_, "unread by the client");
    agent_.Disconnect(channel_);
    EXPECT_EQ(client.ReadToEnd(), "unread by the client");
    EXPECT_EQ(client.ReadError(), 0);
    agent_.ResumeReading(channel_);
    ExpectUsable(agent_, channel_);
  }
}

TEST_P(FaultOn, DisconnectOfAClientThatFloods) {
  for (int i = 0; i < 20; ++i) {
    RawClient client = ConnectAndWait(agent_, channel_);
    std::future<void> flood = std::async(std::launch::async, [&] {
      const std::string frames = Frame(wire::Pattern(1000)) + Frame("x");
      try {
        for (;;) client.Write(frames);
      } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("Broken pipe"));
      }
    });
    EXPECT_EQ(Received(agent_, channel_).size(), 1000u);
    agent_.Disconnect(channel_);
    flood.get();
    client.ReadToEnd();
    ExpectUsable(agent_, channel_);
  }
}

TEST_P(FaultOn, DisconnectDropsWhatIsQueued) {
  RawClient client = ConnectAndWait(agent_, channel_);
  const std::string frame = Frame(wire::Pattern(4 * 1024 * 1024));
  agent_.SendRaw(channel_, frame);
  agent_.Disconnect(channel_);
  const std::string got = client.ReadToEnd();
  EXPECT_LT(got.size(), frame.size());
  EXPECT_TRUE(frame.compare(0, got.size(), got) == 0);
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, DisconnectWithoutAClientDoesNothing) {
  agent_.Disconnect(channel_);
  agent_.Reset(channel_);
  agent_.ShutdownSend(channel_);
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, DisconnectLeavesTheOtherChannelAlone) {
  const Channel other = channel_ == Channel::kCtl ? Channel::kIo : Channel::kCtl;
  RawClient client = ConnectAndWait(agent_, channel_);
  RawClient stays = ConnectAndWait(agent_, other);
  agent_.Disconnect(channel_);
  EXPECT_EQ(client.ReadToEnd(), "");
  stays.Write(FrameFor(other, "heard"));
  EXPECT_EQ(Received(agent_, other), "heard");
}

TEST(Fault, DisconnectInTheGapOfAReplyInPieces) {
  const std::string whole = wire::Ctl(wire::kError, "no");
  Started agent;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    agent.On(Command::kPing).WillOnce(Reply::Error("no").InPieces(cut, kForever));
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.Read(12 + cut), wire::Next(8) + whole.substr(0, cut));
    agent.Disconnect(Channel::kCtl);
    EXPECT_EQ(client.ReadToEnd(), "");
    ExpectUsable(agent);
  }
}

// ---- Reset

TEST(Fault, Reset) {
  Started agent;
  for (const Channel channel : kChannels) {
    RawClient client = ConnectAndWait(agent, channel);
    agent.Reset(channel);
    client.Write("x");
    EXPECT_EQ(client.ReadError(), ECONNRESET);
    ExpectUsable(agent, channel);
  }
}

TEST_P(FaultAt, Reset) {
  agent_.Reset(channel_);
  EXPECT_FALSE(agent_.IsConnected(channel_));
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  EXPECT_EQ(client_.Waiting(), 0u);
  client_.Write("x");  // one byte is enough
  EXPECT_EQ(client_.ReadError(), ECONNRESET);
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultAt, ResetOfAMockThatHasBeenIdleForLong) {
  EXPECT_FALSE(agent_.WaitForMessage(kMoment));  // longer than a read of the mock waits
  agent_.Reset(channel_);
  client_.Write("x");
  EXPECT_EQ(client_.ReadError(), ECONNRESET);
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultAt, ResetOfAClientThatThenLeaves) {
  agent_.Reset(channel_);
  client_.Close();
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, ResetAtOnceWithInputUnread) {
  for (int i = 0; i < 20; ++i) {
    RawClient client = ConnectAndWait(agent_, channel_);
    PauseOver(client);
    // The read that took the first byte may still be running, and take 128 KiB at most.
    client.Write(std::string(160 * 1024, 'u'));
    agent_.Reset(channel_);
    EXPECT_EQ(client.ReadError(), ECONNRESET);  // without a further write
    agent_.ResumeReading(channel_);
    ExpectUsable(agent_, channel_);
  }
}

TEST_P(FaultOn, ResetAtEveryByteOfAFrame) {
  const std::string frame = Frame("payload");
  for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
    RawClient client = ConnectAndWait(agent_, channel_);
    agent_.SendRaw(channel_, frame.substr(0, cut));
    agent_.Reset(channel_);
    client.Write("x");
    EXPECT_EQ(client.Read(cut), frame.substr(0, cut));  // the kernel already had it
    EXPECT_EQ(client.ReadError(), ECONNRESET);
    ExpectUsable(agent_, channel_);
  }
}

TEST_P(FaultOn, ResetOfAClientThatFloods) {
  for (int i = 0; i < 20; ++i) {
    RawClient client = ConnectAndWait(agent_, channel_);
    std::future<std::string> flood = std::async(std::launch::async, [&] {
      const std::string frames = Frame(wire::Pattern(1000));
      return ErrorOf([&] {
        for (;;) client.Write(frames);
      });
    });
    EXPECT_EQ(Received(agent_, channel_).size(), 1000u);
    agent_.Reset(channel_);
    EXPECT_THAT(flood.get(),
                testing::AnyOf(HasSubstr("Connection reset"), HasSubstr("Broken pipe")));
    client.Close();
    ExpectUsable(agent_, channel_);
  }
}

TEST(Fault, ResetDuringADelayAndAHandler) {
  Started agent;
  std::promise<void> release;
  agent.SetHandler([&](const DecodedMessage& message) {
    if (message.command != Command::kPing) return Reply();
    release.get_future().wait();
    return Reply::Ack("lost");
  });
  agent.On(Command::kStartPod).WillOnce(Reply().After(kForever));
  for (const wire::Command command : {wire::kStartPod, wire::kPing}) {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(command));
    EXPECT_EQ(client.Read(12), wire::Next(8));
    ASSERT_TRUE(agent.WaitForMessage(static_cast<Command>(command), kDeadline));
    client.Write("x");  // the mock does not read it while it waits
    agent.Reset(Channel::kCtl);
    if (command == wire::kPing) release.set_value();
    EXPECT_EQ(client.ReadError(), ECONNRESET);
    ExpectUsable(agent);
  }
}

TEST_P(FaultOn, ResetIsEndedByStop) {
  RawClient client = ConnectAndWait(agent_, channel_);
  agent_.Reset(channel_);
  agent_.Stop();
  EXPECT_EQ(client.ReadToEnd(), "");
  agent_.Start();
  ExpectUsable(agent_, channel_);
}

// ---- ShutdownSend

TEST(Fault, ShutdownSend) {
  Started agent;
  for (const Channel channel : kChannels) {
    RawClient client = ConnectAndWait(agent, channel);
    agent.ShutdownSend(channel);
    EXPECT_EQ(client.ReadToEnd(), "");
    client.Write(FrameFor(channel, "still heard"));
    EXPECT_EQ(Received(agent, channel), "still heard");
    client.Close();
    ExpectUsable(agent, channel);
  }
}

TEST_P(FaultAt, ShutdownSend) {
  agent_.ShutdownSend(channel_);
  EXPECT_EQ(client_.ReadToEnd(), "");
  ExpectHeard();
  agent_.SendRaw(channel_, "too late");
  EXPECT_TRUE(agent_.IsConnected(channel_));
  EXPECT_EQ(client_.ReadToEnd(), "");
  client_.Close();
  ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, ShutdownSendComesAfterWhatIsQueued) {
  const std::string frame = Frame(wire::Pattern(4 * 1024 * 1024));
  RawClient client = ConnectAndWait(agent_, channel_);
  agent_.SendRaw(channel_, frame);
  agent_.ShutdownSend(channel_);
  agent_.SendRaw(channel_, "too late");
  EXPECT_TRUE(client.ReadToEnd() == frame);
  client.Write(Frame("heard"));
  EXPECT_EQ(Received(agent_, channel_), "heard");
  client.Close();
  ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  ExpectUsable(agent_, channel_);
}

TEST(Fault, ShutdownSendDropsAReplyInPiecesToo) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply().InPieces(1));
  RawClient ctl = ConnectAndWait(agent, Channel::kCtl);
  const std::string much = wire::Ctl(wire::kReady, wire::Pattern(900'000));
  agent.SendRaw(Channel::kCtl, much);
  agent.ShutdownSend(Channel::kCtl);
  ctl.Write(wire::Ctl(wire::kPing));
  EXPECT_TRUE(agent.WaitForMessage(Command::kPing, kDeadline));
  EXPECT_TRUE(ctl.ReadToEnd() == much);
}

TEST_P(FaultOn, ShutdownSendAtEveryByteOfAFrame) {
  const std::string frame = Frame("payload");
  for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
    RawClient client = ConnectAndWait(agent_, channel_);
    agent_.SendRaw(channel_, frame.substr(0, cut));
    agent_.ShutdownSend(channel_);
    EXPECT_EQ(client.ReadToEnd(), frame.substr(0, cut));
    client.Write(frame);
    EXPECT_EQ(Received(agent_, channel_), "payload");
    client.Close();
    ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
    ExpectUsable(agent_, channel_);
    ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  }
}

TEST(Fault, ShutdownSendComesAfterAReplyInPieces) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack("payload").InPieces(1, 1ms));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.Read(13), wire::Next(8) + '\0');
  agent.ShutdownSend(Channel::kCtl);
  EXPECT_EQ(client.ReadToEnd(), wire::Ack("payload").substr(1));
}

// ---- PauseReading

TEST(Fault, PauseReading) {
  Started agent;
  for (const Channel channel : kChannels) {
    RawClient client = ConnectAndWait(agent, channel);
    agent.PauseReading(channel);
    client.Write(FrameFor(channel, "later"));
    EXPECT_FALSE(agent.WaitForMessage(kMoment));
    EXPECT_TRUE(HasReceivedNothing(agent));
    EXPECT_EQ(client.Waiting(), 0u);
    agent.ResumeReading(channel);
    EXPECT_EQ(Received(agent, channel), "later");
  }
}

TEST_P(FaultAt, PauseReading) {
  constexpr std::size_t kMany = 4 * 1024 * 1024;
  agent_.PauseReading(channel_);
  const std::string payload = wire::Pattern(kMany);
  const std::string bytes = rest_of_theirs_ + FrameFor(channel_, payload);
  const std::size_t written = WriteUntilStuck(client_, bytes);
  EXPECT_LT(written, kMany / 2);  // one read of the mock, and what the socket holds
  EXPECT_TRUE(HasReceivedNothing(agent_));
  EXPECT_EQ(client_.Waiting(), 0u);
  EXPECT_TRUE(agent_.IsConnected(channel_));
  agent_.SendRaw(channel_, "sending goes on");
  EXPECT_EQ(client_.Read(15), "sending goes on");

  agent_.ResumeReading(channel_);
  client_.Write(std::string_view(bytes).substr(written));
  if (!rest_of_theirs_.empty()) {
    EXPECT_EQ(Received(agent_, channel_), "theirs");
  }
  EXPECT_TRUE(Received(agent_, channel_) == payload);
  client_.Close();
  ExpectUsable(agent_, channel_);
}

TEST(Fault, PauseReadingLosesNoCount) {
  Started agent;
  RawClient client = ConnectAndWait(agent, Channel::kCtl);
  agent.PauseReading(Channel::kCtl);
  client.Write(wire::Ctl(wire::kStartPod, wire::Pattern(100'000)) + wire::Ctl(wire::kPing));
  agent.ResumeReading(Channel::kCtl);
  EXPECT_EQ(client.ReadAnswer().next, 100'008u);
  EXPECT_EQ(client.ReadAnswer().next, 8u);
}

TEST_P(FaultAt, PauseReadingWhileTheClientLeaves) {
  agent_.PauseReading(channel_);
  client_.Write(rest_of_theirs_ + FrameFor(channel_, "last words"));
  client_.Close();
  EXPECT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  EXPECT_FALSE(agent_.IsConnected(channel_));
  EXPECT_TRUE(HasReceivedNothing(agent_));
  RawClient next = Connect(agent_, channel_);
  next.Write(FrameFor(channel_, "the next"));
  EXPECT_TRUE(HasReceivedNothing(agent_));
  agent_.ResumeReading(channel_);
  if (!rest_of_theirs_.empty()) {
    EXPECT_EQ(Received(agent_, channel_), "theirs");
  }
  EXPECT_EQ(Received(agent_, channel_), "last words");
  EXPECT_EQ(Received(agent_, channel_), "the next");
  next.Close();
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultAt, PauseReadingIsEndedByStop) {
  agent_.PauseReading(channel_);
  WriteUntilStuck(client_, rest_of_theirs_ + FrameFor(channel_, wire::Pattern(4 * 1024 * 1024)));
  agent_.Stop();
  client_.ReadToEnd();  // throws on a reset
  EXPECT_TRUE(HasReceivedNothing(agent_));
  agent_.Start();
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, PauseReadingBeforeTheClientConnects) {
  agent_.PauseReading(channel_);
  RawClient client = ConnectAndWait(agent_, channel_);
  client.Write(Frame("early"));
  WaitUntilTaken(client);
  EXPECT_TRUE(HasReceivedNothing(agent_));
  agent_.ResumeReading(channel_);
  EXPECT_EQ(Received(agent_, channel_), "early");
}

// ---- SetWriteSize

TEST(Fault, SetWriteSize) {
  Started agent;
  for (const Channel channel : kChannels) {
    const std::string frame = FrameFor(channel, wire::Pattern(100 * 1024));
    agent.SetWriteSize(channel, 1);
    RawClient client = ConnectAndWait(agent, channel);
    agent.SendRaw(channel, frame);
    EXPECT_GT(client.Unread(), 0u);
    EXPECT_LT(client.Unread(), kMoreThanSingleBytes);
    EXPECT_TRUE(client.Read(frame.size()) == frame);

    agent.SetWriteSize(channel, 0);
    agent.SendRaw(channel, frame);
    EXPECT_GT(client.Unread(), kMoreThanSingleBytes);
    EXPECT_TRUE(RestOf(client) == frame);
  }
}

TEST_P(FaultAt, SetWriteSize) {
  const std::string frame = FrameFor(channel_, wire::Pattern(10 * 1024));
  agent_.SetWriteSize(channel_, 1);
  agent_.SendRaw(channel_, frame);  // the client does not read
  EXPECT_GT(client_.Unread(), 0u);
  EXPECT_LT(client_.Unread(), kMoreThanSingleBytes);
  EXPECT_TRUE(client_.Read(frame.size()) == frame);
  for (const std::size_t size : {std::size_t{2}, std::size_t{7}, std::size_t{4096}}) {
    agent_.SetWriteSize(channel_, size);
    agent_.SendRaw(channel_, frame);
    EXPECT_TRUE(client_.Read(frame.size()) == frame) << size;
  }
  ExpectHeard();
  client_.Close();
  ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  ExpectUsable(agent_, channel_);
}

TEST(Fault, SetWriteSizeCutsRepliesToo) {
  const std::string payload = wire::Pattern(10 * 1024);
  Started agent;
  agent.On(Command::kPing).WillRepeatedly(Reply::Ack(payload));
  agent.SetWriteSize(Channel::kCtl, 1);
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  WaitUntilUnreadExceeds(client, 12);
  EXPECT_LT(client.Unread(), kMoreThanSingleBytes);
  EXPECT_TRUE(RestOf(client) == wire::Next(8) + wire::Ack(payload));
}

// ---- StopListening

TEST(Fault, StopListening) {
  Started agent;
  for (const Channel channel : kChannels) {
    agent.StopListening(channel);
    EXPECT_EQ(ErrorOf([&] { Connect(agent, channel); }), "connect: Connection refused");
    agent.ResumeListening(channel);
    ExpectUsable(agent, channel);
  }
}

TEST_P(FaultAt, StopListening) {
  agent_.StopListening(channel_);
  agent_.StopListening(channel_);
  EXPECT_EQ(ErrorOf([&] { Connect(agent_, channel_); }), "connect: Connection refused");
  ExpectHeard();  // the connected client is not affected
  agent_.SendRaw(channel_, "both ways");
  EXPECT_THAT(RestOf(client_), HasSubstr("both ways"));
  ASSERT_TRUE(agent_.WaitForDisconnect(channel_, kDeadline));
  EXPECT_EQ(ErrorOf([&] { Connect(agent_, channel_); }), "connect: Connection refused");
  agent_.ResumeListening(channel_);
  agent_.ResumeListening(channel_);
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultAt, StopListeningAndResumeWhileTheClientStays) {
  agent_.StopListening(channel_);
  agent_.ResumeListening(channel_);
  ExpectHeard();
  RawClient next = Connect(agent_, channel_);  // waits in the new backlog
  next.Write(FrameFor(channel_, "the next"));
  EXPECT_TRUE(HasReceivedNothing(agent_));
  client_.Close();
  EXPECT_EQ(Received(agent_, channel_), "the next");
}

TEST_P(FaultAt, StopListeningThenStopThenStart) {
  agent_.StopListening(channel_);
  agent_.Stop();
  client_.ReadToEnd();
  agent_.Start();
  ExpectUsable(agent_, channel_);
}

TEST_P(FaultOn, StopListeningManyTimes) {
  for (int i = 0; i < 100; ++i) {
    agent_.StopListening(channel_);
    EXPECT_EQ(ErrorOf([&] { Connect(agent_, channel_); }), "connect: Connection refused");
    agent_.ResumeListening(channel_);
    Connect(agent_, channel_).Write(Frame("x"));
    EXPECT_EQ(Received(agent_, channel_), "x");
  }
}

// ---- Stop, then Start

TEST(Fault, StopThenStart) {
  Started agent;
  const SocketPaths paths = agent.GetSocketPaths();
  for (const Channel channel : kChannels) {
    RawClient client = ConnectAndWait(agent, channel);
    agent.Stop();
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_EQ(ErrorOf([&] { Connect(agent, channel); }), "connect: No such file or directory");
    agent.Start();
    EXPECT_EQ(agent.GetSocketPaths().ctl, paths.ctl);
    EXPECT_EQ(agent.GetSocketPaths().io, paths.io);
    ExpectUsable(agent);
  }
}

TEST_P(FaultAt, StopThenStart) {
  agent_.SendRaw(channel_, "kept by the kernel");
  agent_.Stop();
  EXPECT_EQ(client_.ReadToEnd(), "kept by the kernel");
  EXPECT_FALSE(agent_.IsConnected(channel_));
  agent_.Start();
  ExpectUsable(agent_);
}

TEST_P(FaultOn, StopThenStartServesAClientThatKeepsConnecting) {
  for (int i = 0; i < 10; ++i) {
    agent_.Stop();
    std::future<void> connecting = std::async(std::launch::async, [&] {
      for (;;) {
        try {
          RawClient client = Connect(agent_, channel_);
          client.Write(Frame("at last"));
          return;
        } catch (const std::runtime_error&) {  // it does not listen yet
          std::this_thread::yield();
        }
      }
    });
    agent_.Start();
    connecting.get();
    EXPECT_EQ(Received(agent_, channel_), "at last");
  }
}

}  // namespace
}  // namespace hyperstart
