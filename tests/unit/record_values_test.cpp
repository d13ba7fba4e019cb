// Records become messages and packets, and come back whole.

#include "mock_hyperstart/detail/agent/record_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/compared_record.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;

TEST(RecordValuesTest, KeepCommandAndPayloadOfAMessage) {
  const DecodedMessage message{Command::kStartPod, "{}"};
  EXPECT_EQ(FromRecord<DecodedMessage>(ToRecord(message)), message);
  EXPECT_EQ(ToRecord(message).key, 1u);
}

TEST(RecordValuesTest, KeepSeqAndDataOfAPacket) {
  const IoPacket packet{0xffffffffffffffff, "data"};
  EXPECT_EQ(FromRecord<IoPacket>(ToRecord(packet)), packet);
}

TEST(RecordValuesTest, KeepTheOrderOfSeveral) {
  EXPECT_THAT(FromRecords<IoPacket>({{1, "a"}, {2, ""}}),
              ElementsAre(IoPacket{1, "a"}, IoPacket{2, ""}));
  EXPECT_THAT(
      FromRecords<DecodedMessage>({{12, ""}, {1, "b"}}),
      ElementsAre(DecodedMessage{Command::kPing, ""}, DecodedMessage{Command::kStartPod, "b"}));
}

TEST(RecordValuesTest, GiveTheBytesBackThatTheyBorrow) {
  Record record{7, std::string(100, 'x')};
  {
    const Borrowed<IoPacket> packet(record);
    EXPECT_EQ(*packet, (IoPacket{7, std::string(100, 'x')}));
  }
  {
    const Borrowed<DecodedMessage> message(record);
    EXPECT_EQ((*message).payload, std::string(100, 'x'));
  }
  EXPECT_EQ(record.bytes, std::string(100, 'x'));
}

}  // namespace
}  // namespace hyperstart::detail
