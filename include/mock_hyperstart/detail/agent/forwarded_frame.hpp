// A frame of another agent, and how several that are passed on in one write are recorded in the
// conversation. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/next_runs.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

template <typename Header>
struct ForwardedFrame {
  typename Header::Key key;
  std::string payload;
};

/// The bytes that a `next` frame counts. 0: it is another frame, or counts none.
inline std::uint32_t CountOfNext(Command command, const std::string& payload) {
  if (command != Command::kNext || payload.size() != 4) return 0;
  return static_cast<std::uint32_t>(GetBigEndian(payload.data(), payload.size()));
}

/// `keep_all` as in Options.
template <typename Header>
void RecordFrames(const std::vector<ForwardedFrame<Header>>& frames, bool keep_all,
                  EventLog::Writer& log) {
  const Clock::time_point now = Clock::now();
  if constexpr (std::is_same_v<Header, CtlHeader>) {
    bool same_write = false;
    std::vector<NextRun> nexts;  // not recorded yet
    const auto record_nexts = [&] {
      if (nexts.empty()) return;
      log.SentNexts(nexts.data(), nexts.data() + nexts.size(), now);
      nexts.clear();
      same_write = true;
    };
    for (const ForwardedFrame<Header>& frame : frames) {
      if (const std::uint32_t bytes = CountOfNext(frame.key, frame.payload); bytes > 0) {
        AddToRuns(nexts, 0, bytes, keep_all);
        continue;
      }
      record_nexts();
      log.Sent(frame.key, frame.payload, now, same_write);
      same_write = true;
    }
    record_nexts();
  } else {
    for (const ForwardedFrame<Header>& frame : frames) log.Sent(frame.key, frame.payload, now);
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARDED_FRAME_HPP_
