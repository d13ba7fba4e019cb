// Between the records of an inbox and the values that users see. Any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_

#include <cstdint>
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

/// Where such values come from.
template <typename Value>
inline constexpr Channel kChannelOf = Channel::kIo;
template <>
inline constexpr Channel kChannelOf<DecodedMessage> = Channel::kCtl;

/// The record as a DecodedMessage or an IoPacket.
template <typename Value>
Value FromRecord(Record record);
template <>
inline DecodedMessage FromRecord(Record record) {
  return {static_cast<Command>(record.key), std::move(record.bytes)};
}
template <>
inline IoPacket FromRecord(Record record) {
  return {record.key, std::move(record.bytes)};
}

template <typename Value>
std::vector<Value> FromRecords(std::vector<Record> records) {
  std::vector<Value> values;
  values.reserve(records.size());
  for (Record& record : records) values.push_back(FromRecord<Value>(std::move(record)));
  return values;
}

/// A record as a value, to look at: it borrows the record's bytes and gives them back at its end.
template <typename Value>
class Borrowed {
 public:
  explicit Borrowed(Record& record)
      : record_(record), value_(FromRecord<Value>(std::move(record))) {}
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() { record_ = ToRecord(std::move(value_)); }
  const Value& operator*() const { return value_; }

 private:
  Record& record_;
  Value value_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_RECORD_VALUES_HPP_
