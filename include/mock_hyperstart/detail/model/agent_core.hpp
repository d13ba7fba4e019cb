// The agent of the model but for its commands: what io brings, how processes come and go, how the
// agent dies, hangs and powers off. The commands are in agent_commands.hpp, which derives from
// this.
//
// Threads: HandleIo and HandleFatal on the server's threads, under no lock; the rest under the
// mutex.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_AGENT_CORE_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_AGENT_CORE_HPP_

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/accounts.hpp"
#include "mock_hyperstart/detail/model/child.hpp"
#include "mock_hyperstart/detail/model/files.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/process_table.hpp"
#include "mock_hyperstart/detail/model/process_thread.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/program.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

class AgentCore : public ProcessThread {
 public:
  /// `old_agent`: API 4242.
  AgentCore(std::unique_ptr<ModelledAgent> agent, bool old_agent)
      : ProcessThread(std::move(agent)), old_(old_agent) {}

  // ---- on any thread, under no lock

  template <typename Change>
  void ChangeSetup(const Change& change) {
    const std::unique_lock lock = Enter();
    change(setup_);
  }
  std::vector<Container> Containers() {
    const std::unique_lock lock = Enter();
    return pod_.Describe();
  }
  std::optional<std::string> File(std::string_view container, std::string_view path) {
    const std::unique_lock lock = Enter();
    if (const ContainerPtr found = pod_.Find(container)) return found->files.Written(path);
    const auto gone = pod_.last_files.find(std::string(container));
    return gone == pod_.last_files.end() ? std::nullopt : gone->second.Written(path);
  }

  /// On the io thread.
  void HandleIo(const IoPacket& packet) {
    const std::unique_lock lock = Enter();
    if (answering()) {
      HoldIo(packet);
    } else {
      TakeIo(packet, agent_->IoReadTime());
    }
  }

  /// On either channel's thread: input that no agent survives.
  void HandleFatal(const Violation& violation) {
    {
      const std::unique_lock lock = Enter();
      const FatalInput input = Classify(violation);
      // v0.7.0 waits for the payload, and goes on after a broken length, which the mock can't.
      // [from source]
      if (stopped() || (old_ && input != FatalInput::kTooLong)) return;
      StopAll(false);
      const char* const source = SourceOf(input, violation.channel);
      // A broken length is a violation already, and with Options::strict so is the rest.
      if (input == FatalInput::kTooShort || agent_->options().strict) {
        agent_->Note(violation.channel, DeathText(source));
      } else {
        agent_->ReportViolation(
            {violation.channel, violation.what + ". " + DeathText(source), violation.bytes});
      }
    }
    CloseNow();
  }

 protected:
  struct Outcome {
    Reply reply;
    bool close = false;  // both channels, before the reply is sent
  };

  static Outcome Ack(std::string payload = {}) { return {Reply::Ack(std::move(payload))}; }
  static Outcome Error(std::string payload = {}) { return {Reply::Error(std::move(payload))}; }
  static Outcome Silence() { return {Reply::Nothing().WithoutNexts()}; }

  /// The agent dies of the command and answers nothing more, not even with `next`.
  Outcome Die(const DecodedMessage& message, const Death& death) {
    ReportDeath(message, death);
    Outcome outcome = Silence();
    outcome.close = true;
    return outcome;
  }
  /// It dies once it has answered. [virtio-09e-exec-bad-workdir]
  Outcome ErrorAndDie(const DecodedMessage& message, const Death& death) {
    return Then(Reply::Error(), [this, message, death] {
      ReportDeath(message, death);
      StopAll(true);
    });
  }
  Outcome Hang(const DecodedMessage& message, std::string_view why, std::string_view source) {
    ProcessTable::Hang();
    agent_->HoldNexts(true);  // where this command's have been sent, no more are
    agent_->Note(Channel::kCtl,
                 fmt::format("AgentModel: the real agent hangs for ever at this {}: {} [{}]",
                             CommandName(message.command), why, source));
    return Silence();
  }
  /// As the virtual machine powers off. The channels close when the client has the reply.
  Outcome PowerOffAfter(const Reply& reply, std::string why, std::chrono::milliseconds delay = {}) {
    return Then(
        reply,
        [this, why = std::move(why)] {
          agent_->Note(Channel::kCtl, "AgentModel: the virtual machine powers off: " + why);
          StopAll(true);
        },
        delay);
  }
  /// `action` is called once the client has the reply, or never will.
  Outcome Then(const Reply& reply, std::function<void()> action = nullptr,
               std::chrono::milliseconds delay = {}) {
    AfterAnswer(std::move(action));
    if (delay.count() == 0) return {reply};
    agent_->Note(Channel::kCtl,
                 "AgentModel: the agent serves neither channel while it waits for a device "
                 "[virtio-09k-setupinterface-missing, from source]");
    return {reply.After(delay)};
  }

  static std::string DeathText(std::string_view source) {
    return fmt::format("The real agent dies of it, and both channels close [{}]", source);
  }

  /// Under no lock: it waits for no thread, but calls into the server.
  void CloseNow() {
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      agent_->StopListening(channel);
      agent_->Disconnect(channel);
    }
  }

  // ---- processes

  /// A process that the agent could start: it is listed, and runs once the client has the reply.
  ProcessPtr AddProcess(const ProcessRequest& request, const ContainerPtr& container,
                        const FileSystem& files, const Credentials& user, bool is_init) {
    ProcessSpec spec;
    spec.container = container ? container->id : std::string(kAgentContainer);
    spec.id = request.id.value_or("");
    for (const AgentString& arg : *request.args) {
      if (!arg) break;  // a null pointer ends them
      spec.args.push_back(*arg);
    }
    for (const auto& [name, value] : request.envs) {
      spec.envs.emplace_back(name.value_or(""), value.value_or(""));
    }
    using Envs = std::vector<std::pair<AgentString, AgentString>>;
    const std::string hostname = pod_.request.hostname.value_or("");
    spec.environment =
        old_ ? BuildOldEnvironment(request, container ? container->envs : Envs(), hostname, user)
             : BuildEnvironment(request, !container, hostname, user);
    spec.cwd = NormalPath(request.workdir.value_or("/"));
    spec.user = request.user.value_or("");
    spec.terminal = request.terminal;

    const Program program = setup_.FindProgram(spec.args.front());
    LaunchSpec launch{spec.args,     spec.environment,
                      files.root(),  spec.cwd,
                      spec.terminal, !spec.terminal || request.stderr_seq != 0,
                      user,          old_};
    auto process = std::make_shared<ModelProcess>(weak_from_this(), std::move(spec), program);
    process->id = request.id;
    process->stdio = request.stdio;
    process->stderr_seq = request.stderr_seq;
    process->is_init = is_init;
    process->launch = std::move(launch);
    process->container = container;
    if (container) container->processes.push_back(process);
    if (is_init) {
      container->init = process;
      ++pod_.remaining;
    }
    Add(process);
    return process;
  }

  /// Of an agent process or one whose image the test gave a directory for, those; else in memory,
  /// over the machine's for a process of the machine.
  FileSystem FilesFor(const std::string& image, const ProcessRequest& process,
                      bool read_only) const {
    const bool has_name = process.args && !process.args->empty() && process.args->front();
    const bool local = has_name && setup_.FindProgram(*process.args->front()).local();
    return FileSystem(setup_.Rootfs(image), local, read_only);
  }

  /// SIGTERM to all. Ends are then told of the newest container first, of each its init before its
  /// execs, and of processes beside the agent last, which is the order that both recordings show.
  /// [virtio-06w-destroy-running, virtio-09g-destroy-two]
  void TerminateEverything() {
    std::vector<ProcessPtr> order;
    for (auto container = pod_.containers.rbegin(); container != pod_.containers.rend();
         ++container) {
      for (const ProcessPtr& process : (*container)->processes) {
        if (process->IsListed()) order.push_back(process);
      }
    }
    TerminateAll(std::move(order));
  }

  void TakeIo(const IoPacket& packet, Clock::time_point read_at) override {
    if (stopped()) return;
    const ProcessPtr process = FindBySeq(packet.seq);
    const ProcessPtr before = last_input_.lock();
    if (before && before != process) before->input.EndBurst();
    last_input_ = process;
    if (!process) {
      agent_->SendIo(packet.seq, {});  // [virtio-07a-io-unknown-seq]
      return;
    }
    if (process->phase == Phase::kExited) return;  // dropped without an answer [virtio-06p]
    if (!packet.data.empty()) {
      process->input.Write(packet.data, read_at);
    } else if (!process->spec().terminal) {  // with one it is ignored [virtio-06q-exec-tty]
      process->input.RequestEnd();
    }
    Wake();
  }

  void OnExited(const ProcessPtr& process) override {
    const ContainerPtr container = process->container.lock();
    if (!process->is_init || !container) return;
    for (const ProcessPtr& other : container->processes) {  // [virtio-06r3]
      if (other->child) other->child->KillAll(SIGKILL);
      if (other != process && !other->child && !other->HasEnded()) {
        other->signals.clear();
        SignalProgram(*other, SIGKILL);
      }
    }
  }

  /// A container's init tells its end before the processes that end with it: on ctl and on io.
  /// [virtio-06r3, virtio-09g-destroy-two]
  bool MustWait(const ModelProcess& process) const override {
    const ContainerPtr container = process.container.lock();
    if (process.is_init || !container || !container->init) return false;
    return container->init->phase == Phase::kExited;
  }

  void OnOver(const ProcessPtr& process) override {
    if (process->removed) {
      StopAll(true);
      agent_->ReportViolation(
          {Channel::kCtl,
           "a removecontainer of a container whose init had ended, but not its output: the agent "
           "frees that container again. " +
               DeathText("from source"),
           {}});
      return;
    }
    const bool last = process->is_init && pod_.destroy_requested && pod_.remaining == 1;
    const std::string status = std::to_string(process->status);
    if (!old_ || !last) agent_->SendIo(process->stdio, {});
    if (old_) {
      // The last end is lost when the machine powers off. [virtio070-07-destroy]
      const char byte = static_cast<char>(process->status);
      if (!last) agent_->SendIo(process->stdio, std::string_view(&byte, 1));
    } else {
      // Not escaped, as the agent. [virtio-09c-id-quotes, virtio-06m]
      agent_->SendMessage(Command::kProcessAsyncEvent,
                          R"({"container":")" + process->spec().container + R"(","process":")" +
                              process->id.value_or("(null)") + R"(","event":"finished","status":)" +
                              status + "}");
    }
    if (process->is_init) OnInitOver(process);
  }

  /// What writefile left in it stays, to look at.
  void Forget(const ContainerPtr& container) {
    pod_.last_files.insert_or_assign(container->id, container->files);
  }

  const bool old_;
  MachineSetup setup_;
  Pod pod_;

 private:
  enum class FatalInput { kTooShort, kTooLong, kHeaderAlone };

  FatalInput Classify(const Violation& violation) const {
    const bool ctl = violation.channel == Channel::kCtl;
    const std::size_t header = ctl ? kCtlHeaderSize : kIoHeaderSize;
    if (violation.bytes.size() < header) return FatalInput::kTooShort;
    const std::uint64_t length = GetBigEndian(violation.bytes.data() + header - 4, 4);
    const std::uint64_t most = IsVsock() ? 65536 : 4096;
    if (length < header) return FatalInput::kTooShort;
    return !ctl && length > most ? FatalInput::kTooLong : FatalInput::kHeaderAlone;
  }
  /// The recordings are all of virtio.
  const char* SourceOf(FatalInput input, Channel channel) const {
    if (IsVsock() || input == FatalInput::kTooLong) return "from source";
    if (channel == Channel::kIo) return "virtio-07e-io-length-field-8";
    return input == FatalInput::kTooShort ? "virtio-05a-length-4"
                                          : "virtio-03i-chunk-boundary-after-header";
  }
  bool IsVsock() const { return agent_->options().transport == Transport::kVsock; }

  void ReportDeath(const DecodedMessage& message, const Death& death) {
    StopAll(false);
    agent_->ReportViolation(
        {Channel::kCtl,
         fmt::format("a {} of which the agent reads what is not there: {}. {}",
                     CommandName(message.command), death.why, DeathText(death.source)),
         CtlFrame(message.command, message.payload)});
  }

  void OnInitOver(const ProcessPtr& process) {
    const ContainerPtr container = process->container.lock();
    --pod_.remaining;
    if (pod_.destroy_requested && pod_.remaining == 0) {
      // [virtio-06w-destroy-running, virtio070-07-destroy]
      agent_->SendMessage(Command::kAck, {});
      agent_->Note(Channel::kCtl, "AgentModel: the virtual machine powers off: destroypod is done");
      StopAll(true);
      return;
    }
    if (old_) {
      // A container stays until removecontainer, or until the last has ended, of which the agent
      // tells with each one's status. [virtio070-03-container]
      if (pod_.remaining > 0) return;
      std::string statuses;
      for (const ContainerPtr& each : pod_.containers) {
        statuses += BigEndian32(static_cast<std::uint32_t>(each->init ? each->init->status : -1));
      }
      agent_->SendMessage(Command::kFinishPodDeprecated, statuses);
      for (const ContainerPtr& each : pod_.containers) Forget(each);
      pod_.containers.clear();
      pod_.request = PodRequest();
      pod_.up = false;
      for (const ProcessPtr& other : listed()) SignalAll(*other, SIGKILL);
      return;
    }
    if (!container) return;
    Forget(container);
    pod_.containers.erase(std::remove(pod_.containers.begin(), pod_.containers.end(), container),
                          pod_.containers.end());
  }

  std::weak_ptr<ModelProcess> last_input_;  // whom the last frame on io was for
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_AGENT_CORE_HPP_
