// What the agent keeps of its pod: containers, files, the machine that it runs in. Finds things as
// the agent finds them, with what it dies of. Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_POD_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_POD_HPP_

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/files.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/program.hpp"

namespace hyperstart::detail {

/// The agent reads a null pointer or freed memory: why, and where that was seen.
struct Death {
  std::string why;
  std::string source;  // a recording, or "from source"
};

/// How an attempt to start a process ends before the process runs.
enum class StartOutcome { kGood, kFails, kHangs };

/// The container that the agent's own processes are in.
inline constexpr std::string_view kAgentContainer = "hyperstart";

/// What is the test's to say: programs, images, devices.
class MachineSetup {
 public:
  void AddProgram(std::string argv0, Program program) {
    programs_.emplace_back(std::move(argv0), std::move(program));
  }
  void SetAnyProgram(Program program) { any_ = std::move(program); }
  /// The newest that matches; a program that is missing, where there is none.
  Program FindProgram(const std::string& argv0) const {
    for (auto entry = programs_.rbegin(); entry != programs_.rend(); ++entry) {
      if (entry->first == argv0) return entry->second;
    }
    return any_.value_or(MissingProgram());
  }
  /// As after a failed exec of a missing file. [virtio-06k-exec-exit-kinds]
  static Program MissingProgram() {
    return Program::Custom([](Process& process) {
      process.Err(process.terminal() ? "exec failed: No such file or directory\r\n"
                                     : "exec failed: No such file or directory\n");
      process.Exit(127);
    });
  }

  void SetRootfs(std::string image, std::string directory) {
    rootfs_[std::move(image)] = std::move(directory);
  }
  /// Of an image, or of the agent itself under its container's name; "" where the test named none.
  std::string Rootfs(const std::string& image) const {
    const auto rootfs = rootfs_.find(image);
    return rootfs == rootfs_.end() ? std::string() : rootfs->second;
  }
  bool HasImage(const AgentString& image) const {
    return image && (rootfs_.count(*image) > 0 || !NamesNothing(*image));
  }

  std::set<std::string> interfaces = {"lo"};

 private:
  std::vector<std::pair<std::string, Program>> programs_;
  std::optional<Program> any_;
  std::map<std::string, std::string> rootfs_;
};

using ContainerPtr = std::shared_ptr<ModelContainer>;

class Pod {
 public:
  bool up = false;  // startpod has set it up
  bool destroy_requested = false;
  PodRequest request;         // what the startpods have said, also those that failed
  std::size_t remaining = 0;  // inits that are not over
  std::vector<ContainerPtr> containers;
  /// What writefile left, by container id, also of those that are gone.
  std::map<std::string, FileSystem> last_files;

  ContainerPtr Find(std::string_view id) const {
    for (const ContainerPtr& container : containers) {
      if (container->id == id) return container;
    }
    return nullptr;
  }
  /// A null pointer is compared with each container's id. [virtio-09a-kill-nokey]
  std::optional<Death> DiesLookingFor(const AgentString& container) const {
    if (container || containers.empty()) return std::nullopt;
    return Death{"it has no container", "virtio-09a-kill-nokey"};
  }

  struct Found {
    std::shared_ptr<ModelProcess> process;  // none: there is none
    std::optional<Death> death;
  };
  /// An init by its container, an exec by its id in the whole pod. `listed` are all processes.
  Found FindProcess(const std::vector<std::shared_ptr<ModelProcess>>& listed,
                    const AgentString& container_id, const AgentString& process_id) const {
    if (const auto death = DiesLookingFor(container_id)) return {nullptr, death};
    const ContainerPtr container = container_id ? Find(*container_id) : nullptr;
    if (!container) return {};
    if (!process_id) return {nullptr, Death{"it has no process", "virtio-09a-signal-noprocess"}};
    if (const auto& init = container->init) {
      if (!init->id) return {nullptr, Death{"the container's init has no id", "from source"}};
      if (*init->id == *process_id) return {init->IsListed() ? init : nullptr, {}};
    }
    for (const auto& process : listed) {
      if (!process->id) return {nullptr, Death{"a process has no id", "from source"}};
      if (*process->id != *process_id) continue;
      return {process->container.lock() == container ? process : nullptr, {}};
    }
    return {};
  }
  /// Whether a new exec's id is taken, in the whole pod. [virtio-09c-exec-id-elsewhere]
  static Found FindById(const std::vector<std::shared_ptr<ModelProcess>>& listed,
                        const AgentString& id) {
    for (const auto& process : listed) {
      if (!id || !process->id) {
        return {nullptr, Death{"a process has no id while another one lives", "virtio-06m2"}};
      }
      if (*process->id == *id) return {process, {}};
    }
    return {};
  }

  std::vector<Container> Describe() const {
    std::vector<Container> described;
    for (const ContainerPtr& container : containers) {
      if (!container->init) continue;
      Container& copy = described.emplace_back();
      copy.id = container->id;
      for (const auto& process : container->processes) {
        const ProcessSpec& spec = process->spec();
        copy.processes.push_back(
            {spec.id, spec.args, spec.envs, spec.terminal, !process->HasEnded(), process->status});
      }
    }
    return described;
  }
};

/// What comes of a process before its program runs, in the agent's order: working directory, user,
/// arguments, environment. [virtio-09e-exec-bad-workdir, virtio-09e-exec-emptyargs, virtio-09j-env]
inline StartOutcome CheckStart(const ProcessRequest& process, const FileSystem& files,
                               bool has_user) {
  if (process.workdir && !files.CanEnter(*process.workdir)) return StartOutcome::kFails;
  if (!has_user) return StartOutcome::kFails;
  if (process.args->empty() || !process.args->front()) return StartOutcome::kHangs;
  bool good = true;
  for (const auto& [name, value] : process.envs) {
    const bool valid = name && !name->empty() && name->find('=') == std::string::npos;
    if (valid && !value) return StartOutcome::kHangs;
    good = good && valid;
  }
  return good ? StartOutcome::kGood : StartOutcome::kFails;
}

/// The /etc/resolv.conf that the agent makes of a startpod. [from source]
inline std::string ResolverText(const PodRequest& pod) {
  std::string text;
  for (const AgentString& server : *pod.dns) {
    text += "nameserver " + server.value_or("(null)") + "\n";
  }
  const auto add = [&](const char* field, const std::vector<AgentString>& values) {
    if (values.empty()) return;
    text += field;
    for (const AgentString& value : values) text += " " + value.value_or("");
    text += "\n";
  };
  add("search", pod.dns_search);
  add("options", pod.dns_options);
  return text;
}

/// Whether there are files below /proc/sys for a container's sysctls. [from source]
inline bool HasSysctls(const ContainerRequest& container, const FileSystem& files) {
  for (const std::string& name : container.sysctls) {
    std::string path = "/proc/sys/" + name;
    std::replace(path.begin(), path.end(), '.', '/');
    const bool exists = files.in_memory()
                            ? files.CanEnter(path)
                            : files.Read(path).kind == FileSystem::ReadResult::Kind::kContent;
    if (!exists) return false;
  }
  return true;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_POD_HPP_
