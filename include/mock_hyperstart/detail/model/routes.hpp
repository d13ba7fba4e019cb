// Whether the routes of a request can be set up. Source of the behaviour: the recordings
// virtio-09k-*, and src/net.c of hyperstart v1.1.0. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_

#include <arpa/inet.h>
#include <netinet/in.h>

#include <set>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/model/request_values.hpp"

namespace hyperstart::detail {

enum class RouteSetup { kWorks, kFails, kFailsLate };

inline bool IsIpv4Address(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

/// How the first route ends that can't be set up. kFailsLate: the agent waits for its device first.
inline RouteSetup CheckRoutes(const std::vector<RouteRequest>& routes,
                              const std::set<std::string>& interfaces) {
  for (const RouteRequest& route : routes) {
    if (!route.dest) return RouteSetup::kFails;
    if (route.gateway && !IsIpv4Address(*route.gateway)) return RouteSetup::kFails;
    if (route.device && interfaces.count(*route.device) == 0) return RouteSetup::kFailsLate;
    const std::string& dest = *route.dest;
    const bool any = dest == "default" || dest == "any" || dest == "all";
    if (!any && !IsIpv4Address(dest.substr(0, dest.find('/')))) return RouteSetup::kFails;
  }
  return RouteSetup::kWorks;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_
