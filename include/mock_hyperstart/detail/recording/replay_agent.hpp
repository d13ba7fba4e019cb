// What a replay is given: through what it acts, and by which rules. Values: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_REPLAY_AGENT_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_REPLAY_AGENT_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// What a replay does. None may call the replay back before it returns.
struct ReplayAgent {
  std::function<void(Command, std::string_view)> send_message;
  std::function<void(std::uint64_t, std::string_view)> send_io;
  std::function<void(Channel, std::string_view)> send_raw;
  /// After what was sent to the client.
  std::function<void(Channel)> close;
  std::function<void(Violation)> report;
  std::function<void(Channel, std::string_view)> note;
};

/// What would answer without the replay; each may be empty. Called under no lock.
struct ReplayFallback {
  Handler handler;       // after the recording's end
  IoHandler io_handler;  // the same
  ConnectionHandler connection_handler;
};

struct ReplayRules {
  std::vector<std::string> ignore;  // JSON pointers to what may differ in a command's payload
  bool goes_on_after_end = false;   // with the fallback; else what comes then is a violation
  bool to_the_end = false;          // a client that stops before it is a violation
  /// So many clients get `ready` from the mock itself, and not from the recording.
  std::size_t greeted = 0;

  void SetGreeted(const Options& options) {
    const bool each = options.transport == Transport::kVsock ||
                      (options.transport == Transport::kUnixSocket && options.ready_on_connect);
    greeted = each                                      ? std::numeric_limits<std::size_t>::max()
              : options.transport == Transport::kVirtio ? 1
                                                        : 0;
  }
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_REPLAY_AGENT_HPP_
