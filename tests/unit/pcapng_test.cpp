#include "mock_hyperstart/detail/recording/pcapng.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

/// The little-endian number of `bytes` bytes at the front, which is removed.
std::uint64_t Take(std::string_view& data, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(data[i]);
  data.remove_prefix(bytes);
  return value;
}

struct Block {
  std::uint64_t type;
  std::string body;
};
std::vector<Block> Blocks(std::string_view file) {
  std::vector<Block> blocks;
  while (!file.empty()) {
    std::string_view rest = file;
    Block block{Take(rest, 4), {}};
    const std::uint64_t length = Take(rest, 4);
    EXPECT_EQ(length % 4, 0u);
    block.body = rest.substr(0, length - 12);
    rest.remove_prefix(length - 12);
    EXPECT_EQ(Take(rest, 4), length);
    file = rest;
    blocks.push_back(block);
  }
  return blocks;
}

struct Packet {
  std::uint64_t time, source_cid, target_cid, source_port, target_port, op;
  std::string bytes;
  std::string options;
};
Packet ToPacket(const Block& block) {
  std::string_view rest = block.body;
  Packet packet{};
  EXPECT_EQ(block.type, 6u);
  EXPECT_EQ(Take(rest, 4), 0u);  // the interface
  const std::uint64_t high = Take(rest, 4);
  packet.time = high << 32 | Take(rest, 4);
  const std::uint64_t length = Take(rest, 4);
  EXPECT_EQ(Take(rest, 4), length);
  const std::string_view before = rest;
  packet.source_cid = Take(rest, 8);
  packet.target_cid = Take(rest, 8);
  packet.source_port = Take(rest, 4);
  packet.target_port = Take(rest, 4);
  packet.op = Take(rest, 2);
  EXPECT_EQ(Take(rest, 2), 1u);  // no information on the transport
  EXPECT_EQ(Take(rest, 2), 0u);  // nor a header of it
  EXPECT_EQ(Take(rest, 2), 0u);
  packet.bytes = before.substr(32, length - 32);
  packet.options = before.substr((length + 3) / 4 * 4);
  return packet;
}

Event Of(EventKind kind, std::chrono::nanoseconds time = 1ns) {
  Event event;
  event.kind = kind;
  event.wall_time = std::chrono::system_clock::time_point(time);
  event.text = "what happened";
  return event;
}
Event Bytes(EventKind kind, const std::string& bytes) {
  Event event = Of(kind);
  event.bytes = bytes;
  event.size = bytes.size();
  return event;
}

TEST(Pcapng, BeginsWithASectionAndAnInterfaceOfVsock) {
  const std::vector<Block> blocks = Blocks(PcapngText({}));
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].type, 0x0a0d0d0au);
  EXPECT_EQ(blocks[0].body.substr(0, 8), std::string("\x4d\x3c\x2b\x1a\x01\0\0\0", 8));
  EXPECT_EQ(blocks[1].type, 1u);
  EXPECT_EQ(blocks[1].body.substr(0, 8), std::string("\x0f\x01\0\0\0\0\0\0", 8));
  EXPECT_NE(blocks[1].body.find(std::string("\x09\0\x01\0\x09\0\0\0", 8)), std::string::npos);
}

TEST(Pcapng, HasAPacketForEachEventOnTheWire) {
  Event end = Of(EventKind::kDisconnected);
  end.ended_by = EndedBy::kMock;
  Event io = Of(EventKind::kConnected);
  io.channel = Channel::kIo;
  const std::vector<Block> blocks =
      Blocks(PcapngText({Of(EventKind::kConnected, 5s), Bytes(EventKind::kReceived, "in"),
                         Bytes(EventKind::kSent, "out"), end, Of(EventKind::kDisconnected), io,
                         Of(EventKind::kConnected)}));
  ASSERT_EQ(blocks.size(), 8u);
  const Packet connected = ToPacket(blocks[2]);
  EXPECT_EQ(connected.time, 5'000'000'000u);
  EXPECT_EQ(connected.source_cid, 2u);
  EXPECT_EQ(connected.target_cid, 3u);
  EXPECT_EQ(connected.source_port, 1024u);
  EXPECT_EQ(connected.target_port, 2718u);
  EXPECT_EQ(connected.op, 1u);
  const Packet received = ToPacket(blocks[3]);
  EXPECT_EQ(received.op, 4u);
  EXPECT_EQ(received.source_cid, 2u);
  EXPECT_EQ(received.bytes, "in");
  const Packet sent = ToPacket(blocks[4]);
  EXPECT_EQ(sent.source_cid, 3u);
  EXPECT_EQ(sent.target_cid, 2u);
  EXPECT_EQ(sent.source_port, 2718u);
  EXPECT_EQ(sent.target_port, 1024u);
  EXPECT_EQ(sent.bytes, "out");
  const Packet ended = ToPacket(blocks[5]);
  EXPECT_EQ(ended.op, 2u);
  EXPECT_EQ(ended.source_cid, 3u);
  EXPECT_EQ(ToPacket(blocks[6]).target_port, 2719u);
  EXPECT_EQ(ToPacket(blocks[6]).source_port, 1025u);
  EXPECT_EQ(ToPacket(blocks[7]).source_port, 1026u);
}

TEST(Pcapng, CutsWhatWiresharkWouldRefuse) {
  const std::string bytes(300'000, 'x');
  const std::vector<Block> blocks = Blocks(PcapngText({Bytes(EventKind::kSent, bytes)}));
  std::string joined;
  for (std::size_t i = 2; i < blocks.size(); ++i) {
    EXPECT_LT(blocks[i].body.size(), 256u * 1024);
    joined += ToPacket(blocks[i]).bytes;
  }
  EXPECT_EQ(joined, bytes);
}

TEST(Pcapng, TellsFaultsInTheCommentOfTheNextPacket) {
  const std::vector<Block> blocks = Blocks(
      PcapngText({Of(EventKind::kFault), Bytes(EventKind::kSent, "x"), Of(EventKind::kWarning)}));
  ASSERT_EQ(blocks.size(), 4u);
  EXPECT_NE(ToPacket(blocks[2]).options.find("ctl: what happened"), std::string::npos);
  EXPECT_EQ(ToPacket(blocks[3]).op, 3u);
  EXPECT_NE(ToPacket(blocks[3]).options.find("ctl: warning: what happened"), std::string::npos);
}

}  // namespace
}  // namespace hyperstart::detail
