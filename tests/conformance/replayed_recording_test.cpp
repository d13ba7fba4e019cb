// Replay() of mock_hyperstart/recording.hpp answers the client of each recording of the real agent,
// which it has not written, as that agent did.

#include <gtest/gtest.h>

#include <mock_hyperstart/recording.hpp>
#include <string>

#include "conformance/played_client.hpp"
#include "conformance/recording.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

Transport TransportOf(const Recording& recording) {
  return recording.transport.find("virtio") != std::string::npos  ? Transport::kVirtio
         : recording.transport.find("vsock") != std::string::npos ? Transport::kVsock
                                                                  : Transport::kUnixSocket;
}

/// The replay counts all that it reads, where the recorded agent hung or died without a `next` for
/// the last commands.
void LeaveUncounted(const Said& recorded, Said& said) {
  const auto ends_with_next = [](const Said& all) {
    return !all.ctl.empty() && all.ctl.back().key == wire::kNext;
  };
  if (ends_with_next(said) && !ends_with_next(recorded)) said.ctl.pop_back();
}

/// The client of these breaks the framing, of which the recorded agent died.
bool BreaksFraming(const std::string& recording) {
  return recording == "virtio-05a-length-4" || recording == "virtio-07e-io-length-field-8";
}

class ReplayedRecording : public testing::TestWithParam<std::string> {
 protected:
  const Recording recording_ = Recording::Load(GetParam());
};

TEST_P(ReplayedRecording, AnswersItsClientAsTheAgentDid) {
  SCOPED_TRACE(recording_.description);
  Options options;
  options.transport = TransportOf(recording_);
  MockHyperstart agent(options);
  ReplayOptions to_the_end;
  to_the_end.to_the_end = true;
  Replay(agent, Recording::PathOf(GetParam()), to_the_end);
  agent.Start();

  const Said recorded = Said::OfTheAgent(recording_);
  {
    PlayedClient client(agent.GetSocketPaths().ctl, agent.GetSocketPaths().io, {0ms, kMoment});
    Said said = client.Play(recording_);
    LeaveUncounted(recorded, said);
    EXPECT_EQ(said.ctl, recorded.ctl);
    EXPECT_EQ(said.io, recorded.io);
    EXPECT_EQ(said.ctl_closed, recorded.ctl_closed);
    EXPECT_EQ(said.io_closed, recorded.io_closed);
  }
  EXPECT_EQ(agent.TakeViolations().size(), BreaksFraming(GetParam()) ? 1u : 0u);
  agent.Stop();  // reports one that the client's departure is
}

INSTANTIATE_TEST_SUITE_P(Agent, ReplayedRecording, testing::ValuesIn(RecordingNames()),
                         [](const auto& tested) { return TestNameOf(tested.param); });

}  // namespace
}  // namespace hyperstart
