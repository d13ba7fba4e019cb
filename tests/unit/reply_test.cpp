// How a reply is built, and how it is printed.

#include "mock_hyperstart/reply.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {
namespace {

using namespace std::chrono_literals;
using detail::ReplyAccess;

std::string Printed(const Reply& reply) { return testing::PrintToString(reply); }

TEST(ReplyTest, PrintsInWords) {
  EXPECT_EQ(Printed(Reply()), "the reply that would be given otherwise");
  EXPECT_EQ(Printed(Reply::Ack()), "ack");
  EXPECT_EQ(Printed(Reply::Error("no such image")), "error \"no such image\"");
  EXPECT_EQ(Printed(Reply::Frame(Command::kReady)), "ready");
  EXPECT_EQ(Printed(Reply::Raw("raw")), "raw bytes \"raw\"");
  EXPECT_EQ(Printed(Reply::Nothing().After(50ms)), "nothing after 50 ms");
  EXPECT_EQ(Printed(Reply::Ack().InPieces(1).Truncated(3).WithLength(99)),
            "ack that says 99 bytes cut to 3 bytes in pieces of 1 byte");
  EXPECT_EQ(Printed(Reply().Then([] {}).ThenDisconnect()),
            "the reply that would be given otherwise, then an action, then a disconnect");
}

TEST(ReplyTest, IsUnspecifiedWithoutContent) {
  EXPECT_TRUE(ReplyAccess::Spec(Reply()).IsUnspecified());
  EXPECT_TRUE(ReplyAccess::Spec(Reply().After(1ms).ThenDisconnect()).IsUnspecified());
  EXPECT_FALSE(ReplyAccess::Spec(Reply::Nothing()).IsUnspecified());
}

TEST(ReplyTest, ReturnsANewValueFromEachModifier) {
  const Reply ack = Reply::Ack("payload");
  const Reply cut = ack.Truncated(4);
  EXPECT_FALSE(ReplyAccess::Spec(ack).truncated);
  EXPECT_EQ(ReplyAccess::Spec(cut).truncated, 4u);
  EXPECT_EQ(ReplyAccess::Spec(cut).bytes, "payload");
}

TEST(ReplyTest, RefusesPiecesOfNoBytes) {
  EXPECT_THROW(Reply::Ack().InPieces(0), std::invalid_argument);
}

TEST(ReplyTest, RefusesALengthWithoutAHeader) {
  EXPECT_THROW(Reply::Raw("raw").WithLength(9), std::logic_error);
  EXPECT_THROW(Reply::Nothing().WithLength(9), std::logic_error);
  EXPECT_NO_THROW(Reply().WithLength(9)) << "it is not known yet what it applies to";
}

}  // namespace
}  // namespace hyperstart
