// Records with a limit: which are dropped, that no wait passes over what was dropped, and what it
// says instead.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "support/deadline.hpp"
#include "unit/blocked_call.hpp"
#include "unit/compared_record.hpp"
#include "unit/payload_is.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Two large records are over it, and hundreds of small ones are not.
constexpr std::size_t kLimit = 1024 * 1024;
constexpr std::size_t kLarge = 600 * 1024;

Record LargeRecord(std::uint64_t key, char fill) { return {key, std::string(kLarge, fill)}; }

class InboxLimitTest : public testing::Test {
 protected:
  InboxLimitTest() { inbox_.SetLimit(kLimit); }

  void Add(Record record) { inbox_.Add(std::move(record), Clock::now()); }
  void AddLarge(std::uint64_t key, char fill = 'x') { Add(LargeRecord(key, fill)); }
  /// What is there, by the first byte of each record.
  std::string Rest() {
    std::string rest;
    for (const Record& record : inbox_.PeekAll()) rest += record.bytes.substr(0, 1);
    return rest;
  }

  Inbox inbox_{Inbox::EmptyRecords::kEndStreams};
};

TEST_F(InboxLimitTest, DropsTheOldestOfAllKeys) {
  Add({1, "a"});
  Add({2, "b"});
  AddLarge(3, 'c');
  EXPECT_EQ(Rest(), "abc");
  EXPECT_FALSE(inbox_.HasLost(std::nullopt));
  AddLarge(4, 'd');
  EXPECT_EQ(Rest(), "d");
  EXPECT_EQ(inbox_.added(), 4u);
  EXPECT_EQ(inbox_.dropped(), 3u);
  EXPECT_EQ(inbox_.size(), 1u);
}

TEST_F(InboxLimitTest, DropsNoMoreThanItMust) {
  Add({1, std::string(kLarge / 2, 'a')});
  Add({1, std::string(kLarge / 2, 'b')});
  AddLarge(1, 'c');
  EXPECT_EQ(Rest(), "bc");
}

TEST_F(InboxLimitTest, KeepsARecordThatIsLargerThanTheLimit) {
  Add({1, "a"});
  Add({1, std::string(2 * kLimit, 'b')});
  EXPECT_EQ(Rest(), "b");
  Add({1, "c"});
  EXPECT_EQ(Rest(), "c");
}

TEST_F(InboxLimitTest, CountsWhatIsTakenNoMore) {
  for (int i = 0; i < 10; ++i) {
    AddLarge(1);
    EXPECT_TRUE(inbox_.Take(1));
    AddLarge(1);
    EXPECT_TRUE(inbox_.Take());
    AddLarge(1);
    EXPECT_TRUE(inbox_.TakeBytes(1, kLarge));
    AddLarge(1);
    Add({1, ""});
    EXPECT_TRUE(inbox_.TakeToEnd(1));
    AddLarge(1);
    EXPECT_THAT(inbox_.TakeAll(), SizeIs(1));
    Add({2, "the first"});
    AddLarge(2);
    std::uint64_t examined = 0;
    EXPECT_TRUE(inbox_.TakeMatching([](const Record& r) { return r.bytes[0] == 'x'; }, examined));
    EXPECT_TRUE(inbox_.Take(2));
  }
  EXPECT_EQ(inbox_.dropped(), 0u);
}

TEST_F(InboxLimitTest, CountsTheRestOfARecordOfWhichBytesWereTaken) {
  AddLarge(1);
  EXPECT_TRUE(inbox_.TakeBytes(1, kLarge - 1));
  EXPECT_THAT(inbox_.PeekAll(), ElementsAre(testing::Field(&Record::bytes, "x")));
  AddLarge(1);
  EXPECT_EQ(inbox_.dropped(), 0u);
  EXPECT_TRUE(inbox_.TakeBytes(1, 1 + kLarge));
}

TEST_F(InboxLimitTest, DropsTheRestOfARecordOfWhichBytesWereTaken) {
  AddLarge(1);
  EXPECT_TRUE(inbox_.TakeBytes(1, 10));
  AddLarge(1);
  EXPECT_EQ(inbox_.dropped(), 1u);
  EXPECT_EQ(inbox_.BytesBeforeEnd(1), kLarge);
  EXPECT_FALSE(inbox_.TakeBytes(1, 10)) << "they would not follow the first ten";
}

TEST_F(InboxLimitTest, BoundsRecordsWithoutBytes) {
  for (int i = 0; i < 100'000; ++i) Add({1, ""});
  EXPECT_LT(inbox_.size(), kLimit / 100);
  EXPECT_GT(inbox_.size(), kLimit / 1000);
  EXPECT_EQ(inbox_.size() + inbox_.dropped(), 100'000u);
}

TEST_F(InboxLimitTest, GivesNoRecordInPlaceOfAnOlderOneThatWasDropped) {
  Add({1, "a"});
  Add({1, ""});
  AddLarge(2);
  AddLarge(1);
  Add({1, ""});
  EXPECT_TRUE(inbox_.HasLost(std::nullopt));
  EXPECT_FALSE(inbox_.Take());
  EXPECT_TRUE(inbox_.HasLost(1));
  EXPECT_FALSE(inbox_.Take(1));
  EXPECT_FALSE(inbox_.TakeBytes(1, 1));
  EXPECT_FALSE(inbox_.TakeToEnd(1));
  EXPECT_EQ(inbox_.size(), 2u) << "and takes none";
}

TEST_F(InboxLimitTest, GivesTheRecordsOfAKeyOfWhichNoneWasDropped) {
  AddLarge(1);
  AddLarge(2, 'y');
  Add({2, ""});
  EXPECT_TRUE(inbox_.HasLost(1));
  EXPECT_FALSE(inbox_.HasLost(2));
  EXPECT_EQ(inbox_.TakeToEnd(2), std::string(kLarge, 'y'));
}

TEST_F(InboxLimitTest, GivesTheOldestThatIsThereAndMatches) {
  Add({1, "a"});
  AddLarge(1, 'b');
  AddLarge(1, 'c');
  std::uint64_t examined = 0;
  const std::optional<Record> found =
      inbox_.TakeMatching([](const Record&) { return true; }, examined);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes[0], 'c');
}

TEST_F(InboxLimitTest, GoesOnOnceAllThatIsLeftWasTaken) {
  AddLarge(1);
  AddLarge(1);
  EXPECT_THAT(inbox_.TakeAll(), SizeIs(1));
  EXPECT_FALSE(inbox_.HasLost(1));
  EXPECT_EQ(inbox_.lost_keys(), 0u);
  Add({1, "a"});
  EXPECT_EQ(inbox_.TakeBytes(1, 1), "a");
  EXPECT_EQ(inbox_.dropped(), 1u) << "ever";
}

TEST_F(InboxLimitTest, BoundsWhatItKnowsOfLostKeys) {
  constexpr std::uint64_t kKeys = 20'000;
  for (std::uint64_t key = 0; key < kKeys; ++key) Add({key, ""});
  EXPECT_LT(inbox_.size(), 2000u) << "each has a queue of its own";
  EXPECT_LE(inbox_.lost_keys(), 10'001u);
  for (std::uint64_t key = 0; key < kKeys - inbox_.size(); ++key) {
    ASSERT_TRUE(inbox_.HasLost(key)) << key;
  }
  EXPECT_TRUE(inbox_.HasLost(kKeys)) << "it does not know better";
  inbox_.TakeAll();
  EXPECT_FALSE(inbox_.HasLost(0));
  EXPECT_FALSE(inbox_.HasLost(kKeys));
}

// ---- Waits

class RecordsLimitTest : public testing::Test {
 protected:
  RecordsLimitTest() {
    records_.Open(Clock::now());
    records_.LimitUntaken(kLimit, [this](Channel channel, const std::string& text) {
      notes_.push_back(ToString(channel) + ": " + text);
    });
  }
  void Add(IoPacket packet) {
    std::vector<IoPacket> packets = {std::move(packet)};
    records_.Add(packets, Clock::now());
  }
  void AddLarge(std::uint64_t seq) { Add({seq, std::string(kLarge, 'x')}); }
  void Add(Command command, std::string payload) {
    records_.Add(DecodedMessage{command, std::move(payload)}, Clock::now());
  }

  /// Why a wait that looks once failed.
  template <typename T>
  static std::string Reason(const WaitResult<T>& result) {
    return result.value ? "it did not fail" : result.reason;
  }
  static constexpr std::chrono::milliseconds kOnce{0};

  std::vector<std::string> notes_;
  Records records_{Dialect::kHyperstart};
};

const std::string kDroppingBegins =
    "over 1 MiB were not taken: from now on a mock that forwards drops the oldest; take them "
    "earlier, or set Options::keep_all";
const std::string kDropped =
    " records dropped, since a mock that forwards keeps at most 1 MiB that were not taken: take "
    "them "
    "earlier, or set Options::keep_all";

TEST_F(RecordsLimitTest, NotesOnceOfEachChannelThatDroppingBegins) {
  for (int i = 0; i < 5; ++i) AddLarge(1);
  EXPECT_THAT(notes_, ElementsAre("io: " + kDroppingBegins));
  for (int i = 0; i < 5; ++i) Add(Command::kPing, std::string(kLarge, 'x'));
  Add(Command::kStartPod, std::string(kLarge, 'x'));
  EXPECT_THAT(notes_, ElementsAre("io: " + kDroppingBegins, "ctl: " + kDroppingBegins));
}

TEST_F(RecordsLimitTest, NotesItAgainOnceAllThatIsLeftWasTaken) {
  for (int i = 0; i < 2; ++i) {
    AddLarge(1);
    AddLarge(2);
    EXPECT_THAT(records_.TakePackets(), SizeIs(1));
  }
  EXPECT_THAT(notes_, ElementsAre("io: " + kDroppingBegins, "io: " + kDroppingBegins));
}

TEST_F(RecordsLimitTest, NotesHowManyWereDropped) {
  records_.NoteDropped();
  EXPECT_THAT(notes_, IsEmpty());
  for (int i = 0; i < 3; ++i) AddLarge(1);
  notes_.clear();
  records_.NoteDropped();
  EXPECT_THAT(notes_, ElementsAre("io: 2 of 3" + kDropped));
  const std::size_t noted = notes_.size();
  records_.NoteDropped();
  EXPECT_EQ(notes_.size(), noted) << "nothing was dropped since";
}

TEST_F(RecordsLimitTest, FailsAWaitForPacketsOfWhichOlderOnesWereDropped) {
  AddLarge(1);
  AddLarge(1);
  Add({1, ""});
  // None of them waits for its time to end.
  EXPECT_THAT(Reason(records_.WaitForPacket(std::nullopt, kDeadline)),
              testing::AllOf(testing::StartsWith(
                                 "no io packet: older packets were dropped; received instead:\n"),
                             HasSubstr("\n  1 of 3" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(Reason(records_.WaitForPacket(1, kDeadline)),
              testing::AllOf(testing::StartsWith("no io packet of seq 1: older packets were "
                                                 "dropped; received instead:\n"),
                             HasSubstr("\n  1 of 3" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(Reason(records_.WaitForBytes(1, 10, kDeadline)),
              testing::AllOf(testing::StartsWith("no 10 bytes of seq 1: older packets were "
                                                 "dropped; received instead:\n"),
                             HasSubstr("\n  1 of 3" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(Reason(records_.WaitForEnd(1, kDeadline)),
              testing::AllOf(testing::StartsWith("no end of seq 1: older packets were dropped; "
                                                 "received instead:\n"),
                             HasSubstr("\n  1 of 3" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(records_.PeekPackets(), SizeIs(2));
  EXPECT_THAT(records_.TakePackets(), SizeIs(2));
}

TEST_F(RecordsLimitTest, FailsAWaitForMessagesOfWhichOlderOnesWereDropped) {
  Add(Command::kPing, std::string(kLarge, 'x'));
  Add(Command::kPing, std::string(kLarge, 'x'));
  Add(Command::kStartPod, "{}");
  EXPECT_THAT(Reason(records_.WaitForMessage(Command::kPing, kDeadline)),
              testing::AllOf(testing::StartsWith("no ping: older messages were dropped"),
                             HasSubstr("\n  1 of 3" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(Reason(records_.WaitForMessage(std::nullopt, kDeadline)),
              testing::StartsWith("no message: older messages were dropped"));
  EXPECT_TRUE(records_.WaitForMessage(Command::kStartPod, kOnce).value);
}

TEST_F(RecordsLimitTest, SaysThatRecordsWereDroppedWhenAWaitFailsForAnotherReason) {
  Add(Command::kPing, std::string(kLarge, 'x'));
  Add(Command::kPing, std::string(kLarge, 'x'));
  EXPECT_THAT(Reason(records_.WaitForMessage(Command::kStartPod, kOnce)),
              testing::AllOf(testing::StartsWith("no startpod within 0 ms; received instead:\n"),
                             HasSubstr("\n  1 of 2" + kDropped + "\n  ctl: ")));
  EXPECT_THAT(Reason(records_.WaitForMessage(PayloadIs("{}"), kOnce)),
              testing::AllOf(HasSubstr(" within 0 ms; "),
                             HasSubstr("\n  1 of 2" + kDropped + "\n  ctl: ")));
  records_.TakeMessages();
  EXPECT_THAT(Reason(records_.WaitForMessage(Command::kPing, kOnce)),
              testing::AllOf(HasSubstr("; what arrived (2 in all) was taken or dropped"),
                             HasSubstr("\n  1 of 2" + kDropped + "\n  ctl: ")));
}

TEST_F(RecordsLimitTest, EndsTheWaitForAStreamWhosePacketsAreDropped) {
  BlockedCall<WaitResult<std::string>> end([&] { return records_.WaitForEnd(1, kDeadline); });
  BlockedCall<WaitResult<std::string>> bytes(
      [&] { return records_.WaitForBytes(1, 2 * kLarge, kDeadline); });
  BlockedCall<WaitResult<std::string>> other([&] { return records_.WaitForEnd(3, kDeadline); });
  AddLarge(1);
  EXPECT_FALSE(end.HasReturned());
  AddLarge(2);
  EXPECT_THAT(Reason(end.Get()), HasSubstr("older packets were dropped"));
  EXPECT_THAT(Reason(bytes.Get()), HasSubstr("older packets were dropped"));
  EXPECT_FALSE(other.HasReturned());
  Add({3, "abc"});
  Add({3, ""});
  EXPECT_EQ(other.Get().value, "abc");
}

TEST_F(RecordsLimitTest, GivesWhatItTakesInTime) {
  for (int i = 0; i < 10; ++i) {
    AddLarge(1);
    EXPECT_EQ(records_.WaitForBytes(1, kLarge, kOnce).value, std::string(kLarge, 'x'));
  }
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(RecordsLimitTest, KeepsEverythingWithoutALimit) {
  Records records(Dialect::kHyperstart);
  for (int i = 0; i < 40; ++i) {
    std::vector<IoPacket> packets = {{1, std::string(kLarge, 'x')}};
    records.Add(packets, Clock::now());
  }
  EXPECT_THAT(records.TakePackets(), SizeIs(40));
}

}  // namespace
}  // namespace hyperstart::detail
