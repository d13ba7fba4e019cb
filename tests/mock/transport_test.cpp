// What becomes of a channel when its client leaves, and who gets `ready`, over each transport.

#include <cstddef>
#include <string>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Options Over(Transport transport) {
  Options options;
  options.transport = transport;
  return options;
}

/// More than a socket takes at once.
constexpr std::size_t kMuch = 5 * 1024 * 1024;

class TransportTest : public testing::Test {
 protected:
  explicit TransportTest(Transport transport) : agent_(Over(transport)) {}

  /// The client leaves, and the mock has noticed it.
  void Leave(RawClient& client, Channel channel) {
    client.Close();
    EXPECT_TRUE(agent_.WaitForDisconnect(channel, kDeadline));
  }
  void ExpectReady(RawClient& client) {
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kReady, ""}));
  }
  /// The client's next frames are those that answer a ping: it has not got `ready` before them.
  void ExpectPingIsAnswered(RawClient& client) {
    const RawClient::Answer answer = client.Call(wire::kPing);
    EXPECT_EQ(answer.next, 8u);
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
  }

  Started agent_;
};

// ---- A VM's serial ports

class Virtio : public TransportTest {
 protected:
  Virtio() : TransportTest(Transport::kVirtio) {}

  /// The first client, which has read its `ready`.
  RawClient FirstCtl() {
    RawClient client = agent_.Ctl();
    ExpectReady(client);
    return client;
  }
};

TEST_F(Virtio, SaysReadyToTheFirstClientOnly) {
  RawClient first = FirstCtl();
  ExpectPingIsAnswered(first);
  Leave(first, Channel::kCtl);
  for (int i = 0; i < 3; ++i) {
    RawClient next = agent_.Ctl();
    ExpectPingIsAnswered(next);
  }
}

TEST_F(Virtio, SaysReadyAgainOnceItIsStartedAgain) {
  FirstCtl();
  agent_.Stop();
  agent_.Start();
  RawClient client = FirstCtl();
  ExpectPingIsAnswered(client);
}

TEST_F(Virtio, SaysNothingOnIoByItself) {
  RawClient client = agent_.Io();
  client.Write(wire::Io(1, "x"));
  EXPECT_TRUE(agent_.ReadIo(kDeadline));
  EXPECT_EQ(RestOf(client), "");
}

TEST_F(Virtio, GoesOnWithAHalfReadCommandOfTheClientBefore) {
  const std::string frame = wire::Ctl(wire::kStartPod, "payload");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    SCOPED_TRACE(testing::Message() << "after " << cut << " bytes");
    RawClient first = agent_.Ctl();
    if (cut == 1) ExpectReady(first);
    first.Write(frame.substr(0, cut));
    std::size_t counted = 0;
    while (counted < cut) counted += wire::ToU32(first.ReadFrame()->payload);
    Leave(first, Channel::kCtl);

    RawClient second = agent_.Ctl();
    second.Write(frame.substr(cut));
    const RawClient::Answer answer = second.ReadAnswer();
    EXPECT_EQ(counted + answer.next, frame.size());
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
    EXPECT_THAT(agent_.GetLastMessages(), ElementsAre(Message(Command::kStartPod, "payload")));
    Leave(second, Channel::kCtl);
  }
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_F(Virtio, GoesOnWithAHalfReadIoFrameOfTheClientBefore) {
  const std::string frame = wire::Io(7, "payload");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    SCOPED_TRACE(testing::Message() << "after " << cut << " bytes");
    RawClient first = agent_.Io();
    first.Write(frame.substr(0, cut));
    Leave(first, Channel::kIo);

    RawClient second = agent_.Io();
    second.Write(frame.substr(cut) + wire::Io(8, "next"));
    EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{7, "payload"}));
    EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{8, "next"}));
    Leave(second, Channel::kIo);
  }
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_F(Virtio, GoesOnWithAHalfReadFrameThroughSeveralClients) {
  const std::string frame = wire::Io(7, "payload");
  for (const char byte : frame) {
    RawClient client = agent_.Io();
    client.Write(std::string(1, byte));
    Leave(client, Channel::kIo);
  }
  EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{7, "payload"}));
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

/// On the wire, what the kernel has taken is lost with its client. The next one gets the rest.
TEST_F(Virtio, GoesOnWithUnreadOutputWhereItStopped) {
  RawClient first = agent_.Io();
  ASSERT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
  const std::string data = wire::Pattern(kMuch);
  agent_.SendIo(1, data);
  agent_.SendIo(2, "behind");
  const std::string all = wire::Io(1, data) + wire::Io(2, "behind");
  const std::size_t taken = first.Unread();
  ASSERT_LT(taken, data.size()) << "the first client could have read it all";
  Leave(first, Channel::kIo);
  agent_.SendIo(3, "between");

  RawClient second = agent_.Io();
  EXPECT_TRUE(second.Read(all.size() - taken) == all.substr(taken));
  EXPECT_EQ(*second.ReadFrame(), (wire::Frame{3, "between"}));
  agent_.SendIo(4, "later");
  EXPECT_EQ(*second.ReadFrame(), (wire::Frame{4, "later"}));
}

TEST_F(Virtio, GoesOnWithUnreadOutputThroughSeveralClients) {
  const std::string data = wire::Pattern(kMuch);
  const std::string all = wire::Io(1, data);
  agent_.SendIo(1, data);
  for (int i = 0; i < 5; ++i) {
    RawClient client = agent_.Io();
    client.Read(1);
    client.EndInput();  // the mock goes on to send to it until it has closed its socket
    ASSERT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
    Leave(client, Channel::kIo);
  }
  RawClient last = agent_.Io();
  last.EndInput();
  const std::string rest = last.ReadToEnd();
  ASSERT_GT(rest.size(), 0u);
  ASSERT_LT(rest.size(), all.size());
  EXPECT_TRUE(rest == all.substr(all.size() - rest.size())) << "not the end of what was sent";
}

TEST_F(Virtio, GoesOnWithAnUnreadReply) {
  RawClient first = FirstCtl();
  const std::string payload = wire::Pattern(kMuch);
  agent_.On(Command::kPing).WillOnce(Reply::Ack(payload));
  first.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(first.Read(12), wire::Next(8));
  first.Read(1);
  Leave(first, Channel::kCtl);
  RawClient second = agent_.Ctl();
  second.EndInput();
  const std::string rest = second.ReadToEnd();
  const std::string all = wire::Ack(payload);
  ASSERT_GT(rest.size(), 0u);
  ASSERT_LT(rest.size(), all.size());
  EXPECT_TRUE(rest == all.substr(all.size() - rest.size())) << "not the end of the reply";
}

TEST_F(Virtio, DropsUnreadOutputAtStop) {
  RawClient first = agent_.Io();
  ASSERT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
  agent_.SendIo(1, wire::Pattern(kMuch));
  Leave(first, Channel::kIo);
  agent_.Stop();
  agent_.Start();
  agent_.SendIo(2, "of this life");
  EXPECT_EQ(*agent_.Io().ReadFrame(), (wire::Frame{2, "of this life"}));
}

TEST_F(Virtio, DropsAHalfReadFrameAtStop) {
  for (const Channel channel : kChannels) {
    RawClient first = ConnectAndWait(agent_, channel);
    first.Write(channel == Channel::kCtl ? wire::Ctl(wire::kPing).substr(0, 7)
                                         : wire::Io(1, "payload").substr(0, 15));
    Leave(first, channel);
  }
  agent_.Stop();
  agent_.Start();
  RawClient ctl = FirstCtl();
  ExpectPingIsAnswered(ctl);
  agent_.Io().Write(wire::Io(2, "of this life"));
  EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{2, "of this life"}));
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_F(Virtio, DropsAHalfReadFrameWhenTheMockDisconnects) {
  RawClient ctl = FirstCtl();
  ctl.Write(wire::Ctl(wire::kPing).substr(0, 7));
  EXPECT_EQ(ctl.Read(12), wire::Next(7));
  agent_.Disconnect(Channel::kCtl);
  EXPECT_EQ(ctl.ReadToEnd(), "");
  ExpectUsable(agent_, Channel::kCtl);
}

TEST_F(Virtio, StartsAfreshAfterABrokenHeader) {
  RawClient ctl = FirstCtl();
  ctl.Write(wire::U32(wire::kPing) + wire::U32(3));
  ctl.ReadToEnd();
  RawClient io = agent_.Io();
  io.Write(wire::U64(1) + wire::U32(3));
  io.ReadToEnd();
  for (const Channel channel : kChannels) {
    EXPECT_TRUE(agent_.WaitForDisconnect(channel, kDeadline));
  }
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(2));
  ExpectUsable(agent_);
}

// ---- A VM's sockets

class Vsock : public TransportTest {
 protected:
  Vsock() : TransportTest(Transport::kVsock) {}
};

TEST_F(Vsock, SaysReadyToEachClient) {
  for (int i = 0; i < 3; ++i) {
    RawClient client = agent_.Ctl();
    ExpectReady(client);
    ExpectPingIsAnswered(client);
    Leave(client, Channel::kCtl);
  }
}

TEST_F(Vsock, SaysNothingOnIoByItself) {
  RawClient client = agent_.Io();
  client.Write(wire::Io(1, "x"));
  EXPECT_TRUE(agent_.ReadIo(kDeadline));
  EXPECT_EQ(RestOf(client), "");
}

TEST_F(Vsock, DropsAHalfReadCommandWithItsClient) {
  RawClient first = agent_.Ctl();
  ExpectReady(first);
  first.Write(wire::Ctl(wire::kStartPod, "payload").substr(0, 10));
  EXPECT_EQ(first.Read(24), wire::Next(8) + wire::Next(2));
  Leave(first, Channel::kCtl);
  RawClient second = agent_.Ctl();
  ExpectReady(second);
  ExpectPingIsAnswered(second);
  EXPECT_THAT(agent_.GetLastMessages(), ElementsAre(Message(Command::kPing)));
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(1));
}

TEST_F(Vsock, DropsAHalfReadIoFrameWithItsClient) {
  RawClient first = agent_.Io();
  first.Write(wire::Io(7, "payload").substr(0, 15));
  Leave(first, Channel::kIo);
  agent_.Io().Write(wire::Io(8, "next"));
  EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{8, "next"}));
  EXPECT_THAT(agent_.TakeViolations(), SizeIs(1));
}

TEST_F(Vsock, DropsUnreadOutputWithItsClient) {
  RawClient first = agent_.Io();
  ASSERT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
  agent_.SendIo(1, wire::Pattern(kMuch));
  Leave(first, Channel::kIo);
  agent_.SendIo(2, "for the next");
  EXPECT_EQ(*agent_.Io().ReadFrame(), (wire::Frame{2, "for the next"}));
}

TEST_F(Vsock, ClosesASecondClientAndSaysReadyAgainToTheFirst) {
  RawClient first = agent_.Ctl();
  ExpectReady(first);
  for (int i = 0; i < 3; ++i) {
    RawClient second = agent_.Ctl();
    EXPECT_EQ(second.ReadToEnd(), "");
    ExpectReady(first);
  }
  ExpectPingIsAnswered(first);
  EXPECT_TRUE(agent_.IsConnected(Channel::kCtl));
  EXPECT_FALSE(agent_.WaitForDisconnect(Channel::kCtl, 0ms)) << "the second was never attached";
}

TEST_F(Vsock, ClosesASecondIoClientAndSaysNothing) {
  RawClient first = agent_.Io();
  ASSERT_TRUE(agent_.WaitForConnection(Channel::kIo, kDeadline));
  EXPECT_EQ(agent_.Io().ReadToEnd(), "");
  agent_.SendIo(1, "x");
  EXPECT_EQ(*first.ReadFrame(), (wire::Frame{1, "x"}));
  first.Write(wire::Io(2, "y"));
  EXPECT_EQ(*agent_.ReadIo(kDeadline), (IoPacket{2, "y"}));
}

TEST_F(Vsock, ServesTheNextClientOnceTheFirstHasLeft) {
  RawClient first = agent_.Ctl();
  ExpectReady(first);
  EXPECT_EQ(agent_.Ctl().ReadToEnd(), "");
  Leave(first, Channel::kCtl);
  RawClient next = agent_.Ctl();
  ExpectReady(next);
  ExpectPingIsAnswered(next);
}

// ---- A Unix socket, the default

class UnixSocket : public TransportTest {
 protected:
  UnixSocket() : TransportTest(Transport::kUnixSocket) {}
};

TEST_F(UnixSocket, IsTheDefault) { EXPECT_EQ(Options().transport, Transport::kUnixSocket); }

TEST_F(UnixSocket, SaysReadyOnlyIfOptionsSaySo) {
  RawClient silent = agent_.Ctl();
  ExpectPingIsAnswered(silent);
  Options options;
  options.ready_on_connect = true;
  Started saying(options);
  for (int i = 0; i < 3; ++i) {
    RawClient client = saying.Ctl();
    ExpectReady(client);
    ExpectPingIsAnswered(client);
  }
}

TEST_F(UnixSocket, MakesASecondClientWait) {
  RawClient first = agent_.Ctl();
  ExpectPingIsAnswered(first);
  RawClient second = agent_.Ctl();
  second.Write(wire::Ctl(wire::kPing));
  ExpectPingIsAnswered(first);
  EXPECT_EQ(second.Unread(), 0u);
  first.Close();
  EXPECT_EQ(second.ReadAnswer().next, 8u);
}

}  // namespace
}  // namespace hyperstart
