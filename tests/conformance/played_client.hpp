// The client of a recording, held with something else: it writes what the recorded client wrote, in
// the same pieces, once it has heard what that one had heard by then, and no sooner after its last
// write than a part of the recorded pause, or at once.

#ifndef MOCK_HYPERSTART_TESTS_CONFORMANCE_PLAYED_CLIENT_HPP_
#define MOCK_HYPERSTART_TESTS_CONFORMANCE_PLAYED_CLIENT_HPP_

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/recording.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"

/// What was said on one channel pair, without how it was cut. Of ctl the frames in their order,
/// with the `next`s of one command merged; events that follow each other directly are told in the
/// order of their bytes, since that of two processes' ends is the scheduler's. Of io each stream by
/// itself: its bytes, and where it ended.
struct Said {
  std::vector<wire::Frame> ctl;
  std::map<std::uint64_t, std::vector<std::string>> io;  // an empty text is an end of stream
  bool ctl_closed = false;
  bool io_closed = false;

  static Said FromBytes(std::string ctl, std::string io) {
    constexpr std::uint32_t kEvent = 23;
    Said said;
    said.ctl = TakeMerged(ctl, true);
    const auto is_event = [](const wire::Frame& frame) { return frame.key == kEvent; };
    for (auto begin = said.ctl.begin(); begin != said.ctl.end();) {
      begin = std::find_if(begin, said.ctl.end(), is_event);
      const auto end = std::find_if_not(begin, said.ctl.end(), is_event);
      std::sort(begin, end,
                [](const wire::Frame& a, const wire::Frame& b) { return a.payload < b.payload; });
      begin = end;
    }
    for (const wire::Frame& frame : TakeMerged(io, false)) {
      std::vector<std::string>& stream = said.io[frame.key];
      if (frame.payload.empty() || stream.empty() || stream.back().empty()) {
        stream.push_back(frame.payload);
      } else {
        stream.back() += frame.payload;
      }
    }
    return said;
  }
  /// What the recorded client heard.
  static Said OfTheAgent(const Recording& recording) {
    std::string ctl;
    std::string io;
    bool ctl_closed = false;
    bool io_closed = false;
    for (const Recording::Event& event : recording.events) {
      if (event.dir == Recording::Dir::kFromAgent) (event.ctl ? ctl : io) += event.bytes;
      if (event.dir == Recording::Dir::kClose && event.by_agent) {
        (event.ctl ? ctl_closed : io_closed) = true;
      }
    }
    Said said = FromBytes(std::move(ctl), std::move(io));
    said.ctl_closed = ctl_closed;
    said.io_closed = io_closed;
    return said;
  }
  /// How much that is, to tell when all of it has come: what `next` counts, the other frames'
  /// bytes, and those of io.
  struct Amount {
    std::uint64_t counted = 0;
    std::size_t ctl = 0;
    std::size_t io = 0;

    bool Covers(const Amount& other) const {
      return counted >= other.counted && ctl >= other.ctl && io >= other.io;
    }
  };
  Amount HowMuch() const {
    Amount amount;
    for (const wire::Frame& frame : ctl) {
      if (frame.key == wire::kNext) {
        amount.counted += wire::ToU32(frame.payload);
      } else {
        amount.ctl += 8 + frame.payload.size();
      }
    }
    for (const auto& [seq, stream] : io) {
      for (const std::string& piece : stream) amount.io += std::max<std::size_t>(piece.size(), 1);
    }
    return amount;
  }
};

struct PlayedPace {
  /// Between two writes the client waits for as long as the recorded one did, but at most that
  /// long: that one waited most of its time for the slow machine, of which programs need a part.
  std::chrono::milliseconds longest_pause{300};
  std::chrono::milliseconds quiet{200};  // at the end: nothing more may come
};

class PlayedClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  PlayedClient(std::string ctl_path, std::string io_path, PlayedPace pace = {})
      : pace_(pace),
        ctl_(std::move(ctl_path), RawClient::Kind::kCtl),
        io_(std::move(io_path), RawClient::Kind::kIo) {}

  /// Plays all of it; what was heard meanwhile.
  Said Play(const Recording& recording) {
    std::string recorded_ctl;
    std::string recorded_io;
    double last_write = 0;
    for (const Recording::Event& event : recording.events) {
      End& end = event.ctl ? ctl_ : io_;
      switch (event.dir) {
        case Recording::Dir::kOpen:
          end.Open();
          break;
        case Recording::Dir::kFromAgent:
          (event.ctl ? recorded_ctl : recorded_io) += event.bytes;
          break;
        case Recording::Dir::kFromClient:
          HearAtLeast(Said::FromBytes(recorded_ctl, recorded_io));
          HearFor(Pause(event.ms - last_write));
          last_write = event.ms;
          end.Write(event.bytes);
          break;
        case Recording::Dir::kClose:
          HearAtLeast(Said::FromBytes(recorded_ctl, recorded_io));
          if (event.by_agent) {
            HearUntil([&] { return end.closed; });
          } else {
            end.Close();
          }
          break;
      }
    }
    HearAtLeast(Said::FromBytes(recorded_ctl, recorded_io));
    HearFor(pace_.quiet);
    Said said = Said::FromBytes(ctl_.heard, io_.heard);
    said.ctl_closed = ctl_.closed;
    said.io_closed = io_.closed;
    return said;
  }

 private:
  static constexpr Milliseconds kDeadline{15'000};

  /// One channel's connection and what came over it.
  struct End {
    End(std::string where, RawClient::Kind what) : path(std::move(where)), kind(what) {}

    void Open() {
      client.emplace(kind, path);
      closed = false;
    }
    void Close() { client.reset(); }
    /// The agent may be gone.
    void Write(std::string_view bytes) {
      while (client && !closed && !bytes.empty()) {
        const ssize_t sent = ::send(client->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    void Hear() {
      std::array<char, 65536> buffer{};
      const ssize_t count = ::recv(client->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) heard.append(buffer.data(), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) closed = true;
    }

    const std::string path;
    const RawClient::Kind kind;
    std::optional<RawClient> client;
    std::string heard;
    bool closed = false;  // by the agent
  };

  Milliseconds Pause(double recorded) const {
    return std::min(Milliseconds(static_cast<int>(recorded)), pace_.longest_pause);
  }
  void HearAtLeast(const Said& recorded) {
    const Said::Amount wanted = recorded.HowMuch();
    HearUntil([&] { return Said::FromBytes(ctl_.heard, io_.heard).HowMuch().Covers(wanted); });
  }
  template <typename Condition>
  void HearUntil(const Condition& enough) {
    const Clock::time_point deadline = Clock::now() + kDeadline;
    while (!enough() && Clock::now() < deadline && !(ctl_.closed && io_.closed)) {
      HearOnce(deadline);
    }
  }
  void HearFor(Milliseconds time) {
    const Clock::time_point end = Clock::now() + time;
    while (Clock::now() < end) HearOnce(end);
  }
  void HearOnce(Clock::time_point until) {
    std::array<pollfd, 2> fds{};
    for (std::size_t i = 0; i < fds.size(); ++i) {
      const End& end = i == 0 ? ctl_ : io_;
      fds[i] = {end.client && !end.closed ? end.client->fd() : -1, POLLIN, 0};
    }
    const auto left = std::chrono::ceil<Milliseconds>(until - Clock::now());
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<Milliseconds::rep>(left.count(), 0)));
    if (fds[0].revents != 0) ctl_.Hear();
    if (fds[1].revents != 0) io_.Hear();
  }

  const PlayedPace pace_;
  End ctl_;
  End io_;
};

#endif  // MOCK_HYPERSTART_TESTS_CONFORMANCE_PLAYED_CLIENT_HPP_
