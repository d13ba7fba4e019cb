// Records of one kind in the order of their arrival, which can also be taken by key (a command, a
// stream's seq) and, for streams, by the byte. Every take costs the same however many records are
// there. Not synchronised: its owner, the mailbox, locks.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

using Clock = std::chrono::steady_clock;

inline Command KeyOf(const DecodedMessage& message) { return message.command; }
inline std::uint64_t KeyOf(const IoPacket& packet) { return packet.seq; }
inline const std::string& BytesOf(const DecodedMessage& message) { return message.payload; }
inline const std::string& BytesOf(const IoPacket& packet) { return packet.data; }
/// Where a stream ends; a message without payload ends nothing.
inline bool EndsStream(const DecodedMessage&) { return false; }
inline bool EndsStream(const IoPacket& packet) { return packet.eof(); }
inline void DropFront(DecodedMessage& message, std::size_t bytes) {
  message.payload.erase(0, bytes);
}
inline void DropFront(IoPacket& packet, std::size_t bytes) { packet.data.erase(0, bytes); }

template <typename Record>
class Inbox {
 public:
  using Key = decltype(KeyOf(std::declval<Record>()));

  struct Entry {
    std::uint64_t number;  // 1, 2, 3, … in the order of arrival
    Clock::time_point when;
    Record record;
  };

  void Add(Record record, Clock::time_point when) {
    const Key key = KeyOf(record);
    Queue& queue = queues_[key];
    if (queue.entries.empty()) heads_.emplace(added_ + 1, key);
    queue.added += BytesOf(record).size();
    if (EndsStream(record)) queue.ends.push_back(queue.added);
    queue.entries.push_back({++added_, when, std::move(record)});
  }

  /// The oldest of all.
  std::optional<Record> Take() {
    if (heads_.empty()) return std::nullopt;
    return TakeHead(queues_.find(heads_.begin()->second));
  }

  /// The oldest with that key.
  std::optional<Record> Take(const Key& key) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end()) return std::nullopt;
    return TakeHead(queue);
  }

  /// All of them, oldest first.
  std::vector<Record> TakeAll() {
    std::vector<std::pair<std::uint64_t, Record>> all;
    for (auto& [key, queue] : queues_) {
      DropUsed(queue);
      for (Entry& entry : queue.entries) all.emplace_back(entry.number, std::move(entry.record));
    }
    queues_.clear();
    heads_.clear();
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::vector<Record> records;
    records.reserve(all.size());
    for (auto& [number, record] : all) records.push_back(std::move(record));
    return records;
  }

  /// Exactly `count` bytes of the stream, joined across records; nothing, and nothing is taken,
  /// where there are fewer before its end.
  std::optional<std::string> TakeBytes(const Key& key, std::size_t count) {
    if (BytesBeforeEnd(key) < count) return std::nullopt;
    std::string bytes;
    for (auto queue = queues_.find(key); bytes.size() < count;) {
      const std::string& head = BytesOf(queue->second.entries.front().record);
      const std::size_t part = std::min(count - bytes.size(), head.size() - queue->second.used);
      bytes.append(head, queue->second.used, part);
      queue->second.used += part;
      if (queue->second.used == head.size()) TakeHead(queue);
    }
    return bytes;
  }

  /// The stream up to its end, which goes too; nothing, and nothing is taken, where that has not
  /// come.
  std::optional<std::string> TakeToEnd(const Key& key) {
    if (!HasEnd(key)) return std::nullopt;
    std::optional<std::string> bytes = TakeBytes(key, BytesBeforeEnd(key));
    TakeHead(queues_.find(key));
    return bytes;
  }

  /// How many bytes of the stream are there, up to its end if that has come.
  std::size_t BytesBeforeEnd(const Key& key) const {
    const auto found = queues_.find(key);
    if (found == queues_.end()) return 0;
    const Queue& queue = found->second;
    return (queue.ends.empty() ? queue.added : queue.ends.front()) - queue.taken - queue.used;
  }

  bool HasEnd(const Key& key) const {
    const auto found = queues_.find(key);
    return found != queues_.end() && !found->second.ends.empty();
  }

  std::size_t size() const {
    std::size_t size = 0;
    for (const auto& [key, queue] : queues_) size += queue.entries.size();
    return size;
  }

  /// How many have ever been added.
  std::uint64_t added() const { return added_; }

  /// At most `count` of what is there, those with `closest` for a key first, then the newest.
  std::vector<const Entry*> Closest(const std::optional<Key>& closest, std::size_t count) {
    std::vector<const Entry*> entries;
    for (auto& [key, queue] : queues_) {
      DropUsed(queue);
      // No more than `count` of one queue can be among the first `count` of all.
      const std::size_t last = std::min(count, queue.entries.size());
      for (auto entry = queue.entries.end() - static_cast<std::ptrdiff_t>(last);
           entry != queue.entries.end(); ++entry) {
        entries.push_back(&*entry);
      }
    }
    std::sort(entries.begin(), entries.end(), [&](const Entry* a, const Entry* b) {
      const bool a_close = KeyOf(a->record) == closest;
      const bool b_close = KeyOf(b->record) == closest;
      return a_close != b_close ? a_close : a->number > b->number;
    });
    entries.resize(std::min(count, entries.size()));
    return entries;
  }

 private:
  struct Queue {
    std::deque<Entry> entries;    // never empty
    std::size_t added = 0;        // bytes, ever
    std::size_t taken = 0;        // of those, in entries that are gone, or cut off the first
    std::size_t used = 0;         // bytes of the first entry that were taken, but not cut off yet
    std::list<std::size_t> ends;  // how many were added before each end of the stream
  };
  using Queues = std::map<Key, Queue>;

  static void DropUsed(Queue& queue) {
    DropFront(queue.entries.front().record, queue.used);
    queue.taken += queue.used;
    queue.used = 0;
  }

  Record TakeHead(typename Queues::iterator at) {
    Queue& queue = at->second;
    if (EndsStream(queue.entries.front().record)) queue.ends.pop_front();
    DropUsed(queue);
    heads_.erase(queue.entries.front().number);
    Record record = std::move(queue.entries.front().record);
    queue.entries.pop_front();
    queue.taken += BytesOf(record).size();
    if (queue.entries.empty()) {
      queues_.erase(at);
    } else {
      heads_.emplace(queue.entries.front().number, at->first);
    }
    return record;
  }

  Queues queues_;
  std::map<std::uint64_t, Key> heads_;  // the first entry of each queue, by number
  std::uint64_t added_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_
