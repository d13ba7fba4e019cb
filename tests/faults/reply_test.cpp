// Each kind of reply, alone and with every modifier: the client receives what was requested, byte
// for byte, and the mock is usable afterwards.

#include <atomic>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

const std::string kNoPods = "no pods";

/// Everything that a client receives that sends one ping.
std::string AnswerToPing(Started& agent) {
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  return RestOf(client);
}

std::string AnswerToPing(const Reply& reply) {
  Started agent;
  agent.On(Command::kPing).WillOnce(reply);
  std::string answer = AnswerToPing(agent);
  ExpectUsable(agent);
  return answer;
}

// ---- What is sent

TEST(Fault, AckWithPayload) {
  EXPECT_EQ(AnswerToPing(Reply::Ack()), wire::Next(8) + wire::Ctl(wire::kAck));
  EXPECT_EQ(AnswerToPing(Reply::Ack("bytes")), wire::Next(8) + wire::Ctl(wire::kAck, "bytes"));
  const std::string large = wire::Pattern(1'000'000);
  EXPECT_TRUE(AnswerToPing(Reply::Ack(large)) == wire::Next(8) + wire::Ctl(wire::kAck, large));
}

TEST(Fault, Error) {
  EXPECT_EQ(AnswerToPing(Reply::Error()), wire::Next(8) + wire::Ctl(wire::kError));
  const std::string text("no such container\0", 18);
  EXPECT_EQ(AnswerToPing(Reply::Error(text)), wire::Next(8) + wire::Ctl(wire::kError, text));
}

TEST(Fault, Frame) {
  for (const wire::Named& command : wire::kHyperstartCommands) {
    EXPECT_EQ(AnswerToPing(Reply::Frame(static_cast<Command>(command.number), "odd")),
              wire::Next(8) + wire::Ctl(command.number, "odd"))
        << command.name;
  }
  EXPECT_EQ(AnswerToPing(Reply::Frame(static_cast<Command>(0xfffffffe))),
            wire::Next(8) + wire::Ctl(0xfffffffe));
}

TEST(Fault, Raw) {
  EXPECT_EQ(AnswerToPing(Reply::Raw("no frame at all")), wire::Next(8) + "no frame at all");
  EXPECT_EQ(AnswerToPing(Reply::Raw("")), wire::Next(8));
  EXPECT_EQ(AnswerToPing(Reply::Raw(wire::Ack() + wire::Ack())),
            wire::Next(8) + wire::Ack() + wire::Ack());
}

TEST(Fault, Nothing) {
  EXPECT_EQ(AnswerToPing(Reply::Nothing()), wire::Next(8));
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Nothing());
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.Read(12), wire::Next(8));
  client.Write(wire::Ctl(wire::kStartPod));  // the next command of the same client is answered
  EXPECT_EQ(client.Read(20), wire::Next(8) + wire::Ack());
  EXPECT_EQ(RestOf(client), "");
}

TEST(Fault, Truncated) {
  const std::string whole = wire::Ctl(wire::kError, kNoPods);
  for (std::size_t bytes = 0; bytes <= whole.size() + 1; ++bytes) {
    EXPECT_EQ(AnswerToPing(Reply::Error(kNoPods).Truncated(bytes)),
              wire::Next(8) + whole.substr(0, bytes))
        << bytes;
    EXPECT_EQ(AnswerToPing(Reply::Raw("raw bytes").Truncated(bytes)),
              wire::Next(8) + std::string("raw bytes").substr(0, bytes))
        << bytes;
  }
  EXPECT_EQ(AnswerToPing(Reply::Nothing().Truncated(5)), wire::Next(8));
}

TEST(Fault, TruncatedThenDisconnect) {
  const std::string whole = wire::Ctl(wire::kAck, "payload");
  Started agent;
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    agent.On(Command::kPing).WillOnce(Reply::Ack("payload").Truncated(bytes).ThenDisconnect());
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + whole.substr(0, bytes));
    ExpectUsable(agent);
  }
}

TEST(Fault, WithLength) {
  for (const std::uint32_t length : {0u, 1u, 7u, 8u, 14u, 15u, 16u, 0x7fffffffu, 0xffffffffu}) {
    const std::string lie = wire::Next(8) + wire::U32(wire::kError) + wire::U32(length) + kNoPods;
    EXPECT_EQ(AnswerToPing(Reply::Error(kNoPods).WithLength(length)), lie) << length;
    EXPECT_EQ(AnswerToPing(Reply().WithLength(length)),
              wire::Next(8) + wire::U32(wire::kAck) + wire::U32(length))
        << length;
  }
}

TEST(Fault, WithLengthNeedsAHeader) {
  EXPECT_THROW(Reply::Raw("raw").WithLength(9), std::logic_error);
  EXPECT_THROW(Reply::Nothing().WithLength(9), std::logic_error);
  EXPECT_THROW(Reply::Nothing().After(1ms).WithLength(9), std::logic_error);
}

// ---- When it is sent

TEST(Fault, After) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply().After(kForever));
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod));
  EXPECT_EQ(ctl.Read(12), wire::Next(8));
  ASSERT_TRUE(agent.WaitForMessage(Command::kPing, kDeadline));

  io.Write(wire::Io(1, "goes on"));
  EXPECT_EQ(agent.ReadIo(kDeadline)->data, "goes on");
  agent.SendReady();  // so do sends by the test
  EXPECT_EQ(ctl.Read(8), wire::Ctl(wire::kReady));
  EXPECT_FALSE(agent.WaitForMessage(Command::kStartPod, kMoment));  // the next command waits
  EXPECT_EQ(ctl.Waiting(), 0u);
  agent.Stop();  // does not wait for the delay
  EXPECT_EQ(ctl.ReadToEnd(), "");
}

TEST(Fault, AfterADelay) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(AnswerToPing(Reply::Error("late").After(30ms)),
            wire::Next(8) + wire::Ctl(wire::kError, "late"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST(Fault, AfterServesAClientThatTimesOutAndReconnectsAtOnce) {
  Started agent;
  for (const Reply& reply : {Reply().After(kForever), Reply::Ack("x").InPieces(1, kForever),
                             Reply::Error().After(kForever).ThenDisconnect()}) {
    agent.On(Command::kPing).WillOnce(reply);
    {
      RawClient client = agent.Ctl();
      client.Write(wire::Ctl(wire::kPing));
      EXPECT_EQ(client.Read(12), wire::Next(8));
    }  // the client times out
    RawClient again = agent.Ctl();
    EXPECT_EQ(again.Call(wire::kPing).reply, (wire::Frame{wire::kAck, ""}));
  }
}

TEST(Fault, AfterEndsWithADisconnectOrAReset) {
  Started agent;
  agent.On(Command::kPing).WillRepeatedly(Reply().After(kForever));
  {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.Read(12), wire::Next(8));
    agent.Disconnect(Channel::kCtl);
    EXPECT_EQ(client.ReadToEnd(), "");
    ExpectUsable(agent);
  }
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.Read(12), wire::Next(8));
  agent.Reset(Channel::kCtl);
  client.Write("x");
  EXPECT_EQ(client.ReadError(), ECONNRESET);
  ExpectUsable(agent);
}

TEST(Fault, AfterContinuesForAClientThatOnlyEndsItsInput) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply().After(kForever));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  client.EndInput();
  EXPECT_EQ(client.Read(12), wire::Next(8));
  EXPECT_FALSE(agent.WaitForDisconnect(Channel::kCtl, kMoment));
  EXPECT_TRUE(agent.IsConnected(Channel::kCtl));
}

TEST(Fault, InPieces) {
  const std::string whole = wire::Next(8) + wire::Ctl(wire::kError, kNoPods);
  for (std::size_t bytes = 1; bytes <= 16; ++bytes) {
    EXPECT_EQ(AnswerToPing(Reply::Error(kNoPods).InPieces(bytes)), whole) << bytes;
  }
  EXPECT_THROW(Reply().InPieces(0), std::invalid_argument);
}

TEST(Fault, InPiecesAreSeparateWrites) {
  const std::string payload = wire::Pattern(16 * 1024);
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack(payload).InPieces(1)).WillOnce(Reply::Ack(payload));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  WaitUntilUnreadExceeds(client, 12);
  EXPECT_LT(client.Unread(), kMoreThanSingleBytes);
  EXPECT_TRUE(client.Read(12 + 8 + payload.size()) == wire::Next(8) + wire::Ack(payload));

  client.Write(wire::Ctl(wire::kPing));  // the second reply is not cut
  WaitUntilUnreadExceeds(client, kMoreThanSingleBytes);
}

TEST(Fault, InPiecesWithGap) {
  const std::string whole = wire::Ctl(wire::kError, kNoPods);
  Started agent;
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
    agent.On(Command::kPing).WillOnce(Reply::Error(kNoPods).InPieces(bytes, kForever));
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.Read(12 + bytes), wire::Next(8) + whole.substr(0, bytes));
    EXPECT_EQ(client.Waiting(), 0u);  // no second piece
    agent.SendIo(1, "io goes on");
    EXPECT_EQ(agent.Io().ReadFrame()->payload, "io goes on");
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  }
  EXPECT_EQ(AnswerToPing(Reply::Error(kNoPods).InPieces(4, 1ms)), wire::Next(8) + whole);
}

TEST(Fault, InPiecesDefersOtherSends) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack("payload").InPieces(1, 1ms));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.Read(13), wire::Next(8) + '\0');  // the first piece has been sent
  agent.SendReady();
  agent.SendRaw(Channel::kCtl, "raw");
  EXPECT_EQ(RestOf(client), wire::Ack("payload").substr(1) + wire::Ctl(wire::kReady) + "raw");
}

// ---- What happens after it

TEST(Fault, Then) {
  Started agent;
  RawClient client = agent.Ctl();
  agent.On(Command::kPing).WillOnce(Reply().Then([&] { agent.SendReady(); }));
  client.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod));
  EXPECT_EQ(RestOf(client), wire::Next(8) + wire::Ack() + wire::Ctl(wire::kReady) + wire::Next(8) +
                                wire::Ack());  // before the next command
}

TEST(Fault, ThenWaitsUntilTheKernelHasTheReply) {
  std::atomic<bool> called{false};
  const std::string payload = wire::Pattern(4 * 1024 * 1024);
  Started agent;
  agent.On(Command::kPing).WillRepeatedly(Reply::Ack(payload).Then([&] { called = true; }));
  {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.Read(12), wire::Next(8));
    EXPECT_FALSE(called);  // a socket holds less than 4 MiB
    EXPECT_TRUE(client.Read(wire::Ack(payload).size()) == wire::Ack(payload));
    EXPECT_EQ(RestOf(client), "");
    EXPECT_TRUE(called);
  }
  called = false;
  {
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing));
    EXPECT_EQ(client.Read(12), wire::Next(8));
  }  // the client has left: Then is not called
  ExpectUsable(agent);
  EXPECT_FALSE(called);
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(client.Read(12), wire::Next(8));
  agent.Stop();  // before the reply is sent: Then is not called
  EXPECT_FALSE(called);
}

TEST(Fault, ThenMayCallTheMock) {
  Started agent;
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  agent.On(Command::kPing).WillOnce(Reply().Then([&] {
    agent.On(Command::kStartPod).WillOnce(Reply::Error());
    agent.SetHandler(nullptr);
    agent.SendIo(1, "from Then");
    EXPECT_EQ(agent.ReadIo(kDeadline)->data, "heard");
    EXPECT_THROW(agent.Stop(), std::logic_error);
    EXPECT_THROW(agent.Start(), std::logic_error);
    agent.Disconnect(Channel::kCtl);
  }));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(io.ReadFrame()->payload, "from Then");
  io.Write(wire::Io(1, "heard"));
  EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + wire::Ack());
  EXPECT_EQ(agent.Ctl().Call(wire::kStartPod).reply, (wire::Frame{wire::kError, ""}));
}

TEST(Fault, ThenDisconnect) {
  Started agent;
  const std::pair<Reply, std::string> cases[] = {{Reply::Ack("bye"), wire::Ack("bye")},
                                                 {Reply::Error(), wire::Ctl(wire::kError)},
                                                 {Reply::Nothing(), ""}};
  for (const auto& [reply, frame] : cases) {
    agent.On(Command::kPing).WillOnce(reply.ThenDisconnect());
    RawClient io = ConnectAndWait(agent, Channel::kIo);
    RawClient client = agent.Ctl();
    client.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod));  // the second is never read
    EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + frame);
    EXPECT_EQ(io.ReadToEnd(), "");
    EXPECT_EQ(agent.GetLastMessages().size(), 1u);
    ExpectUsable(agent);
  }
}

TEST(Fault, ThenDisconnectEndsIoEvenIfTheCtlClientHasLeft) {
  Started agent;
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  agent.On(Command::kPing)
      .WillOnce(Reply().Then([&] { agent.Disconnect(Channel::kCtl); }).ThenDisconnect());
  agent.Ctl().Write(wire::Ctl(wire::kPing));
  EXPECT_EQ(io.ReadToEnd(), "");
  ExpectUsable(agent);
}

TEST(Fault, ThenDisconnectEndsTheRecordsEvenIfStopComesFirst) {
  for (int i = 0; i < 20; ++i) {
    Started agent;
    agent.On(Command::kExecCmd).WillOnce(Reply().ThenDisconnect());
    agent.Ctl().Write(wire::Ctl(wire::kExecCmd) + wire::Ctl(wire::kPing) + wire::Ctl(wire::kPing));
    agent.Stop();
    EXPECT_EQ(agent.GetLastMessages().size(), 1u);
  }
}

TEST(Fault, AfterANegativeDelayIsImmediate) {
  EXPECT_EQ(AnswerToPing(Reply().After(std::chrono::milliseconds::min())),
            wire::Next(8) + wire::Ack());
}

// ---- All kinds with all modifiers

/// A reply, and what the client must receive and the test must notice.
struct Expected {
  Reply reply;
  std::string received;
  bool calls_then = false;
  bool disconnects = false;
};

/// `reply`, which is `bytes` on the wire, with the modifiers whose bits are set.
Expected Modified(Reply reply, std::string bytes, unsigned modifiers,
                  const std::function<void()>& then) {
  if (modifiers & 1) reply = reply.After(1ms);
  if (modifiers & 2) reply = reply.InPieces(2, modifiers & 1 ? 1ms : 0ms);
  if (modifiers & 4) {
    reply = reply.WithLength(77);
    bytes.replace(4, 4, wire::U32(77));
  }
  if (modifiers & 8) {
    reply = reply.Truncated(9);
    bytes.resize(std::min<std::size_t>(bytes.size(), 9));
  }
  if (modifiers & 16) reply = reply.Then(then);
  if (modifiers & 32) reply = reply.ThenDisconnect();
  return {reply, bytes, (modifiers & 16) != 0, (modifiers & 32) != 0};
}

TEST(EveryReply, IsSentAsRequestedWithEveryCombinationOfModifiers) {
  const struct {
    Reply reply;
    std::string bytes;
    bool has_header;
  } kinds[] = {{Reply::Ack(), wire::Ctl(wire::kAck), true},
               {Reply::Error("no"), wire::Ctl(wire::kError, "no"), true},
               {Reply::Frame(Command::kReady, "odd"), wire::Ctl(wire::kReady, "odd"), true},
               {Reply::Raw("some raw bytes"), "some raw bytes", false},
               {Reply::Nothing(), "", false},
               {Reply(), wire::Ctl(wire::kAck), true}};
  Started agent;
  std::atomic<bool> called{false};
  for (const auto& [reply, bytes, has_header] : kinds) {
    for (unsigned modifiers = 0; modifiers < 64; ++modifiers) {
      SCOPED_TRACE(bytes + ", modifiers " + std::to_string(modifiers));
      if ((modifiers & 4) && !has_header) continue;
      called = false;
      const Expected expected = Modified(reply, bytes, modifiers, [&] { called = true; });
      agent.On(Command::kPing).WillOnce(expected.reply);
      RawClient client = agent.Ctl();
      client.Write(wire::Ctl(wire::kPing));
      const std::string received = expected.disconnects ? client.ReadToEnd() : RestOf(client);
      EXPECT_EQ(received, wire::Next(8) + expected.received);
      EXPECT_EQ(called, expected.calls_then);
      EXPECT_EQ(agent.Ctl().Call(wire::kPing).reply, (wire::Frame{wire::kAck, ""}));
    }
  }
}

TEST(EveryReply, IsSentAsRequestedForEveryCommand) {
  const std::pair<Reply, std::string> replies[] = {
      {Reply::Ack("x"), wire::Ctl(wire::kAck, "x")},
      {Reply::Error("no"), wire::Ctl(wire::kError, "no")},
      {Reply::Frame(Command::kReady), wire::Ctl(wire::kReady)},
      {Reply::Raw("\1\2\3"), "\1\2\3"},
      {Reply::Nothing(), ""},
      {Reply::Ack("x").After(1ms), wire::Ctl(wire::kAck, "x")},
      {Reply::Ack("x").InPieces(1), wire::Ctl(wire::kAck, "x")},
      {Reply::Ack("x").InPieces(5, 1ms), wire::Ctl(wire::kAck, "x")},
      {Reply::Ack("x").WithLength(3), wire::U32(wire::kAck) + wire::U32(3) + "x"},
      {Reply::Ack("x").ThenDisconnect(), wire::Ctl(wire::kAck, "x")},
      {Reply::Ack("x").Truncated(8), wire::Ctl(wire::kAck).substr(0, 4) + wire::U32(9)},
  };
  Started agent;
  for (const wire::Named& command : wire::kHyperstartCommands) {
    for (const auto& [reply, bytes] : replies) {
      SCOPED_TRACE(command.name + (": " + testing::PrintToString(bytes)));
      agent.On(static_cast<Command>(command.number)).WillOnce(reply);
      RawClient client = agent.Ctl();
      client.Write(wire::Ctl(command.number, "{}"));
      EXPECT_EQ(RestOf(client), wire::Next(8) + wire::Next(2) + bytes);
      EXPECT_EQ(*agent.WaitForMessage(kDeadline),
                Message(static_cast<Command>(command.number), "{}"));
    }
  }
  ExpectUsable(agent);
}

TEST(EveryReply, IsCutAtEveryByteForEveryCommand) {
  Started agent;
  for (const wire::Named& command : wire::kHyperstartCommands) {
    const std::string whole = wire::Ctl(wire::kError, "no");
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      agent.On(static_cast<Command>(command.number))
          .WillOnce(Reply::Error("no").Truncated(cut).ThenDisconnect());
      RawClient client = agent.Ctl();
      client.Write(wire::Ctl(command.number));
      EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + whole.substr(0, cut)) << command.name;
      EXPECT_EQ(agent.Ctl().Call(wire::kOnlineCpuMem).reply, (wire::Frame{wire::kAck, ""}));
    }
  }
}

// ---- next

TEST(Fault, NextPerRead) {
  Started agent;
  RawClient client = agent.Ctl();
  for (const char byte : wire::Ctl(wire::kStartPod, "xy")) {
    client.Write({&byte, 1});
    EXPECT_EQ(client.Read(12), wire::Next(1));
  }
  EXPECT_EQ(RestOf(client), wire::Ack());
}

TEST(Fault, NextPerFrame) {
  Options options;
  options.next_acks = NextAcks::kPerFrame;
  Started agent(options);
  const std::string frame = wire::Ctl(wire::kStartPod, "payload");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    RawClient client = agent.Ctl();
    client.Write(frame.substr(0, cut));
    WaitUntilTaken(client);
    client.Write(frame.substr(cut) + wire::Ctl(wire::kPing));
    EXPECT_EQ(RestOf(client),
              wire::Next(8) + wire::Next(7) + wire::Ack() + wire::Next(8) + wire::Ack());
  }
  ExpectUsable(agent);
}

TEST(Fault, NextNone) {
  Options options;
  options.next_acks = NextAcks::kNone;
  Started agent(options);
  const std::string frame = wire::Ctl(wire::kStartPod, "payload");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    RawClient client = agent.Ctl();
    client.Write(frame.substr(0, cut));
    WaitUntilTaken(client);
    client.Write(frame.substr(cut) + wire::Ctl(wire::kPing));
    EXPECT_EQ(RestOf(client), wire::Ack() + wire::Ack());
  }
  agent.On(Command::kPing).WillOnce(Reply::Nothing());
  EXPECT_EQ(AnswerToPing(agent), "");
}

}  // namespace
}  // namespace hyperstart
