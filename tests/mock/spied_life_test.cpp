// The whole life of a container, from startpod until the agent closes both channels. A client hears
// the same bytes from an agent, from a spy before such an agent, and from the spy's recording.

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/recording.hpp>
#include <optional>
#include <string>

#include "mock/compare_fixture.hpp"
#include "mock/spy_fixture.hpp"
#include "support/mock_test.hpp"
#include "support/payloads.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

/// Says on stdout that it runs. Then each input and each signal has one effect, so that a client
/// that waits for it knows in which order everything comes: "err" is answered on stderr, "much"
/// with several frames, anything else on stdout.
Program Tool() {
  return Program::Custom([](Process& process) {
    process.OnStdin([process](const std::string& data) {
      if (data == "err") {
        process.Err("to stderr");
      } else if (data == "much") {
        process.Out(wire::Pattern(25'000));
      } else {
        process.Out("got " + data);
      }
    });
    process.OnStdinEnd([process] {
      process.Out("end of stdin");
      process.Exit(3);
    });
    process.OnSignal([process](int number) {
      if (number == SIGUSR1) return process.Err("SIGUSR1");
      process.Exit(7);
    });
    process.OnWindowSize([process](int rows, int columns) {
      process.Out(std::to_string(rows) + " by " + std::to_string(columns));
    });
    process.Out("started");
  });
}

/// What a client said and heard on one channel.
struct Spoken {
  std::string said;
  std::string heard;
};
using Life = std::array<Spoken, 2>;  // ctl, io

/// A client that keeps all bytes. It goes on when it has heard what it waits for.
class LifeClient {
 public:
  explicit LifeClient(const SocketPaths& paths)
      : ctl_(RawClient::Ctl(paths.ctl)), io_(RawClient::Io(paths.io)) {}

  Life Run() {
    EXPECT_EQ(HearCtl().key, wire::kReady);
    EXPECT_EQ(Call(wire::kVersion).payload, wire::U32(4244));
    EXPECT_EQ(Call(wire::kStartPod, kPod).key, wire::kAck);
    RunATool();
    RunCatIn("web");
    RunATerminal();
    EndContainers();
    return life_;
  }

 private:
  /// Its streams, to an exit status.
  void RunATool() {
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/tool")).key, wire::kAck);
    ExpectOutput(1, "started");
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "tool", 3, "/bin/tool")).key, wire::kAck);
    ExpectOutput(3, "started");
    Say(wire::Io(3, "a line"));
    ExpectOutput(3, "got a line");
    Say(wire::Io(3, "err"));
    ExpectOutput(4, "to stderr");
    Say(wire::Io(3, "much"));
    ExpectOutput(3, wire::Pattern(25'000));
    EXPECT_EQ(Call(wire::kSignalProcess, R"({"container":"web","process":"tool","signal":10})").key,
              wire::kAck);
    ExpectOutput(4, "SIGUSR1");
    Say(wire::Io(3));
    ExpectOutput(3, "end of stdin");
    ExpectEnd(3, R"("process":"tool","event":"finished","status":3})");
    Say(wire::Io(3, "nobody"));
    ExpectOutput(3, "");
  }
  void RunCatIn(const std::string& container) {
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson(container, "cat", 3, "/bin/cat")).key, wire::kAck);
    const std::string bytes = wire::Pattern(500);  // cat may not read yet: no more is kept for it
    Say(wire::Io(3, bytes));
    ExpectOutput(3, bytes);
    Say(wire::Io(3));
    ExpectEnd(3, R"("process":"cat","event":"finished","status":0})");
  }
  void RunATerminal() {
    EXPECT_EQ(Call(wire::kExecCmd,
                   R"({"container":"web","process":{"id":"shell","terminal":true,"stdio":5,)"
                   R"("args":["/bin/tool"],"envs":[],"workdir":"/"}})")
                  .key,
              wire::kAck);
    ExpectOutput(5, "started");
    EXPECT_EQ(
        Call(wire::kWinSize, R"({"container":"web","process":"shell","row":24,"column":80})").key,
        wire::kAck);
    ExpectOutput(5, "24 by 80");
    EXPECT_EQ(
        Call(wire::kSignalProcess, R"({"container":"web","process":"shell","signal":15})").key,
        wire::kAck);
    ExpectEnd(5, R"("process":"shell","event":"finished","status":7})");
  }
  void EndContainers() {
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("db", 7, "/bin/sleep")).key, wire::kAck);
    EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})").key, wire::kError);
    EXPECT_EQ(Call(wire::kKillContainer, kKillWeb).key, wire::kAck);
    ExpectEnd(1, R"({"container":"web","process":"init","event":"finished","status":0})");
    EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})").key, wire::kError);
    EXPECT_EQ(Call(wire::kKillContainer, kKillWeb).payload, std::string("no such container\0", 18));
    EXPECT_EQ(Call(wire::kDestroyPod).key, wire::kProcessAsyncEvent);
    EXPECT_EQ(HearCtl().key, wire::kAck);
    while (Hear(io_, 1)) {
    }
    EXPECT_FALSE(Hear(ctl_, 0));
  }

  // ---- The channels

  void Say(const std::string& packet) {
    life_[1].said += packet;
    io_.Write(packet);
  }
  /// The first frame that is no `next`.
  wire::Frame Call(std::uint32_t command, const std::string& payload = {}) {
    const std::string frame = wire::Ctl(command, payload);
    life_[0].said += frame;
    ctl_.Write(frame);
    return HearCtl();
  }
  wire::Frame HearCtl() {
    for (;;) {
      const wire::Frame frame = Hear(ctl_, 0).value();
      if (frame.key != wire::kNext) return frame;
    }
  }
  /// The next frames of io; none: the end of the stream.
  void ExpectOutput(std::uint64_t seq, const std::string& data) {
    std::string heard;
    do {
      const wire::Frame frame = Hear(io_, 1).value();
      EXPECT_EQ(frame.key, seq);
      heard += frame.payload;
      if (frame.payload.empty()) break;
    } while (heard.size() < data.size());
    EXPECT_TRUE(heard == data) << heard.size() << " bytes: " << heard.substr(0, 100);
  }
  /// Of a process, on both channels.
  void ExpectEnd(std::uint64_t seq, const std::string& event) {
    ExpectOutput(seq, "");
    const wire::Frame frame = HearCtl();
    EXPECT_EQ(frame.key, wire::kProcessAsyncEvent);
    EXPECT_THAT(frame.payload, HasSubstr(event));
  }
  std::optional<wire::Frame> Hear(RawClient& channel, std::size_t index) {
    std::optional<wire::Frame> frame = channel.ReadFrame();
    if (!frame) return std::nullopt;
    life_[index].heard += index == 0
                              ? wire::Ctl(static_cast<std::uint32_t>(frame->key), frame->payload)
                              : wire::Io(frame->key, frame->payload);
    return frame;
  }

  RawClient ctl_;
  RawClient io_;
  Life life_;
};

void ExpectSame(const Life& life, const Life& other) {
  for (const std::size_t channel : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_TRUE(life[channel].said == other[channel].said);
    EXPECT_TRUE(life[channel].heard == other[channel].heard)
        << (channel == 0 ? "ctl" : "io") << ": "
        << testing::PrintToString(life[channel].heard.substr(0, 2'000)) << " and "
        << testing::PrintToString(other[channel].heard.substr(0, 2'000));
  }
}

struct ToolMachine : Machine {
  ToolMachine() : Machine(Greeting(), AgentVersion::kHyperstart110) {
    model.OnProgram("/bin/tool", Tool());
    agent.Start();
  }
  static Options Greeting() {
    Options options = KeepAllAndWait();
    options.ready_on_connect = true;
    return options;
  }
};

/// With a plan, the spy looks at each command before it passes it on, and counts its bytes itself.
class SpiedLife : public testing::TestWithParam<bool> {};

TEST_P(SpiedLife, IsTheSameFromAnAgentASpyAndItsRecording) {
  ToolMachine alone;
  const Life direct = LifeClient(alone.agent.GetSocketPaths()).Run();

  ToolMachine machine;
  MockHyperstart spy(KeepAllAndWait());
  spy.ForwardTo(machine.agent.GetSocketPaths());
  if (GetParam()) spy.On(Command::kPing).WillRepeatedly(Reply::Ack("never sent"));
  spy.Start();
  {
    SCOPED_TRACE("through a spy");
    const Life spied = LifeClient(spy.GetSocketPaths()).Run();
    ExpectSame(spied, direct);
  }
  spy.Stop();
  machine.agent.Stop();
  for (const Channel channel : kChannels) {
    const Spoken& spoken = direct[channel == Channel::kCtl ? 0 : 1];
    EXPECT_TRUE(BytesOf(machine.agent, channel, EventKind::kReceived) == spoken.said);
    EXPECT_TRUE(BytesOf(machine.agent, channel, EventKind::kSent) == spoken.heard);
  }

  const TemporaryPlace place;
  SaveRecording(spy, place.path() + "/life.json");
  MockHyperstart replay(KeepAllAndWait());
  ReplayOptions options;
  options.to_the_end = true;
  Replay(replay, place.path() + "/life.json", options);
  replay.Start();
  SCOPED_TRACE("from the recording");
  ExpectSame(LifeClient(replay.GetSocketPaths()).Run(), direct);
}

INSTANTIATE_TEST_SUITE_P(Spy, SpiedLife, testing::Bool(), [](const auto& tested) {
  return tested.param ? "WithAPlan" : "WithoutAPlan";
});

}  // namespace
}  // namespace hyperstart
