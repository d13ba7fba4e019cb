// What a reply says, as data: what it takes from another one, its bytes, and its text.

#include "mock_hyperstart/detail/reply_spec.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"
#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

const ReplySpec kUnspecified;

ReplySpec Spec(const Reply& reply) { return ReplyAccess::Spec(reply); }
std::string Fallback(const Reply& reply, const Reply& fallback) {
  return DescribeReply(WithFallback(Spec(reply), Spec(fallback)));
}
std::string BytesOfReply(const Reply& reply) {
  std::string bytes = "before ";
  AppendReply(Spec(reply), bytes);
  return bytes.substr(7);
}

TEST(ReplySpecTest, TakesTheContentOfItsFallback) {
  EXPECT_EQ(Fallback(Reply(), Reply::Error("fallback").After(5ms)),
            "error \"fallback\" after 5 ms");
  EXPECT_EQ(Fallback(Reply::Ack("own"), Reply::Error("fallback").After(5ms)), "ack \"own\"");
}

TEST(ReplySpecTest, AppliesItsModifiersToTheFallback) {
  const Reply fallback = Reply::Error("fallback").After(5ms);
  EXPECT_EQ(Fallback(Reply().After(7ms), fallback), "error \"fallback\" after 7 ms");
  EXPECT_EQ(Fallback(Reply().InPieces(2), fallback),
            "error \"fallback\" after 5 ms in pieces of 2 bytes");
  EXPECT_EQ(Fallback(Reply().Truncated(3), fallback),
            "error cut to 3 bytes \"fallback\" after 5 ms");
  EXPECT_EQ(Fallback(Reply().WithLength(99), fallback),
            "error that says 99 bytes \"fallback\" after 5 ms");
  EXPECT_EQ(Fallback(Reply().ThenDisconnect(), fallback),
            "error \"fallback\" after 5 ms, then a disconnect");
}

TEST(ReplySpecTest, KeepsTheModifiersOfTheFallback) {
  EXPECT_EQ(
      Fallback(Reply().After(7ms),
               Reply::Ack().InPieces(2).Truncated(3).Then([] {}).ThenDisconnect()),
      "ack cut to 3 bytes after 7 ms in pieces of 2 bytes, then an action, then a disconnect");
}

TEST(ReplySpecTest, ReplacesTheActionOfTheFallback) {
  std::string called;
  const ReplySpec reply = WithFallback(Spec(Reply().Then([&] { called += "own"; })),
                                       Spec(Reply::Ack().Then([&] { called += "fallback"; })));
  reply.action();
  EXPECT_EQ(called, "own");
}

TEST(ReplySpecTest, RefusesALengthForAFallbackWithoutHeader) {
  EXPECT_THROW(Fallback(Reply().WithLength(9), Reply::Raw("raw")), std::logic_error);
  EXPECT_THROW(Fallback(Reply().WithLength(9), Reply::Nothing()), std::logic_error);
}

TEST(ReplySpecTest, StaysUnspecifiedWithAnUnspecifiedFallback) {
  EXPECT_TRUE(WithFallback(Spec(Reply().After(1ms)), kUnspecified).IsUnspecified());
}

TEST(ReplySpecTest, IsPlainWithoutModifiers) {
  EXPECT_TRUE(Spec(Reply::Error("no")).IsPlain());
  for (const Reply& reply :
       {Reply(), Reply::Raw("raw"), Reply::Nothing(), Reply::Ack().After(1ms),
        Reply::Ack().InPieces(1), Reply::Ack().Truncated(1), Reply::Ack().WithLength(8),
        Reply::Ack().Then([] {}), Reply::Ack().ThenDisconnect()}) {
    EXPECT_FALSE(Spec(reply).IsPlain()) << testing::PrintToString(reply);
  }
}

TEST(ReplySpecTest, IsAWholeFrameUnlessItIsCutOrMisstatesItsLength) {
  EXPECT_TRUE(Spec(Reply::Ack().After(1ms).InPieces(1)).IsWholeFrame());
  EXPECT_FALSE(Spec(Reply::Ack().Truncated(1)).IsWholeFrame());
  EXPECT_FALSE(Spec(Reply::Ack().WithLength(8)).IsWholeFrame());
  EXPECT_FALSE(Spec(Reply::Raw("raw")).IsWholeFrame());
}

TEST(ReplySpecTest, HasTheBytesOfItsFrame) {
  EXPECT_EQ(BytesOfReply(Reply::Ack("abc")), wire::Ack("abc"));
  EXPECT_EQ(BytesOfReply(Reply::Raw("abc")), "abc");
  EXPECT_EQ(BytesOfReply(Reply::Nothing()), "");
  EXPECT_EQ(BytesOfReply(Reply::Ack("abc").WithLength(0x01020304)),
            wire::U32(wire::kAck) + "\1\2\3\4" + "abc");
}

TEST(ReplySpecTest, IsCutAtEveryByte) {
  const std::string whole = wire::Ack("abc");
  for (std::size_t bytes = 0; bytes <= whole.size() + 1; ++bytes) {
    EXPECT_EQ(BytesOfReply(Reply::Ack("abc").Truncated(bytes)), whole.substr(0, bytes)) << bytes;
  }
}

TEST(ReplySpecTest, DescribesItsContentInTheDialect) {
  const ReplySpec reply = Spec(Reply::Frame(Command::kProcessAsyncEvent));
  EXPECT_EQ(DescribeContent(reply, Dialect::kHyperstart), "processasyncevent");
  EXPECT_EQ(DescribeContent(reply, Dialect::kClearContainers), "pscontainer");
}

}  // namespace
}  // namespace hyperstart::detail
