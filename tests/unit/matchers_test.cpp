// The matchers for messages and packets: what they match, and the exact text that they print.

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <mock_hyperstart/matchers.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unit/verdict.hpp"

namespace hyperstart {
namespace {

using testing::_;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::DescribeMatcher;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Matches;
using testing::Ne;
using testing::Not;
using testing::Optional;
using testing::Pointee;
using testing::Return;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

const DecodedMessage kPing{Command::kPing, ""};
const DecodedMessage kStartPod{Command::kStartPod, R"({"hostname":"h"})"};
const IoPacket kInput{1, "input\n"};
const IoPacket kEnd{1, ""};

template <typename Matcher>
std::string OfMessage(const Matcher& matcher, bool negated = false) {
  return DescribeMatcher<DecodedMessage>(matcher, negated);
}
template <typename Matcher>
std::string OfPacket(const Matcher& matcher, bool negated = false) {
  return DescribeMatcher<IoPacket>(matcher, negated);
}

TEST(IsCommand, MatchesTheCommandWithAnyPayload) {
  EXPECT_EQ(Verdict(kPing, IsCommand(Command::kPing)), "yes; ");
  EXPECT_EQ(Verdict(kStartPod, IsCommand(Command::kStartPod)), "yes; ");
  EXPECT_EQ(Verdict(DecodedMessage{Command{99}, "x"}, IsCommand(Command{99})), "yes; ");
}

TEST(IsCommand, SaysWhichCommandItIsInstead) {
  EXPECT_EQ(Verdict(kPing, IsCommand(Command::kStartPod)), "no; which is a ping, not a startpod");
  EXPECT_EQ(Verdict(DecodedMessage{Command::kAck, ""}, IsCommand(Command::kError)),
            "no; which is an ack, not an error");
  EXPECT_EQ(Verdict(DecodedMessage{Command{99}, ""}, IsCommand(Command::kExecCmd)),
            "no; which is a command 99, not an execcmd");
}

TEST(IsCommand, SaysBothNamesOfACommandThatTheDialectsNameDifferently) {
  EXPECT_EQ(
      Verdict(DecodedMessage{Command{24}, ""}, IsCommand(Command::kPing)),
      "no; which is a signalprocess (24; processasyncevent for Clear Containers), not a ping");
}

TEST(IsCommand, DescribesItself) {
  EXPECT_EQ(OfMessage(IsCommand(Command::kStartPod)), "is a startpod");
  EXPECT_EQ(OfMessage(IsCommand(Command::kStartPod), true), "isn't a startpod");
  EXPECT_EQ(OfMessage(IsCommand(Command::kOnlineCpuMem)), "is an onlinecpumem");
  EXPECT_EQ(OfMessage(IsCommand(Command{99}), true), "isn't a command 99");
}

TEST(IsMessage, WithoutAPayloadMatcherIsACommand) {
  EXPECT_EQ(Verdict(kStartPod, IsMessage(Command::kStartPod)), "yes; ");
  EXPECT_EQ(Verdict(kPing, IsMessage(Command::kStartPod)), "no; which is a ping, not a startpod");
  EXPECT_EQ(OfMessage(IsMessage(Command::kPing)), "is a ping");
}

TEST(IsMessage, MatchesCommandAndPayload) {
  EXPECT_EQ(Verdict(kStartPod, IsMessage(Command::kStartPod, HasSubstr("hostname"))),
            R"(yes; whose payload is {"hostname":"h"})");
  EXPECT_EQ(Verdict(kPing, IsMessage(Command::kPing, IsEmpty())), R"(yes; whose payload is "")");
}

TEST(IsMessage, ExplainsTheFirstFieldThatDiffers) {
  EXPECT_EQ(Verdict(kPing, IsMessage(Command::kStartPod, "x")),
            "no; which is a ping, not a startpod");
  EXPECT_EQ(Verdict(kStartPod, IsMessage(Command::kStartPod, HasSubstr("web"))),
            R"(no; whose payload is {"hostname":"h"})");
}

TEST(IsMessage, RepeatsWhatThePayloadMatcherSays) {
  EXPECT_EQ(Verdict(kStartPod, IsMessage(Command::kStartPod, SizeIs(3))),
            R"(no; whose payload is {"hostname":"h"}, whose size 16 doesn't match)");
  EXPECT_EQ(Verdict(kStartPod, IsMessage(Command::kStartPod, SizeIs(16))),
            R"(yes; whose payload is {"hostname":"h"}, whose size 16 matches)");
}

TEST(IsMessage, ShowsWhatIsNoTextAsADump) {
  const DecodedMessage next{Command::kNext, std::string("\0\0\x10\xff", 4)};
  EXPECT_EQ(Verdict(next, IsMessage(Command::kNext, "x")),
            "no; whose payload is\n"
            "    00000000  00 00 10 ff                                      |....|");
}

TEST(IsMessage, CutsALongPayload) {
  const DecodedMessage message{Command::kExecCmd, std::string(5000, 'a')};
  EXPECT_EQ(
      Verdict(message, IsMessage(Command::kExecCmd, "x")),
      "no; whose payload is \"" + std::string(1024, 'a') + "\"... (the first 1024 of 5000 bytes)");
}

TEST(IsMessage, DescribesItself) {
  const auto matcher = IsMessage(Command::kStartPod, HasSubstr("web"));
  EXPECT_EQ(OfMessage(matcher), R"(is a startpod whose payload has substring "web")");
  EXPECT_EQ(OfMessage(matcher, true), R"(isn't a startpod whose payload has substring "web")");
  EXPECT_EQ(OfMessage(IsMessage(Command::kExecCmd, AllOf(StartsWith("a"), Not(EndsWith("b"))))),
            "is an execcmd whose payload (starts with \"a\") and (doesn't end with \"b\")");
}

TEST(IsMessage, TakesAPlainValueForEquality) {
  const DecodedMessage text{Command::kError, "text"};
  const DecodedMessage more{Command::kError, "text more"};
  const auto expect_equality = [&](const auto& matcher) {
    EXPECT_TRUE(Matches(matcher)(text));
    EXPECT_FALSE(Matches(matcher)(more));
    EXPECT_EQ(OfMessage(matcher), R"(is an error whose payload is equal to "text")");
  };
  expect_equality(IsMessage(Command::kError, "text"));
  expect_equality(IsMessage(Command::kError, std::string("text")));
  expect_equality(IsMessage(Command::kError, std::string_view("text")));
  expect_equality(IsMessage(Command::kError, Eq(std::string("text"))));
  expect_equality(IsMessage(Command::kError, testing::Matcher<std::string>("text")));
  expect_equality(IsMessage(Command::kError, testing::Matcher<const std::string&>("text")));
}

TEST(IsMessage, ComparesBytesBeyondANul) {
  const DecodedMessage message{Command::kError, std::string("a\0b", 3)};
  EXPECT_TRUE(Matches(IsMessage(Command::kError, std::string("a\0b", 3)))(message));
  EXPECT_FALSE(Matches(IsMessage(Command::kError, std::string("a\0c", 3)))(message));
  EXPECT_FALSE(Matches(IsMessage(Command::kError, "a"))(message));
}

TEST(IsIoPacket, MatchesSeqAndData) {
  EXPECT_EQ(Verdict(kInput, IsIoPacket(1, "input\n")), R"(yes; whose data is "input\n")");
  EXPECT_EQ(Verdict(kInput, IsIoPacket(1, StartsWith("in"))), R"(yes; whose data is "input\n")");
  EXPECT_EQ(Verdict(kEnd, IsIoPacket(1, "")), R"(yes; whose data is "")");
}

TEST(IsIoPacket, ExplainsTheFirstFieldThatDiffers) {
  EXPECT_EQ(Verdict(kInput, IsIoPacket(2, "x")), "no; whose seq is 1, not 2");
  EXPECT_EQ(Verdict(kInput, IsIoPacket(1, std::string("x"))), R"(no; whose data is "input\n")");
  EXPECT_EQ(Verdict(kInput, IsIoPacket(1, SizeIs(2))),
            R"(no; whose data is "input\n", whose size 6 doesn't match)");
}

TEST(IsIoPacket, KnowsEveryBitOfASeq) {
  const std::uint64_t seq = 0xfffffffffffffffe;
  EXPECT_TRUE(Matches(IsIoPacket(seq, "x"))(IoPacket{seq, "x"}));
  EXPECT_EQ(Verdict(IoPacket{seq, "x"}, IsIoPacket(seq + 1, "x")),
            "no; whose seq is 18446744073709551614, not 18446744073709551615");
  EXPECT_EQ(Verdict(IoPacket{0x100000001, "x"}, IsIoPacket(1, "x")),
            "no; whose seq is 4294967297, not 1");
}

TEST(IsIoPacket, DescribesItself) {
  EXPECT_EQ(OfPacket(IsIoPacket(7, "x")), R"(is a packet of seq 7 whose data is equal to "x")");
  EXPECT_EQ(OfPacket(IsIoPacket(7, HasSubstr("x")), true),
            R"(isn't a packet of seq 7 whose data has substring "x")");
}

TEST(IsEof, MatchesTheEmptyPacketOfItsStream) {
  EXPECT_EQ(Verdict(kEnd, IsEof(1)), "yes; ");
  EXPECT_EQ(Verdict(kEnd, IsEof(2)), "no; whose seq is 1, not 2");
  EXPECT_EQ(Verdict(kInput, IsEof(1)), R"(no; whose data is "input\n")");
}

TEST(IsEof, DescribesItself) {
  EXPECT_EQ(OfPacket(IsEof(3)), "is the end of seq 3");
  EXPECT_EQ(OfPacket(IsEof(3), true), "isn't the end of seq 3");
}

TEST(Matchers, ComposeInContainers) {
  const std::vector<DecodedMessage> messages{kPing, kStartPod};
  EXPECT_THAT(messages, ElementsAre(IsCommand(Command::kPing),
                                    IsMessage(Command::kStartPod, HasSubstr("hostname"))));
  EXPECT_THAT(messages, UnorderedElementsAre(IsCommand(Command::kStartPod), kPing));
  EXPECT_THAT(messages, Contains(IsCommand(Command::kStartPod)).Times(1));
  EXPECT_THAT(messages, Not(Contains(IsCommand(Command::kExecCmd))));
  const std::vector<IoPacket> packets{kInput, kEnd};
  EXPECT_THAT(packets, ElementsAre(IsIoPacket(1, "input\n"), IsEof(1)));
  EXPECT_THAT(packets, Not(ElementsAre(IsEof(1), IsIoPacket(1, "input\n"))));
}

TEST(Matchers, ExplainThemselvesInContainers) {
  const std::vector<DecodedMessage> messages{kPing, kStartPod};
  // What stands between is GoogleMock's, and differs between its versions.
  EXPECT_THAT(Verdict(messages, ElementsAre(_, IsCommand(Command::kExecCmd))),
              AllOf(StartsWith("no; whose element #1 "),
                    EndsWith(", which is a startpod, not an execcmd")));
  EXPECT_EQ(DescribeMatcher<std::vector<DecodedMessage>>(Contains(IsMessage(Command::kPing, ""))),
            "contains at least one element that is a ping whose payload is equal to \"\"");
}

TEST(Matchers, ComposeWithLogic) {
  EXPECT_THAT(kStartPod, AllOf(IsCommand(Command::kStartPod), Ne(kPing)));
  EXPECT_THAT(kPing, AnyOf(IsCommand(Command::kStartPod), IsCommand(Command::kPing)));
  EXPECT_THAT(kPing, Not(AnyOf(IsCommand(Command::kStartPod), IsCommand(Command::kExecCmd))));
  EXPECT_THAT(kInput, Not(AnyOf(IsEof(1), IsIoPacket(2, _))));
  EXPECT_EQ(Verdict(kPing, Not(IsMessage(Command::kPing, ""))), R"(no; whose payload is "")");
  EXPECT_EQ(OfMessage(Not(IsCommand(Command::kPing))), "isn't a ping");
  EXPECT_EQ(OfMessage(Not(IsCommand(Command::kPing)), true), "is a ping");
}

TEST(Matchers, SeeThroughOptionalAndPointers) {
  EXPECT_THAT(std::optional(kPing), Optional(IsCommand(Command::kPing)));
  EXPECT_THAT(std::optional<DecodedMessage>(), Not(Optional(IsCommand(Command::kPing))));
  EXPECT_THAT(&kInput, Pointee(IsIoPacket(1, _)));
  EXPECT_THAT(std::make_unique<IoPacket>(kEnd), Pointee(IsEof(1)));
  EXPECT_THAT(&kInput, Not(Pointee(IsEof(1))));
}

TEST(Matchers, ChooseAmongTheExpectationsOfAMock) {
  testing::MockFunction<std::string(const DecodedMessage&)> call;
  EXPECT_CALL(call, Call(IsCommand(Command::kStartPod))).WillOnce(Return("any startpod"));
  EXPECT_CALL(call, Call(IsMessage(Command::kPing, ""))).WillOnce(Return("an empty ping"));
  EXPECT_CALL(call, Call(IsMessage(Command::kPing, "x"))).WillOnce(Return("a ping of x"));
  EXPECT_EQ(call.Call({Command::kPing, "x"}), "a ping of x");
  EXPECT_EQ(call.Call(kStartPod), "any startpod");
  EXPECT_EQ(call.Call(kPing), "an empty ping");
}

TEST(Matchers, AreKeptAsMatchersOfAValueOrAReference) {
  const testing::Matcher<DecodedMessage> of_value = IsCommand(Command::kPing);
  const testing::Matcher<const DecodedMessage&> of_reference = IsMessage(Command::kPing, "");
  EXPECT_TRUE(of_value.Matches(kPing));
  EXPECT_FALSE(of_value.Matches(kStartPod));
  EXPECT_TRUE(of_reference.Matches(kPing));
  EXPECT_FALSE(of_reference.Matches(kStartPod));
}

TEST(Matchers, ReadWellInAFailingAssertion) {
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(kPing, IsMessage(Command::kStartPod, HasSubstr("web"))),
                          "Value of: kPing\n"
                          "Expected: is a startpod whose payload has substring \"web\"\n"
                          "  Actual: ping, no payload (of type hyperstart::DecodedMessage), "
                          "which is a ping, not a startpod");
}

}  // namespace
}  // namespace hyperstart
