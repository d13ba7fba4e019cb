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

/// Compares the agent behind `spy` with AgentModel, which gets each command that the spy forwards.
/// Call it after ForwardTo and before Start. `version` says of which agent the model is. The first
/// difference is a violation, with by_client false: it shows what both said, and the model's rule
/// with the recordings of the real agent that prove it. Either the agent is another one, or the
/// model is wrong: then please report it to this project. After a difference this agent is not
/// compared any further. Another agent that later listens at the same paths is compared from its
/// start.
///
/// Compared are the replies and their order, the bytes that `next` frames count, the events of
/// processes and the ends of streams. Not compared is what only a real machine knows: the output of
/// programs, exit statuses and the content of files (all of it stands in
/// detail/recording/agent_comparison.hpp). Where the model assumes that something exists, the
/// violation says so. Commands that a plan answers are not compared, since the agent does not get
/// them. A client that leaves before it received all replies and all ends of processes ends the
/// comparison of this agent, and the conversation says so.
///
/// Threads: it runs on the threads of the spy. Memory: a few numbers for each stream and process.
/// Throws std::logic_error if the mock is started; Start throws it if there was no ForwardTo.
inline void CompareWithModel(MockHyperstart& spy,
                             AgentVersion version = AgentVersion::kHyperstart110) {
  spy.SetForwardObserver(std::make_shared<detail::ModelComparison>(
      version == AgentVersion::kHyperstart070,
      [&spy](Violation violation) { spy.ReportViolation(std::move(violation)); },
      [&spy](Channel channel, std::string_view text) { spy.Note(channel, text); }));
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_COMPARE_HPP_
