// A frame of another agent, and how several that are passed on in one write are recorded in the
// conversation. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

template <typename Header>
struct ForwardedFrame {
  typename Header::Key key;
  std::string payload;
};

template <typename Header>
void RecordFrames(const std::vector<ForwardedFrame<Header>>& frames, EventLog::Writer& log) {
  const Clock::time_point now = Clock::now();
  if constexpr (std::is_same_v<Header, CtlHeader>) {
    bool same_write = false;
    std::vector<NextRun> nexts;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const ForwardedFrame<Header>& frame = frames[i];
      if (frame.key == Command::kNext && frame.payload.size() == 4) {
        const auto bytes = static_cast<std::uint32_t>(GetBigEndian(frame.payload.data(), 4));
        nexts.push_back({bytes, 1});
        const bool goes_on = i + 1 < frames.size() && frames[i + 1].key == Command::kNext;
        if (goes_on) continue;
        log.SentNexts(nexts.data(), nexts.data() + nexts.size(), now);
        nexts.clear();
      } else {
        log.Sent(frame.key, frame.payload, now, same_write);
      }
      same_write = true;
    }
  } else {
    for (const ForwardedFrame<Header>& frame : frames) log.Sent(frame.key, frame.payload, now);
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_
