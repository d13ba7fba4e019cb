// Between the records of an inbox and the values that users see. Any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

inline Record ToRecord(DecodedMessage message) {
  return {static_cast<std::uint64_t>(message.command), std::move(message.payload)};
}
inline Record ToRecord(IoPacket packet) { return {packet.seq, std::move(packet.data)}; }

inline DecodedMessage ToMessage(Record record) {
  return {static_cast<Command>(record.key), std::move(record.bytes)};
}
inline IoPacket ToPacket(Record record) { return {record.key, std::move(record.bytes)}; }

inline std::vector<DecodedMessage> ToMessages(std::vector<Record> records) {
  std::vector<DecodedMessage> messages;
  messages.reserve(records.size());
  for (Record& record : records) messages.push_back(ToMessage(std::move(record)));
  return messages;
}
inline std::vector<IoPacket> ToPackets(std::vector<Record> records) {
  std::vector<IoPacket> packets;
  packets.reserve(records.size());
  for (Record& record : records) packets.push_back(ToPacket(std::move(record)));
  return packets;
}

// A record as a value, to look at: it borrows the record's bytes and gives them back at its end.

class BorrowedMessage {
 public:
  explicit BorrowedMessage(Record& record)
      : record_(record), value_(ToMessage(std::move(record))) {}
  BorrowedMessage(const BorrowedMessage&) = delete;
  BorrowedMessage& operator=(const BorrowedMessage&) = delete;
  ~BorrowedMessage() { record_.bytes = std::move(value_.payload); }
  const DecodedMessage& operator*() const { return value_; }

 private:
  Record& record_;
  DecodedMessage value_;
};

class BorrowedPacket {
 public:
  explicit BorrowedPacket(Record& record) : record_(record), value_(ToPacket(std::move(record))) {}
  BorrowedPacket(const BorrowedPacket&) = delete;
  BorrowedPacket& operator=(const BorrowedPacket&) = delete;
  ~BorrowedPacket() { record_.bytes = std::move(value_.data); }
  const IoPacket& operator*() const { return value_; }

 private:
  Record& record_;
  IoPacket value_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_
