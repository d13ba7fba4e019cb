// A stateful agent: makes a MockHyperstart behave as hyperstart itself does, with pods, containers,
// processes, streams, signals, exit statuses and files, so that a runtime's whole life is tested
// without a virtual machine. Also what kills or hangs the real agent does so here.
//
//   hyperstart::MockHyperstart agent;
//   hyperstart::AgentModel model(agent);
//   model.OnProgram("/bin/cat", hyperstart::Program::Echo());
//   agent.Start();
//
// Needs Linux. The target mock_hyperstart::agent_model brings nlohmann-json too, with which tests
// look at payloads; this header does not need it.

#ifndef MOCK_HYPERSTART_AGENT_MODEL_HPP_
#define MOCK_HYPERSTART_AGENT_MODEL_HPP_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/detail/model/attached_core.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/model/pod.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/program.hpp"

namespace hyperstart {

namespace detail {

class ModelledMock final : public ModelledAgentOf<MockHyperstart> {
 public:
  using ModelledAgentOf::ModelledAgentOf;

  const Options& options() const override { return to_.GetOptions(); }
  void Note(Channel channel, std::string_view text) override { to_.Note(channel, text); }
  std::size_t UnsentBytes(Channel channel) const override { return to_.UnsentBytes(channel); }
  void StopListening(Channel channel) override { to_.StopListening(channel); }
  void ShutdownSend(Channel channel) override { to_.ShutdownSend(channel); }
  void Disconnect(Channel channel) override { to_.Disconnect(channel); }
};

}  // namespace detail

/// Which agent the model behaves as.
enum class AgentVersion {
  kHyperstart110,  // v1.1.0, API 4244: ends of processes are told on ctl
  kHyperstart070   // v0.7.0, API 4242: ends of processes are told on io, processes have no ids
};

/// The agent behind a MockHyperstart, as the client's commands leave it. A plan of the mock's
/// (`agent.On(...)`) goes before the model, which then knows nothing of that command.
///
/// As the agent, it does one thing at a time: until the reply to a command is sent, which a plan
/// may delay (`Reply().After(...)`), it starts no process, delivers no input and sends no output.
///
/// By default the virtual machine has every image, share, user and directory but those whose name
/// says otherwise ("nope", "missing", "no_such_…", "nosuch…"), no network interface but lo, no
/// program at all, and an empty /etc, /tmp and so on. Once it has died, powered off or hung, it
/// stays so: a new mock and a new model are a new machine.
///
/// Threads: one of its own, for programs; every member may be called from any thread.
class AgentModel {
 public:
  /// To be made before agent.Start(), and destroyed before the mock. It sets the mock's handler, io
  /// handler and fatal-input handler; a test that sets one of these takes it from the model. Throws
  /// std::system_error if no thread can be created.
  explicit AgentModel(MockHyperstart& agent, AgentVersion version = AgentVersion::kHyperstart110)
      : core_(std::make_unique<detail::ModelledMock>(agent),
              version == AgentVersion::kHyperstart070) {}
  AgentModel(const AgentModel&) = delete;
  AgentModel& operator=(const AgentModel&) = delete;
  /// Detaches itself from the mock, and kills and reaps what runs.
  ~AgentModel() = default;

  /// What a process does whose first argument is exactly `argv0`. The newest match wins.
  AgentModel& OnProgram(std::string argv0, Program program) {
    core_->ChangeSetup([&](detail::MachineSetup& setup) {
      setup.AddProgram(std::move(argv0), std::move(program));
    });
    return *this;
  }
  /// What every other process does. Without it: as where there is no such file, status 127.
  AgentModel& OnAnyProgram(Program program) {
    core_->ChangeSetup(
        [&](detail::MachineSetup& setup) { setup.SetAnyProgram(std::move(program)); });
    return *this;
  }
  /// The files of containers of that image are those below `directory`, which are read and written:
  /// by readfile and writefile, for /etc/passwd and /etc/group, and by a Program::Local, which has
  /// it as its root (that takes CAP_SYS_CHROOT; as root it also becomes the user). The image
  /// "hyperstart" is the agent's own root.
  AgentModel& SetRootfs(std::string image, std::string directory) {
    core_->ChangeSetup([&](detail::MachineSetup& setup) {
      setup.SetRootfs(std::move(image), std::move(directory));
    });
    return *this;
  }
  /// A network device that setupinterface and setuproute find, such as "eth0".
  AgentModel& AddInterface(std::string name) {
    core_->ChangeSetup(
        [&](detail::MachineSetup& setup) { setup.interfaces.insert(std::move(name)); });
    return *this;
  }

  /// Those that the agent knows, in the order in which they were started. One whose init is over is
  /// gone; with kHyperstart070, when removecontainer or the last init's end has taken it.
  std::vector<Container> Containers() const { return core_->Containers(); }
  /// What writefile left in a container, also in the last of that id that is gone; nothing where it
  /// wrote no such file. Relative paths start at /.
  std::optional<std::string> File(std::string_view container, std::string_view path) const {
    return core_->File(container, path);
  }

 private:
  const detail::AttachedCore core_;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_AGENT_MODEL_HPP_
