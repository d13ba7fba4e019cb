// What the commands that the agent reads with jsmn ask for, as values.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_REQUEST_VALUES_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_REQUEST_VALUES_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hyperstart::detail {

/// A string of the agent's: nothing is C's null pointer.
using AgentString = std::optional<std::string>;

/// A process as a payload describes it.
struct ProcessRequest {
  AgentString id;
  AgentString user;
  AgentString group;
  std::vector<AgentString> additional_groups;
  bool terminal = false;
  std::uint64_t stdio = 0;
  std::uint64_t stderr_seq = 0;
  std::optional<std::vector<AgentString>> args;
  std::vector<std::pair<AgentString, AgentString>> envs;
  AgentString workdir;
};
struct ContainerRequest {
  AgentString id;
  AgentString rootfs;
  AgentString image;
  AgentString fstype;
  bool initialize = false;
  bool read_only = false;
  std::vector<std::string> sysctls;  // their names
  ProcessRequest process;
};
struct ExecRequest {
  std::string container;
  ProcessRequest process;
};
struct InterfaceRequest {
  struct Address {
    AgentString address;
    AgentString mask;
  };
  AgentString device;
  AgentString new_name;
  std::vector<Address> addresses;
};
struct RouteRequest {
  AgentString dest;
  AgentString gateway;
  AgentString device;
};
struct PodRequest {
  AgentString hostname;
  AgentString share_dir;
  std::vector<InterfaceRequest> interfaces;
  std::vector<RouteRequest> routes;
  std::optional<std::vector<AgentString>> dns;
  std::vector<AgentString> dns_search;
  std::vector<AgentString> dns_options;
  std::vector<ContainerRequest> containers;
};
struct FileRequest {
  std::string container;
  std::string file;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_REQUEST_VALUES_HPP_
