// The conversation on both channels: events in the order in which they went over the wire, in
// bounded memory, and as text for people. Whoever orders a channel's bytes adds their events under
// the same lock, so that the two orders agree. Locks itself, and nothing inside: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <ratio>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

using Clock = std::chrono::steady_clock;

class Transcript {
 public:
  explicit Transcript(Dialect dialect) : dialect_(dialect) {}

  /// What comes is told with its time since `start`.
  void SetStart(Clock::time_point start) {
    const std::lock_guard lock(mutex_);
    start_ = start;
  }

  /// A frame that a client sent.
  void Received(Channel channel, std::uint64_t key, std::string_view payload,
                Clock::time_point when) {
    const std::lock_guard lock(mutex_);
    AddFrame(Kind::kReceived, channel, key, payload, false, when);
  }
  /// The same for all packets of a read.
  void Received(const std::vector<IoPacket>& packets, Clock::time_point when) {
    const std::lock_guard lock(mutex_);
    for (const IoPacket& packet : packets) {
      AddFrame(Kind::kReceived, Channel::kIo, packet.seq, packet.data, false, when);
    }
  }
  /// Whole frames that were sent in one go; `body` goes on where `head` ends.
  void Sent(Channel channel, std::string_view head, std::string_view body) {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);
    const std::size_t least = channel == Channel::kCtl ? kCtlHeaderSize : kIoHeaderSize;
    for (bool joined = false; head.size() >= least; joined = true) {
      const auto [key, header, length] = Decode(channel, head);
      if (length < header) break;
      const std::string_view payload =
          length > head.size() ? body : head.substr(header, length - header);
      AddFrame(Kind::kSent, channel, key, payload, joined, now);
      head.remove_prefix(std::min(length, head.size()));
    }
  }
  /// Bytes that were sent and are no whole frames, and what they are.
  void SentOdd(Channel channel, const std::string& what, std::string_view bytes) {
    AddText(Kind::kSent, channel,
            fmt::format("{}, {}{}{}", what, Bytes(bytes.size()), bytes.empty() ? "" : "  ",
                        bytes.empty() ? "" : OneLine(bytes)));
  }
  /// Connects, departures, faults: in words.
  void Note(Channel channel, std::string_view text) { AddText(Kind::kNote, channel, text); }
  /// What a client did wrong, in words.
  void Warn(Channel channel, std::string_view text) { AddText(Kind::kWarning, channel, text); }

  /// A line an event; of several frames sent in one go, one for all.
  std::string Text(bool colour = false) const {
    std::string text;
    ForEachLine(
        [&](const Event& event, const std::string& line) {
          const std::string_view paint = colour ? Paint(event) : "";
          text += fmt::format("[hyperstart]{:>+7.1f} ms  {:<3}  {}{:<3}  {}{}\n",
                              Milliseconds(event.since_start).count(), ToString(event.channel),
                              paint, Arrow(event), line, paint.empty() ? "" : "\x1b[0m");
        },
        [&](std::uint64_t dropped) {
          text += fmt::format("[hyperstart]  ... {} more events, not kept ...\n", dropped);
        });
    return text;
  }

  /// The same as a Mermaid sequence diagram.
  std::string Mermaid() const {
    std::string text =
        "sequenceDiagram\n  participant C as client\n  "
        "participant A as hyperstart\n";
    ForEachLine(
        [&](const Event& event, const std::string& line) {
          const char* const arrow = event.kind == Kind::kReceived ? "C->>A"
                                    : event.kind == Kind::kSent   ? "A-->>C"
                                                                  : "Note over C,A";
          text += fmt::format("  {}: {}: {} ({:+.1f} ms)\n", arrow, ToString(event.channel),
                              MermaidText(line), Milliseconds(event.since_start).count());
        },
        [&](std::uint64_t dropped) {
          text += fmt::format("  Note over C,A: {} more events, not kept\n", dropped);
        });
    return text;
  }

 private:
  using Milliseconds = std::chrono::duration<double, std::milli>;
  enum class Kind : std::uint8_t { kReceived, kSent, kNote, kWarning };

  struct Event {
    Clock::duration since_start{};
    std::uint64_t key = 0;  // of a frame
    std::size_t size = 0;   // of its payload
    Kind kind = Kind::kNote;
    Channel channel = Channel::kCtl;
    bool is_frame = false;
    bool joined = false;  // went out in one go with the event before
    std::string text;     // words, or as much of the payload as is shown
  };

  // What is kept: how it began, and how it ended.
  static constexpr std::size_t kFirst = 200;
  static constexpr std::size_t kLast = 1800;
  static constexpr std::size_t kShown = 100;  // bytes of a payload

  struct Decoded {
    std::uint64_t key;
    std::size_t header;
    std::size_t length;
  };
  static Decoded Decode(Channel channel, std::string_view frame) {
    if (channel == Channel::kCtl) {
      const CtlHeader header = CtlHeader::Decode(frame.data());
      return {static_cast<std::uint64_t>(header.key), CtlHeader::kSize, header.length};
    }
    const IoHeader header = IoHeader::Decode(frame.data());
    return {header.key, IoHeader::kSize, header.length};
  }

  /// Room for the next event; an old one's memory is used again. Under the lock.
  Event& Add(Kind kind, Channel channel, Clock::time_point when) {
    const std::uint64_t number = added_++;
    if (number < kFirst + kLast) events_.emplace_back();
    const std::uint64_t place = number < kFirst ? number : kFirst + (number - kFirst) % kLast;
    Event& event = events_[static_cast<std::size_t>(place)];
    event.since_start = when - start_;
    event.kind = kind;
    event.channel = channel;
    event.is_frame = event.joined = false;
    return event;
  }

  void AddFrame(Kind kind, Channel channel, std::uint64_t key, std::string_view payload,
                bool joined, Clock::time_point when) {
    Event& event = Add(kind, channel, when);
    event.key = key;
    event.size = payload.size();
    event.is_frame = true;
    event.joined = joined;
    event.text.assign(payload.substr(0, kShown + 4));  // a cut must show, whole characters stay
  }

  void AddText(Kind kind, Channel channel, std::string_view text) {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);
    Add(kind, channel, now).text.assign(text);
  }

  template <typename OnLine, typename OnDropped>
  void ForEachLine(const OnLine& on_line, const OnDropped& on_dropped) const {
    std::unique_lock lock(mutex_);
    const std::vector<Event> events = events_;
    const std::uint64_t added = added_;
    lock.unlock();  // to make text of them takes long, and the channels go on
    const std::size_t kept = events.size();
    const Event* first = nullptr;  // of the line
    std::string line;
    const auto end_line = [&] {
      if (first != nullptr) on_line(*first, line);
      first = nullptr;
      line.clear();
    };
    for (std::size_t i = 0; i < kept; ++i) {
      if (i == kFirst && added > kFirst + kLast) {
        end_line();
        on_dropped(added - kFirst - kLast);
      }
      const std::uint64_t place =
          i < kFirst ? i : kFirst + (added - kFirst - (kept - kFirst) + i - kFirst) % kLast;
      const Event& event = events[static_cast<std::size_t>(place)];
      if (!event.joined || first == nullptr) {
        end_line();
        first = &event;
      } else {
        line += ", ";
      }
      line += Line(event);
    }
    end_line();
  }

  std::string Line(const Event& event) const {
    if (!event.is_frame) return event.text;
    const bool ctl = event.channel == Channel::kCtl;
    const std::string name = ctl ? CommandName(static_cast<Command>(event.key), dialect_)
                                 : fmt::format("seq {}", event.key);
    std::string shown = OneLine(event.text, kShown);
    if (event.size > event.text.size() && shown.back() != '.') shown += "...";
    if (event.kind == Kind::kSent && ctl) {  // short: several stand on a line
      if (event.size == 4 && (name == "next" || (name == "ack" && !IsText(event.text)))) {
        return fmt::format("{} {}", name, GetBigEndian(event.text.data(), 4));
      }
      return event.size == 0 ? name : fmt::format("{} {}", name, shown);
    }
    if (event.size == 0 && !ctl) return fmt::format("{:<12}    end of stream", name);
    return fmt::format("{:<12} {:>4} byte{}{}{}", name, event.size, event.size == 1 ? " " : "s",
                       event.size == 0 ? "" : "  ", event.size == 0 ? "" : shown);
  }

  static const char* Arrow(const Event& event) {
    return event.kind == Kind::kReceived ? "-->" : event.kind == Kind::kSent ? "<--" : "";
  }
  static std::string_view Paint(const Event& event) {
    switch (event.kind) {
      case Kind::kReceived:
        return "\x1b[36m";
      case Kind::kSent:
        return "\x1b[32m";
      case Kind::kWarning:
        return "\x1b[31m";
      case Kind::kNote:
        break;
    }
    return "\x1b[2m";
  }
  const Dialect dialect_;
  mutable std::mutex mutex_;
  Clock::time_point start_;
  std::vector<Event> events_;  // the first ones, then a ring of the last
  std::uint64_t added_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_TRANSCRIPT_HPP_
