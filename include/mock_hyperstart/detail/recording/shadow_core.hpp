// A model of the agent beside a real one: it is told what the real one was told. Its programs do
// nothing by themselves, since what a program does is known to the real agent alone: their ends are
// told to the model, too. Every member may be called from any thread.

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
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/model/requests.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/program.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class ShadowCore final : public AgentCommands {
 public:
  ShadowCore(std::unique_ptr<ModelledAgent> agent, bool old_agent)
      : AgentCommands(std::move(agent), old_agent) {
    ChangeSetup([](MachineSetup& setup) {
      setup.SetAnyProgram(Program::Custom([](Process& process) {
        process.OnStdin([](const std::string&) {});
        process.OnSignal([](int) {});
      }));
    });
  }

  /// Ends the process whose end the event tells. False if none runs whose event it could be.
  bool EndByEvent(std::string_view event) {
    const ProcessPtr process = Find([&](const ModelProcess& each) {
      return event.substr(0, EventBegin(each).size()) == EventBegin(each);
    });
    if (!process) return false;
    int status = 0;
    const std::string_view rest = event.substr(EventBegin(*process).size());
    std::from_chars(rest.data(), rest.data() + rest.size(), status);
    process->End(status);
    return true;
  }
  bool EndBySeq(std::uint64_t seq, int status) {
    const ProcessPtr process =
        Find([&](const ModelProcess& each) { return each.stdio == seq && !each.end; });
    if (process) process->End(status);
    return process != nullptr;
  }
  void EndAll() {
    std::vector<ProcessPtr> all;
    {
      const std::unique_lock lock = Enter();
      all = listed();
    }
    for (const ProcessPtr& process : all) process->End(0);
  }

  /// Processes on the agent's list whose stdin and stdout is that stream.
  std::size_t CountOf(std::uint64_t seq) {
    const std::unique_lock lock = Enter();
    return static_cast<std::size_t>(
        std::count_if(listed().begin(), listed().end(),
                      [&](const ProcessPtr& process) { return process->stdio == seq; }));
  }
  /// A container whose init runs.
  bool HasContainers() {
    const std::unique_lock lock = Enter();
    return pod_.remaining > 0;
  }
  bool HasProcesses() {
    const std::unique_lock lock = Enter();
    return !listed().empty();
  }
  /// A stream of a process that ran after some command.
  bool HadStream(std::uint64_t seq) {
    const std::unique_lock lock = Enter();
    return streams_.count(seq) > 0;
  }
  void NoteStreams() {
    const std::unique_lock lock = Enter();
    for (const ProcessPtr& process : listed()) {
      streams_.insert(process->stdio);
      streams_.insert(process->stderr_seq);
    }
  }

  /// Which devices a machine has, the real agent knows: those with which it did what it was told.
  void AddDevicesOf(const DecodedMessage& message) {
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

  /// A readfile of what writefile has not written: what is in the file, the real agent knows.
  bool ReadsUnknownFile(const DecodedMessage& message) {
    if (message.command != Command::kReadFile) return false;
    const std::optional<FileRequest> request = RequestParser(message.payload, old_).File();
    const std::unique_lock lock = Enter();
    const auto container = request ? pod_.Find(request->container) : nullptr;
    return container && !container->files.Written(request->file);
  }

 private:
  /// Not escaped, as the agent.
  static std::string EventBegin(const ModelProcess& process) {
    return R"({"container":")" + process.spec().container + R"(","process":")" +
           process.id.value_or("(null)") + R"(","event":"finished","status":)";
  }
  template <typename Matches>
  ProcessPtr Find(const Matches& matches) {
    const std::unique_lock lock = Enter();
    for (const ProcessPtr& process : listed()) {
      if (!process->HasEnded() && matches(*process)) return process;
    }
    return nullptr;
  }

  std::set<std::uint64_t> streams_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_CORE_HPP_
