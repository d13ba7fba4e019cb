// Whether the routes and addresses of a request can be set up. Source of the behaviour: the
// recordings virtio-09k-*, and src/net.c of hyperstart v1.1.0. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/model/request_values.hpp"

namespace hyperstart::detail {

enum class RouteSetup { kWorks, kFails, kFailsLate };

/// An address as the agent reads it: up to four numbers as C writes them, the rest zero.
inline std::optional<std::uint32_t> ReadIpv4(const std::string& text) {
  std::uint32_t address = 0;
  const char* at = text.c_str();
  for (int shift = 24; shift >= 0; shift -= 8) {
    char* end = nullptr;
    const unsigned long number = std::strtoul(at, &end, 0);
    if (end == at || number > 255) return std::nullopt;
    address |= static_cast<std::uint32_t>(number) << shift;
    if (*end == '\0') return address;
    if (*end != '.') return std::nullopt;
    at = end + 1;
  }
  return std::nullopt;
}
/// Whether it is a number, or an address of ones and then zeros.
inline bool IsNetMask(const std::string& text) {
  char* end = nullptr;
  const unsigned long number = std::strtoul(text.c_str(), &end, 0);
  if (end != text.c_str() && *end == '\0' && number <= UINT32_MAX) return true;
  const std::optional<std::uint32_t> mask = ReadIpv4(text);
  return mask && (~*mask & (~*mask + 1)) == 0;
}

/// Whether the agent can set an interface's addresses: it does not wait for the kernel's answer.
/// Nothing: it reads a null pointer. An agent of API 4242 needs one address.
inline std::optional<bool> CheckAddresses(const InterfaceRequest& interface, bool old_agent) {
  if (old_agent) {
    if (interface.addresses.empty()) return false;
    const InterfaceRequest::Address& one = interface.addresses.front();
    return one.address && one.mask && ReadIpv4(*one.address) && IsNetMask(*one.mask);
  }
  for (const auto& [address, mask] : interface.addresses) {
    if (!address) return std::nullopt;
    if (address->empty()) continue;
    if (!ReadIpv4(address->substr(address->front() == '-' ? 1 : 0))) return false;
    if (!mask) return std::nullopt;
    if (!IsNetMask(*mask)) return false;
  }
  return true;
}

/// How the first route ends that can't be set up. kFailsLate: the agent waits for its device first.
inline RouteSetup CheckRoutes(const std::vector<RouteRequest>& routes,
                              const std::set<std::string>& interfaces) {
  for (const RouteRequest& route : routes) {
    if (!route.dest) return RouteSetup::kFails;
    if (route.gateway && !ReadIpv4(*route.gateway)) return RouteSetup::kFails;
    if (route.device && interfaces.count(*route.device) == 0) return RouteSetup::kFailsLate;
    const std::string& dest = *route.dest;
    const bool any = dest == "default" || dest == "any" || dest == "all";
    if (any) continue;
    const std::size_t slash = dest.find('/');
    if (!ReadIpv4(dest.substr(0, slash))) return RouteSetup::kFails;
    if (slash != std::string::npos && !IsNetMask(dest.substr(slash + 1))) return RouteSetup::kFails;
  }
  return RouteSetup::kWorks;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_ROUTES_HPP_
