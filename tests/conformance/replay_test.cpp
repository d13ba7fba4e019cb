// The clients of the recordings talk to the double, which must say what the real agent said.

#include <mock_hyperstart.hpp>
#include <optional>

#include "conformance/recording.hpp"
#include "support/double_test.hpp"

namespace hyperstart {
namespace {

class Replay : public testing::TestWithParam<const char*> {};

TEST_P(Replay, SaysWhatTheAgentSaid) {
  const Recording recording = Recording::Load(GetParam());
  SCOPED_TRACE(recording.description);
  Options options;
  options.ready_on_connect = true;  // as over virtio: once
  Started agent(options);
  std::optional<RawClient> ctl;
  std::optional<RawClient> io;
  for (const Recording::Event& event : recording.events) {
    std::optional<RawClient>& client = event.ctl ? ctl : io;
    switch (event.dir) {
      case Recording::Dir::kOpen:
        client.emplace(event.ctl ? agent.Ctl() : agent.Io());
        ASSERT_TRUE(agent.WaitForConnection(event.ctl ? Channel::kCtl : Channel::kIo, kLong));
        break;
      case Recording::Dir::kFromClient:
        try {
          client->Write(event.bytes);
        } catch (const std::runtime_error&) {
          // Recorded where the client tells by a last write that the agent is gone.
          ASSERT_EQ(recording.agent_end, "died");
        }
        break;
      case Recording::Dir::kFromAgent:
      case Recording::Dir::kClose:
        break;  // compared at the end
    }
  }
  if (recording.agent_end == "running") {
    ctl->EndInput();
    io->EndInput();
    EXPECT_EQ(Merged(io->ReadToEnd(), false), Merged(recording.Said(false), false));
  }
  EXPECT_EQ(Merged(ctl->ReadToEnd(), true), Merged(recording.Said(true), true));
  EXPECT_EQ(agent.TakeViolations().empty(), recording.agent_end == "running");
}

// Those in which the agent acks what it is told, as the double does by default.
INSTANTIATE_TEST_SUITE_P(Acked, Replay,
                         testing::Values("virtio-01-connect", "virtio-02-getversion",
                                         "virtio-03a-ping", "virtio-03b-ping-bytewise",
                                         "virtio-03d-two-pings-one-write", "virtio-05a-length-4"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           for (char& byte : name) byte = byte == '-' ? '_' : byte;
                           return name;
                         });

}  // namespace
}  // namespace hyperstart
