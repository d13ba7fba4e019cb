// The io channel of the whole mock, over a real socket.

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;

TEST(Io, RecordsPacketsAndTheEndOfAStream) {
  Started agent;
  RawClient client = agent.Io();
  client.Write(wire::Io(1, "stdin\n") + wire::Io(0xfedcba9876543210, "x") + wire::Io(1));
  EXPECT_EQ(*agent.ReadIo(1, kDeadline), (IoPacket{1, "stdin\n"}));
  EXPECT_TRUE(agent.ReadIo(1, kDeadline)->eof());
  EXPECT_EQ(*agent.ReadIo(kDeadline), (IoPacket{0xfedcba9876543210, "x"}));
}

TEST(Io, RecordsAFrameCutAtEveryByte) {
  const std::string frame = wire::Io(7, "some data");
  Started agent;
  RawClient client = agent.Io();
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    client.Write(frame.substr(0, cut));
    client.Write(frame.substr(cut));
    EXPECT_EQ(*agent.ReadIo(kDeadline), (IoPacket{7, "some data"})) << cut;
  }
}

TEST(Io, RecordsFramesThatArriveByteByByte) {
  Started agent;
  RawClient client = agent.Io();
  for (const char byte : wire::Io(1, "ab") + wire::Io(2) + wire::Io(3, "c")) {
    client.Write({&byte, 1});
  }
  ASSERT_TRUE(agent.ReadIo(3, kDeadline));
  EXPECT_THAT(agent.GetLastIoPackets(), ElementsAre(IoPacket{1, "ab"}, IoPacket{2, ""}));
}

TEST(Io, ReceivesPayloadsOfAnySize) {
  Started agent;
  RawClient client = agent.Io();
  for (const std::size_t size : {std::size_t{4084}, std::size_t{65'536}, std::size_t{131'060},
                                 std::size_t{131'072}, std::size_t{10'485'760}}) {
    const std::string data = wire::Pattern(size);
    client.Write(wire::Io(1, data));
    EXPECT_TRUE(agent.ReadIo(kDeadline)->data == data) << size;
  }
}

TEST(Io, SeparatesInterleavedStreams) {
  Started agent;
  RawClient client = agent.Io();
  std::string sent[3];
  std::string bytes;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string data = wire::Pattern(1 + i * 7 % 97, i);
    sent[i % 3] += data;
    bytes += wire::Io(i % 3, data);
  }
  client.Write(bytes + wire::Io(0) + wire::Io(1) + wire::Io(2));
  EXPECT_EQ(*agent.ReadStreamToEnd(2, kDeadline), sent[2]);
  EXPECT_EQ(*agent.ReadStream(0, 1000, kDeadline), sent[0].substr(0, 1000));
  EXPECT_EQ(*agent.ReadStreamToEnd(0, kDeadline), sent[0].substr(1000));
  EXPECT_EQ(*agent.ReadStreamToEnd(1, kDeadline), sent[1]);
  EXPECT_THAT(agent.GetLastIoPackets(), testing::IsEmpty());
}

TEST(Io, FailsToReadMoreThanAStreamHolds) {
  Started agent;
  RawClient client = agent.Io();
  client.Write(wire::Io(1, "abc") + wire::Io(1));
  const auto more = agent.ReadStream(1, 4, kDeadline);
  EXPECT_FALSE(more);
  EXPECT_THAT(testing::AssertionResult(more).message(),
              testing::HasSubstr("the stream ended after 3 bytes"));
  EXPECT_EQ(*agent.ReadStreamToEnd(1, kDeadline), "abc");
}

TEST(Io, SendsWhatTheTestSends) {
  Started agent;
  RawClient client = agent.Io();
  agent.SendIo(0x0102030405060708, "out");
  agent.CloseIo(2);
  agent.SendExitStatus(2, 255);
  agent.SendRaw(Channel::kIo, "raw");
  EXPECT_EQ(client.Read(15), std::string("\1\2\3\4\5\6\7\x8\0\0\0\x0fout", 15));
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{2, ""}));
  EXPECT_EQ(*client.ReadFrame(), (wire::Frame{2, "\xff"}));
  EXPECT_EQ(client.Read(3), "raw");
}

TEST(Io, KeepsWhatIsSentBeforeAClientConnects) {
  Started agent;
  for (std::uint32_t i = 0; i < 1000; ++i) agent.SendIo(i, wire::Pattern(i, i));
  RawClient client = agent.Io();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{i, wire::Pattern(i, i)}));
  }
}

TEST(Io, NeverBlocksASenderAndLosesNothing) {
  Started agent;
  RawClient ctl = agent.Ctl();
  RawClient client = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection(kDeadline));
  const std::string data = wire::Pattern(64 * 1024);
  constexpr std::uint64_t kFrames = 400;  // 25 MiB
  for (std::uint64_t seq = 0; seq < kFrames; ++seq) agent.SendIo(seq, data);
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);  // ctl is not blocked
  client.Write(wire::Io(5, "heard"));                      // nor is reading
  EXPECT_EQ(agent.ReadIo(kDeadline)->data, "heard");
  for (std::uint64_t seq = 0; seq < kFrames; ++seq) {
    const wire::Frame frame = *client.ReadFrame();
    ASSERT_EQ(frame.key, seq);
    ASSERT_TRUE(frame.payload == data);
  }
}

TEST(Io, EndsAConnectionWithBrokenFraming) {
  Started agent;
  for (const std::uint32_t length : {0u, 8u, 11u, 64u * 1024 * 1024 + 1, 0xffffffffu}) {
    SCOPED_TRACE(length);
    RawClient client = agent.Io();
    const std::string broken = wire::U64(77) + wire::U32(length);
    client.Write(wire::Io(1, "good") + broken);
    EXPECT_EQ(client.ReadToEnd(), "");
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
    EXPECT_EQ(agent.ReadIo(kDeadline)->data, "good");
    const std::vector<Violation> violations = agent.TakeViolations();
    ASSERT_EQ(violations.size(), 1u);
    EXPECT_EQ(violations[0].channel, Channel::kIo);
    EXPECT_EQ(violations[0].bytes, broken);
  }
}

}  // namespace
}  // namespace hyperstart
