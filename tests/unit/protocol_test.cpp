// Every number and name of the protocol, and its headers and frames, against literal bytes.

#include "mock_hyperstart/protocol.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/wire/bytes.hpp"

namespace hyperstart {
namespace {

using namespace std::string_literals;
using detail::CtlHeader;
using detail::IoHeader;
using detail::View;

std::uint32_t Number(Command command) { return static_cast<std::uint32_t>(command); }

struct Row {
  Command command;
  std::uint32_t number;
  const char* name;
};

constexpr Row kHyperstart[] = {
    {Command::kVersion, 0, "version"},
    {Command::kStartPod, 1, "startpod"},
    {Command::kGetPodDeprecated, 2, "getpod"},
    {Command::kStopPodDeprecated, 3, "stoppod"},
    {Command::kDestroyPod, 4, "destroypod"},
    {Command::kRestartContainerDeprecated, 5, "restartcontainer"},
    {Command::kExecCmd, 6, "execcmd"},
    {Command::kFinishCmdDeprecated, 7, "finishcmd"},
    {Command::kReady, 8, "ready"},
    {Command::kAck, 9, "ack"},
    {Command::kError, 10, "error"},
    {Command::kWinSize, 11, "winsize"},
    {Command::kPing, 12, "ping"},
    {Command::kFinishPodDeprecated, 13, "finishpod"},
    {Command::kNext, 14, "next"},
    {Command::kWriteFile, 15, "writefile"},
    {Command::kReadFile, 16, "readfile"},
    {Command::kNewContainer, 17, "newcontainer"},
    {Command::kKillContainer, 18, "killcontainer"},
    {Command::kOnlineCpuMem, 19, "onlinecpumem"},
    {Command::kSetupInterface, 20, "setupinterface"},
    {Command::kSetupRoute, 21, "setuproute"},
    {Command::kRemoveContainer, 22, "removecontainer"},
    {Command::kProcessAsyncEvent, 23, "processasyncevent"},
    {Command::kSignalProcess, 24, "signalprocess"},
    {Command::kDeleteInterface, 25, "deleteinterface"},
};

constexpr std::uint32_t kFirstThatDiffers = 23;

TEST(CommandTest, HasTheNumbersAndNamesOfTheAgent) {
  for (const Row& row : kHyperstart) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Number(row.command), row.number);
    EXPECT_EQ(CommandName(row.command), row.name);
    EXPECT_EQ(CommandName(row.command, Dialect::kHyperstart), row.name);
    EXPECT_TRUE(CommandFromName(row.name) == row.command);
    EXPECT_TRUE(CommandFromName(row.name, Dialect::kHyperstart) == row.command);
  }
}

TEST(CommandTest, HasTheSameNamesBelow23InTheClearContainersDialect) {
  for (const Row& row : kHyperstart) {
    if (row.number >= kFirstThatDiffers) continue;
    SCOPED_TRACE(row.name);
    EXPECT_EQ(CommandName(row.command, Dialect::kClearContainers), row.name);
    EXPECT_TRUE(CommandFromName(row.name, Dialect::kClearContainers) == row.command);
  }
}

TEST(CommandTest, HasTheNamesOfVirtcontainersFrom23InTheClearContainersDialect) {
  constexpr Dialect kDialect = Dialect::kClearContainers;
  EXPECT_EQ(CommandName(Command{23}, kDialect), "pscontainer");
  EXPECT_EQ(CommandName(Command{24}, kDialect), "processasyncevent");
  EXPECT_EQ(CommandName(Command{25}, kDialect), "command 25");
  EXPECT_TRUE(CommandFromName("pscontainer", kDialect) == Command{23});
  EXPECT_TRUE(CommandFromName("processasyncevent", kDialect) == Command{24});
}

TEST(CommandTest, KnowsNoNameOfTheOtherDialect) {
  EXPECT_FALSE(CommandFromName("signalprocess", Dialect::kClearContainers));
  EXPECT_FALSE(CommandFromName("deleteinterface", Dialect::kClearContainers));
  EXPECT_FALSE(CommandFromName("pscontainer", Dialect::kHyperstart));
}

TEST(CommandTest, PrintsANumberWithoutANameAsANumber) {
  for (const Dialect dialect : {Dialect::kHyperstart, Dialect::kClearContainers}) {
    EXPECT_EQ(CommandName(Command{26}, dialect), "command 26");
    EXPECT_EQ(CommandName(Command{99}, dialect), "command 99");
    EXPECT_EQ(CommandName(Command{0x80000000}, dialect), "command 2147483648");
    EXPECT_EQ(CommandName(Command{0xffffffff}, dialect), "command 4294967295");
  }
}

TEST(CommandTest, PrintsBothNamesOfANumberThatTheDialectsNameDifferently) {
  EXPECT_EQ(testing::PrintToString(Command::kProcessAsyncEvent),
            "processasyncevent (23; pscontainer for Clear Containers)");
  EXPECT_EQ(testing::PrintToString(Command::kSignalProcess),
            "signalprocess (24; processasyncevent for Clear Containers)");
}

TEST(CommandTest, PrintsAnyOtherNumberByItsOnlyName) {
  for (const Row& row : kHyperstart) {
    if (row.number == 23 || row.number == 24) continue;
    EXPECT_EQ(testing::PrintToString(row.command), row.name);
  }
  EXPECT_EQ(testing::PrintToString(Command{26}), "command 26");
  EXPECT_EQ(testing::PrintToString(Command{0xffffffff}), "command 4294967295");
}

TEST(CommandTest, FindsNothingUnderAnyOtherName) {
  for (const Dialect dialect : {Dialect::kHyperstart, Dialect::kClearContainers}) {
    for (const std::string& name :
         {""s, " "s, "Version"s, "VERSION"s, "versio"s, "version "s, " version"s, "version\0"s,
          "kVersion"s, "command 0"s, "command 99"s, "0"s, "pod"s, "getpod (deprecated)"s}) {
      EXPECT_FALSE(CommandFromName(name, dialect)) << "\"" << name << "\"";
    }
    EXPECT_FALSE(CommandFromName(std::string_view(), dialect));
  }
}

TEST(CommandTest, HasNoNameTwice) {
  for (const Dialect dialect : {Dialect::kHyperstart, Dialect::kClearContainers}) {
    std::set<std::string> names;
    for (std::uint32_t number = 0; number < 1000; ++number) {
      EXPECT_TRUE(names.insert(CommandName(Command{number}, dialect)).second) << number;
    }
  }
}

TEST(ProtocolTest, HasTheApiVersionOfTheAgent) { EXPECT_EQ(kApiVersion, 4244u); }

TEST(ProtocolTest, HasHeadersOf8And12Bytes) {
  EXPECT_EQ(kCtlHeaderSize, 8u);
  EXPECT_EQ(kIoHeaderSize, 12u);
}

TEST(CtlHeaderTest, IsACommandAndALengthInBigEndian) {
  EXPECT_EQ(View(CtlHeader{Command::kNewContainer, 0x01020304}.Encode()),
            "\x00\x00\x00\x11\x01\x02\x03\x04"s);
  EXPECT_EQ(View(CtlHeader{Command{0xfedcba98}, 0xfffefdfc}.Encode()),
            "\xfe\xdc\xba\x98\xff\xfe\xfd\xfc"s);
  EXPECT_EQ(View(CtlHeader{}.Encode()), "\0\0\0\0\0\0\0\0"s);
}

TEST(CtlHeaderTest, IsReadFromBytesWhereverTheyLie) {
  const std::string bytes = "?\x00\x00\x00\x11\x01\x02\x03\x04\xfe\xdc\xba\x98\xff\xfe\xfd\xfc?"s;
  const CtlHeader small = CtlHeader::Decode(bytes.data() + 1);
  EXPECT_EQ(Number(small.key), 17u);
  EXPECT_EQ(small.length, 0x01020304u);
  const CtlHeader large = CtlHeader::Decode(bytes.data() + 9);
  EXPECT_EQ(Number(large.key), 0xfedcba98u);
  EXPECT_EQ(large.length, 0xfffefdfcu);
}

TEST(IoHeaderTest, IsASeqAndALengthInBigEndian) {
  EXPECT_EQ(View(IoHeader{0x0102030405060708, 0x090a0b0c}.Encode()),
            "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"s);
  EXPECT_EQ(View(IoHeader{0xfffefdfcfbfaf9f8, 0xf7f6f5f4}.Encode()),
            "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4"s);
  EXPECT_EQ(View(IoHeader{}.Encode()), "\0\0\0\0\0\0\0\0\0\0\0\0"s);
}

TEST(IoHeaderTest, IsReadFromBytesWhereverTheyLie) {
  const std::string bytes =
      "?\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
      "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4?"s;
  const IoHeader small = IoHeader::Decode(bytes.data() + 1);
  EXPECT_EQ(small.key, 0x0102030405060708u);
  EXPECT_EQ(small.length, 0x090a0b0cu);
  const IoHeader large = IoHeader::Decode(bytes.data() + 13);
  EXPECT_EQ(large.key, 0xfffefdfcfbfaf9f8u);
  EXPECT_EQ(large.length, 0xf7f6f5f4u);
}

TEST(CtlFrameTest, IsAHeaderAndThePayload) {
  EXPECT_EQ(CtlFrame(Command::kReady), "\x00\x00\x00\x08\x00\x00\x00\x08"s);
  EXPECT_EQ(CtlFrame(Command::kNext, "\0\0\0\x08"s),
            "\x00\x00\x00\x0e\x00\x00\x00\x0c\x00\x00\x00\x08"s);
  EXPECT_EQ(CtlFrame(Command::kError, "no\0"s), "\x00\x00\x00\x0a\x00\x00\x00\x0bno\x00"s);
}

TEST(IoFrameTest, IsAHeaderAndTheData) {
  EXPECT_EQ(IoFrame(0x0102030405060708), "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x0c"s);
  EXPECT_EQ(IoFrame(1, "a\0"s), "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0e"s + "a\0"s);
}

}  // namespace
}  // namespace hyperstart
