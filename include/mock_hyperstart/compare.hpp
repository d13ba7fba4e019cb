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
/// names, and compares what the two say. Before Start. The first difference is a violation that
/// shows both, and the model's rule with the recordings of the real agent that are its evidence.
/// Either the agent is not what the model is made of, or the model is wrong: please report it.
///
/// What is compared, and what is not, since only a real machine knows it, stands at the head of
/// detail/recording/model_comparison.hpp. A difference may also be reported though both are right:
/// of a writefile to a directory that the model's image lacks, of a readfile of a file that a
/// process has changed since, of an image, user or route that the machine lacks, of two signals in
/// a row to a process that the first one kills, and after the agent was started again. A command
/// that a plan answers neither of the two sees.
inline void CompareWithModel(MockHyperstart& spy,
                             AgentVersion version = AgentVersion::kHyperstart110) {
  spy.SetForwardObserver(std::make_shared<detail::ModelComparison>(
      version == AgentVersion::kHyperstart070,
      [&spy](Violation violation) { spy.ReportViolation(std::move(violation)); },
      [&spy](Channel channel, std::string_view text) { spy.Note(channel, text); }));
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_COMPARE_HPP_
