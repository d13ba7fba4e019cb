// Records taken in order, by key, by criterion and by the byte; in the end compared with a plain
// vector.

#include "mock_hyperstart/detail/agent/inbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "unit/compared_record.hpp"

namespace hyperstart::detail {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

const Clock::time_point kArrival = Clock::now();

/// An inbox of packets: key and bytes.
struct Packets : Inbox {
  explicit Packets(std::vector<Record> records = {}) : Inbox(EmptyRecords::kEndStreams) {
    for (Record& record : records) Add(std::move(record), kArrival);
  }
};

/// An inbox of messages.
struct Messages : Inbox {
  Messages() : Inbox(EmptyRecords::kAreOrdinary) {}
};

// ---- Whole records

TEST(InboxTest, HasNothingAtFirst) {
  Packets inbox;
  EXPECT_EQ(inbox.size(), 0u);
  EXPECT_EQ(inbox.added(), 0u);
  EXPECT_EQ(inbox.Take(), std::nullopt);
  EXPECT_EQ(inbox.Take(1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), IsEmpty());
  EXPECT_EQ(inbox.TakeBytes(1, 1), std::nullopt);
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 0u);
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_THAT(inbox.MostRelevant(std::nullopt, 10), IsEmpty());
}

TEST(InboxTest, GivesTheOldestFirst) {
  Packets inbox({{2, "a"}, {1, "b"}, {2, "c"}});
  EXPECT_THAT(inbox.Take(), Optional(Record{2, "a"}));
  EXPECT_THAT(inbox.Take(), Optional(Record{1, "b"}));
  EXPECT_THAT(inbox.Take(), Optional(Record{2, "c"}));
  EXPECT_EQ(inbox.Take(), std::nullopt);
}

TEST(InboxTest, GivesTheOldestOfAKeyAndLeavesTheRestInOrder) {
  Packets inbox({{1, "a"}, {2, "b"}, {1, "c"}, {2, "d"}, {3, "e"}});
  EXPECT_THAT(inbox.Take(2), Optional(Record{2, "b"}));
  EXPECT_EQ(inbox.Take(4), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(),
              ElementsAre(Record{1, "a"}, Record{1, "c"}, Record{2, "d"}, Record{3, "e"}));
}

TEST(InboxTest, GivesMessagesOfWhichSomeAreEmpty) {
  Messages inbox;
  inbox.Add({12, ""}, kArrival);
  inbox.Add({1, "first"}, kArrival);
  inbox.Add({1, "second"}, kArrival);
  EXPECT_FALSE(inbox.HasEnd(12));
  EXPECT_THAT(inbox.Take(1), Optional(Record{1, "first"}));
  EXPECT_THAT(inbox.Take(), Optional(Record{12, ""}));
  EXPECT_THAT(inbox.Take(1), Optional(Record{1, "second"}));
  EXPECT_EQ(inbox.Take(12), std::nullopt);
}

TEST(InboxTest, GivesAllOnlyOnce) {
  Packets inbox({{1, "a"}, {2, ""}});
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, "a"}, Record{2, ""}));
  EXPECT_THAT(inbox.TakeAll(), IsEmpty());
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxTest, GoesOnAfterAllWereTaken) {
  Packets inbox({{1, "abc"}, {1, ""}});
  inbox.TakeAll();
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 0u);
  inbox.Add({1, "d"}, kArrival);
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 1u);
  EXPECT_THAT(inbox.Take(), Optional(Record{1, "d"}));
}

TEST(InboxTest, CountsWhatIsThereAndWhatEverCame) {
  Packets inbox({{1, "a"}, {2, "b"}, {1, "c"}});
  EXPECT_EQ(inbox.size(), 3u);
  EXPECT_EQ(inbox.added(), 3u);
  inbox.Take();
  inbox.Take(1);
  EXPECT_EQ(inbox.size(), 1u);
  EXPECT_EQ(inbox.added(), 3u);
  inbox.TakeAll();
  EXPECT_EQ(inbox.added(), 3u);
}

TEST(InboxTest, ShowsAllInOrderAndTakesNothing) {
  Packets inbox({{2, "a"}, {1, "bcd"}, {2, ""}});
  inbox.TakeBytes(1, 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(inbox.PeekAll(), ElementsAre(Record{2, "a"}, Record{1, "cd"}, Record{2, ""}));
  }
  EXPECT_EQ(inbox.size(), 3u);
}

TEST(InboxTest, KnowsWhichKeysItHas) {
  Packets inbox({{1, "a"}, {2, "b"}});
  EXPECT_FALSE(inbox.empty());
  EXPECT_TRUE(inbox.Has(1));
  EXPECT_FALSE(inbox.Has(3));
  inbox.Take(1);
  EXPECT_FALSE(inbox.Has(1));
  inbox.Take(2);
  EXPECT_TRUE(inbox.empty());
}

TEST(InboxTest, TakesTheOldestThatMatches) {
  Packets inbox({{1, "a"}, {2, "bb"}, {1, "cc"}, {3, "dd"}});
  std::uint64_t examined = 0;
  const auto is_long = [](const Record& packet) { return packet.bytes.size() == 2; };
  EXPECT_THAT(inbox.TakeMatching(is_long, examined), Optional(Record{2, "bb"}));
  examined = 0;
  EXPECT_THAT(inbox.TakeMatching(is_long, examined), Optional(Record{1, "cc"}));
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, "a"}, Record{3, "dd"}));
}

TEST(InboxTest, ExaminesEachRecordOnce) {
  Packets inbox({{1, "a"}, {2, "b"}});
  std::uint64_t examined = 0;
  std::vector<std::string> seen;
  const auto see = [&](const Record& packet) {
    seen.push_back(packet.bytes);
    return packet.bytes == "d";
  };
  EXPECT_EQ(inbox.TakeMatching(see, examined), std::nullopt);
  EXPECT_EQ(examined, 2u);
  EXPECT_THAT(seen, testing::UnorderedElementsAre("a", "b"));
  seen.clear();
  inbox.Add({1, "c"}, kArrival);
  inbox.Add({3, "d"}, kArrival);
  EXPECT_THAT(inbox.TakeMatching(see, examined), Optional(Record{3, "d"}));
  EXPECT_THAT(seen, testing::UnorderedElementsAre("c", "d"));
}

TEST(InboxTest, KeepsAStreamWholeWhenARecordIsTakenFromItsMiddle) {
  Packets inbox({{1, "ab"}, {1, "X"}, {1, "cd"}, {1, ""}, {1, "ef"}, {1, ""}});
  std::uint64_t examined = 0;
  EXPECT_TRUE(inbox.TakeMatching([](const Record& p) { return p.bytes == "X"; }, examined));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 4u);
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("abcd")));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("ef")));
}

TEST(InboxTest, JoinsStreamsWhenTheEndBetweenThemIsTaken) {
  Packets inbox({{1, "ab"}, {1, ""}, {1, "cd"}, {1, ""}});
  std::uint64_t examined = 0;
  EXPECT_TRUE(inbox.TakeMatching([](const Record& p) { return p.bytes.empty(); }, examined));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("abcd")));
}

// ---- Streams by the byte

TEST(InboxStreamTest, GivesBytesJoinedAcrossRecords) {
  Packets inbox({{1, "ab"}, {2, "xy"}, {1, "cd"}, {1, "ef"}});
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 6u);
  EXPECT_THAT(inbox.TakeBytes(1, 5), Optional(std::string("abcde")));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 1u);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{2, "xy"}, Record{1, "f"}));
}

TEST(InboxStreamTest, GivesARecordByteByByte) {
  Packets inbox({{1, "abc"}});
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("a")));
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("b")));
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("c")));
  EXPECT_EQ(inbox.TakeBytes(1, 1), std::nullopt);
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxStreamTest, TakesNothingWhereThereAreFewerBytes) {
  Packets inbox({{1, "ab"}, {1, "c"}});
  EXPECT_EQ(inbox.TakeBytes(1, 4), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, "ab"}, Record{1, "c"}));
}

TEST(InboxStreamTest, GivesNoBytesBeyondTheEnd) {
  Packets inbox({{1, "ab"}, {1, ""}, {1, "cd"}});
  EXPECT_TRUE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 2u);
  EXPECT_EQ(inbox.TakeBytes(1, 3), std::nullopt);
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("ab")));
  EXPECT_EQ(inbox.TakeBytes(1, 1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, ""}, Record{1, "cd"}));
}

TEST(InboxStreamTest, GivesNoBytesOfAnyStreamAtOnce) {
  Packets inbox({Record{1, ""}});
  EXPECT_THAT(inbox.TakeBytes(1, 0), Optional(std::string()));
  EXPECT_THAT(inbox.TakeBytes(2, 0), Optional(std::string()));
  EXPECT_EQ(inbox.size(), 1u);
}

TEST(InboxStreamTest, GivesTheRestOfARecordThatWasTakenInPart) {
  Packets inbox({{1, "abc"}, {2, "x"}, {1, "def"}});
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.Take(1), Optional(Record{1, "c"}));
  inbox.TakeBytes(1, 1);
  EXPECT_THAT(inbox.Take(), Optional(Record{2, "x"})) << "it keeps its place";
  EXPECT_THAT(inbox.Take(), Optional(Record{1, "ef"}));
}

TEST(InboxStreamTest, GivesTheRestOfEachStreamAmongAll) {
  Packets inbox({{1, "abc"}, {2, "xyz"}, {1, "d"}});
  inbox.TakeBytes(2, 1);
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, "c"}, Record{2, "yz"}, Record{1, "d"}));
}

TEST(InboxStreamTest, TakesARecordAsTheStreamMovesOn) {
  Packets inbox({{1, "ab"}, {1, "cd"}});
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("ab")));
  EXPECT_EQ(inbox.size(), 1u);
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("cd")));
}

TEST(InboxStreamTest, GivesAStreamToItsEnd) {
  Packets inbox({{1, "ab"}, {2, "x"}, {1, "cd"}, {1, ""}, {1, "ef"}, {1, ""}});
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("abcd")));
  EXPECT_TRUE(inbox.HasEnd(1));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("ef")));
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{2, "x"}));
}

TEST(InboxStreamTest, GivesAnEmptyStreamToItsEnd) {
  Packets inbox({{1, ""}, {1, ""}});
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string()));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string()));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
}

TEST(InboxStreamTest, GivesTheRestOfAStreamToItsEnd) {
  Packets inbox({{1, "abc"}, {1, "de"}, {1, ""}});
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("cde")));
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxStreamTest, TakesNothingOfAStreamWithoutEnd) {
  Packets inbox({{1, "ab"}, {2, ""}});
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(Record{1, "ab"}, Record{2, ""}));
}

TEST(InboxStreamTest, ForgetsAnEndThatWasTakenAsARecord) {
  Packets inbox({{1, ""}, {1, "ab"}});
  EXPECT_THAT(inbox.Take(1), Optional(Record{1, ""}));
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 2u);
}

// ---- MostRelevant

std::vector<std::uint64_t> Numbers(const std::vector<InboxEntry*>& entries) {
  std::vector<std::uint64_t> numbers;
  for (InboxEntry* const entry : entries) numbers.push_back(entry->number);
  return numbers;
}

TEST(InboxMostRelevantTest, GivesTheNewestFirst) {
  Packets inbox({{1, "a"}, {2, "b"}, {1, "c"}, {3, "d"}});
  EXPECT_THAT(Numbers(inbox.MostRelevant(std::nullopt, 10)), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(Numbers(inbox.MostRelevant(std::nullopt, 2)), ElementsAre(4, 3));
  EXPECT_THAT(Numbers(inbox.MostRelevant(std::nullopt, 0)), IsEmpty());
}

TEST(InboxMostRelevantTest, GivesThoseOfTheKeyBeforeAllOthers) {
  Packets inbox({{1, "a"}, {2, "b"}, {1, "c"}, {3, "d"}});
  EXPECT_THAT(Numbers(inbox.MostRelevant(1, 10)), ElementsAre(3, 1, 4, 2));
  EXPECT_THAT(Numbers(inbox.MostRelevant(1, 3)), ElementsAre(3, 1, 4));
  EXPECT_THAT(Numbers(inbox.MostRelevant(9, 2)), ElementsAre(4, 3));
}

TEST(InboxMostRelevantTest, ShowsTheRecordAndWhenItCame) {
  Packets inbox({{1, "a"}});
  const InboxEntry& entry = *inbox.MostRelevant(std::nullopt, 1).at(0);
  EXPECT_EQ(entry.record, (Record{1, "a"}));
  EXPECT_EQ(entry.when, kArrival);
}

TEST(InboxMostRelevantTest, TakesNothing) {
  Packets inbox({{1, "a"}});
  inbox.MostRelevant(1, 1);
  EXPECT_EQ(inbox.size(), 1u);
}

// ---- Against a model

/// All records in one vector, each of them searched for.
class Model {
 public:
  struct Item {
    std::uint64_t number;
    Record packet;
  };

  void Add(const Record& packet) { items_.push_back({++added_, packet}); }

  std::optional<Record> Take(std::optional<std::uint64_t> key) {
    for (auto item = items_.begin(); item != items_.end(); ++item) {
      if (key && item->packet.key != *key) continue;
      Record packet = item->packet;
      items_.erase(item);
      return packet;
    }
    return std::nullopt;
  }
  std::optional<Record> TakeMatching(char letter) {
    for (auto item = items_.begin(); item != items_.end(); ++item) {
      if (item->packet.bytes.find(letter) == std::string::npos) continue;
      Record packet = item->packet;
      items_.erase(item);
      return packet;
    }
    return std::nullopt;
  }
  std::vector<Record> PeekAll() const {
    std::vector<Record> packets;
    for (const Item& item : items_) packets.push_back(item.packet);
    return packets;
  }
  std::vector<Record> TakeAll() {
    std::vector<Record> packets;
    while (std::optional<Record> packet = Take({})) packets.push_back(*packet);
    return packets;
  }

  std::string BytesBeforeEnd(std::uint64_t key) const {
    std::string bytes;
    for (const Item& item : items_) {
      if (item.packet.key != key) continue;
      if (item.packet.bytes.empty()) break;
      bytes += item.packet.bytes;
    }
    return bytes;
  }
  bool HasEnd(std::uint64_t key) const {
    return std::any_of(items_.begin(), items_.end(), [&](const Item& item) {
      return item.packet.key == key && item.packet.bytes.empty();
    });
  }
  std::optional<std::string> TakeBytes(std::uint64_t key, std::size_t count) {
    const std::string bytes = BytesBeforeEnd(key);
    if (bytes.size() < count) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
      const auto first = std::find_if(items_.begin(), items_.end(),
                                      [&](const Item& item) { return item.packet.key == key; });
      first->packet.bytes.erase(0, 1);
      if (first->packet.bytes.empty()) items_.erase(first);
    }
    return bytes.substr(0, count);
  }
  std::optional<std::string> TakeToEnd(std::uint64_t key) {
    if (!HasEnd(key)) return std::nullopt;
    std::optional<std::string> bytes = TakeBytes(key, BytesBeforeEnd(key).size());
    Take(key);
    return bytes;
  }

  std::vector<std::uint64_t> MostRelevant(std::optional<std::uint64_t> key,
                                          std::size_t count) const {
    std::vector<std::uint64_t> numbers;
    for (const bool close : {true, false}) {
      for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
        const bool is_close = key && item->packet.key == *key;
        if (is_close == close && numbers.size() < count) numbers.push_back(item->number);
      }
    }
    return numbers;
  }
  std::size_t size() const { return items_.size(); }
  std::uint64_t added() const { return added_; }

 private:
  std::vector<Item> items_;
  std::uint64_t added_ = 0;
};

/// Does the same to both, and expects the same of both.
void DoSomething(std::mt19937& random, Packets& inbox, Model& model) {
  const auto up_to = [&](std::uint32_t most) { return random() % (most + 1); };
  const std::uint64_t key = up_to(3);
  switch (up_to(21)) {
    case 20:
      EXPECT_EQ(inbox.PeekAll(), model.PeekAll());
      break;
    case 21: {
      const char letter = static_cast<char>('a' + up_to(25));
      std::uint64_t examined = 0;
      EXPECT_EQ(
          inbox.TakeMatching(
              [&](const Record& packet) { return packet.bytes.find(letter) != std::string::npos; },
              examined),
          model.TakeMatching(letter))
          << letter;
      break;
    }
    case 0:
      EXPECT_EQ(inbox.Take(), model.Take({}));
      break;
    case 1:
    case 2:
      EXPECT_EQ(inbox.Take(key), model.Take(key));
      break;
    case 3:
      if (up_to(9) == 0) {
        EXPECT_EQ(inbox.TakeAll(), model.TakeAll());
      }
      break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: {
      const std::size_t count = up_to(6);
      EXPECT_EQ(inbox.TakeBytes(key, count), model.TakeBytes(key, count)) << count;
      break;
    }
    case 9:
      EXPECT_EQ(inbox.TakeToEnd(key), model.TakeToEnd(key));
      break;
    case 10: {
      const std::size_t count = up_to(12);
      EXPECT_EQ(Numbers(inbox.MostRelevant(key, count)), model.MostRelevant(key, count)) << count;
      EXPECT_EQ(Numbers(inbox.MostRelevant({}, count)), model.MostRelevant({}, count)) << count;
      break;
    }
    default: {
      Record packet{key, std::string(up_to(4), '\0')};
      for (char& byte : packet.bytes) byte = static_cast<char>('a' + up_to(25));
      model.Add(packet);
      inbox.Add(std::move(packet), kArrival);
    }
  }
}

TEST(InboxModelTest, BehavesAsAVector) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    Packets inbox;
    Model model;
    for (int step = 0; step < 400; ++step) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", step " << step);
      DoSomething(random, inbox, model);
      EXPECT_EQ(inbox.size(), model.size());
      EXPECT_EQ(inbox.added(), model.added());
      for (std::uint64_t key = 0; key <= 4; ++key) {
        EXPECT_EQ(inbox.BytesBeforeEnd(key), model.BytesBeforeEnd(key).size()) << "seq " << key;
        EXPECT_EQ(inbox.HasEnd(key), model.HasEnd(key)) << "seq " << key;
      }
      if (HasFailure()) return;  // the first difference is the one that tells
    }
    EXPECT_EQ(inbox.TakeAll(), model.TakeAll()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hyperstart::detail
