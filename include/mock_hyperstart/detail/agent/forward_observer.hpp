// Who is told what passes between a client and the agent behind the mock.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARD_OBSERVER_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARD_OBSERVER_HPP_

#include <cstddef>
#include <cstdint>
#include <string>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// Each member is called before the bytes are passed on, under no lock, on the thread that passes
/// them on: one for each direction of each channel. What a plan answers is not told: the agent
/// never sees it.
class ForwardObserver {
 public:
  ForwardObserver() = default;
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;
  virtual ~ForwardObserver() = default;

  /// A client was connected to the agent, which `agent` tells from any other at the same path.
  virtual void OnBegin(Channel channel, const std::string& agent) = 0;
  /// The client's. Bytes of ctl are told before the agent can count them.
  virtual void OnBytes(std::size_t count) = 0;
  virtual void OnCommand(const DecodedMessage& message) = 0;
  virtual void OnPacket(const IoPacket& packet) = 0;
  /// The agent's.
  virtual void OnAgentFrame(Command command, const std::string& payload) = 0;
  virtual void OnAgentFrame(std::uint64_t seq, const std::string& data) = 0;
  /// The client has sent what the real agent may die of, though the framing goes on.
  virtual void OnFatalInput(Channel channel) = 0;
  /// One of the two has sent a header that breaks the framing.
  virtual void OnBrokenFraming(Channel channel) = 0;
  /// Neither side says more. `agent_left`: the agent has closed, and the client had not.
  virtual void OnEnd(Channel channel, bool agent_left) = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARD_OBSERVER_HPP_
