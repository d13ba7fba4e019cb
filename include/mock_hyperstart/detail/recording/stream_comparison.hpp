// Compares the ends of streams, which an agent tells on io, with those that the model has told. The
// two channels have no order between them: so the numbers are compared, once a channel has ended.
// Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

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

  void AddInput(std::uint64_t seq) { ++streams_[seq].inputs; }
  /// True for the byte that follows an end of stream: with API 4242 it may be a status.
  bool AddOutput(std::uint64_t seq, const std::string& data) {
    Stream& stream = streams_[seq];
    const bool follows_end = stream.ended_last && data.size() == 1;
    stream.ended_last = data.empty();
    if (data.empty()) {
      ++stream.ends;
    } else {
      stream.has_output = true;
    }
    return follows_end;
  }

  /// `is_whole`: both channels have ended as the agent powered off, and it has told all.
  std::optional<Difference> Compare(const ShadowAgent& shadow, ShadowCore& core, bool is_whole) {
    for (const auto& [seq, ends] : shadow.ends()) streams_[seq];
    for (const auto& [seq, stream] : streams_) {
      const auto found = shadow.ends().find(seq);
      const std::size_t ends = found == shadow.ends().end() ? 0 : found->second;
      // Each input may have come when no process had the stream, a process be over and not told.
      const std::size_t most = ends + stream.inputs + (is_whole ? 0 : core.CountOf(seq));
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
    std::size_t inputs = 0;  // frames of the client
    bool has_output = false;
    bool ended_last = false;
  };
  std::map<std::uint64_t, Stream> streams_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_STREAM_COMPARISON_HPP_
