// What arrived, who is connected, and waiting for either with a deadline. Knows nothing of sockets:
// background threads put in, test threads take out and wait, under one lock. A wait that fails says
// what is there instead, and how each channel stands.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <ratio>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/awaited.hpp"
#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class Mailbox {
 public:
  explicit Mailbox(Dialect dialect) : dialect_(dialect) {}

  // ---- from background threads

  void Add(DecodedMessage message, Clock::time_point when) {
    const std::lock_guard lock(mutex_);
    messages_.Add(std::move(message), when);
    Changed();
  }
  void Add(std::vector<IoPacket>& packets, Clock::time_point when) {
    const std::lock_guard lock(mutex_);
    for (IoPacket& packet : packets) packets_.Add(std::move(packet), when);
    packets.clear();
    Changed();
  }
  void Add(Violation violation) {
    const std::lock_guard lock(mutex_);
    violations_.push_back(std::move(violation));
  }
  /// Something that the test's own code did wrong on a background thread, in words.
  void AddFault(std::string what) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(what));
  }
  /// What has arrived of the frame that the channel is in; an empty text between two frames.
  void SetPartial(Channel channel, std::string text) {
    const std::lock_guard lock(mutex_);
    At(channel).partial = std::move(text);
  }
  void SetConnected(Channel channel) {
    const std::lock_guard lock(mutex_);
    At(channel).connected = true;
    At(channel).partial.clear();
    Changed();
  }
  void SetDisconnected(Channel channel) {
    const std::lock_guard lock(mutex_);
    Line& line = At(channel);
    line.connected = false;
    line.partial.clear();
    line.left = Clock::now();
    ++line.departures;
    Changed();
  }

  // ---- the mock's life

  /// Waits may wait from now on. Times are told from `start`.
  void Open(Clock::time_point start) {
    const std::lock_guard lock(mutex_);
    life_ = Life::kStarted;
    start_ = start;
  }
  /// Ends every wait; returns when the last one has left.
  void Close() {
    std::unique_lock lock(mutex_);
    if (life_ == Life::kStarted) life_ = Life::kStopped;
    for (Line& line : lines_) {
      if (line.connected) line.left = Clock::now();
      line.connected = false;
    }
    changed_.notify_all();
    left_.wait(lock, [&] { return waiters_ == 0; });
  }

  // ---- from test threads

  std::vector<DecodedMessage> TakeMessages() {
    const std::lock_guard lock(mutex_);
    return messages_.TakeAll();
  }
  std::vector<IoPacket> TakePackets() {
    const std::lock_guard lock(mutex_);
    return packets_.TakeAll();
  }
  std::vector<Violation> TakeViolations() {
    const std::lock_guard lock(mutex_);
    return std::exchange(violations_, {});
  }
  std::vector<std::string> TakeFaults() {
    const std::lock_guard lock(mutex_);
    return std::exchange(faults_, {});
  }
  bool IsConnected(Channel channel) const {
    const std::lock_guard lock(mutex_);
    return At(channel).connected;
  }

  using Timeout = std::chrono::milliseconds;

  Awaited<DecodedMessage> WaitForMessage(std::optional<Command> command, Timeout timeout) {
    return Wait<DecodedMessage>(
        timeout, [&] { return command ? messages_.Take(*command) : messages_.Take(); },
        [&] { return command ? CommandName(*command, dialect_) : std::string("message"); },
        [&] { return Instead(messages_, command); });
  }
  Awaited<IoPacket> WaitForPacket(std::optional<std::uint64_t> seq, Timeout timeout) {
    return Wait<IoPacket>(
        timeout, [&] { return seq ? packets_.Take(*seq) : packets_.Take(); },
        [&] { return seq ? fmt::format("io packet of seq {}", *seq) : std::string("io packet"); },
        [&] { return Instead(packets_, seq); });
  }
  Awaited<std::string> WaitForBytes(std::uint64_t seq, std::size_t count, Timeout timeout) {
    return Wait<std::string>(
        timeout, [&] { return packets_.TakeBytes(seq, count); },
        [&] {
          std::string what = fmt::format("{} of seq {}", Bytes(count), seq);
          if (packets_.HasEnd(seq)) return what;
          return fmt::format("{} (there are {})", what, packets_.BytesBeforeEnd(seq));
        },
        [&] { return Instead(packets_, seq); },
        [&] {
          return packets_.HasEnd(seq)
                     ? fmt::format("the stream ended after {}", Bytes(packets_.BytesBeforeEnd(seq)))
                     : std::string();
        });
  }
  Awaited<std::string> WaitForEnd(std::uint64_t seq, Timeout timeout) {
    return Wait<std::string>(
        timeout, [&] { return packets_.TakeToEnd(seq); },
        [&] { return fmt::format("end of seq {}", seq); }, [&] { return Instead(packets_, seq); });
  }
  /// Both channels, where none is named.
  testing::AssertionResult WaitForConnection(std::optional<Channel> channel, Timeout timeout) {
    return Wait<bool>(
        timeout,
        [&] {
          const bool connected =
              channel ? At(*channel).connected : lines_[0].connected && lines_[1].connected;
          return connected ? std::optional(true) : std::nullopt;
        },
        [&] {
          return channel ? fmt::format("client on {}", *channel)
                         : std::string("client on both channels");
        },
        [] { return std::string(); });
  }
  testing::AssertionResult WaitForDisconnect(Channel channel, Timeout timeout) {
    return Wait<bool>(
        timeout,
        [&]() -> std::optional<bool> {
          if (At(channel).departures == 0) return std::nullopt;
          --At(channel).departures;
          return true;
        },
        [&] { return fmt::format("departure of a client from {}", channel); },
        [] { return std::string(); });
  }

 private:
  enum class Life { kNotStarted, kStarted, kStopped };

  /// How one channel stands.
  struct Line {
    bool connected = false;
    std::string partial;                    // "300 of 512 bytes of a newcontainer"
    std::optional<Clock::time_point> left;  // when the last client did
    std::size_t departures = 0;             // that no wait has taken
  };

  Line& At(Channel channel) { return lines_[static_cast<std::size_t>(channel)]; }
  const Line& At(Channel channel) const { return lines_[static_cast<std::size_t>(channel)]; }

  void Changed() {
    if (waiters_ > 0) changed_.notify_all();
  }

  static std::string Never() { return {}; }

  /// Waits until `attempt` returns a value, `hopeless` says why it never will, the mock stops, or
  /// the time is over; then the reason is built from `what` was awaited and what came `instead`.
  template <typename T, typename Attempt, typename What, typename Instead,
            typename Hopeless = std::string (*)()>
  Awaited<T> Wait(Timeout timeout, const Attempt& attempt, const What& what, const Instead& instead,
                  const Hopeless& hopeless = &Never) {
    std::unique_lock lock(mutex_);
    const Clock::time_point deadline = DeadlineIn(timeout);
    ++waiters_;
    std::optional<T> value;
    std::string why;
    for (;;) {
      value = attempt();
      if (value) break;
      why = hopeless();
      if (!why.empty()) break;
      if (life_ != Life::kStarted) {
        why = life_ == Life::kStopped ? "the mock is stopped"
                                      : "the mock is not started: call Start() first";
        break;
      }
      if (Clock::now() >= deadline) break;
      changed_.wait_until(lock, deadline);
    }
    if (--waiters_ == 0) left_.notify_all();
    if (value) return *std::move(value);
    const std::string when =
        why.empty() ? fmt::format(" within {} ms", timeout.count()) : ": " + why;
    return Awaited<T>::Failure(fmt::format("no {}{}{}\n  {}", what(), when, instead(), Standing()));
  }

  static Clock::time_point DeadlineIn(Timeout timeout) {
    const Clock::time_point now = Clock::now();
    if (timeout <= Timeout::zero()) return now;
    const auto longest = std::chrono::duration_cast<Timeout>(Clock::time_point::max() - now);
    return timeout < longest ? now + timeout : Clock::time_point::max();
  }

  std::string Since(Clock::time_point when) const {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    if (when < start_) return "before this Start";
    return fmt::format("{:+.0f} ms", Milliseconds(when - start_).count());
  }

  template <typename Record>
  std::string Instead(Inbox<Record>& inbox,
                      const std::optional<typename Inbox<Record>::Key>& closest) const {
    constexpr std::size_t kLines = 10;
    std::string text;
    for (const auto* entry : inbox.Closest(closest, kLines)) {
      text += fmt::format("\n  {:>3}  {}  {}", entry->number, Since(entry->when),
                          Describe(entry->record));
    }
    const std::size_t size = inbox.size();
    if (size > kLines) text += fmt::format("\n       and {} more", size - kLines);
    if (size == 0 && inbox.added() == 0) return "; nothing has arrived";
    if (size == 0) return fmt::format("; what arrived ({} in all) was taken", inbox.added());
    return "; received instead:" + text;
  }
  std::string Describe(const DecodedMessage& message) const {
    const std::string name = CommandName(message.command, dialect_);
    if (message.payload.empty()) return name + ", no payload";
    return fmt::format("{}  {}  {}", name, Bytes(message.payload.size()), OneLine(message.payload));
  }
  static std::string Describe(const IoPacket& packet) {
    if (packet.eof()) return fmt::format("seq {}, end of stream", packet.seq);
    return fmt::format("seq {}  {}  {}", packet.seq, Bytes(packet.data.size()),
                       OneLine(packet.data));
  }

  /// "ctl: connected, 300 of 512 bytes of a newcontainer have arrived; io: never connected"
  std::string Standing() const {
    std::string text =
        fmt::format("ctl: {}; io: {}", Standing(Channel::kCtl), Standing(Channel::kIo));
    if (!violations_.empty()) {
      const Violation& last = violations_.back();
      text +=
          fmt::format("\n  the client violated the protocol on {}: {}", last.channel, last.what);
    }
    return text;
  }
  std::string Standing(Channel channel) const {
    const Line& line = At(channel);
    if (line.connected && !line.partial.empty())
      return "connected, " + line.partial + " have arrived";
    if (line.connected) return "connected";
    return line.left ? "client gone since " + Since(*line.left) : "never connected";
  }

  const Dialect dialect_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable left_;  // the last waiter has
  std::size_t waiters_ = 0;
  Life life_ = Life::kNotStarted;
  Clock::time_point start_;
  Inbox<DecodedMessage> messages_;
  Inbox<IoPacket> packets_;
  std::vector<Violation> violations_;
  std::vector<std::string> faults_;
  std::array<Line, 2> lines_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_RECORDS_HPP_
