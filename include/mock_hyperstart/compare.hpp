// Compares a real agent with the model of it, AgentModel, while a client uses the agent through the
// mock. Needs nlohmann-json, which the target mock_hyperstart::compare brings, and Linux.
//
//   hyperstart::MockHyperstart spy;
//   spy.ForwardTo({"/run/vm/ctl.sock", "/run/vm/io.sock"});
//   hyperstart::CompareWithModel(spy);
//   spy.Start();

#ifndef MOCK_HYPERSTART_COMPARE_HPP_
#define MOCK_HYPERSTART_COMPARE_HPP_

#include <memory>
#include <string_view>
#include <utility>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/agent_model.hpp"
#include "mock_hyperstart/detail/recording/model_comparison.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart {

/// Tells a model of the agent all that is passed on to the agent behind `spy`, which ForwardTo
/// names, and compares what the two say. Before Start. The first difference is a violation (with
/// by_client false) that shows both, and the model's rule with the recordings of the real agent
/// that are its evidence. Either the agent is not what the model is made of, or the model is wrong:
/// please report it. Nothing more of that agent is compared; the next one at the same place is,
/// from its start.
///
/// What is compared, and what is not, since only a real machine knows it, stands at the head of
/// detail/recording/agent_comparison.hpp. Where both may be right, because the model takes for
/// granted that something exists, the violation says so. A command that a plan answers neither of
/// the two sees. A client that leaves while commands or processes run does not hear how they end:
/// then nothing more of that agent is compared, and the conversation says why.
///
/// The comparison runs on the threads of the spy, and keeps of each stream a few numbers.
inline void CompareWithModel(MockHyperstart& spy,
                             AgentVersion version = AgentVersion::kHyperstart110) {
  spy.SetForwardObserver(std::make_shared<detail::ModelComparison>(
      version == AgentVersion::kHyperstart070,
      [&spy](Violation violation) { spy.ReportViolation(std::move(violation)); },
      [&spy](Channel channel, std::string_view text) { spy.Note(channel, text); }));
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_COMPARE_HPP_
