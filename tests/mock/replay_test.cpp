// A mock that answers as the agent of a recording did.

#include <cstdint>
#include <fstream>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/recording.hpp>
#include <string>
#include <vector>

#include "support/mock_test.hpp"
#include "support/payloads.hpp"
#include "support/temporary_place.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// What a client has read on both channels.
struct Heard {
  std::vector<wire::Frame> ctl;  // with the `next` frames of a command merged
  std::vector<wire::Frame> io;
};
bool operator==(const Heard& a, const Heard& b) { return a.ctl == b.ctl && a.io == b.io; }

/// A session: starts a pod and cat, sends it a line, and waits for its end.
Heard RunCat(const SocketPaths& paths, const std::string& exec = kExecCat) {
  Heard heard;
  RawClient ctl = RawClient::Ctl(paths.ctl);
  RawClient io = RawClient::Io(paths.io);
  const auto call = [&](std::uint32_t command, const std::string& payload) {
    const RawClient::Answer answer = ctl.Call(command, payload);
    heard.ctl.push_back({wire::kNext, wire::U32(static_cast<std::uint32_t>(answer.next))});
    heard.ctl.push_back(answer.reply);
  };
  heard.ctl.push_back(ctl.ReadFrame().value());  // ready
  call(wire::kVersion, "");
  call(wire::kStartPod, kPod);
  call(wire::kExecCmd, exec);
  io.Write(wire::Io(1, "hello"));
  heard.io.push_back(io.ReadFrame().value());
  io.Write(wire::Io(1));
  heard.io.push_back(io.ReadFrame().value());
  heard.ctl.push_back(ctl.ReadFrame().value());  // processasyncevent
  call(wire::kPing, "");
  return heard;
}

class ReplayTest : public testing::Test {
 protected:
  /// Records the session above with a model.
  void Record() {
    Options options = KeepAll();
    options.ready_on_connect = true;
    MockHyperstart agent(options);
    AgentModel model(agent);
    model.OnProgram("/bin/cat", Program::Echo());
    agent.Start();
    recorded_ = RunCat(agent.GetSocketPaths());
    agent.Stop();
    SaveRecording(agent, path_);
  }
  /// A recording with that list of events.
  void Write(const std::string& events) {
    std::ofstream(path_) << "{\"events\": [" << events << "]}";
  }
  /// The texts of the violations, which are taken.
  static std::string Violations(MockHyperstart& agent) {
    std::string text;
    for (const Violation& violation : agent.TakeViolations()) text += violation.what;
    return text;
  }

  const TemporaryPlace place_;
  const std::string path_ = place_.path() + "/session.json";
  Heard recorded_;
};

TEST_F(ReplayTest, AnswersTheSameClientAsTheModelDid) {
  Record();
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  EXPECT_TRUE(RunCat(agent.GetSocketPaths()) == recorded_) << agent.Transcript();
  agent.Stop();
}

TEST_F(ReplayTest, OfAReplayIsTheSameRecording) {
  Record();
  MockHyperstart agent(KeepAll());
  Replay(agent, path_);
  agent.Start();
  RunCat(agent.GetSocketPaths());
  agent.Stop();
  SaveRecording(agent, path_);
  MockHyperstart again;
  Replay(again, path_);
  again.Start();
  EXPECT_TRUE(RunCat(again.GetSocketPaths()) == recorded_);
}

TEST_F(ReplayTest, ShowsWhereAClientLeavesTheRecording) {
  Record();
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  const RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  ctl.ReadFrame();
  ctl.Call(wire::kVersion);
  EXPECT_EQ(ctl.Call(wire::kStartPod, R"({"shareDir":"other","hostname":"web","x":1})").reply.key,
            wire::kError);
  EXPECT_THAT(Violations(agent),
              AllOf(HasSubstr("the client leaves the recording " + path_ + " at line "),
                    HasSubstr(std::string("expected: startpod 37 bytes ") + kPod),
                    HasSubstr(R"(came:     startpod 43 bytes {"shareDir":"other")"),
                    HasSubstr(R"(/shareDir: expected "share", came "other")"),
                    HasSubstr("/x: expected nothing, came 1"), HasSubstr("<-- ack 4 bytes"),
                    HasSubstr("> --> startpod"), HasSubstr("\n    <-- ack")));
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kError);
  EXPECT_EQ(Violations(agent), "") << "it is said once";
}

TEST_F(ReplayTest, ShowsAnotherCommand) {
  Record();
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  ctl.ReadFrame();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kError);
  EXPECT_THAT(Violations(agent),
              AllOf(HasSubstr("expected: version"), HasSubstr("came:     ping")));
}

TEST_F(ReplayTest, ComparesJsonAsValues) {
  Record();
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  const RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  ctl.ReadFrame();
  ctl.Call(wire::kVersion);
  EXPECT_EQ(ctl.Call(wire::kStartPod, R"({ "shareDir": "share", "hostname": "web" })").reply.key,
            wire::kAck);
}

TEST_F(ReplayTest, LetsDifferWhatIsIgnored) {
  Record();
  MockHyperstart agent;
  ReplayOptions options;
  options.ignore = {"/process/id"};
  Replay(agent, path_, options);
  agent.Start();
  std::string exec = kExecCat;
  exec.replace(exec.find("p1"), 2, "a \\\"new\\\" id");
  const Heard heard = RunCat(agent.GetSocketPaths(), exec);
  EXPECT_THAT(heard.ctl.at(heard.ctl.size() - 3).payload, HasSubstr(R"("process":"a \"new\" id")"));
}

TEST_F(ReplayTest, ShowsAnotherStreamByteByByte) {
  Record();
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  io.Write(wire::Io(1, "he") + wire::Io(1, "lp"));
  io.Close();
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  EXPECT_THAT(Violations(agent), AllOf(HasSubstr("expected: seq 1 5 bytes \"hello\""),
                                       HasSubstr("came:     seq 1 2 bytes \"lp\""),
                                       HasSubstr("from byte 2: expected \"l\", came \"p\"")));
}

TEST_F(ReplayTest, AfterTheEndIsAViolationUnlessItIsAllowed) {
  Write(R"({"t_ms": 0, "channel": "ctl", "dir": "open"})");
  for (const bool allowed : {false, true}) {
    MockHyperstart agent;
    ReplayOptions options;
    if (allowed) options.after_end = ReplayOptions::AfterEnd::kOtherwise;
    Replay(agent, path_, options);
    agent.Start();
    RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
    EXPECT_EQ(ctl.Call(wire::kPing).reply.key, allowed ? wire::kAck : wire::kError);
    EXPECT_EQ(Violations(agent).find("which ends before") == std::string::npos, allowed);
  }
}

TEST_F(ReplayTest, AClientThatStopsEarlyIsAViolationIfTheReplayIsToTheEnd) {
  Record();
  for (const bool to_the_end : {false, true}) {
    MockHyperstart agent;
    ReplayOptions options;
    options.to_the_end = to_the_end;
    Replay(agent, path_, options);
    agent.Start();
    {
      RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
      const RawClient io = RawClient::Io(agent.GetSocketPaths().io);
      ctl.ReadFrame();
      ctl.Call(wire::kVersion);
    }
    testing::TestPartResultArray failures;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(&failures);
      agent.Stop();
    }
    ASSERT_EQ(failures.size(), to_the_end ? 1 : 0);
    if (!to_the_end) continue;
    EXPECT_THAT(failures.GetTestPartResult(0).message(),
                AllOf(HasSubstr("expected: startpod 37 bytes"),
                      HasSubstr("came:     nothing: the client has left")));
  }
}

TEST_F(ReplayTest, AWholeSessionIsToTheEnd) {
  Record();
  MockHyperstart agent;
  ReplayOptions options;
  options.to_the_end = true;
  Replay(agent, path_, options);
  agent.Start();
  EXPECT_TRUE(RunCat(agent.GetSocketPaths()) == recorded_);
  agent.Stop();
}

TEST_F(ReplayTest, GreetsOnceWhereTheMockGreets) {
  Record();
  for (const Transport transport :
       {Transport::kUnixSocket, Transport::kVirtio, Transport::kVsock}) {
    Options options;
    options.ready_on_connect = true;
    options.transport = transport;
    MockHyperstart agent(options);
    Replay(agent, path_);
    agent.Start();
    EXPECT_TRUE(RunCat(agent.GetSocketPaths()) == recorded_);
    agent.Stop();
  }
}

TEST_F(ReplayTest, GreetsEachClientAsRecorded) {
  Write(R"(
    {"t_ms": 0, "channel": "ctl", "dir": "open"},
    {"t_ms": 1, "channel": "ctl", "dir": "agent->client", "hex": "0000000800000009aa"},
    {"t_ms": 2, "channel": "ctl", "dir": "close", "by": "client"},
    {"t_ms": 3, "channel": "ctl", "dir": "open"},
    {"t_ms": 4, "channel": "ctl", "dir": "agent->client", "hex": "0000000800000009bb"},
    {"t_ms": 5, "channel": "ctl", "dir": "close", "by": "agent"})");
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  EXPECT_EQ(RawClient::Ctl(agent.GetSocketPaths().ctl).ReadFrame()->payload, "\xaa");
  RawClient second = RawClient::Ctl(agent.GetSocketPaths().ctl);
  EXPECT_EQ(second.ReadToEnd(), wire::Ctl(wire::kReady, "\xbb"));
}

// The recorded client had sent the second command before the first was answered.
TEST_F(ReplayTest, AnswersAClientThatWaitsForEachReply) {
  Write(R"(
    {"t_ms": 0, "channel": "ctl", "dir": "open"},
    {"t_ms": 1, "channel": "ctl", "dir": "client->agent", "hex": "0000000c000000080000000c00000008"},
    {"t_ms": 2, "channel": "ctl", "dir": "agent->client", "hex": "00000009000000090a"},
    {"t_ms": 3, "channel": "ctl", "dir": "agent->client", "hex": "00000009000000090b"})");
  MockHyperstart agent;
  Replay(agent, path_);
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "\x0a");
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "\x0b");
}

TEST_F(ReplayTest, RefusesAFileThatIsNoRecording) {
  std::ofstream(path_) << "{\n\"events\": [{}]}";
  MockHyperstart agent;
  EXPECT_THAT(ErrorOf([&] { Replay(agent, path_); }), HasSubstr(path_ + ":2: "));
}

}  // namespace
}  // namespace hyperstart
