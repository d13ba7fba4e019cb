// A test that fails since the agent behind a spy is not what the model of it is.

#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/compare.hpp>

#include "support/options.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart {
namespace {

TEST(Stop, ReportsAnAgentThatDiffersFromTheModel) {
  MockHyperstart agent(Silent());
  const AgentModel model(agent);
  agent.On(Command::kKillContainer).WillOnce(Reply::Ack());
  agent.Start();
  MockHyperstart spy(Silent());
  spy.ForwardTo(agent.GetSocketPaths());
  CompareWithModel(spy);
  spy.Start();
  RawClient ctl = RawClient::Ctl(spy.GetSocketPaths().ctl);
  ctl.Call(wire::kKillContainer, R"({"container":"web","signal":15})");
}

}  // namespace
}  // namespace hyperstart
