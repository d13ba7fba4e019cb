// The commands of the model's agent, each in the agent's order of checks, with its errors, and with
// what it dies of or hangs at.
// Source of the behaviour: the recordings that are named, and src/init.c, src/exec.c and
// src/container.c of hyperstart v1.1.0 and v0.7.0.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_AGENT_COMMANDS_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_AGENT_COMMANDS_HPP_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/accounts.hpp"
#include "mock_hyperstart/detail/model/files.hpp"
#include "mock_hyperstart/detail/model/network_commands.hpp"
#include "mock_hyperstart/detail/model/parson.hpp"
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/model/requests.hpp"
#include "mock_hyperstart/detail/model/routes.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/program.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class AgentCommands : public NetworkCommands {
 public:
  using NetworkCommands::NetworkCommands;

  /// On the ctl thread, under no lock. Nothing else is done until the reply's end: see ReplySpec.
  Reply Handle(const DecodedMessage& message) {
    const auto answer = std::make_shared<Answer>(shared_from_this());
    Outcome outcome;
    {
      std::unique_lock lock = Enter();
      answer->Begin(lock);
      outcome = stopped() ? Silence() : Dispatch(message);
    }
    if (outcome.close) CloseNow();
    return ReplyAccess::WithEnd(std::move(outcome.reply), answer);
  }

 protected:
  static constexpr std::string_view kNoSuchProcess{"no such process\0", 16};  // with its NUL

  /// Of API 4242, which names a process by its stream.
  ProcessPtr FindBySeqOf(const ParsonObject& json) const {
    const double seq = json.Number("seq");
    const bool fits = seq >= 0 && seq < 18446744073709551616.0;
    return fits ? FindBySeq(static_cast<std::uint64_t>(seq)) : nullptr;
  }

 private:
  static constexpr std::string_view kNoSuchContainer{"no such container\0", 18};  // with its NUL
  static constexpr std::string_view kInvalidSignal{"invalid signal\0", 15};
  static constexpr std::uint32_t kOldApiVersion = 4242;

  Outcome Dispatch(const DecodedMessage& message) {
    switch (message.command) {
      case Command::kVersion:
        return old_ ? Ack(BigEndian32(kOldApiVersion)) : Outcome{Reply()};
      case Command::kPing:
      case Command::kReady:  // [virtio-04a-odd-codes]
      case Command::kOnlineCpuMem:
        return Ack();
      case Command::kGetPodDeprecated:
        return old_ ? Ack() : Error();  // [virtio070-01-basic, virtio-04a-odd-codes]
      case Command::kStartPod:
        return StartPod(message);
      case Command::kDestroyPod:
        return DestroyPod();
      case Command::kNewContainer:
        return NewContainer(message);
      case Command::kExecCmd:
        return ExecCmd(message);
      case Command::kKillContainer:
        return KillContainer(message);
      case Command::kRemoveContainer:
        return RemoveContainer(message);
      case Command::kSignalProcess:
        return old_ ? Error() : SignalProcess(message);
      case Command::kWinSize:
        return old_ ? ResizeBySeq(message) : Resize(message);
      case Command::kWriteFile:
        return WriteFile(message);
      case Command::kReadFile:
        return ReadFile(message);
      case Command::kSetupInterface:
        return SetupInterface(message);
      case Command::kDeleteInterface:
        return old_ ? Error() : DeleteInterface(message);
      case Command::kSetupRoute:
        return SetupRoute(message);
      default:
        return Error();  // [virtio-04a-odd-codes]
    }
  }

  // ---- the pod

  Outcome StartPod(const DecodedMessage& message) {
    RequestParser parser(message.payload, old_);
    const bool good = parser.Pod(pod_.request);
    if (parser.dies()) return DieOfEscape(message);
    if (!good) return Error();  // [virtio-06e-startpod-bad-json]
    const PodRequest& pod = pod_.request;
    // v0.7.0 fails only where it mounts the share again. [from source]
    if (pod_.up && (!old_ || pod.share_dir)) return PodFails("a second startpod [virtio-06h]");
    for (const InterfaceRequest& interface : pod.interfaces) {
      if (!interface.device) return PodFails("an interface without a device [from source]");
      if (!HasInterface(*interface.device)) {
        return PodFails("there is no interface " + *interface.device + " [from source]",
                        DeviceWait());
      }
      const std::optional<bool> addresses = CheckAddresses(interface, old_);
      if (!addresses) return DieOfAddress(message);
      if (!*addresses) return PodFails("an address can't be set [from source]");
    }
    const RouteSetup routes = CheckRoutes(pod.routes, setup_.interfaces);
    if (routes != RouteSetup::kWorks) {
      return PodFails("a route can't be set [from source]",
                      routes == RouteSetup::kFails ? kAtOnce : DeviceWait());
    }
    if (pod.share_dir && NamesNothing(*pod.share_dir)) {
      return PodFails("shareDir can't be mounted [virtio-06g-startpod-bad-share]");
    }
    if (!pod.hostname) return Hang(message, "it has no hostname", "virtio-06f");
    pod_.up = true;
    for (const ContainerRequest& request : std::exchange(pod_.request.containers, {})) {
      // [virtio-09f-startpod-good-list, -first-fails, -second-fails]
      const Started started = StartContainer(request);
      if (started.outcome == StartOutcome::kHangs) return HangAtStart(message);
      if (started.outcome == StartOutcome::kGood) continue;
      if (started.dies) return DieOfStart(message, "from source");
      auto failed = std::make_shared<ModelContainer>();
      failed->id = request.id.value_or("(null)");
      pod_.containers.push_back(std::move(failed));
      return PodFails("the first container can't be started [virtio-09f-startpod-first-fails]");
    }
    return Ack();
  }
  /// Power off; but where containers run they get SIGTERM, and the agent lives.
  Outcome PodFails(std::string why, std::chrono::milliseconds after = kAtOnce) {
    if (pod_.remaining == 0) return PowerOffAfter(Reply::Error(), std::move(why), after);
    return Then(
        Reply::Error(), [this] { TerminateEverything(); }, after);
  }

  /// The `ack` comes after the last init's event; `next` comes at once, and a second command adds
  /// no second `ack`. [virtio-06u, virtio-06w, virtio-06x, virtio-06y, virtio-09g-*]
  Outcome DestroyPod() {
    pod_.destroy_requested = true;
    if (pod_.remaining == 0) return PowerOffAfter(Reply::Ack(), "destroypod");
    return Then(Reply::Nothing(), [this] { TerminateEverything(); });
  }

  // ---- containers and processes

  struct Started {
    StartOutcome outcome = StartOutcome::kFails;
    bool dies = false;  // the agent, of what failed
  };

  Outcome NewContainer(const DecodedMessage& message) {
    if (!pod_.up) return Error();  // [virtio-06c-newcontainer-before-pod]
    RequestParser parser(message.payload, old_);
    const std::optional<ContainerRequest> request = parser.Container();
    if (parser.dies()) return DieOfEscape(message);
    if (!request) return Error();  // [virtio-06r4]
    if (!old_ && !request->id) return Die(message, {"it has no id", "from source"});
    if (!old_ && (*request->id == kAgentContainer || pod_.Find(*request->id))) return Error();
    const Started started = StartContainer(*request);
    if (started.outcome == StartOutcome::kHangs) return HangAtStart(message);
    if (started.outcome == StartOutcome::kGood) return Ack();
    if (!started.dies) return Error();  // [virtio-06r9]
    return DieOfStart(message, "virtio-09e-newcontainer-bad-user");
  }

  Started StartContainer(const ContainerRequest& request) {
    const ProcessRequest& process = request.process;
    if (!setup_.HasImage(request.image) || !request.rootfs || NamesNothing(*request.rootfs)) {
      return {};
    }
    // From source: the agent prints the first argument.
    if (!process.args) return {StartOutcome::kHangs};
    if (!HasStreams(process) || !request.id || request.id->empty()) return {};
    auto container = std::make_shared<ModelContainer>();
    container->id = *request.id;
    container->envs = process.envs;
    container->files = FilesFor(*request.image, process, request.read_only);
    ProvideFiles(container->files);
    // v0.7.0 takes the values for names. [from source]
    if (old_ ? !request.sysctls.empty() : !HasSysctls(request, container->files)) return {};
    if (request.initialize && !request.read_only) {  // [from source]
      if (!process.workdir || !container->files.MakeDirectory(*process.workdir)) return {};
    }
    const std::optional<Credentials> user = Accounts(container->files).Find(process, old_);
    const StartOutcome outcome = CheckStart(process, container->files, user.has_value());
    if (outcome != StartOutcome::kGood && !old_) return {outcome, true};
    pod_.containers.push_back(container);
    pod_.last_files.erase(container->id);
    AddStarted(process, container, container->files, user, outcome, true);
    return {StartOutcome::kGood};
  }
  /// The pod's, which are bound over those of each container. [from source]
  void ProvideFiles(FileSystem& files) const {
    const PodRequest& pod = pod_.request;
    if (!old_ && pod.hostname) files.Provide("/etc/hostname", *pod.hostname + "\n");
    if (pod.dns) files.Provide("/etc/resolv.conf", ResolverText(pod));
  }
  Outcome DieOfStart(const DecodedMessage& message, const char* source) {
    return Die(message, {"its user or workdir does not exist", source});
  }
  Outcome DieOfEscape(const DecodedMessage& message) {
    return Die(message, {"a string has a broken escape", "from source"});
  }
  static bool HasStreams(const ProcessRequest& process) {  // [virtio-06l-exec-errors]
    return process.stdio != 0 && (process.terminal || process.stderr_seq != 0);
  }

  Outcome ExecCmd(const DecodedMessage& message) {
    RequestParser parser(message.payload, old_);
    const std::optional<ExecRequest> request = parser.Exec();
    if (parser.dies()) return DieOfEscape(message);
    if (!request) return Error();
    const ProcessRequest& process = request->process;
    const ContainerPtr container = pod_.Find(request->container);
    const bool in_agent = !old_ && request->container == kAgentContainer;
    if (old_ && !pod_.up) return Error();
    if (!old_) {
      if (!container && !in_agent) return Error();  // [virtio-06b-missing-container]
      const Pod::Found same = Pod::FindById(listed(), process.id);
      if (same.death) return Die(message, *same.death);
      if (same.process) return Error();  // [virtio-09c-exec-id-elsewhere, virtio-09m]
    }
    if (!process.args || !HasStreams(process)) return Error();
    // There are no terminals before startpod, and none of a container that there is not.
    // [virtio-06d-exec-hyperstart-before-pod, from source]
    if (process.terminal && !container && (!in_agent || !pod_.up)) return Error();
    const FileSystem own = FilesFor(std::string(kAgentContainer), process, false);
    const FileSystem& files = container ? container->files : own;
    const std::optional<Credentials> user = Accounts(files).Find(process, old_);
    StartOutcome outcome = CheckStart(process, files, user.has_value());
    if (container && !container->init) outcome = StartOutcome::kFails;
    if (!old_ && outcome == StartOutcome::kHangs) return HangAtStart(message);
    if (!old_ && outcome == StartOutcome::kFails) {
      // It uses what it has freed; once of two times it survived a bad user. [virtio-06l3]
      return ErrorAndDie(
          message, {"its workdir, user or group does not exist", "virtio-09e-exec-bad-workdir"});
    }
    if (!container && !in_agent) outcome = StartOutcome::kFails;
    AddStarted(process, container, files, user, outcome, false);
    return Ack();
  }
  /// An agent of API 4242 finds only after its `ack` that a process can't be started, and tells it
  /// by the status alone. From source.
  void AddStarted(const ProcessRequest& request, const ContainerPtr& container,
                  const FileSystem& files, const std::optional<Credentials>& user,
                  StartOutcome outcome, bool is_init) {
    ProcessRequest started = request;
    const bool named = !started.args->empty() && started.args->front();
    if (!named) started.args = std::vector<AgentString>{""};
    const ProcessPtr process =
        AddProcess(started, container, files, user.value_or(Credentials()), is_init);
    if (outcome != StartOutcome::kGood) {
      process->program = Program::Exit(outcome == StartOutcome::kHangs ? 0 : 125);
    }
  }
  Outcome HangAtStart(const DecodedMessage& message) {
    return Hang(message, "args is empty, or a variable of envs has no value",
                "virtio-09e-exec-emptyargs, virtio-09j-env");
  }

  Outcome KillContainer(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return Error();  // [virtio-06a-kill-missing]
    const AgentString id = json->String("container");
    if (const auto death = pod_.DiesLookingFor(id)) return Die(message, *death);
    const ContainerPtr container = id ? pod_.Find(*id) : nullptr;
    if (!container) return Error(old_ ? std::string() : std::string(kNoSuchContainer));
    const int signal = json->Int("signal");
    const bool known = signal >= 0 && signal <= 64;
    // The kernel looks for the process before it looks at the signal. [from source]
    const bool gone = container->init && container->init->HasEnded();
    if (gone && !old_) return Error(std::string(kNoSuchProcess));
    if (!old_ && !known) return Error(std::string(kInvalidSignal));  // [virtio-06r-container]
    if (container->init && known && signal > 0) {
      return AckThenSignal(container->init, signal, false);
    }
    return Ack();  // none, or 0, has no effect [virtio-09b-signal-999]
  }

  Outcome RemoveContainer(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return Error();
    const AgentString id = json->String("container");
    if (const auto death = pod_.DiesLookingFor(id)) return Die(message, *death);  // [virtio-06r5]
    const ContainerPtr container = id ? pod_.Find(*id) : nullptr;
    // A container of API 4243 and later is gone once its init is over. [virtio-06r-container]
    if (!container || !container->init || !container->init->HasEnded()) return Error();
    Forget(container);
    container->init->removed = container->init->IsListed();
    if (container->init->removed) container->init->id = std::nullopt;
    pod_.containers.erase(std::remove(pod_.containers.begin(), pod_.containers.end(), container),
                          pod_.containers.end());
    return Ack();
  }

  Outcome SignalProcess(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return Error();
    const Pod::Found found =
        pod_.FindProcess(listed(), json->String("container"), json->String("process"));
    if (found.death) return Die(message, *found.death);
    if (!found.process) return Error();
    // Any number is good, but the kernel may not know it. [virtio-09b-signal-999]
    const int signal = json->Int("signal");
    if (signal <= 0 || signal > 64) return Ack();
    return AckThenSignal(found.process, signal, true);
  }
  /// The `ack` comes before what the signal brings about.
  Outcome AckThenSignal(const ProcessPtr& process, int signal, bool group) {
    return Then(Reply::Ack(), [this, process, signal, group] { Signal(*process, signal, group); });
  }

  Outcome Resize(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return Error();
    const AgentString container = json->String("container");
    const AgentString process = json->String("process");
    if (!container || !process) return Error();
    const Pod::Found found = pod_.FindProcess(listed(), container, process);
    if (found.death) return Die(message, *found.death);
    return SetSize(found.process, *json);  // [virtio-06q-exec-tty, virtio-06s-container-tty]
  }
  /// An unknown seq is acked. [virtio070-05-tty]
  Outcome ResizeBySeq(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return Error();
    const ProcessPtr process = FindBySeqOf(*json);
    return process ? SetSize(process, *json) : Ack();
  }
  Outcome SetSize(const ProcessPtr& process, const ParsonObject& json) {
    if (!process || !process->spec().terminal || process->HasEnded()) return Error();
    // Modulo 65536. [virtio-09j-winsize]
    const WindowSize size{json.Int("row") & 0xffff, json.Int("column") & 0xffff};
    return Then(Reply::Ack(), [process, size] {
      // It may not have heard of the size before.
      process->window_changed = process->window_changed || process->window != size;
      process->window = size;
      if (process->child) process->child->Resize(size);
    });
  }

  // ---- files

  /// The JSON ends at the first }, even in a string. [virtio-09d-writefile-brace]
  Outcome WriteFile(const DecodedMessage& message) {
    const std::string_view payload = message.payload;
    const std::optional<std::string_view> json = JsonOfWriteFile(payload);
    if (!json) return Error();
    const std::optional<FileRequest> request = RequestParser(*json, old_).File();
    const ContainerPtr container = request ? pod_.Find(request->container) : nullptr;
    if (!container || !container->init) return Error();
    return container->files.Write(request->file, payload.substr(json->size())) ? Ack() : Error();
  }

  Outcome ReadFile(const DecodedMessage& message) {
    using Kind = FileSystem::ReadResult::Kind;
    const std::optional<FileRequest> request = RequestParser(message.payload, old_).File();
    const ContainerPtr container = request ? pod_.Find(request->container) : nullptr;
    if (!container || !container->init) return Error();  // [virtio-06t-files]
    FileSystem::ReadResult result = container->files.Read(request->file);
    if (result.kind == Kind::kHangs) {
      return Hang(message, "the file is shorter than it says", "virtio-09d-readfile-sysfs");
    }
    if (result.kind == Kind::kContent) return Ack(std::move(result.bytes));
    if (old_) return Error();
    return Error(std::move(result.bytes));  // [virtio-09d-readfile-dir]
  }
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_AGENT_COMMANDS_HPP_
