// Records in the order of their arrival, which can also be taken by key (a command, a stream's
// seq), by criterion and, for streams, by the byte. To take by order or key costs the same however
// many records are there. With a limit, the oldest ones are dropped beyond it: then it gives no
// record in place of an older one that was dropped, and no stream without its beginning. Does not
// know whether its records are messages or packets: one class serves both, which halves what it
// costs to compile. Not synchronised: its owner, the records, locks.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"

namespace hyperstart::detail {

/// A message, whose key is its command, or an io packet, whose key is its seq.
struct Record {
  std::uint64_t key;
  std::string bytes;
};

/// An entry of an Inbox.
struct InboxEntry {
  std::uint64_t number;  // 1, 2, 3, ... in the order of arrival
  Clock::time_point when;
  Record record;
};

class Inbox {
 public:
  /// Whether a record without bytes is the end of its stream, as for packets. A message without
  /// payload ends nothing.
  enum class EmptyRecords { kEndStreams, kAreOrdinary };

  explicit Inbox(EmptyRecords empty_records) : empty_records_(empty_records) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// The oldest records are dropped when an Add makes the memory of all, which is estimated, more
  /// than `bytes`. The newest one stays, however large it is.
  void SetLimit(std::size_t bytes) { limit_ = bytes; }
  std::size_t limit() const { return limit_; }

  void Add(Record record, Clock::time_point when) {
    const std::uint64_t key = record.key;
    if (newest_ == queues_.end() || newest_->first != key) newest_ = queues_.try_emplace(key).first;
    Queue& queue = newest_->second;
    ++added_;
    if (queue.entries.empty()) heads_.emplace(added_, newest_);
    queue.added += record.bytes.size();
    bytes_ += record.bytes.size();
    if (EndsStream(record)) queue.ends.push_back(queue.added);
    queue.entries.push_back({added_, when, std::move(record)});
    ++size_;
    while (size_ > 1 && Memory() > limit_) DropOldest();
  }

  /// The oldest of all. Nothing, if HasLost.
  std::optional<Record> Take() {
    if (heads_.empty() || HasLost(std::nullopt)) return std::nullopt;
    return TakeHead(heads_.begin()->second);
  }

  /// The oldest with that key. Nothing, if HasLost.
  std::optional<Record> Take(std::uint64_t key) {
    const auto queue = Find(key);
    if (queue == queues_.end() || HasLost(key)) return std::nullopt;
    return TakeHead(queue);
  }

  /// The oldest that is there and `matches`, among those with a number above `examined`, which is
  /// set to the number of the newest record: what was examined once is not examined again.
  template <typename Matches>
  std::optional<Record> TakeMatching(const Matches& matches, std::uint64_t& examined) {
    std::vector<std::pair<Queues::iterator, std::size_t>> found;
    for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) {
      auto& entries = queue->second.entries;
      auto entry = std::partition_point(entries.begin(), entries.end(),
                                        [&](const InboxEntry& e) { return e.number <= examined; });
      for (; entry != entries.end(); ++entry) {
        if (!found.empty() && entry->number > NumberOf(found.front())) break;
        DropConsumed(queue->second);
        if (!matches(entry->record)) continue;
        found.assign(1, {queue, static_cast<std::size_t>(entry - entries.begin())});
        break;
      }
    }
    examined = added_;
    if (found.empty()) return std::nullopt;
    return TakeAt(found.front().first, found.front().second);
  }

  /// All of them, oldest first. Nothing is lost after it.
  std::vector<Record> TakeAll() {
    std::vector<Record> records;
    records.reserve(size_);
    for (InboxEntry* const entry : InOrder()) records.push_back(std::move(entry->record));
    queues_.clear();
    heads_.clear();
    newest_ = queues_.end();
    size_ = bytes_ = 0;
    lost_.clear();
    lost_more_ = false;
    return records;
  }

  /// A copy of all of them, oldest first.
  std::vector<Record> PeekAll() {
    std::vector<Record> records;
    records.reserve(size_);
    for (const InboxEntry* const entry : InOrder()) records.push_back(entry->record);
    return records;
  }

  /// Exactly `count` bytes of the stream, joined across records. Takes nothing if there are fewer
  /// before its end, or if HasLost.
  std::optional<std::string> TakeBytes(std::uint64_t key, std::size_t count) {
    if (BytesBeforeEnd(key) < count || HasLost(key)) return std::nullopt;
    std::string bytes;
    bytes.reserve(count);
    for (auto queue = Find(key); bytes.size() < count;) {
      const std::string& head = queue->second.entries.front().record.bytes;
      const std::size_t part = std::min(count - bytes.size(), head.size() - queue->second.consumed);
      bytes.append(head, queue->second.consumed, part);
      queue->second.consumed += part;
      if (queue->second.consumed == head.size()) TakeHead(queue);
    }
    return bytes;
  }

  /// The stream up to its end, which is taken, too. Takes nothing if the end has not come, or
  /// if HasLost.
  std::optional<std::string> TakeToEnd(std::uint64_t key) {
    if (!HasEnd(key) || HasLost(key)) return std::nullopt;
    std::optional<std::string> bytes = TakeBytes(key, BytesBeforeEnd(key));
    TakeHead(Find(key));
    return bytes;
  }

  /// How many bytes of the stream are there, up to its end if that has come.
  std::size_t BytesBeforeEnd(std::uint64_t key) const {
    const auto found = queues_.find(key);
    if (found == queues_.end()) return 0;
    const Queue& queue = found->second;
    return (queue.ends.empty() ? queue.added : queue.ends.front()) - queue.taken - queue.consumed;
  }

  bool HasEnd(std::uint64_t key) const {
    const auto found = queues_.find(key);
    return found != queues_.end() && !found->second.ends.empty();
  }

  bool Has(std::uint64_t key) const {
    const auto found = queues_.find(key);
    return found != queues_.end() && !found->second.entries.empty();
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// How many have ever been added, and how many of those were dropped.
  std::uint64_t added() const { return added_; }
  std::uint64_t dropped() const { return dropped_; }
  /// Whether some were dropped since the last call.
  bool HasDroppedMore() { return std::exchange(asked_, dropped_) != dropped_; }

  /// Whether records were dropped since the last TakeAll; with a key, of those. Of very many keys,
  /// it may say so of more.
  bool HasLost(std::optional<std::uint64_t> key) const {
    if (lost_.empty()) return false;
    return !key || lost_more_ || lost_.count(*key) > 0;
  }
  /// Grows when HasLost becomes true of another key. Zero: of none.
  std::size_t lost_keys() const { return lost_.size() + (lost_more_ ? 1 : 0); }

  /// At most `count` of what is there: those with the key `wanted` first, then the newest.
  std::vector<InboxEntry*> MostRelevant(std::optional<std::uint64_t> wanted, std::size_t count) {
    std::vector<InboxEntry*> entries;
    for (auto& [key, queue] : queues_) {
      if (queue.entries.empty()) continue;
      DropConsumed(queue);
      // No more than `count` of one queue can be among the first `count` of all.
      const std::size_t last = std::min(count, queue.entries.size());
      for (auto entry = queue.entries.end() - static_cast<std::ptrdiff_t>(last);
           entry != queue.entries.end(); ++entry) {
        entries.push_back(&*entry);
      }
    }
    std::sort(entries.begin(), entries.end(), [&](const InboxEntry* a, const InboxEntry* b) {
      const bool a_is_wanted = a->record.key == wanted;
      const bool b_is_wanted = b->record.key == wanted;
      return a_is_wanted != b_is_wanted ? a_is_wanted : a->number > b->number;
    });
    entries.resize(std::min(count, entries.size()));
    return entries;
  }

 private:
  struct Queue {
    std::deque<InboxEntry> entries;
    std::size_t added = 0;        // bytes, ever
    std::size_t taken = 0;        // of those, in entries that are gone, or cut off the first
    std::size_t consumed = 0;     // bytes of the first entry that were taken, but not cut off yet
    std::list<std::size_t> ends;  // how many were added before each end of the stream
  };
  using Queues = std::map<std::uint64_t, Queue>;

  /// The queues of so many keys stay when they are empty, which saves their making and removal.
  static constexpr std::size_t kKeptQueues = 64;

  /// What a record takes besides its bytes, and a queue besides its records, with the first blocks
  /// of its containers.
  static constexpr std::size_t kRecordMemory = 128;
  static constexpr std::size_t kQueueMemory = 1024;
  /// So many keys are known of which records were dropped. Beyond, all count as such.
  static constexpr std::size_t kMostLost = 10'000;

  std::size_t Memory() const {
    return bytes_ + size_ * kRecordMemory + heads_.size() * kQueueMemory;
  }

  void DropOldest() {
    const auto queue = heads_.begin()->second;
    if (lost_.size() < kMostLost) {
      lost_.insert(queue->first);
    } else if (lost_.count(queue->first) == 0) {
      lost_more_ = true;
    }
    ++dropped_;
    TakeHead(queue);
  }

  Queues::iterator Find(std::uint64_t key) {
    const auto queue = queues_.find(key);
    return queue == queues_.end() || queue->second.entries.empty() ? queues_.end() : queue;
  }

  static std::uint64_t NumberOf(const std::pair<Queues::iterator, std::size_t>& at) {
    return at.first->second.entries[at.second].number;
  }

  /// Cuts off the first record what TakeBytes has taken of it.
  void DropConsumed(Queue& queue) {
    if (queue.consumed == 0) return;
    queue.entries.front().record.bytes.erase(0, queue.consumed);
    queue.taken += queue.consumed;
    bytes_ -= queue.consumed;
    queue.consumed = 0;
  }

  std::vector<InboxEntry*> InOrder() {
    std::vector<InboxEntry*> entries;
    entries.reserve(size_);
    for (auto& [key, queue] : queues_) {
      if (queue.entries.empty()) continue;
      DropConsumed(queue);
      for (InboxEntry& entry : queue.entries) entries.push_back(&entry);
    }
    std::sort(entries.begin(), entries.end(),
              [](const InboxEntry* a, const InboxEntry* b) { return a->number < b->number; });
    return entries;
  }

  Record TakeHead(Queues::iterator at) {
    Queue& queue = at->second;
    // Before the bytes that TakeBytes has taken are cut off, which may leave none.
    if (EndsStream(queue.entries.front().record)) queue.ends.pop_front();
    DropConsumed(queue);
    const std::uint64_t number = queue.entries.front().number;
    Record record = std::move(queue.entries.front().record);
    queue.entries.pop_front();
    --size_;
    queue.taken += record.bytes.size();
    bytes_ -= record.bytes.size();
    MoveHead(number, at);
    return record;
  }

  /// One that may be in the middle of its queue, whose stream then lacks its bytes.
  Record TakeAt(Queues::iterator at, std::size_t index) {
    if (index == 0) return TakeHead(at);
    Queue& queue = at->second;
    const auto entry = queue.entries.begin() + static_cast<std::ptrdiff_t>(index);
    RemoveFromStream(queue, index);
    Record record = std::move(entry->record);
    queue.entries.erase(entry);
    --size_;
    return record;
  }

  /// The ends behind an entry that goes come earlier by its bytes; if it is an end, that goes.
  void RemoveFromStream(Queue& queue, std::size_t index) {
    auto end = queue.ends.begin();
    for (std::size_t i = 0; i < index; ++i) {
      if (EndsStream(queue.entries[i].record)) ++end;
    }
    Record& record = queue.entries[index].record;
    if (EndsStream(record)) end = queue.ends.erase(end);
    const std::size_t bytes = record.bytes.size();
    for (; end != queue.ends.end(); ++end) *end -= bytes;
    queue.added -= bytes;
    bytes_ -= bytes;
  }

  /// The queue's first entry, with that number, is gone: the next one takes its place in heads_.
  void MoveHead(std::uint64_t number, Queues::iterator at) {
    auto head = heads_.extract(number);
    if (!at->second.entries.empty()) {
      head.key() = at->second.entries.front().number;
      heads_.insert(std::move(head));
    } else if (queues_.size() > kKeptQueues) {
      if (newest_ == at) newest_ = queues_.end();
      queues_.erase(at);
    } else {
      at->second.added = at->second.taken = 0;
    }
  }

  bool EndsStream(const Record& record) const {
    return record.bytes.empty() && empty_records_ == EmptyRecords::kEndStreams;
  }

  const EmptyRecords empty_records_;
  Queues queues_;
  Queues::iterator newest_ = queues_.end();          // the queue of the newest record
  std::map<std::uint64_t, Queues::iterator> heads_;  // by the number of its first entry
  std::uint64_t added_ = 0;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;  // of all records
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::uint64_t dropped_ = 0;
  std::uint64_t asked_ = 0;       // dropped_ at the last HasDroppedMore
  std::set<std::uint64_t> lost_;  // the keys of which records were dropped
  bool lost_more_ = false;        // and of others
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_INBOX_HPP_
