// How one channel stands, for waits and their failures. Used under the lock of the records.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_STATUS_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_STATUS_HPP_

#include <cstddef>
#include <optional>
#include <string>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/received_text.hpp"

namespace hyperstart::detail {

struct ChannelStatus {
  bool connected = false;
  std::string partial;  // "300 of 512 bytes of a newcontainer have arrived"; empty between frames
  std::optional<Clock::time_point> departed_at;  // when the last client left
  std::size_t departures = 0;                    // that no wait has taken

  /// "connected, 300 of 512 bytes of a newcontainer have arrived, and another client is waiting"
  std::string Describe(Clock::time_point start, bool has_backlog) const {
    std::string text = connected     ? "connected"
                       : departed_at ? "client gone since " + DescribeTimeSince(start, *departed_at)
                                     : "never connected";
    if (!partial.empty()) text += ", " + partial;
    if (has_backlog) text += ", and another client is waiting";
    return text;
  }
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_STATUS_HPP_
