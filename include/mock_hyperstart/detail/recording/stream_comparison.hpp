// Compares the ends of streams, which an agent tells on io, with those that the model has told. The
// two channels have no order between them: so the numbers are compared, once a channel has ended.
// Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/recording/shadow_agent.hpp"
#include "mock_hyperstart/detail/recording/shadow_core.hpp"

namespace hyperstart::detail {

class StreamComparison {
 public:
  static constexpr std::string_view kRule =
      "a process ends its stdio stream once, when it is over, and never its stderr stream; input "
      "on a stream that no process has is answered with an end [virtio-06i-exec-script, "
      "virtio-07a-io-unknown-seq]";

  struct Difference {
    std::uint64_t seq;
    std::string agent;
    std::string model;
  };

  /// `runs`: a process has that stream, whose end was not told. It may have ended all the same:
  /// then the agent answers the input with an end of stream, after the one of the process.
  void AddInput(std::uint64_t seq, bool runs) {
    ++(runs ? streams_[seq].inputs_of_process : streams_[seq].inputs);
  }
  /// True for the byte that follows an end of stream: with API 4242 it may be a status.
  /// `has_event`: some process has or had that stream, whose end is told on ctl, too.
  bool AddOutput(std::uint64_t seq, const std::string& data, bool has_event) {
    Stream& stream = streams_[seq];
    const bool follows_end = stream.ended_last && data.size() == 1;
    stream.ended_last = data.empty();
    if (data.empty()) {
      ++stream.ends;
      if (has_event) {
        unproven_.push_back(seq);
        ++ends_;
      }
    } else {
      stream.has_output = true;
    }
    return follows_end;
  }

  /// How many ends of such streams the agent has told.
  std::uint64_t ends() const { return ends_; }
  /// The agent sends the event of a process, on ctl, before it reads the next command. So when it
  /// answers a command that was sent after `ends` ends of streams, it must have sent their events.
  std::optional<Difference> CompareEvents(std::uint64_t ends, const ShadowAgent& shadow) {
    for (; !unproven_.empty() && ends_ - unproven_.size() < ends; unproven_.pop_front()) {
      const std::uint64_t seq = unproven_.front();
      Stream& stream = streams_[seq];
      const std::size_t told = Ends(shadow, seq);
      if (std::exchange(stream.told, told) != told) {
        stream.inputs += std::exchange(stream.inputs_of_process, 0);
      }
      if (++stream.proven > told + stream.inputs) {
        return Difference{seq, "an end of stream, then a reply without the event before it",
                          fmt::format("{} events of processes with that stream", told)};
      }
    }
    return std::nullopt;
  }

  /// `is_whole`: both channels have ended as the agent powered off, and it has told all.
  std::optional<Difference> Compare(const ShadowAgent& shadow, ShadowCore& core, bool is_whole) {
    for (const auto& [seq, ends] : shadow.ends()) streams_[seq];
    for (const auto& [seq, stream] : streams_) {
      const std::size_t ends = Ends(shadow, seq);
      // At most: each input may have been answered with an end, and each listed process may have
      // ended without an event yet.
      const std::size_t most =
          ends + stream.inputs + stream.inputs_of_process + (is_whole ? 0 : core.CountOf(seq));
      if (stream.ends > most || (is_whole && stream.ends < ends)) {
        return Difference{seq, fmt::format("{} ends of stream", stream.ends),
                          fmt::format("{}, one for each process whose end was told", ends)};
      }
      if (stream.has_output && !core.HadStream(seq)) {
        return Difference{seq, "output", "none: no process has that stream"};
      }
    }
    return std::nullopt;
  }

 private:
  struct Stream {
    std::size_t ends = 0;    // that the agent has told
    std::size_t proven = 0;  // of these, those whose event had to come, and came
    std::size_t told = 0;    // ends of processes that were told when it was last looked at
    std::size_t inputs = 0;  // frames of the client, which the agent may have answered with an end
    std::size_t inputs_of_process = 0;  // the same, since an end of a process was told
    bool has_output = false;
    bool ended_last = false;
  };

  static std::size_t Ends(const ShadowAgent& shadow, std::uint64_t seq) {
    const auto found = shadow.ends().find(seq);
    return found == shadow.ends().end() ? 0 : found->second;
  }

  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t ends_ = 0;
  std::deque<std::uint64_t> unproven_;  // the streams of the last of these ends
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_
