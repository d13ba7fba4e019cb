// A model of the agent beside a real one. It does only what it is told, on the thread that tells
// it: it has no thread, its programs do nothing, and no signal ends them, since what becomes of a
// process is known to the real agent alone. What the real agent does teaches it what the machine
// has. Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_CORE_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_CORE_HPP_

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/agent_commands.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/model/parson.hpp"
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/model/requests.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/program.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class ShadowCore final : public AgentCommands {
 public:
  ShadowCore(std::unique_ptr<ModelledAgent> agent, bool old_agent)
      : AgentCommands(std::move(agent), old_agent) {
    ChangeSetup([](MachineSetup& setup) { setup.SetAnyProgram(Program::Custom([](Process&) {})); });
  }

  /// What the model answers to a command that the real agent has answered with `reply`.
  ReplySpec Answer(const DecodedMessage& message, const DecodedMessage& reply) {
    if (reply.command == Command::kAck) LearnDevices(message);
    LearnExit(message, reply);
    return Answer(message);
  }
  /// The same, where nothing is known of the real agent's answer.
  ReplySpec Answer(const DecodedMessage& message) {
    ReplySpec spec = ReplyAccess::Take(Handle(WithoutFile(message)));
    NoteStreams();
    spec.end.reset();  // the real agent has sent its reply
    RunToRest();
    return spec;
  }
  /// The machine is off, or the agent is dead or hangs: it answers nothing.
  bool IsSilent() {
    const std::unique_lock lock = Enter();
    return stopped();
  }
  /// The machine is off, or the agent is dead. Not if the agent only hangs: then a later connection
  /// finds the same agent.
  bool IsOff() {
    const std::unique_lock lock = Enter();
    return stopped() && !hangs();
  }

  // ---- Ends of processes, which the real agent has told

  /// False if no process is there whose end that event could tell.
  bool EndByEvent(std::string_view event) {
    const ProcessPtr process = Find([&](const ModelProcess& each) {
      return event.substr(0, EventBegin(each).size()) == EventBegin(each);
    });
    if (!process) return false;
    int status = 0;
    const std::string_view rest = event.substr(EventBegin(*process).size());
    std::from_chars(rest.data(), rest.data() + rest.size(), status);
    EndProcess(process, status);
    return true;
  }
  bool EndBySeq(std::uint64_t seq, int status) {
    const ProcessPtr process = Find([&](const ModelProcess& each) { return each.stdio == seq; });
    if (process) EndProcess(process, status);
    return process != nullptr;
  }
  /// Of API 4242, whose finishpod tells the statuses of all containers' inits.
  void EndInits(std::string_view statuses) {
    std::vector<ProcessPtr> inits;
    {
      const std::unique_lock lock = Enter();
      for (const ContainerPtr& container : pod_.containers) inits.push_back(container->init);
    }
    for (const ProcessPtr& init : inits) {
      const std::size_t size = std::min<std::size_t>(statuses.size(), 4);
      const std::uint64_t status = GetBigEndian(statuses.data(), size);
      statuses.remove_prefix(size);
      if (init && init->IsListed()) EndProcess(init, static_cast<int>(status));
    }
  }

  // ---- What there is

  /// Processes that are not over, whose stdin and stdout are that stream.
  std::size_t CountOf(std::uint64_t seq) {
    const std::unique_lock lock = Enter();
    return static_cast<std::size_t>(
        std::count_if(listed().begin(), listed().end(),
                      [&](const ProcessPtr& process) { return process->stdio == seq; }));
  }
  bool HasProcesses() {
    const std::unique_lock lock = Enter();
    return !listed().empty();
  }
  /// Some process has, or had, that stream.
  bool HadStream(std::uint64_t seq) const { return streams_.count(seq) > 0; }

  /// A readfile or writefile of a container that is there.
  bool NamesFileOfContainer(const DecodedMessage& message) {
    if (message.command != Command::kReadFile && message.command != Command::kWriteFile) {
      return false;
    }
    const std::optional<FileRequest> request =
        RequestParser(WithoutFile(message).payload, old_).File();
    const std::unique_lock lock = Enter();
    const ContainerPtr container = request ? pod_.Find(request->container) : nullptr;
    return container && container->init;
  }

 private:
  void SignalProgram(ModelProcess&, int) override {}
  /// No process is over before the real agent has told it.
  bool MustWait(const ModelProcess& process) const override { return told_ != &process; }

  /// A writefile without the bytes for the file, since the machine's files are not the model's.
  static DecodedMessage WithoutFile(const DecodedMessage& message) {
    if (message.command == Command::kWriteFile) {
      if (const auto json = JsonOfWriteFile(message.payload)) {
        return {message.command, std::string(*json)};
      }
    }
    return message;
  }

  // ---- What the real agent's answer teaches

  /// The devices that a command names exist, since the real agent has acked it.
  void LearnDevices(const DecodedMessage& message) {
    std::vector<InterfaceRequest> interfaces;
    std::vector<RouteRequest> routes;
    RequestParser parser(message.payload, old_);
    if (message.command == Command::kSetupInterface ||
        message.command == Command::kDeleteInterface) {
      if (auto interface = parser.Interface()) interfaces.push_back(*std::move(interface));
    } else if (message.command == Command::kSetupRoute) {
      if (auto list = parser.Routes()) routes = *std::move(list);
    } else if (message.command == Command::kStartPod) {
      if (PodRequest pod; parser.Pod(pod)) {
        interfaces = std::move(pod.interfaces);
        routes = std::move(pod.routes);
      }
    }
    ChangeSetup([&](MachineSetup& setup) {
      for (const auto& interface : interfaces) {
        if (interface.device) setup.interfaces.insert(*interface.device);
      }
      for (const RouteRequest& route : routes) {
        if (route.device) setup.interfaces.insert(*route.device);
      }
    });
  }
  /// The real agent may know that a process has ended before it reports that. Some replies are
  /// possible only then: they mark the process as ended.
  void LearnExit(const DecodedMessage& message, const DecodedMessage& reply) {
    const bool is_ack = reply.command == Command::kAck;
    const bool is_killed_late =
        message.command == Command::kKillContainer && reply.payload == kNoSuchProcess;
    const bool is_removed = message.command == Command::kRemoveContainer && is_ack;
    if (!old_ && (is_killed_late || is_removed)) {
      MarkExited(InitNamedBy(message));
    } else if (is_removed) {
      const ProcessPtr init = InitNamedBy(message);  // its status comes on io, if not yet
      if (init && init->IsListed()) EndProcess(init, 0);
    } else if (message.command == Command::kWinSize && !is_ack) {
      const ProcessPtr process = ProcessToResize(message);
      if (process && process->spec().terminal) MarkExited(process);
    }
  }
  ProcessPtr InitNamedBy(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    const AgentString id = json ? json->String("container") : std::nullopt;
    const std::unique_lock lock = Enter();
    const ContainerPtr container = id ? pod_.Find(*id) : nullptr;
    return container ? container->init : nullptr;
  }
  ProcessPtr ProcessToResize(const DecodedMessage& message) {
    const std::optional<ParsonObject> json = ParsonObject::Read(message.payload);
    if (!json) return nullptr;
    const std::unique_lock lock = Enter();
    if (old_) return FindBySeqOf(*json);
    return pod_.FindProcess(listed(), json->String("container"), json->String("process")).process;
  }
  void MarkExited(const ProcessPtr& process) {
    const std::unique_lock lock = Enter();
    if (!process || process->HasEnded()) return;
    process->phase = ModelProcess::Phase::kExited;
  }

  void EndProcess(const ProcessPtr& process, int status) {
    {
      const std::unique_lock lock = Enter();
      told_ = process.get();
      process->end = process->status = status;
    }
    RunToRest();
    told_ = nullptr;
  }
  void NoteStreams() {
    const std::unique_lock lock = Enter();
    for (const ProcessPtr& process : listed()) {
      streams_.insert(process->stdio);
      streams_.insert(process->stderr_seq);
    }
  }

  /// Not escaped, as the agent.
  static std::string EventBegin(const ModelProcess& process) {
    return R"({"container":")" + process.spec().container + R"(","process":")" +
           process.id.value_or("(null)") + R"(","event":"finished","status":)";
  }
  template <typename Matches>
  ProcessPtr Find(const Matches& matches) {
    const std::unique_lock lock = Enter();
    for (const ProcessPtr& process : listed()) {
      if (process->IsListed() && matches(*process)) return process;
    }
    return nullptr;
  }

  const ModelProcess* told_ = nullptr;  // whose end the real agent has just told
  std::set<std::uint64_t> streams_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_CORE_HPP_
