// The model's agent as a part of the double that it speaks through: from this object's construction
// to its destruction, commands, io packets and fatal input go to the model.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_ATTACHED_CORE_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_ATTACHED_CORE_HPP_

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "mock_hyperstart/detail/model/agent_commands.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

class AttachedCore {
 public:
  /// To be made before the double starts, and destroyed before it is. `old_agent`: API 4242.
  /// std::system_error where there is no thread to be had.
  AttachedCore(std::unique_ptr<ModelledAgent> agent, bool old_agent)
      : agent_(*agent), core_(std::make_shared<AgentCommands>(std::move(agent), old_agent)) {
    core_->RunThread();
    AgentCommands* const core = core_.get();
    agent_.HoldNexts(!old_agent);  // v0.7.0 sends each `next` before it works on the command
    agent_.SetIoHandler([core](const IoPacket& packet) { core->HandleIo(packet); });
    agent_.SetFatalInputHandler(
        [core](const Violation& violation) { core->HandleFatal(violation); });
    agent_.SetHandler([core](const DecodedMessage& message) { return core->Handle(message); });
  }
  AttachedCore(const AttachedCore&) = delete;
  AttachedCore& operator=(const AttachedCore&) = delete;
  /// Detaches the model, and kills and reaps what runs.
  ~AttachedCore() {
    if (::getpid() != process_) {  // forked off: neither its thread nor its children are here
      // Kept for ever. NOLINTNEXTLINE(bugprone-unhandled-exception-at-new)
      new std::shared_ptr<AgentCommands>(std::move(core_));
      return;
    }
    agent_.SetHandler(nullptr);
    agent_.SetIoHandler(nullptr);
    agent_.SetFatalInputHandler(nullptr);
    agent_.HoldNexts(false);
    core_->Shutdown();
  }

  AgentCommands* operator->() const { return core_.get(); }

 private:
  ModelledAgent& agent_;  // owned by the core
  const pid_t process_ = ::getpid();
  std::shared_ptr<AgentCommands> core_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_ATTACHED_CORE_HPP_
