// The commands of the model's agent that set up network devices and routes.
// Source of the behaviour: the recordings that are named, and src/net.c of hyperstart v1.1.0 and
// v0.7.0.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_NETWORK_COMMANDS_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_NETWORK_COMMANDS_HPP_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/model/agent_core.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/model/requests.hpp"
#include "mock_hyperstart/detail/model/routes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class NetworkCommands : public AgentCore {
 public:
  using AgentCore::AgentCore;

 protected:
  static constexpr std::chrono::milliseconds kAtOnce{0};
  /// How long the agent waits for a device to appear. [virtio-09k-setupinterface-missing]
  static constexpr std::chrono::milliseconds kInterfaceWait{2000};

  bool HasInterface(const std::string& name) const { return setup_.interfaces.count(name) > 0; }
  /// v0.7.0 does not wait. From source.
  std::chrono::milliseconds DeviceWait() const { return old_ ? kAtOnce : kInterfaceWait; }
  /// While it waits, the agent's one thread does nothing else. From source.
  Outcome ErrorAfterWait() { return Then(Reply::Error(), nullptr, DeviceWait()); }

  Outcome DieOfAddress(const DecodedMessage& message) {
    return Die(message, {"an interface has a null address or mask", "from source"});
  }

  Outcome SetupInterface(const DecodedMessage& message) {
    const std::optional<InterfaceRequest> request =
        RequestParser(message.payload, old_).Interface();
    if (!request || !request->device) return Error();
    if (!HasInterface(*request->device)) return ErrorAfterWait();
    const std::optional<bool> good = CheckAddresses(*request, old_);
    if (!good) return DieOfAddress(message);
    if (!*good) return Error();
    if (request->new_name) {
      setup_.interfaces.erase(*request->device);
      setup_.interfaces.insert(*request->new_name);
    }
    return Ack();
  }
  /// `lo` can't be removed. From source.
  Outcome DeleteInterface(const DecodedMessage& message) {
    const std::optional<InterfaceRequest> request =
        RequestParser(message.payload, old_).Interface();
    if (!request || !request->device || *request->device == "lo") return Error();
    return setup_.interfaces.erase(*request->device) > 0 ? Ack() : Error();
  }
  Outcome SetupRoute(const DecodedMessage& message) {
    const std::optional<std::vector<RouteRequest>> routes =
        RequestParser(message.payload, old_).Routes();
    if (!routes) return Error();
    const RouteSetup setup = CheckRoutes(*routes, setup_.interfaces);
    if (setup == RouteSetup::kFailsLate) return ErrorAfterWait();
    return setup == RouteSetup::kWorks ? Ack() : Error();
  }
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_NETWORK_COMMANDS_HPP_
