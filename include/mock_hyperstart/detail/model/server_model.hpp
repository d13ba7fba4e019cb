// The model of the agent for a program without a test framework, behind a Server:
//
//   Server server(options);
//   const ServerModel model(server);
//   model->ChangeSetup([](MachineSetup& setup) { setup.AddProgram("/bin/cat", Program::Echo()); });
//   server.Start();

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_SERVER_MODEL_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_SERVER_MODEL_HPP_

#include <cstddef>
#include <memory>
#include <string_view>

#include "mock_hyperstart/detail/agent/server.hpp"
#include "mock_hyperstart/detail/model/attached_core.hpp"
#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {

class ModelledServer : public ModelledAgentOf<Server> {
 public:
  using ModelledAgentOf::ModelledAgentOf;

  const Options& options() const override { return to_.options(); }
  void Note(Channel channel, std::string_view text) override {
    to_.log().Words(EventKind::kFault, channel, text);
  }
  std::size_t UnsentBytes(Channel channel) const override {
    return to_.channel(channel).UnsentBytes();
  }
  void StopListening(Channel channel) override { to_.channel(channel).StopListening(); }
  void ShutdownSend(Channel channel) override { to_.channel(channel).ShutDownSending(); }
  void Disconnect(Channel channel) override { to_.channel(channel).Disconnect(); }
};

class ServerModel : public AttachedCore {
 public:
  /// `old_agent`: API 4242.
  explicit ServerModel(Server& server, bool old_agent = false)
      : AttachedCore(std::make_unique<ModelledServer>(server), old_agent) {}
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_SERVER_MODEL_HPP_
