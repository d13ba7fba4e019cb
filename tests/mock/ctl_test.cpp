// The ctl channel of the whole mock, over a real socket.

#include <thread>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// A command number that has no name in either dialect.
constexpr std::uint32_t kNoCommand = 99;
/// The names that virtcontainers gives to 23 and 24, where the agent has processasyncevent and
/// signalprocess.
constexpr std::uint32_t kPsContainerOfClearContainers = 23;
constexpr std::uint32_t kProcessAsyncEventOfClearContainers = 24;

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Ctl, AcksEveryCommandOfTheAgentAndRecordsIt) {
  Started agent;
  RawClient client = agent.Ctl();
  for (const wire::Named& command : wire::kHyperstartCommands) {
    SCOPED_TRACE(command.name);
    const RawClient::Answer answer = client.Call(command.number, "{}");
    EXPECT_EQ(answer.next, 10u);
    const std::string expected = command.number == wire::kVersion ? wire::U32(4244) : "";
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, expected}));
    EXPECT_EQ(*agent.WaitForMessage(), Message(static_cast<Command>(command.number), "{}"));
  }
  EXPECT_THAT(agent.GetLastMessages(), IsEmpty());
}

TEST(Ctl, AcksEveryCommandOfClearContainersAndNamesIt) {
  Options options;
  options.dialect = Dialect::kClearContainers;
  options.api_version = 4242;
  Started agent(options);
  RawClient client = agent.Ctl();
  for (std::uint32_t number = 0; number <= 25; ++number) {
    const RawClient::Answer answer = client.Call(number);
    EXPECT_EQ(answer.next, 8u);
    EXPECT_EQ(answer.reply,
              (wire::Frame{wire::kAck, number == wire::kVersion ? wire::U32(4242) : ""}));
    EXPECT_EQ(*agent.WaitForMessage(), Message(static_cast<Command>(number)));
  }
  client.Call(kPsContainerOfClearContainers);
  const testing::AssertionResult missing = agent.WaitForMessage(Command::kPing, 0ms);
  EXPECT_THAT(missing.message(), testing::HasSubstr("pscontainer"));
}

TEST(Ctl, AcksACommandWithoutAName) {
  Started agent;
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(kNoCommand, "x").reply.key, wire::kAck);
  EXPECT_EQ(client.Call(0xffffffff).reply.key, wire::kAck);
  EXPECT_THAT(agent.GetLastMessages(), ElementsAre(Message(static_cast<Command>(kNoCommand), "x"),
                                                   Message(static_cast<Command>(0xffffffff))));
}

TEST(Ctl, AnswersAFrameCutAtEveryByte) {
  const std::string frame = wire::Ctl(wire::kStartPod, R"({"hostname":"h","shareDir":"s"})");
  Started agent;
  RawClient client = agent.Ctl();
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    SCOPED_TRACE(cut);
    client.Write(frame.substr(0, cut));
    // Read the nexts for the first piece before sending the second.
    std::uint64_t counted = 0;
    while (counted < cut) counted += wire::ToU32(client.ReadFrame()->payload);
    EXPECT_EQ(counted, cut);
    client.Write(frame.substr(cut));
    const RawClient::Answer answer = client.ReadAnswer();
    EXPECT_EQ(answer.next, frame.size() - cut);
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
    EXPECT_EQ(*agent.WaitForMessage(), Message(Command::kStartPod, frame.substr(8)));
  }
}

TEST(Ctl, CountsHeaderAndPayloadSeparately) {
  Started agent;
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kStartPod, "payload"));
  EXPECT_EQ(client.Read(32), wire::Next(8) + wire::Next(7) + wire::Ack());
}

TEST(Ctl, CountsEachByteOfAHeaderThatArrivesByteByByte) {
  Started agent;
  RawClient client = agent.Ctl();
  for (const char byte : wire::Ctl(wire::kPing)) {
    client.Write({&byte, 1});
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kNext, wire::U32(1)}));
  }
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kAck, ""}));
}

TEST(Ctl, AnswersFramesOfOneWriteInOrder) {
  Started agent;
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kVersion) +
               wire::Ctl(wire::kStartPod, "xyz"));
  EXPECT_EQ(client.Read(12 + 8 + 12 + 12 + 24 + 8), wire::Next(8) + wire::Ack() + wire::Next(8) +
                                                        wire::Ack(wire::U32(4244)) + wire::Next(8) +
                                                        wire::Next(3) + wire::Ack());
  EXPECT_THAT(agent.GetLastMessages(),
              ElementsAre(Message(Command::kPing), Message(Command::kVersion),
                          Message(Command::kStartPod, "xyz")));
}

TEST(Ctl, RecordsAMessageBeforeItSendsTheAck) {
  Started agent;
  RawClient client = agent.Ctl();
  for (int i = 0; i < 1000; ++i) {
    client.Call(wire::kPing);
    EXPECT_TRUE(agent.WaitForMessage(Command::kPing, 0ms));
  }
}

TEST(Ctl, ReceivesPayloadsOfAnySize) {
  Started agent;
  RawClient client = agent.Ctl();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{65'536},
        std::size_t{131'064}, std::size_t{131'072}, std::size_t{10'485'760}}) {
    SCOPED_TRACE(size);
    const std::string payload = wire::Pattern(size);
    const RawClient::Answer answer = client.Call(wire::kWriteFile, payload);
    EXPECT_EQ(answer.next, 8 + size);
    const DecodedMessage message = *agent.WaitForMessage();
    EXPECT_EQ(message.command, Command::kWriteFile);
    EXPECT_TRUE(message.payload == payload);
  }
}

class RunvFlowControl : public testing::TestWithParam<std::size_t> {};

TEST_P(RunvFlowControl, NeverStalls) {
  Started agent;
  RawClient client = agent.Ctl();
  const std::string payload = wire::Pattern(GetParam());
  client.WriteAsRunv(wire::Ctl(wire::kWriteFile, payload));
  EXPECT_EQ(client.ReadAnswer().reply, (wire::Frame{wire::kAck, ""}));
  EXPECT_TRUE(agent.WaitForMessage()->payload == payload);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RunvFlowControl,
                         testing::Values(0, 504, 505, 1016, 65'536, 10'485'760));

TEST(Ctl, CountsWholeFramesWithNextAcksPerFrame) {
  Options options;
  options.next_acks = NextAcks::kPerFrame;
  Started agent(options);
  RawClient client = agent.Ctl();
  const std::string frame = wire::Ctl(wire::kStartPod, "payload");
  for (const char byte : frame) client.Write({&byte, 1});
  EXPECT_EQ(client.Read(32), wire::Next(8) + wire::Next(7) + wire::Ack());
}

TEST(Ctl, CountsNothingWithNextAcksNone) {
  Options options;
  options.next_acks = NextAcks::kNone;
  Started agent(options);
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kStartPod, "payload"));
  EXPECT_EQ(client.Read(8), wire::Ack());
}

TEST(Ctl, SendsReadyToEachClientWithReadyOnConnect) {
  Options options;
  options.ready_on_connect = true;
  Started agent(options);
  for (int i = 0; i < 2; ++i) {
    RawClient client = agent.Ctl();
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kReady, ""}));
  }
}

TEST(Ctl, SendsWhatTheTestSends) {
  Started agent;
  RawClient client = agent.Ctl();
  agent.SendReady();
  agent.SendMessage(Command::kError, "text");
  agent.SendMessage(static_cast<Command>(kNoCommand));
  agent.SendProcessEvent("c", "p", 3);
  agent.SendRaw(Channel::kCtl, "\x01\x02");
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kReady, ""}));
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{wire::kError, "text"}));
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{kNoCommand, ""}));
  EXPECT_EQ(*client.ReadFrame(),
            (wire::Frame{wire::kProcessAsyncEvent,
                         R"({"container":"c","process":"p","event":"finished","status":3})"}));
  EXPECT_EQ(client.Read(2), "\x01\x02");
}

TEST(Ctl, SendsTheProcessEventWithTheNumberOfTheDialect) {
  Options options;
  options.dialect = Dialect::kClearContainers;
  Started agent(options);
  RawClient client = agent.Ctl();
  agent.SendProcessEvent("a\"b\\c\n", "", -1);
  EXPECT_EQ(*client.ReadFrame(),
            (wire::Frame{
                kProcessAsyncEventOfClearContainers,
                R"({"container":"a\"b\\c\u000a","process":"","event":"finished","status":-1})"}));
}

TEST(Ctl, DoesNotMixTheFramesOfManySenders) {
  Started agent;
  RawClient client = agent.Ctl();
  constexpr std::size_t kSenders = 8;
  constexpr std::uint32_t kFrames = 500;
  std::vector<std::thread> senders;
  for (std::uint32_t sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&agent, sender] {
      for (std::uint32_t i = 0; i < kFrames; ++i) {
        agent.SendMessage(static_cast<Command>(100 + sender),
                          wire::U32(i) + wire::Pattern(i, sender));
      }
    });
  }
  std::vector<std::uint32_t> next(kSenders);
  for (std::size_t i = 0; i < kSenders * kFrames; ++i) {
    const wire::Frame frame = *client.ReadFrame();
    ASSERT_GE(frame.key, 100u);
    ASSERT_LT(frame.key, 100u + kSenders);
    const auto sender = static_cast<std::uint32_t>(frame.key - 100);
    const std::uint32_t number = next[sender]++;
    EXPECT_TRUE(frame.payload == wire::U32(number) + wire::Pattern(number, sender));
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_THAT(next, testing::Each(kFrames));
}

TEST(Ctl, StopsReadingFromAClientThatDoesNotRead) {
  Started agent;
  RawClient client = agent.Ctl();
  // The answers to these pings, 20 bytes each, are more than the mock's queue (1 MiB) and the
  // socket hold.
  constexpr std::size_t kPings = 200'000;
  std::string pings;
  for (std::size_t i = 0; i < kPings; ++i) pings += wire::Ctl(wire::kPing);
  std::size_t written = 0;
  // When the mock stops reading, the socket to it stays full.
  while (written < pings.size()) {
    const std::size_t fits = client.WriteWhatFits(std::string_view(pings).substr(written));
    written += fits;
    pollfd socket = {client.fd(), POLLOUT, 0};
    if (fits == 0 && ::poll(&socket, 1, 100) == 0) break;
  }
  EXPECT_LT(written, pings.size());
  for (std::size_t answered = 0; answered < kPings; ++answered) {
    ASSERT_EQ(client.ReadAnswer().reply.key, wire::kAck) << answered;
    written += client.WriteWhatFits(std::string_view(pings).substr(written));
  }
  EXPECT_EQ(agent.GetLastMessages().size(), kPings);
}

// ---- Broken framing

class BrokenLength : public testing::TestWithParam<std::uint32_t> {};

TEST_P(BrokenLength, EndsTheConnectionAfterPendingRepliesAndIsNotCounted) {
  Started agent;
  RawClient client = agent.Ctl();
  const std::string broken = wire::U32(wire::kPing) + wire::U32(GetParam());
  client.Write(wire::Ctl(wire::kPing) + broken);
  EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + wire::Ack());
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  const std::vector<Violation> violations = agent.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].channel, Channel::kCtl);
  EXPECT_EQ(violations[0].bytes, broken);
  EXPECT_THAT(violations[0].what, testing::HasSubstr(std::to_string(GetParam())));

  RawClient next = agent.Ctl();
  EXPECT_EQ(next.Call(wire::kPing).next, 8u);
}

INSTANTIATE_TEST_SUITE_P(Lengths, BrokenLength,
                         testing::Values(0, 1, 4, 7, 64 * 1024 * 1024 + 1, 0x80000000, 0xffffffff));

TEST(Ctl, EndsAClientThatDoesNotReadWhenItsFramingIsBroken) {
  Started agent;
  agent.On(Command::kPing).WillOnce(Reply::Ack(std::string(900'000, 'x')));
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing) + wire::U32(wire::kPing) + wire::U32(4));
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_EQ(agent.TakeViolations().size(), 1u);
  RawClient next = agent.Ctl();
  EXPECT_EQ(next.Call(wire::kPing).next, 8u);
  EXPECT_THAT(agent.Transcript(),
              testing::ContainsRegex("closed by the mock: what follows can't be understood\n"
                                     ".*dropped: [0-9]+ bytes that the client had not read"));
}

TEST(Ctl, DoesNotAffectIoWhenItsFramingIsBroken) {
  Started agent;
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection(kDeadline));
  ctl.Write(wire::U32(wire::kPing) + wire::U32(4));
  EXPECT_EQ(ctl.ReadToEnd(), "");
  io.Write(wire::Io(1, "x"));
  EXPECT_EQ(agent.ReadIo(kDeadline)->data, "x");
  EXPECT_TRUE(agent.IsConnected(Channel::kIo));
  EXPECT_EQ(agent.TakeViolations().size(), 1u);
}

TEST(Ctl, AcceptsAFrameOfExactlyTheLimit) {
  Options options;
  options.max_frame = 108;
  Started agent(options);
  RawClient client = agent.Ctl();
  EXPECT_EQ(client.Call(wire::kStartPod, std::string(100, 'x')).next, 108u);
  client.Write(wire::Ctl(wire::kStartPod, std::string(101, 'x')));
  EXPECT_EQ(client.ReadToEnd(), "");
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_THAT(agent.TakeViolations().at(0).what, testing::HasSubstr("max_frame"));
}

TEST(Ctl, ReportsAClientThatLeavesInMidFrame) {
  Started agent;
  const std::string frame = wire::Ctl(wire::kNewContainer, "0123456789");
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    SCOPED_TRACE(cut);
    RawClient client = agent.Ctl();
    client.Write(frame.substr(0, cut));
    client.Close();
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
    const std::vector<Violation> violations = agent.TakeViolations();
    ASSERT_EQ(violations.size(), 1u);
    EXPECT_EQ(violations[0].bytes, frame.substr(0, cut));
    EXPECT_THAT(violations[0].what, testing::HasSubstr(cut < 8 ? "of 8 header bytes"
                                                               : "of 18 bytes of a newcontainer"));
  }
}

TEST(Ctl, ReportsNothingWhenAClientLeavesBetweenFrames) {
  Started agent;
  {
    RawClient client = agent.Ctl();
    client.Call(wire::kPing);
  }
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_THAT(agent.TakeViolations(), IsEmpty());
}

TEST(Ctl, AnswersAClientThatHasEndedItsInput) {
  Started agent;
  RawClient client = agent.Ctl();
  client.Write(wire::Ctl(wire::kPing));
  client.EndInput();
  EXPECT_EQ(client.ReadToEnd(), wire::Next(8) + wire::Ack());
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
}

}  // namespace
}  // namespace hyperstart
