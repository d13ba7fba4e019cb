// The conversation on both channels as events, in the order in which they went over the wire: who
// orders a channel's bytes adds their events under the same lock. In bounded memory, unless all is
// to be kept. Locks itself: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_EVENT_LOG_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_EVENT_LOG_HPP_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// Gets each event as it is added, on the thread that adds it, under the log's lock. Must not call
/// the log, nor what adds to it.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual void OnEvent(const Event& event) = 0;

 protected:
  ~EventSink() = default;
};

class EventLog {
 public:
  explicit EventLog(const Options& options)
      : dialect_(options.dialect), keep_all_(options.keep_all) {}

  /// Times are told since `start` from now on.
  void SetStart(Clock::time_point start) {
    const MutexLock lock(mutex_);
    start_ = start;
    wall_start_ = std::chrono::system_clock::now();
    last_time_ = Clock::duration::zero();
  }

  /// One that gets events from now on, null: none. On return the old one gets none any more.
  void SetSink(EventSink* sink) {
    const MutexLock lock(mutex_);
    sink_ = sink;
  }

  /// Adds events under one lock: `add` is called with the Writer below.
  template <typename Add>
  void Write(const Add& add) {
    const MutexLock lock(mutex_);
    Writer writer(*this);
    add(writer);
  }

  class Writer {
   public:
    void Received(const DecodedMessage& message, Clock::time_point when) {
      Frame(EventKind::kReceived, Channel::kCtl, when, message.payload).command = message.command;
      log_.Finish();
    }
    void Received(const IoPacket& packet, Clock::time_point when) {
      Frame(EventKind::kReceived, Channel::kIo, when, packet.data).seq = packet.seq;
      log_.Finish();
    }
    /// `same_write`: in one write with the event before.
    void Sent(Command command, std::string_view payload, Clock::time_point when, bool same_write) {
      Event& event = Frame(EventKind::kSent, Channel::kCtl, when, payload);
      event.command = command;
      event.same_write = same_write;
      log_.Finish();
    }
    void Sent(std::uint64_t seq, std::string_view data, Clock::time_point when) {
      Frame(EventKind::kSent, Channel::kIo, when, data).seq = seq;
      log_.Finish();
    }
    /// The `next` frames that counted one command.
    void SentNexts(const NextRun* begin, const NextRun* end, Clock::time_point when) {
      Event& event = Frame(EventKind::kSent, Channel::kCtl, when, {});
      event.command = Command::kNext;
      event.nexts.assign(begin, end);
      log_.Finish();
    }
    /// Bytes that are no whole frame; `text` says what they are.
    void SentRaw(Channel channel, std::string_view text, std::string_view bytes) {
      Event& event = log_.Add(EventKind::kSent, channel, Clock::now());
      event.text = text;
      log_.Keep(event, bytes);
      log_.Finish();
    }
    void Words(EventKind kind, Channel channel, std::string_view text,
               std::string_view bytes = {}) {
      Event& event = log_.Add(kind, channel, Clock::now());
      event.text = text;
      log_.Keep(event, bytes);
      log_.Finish();
    }
    /// The mock has ended a connection.
    void Ended(Channel channel, EndedBy by, std::string_view text) {
      Event& event = log_.Add(EventKind::kDisconnected, channel, Clock::now());
      event.text = text;
      event.ended_by = by;
      log_.Finish();
    }

   private:
    friend class EventLog;
    explicit Writer(EventLog& log) : log_(log) {}

    Event& Frame(EventKind kind, Channel channel, Clock::time_point when,
                 std::string_view payload) {
      Event& event = log_.Add(kind, channel, when);
      event.is_frame = true;
      log_.Keep(event, payload);
      return event;
    }

    EventLog& log_;
  };

  /// The same for one event.
  void Words(EventKind kind, Channel channel, std::string_view text, std::string_view bytes = {}) {
    Write([&](Writer& writer) { writer.Words(kind, channel, text, bytes); });
  }
  void Ended(Channel channel, EndedBy by, std::string_view text) {
    Write([&](Writer& writer) { writer.Ended(channel, by, text); });
  }
  void Sent(Command command, std::string_view payload) {
    Write([&](Writer& writer) { writer.Sent(command, payload, Clock::now(), false); });
  }
  void Sent(std::uint64_t seq, std::string_view data) {
    Write([&](Writer& writer) { writer.Sent(seq, data, Clock::now()); });
  }
  void SentRaw(Channel channel, std::string_view text, std::string_view bytes) {
    Write([&](Writer& writer) { writer.SentRaw(channel, text, bytes); });
  }

  /// What was kept, in order.
  std::vector<Event> Events() const {
    const MutexLock lock(mutex_);
    std::vector<Event> events = events_;
    if (!keep_all_ && added_ > kFirst + kLast) {
      const auto oldest = static_cast<std::ptrdiff_t>(kFirst + (added_ - kFirst) % kLast);
      std::rotate(events.begin() + static_cast<std::ptrdiff_t>(kFirst), events.begin() + oldest,
                  events.end());
    }
    return events;
  }

 private:
  // Without keep_all: how the conversation began, and how it went on last.
  static constexpr std::size_t kFirst = 200;
  static constexpr std::size_t kLast = 1800;
  /// Bytes of an event that are kept without keep_all: as many as a line shows, and enough more to
  /// see that it was cut, between two UTF-8 characters.
  static constexpr std::size_t kKept = 104;

  // The analysis does not see that Write holds the lock while it calls these through Writer.

  /// Memory for the next event: that of an old one, if no more are kept.
  Event& Add(EventKind kind, Channel channel, Clock::time_point when) MOCK_HYPERSTART_NO_ANALYSIS {
    const std::uint64_t index = added_;
    std::size_t place = static_cast<std::size_t>(index);
    if (keep_all_ || index < kFirst + kLast) {
      events_.emplace_back();
    } else {
      place = kFirst + static_cast<std::size_t>((index - kFirst) % kLast);
    }
    ++added_;  // once there is memory
    last_time_ = std::max(last_time_, when - start_);
    Event& event = events_[place];
    last_ = place;
    event.number = added_;
    event.time = last_time_;
    event.wall_time =
        wall_start_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(last_time_);
    event.kind = kind;
    event.channel = channel;
    event.dialect = dialect_;
    event.is_frame = event.same_write = false;
    event.ended_by = EndedBy::kClient;
    event.command = {};
    event.seq = 0;
    event.nexts.clear();
    event.text.clear();
    event.bytes.clear();
    event.size = 0;
    return event;
  }
  void Keep(Event& event, std::string_view bytes) MOCK_HYPERSTART_NO_ANALYSIS {
    event.size = bytes.size();
    event.bytes.assign(keep_all_ ? bytes : bytes.substr(0, kKept));
  }
  void Finish() MOCK_HYPERSTART_NO_ANALYSIS {
    if (sink_ != nullptr) sink_->OnEvent(events_[last_]);
  }

  const Dialect dialect_;
  const bool keep_all_;
  mutable Mutex mutex_;
  /// Before the first Start: so late that every time is zero.
  Clock::time_point start_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = Clock::time_point::max();
  std::chrono::system_clock::time_point wall_start_ MOCK_HYPERSTART_GUARDED_BY(mutex_) =
      std::chrono::system_clock::now();
  Clock::duration last_time_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = Clock::duration::zero();
  /// The first ones, then a ring of the last; or all.
  std::vector<Event> events_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::uint64_t added_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  std::size_t last_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;  // the place of the newest
  EventSink* sink_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_EVENT_LOG_HPP_
