// What arrived, who is connected, and waiting for either with a deadline. Background threads add,
// test threads take and wait, under one lock; who waits first takes first. A wait that fails says
// what is there instead, and how each channel stands. With a limit, the oldest records of a channel
// that nobody has taken are dropped beyond it: see inbox.hpp.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/channel_status.hpp"
#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/criterion.hpp"
#include "mock_hyperstart/detail/agent/function_ref.hpp"
#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/agent/received_text.hpp"
#include "mock_hyperstart/detail/agent/record_values.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/wait_list.hpp"
#include "mock_hyperstart/detail/agent/wait_result.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class Records {
 public:
  explicit Records(Dialect dialect) : dialect_(dialect) {}

  /// How a failed wait learns whether a client of the channel waits in the backlog. Called under no
  /// lock. Set it before anything else is called.
  void SetBacklogProbe(std::function<bool(Channel)> has_backlog) {
    has_backlog_ = std::move(has_backlog);
  }

  /// From now on, what was not taken of a channel is limited to about so many bytes. `note` is
  /// called under the lock when dropping begins, at first and again after all were taken.
  void LimitUntaken(std::size_t bytes, std::function<void(Channel, const std::string&)> note) {
    const MutexLock lock(mutex_);
    messages_.SetLimit(bytes);
    packets_.SetLimit(bytes);
    note_ = std::move(note);
  }
  /// Calls `note` for each channel of which records were dropped since the last call. Never throws.
  void NoteDropped() try {
    const MutexLock lock(mutex_);
    if (messages_.HasDroppedMore()) note_(Channel::kCtl, DescribeDropped(messages_));
    if (packets_.HasDroppedMore()) note_(Channel::kIo, DescribeDropped(packets_));
  } catch (const std::bad_alloc&) {  // the conversation lacks it
  }

  // ---- From background threads

  void Add(DecodedMessage message, Clock::time_point when) {
    const MutexLock lock(mutex_);
    AddUnderLock(Channel::kCtl, ToRecord(std::move(message)), when);
  }
  /// All of them, messages or packets, which are moved from.
  template <typename Value>
  void Add(std::vector<Value>& values, Clock::time_point when) {
    const MutexLock lock(mutex_);
    for (Value& value : values) AddUnderLock(kChannelOf<Value>, ToRecord(std::move(value)), when);
  }
  void Add(Violation violation) {
    const MutexLock lock(mutex_);
    violations_.push_back(std::move(violation));
  }
  /// An error of the test's own code, or of the system, on a background thread, in words.
  void AddError(std::string what) {
    const MutexLock lock(mutex_);
    errors_.push_back(std::move(what));
  }
  /// Planned replies have been sent.
  void WakePlanWaiters() {
    const MutexLock lock(mutex_);
    Wake(Awaits::kPlans, 0);
  }
  /// "300 of 512 bytes of a newcontainer have arrived"; an empty text between two frames.
  void SetPartial(Channel channel, std::string text) {
    const MutexLock lock(mutex_);
    At(channel).partial = std::move(text);
  }
  void SetConnected(Channel channel) {
    const MutexLock lock(mutex_);
    At(channel).connected = true;
    At(channel).partial.clear();
    Wake(Awaits::kConnection, 0);
  }
  void SetDisconnected(Channel channel) {
    const MutexLock lock(mutex_);
    ChannelStatus& status = At(channel);
    status.connected = false;
    status.partial.clear();
    status.departed_at = Clock::now();
    ++status.departures;
    Wake(Awaits::kConnection, 0);
  }

  // ---- The life of the mock

  /// Waits may wait from now on. Times are told since `start`.
  void Open(Clock::time_point start) {
    const MutexLock lock(mutex_);
    waits_.Open();
    start_ = start;
  }
  /// Ends every wait. Returns when the last one has ended.
  void Close() {
    MutexLock lock(mutex_);
    for (ChannelStatus& status : channels_) {
      if (status.connected) status.departed_at = Clock::now();
      status.connected = false;
    }
    waits_.Close(lock);
  }
  /// Ends the waits whose flag says that they are cancelled.
  void EndCancelledWaits() {
    const MutexLock lock(mutex_);
    waits_.WakeAll();
  }

  // ---- From test threads

  std::vector<DecodedMessage> TakeMessages() {
    const MutexLock lock(mutex_);
    return FromRecords<DecodedMessage>(messages_.TakeAll());
  }
  std::vector<IoPacket> TakePackets() {
    const MutexLock lock(mutex_);
    return FromRecords<IoPacket>(packets_.TakeAll());
  }
  std::vector<DecodedMessage> PeekMessages() {
    const MutexLock lock(mutex_);
    return FromRecords<DecodedMessage>(messages_.PeekAll());
  }
  std::vector<IoPacket> PeekPackets() {
    const MutexLock lock(mutex_);
    return FromRecords<IoPacket>(packets_.PeekAll());
  }
  std::vector<Violation> TakeViolations() {
    const MutexLock lock(mutex_);
    return std::exchange(violations_, {});
  }
  std::vector<std::string> TakeErrors() {
    const MutexLock lock(mutex_);
    return std::exchange(errors_, {});
  }
  bool IsConnected(Channel channel) {
    const MutexLock lock(mutex_);
    return At(channel).connected;
  }

  using Timeout = WaitLimit;

  /// The oldest message; with a command, the oldest of those.
  WaitResult<DecodedMessage> WaitForMessage(std::optional<Command> command, Timeout timeout) {
    std::optional<std::uint64_t> key;
    if (command) key = static_cast<std::uint64_t>(*command);
    return WaitForRecord<DecodedMessage>(
        Awaits::kMessage, messages_, key, timeout,
        [&] { return "no " + (command ? CommandName(*command, dialect_) : "message"); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe<DecodedMessage>(messages_, key); });
  }
  /// The oldest packet; with a seq, the oldest of those.
  WaitResult<IoPacket> WaitForPacket(std::optional<std::uint64_t> seq, Timeout timeout) {
    return WaitForRecord<IoPacket>(
        Awaits::kPacket, packets_, seq, timeout,
        [&] { return seq ? "no io packet of seq " + std::to_string(*seq) : "no io packet"; },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe<IoPacket>(packets_, seq); });
  }
  /// The oldest that matches. Each record is matched once, under the lock.
  WaitResult<DecodedMessage> WaitForMessage(const Criterion<DecodedMessage>& wanted,
                                            Timeout timeout) {
    return WaitForMatch(
        Awaits::kMessage, messages_, wanted, timeout,
        [&] { return "no message that " + wanted.Describe(); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe(messages_, std::nullopt, &wanted); });
  }
  WaitResult<IoPacket> WaitForPacket(const Criterion<IoPacket>& wanted, Timeout timeout) {
    return WaitForMatch(
        Awaits::kPacket, packets_, wanted, timeout,
        [&] { return "no io packet that " + wanted.Describe(); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe(packets_, std::nullopt, &wanted); });
  }
  /// `count` bytes of a stream. Fails at once if the stream ends before.
  WaitResult<std::string> WaitForBytes(std::uint64_t seq, std::size_t count, Timeout timeout) {
    Waiter waiter(Awaits::kPacket);
    waiter.key = seq;
    waiter.bytes = count;
    std::optional<std::string> bytes;
    std::string reason = Wait(
        waiter, timeout,
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          bytes = packets_.TakeBytes(seq, count);
          return bytes.has_value();
        },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          std::string what = "no " + Bytes(count) + " of seq " + std::to_string(seq);
          if (packets_.HasEnd(seq)) return what;
          return what + " (there are " + std::to_string(packets_.BytesBeforeEnd(seq)) + ")";
        },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe<IoPacket>(packets_, seq); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          if (packets_.HasLost(seq)) return DescribeLoss(packets_, seq, "packets");
          return packets_.HasEnd(seq)
                     ? "the stream ended after " + Bytes(packets_.BytesBeforeEnd(seq))
                     : std::string();
        });
    return {std::move(bytes), std::move(reason)};
  }
  /// A stream up to its end.
  WaitResult<std::string> WaitForEnd(std::uint64_t seq, Timeout timeout) {
    Waiter waiter(Awaits::kPacket);
    waiter.key = seq;
    waiter.bytes = std::numeric_limits<std::size_t>::max();
    std::optional<std::string> bytes;
    std::string reason = Wait(
        waiter, timeout,
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          bytes = packets_.TakeToEnd(seq);
          return bytes.has_value();
        },
        [&] { return "no end of seq " + std::to_string(seq); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return Describe<IoPacket>(packets_, seq); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS { return DescribeLoss(packets_, seq, "packets"); });
    return {std::move(bytes), std::move(reason)};
  }
  /// Both channels, where none is named.
  WaitResult<Happened> WaitForConnection(std::optional<Channel> channel, Timeout timeout) {
    return WaitToHappen(
        Awaits::kConnection, timeout,
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          return channel ? At(*channel).connected
                         : channels_[0].connected && channels_[1].connected;
        },
        [&] { return "no client on " + (channel ? ToString(*channel) : "both channels"); },
        &NoText);
  }
  /// A departure that no such wait has taken yet.
  WaitResult<Happened> WaitForDisconnect(Channel channel, Timeout timeout) {
    return WaitToHappen(
        Awaits::kConnection, timeout,
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          if (At(channel).departures == 0) return false;
          --At(channel).departures;
          return true;
        },
        [&] { return "no departure of a client from " + ToString(channel); }, &NoText);
  }
  /// Until each WillOnce of `policy` has been used and its reply has been sent.
  WaitResult<Happened> WaitForPlans(ReplyPolicy& policy, Timeout timeout) {
    return WaitToHappen(
        Awaits::kPlans, timeout, [&] { return policy.IsFulfilled(); },
        [&] { return std::string("not all planned replies were used"); },
        [&]() MOCK_HYPERSTART_NO_ANALYSIS {
          return DescribePlans(policy.Unused()) + Describe<DecodedMessage>(messages_, std::nullopt);
        });
  }

 private:
  template <typename Value>
  WaitResult<Value> WaitForRecord(Awaits what, Inbox& inbox, std::optional<std::uint64_t> key,
                                  Timeout timeout, FunctionRef<std::string> describe,
                                  FunctionRef<std::string> received) MOCK_HYPERSTART_NO_ANALYSIS {
    std::optional<Record> record;
    const auto take = [&] {
      record = key ? inbox.Take(*key) : inbox.Take();
      return record.has_value();
    };
    {  // what is there is taken without the cost of a waiter
      const MutexLock lock(mutex_);
      if (!waits_.HasWoken(what) && take()) return {FromRecord<Value>(*std::move(record)), {}};
    }
    Waiter waiter(what);
    waiter.key = key;
    std::string reason = Wait(waiter, timeout, take, describe, received, [&] {
      return DescribeLoss(inbox, key, what == Awaits::kMessage ? "messages" : "packets");
    });
    if (!record) return {std::nullopt, std::move(reason)};
    return {FromRecord<Value>(*std::move(record)), {}};
  }

  template <typename Value>
  WaitResult<Value> WaitForMatch(Awaits what, Inbox& inbox, const Criterion<Value>& wanted,
                                 Timeout timeout, FunctionRef<std::string> describe,
                                 FunctionRef<std::string> received) MOCK_HYPERSTART_NO_ANALYSIS {
    Waiter waiter(what);
    std::optional<Record> record;
    std::uint64_t examined = 0;
    std::string reason = Wait(
        waiter, timeout,
        [&] {
          record = inbox.TakeMatching(
              [&](Record& candidate) { return wanted.Matches(*Borrowed<Value>(candidate)); },
              examined);
          return record.has_value();
        },
        describe, received);
    if (!record) return {std::nullopt, std::move(reason)};
    return {FromRecord<Value>(*std::move(record)), {}};
  }

  ChannelStatus& At(Channel channel) MOCK_HYPERSTART_REQUIRES(mutex_) {
    return channels_[static_cast<std::size_t>(channel)];
  }

  void AddUnderLock(Channel channel, Record record, Clock::time_point when)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    const bool is_ctl = channel == Channel::kCtl;
    Inbox& inbox = is_ctl ? messages_ : packets_;
    const std::uint64_t key = record.key;
    const std::size_t lost = inbox.lost_keys();
    inbox.Add(std::move(record), when);
    Wake(is_ctl ? Awaits::kMessage : Awaits::kPacket, key);
    if (inbox.lost_keys() == lost) return;
    waits_.WakeAll();  // those that wait for what was dropped fail
    if (lost == 0) note_(channel, DescribeDropping(inbox));
  }

  void Wake(Awaits what, std::uint64_t key) MOCK_HYPERSTART_REQUIRES(mutex_) {
    waits_.Wake(what, key, packets_);
  }

  WaitResult<Happened> WaitToHappen(Awaits what, Timeout timeout, FunctionRef<bool> attempt,
                                    FunctionRef<std::string> describe,
                                    FunctionRef<std::string> received) {
    Waiter waiter(what);
    std::string reason = Wait(waiter, timeout, attempt, describe, received);
    if (reason.empty()) return {Happened(), {}};
    return {std::nullopt, std::move(reason)};
  }

  /// Waits until `attempt` succeeds, `hopeless` says why it never will, the mock stops, or the time
  /// is over. Then returns the reason, from what `describe` says is missing and what was
  /// `received`; else an empty text. All are called under the lock.
  std::string Wait(Waiter& waiter, Timeout timeout, FunctionRef<bool> attempt,
                   FunctionRef<std::string> describe, FunctionRef<std::string> received,
                   FunctionRef<std::string> hopeless = &NoText) {
    MutexLock lock(mutex_);
    if (!waits_.HasWokenBefore(waiter) && attempt()) return {};
    const WaitList::Listed listed(waits_, waiter);
    const std::optional<std::string> why = waits_.Wait(lock, waiter, timeout, attempt, hopeless);
    if (!why) return {};
    const std::string when =
        why->empty() ? fmt::format(" within {} ms", timeout.timeout.count()) : ": " + *why;
    lock.Unlock();  // see SetBacklogProbe
    const bool ctl_waiting = has_backlog_ && has_backlog_(Channel::kCtl);
    const bool io_waiting = has_backlog_ && has_backlog_(Channel::kIo);
    lock.Lock();
    return describe() + when + received() + "\n  " + DescribeChannels(ctl_waiting, io_waiting);
  }

  /// What is there, and with `criterion` why each record does not match.
  template <typename Value>
  std::string Describe(Inbox& inbox, std::optional<std::uint64_t> wanted,
                       const Criterion<Value>* criterion = nullptr)
      MOCK_HYPERSTART_REQUIRES(mutex_) {
    return DescribeInbox(inbox, wanted, start_, [&](Record& record) {
      const Borrowed<Value> value(record);
      return DescribeReceived(*value, dialect_) +
             (criterion != nullptr ? Indented(criterion->Explain(*value)) : "");
    });
  }

  /// "ctl: connected, 300 of 512 bytes of a newcontainer have arrived; io: never connected"
  std::string DescribeChannels(bool ctl_waiting, bool io_waiting) MOCK_HYPERSTART_REQUIRES(mutex_) {
    return fmt::format("ctl: {}; io: {}", At(Channel::kCtl).Describe(start_, ctl_waiting),
                       At(Channel::kIo).Describe(start_, io_waiting)) +
           DescribeLast(violations_);
  }
  const Dialect dialect_;
  std::function<bool(Channel)> has_backlog_;
  Mutex mutex_;
  WaitList waits_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  Clock::time_point start_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  Inbox messages_ MOCK_HYPERSTART_GUARDED_BY(mutex_){Inbox::EmptyRecords::kAreOrdinary};
  Inbox packets_ MOCK_HYPERSTART_GUARDED_BY(mutex_){Inbox::EmptyRecords::kEndStreams};
  std::function<void(Channel, const std::string&)> note_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::vector<Violation> violations_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::vector<std::string> errors_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::array<ChannelStatus, 2> channels_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_
