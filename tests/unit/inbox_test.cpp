// Records by order, by key and by the byte; at the end, against a model too simple to be wrong.

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

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

using Packets = Inbox<IoPacket>;
using Messages = Inbox<DecodedMessage>;

const Clock::time_point kNow = Clock::now();

Packets PacketsOf(std::vector<IoPacket> packets) {
  Packets inbox;
  for (IoPacket& packet : packets) inbox.Add(std::move(packet), kNow);
  return inbox;
}

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
  EXPECT_THAT(inbox.Closest(std::nullopt, 10), IsEmpty());
}

TEST(InboxTest, GivesTheOldestFirst) {
  Packets inbox = PacketsOf({{2, "a"}, {1, "b"}, {2, "c"}});
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{2, "a"}));
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{1, "b"}));
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{2, "c"}));
  EXPECT_EQ(inbox.Take(), std::nullopt);
}

TEST(InboxTest, GivesTheOldestOfAKeyAndLeavesTheRestInOrder) {
  Packets inbox = PacketsOf({{1, "a"}, {2, "b"}, {1, "c"}, {2, "d"}, {3, "e"}});
  EXPECT_THAT(inbox.Take(2), Optional(IoPacket{2, "b"}));
  EXPECT_EQ(inbox.Take(4), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(),
              ElementsAre(IoPacket{1, "a"}, IoPacket{1, "c"}, IoPacket{2, "d"}, IoPacket{3, "e"}));
}

TEST(InboxTest, GivesMessagesByTheirCommand) {
  Messages inbox;
  inbox.Add({Command::kPing, ""}, kNow);
  inbox.Add({Command::kStartPod, "first"}, kNow);
  inbox.Add({Command::kStartPod, "second"}, kNow);
  EXPECT_THAT(inbox.Take(Command::kStartPod),
              Optional(DecodedMessage{Command::kStartPod, "first"}));
  EXPECT_THAT(inbox.Take(), Optional(DecodedMessage{Command::kPing, ""}));
  EXPECT_THAT(inbox.Take(Command::kStartPod),
              Optional(DecodedMessage{Command::kStartPod, "second"}));
  EXPECT_EQ(inbox.Take(Command::kPing), std::nullopt);
}

TEST(InboxTest, GivesAllOnlyOnce) {
  Packets inbox = PacketsOf({{1, "a"}, {2, ""}});
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{1, "a"}, IoPacket{2, ""}));
  EXPECT_THAT(inbox.TakeAll(), IsEmpty());
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxTest, GoesOnAfterAllWereTaken) {
  Packets inbox = PacketsOf({{1, "abc"}, {1, ""}});
  inbox.TakeAll();
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 0u);
  inbox.Add({1, "d"}, kNow);
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 1u);
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{1, "d"}));
}

TEST(InboxTest, CountsWhatIsThereAndWhatEverCame) {
  Packets inbox = PacketsOf({{1, "a"}, {2, "b"}, {1, "c"}});
  EXPECT_EQ(inbox.size(), 3u);
  EXPECT_EQ(inbox.added(), 3u);
  inbox.Take();
  inbox.Take(1);
  EXPECT_EQ(inbox.size(), 1u);
  EXPECT_EQ(inbox.added(), 3u);
  inbox.TakeAll();
  EXPECT_EQ(inbox.added(), 3u);
}

// ---- Streams by the byte

TEST(InboxStreamTest, GivesBytesJoinedAcrossRecords) {
  Packets inbox = PacketsOf({{1, "ab"}, {2, "xy"}, {1, "cd"}, {1, "ef"}});
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 6u);
  EXPECT_THAT(inbox.TakeBytes(1, 5), Optional(std::string("abcde")));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 1u);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{2, "xy"}, IoPacket{1, "f"}));
}

TEST(InboxStreamTest, GivesARecordByteByByte) {
  Packets inbox = PacketsOf({{1, "abc"}});
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("a")));
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("b")));
  EXPECT_THAT(inbox.TakeBytes(1, 1), Optional(std::string("c")));
  EXPECT_EQ(inbox.TakeBytes(1, 1), std::nullopt);
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxStreamTest, TakesNothingWhereThereAreFewerBytes) {
  Packets inbox = PacketsOf({{1, "ab"}, {1, "c"}});
  EXPECT_EQ(inbox.TakeBytes(1, 4), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{1, "ab"}, IoPacket{1, "c"}));
}

TEST(InboxStreamTest, GivesNoBytesBeyondTheEnd) {
  Packets inbox = PacketsOf({{1, "ab"}, {1, ""}, {1, "cd"}});
  EXPECT_TRUE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 2u);
  EXPECT_EQ(inbox.TakeBytes(1, 3), std::nullopt);
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("ab")));
  EXPECT_EQ(inbox.TakeBytes(1, 1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{1, ""}, IoPacket{1, "cd"}));
}

TEST(InboxStreamTest, GivesNoBytesOfAnyStreamAtOnce) {
  Packets inbox = PacketsOf({{1, ""}});
  EXPECT_THAT(inbox.TakeBytes(1, 0), Optional(std::string()));
  EXPECT_THAT(inbox.TakeBytes(2, 0), Optional(std::string()));
  EXPECT_EQ(inbox.size(), 1u);
}

TEST(InboxStreamTest, GivesTheRestOfARecordThatWasTakenInPart) {
  Packets inbox = PacketsOf({{1, "abc"}, {2, "x"}, {1, "def"}});
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.Take(1), Optional(IoPacket{1, "c"}));
  inbox.TakeBytes(1, 1);
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{2, "x"})) << "it keeps its place";
  EXPECT_THAT(inbox.Take(), Optional(IoPacket{1, "ef"}));
}

TEST(InboxStreamTest, GivesTheRestOfEachStreamAmongAll) {
  Packets inbox = PacketsOf({{1, "abc"}, {2, "xyz"}, {1, "d"}});
  inbox.TakeBytes(2, 1);
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{1, "c"}, IoPacket{2, "yz"}, IoPacket{1, "d"}));
}

TEST(InboxStreamTest, TakesARecordAsTheStreamMovesOn) {
  Packets inbox = PacketsOf({{1, "ab"}, {1, "cd"}});
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("ab")));
  EXPECT_EQ(inbox.size(), 1u);
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeBytes(1, 2), Optional(std::string("cd")));
}

TEST(InboxStreamTest, GivesAStreamToItsEnd) {
  Packets inbox = PacketsOf({{1, "ab"}, {2, "x"}, {1, "cd"}, {1, ""}, {1, "ef"}, {1, ""}});
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("abcd")));
  EXPECT_TRUE(inbox.HasEnd(1));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("ef")));
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{2, "x"}));
}

TEST(InboxStreamTest, GivesAnEmptyStreamToItsEnd) {
  Packets inbox = PacketsOf({{1, ""}, {1, ""}});
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string()));
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string()));
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
}

TEST(InboxStreamTest, GivesTheRestOfAStreamToItsEnd) {
  Packets inbox = PacketsOf({{1, "abc"}, {1, "de"}, {1, ""}});
  inbox.TakeBytes(1, 2);
  EXPECT_THAT(inbox.TakeToEnd(1), Optional(std::string("cde")));
  EXPECT_EQ(inbox.size(), 0u);
}

TEST(InboxStreamTest, TakesNothingOfAStreamWithoutEnd) {
  Packets inbox = PacketsOf({{1, "ab"}, {2, ""}});
  EXPECT_EQ(inbox.TakeToEnd(1), std::nullopt);
  EXPECT_THAT(inbox.TakeAll(), ElementsAre(IoPacket{1, "ab"}, IoPacket{2, ""}));
}

TEST(InboxStreamTest, ForgetsAnEndThatWasTakenAsARecord) {
  Packets inbox = PacketsOf({{1, ""}, {1, "ab"}});
  EXPECT_THAT(inbox.Take(1), Optional(IoPacket{1, ""}));
  EXPECT_FALSE(inbox.HasEnd(1));
  EXPECT_EQ(inbox.BytesBeforeEnd(1), 2u);
}

// ---- Closest

std::vector<std::uint64_t> Numbers(const std::vector<const Packets::Entry*>& entries) {
  std::vector<std::uint64_t> numbers;
  for (const Packets::Entry* const entry : entries) numbers.push_back(entry->number);
  return numbers;
}

TEST(InboxClosestTest, GivesTheNewestFirst) {
  Packets inbox = PacketsOf({{1, "a"}, {2, "b"}, {1, "c"}, {3, "d"}});
  EXPECT_THAT(Numbers(inbox.Closest(std::nullopt, 10)), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(Numbers(inbox.Closest(std::nullopt, 2)), ElementsAre(4, 3));
  EXPECT_THAT(Numbers(inbox.Closest(std::nullopt, 0)), IsEmpty());
}

TEST(InboxClosestTest, GivesThoseOfTheKeyBeforeAllOthers) {
  Packets inbox = PacketsOf({{1, "a"}, {2, "b"}, {1, "c"}, {3, "d"}});
  EXPECT_THAT(Numbers(inbox.Closest(1, 10)), ElementsAre(3, 1, 4, 2));
  EXPECT_THAT(Numbers(inbox.Closest(1, 3)), ElementsAre(3, 1, 4));
  EXPECT_THAT(Numbers(inbox.Closest(9, 2)), ElementsAre(4, 3));
}

TEST(InboxClosestTest, ShowsTheRecordAndWhenItCame) {
  Packets inbox = PacketsOf({{1, "a"}});
  const Packets::Entry& entry = *inbox.Closest(std::nullopt, 1).at(0);
  EXPECT_EQ(entry.record, (IoPacket{1, "a"}));
  EXPECT_EQ(entry.when, kNow);
}

TEST(InboxClosestTest, TakesNothing) {
  Packets inbox = PacketsOf({{1, "a"}});
  inbox.Closest(1, 1);
  EXPECT_EQ(inbox.size(), 1u);
}

// ---- Against a model

/// All records in one vector, each of them searched for.
class Model {
 public:
  struct Item {
    std::uint64_t number;
    IoPacket packet;
  };

  void Add(const IoPacket& packet) { items_.push_back({++added_, packet}); }

  std::optional<IoPacket> Take(std::optional<std::uint64_t> key) {
    for (auto item = items_.begin(); item != items_.end(); ++item) {
      if (key && item->packet.seq != *key) continue;
      const IoPacket packet = item->packet;
      items_.erase(item);
      return packet;
    }
    return std::nullopt;
  }
  std::vector<IoPacket> TakeAll() {
    std::vector<IoPacket> packets;
    while (std::optional<IoPacket> packet = Take({})) packets.push_back(*packet);
    return packets;
  }

  std::string BytesBeforeEnd(std::uint64_t key) const {
    std::string bytes;
    for (const Item& item : items_) {
      if (item.packet.seq != key) continue;
      if (item.packet.eof()) break;
      bytes += item.packet.data;
    }
    return bytes;
  }
  bool HasEnd(std::uint64_t key) const {
    return std::any_of(items_.begin(), items_.end(), [&](const Item& item) {
      return item.packet.seq == key && item.packet.eof();
    });
  }
  std::optional<std::string> TakeBytes(std::uint64_t key, std::size_t count) {
    const std::string bytes = BytesBeforeEnd(key);
    if (bytes.size() < count) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
      const auto first = std::find_if(items_.begin(), items_.end(),
                                      [&](const Item& item) { return item.packet.seq == key; });
      first->packet.data.erase(0, 1);
      if (first->packet.eof()) items_.erase(first);
    }
    return bytes.substr(0, count);
  }
  std::optional<std::string> TakeToEnd(std::uint64_t key) {
    if (!HasEnd(key)) return std::nullopt;
    std::optional<std::string> bytes = TakeBytes(key, BytesBeforeEnd(key).size());
    Take(key);
    return bytes;
  }

  std::vector<std::uint64_t> Closest(std::optional<std::uint64_t> key, std::size_t count) const {
    std::vector<std::uint64_t> numbers;
    for (const bool close : {true, false}) {
      for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
        const bool is_close = key && item->packet.seq == *key;
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
void DoAnything(std::mt19937& random, Packets& inbox, Model& model) {
  const auto up_to = [&](std::uint32_t most) { return random() % (most + 1); };
  const std::uint64_t key = up_to(3);
  switch (up_to(19)) {
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
      EXPECT_EQ(Numbers(inbox.Closest(key, count)), model.Closest(key, count)) << count;
      EXPECT_EQ(Numbers(inbox.Closest({}, count)), model.Closest({}, count)) << count;
      break;
    }
    default: {
      IoPacket packet{key, std::string(up_to(4), '\0')};
      for (char& byte : packet.data) byte = static_cast<char>('a' + up_to(25));
      model.Add(packet);
      inbox.Add(std::move(packet), kNow);
    }
  }
}

TEST(InboxModelTest, DoesWhatAVectorDoes) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    Packets inbox;
    Model model;
    for (int step = 0; step < 400; ++step) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", step " << step);
      DoAnything(random, inbox, model);
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
