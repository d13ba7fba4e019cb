// Whose rights a process has and what its environment is. Stateless: any thread.
//
// Source of the behaviour: hyper_setup_exec_user and hyper_setup_env of hyperstart v1.1.0,
// virtio-09j-env, virtio-06l3-exec-user.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_ACCOUNTS_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_ACCOUNTS_HPP_

#include <sys/types.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/files.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"

namespace hyperstart::detail {

/// A process's user, as it is told to the kernel and to the process.
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  AgentString name;   // USER
  AgentString home;   // HOME
  bool real = false;  // of an /etc/passwd, not imagined: a local process can become it
};

/// /etc/passwd and /etc/group of a container. Without a directory of files of its own, a user and a
/// group that are not there exist all the same, but those whose name says otherwise.
class Accounts {
 public:
  explicit Accounts(const FileSystem& files)
      : imagined_(files.root().empty()),
        passwd_(Fields(files.Text("/etc/passwd"))),
        group_(Fields(files.Text("/etc/group"))) {}

  /// Nothing: the agent can't start the process. An unknown number is good, with group 0.
  std::optional<Credentials> Find(const ProcessRequest& process, bool old_agent) const {
    std::string user = process.user.value_or("");
    const std::string group = process.group.value_or("");
    if (user.empty() && old_agent) {
      if (!group.empty() || !process.additional_groups.empty()) return std::nullopt;
      return Credentials();
    }
    if (user.empty()) user = "0";
    std::optional<Credentials> found = FindUser(user);
    if (!found) return std::nullopt;
    if (!group.empty()) {
      const std::optional<gid_t> gid = FindGroup(group);
      if (!gid) return std::nullopt;
      found->gid = *gid;
    }
    for (const AgentString& additional : process.additional_groups) {
      std::optional<gid_t> gid = additional ? Number(*additional) : std::nullopt;
      if (!gid && additional) gid = FindGroup(*additional);
      if (!gid) return std::nullopt;
      found->groups.push_back(*gid);
    }
    return found;
  }

 private:
  using Line = std::vector<std::string>;

  static std::vector<Line> Fields(const std::optional<std::string>& text) {
    std::vector<Line> lines;
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
      lines.push_back(Split(line, ':'));
    }
    return lines;
  }
  static Line Split(std::string_view text, char separator) {
    Line fields(1);
    for (const char byte : text) {
      if (byte == separator) {
        fields.emplace_back();
      } else {
        fields.back() += byte;
      }
    }
    return fields;
  }
  static std::optional<std::uint32_t> Number(const std::string& text) {
    char* end = nullptr;
    const long number = std::strtol(text.c_str(), &end, 10);
    if (end == text.c_str() || *end != '\0' || number < 0) return std::nullopt;
    return static_cast<std::uint32_t>(number);
  }

  /// By number where the name is one, by name else.
  std::optional<Credentials> FindUser(const std::string& user) const {
    const std::optional<std::uint32_t> number = Number(user);
    for (const Line& line : passwd_) {
      if (line.size() < 6) continue;
      const std::optional<std::uint32_t> uid = Number(line[2]);
      if (!uid || (number ? *uid != *number : line[0] != user)) continue;
      const gid_t gid = Number(line[3]).value_or(0);
      return Credentials{*uid, gid, GroupsOf(line[0], gid), line[0], line[5], true};
    }
    if (imagined_) {
      if (user == "root" || number == 0U) return Credentials{0, 0, {0}, "root", "/root", false};
      if (!number && NamesNothing(user)) return std::nullopt;
      if (!number) return Credentials{1000, 1000, {1000}, user, "/home/" + user, false};
    }
    if (!number) return std::nullopt;
    return Credentials{*number, 0, {}, {}, {}, !imagined_};
  }
  /// Those that list the user; where none does, its own. From source.
  std::vector<gid_t> GroupsOf(const std::string& user, gid_t own) const {
    std::vector<gid_t> groups;
    for (const Line& line : group_) {
      if (line.size() < 4) continue;
      for (const std::string& member : Split(line[3], ',')) {
        if (member == user) groups.push_back(Number(line[2]).value_or(0));
      }
    }
    if (groups.empty()) groups.push_back(own);
    return groups;
  }
  std::optional<gid_t> FindGroup(const std::string& group) const {
    const std::optional<std::uint32_t> number = Number(group);
    for (const Line& line : group_) {
      if (line.size() < 3) continue;
      const std::optional<std::uint32_t> gid = Number(line[2]);
      if (gid && (number ? *gid == *number : line[0] == group)) return gid;
    }
    if (number) return number;
    if (!imagined_ || NamesNothing(group)) return std::nullopt;
    return 1000;
  }

  const bool imagined_;
  const std::vector<Line> passwd_;
  const std::vector<Line> group_;
};

/// Variables as setenv keeps them: a new one behind the others, a known one in its place.
class Environment {
 public:
  void Set(const std::string& name, const std::string& value) {
    const std::string prefix = name + '=';
    for (std::string& variable : variables_) {
      if (variable.compare(0, prefix.size(), prefix) == 0) {
        variable = prefix + value;
        return;
      }
    }
    variables_.push_back(prefix + value);
  }
  void Set(const std::vector<std::pair<AgentString, AgentString>>& envs) {
    for (const auto& [name, value] : envs) {
      if (name && value) Set(*name, *value);
    }
  }
  void Unset(const std::string& name) {
    for (auto variable = variables_.begin(); variable != variables_.end(); ++variable) {
      if (variable->compare(0, name.size() + 1, name + '=') != 0) continue;
      variables_.erase(variable);
      return;
    }
  }
  const std::vector<std::string>& variables() const { return variables_; }

  /// What the agent itself has.
  static Environment OfTheAgent() {
    Environment environment;
    environment.Set("SHLVL", "1");
    environment.Set("HOME", "/");
    environment.Set("TERM", "linux");
    environment.Set("PATH", "/bin:/sbin/:/usr/bin/:/usr/sbin/");
    environment.Set("PWD", "/");
    return environment;
  }

 private:
  std::vector<std::string> variables_;
};

/// What a process of a container finds, or with `in_agent` one beside the agent, which has the
/// agent's own. `envs` comes last. [virtio-09j-env]
inline std::vector<std::string> BuildEnvironment(const ProcessRequest& process, bool in_agent,
                                                 const std::string& hostname,
                                                 const Credentials& user) {
  Environment environment;
  const bool absolute = process.args && !process.args->empty() && process.args->front() &&
                        process.args->front()->substr(0, 1) == "/";
  if (in_agent) {
    environment = Environment::OfTheAgent();
  } else {
    environment.Set("HOME", "/");
    environment.Set("HOSTNAME", hostname);
    if (process.terminal) environment.Set("TERM", "xterm");
  }
  if (user.name) environment.Set("USER", *user.name);
  if (user.home) environment.Set("HOME", *user.home);
  if (!in_agent && !absolute) environment.Set("PATH", "/usr/local/bin:/usr/bin:/bin:.");
  environment.Set(process.envs);
  return environment.variables();
}

/// The same of v0.7.0, where a process of a container has the agent's environment and that of the
/// container's init. From source.
inline std::vector<std::string> BuildOldEnvironment(
    const ProcessRequest& process, const std::vector<std::pair<AgentString, AgentString>>& inits,
    const std::string& hostname, const Credentials& user) {
  Environment environment = Environment::OfTheAgent();
  environment.Set(inits);
  environment.Set("HOME", "/root");
  environment.Set("HOSTNAME", hostname);
  environment.Unset("TERM");
  if (process.terminal) environment.Set("TERM", "xterm");
  if (user.name) environment.Set("USER", *user.name);
  if (user.home) environment.Set("HOME", *user.home);
  environment.Set(process.envs);
  return environment.variables();
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_ACCOUNTS_HPP_
