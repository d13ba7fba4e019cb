// What a reply is made of, and how it is shown.

#include "mock_hyperstart/reply.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace hyperstart {
namespace {

using namespace std::chrono_literals;

std::string Shown(const Reply& reply) { return testing::PrintToString(reply); }

TEST(ReplyTest, IsShownInWords) {
  EXPECT_EQ(Shown(Reply()), "whatever else answers");
  EXPECT_EQ(Shown(Reply::Ack()), "ack");
  EXPECT_EQ(Shown(Reply::Error("no such image")), "error \"no such image\"");
  EXPECT_EQ(Shown(Reply::Frame(Command::kReady)), "ready");
  EXPECT_EQ(Shown(Reply::Raw("raw")), "raw bytes \"raw\"");
  EXPECT_EQ(Shown(Reply::Nothing().After(50ms)), "nothing after 50 ms");
  EXPECT_EQ(Shown(Reply::Ack().InPieces(1).Truncated(3).WithLength(99)),
            "ack that says 99 bytes cut to 3 bytes in pieces of 1 byte");
  EXPECT_EQ(Shown(Reply().Then([] {}).ThenDisconnect()),
            "whatever else answers, then an action, then a disconnect");
}

TEST(ReplyTest, SaysWhatLiesBelowWhereItSaysNothingItself) {
  EXPECT_EQ(Shown(Reply().Over(Reply::Error("below").After(5ms))), "error \"below\" after 5 ms");
  EXPECT_EQ(Shown(Reply().After(7ms).Over(Reply::Error("below").After(5ms))),
            "error \"below\" after 7 ms");
  EXPECT_EQ(Shown(Reply::Ack("above").Over(Reply::Error("below").After(5ms))), "ack \"above\"");
  EXPECT_THROW(Reply().WithLength(9).Over(Reply::Raw("raw")), std::logic_error);
}

}  // namespace
}  // namespace hyperstart
