// Messages, packets and violations: how they compare, and the exact text in which they print.

#include "mock_hyperstart/messages.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace hyperstart {
namespace {

using namespace std::string_literals;
using testing::PrintToString;

TEST(DecodedMessageTest, EqualsOneWithTheSameCommandAndPayload) {
  const DecodedMessage message{Command::kStartPod, "{}"};
  EXPECT_TRUE((message == DecodedMessage{Command::kStartPod, "{}"}));
  EXPECT_FALSE((message != DecodedMessage{Command::kStartPod, "{}"}));
  for (const DecodedMessage& other :
       {DecodedMessage{Command::kExecCmd, "{}"}, DecodedMessage{Command::kStartPod, ""},
        DecodedMessage{Command::kStartPod, "[]"}, DecodedMessage{Command::kStartPod, "{}\0"s},
        DecodedMessage{}}) {
    EXPECT_FALSE(message == other) << PrintToString(other);
    EXPECT_TRUE(message != other) << PrintToString(other);
  }
}

TEST(IoPacketTest, EqualsOneWithTheSameSeqAndData) {
  const IoPacket packet{1, "a"};
  EXPECT_TRUE((packet == IoPacket{1, "a"}));
  EXPECT_FALSE((packet != IoPacket{1, "a"}));
  for (const IoPacket& other :
       {IoPacket{2, "a"}, IoPacket{1, "b"}, IoPacket{1, ""}, IoPacket{1, "a\0"s}, IoPacket{}}) {
    EXPECT_FALSE(packet == other) << PrintToString(other);
    EXPECT_TRUE(packet != other) << PrintToString(other);
  }
}

TEST(IoPacketTest, IsTheEndOfItsStreamWithoutData) {
  EXPECT_TRUE((IoPacket{1, ""}.eof()));
  EXPECT_FALSE((IoPacket{1, "a"}.eof()));
  EXPECT_FALSE((IoPacket{1, "\0"s}.eof()));
}

/// Both ways to print say the same.
template <typename Value>
std::string Print(const Value& value) {
  std::string text = PrintToString(value);
  EXPECT_EQ(fmt::format("{}", value), text);
  EXPECT_EQ(fmt::format("<{:>200.200}>", value),
            "<" + std::string(200 - std::min<std::size_t>(text.size(), 200), ' ') +
                text.substr(0, 200) + ">");
  return text;
}

TEST(PrintingTest, ShowsAMessageByItsNameLengthAndPayload) {
  EXPECT_EQ(Print(DecodedMessage{Command::kStartPod, R"({"hostname":"h"})"}),
            R"(startpod, 16 bytes: {"hostname":"h"})");
  EXPECT_EQ(Print(DecodedMessage{Command::kError, "no\0"s + "\n"}),
            R"(error, 4 bytes: "no\x00\n")");
  EXPECT_EQ(Print(DecodedMessage{Command::kReadFile, "x"}), R"(readfile, 1 byte: "x")");
  EXPECT_EQ(Print(DecodedMessage{Command::kNext, "\0\0\0\x08"s}),
            "next, 4 bytes:\n"
            "    00000000  00 00 00 08                                      |....|");
}

TEST(PrintingTest, ShowsAMessageWithoutPayload) {
  EXPECT_EQ(Print(DecodedMessage{Command::kPing, ""}), "ping, no payload");
  EXPECT_EQ(Print(DecodedMessage{Command{99}, ""}), "command 99, no payload");
}

// A message does not know its mock's dialect.
TEST(PrintingTest, ShowsBothNamesOfACommandThatTheDialectsNameDifferently) {
  EXPECT_EQ(Print(DecodedMessage{Command::kProcessAsyncEvent, ""}),
            "processasyncevent (23; pscontainer for Clear Containers), no payload");
  EXPECT_EQ(Print(DecodedMessage{Command::kSignalProcess, "{}"}),
            "signalprocess (24; processasyncevent for Clear Containers), 2 bytes: {}");
  EXPECT_EQ(Print(Command::kSignalProcess),
            "signalprocess (24; processasyncevent for Clear Containers)");
  EXPECT_EQ(Print(DecodedMessage{Command::kDeleteInterface, ""}), "deleteinterface, no payload");
}

TEST(PrintingTest, NeverShowsAControlCharacterOfAPayload) {
  EXPECT_EQ(Print(DecodedMessage{Command::kError, "\u009b31m"}), R"(error, 5 bytes: "\u009b31m")");
  EXPECT_EQ(Print(IoPacket{1, "[\"\u009b31m\"]"}), R"(seq 1, 9 bytes: "[\"\u009b31m\"]")");
}

TEST(PrintingTest, SaysTheFullLengthOfALongPayload) {
  EXPECT_EQ(Print(DecodedMessage{Command::kWriteFile, std::string(2000, 'x')}),
            "writefile, 2000 bytes: \"" + std::string(1024, 'x') +
                "\"... (the first 1024 of 2000 bytes)");
}

TEST(PrintingTest, ShowsAPacketByItsSeqLengthAndData) {
  EXPECT_EQ(Print(IoPacket{1, "stdin\n"}), R"(seq 1, 6 bytes: "stdin\n")");
  EXPECT_EQ(Print(IoPacket{7, "\x80"}),
            "seq 7, 1 byte:\n"
            "    00000000  80                                               |.|");
  EXPECT_EQ(Print(IoPacket{std::numeric_limits<std::uint64_t>::max(), "x"}),
            R"(seq 18446744073709551615, 1 byte: "x")");
}

TEST(PrintingTest, ShowsAPacketWithoutDataAsTheEndOfItsStream) {
  EXPECT_EQ(Print(IoPacket{1, ""}), "seq 1, end of stream");
}

TEST(PrintingTest, ShowsAViolationWithTheBytesThatCame) {
  EXPECT_EQ(Print(Violation{Channel::kCtl, "length 7 is too little", "\0\0\0\x01\0\0\0\x07"s}),
            "ctl: length 7 is too little; the bytes:\n"
            "    00000000  00 00 00 01 00 00 00 07                          |........|");
  EXPECT_EQ(Print(Violation{Channel::kIo, "the client left", ""}), "io: the client left");
}

TEST(PrintingTest, ShowsChannelsCommandsAndPaths) {
  EXPECT_EQ(Print(Channel::kCtl), "ctl");
  EXPECT_EQ(Print(Channel::kIo), "io");
  EXPECT_EQ(Print(Command::kNewContainer), "newcontainer");
  EXPECT_EQ(Print(Command{26}), "command 26");
  EXPECT_EQ(Print(SocketPaths{"/a/ctl.sock", "/a/io.sock"}), "ctl /a/ctl.sock, io /a/io.sock");
}

TEST(PrintingTest, ReadsWellInsideContainers) {
  EXPECT_EQ(PrintToString(std::vector<DecodedMessage>{{Command::kPing, ""}, {Command::kAck, "x"}}),
            R"({ ping, no payload, ack, 1 byte: "x" })");
  EXPECT_EQ(PrintToString(std::vector<IoPacket>{{1, "x"}, {1, ""}}),
            R"({ seq 1, 1 byte: "x", seq 1, end of stream })");
}

TEST(SocketPathsTest, ComeApartAsCtlAndIo) {
  const SocketPaths paths{"/a", "/b"};
  const auto& [ctl, io] = paths;
  EXPECT_EQ(ctl, "/a");
  EXPECT_EQ(io, "/b");
}

}  // namespace
}  // namespace hyperstart
