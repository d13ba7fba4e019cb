// The client side of ctl: one command at a time, with the flow control of runV. The agent counts
// what it has read in `next` frames; the client writes no more until everything has been counted.

#ifndef HYPERSTART_CTL_HPP_
#define HYPERSTART_CTL_HPP_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "hyperstart_connection.hpp"

struct Command {
  std::uint64_t code;
  const char* name;
};
inline constexpr Command kVersion{0, "version"}, kStartPod{1, "startpod"};
inline constexpr Command kDestroyPod{4, "destroypod"}, kNewContainer{17, "newcontainer"};
// What the agent sends.
inline constexpr std::uint64_t kAck = 9, kError = 10, kNext = 14, kProcessAsyncEvent = 23;

inline constexpr std::uint64_t kMostUnread = 512;  // what runV writes ahead of the agent

class Ctl : public Connection {
 public:
  explicit Ctl(const std::string& path) : Connection("ctl", path, 4) {}

  /// Sends a command, waits for the reply and returns its payload.
  std::string Call(const Command& command, const std::string& payload = {}) {
    reply_.reset();
    const std::string frame = Encode({command.code, payload});
    for (std::string_view rest = frame; !rest.empty(); rest.remove_prefix(unread_)) {
      while (unread_ > 0) Take();
      unread_ = std::min<std::uint64_t>(rest.size(), kMostUnread);
      Write(rest.substr(0, unread_));
    }
    while (!reply_) Take();
    if (reply_->key == kAck) return reply_->payload;
    throw std::runtime_error(std::string("the agent answered ") + command.name +
                             " with an error: " + reply_->payload);
  }

  /// Blocks until the next frame of the agent, and handles it.
  void Take() {
    Frame frame = ReadFrame();
    if (frame.key == kNext) unread_ -= std::min(unread_, ToNumber(frame.payload));
    if (frame.key == kProcessAsyncEvent) exit_status_ = StatusIn(frame.payload);
    if (frame.key == kAck || frame.key == kError) reply_ = std::move(frame);
  }

  /// Set when the agent has reported the end of the process.
  std::optional<int> exit_status() const { return exit_status_; }

 private:
  static int StatusIn(const std::string& event) {
    constexpr std::string_view kField = R"("status":)";
    const std::size_t at = event.find(kField);
    if (at == std::string::npos) throw std::runtime_error("no status in " + event);
    return std::atoi(event.c_str() + at + kField.size());
  }

  std::uint64_t unread_ = 0;  // bytes written that no `next` has counted
  std::optional<Frame> reply_;
  std::optional<int> exit_status_;
};

#endif  // HYPERSTART_CTL_HPP_
