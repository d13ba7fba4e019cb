// What a failed wait says of the records that are there.

#include "mock_hyperstart/detail/agent/received_text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "unit/compared_record.hpp"

namespace hyperstart::detail {
namespace {

const Clock::time_point kStart = Clock::now();

std::string Describe(Inbox& inbox, std::optional<std::uint64_t> wanted = {}) {
  return DescribeInbox(inbox, wanted, kStart,
                       [](const Record& record) { return "<" + record.bytes + ">"; });
}

TEST(ReceivedTextTest, SaysThatNothingHasArrived) {
  Inbox inbox(Inbox::EmptyRecords::kAreOrdinary);
  EXPECT_EQ(Describe(inbox), "; nothing has arrived");
}

TEST(ReceivedTextTest, SaysThatAllWasTaken) {
  Inbox inbox(Inbox::EmptyRecords::kAreOrdinary);
  inbox.Add({1, "a"}, kStart);
  inbox.Take();
  EXPECT_EQ(Describe(inbox), "; what arrived (1 in all) was taken");
}

TEST(ReceivedTextTest, ListsInTheOrderOfArrivalAndPrefersTheWantedKey) {
  Inbox inbox(Inbox::EmptyRecords::kAreOrdinary);
  inbox.Add({1, "wanted"}, kStart + std::chrono::milliseconds(1));
  for (int i = 0; i < 10; ++i) inbox.Add({2, "other"}, kStart + std::chrono::milliseconds(2));
  const std::string text = Describe(inbox, 1);
  EXPECT_EQ(text.find("\n    1  +1 ms  <wanted>\n    3  +2 ms  <other>"),
            std::string("; received instead:").size());
  EXPECT_NE(text.find("\n       and 1 more"), std::string::npos) << text;
}

TEST(ReceivedTextTest, ShowsMessagesAndPacketsOnALineEach) {
  EXPECT_EQ(DescribeReceived({Command::kPing, ""}, Dialect::kHyperstart), "ping, no payload");
  EXPECT_EQ(DescribeReceived({Command::kStartPod, "{}"}, Dialect::kHyperstart),
            "startpod  2 bytes  {}");
  EXPECT_EQ(DescribeReceived(IoPacket{7, ""}), "seq 7, end of stream");
  EXPECT_EQ(DescribeReceived(IoPacket{7, "x"}), "seq 7  1 byte  \"x\"");
}

}  // namespace
}  // namespace hyperstart::detail
