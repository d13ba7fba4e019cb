// The clients of the race: they connect, send whole or partial frames, wait a little for the
// answer, and leave. What they do depends only on their choices. What happened is kept in a Tally.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_RACE_CLIENTS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_RACE_CLIENTS_HPP_

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/raw_client.hpp"
#include "support/wire.hpp"

/// The random choices of one thread: the same for the same seed, on every machine.
class Choices {
 public:
  Choices(std::uint64_t seed, std::uint32_t thread) {
    std::seed_seq mixed{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                        thread};
    engine_.seed(mixed);
  }
  std::uint64_t Next() { return engine_(); }
  std::size_t Below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }

 private:
  std::mt19937_64 engine_;
};

/// What was sent, what was answered, what was recorded, and what went wrong. Any thread.
class Tally {
 public:
  void Problem(std::string what) {
    const std::lock_guard lock(mutex_);
    if (problems_.size() < 20) problems_.push_back(std::move(what));
  }
  /// A payload that no other frame has: "3.17;xxxx".
  std::string NewPayload(std::size_t client, std::size_t padding) {
    const std::lock_guard lock(mutex_);
    std::string payload = fmt::format("{}.{};", client, sent_.size()) + std::string(padding, 'x');
    sent_.insert(payload);
    return payload;
  }
  void Answered(std::string payload) {
    const std::lock_guard lock(mutex_);
    answered_.push_back(std::move(payload));
  }
  bool HasAnswers() {
    const std::lock_guard lock(mutex_);
    return !answered_.empty();
  }
  void Recorded(const std::string& payload) {
    const std::lock_guard lock(mutex_);
    if (sent_.count(payload) == 0) {
      problems_.push_back("recorded, though nobody sent it: " + payload);
    } else if (!recorded_.insert(payload).second) {
      problems_.push_back("recorded twice: " + payload);
    }
  }

  struct Counts {
    std::size_t sent, answered, recorded;
  };
  Counts counts() const { return {sent_.size(), answered_.size(), recorded_.size()}; }
  /// To be called when all threads have ended and all records have been taken.
  std::vector<std::string> Problems() const {
    std::vector<std::string> problems = problems_;
    for (const std::string& payload : answered_) {
      if (recorded_.count(payload) == 0) {
        problems.push_back("answered, but never recorded: " + payload);
      }
    }
    return problems;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> sent_;
  std::set<std::string> recorded_;
  std::vector<std::string> answered_;
  std::vector<std::string> problems_;
};

/// The connections that one client makes to one channel, one after another.
class Visitor {
 public:
  Visitor(RawClient::Kind kind, std::string path, std::uint64_t seed, std::size_t number,
          Tally& tally)
      : kind_(kind),
        path_(std::move(path)),
        number_(number),
        choices_(seed, static_cast<std::uint32_t>(number)),
        tally_(tally) {}

  void Visit() {
    // All choices of a visit are made first: its outcome must not change the choices of the next.
    const std::size_t frames = choices_.Below(5);
    const std::size_t padding = choices_.Below(8) == 0 ? choices_.Below(20'000) : 3;
    const bool leaves_in_mid_frame = choices_.Below(5) == 0;
    const bool ends_input_only = choices_.Below(4) == 0;
    const std::size_t piece = choices_.Below(2) == 0 ? 1 + choices_.Below(20) : 1'000'000;
    const int patience_ms = static_cast<int>(choices_.Below(choices_.Below(2) == 0 ? 3 : 300));
    const std::uint32_t command = kCommands[choices_.Below(std::size(kCommands))];
    last_.clear();
    try {
      RawClient client(kind_, path_);
      for (std::size_t i = 0; i < frames; ++i) {
        const std::string payload = tally_.NewPayload(number_, padding);
        const std::string frame = kind_ == RawClient::Kind::kCtl ? wire::Ctl(command, payload)
                                                                 : wire::Io(number_, payload);
        if (leaves_in_mid_frame && i + 1 == frames) {
          WritePieces(client, std::string_view(frame).substr(0, frame.size() / 2), piece);
          return;
        }
        if (!WritePieces(client, frame, piece)) return;
        if (kind_ == RawClient::Kind::kIo) {
          while (IsThere(client, 0)) CheckIo(client.ReadFrame());
        } else if (IsAnswered(client, frame.size(), patience_ms)) {
          tally_.Answered(payload);
        } else {
          return;  // a late answer must not be taken for the answer to the next frame
        }
      }
      if (!ends_input_only) return;
      client.EndInput();
      while (IsThere(client, patience_ms) && client.ReadFrame()) {
      }
    } catch (const RawClient::TimedOut& error) {
      tally_.Problem(error.what());
    } catch (const std::runtime_error&) {
      // Refused, disconnected or reset: all of that is expected here.
    }
  }

 private:
  static constexpr std::uint32_t kCommands[] = {wire::kVersion,
                                                wire::kStartPod,
                                                wire::kExecCmd,
                                                wire::kPing,
                                                wire::kWriteFile,
                                                wire::kNewContainer,
                                                99};

  /// False if the mock does not read: it is paused, or serves another client.
  static bool WritePieces(RawClient& client, std::string_view bytes, std::size_t size) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, size);
      if (client.WriteWhatFits(piece) < piece.size()) return false;
      bytes.remove_prefix(piece.size());
    }
    return true;
  }
  /// Whether there is something to read: a frame, or the end of the stream.
  static bool IsThere(const RawClient& client, int patience_ms) {
    if (client.Waiting() > 0) return true;
    pollfd input = {client.fd(), POLLIN, 0};
    return ::poll(&input, 1, patience_ms) > 0;
  }
  bool IsAnswered(RawClient& client, std::size_t size, int patience_ms) {
    std::size_t counted = 0;
    while (IsThere(client, patience_ms)) {
      const std::optional<wire::Frame> frame = client.ReadFrame();
      if (!frame) return false;
      if (frame->key == wire::kNext) counted += wire::ToU32(frame->payload);
      if (counted > size) tally_.Problem("the nexts count more than was sent");
      if (frame->key == wire::kAck || frame->key == 10) {
        if (counted != size) tally_.Problem(fmt::format("{} of {} counted", counted, size));
        return true;
      }
    }
    return false;
  }
  /// The payload "5;xxx" is the fifth of its sender; the seq is the sender.
  void CheckIo(const std::optional<wire::Frame>& frame) {
    if (!frame) throw std::runtime_error("end of file");
    const std::uint64_t number = std::stoull(frame->payload);
    const std::size_t end = frame->payload.find(';');
    if (frame->payload.find_first_not_of('x', end + 1) != std::string::npos) {
      tally_.Problem("a frame with bytes of another frame");
    }
    if (const auto last = last_.find(frame->key); last != last_.end() && last->second >= number) {
      tally_.Problem(
          fmt::format("of sender {}, {} came after {}", frame->key, number, last->second));
    }
    last_[frame->key] = number;
  }

  const RawClient::Kind kind_;
  const std::string path_;
  const std::size_t number_;
  Choices choices_;
  Tally& tally_;
  std::map<std::uint64_t, std::uint64_t> last_;  // by sender, the last number of this visit
};

#endif  // MOCK_HYPERSTART_TESTS_STRESS_RACE_CLIENTS_HPP_
