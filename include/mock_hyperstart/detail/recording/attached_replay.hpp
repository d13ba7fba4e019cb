// A replay, attached to what carries it out: a mock, or a server without GoogleTest.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_ATTACHED_REPLAY_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_ATTACHED_REPLAY_HPP_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/recording/recording_reader.hpp"
#include "mock_hyperstart/detail/recording/replay_agent.hpp"
#include "mock_hyperstart/detail/recording/replayer.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// Lets `agent` answer as a recording says, and after its end, if the rules say so, as the handlers
/// that are set now. Before its Start.
template <typename Agent>
void AttachReplay(Agent& agent, const std::string& path, const ReplayRules& rules) {
  ReplayAgent actions;
  actions.send_message = [&agent](Command command, std::string_view payload) {
    agent.SendMessage(command, payload);
  };
  actions.send_io = [&agent](std::uint64_t seq, std::string_view data) { agent.SendIo(seq, data); };
  actions.send_raw = [&agent](Channel channel, std::string_view bytes) {
    agent.SendRaw(channel, bytes);
  };
  // Disconnect drops what the client has not read. If there is such, the end of sending follows it.
  actions.close = [&agent](Channel channel) {
    agent.UnsentBytes(channel) > 0 ? agent.ShutdownSend(channel) : agent.Disconnect(channel);
  };
  actions.report = [&agent](Violation violation) { agent.ReportViolation(std::move(violation)); };
  actions.note = [&agent](Channel channel, std::string_view text) { agent.Note(channel, text); };
  const auto replayer = std::make_shared<Replayer>(
      RecordingReader::ReadFile(path), path, rules, std::move(actions),
      ReplayFallback{agent.GetHandler(), agent.GetIoHandler(), agent.GetConnectionHandler()});
  agent.HoldNexts(false);  // what a replay sends by itself comes after the `next` frames
  agent.SetConnectionHandler([replayer](Channel channel, bool is_connected) {
    replayer->OnConnection(channel, is_connected);
  });
  agent.SetIoHandler([replayer](const IoPacket& packet) { replayer->OnPacket(packet); });
  agent.SetHandler(
      [replayer](const DecodedMessage& message) { return replayer->OnCommand(message); });
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_ATTACHED_REPLAY_HPP_
