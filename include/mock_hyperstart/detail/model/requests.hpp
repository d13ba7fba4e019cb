// Reads the payloads of the commands that the agent reads with jsmn. The agent
// walks over the tokens by position and not over a tree, which is why a key that it does not know
// has the effects that it has; the same walk is taken here. Stateless: any thread.
//
// Source of the behaviour: src/parse.c of hyperstart v1.1.0 and v0.7.0.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_REQUESTS_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_REQUESTS_HPP_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/jsmn.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"

namespace hyperstart::detail {

/// The JSON before the bytes of a writefile, to its first brace: without one before a NUL, which
/// ends it for the agent, nothing. [virtio-09d-writefile-brace, from source]
inline std::optional<std::string_view> JsonOfWriteFile(std::string_view payload) {
  const std::size_t brace = payload.substr(0, payload.find('\0')).find('}');
  if (brace == std::string_view::npos) return std::nullopt;
  return payload.substr(0, brace + 1);
}

/// Walks over tokens as the agent does. What lies behind the last token reads as an empty one.
class RequestParser {
 public:
  /// Agents up to API 4242 know no ids of processes and fewer keys.
  RequestParser(std::string_view json, bool old_agent)
      : tokens_(JsmnReader::Read(json)), old_(old_agent) {}

  /// Reads over what earlier requests have left in `pod`. False: the agent answers `error` and
  /// lives, and keeps what it has read so far. [virtio-06e-startpod-bad-json, from source]
  bool Pod(PodRequest& pod) {
    if (!tokens_) return false;
    while (at_ < tokens_->size()) {
      if (Here().type != Type::kString) {
        ++at_;
      } else if (!PodKey(pod)) {
        return false;
      }
    }
    return true;
  }

  std::optional<ContainerRequest> Container() {
    if (!tokens_) return std::nullopt;
    ContainerRequest container;
    return ReadContainer(container) ? std::optional(std::move(container)) : std::nullopt;
  }

  /// Keys that it does not know are skipped. After `process` one token is skipped whatever it is:
  /// a `container` that follows directly is not seen. [virtio-09i-unknown-key-first]
  std::optional<ExecRequest> Exec() {
    if (!tokens_) return std::nullopt;
    AgentString container;
    ProcessRequest process;
    for (; at_ < tokens_->size(); ++at_) {
      if (Here().text == "container") {
        container = TokenString(Next());
      } else if (IsKey("process")) {
        ++at_;
        if (!ReadProcess(process)) return std::nullopt;
      }
    }
    if (!container || container->empty() || process.stdio == 0) return std::nullopt;
    return ExecRequest{*std::move(container), std::move(process)};
  }

  /// The object that names a file, of at most 10 tokens and without other keys. [virtio-06t-files]
  std::optional<FileRequest> File() {
    constexpr std::size_t kMostTokens = 10;
    if (!tokens_ || tokens_->size() > kMostTokens) return std::nullopt;
    AgentString container;
    AgentString file;
    for (; at_ < tokens_->size(); ++at_) {
      if (Here().type != Type::kString) continue;
      AgentString& value = Here().text == "container" ? container : file;
      if (&value == &file && Here().text != "file") return std::nullopt;
      value = TokenString(Next());
    }
    if (!container || !file) return std::nullopt;
    return FileRequest{*std::move(container), *std::move(file)};
  }

  std::optional<InterfaceRequest> Interface() {
    if (!tokens_ || tokens_->empty()) return std::nullopt;
    InterfaceRequest interface;
    return ReadInterface(interface) ? std::optional(std::move(interface)) : std::nullopt;
  }

  /// The first key must be `routes`; without any key there is nothing to do.
  std::optional<std::vector<RouteRequest>> Routes() {
    if (!tokens_) return std::nullopt;
    std::vector<RouteRequest> routes;
    while (at_ < tokens_->size() && Here().type != Type::kString) ++at_;
    if (at_ == tokens_->size()) return routes;
    if (Here().text != "routes") return std::nullopt;
    ++at_;
    return ReadRoutes(routes) ? std::optional(std::move(routes)) : std::nullopt;
  }

  /// Whether the agent has passed a null pointer to C's library, for a string with a broken escape.
  /// [from source]
  bool dies() const { return dies_; }

 private:
  using Type = JsmnToken::Type;

  const JsmnToken& Here() const {
    static const JsmnToken end;
    return at_ < tokens_->size() ? (*tokens_)[at_] : end;
  }
  const JsmnToken& Next() {
    ++at_;
    return Here();
  }
  bool IsKey(std::string_view name) const { return Here().text == name && Here().size == 1; }

  /// The key here with its value: into `value`, and past both.
  bool Take(std::string_view name, AgentString& value) {
    if (!IsKey(name)) return false;
    value = TokenString(Next());
    ++at_;
    return true;
  }
  bool Take(std::string_view name, std::uint64_t& value) {
    if (!IsKey(name)) return false;
    value = TokenNumber(Next());
    dies_ = dies_ || (old_ && !TokenString(Here()));
    ++at_;
    return true;
  }
  /// A value once true stays true.
  bool Take(std::string_view name, bool& value) {
    if (!IsKey(name)) return false;
    value = TokenBool(Next()) || value;
    ++at_;
    return true;
  }
  bool TakeIgnored(std::string_view name) {
    if (!IsKey(name)) return false;
    at_ += 2;
    return true;
  }
  /// The key here, whose value then is.
  bool TakeKey(std::string_view name) {
    if (!IsKey(name)) return false;
    ++at_;
    return true;
  }

  bool ReadStrings(std::vector<AgentString>& strings) {
    if (Here().type != Type::kArray) return false;
    strings.clear();
    for (std::size_t left = Here().size; left > 0; --left) strings.push_back(TokenString(Next()));
    ++at_;
    return true;
  }
  bool SkipStrings() {
    std::vector<AgentString> ignored;
    return ReadStrings(ignored);
  }

  /// An array of flat objects. Of each, `on_value` gets every key, with the position on its value;
  /// false for a key that is unknown.
  template <typename OnObject, typename OnValue>
  bool ReadObjects(const OnObject& on_object, const OnValue& on_value) {
    if (Here().type != Type::kArray) return false;
    std::size_t objects = Here().size;
    ++at_;
    for (; objects > 0; --objects) {
      if (Here().type != Type::kObject) return false;
      std::size_t keys = Here().size;
      on_object();
      ++at_;
      for (; keys > 0; --keys, ++at_) {
        const std::string_view key = Here().text;
        ++at_;
        if (!on_value(key)) return false;
      }
    }
    return true;
  }
  bool SkipObjects(std::initializer_list<std::string_view> known) {
    return ReadObjects([] {},
                       [&](std::string_view key) {
                         for (const std::string_view name : known) {
                           if (key == name) return true;
                         }
                         return false;
                       });
  }

  /// A key that is not known drops the rest of the process: the position stays on it, where the
  /// caller goes on. [virtio-06l-exec-errors, virtio-09i-unknown-key-first]
  bool ReadProcess(ProcessRequest& process) {
    if (Here().type != Type::kObject) return false;
    std::size_t keys = Here().size;
    ++at_;
    for (; keys > 0; --keys) {
      if ((!old_ && Take("id", process.id)) || Take("user", process.user) ||
          Take("group", process.group) || Take("terminal", process.terminal) ||
          Take("stdio", process.stdio) || Take("stderr", process.stderr_seq) ||
          Take("workdir", process.workdir)) {
        continue;
      }
      bool good = true;
      if (TakeKey("additionalGroups")) {
        good = ReadStrings(process.additional_groups);
      } else if (TakeKey("args")) {
        good = ReadStrings(process.args.emplace());
      } else if (TakeKey("envs")) {
        process.envs.clear();
        good = ReadObjects([&] { process.envs.emplace_back(); },
                           [&](std::string_view key) {
                             if (key == "env") process.envs.back().first = TokenString(Here());
                             if (key == "value") process.envs.back().second = TokenString(Here());
                             return key == "env" || key == "value";
                           });
      }
      if (!good) return false;
    }
    return true;
  }

  bool ReadContainer(ContainerRequest& container) {
    if (Here().type != Type::kObject) return false;
    std::size_t keys = Here().size;
    ++at_;
    for (; keys > 0; --keys) {
      if (!ContainerKey(container)) return false;
    }
    return true;
  }
  /// virtcontainers sends more keys than these, and so gets an `error` for each container.
  bool ContainerKey(ContainerRequest& container) {
    AgentString ignored;
    if (Take("id", container.id)) {
      dies_ = dies_ || !container.id;
      return true;
    }
    if (Take("rootfs", container.rootfs) || Take("image", container.image) ||
        Take("addr", ignored) || Take("fstype", container.fstype) || TakeIgnored("restartPolicy") ||
        Take("initialize", container.initialize) ||
        (!old_ && Take("readOnly", container.read_only))) {
      return true;
    }
    if (TakeKey("process")) return ReadProcess(container.process);
    if (TakeKey("volumes")) {
      return SkipObjects({"device", "addr", "mount", "fstype", "readOnly", "dockerVolume"});
    }
    if (TakeKey("fsmap")) return SkipObjects({"source", "path", "readOnly", "dockerVolume"});
    if (TakeKey("sysctl")) {
      if (Here().type != Type::kObject) return false;
      ReadSysctl(container);
      return true;
    }
    if (!TakeKey("ports")) return false;
    // From source: an empty list is not stepped over, and then is a key that is not known.
    return Here().size == 0 || SkipObjects({"protocol", "hostPort", "containerPort"});
  }

  /// v0.7.0 takes each value for a name, which it then does not find. [from source]
  void ReadSysctl(ContainerRequest& container) {
    container.sysctls.clear();
    for (std::size_t keys = Here().size; keys > 0; --keys) {
      const AgentString key = TokenString(Next());
      const AgentString value = TokenString(Next());
      const AgentString& name = old_ ? value : key;
      dies_ = dies_ || !name;
      container.sysctls.push_back(name.value_or(""));
    }
    ++at_;
  }

  bool PodKey(PodRequest& pod) {
    if (Take("hostname", pod.hostname) || Take("shareDir", pod.share_dir) ||
        TakeIgnored("restartPolicy")) {
      return true;
    }
    if (TakeKey("containers")) {
      if (Here().type != Type::kArray) return false;
      std::size_t containers = Here().size;
      ++at_;
      for (; containers > 0; --containers) {
        if (ReadContainer(pod.containers.emplace_back())) continue;
        pod.containers.clear();
        return false;
      }
      return true;
    }
    if (TakeKey("interfaces")) {
      if (Here().type != Type::kArray) return false;
      pod.interfaces.assign(Here().size, {});
      ++at_;
      for (InterfaceRequest& interface : pod.interfaces) {
        if (!ReadInterface(interface)) return false;
      }
      return true;
    }
    if (TakeKey("routes")) {
      std::vector<RouteRequest> routes;
      if (!ReadRoutes(routes)) return false;
      pod.routes = std::move(routes);
      return true;
    }
    if (TakeKey("dns")) return ReadStrings(pod.dns.emplace());
    if (!old_ && TakeKey("dnsSearch")) return ReadStrings(pod.dns_search);
    if (!old_ && TakeKey("dnsOptions")) return ReadStrings(pod.dns_options);
    if (!TakeKey("portmappingWhiteLists") || Here().type != Type::kObject) return false;
    std::size_t lists = Here().size;
    ++at_;
    for (; lists > 0; --lists) {
      if (Here().type != Type::kString) {
        ++at_;
      } else if (!TakeKey("internalNetworks") && !TakeKey("externalNetworks")) {
        return false;
      } else if (Here().size > 0 && !SkipStrings()) {
        --at_;  // it looks at the key again [from source]
      }
    }
    return true;
  }

  bool ReadInterface(InterfaceRequest& interface) {
    if (Here().type != Type::kObject) return false;
    std::optional<InterfaceRequest::Address> own;  // not in a list
    std::size_t keys = Here().size;
    ++at_;
    for (; keys > 0; --keys) {
      const std::string_view key = Here().text;
      ++at_;
      if (key == "device") {
        interface.device = TokenString(Here());
      } else if (key == "newDeviceName") {
        interface.new_name = TokenString(Here());
      } else if (!old_ && key == "ipAddresses") {
        if (!ReadAddresses(interface.addresses)) return false;
        continue;
      } else if (key == "ipAddress" || key == "netMask") {
        if (!own) own.emplace();
        (key == "netMask" ? own->mask : own->address) = TokenString(Here());
      } else if (old_ || key != "mtu") {
        return false;
      }
      ++at_;
    }
    if (own) interface.addresses.push_back(*std::move(own));
    return true;
  }
  bool ReadAddresses(std::vector<InterfaceRequest::Address>& addresses) {
    return ReadObjects([&] { addresses.emplace_back(); },
                       [&](std::string_view key) {
                         if (key == "ipAddress") addresses.back().address = TokenString(Here());
                         if (key == "netMask") addresses.back().mask = TokenString(Here());
                         return key == "ipAddress" || key == "netMask";
                       });
  }

  bool ReadRoutes(std::vector<RouteRequest>& routes) {
    return ReadObjects([&] { routes.emplace_back(); },
                       [&](std::string_view key) {
                         RouteRequest& route = routes.back();
                         if (key == "dest") {
                           route.dest = TokenString(Here());
                         } else if (key == "gateway") {
                           route.gateway = TokenString(Here());
                         } else if (key == "device") {
                           route.device = TokenString(Here());
                         } else {
                           return false;
                         }
                         return true;
                       });
  }

  const std::optional<std::vector<JsmnToken>> tokens_;
  const bool old_;
  std::size_t at_ = 0;
  bool dies_ = false;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_REQUESTS_HPP_
