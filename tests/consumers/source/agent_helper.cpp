// One of two sources of one program that include mock_hyperstart.hpp.

#include "agent_helper.hpp"

#include <memory>

std::unique_ptr<hyperstart::MockHyperstart> StartAgentWithAFullDisk() {
  using hyperstart::Command;
  using hyperstart::Reply;
  auto agent = std::make_unique<hyperstart::MockHyperstart>();
  agent->On(Command::kStartPod).WillOnce(Reply::Error("no space left on device"));
  agent->Start();
  return agent;
}
