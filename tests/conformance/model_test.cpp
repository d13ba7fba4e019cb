// Each recording's client talks to the model, whose programs are real processes in the files of the
// recorded guest. It must hear what it heard of the real agent. README.md says of each recording
// whether it does, and where it does not, which fact of the recording explains that.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mock_hyperstart/agent_model.hpp>
#include <string>
#include <utility>
#include <vector>

#include "conformance/guest.hpp"
#include "conformance/played_client.hpp"
#include "conformance/recording.hpp"

namespace hyperstart {
namespace {

std::string why_no_guest;  // set by main

/// A stream of which a part was the guest's or the scheduler's and not the agent's, and the texts
/// that it may say; none: any.
struct Tolerance {
  const char* recording;
  std::uint64_t seq;
  std::vector<std::string> texts;
  const char* fact;
};
const char kShellAndChild[] =
    "a shell and its child get SIGTERM at once, and whether the shell has a child then, and still "
    "tells of its end, is the scheduler's";
const std::vector<Tolerance>& Tolerances() {
  static const std::vector<Tolerance> tolerances = {
      {"virtio-06w-destroy-running", 4, {"", "Terminated\n"}, kShellAndChild},
      {"virtio-09g-destroy-two", 4, {"", "Terminated\n"}, kShellAndChild},
      {"virtio-09g-destroy-two", 8, {"", "Terminated\n"}, kShellAndChild},
      {"virtio-09b-signal-group",
       5,
       {"parent-term\nchild-term\n", "child-term\nparent-term\n"},
       "two processes get the signal at once"},
      {"virtio-09j-env", 3, {}, "ps and the order of env are the guest's"},
  };
  return tolerances;
}

class Model : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (FindBusybox().empty()) GTEST_SKIP() << "needs busybox (Debian: busybox-static)";
    if (!why_no_guest.empty()) GTEST_SKIP() << why_no_guest;
    guest_ = std::make_unique<Guest>(FindBusybox());
  }

  void Tolerate(Said& said) const {
    for (const Tolerance& tolerance : Tolerances()) {
      if (GetParam() != tolerance.recording) continue;
      std::vector<std::string>& stream = said.io[tolerance.seq];
      if (stream.empty()) stream.emplace_back();
      const std::vector<std::string>& texts = tolerance.texts;
      const bool known = std::find(texts.begin(), texts.end(), stream.front()) != texts.end();
      if (texts.empty() || known) stream.front() = tolerance.fact;
    }
  }

  const Recording recording_ = Recording::Load(GetParam());
  std::unique_ptr<Guest> guest_;
};

TEST_P(Model, SaysWhatTheAgentSaid) {
  SCOPED_TRACE(recording_.description);
  Options options;
  options.transport = Transport::kVirtio;  // what becomes of a channel when its client leaves
  MockHyperstart agent(options);
  const bool old = recording_.agent.find("0.7.0") != std::string::npos;
  AgentModel model(agent, old ? AgentVersion::kHyperstart070 : AgentVersion::kHyperstart110);
  model.OnAnyProgram(Program::Local());
  model.SetRootfs("img", guest_->root());
  model.SetRootfs("hyperstart", guest_->root());
  agent.Start();
  PlayedClient client(agent.GetSocketPaths().ctl, agent.GetSocketPaths().io);

  Said said = client.Play(recording_);
  Said recorded = Said::OfTheAgent(recording_);
  Tolerate(said);
  Tolerate(recorded);

  EXPECT_EQ(said.ctl, recorded.ctl);
  EXPECT_EQ(said.io, recorded.io);
  EXPECT_EQ(said.ctl_closed, recorded.ctl_closed);
  EXPECT_EQ(said.io_closed, recorded.io_closed);
  // What the real agent died of is a violation, and nothing else is.
  EXPECT_EQ(agent.TakeViolations().empty(), recording_.agent_end != "died");
}

INSTANTIATE_TEST_SUITE_P(Agent, Model, testing::ValuesIn(RecordingNames()),
                         [](const auto& tested) { return TestNameOf(tested.param); });

}  // namespace
}  // namespace hyperstart

int main(int argc, char** argv) {
  hyperstart::why_no_guest = EnterOwnMounts();  // before there is a thread
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
