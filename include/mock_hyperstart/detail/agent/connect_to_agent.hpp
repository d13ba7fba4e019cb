// How a client's thread connects to the agent that the client is forwarded to, which may start
// later than the client. Used on the channel's thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CONNECT_TO_AGENT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CONNECT_TO_AGENT_HPP_

#include <fmt/core.h>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/upstream.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Connects to the agent at `path`, and tries again until Options::timeout is over, also when the
/// client has left: what it had sent is still to be forwarded. If that fails: no descriptor, Stop
/// says so, and the client is disconnected. Also no descriptor, but no error, if the mock ends the
/// client's connection or stops before.
inline Descriptor ConnectToAgent(const std::string& path, Channel channel, ChannelServer& server,
                                 const Connection& client, const ServiceContext& context) {
  constexpr std::chrono::milliseconds kRetry{10};
  const Clock::time_point end = DeadlineIn(context.options.timeout);
  bool stops = false;
  int error = 0;
  do {
    stops = server.IsStopping();  // before the attempt: an agent that was there at Stop is reached
    Upstream::Connected connected = Upstream::Connect(path);
    if (connected.error == 0) return std::move(connected.socket);
    error = connected.error;
    if (stops || Clock::now() >= end) break;
    if (!client.Sleep(kRetry) && !client.IsClosing()) server.WaitForStop(kRetry);
  } while (!client.IsClosing());
  if (client.IsClosing()) return {};

  const std::string reason = std::generic_category().message(error);
  if (stops) {  // the client has left by itself
    context.log.Words(
        EventKind::kFault, channel,
        fmt::format("not forwarded to the agent at {}, since the mock stops: {}", path, reason));
    return {};
  }
  const std::string text =
      fmt::format("cannot forward a client of {} to the agent at {}: {} (tried for {} ms)",
                  ToString(channel), path, reason, context.options.timeout.count());
  context.log.Words(EventKind::kFault, channel, text);
  context.records.AddError(text);
  server.Disconnect();
  return {};
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CONNECT_TO_AGENT_HPP_
