// Replays of recordings that are written here, event by event: what becomes of connections, and of
// clients that do not do exactly as the recorded one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/detail/recording/recording_writer.hpp>
#include <mock_hyperstart/program.hpp>
#include <mock_hyperstart/recording.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/mock_test.hpp"
#include "support/payloads.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// The text of a recording.
class Written {
 public:
  explicit Written(std::string_view transport = "unix")
      : text_("{\"transport\": \"" + std::string(transport) + "\", \"events\": [") {}

  Written& Open(Channel channel) { return Add(channel, R"("dir": "open")"); }
  Written& ClientCloses(Channel channel) {
    return Add(channel, R"("dir": "close", "by": "client")");
  }
  Written& AgentCloses(Channel channel) { return Add(channel, R"("dir": "close", "by": "agent")"); }
  Written& Client(std::string_view bytes, Channel channel = Channel::kCtl) {
    return Add(channel, R"("dir": "client->agent", "hex": ")" + detail::HexDigits(bytes) + '"');
  }
  Written& Agent(std::string_view bytes, Channel channel = Channel::kCtl) {
    return Add(channel, R"("dir": "agent->client", "hex": ")" + detail::HexDigits(bytes) + '"');
  }
  /// A command, and the agent's reply.
  Written& Call(std::uint32_t command, std::string_view payload = {},
                const std::string& reply = wire::Ack()) {
    return Client(wire::Ctl(command, payload)).Agent(reply);
  }
  std::string text() const { return text_ + "\n]}\n"; }

 private:
  Written& Add(Channel channel, const std::string& rest) {
    text_ += std::string(text_.back() == '[' ? "" : ",") + "\n{\"t_ms\": 0, \"channel\": \"" +
             detail::ToString(channel) + "\", " + rest + "}";
    return *this;
  }

  std::string text_;
};

class ReplayConnectionTest : public testing::Test {
 protected:
  void Replay(const Written& recording, const ReplayOptions& options = {}) {
    std::ofstream(path_) << recording.text();
    hyperstart::Replay(agent_, path_, options);
    agent_.Start();
  }
  RawClient Ctl() const { return RawClient::Ctl(agent_.GetSocketPaths().ctl); }
  RawClient Io() const { return RawClient::Io(agent_.GetSocketPaths().io); }

  const TemporaryPlace place_;
  const std::string path_ = place_.path() + "/session.json";
  MockHyperstart agent_{KeepAll()};
};

// ---- Ends of connections

TEST_F(ReplayConnectionTest, LosesNothingThatTheAgentSaidBeforeItClosed) {
  Written recording;
  recording.Open(Channel::kIo);
  std::string said;
  for (int i = 0; i < 100; ++i) said += wire::Io(1, std::string(10'240, 'x'));
  Replay(recording.Agent(said, Channel::kIo).AgentCloses(Channel::kIo));
  EXPECT_TRUE(Io().ReadToEnd() == said);
}

TEST_F(ReplayConnectionTest, ClosesAFirstClientThatComesAfterTheAgentHasClosed) {
  Written recording;
  recording.Open(Channel::kCtl).Open(Channel::kIo).Call(wire::kPing);
  Replay(recording.AgentCloses(Channel::kIo).AgentCloses(Channel::kCtl));
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  EXPECT_EQ(ctl.ReadToEnd(), "");
  EXPECT_EQ(Io().ReadToEnd(), "");
}

TEST_F(ReplayConnectionTest, ClosesNoLaterClientInThePlaceOfOneThatLeftBefore) {
  Written recording;
  recording.Open(Channel::kIo).Client(wire::Io(1, "in"), Channel::kIo);
  recording.Agent(wire::Io(1, "out"), Channel::kIo).AgentCloses(Channel::kIo);
  recording.Open(Channel::kIo).Agent(wire::Io(1, "second"), Channel::kIo);
  recording.ClientCloses(Channel::kIo).Open(Channel::kIo);
  Replay(recording.Agent(wire::Io(1, "third"), Channel::kIo));
  Io().Close();
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  {
    RawClient second = Io();
    second.Write(wire::Io(1, "in"));
    EXPECT_EQ(*second.ReadFrame(), (wire::Frame{1, "out"}));
    EXPECT_EQ(*second.ReadFrame(), (wire::Frame{1, "second"}));
  }
  EXPECT_EQ(*Io().ReadFrame(), (wire::Frame{1, "third"}));
}

TEST_F(ReplayConnectionTest, WaitsForTheBrokenHeaderThatTheAgentDiedOf) {
  const std::string broken = wire::U32(wire::kPing) + wire::U32(4);
  Written recording;
  recording.Open(Channel::kCtl).Open(Channel::kIo).Call(wire::kPing).Client(broken);
  Replay(recording.AgentCloses(Channel::kCtl).AgentCloses(Channel::kIo));
  RawClient io = Io();
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  EXPECT_TRUE(agent_.WaitForConnection(kDeadline));
  ctl.Write(broken);
  EXPECT_EQ(ctl.ReadToEnd(), "");
  EXPECT_EQ(io.ReadToEnd(), "");
  EXPECT_THAT(agent_.TakeViolations(), testing::SizeIs(1)) << "the mock's own, of the header";
}

TEST_F(ReplayConnectionTest, WaitsForTheBrokenHeaderThatAMockHasRecorded) {
  const std::string broken = wire::U32(wire::kPing) + wire::U32(4);
  MockHyperstart recorded(KeepAll());
  recorded.Start();
  {
    RawClient ctl = RawClient::Ctl(recorded.GetSocketPaths().ctl);
    ctl.Call(wire::kPing);
    ctl.Write(broken);
    EXPECT_EQ(ctl.ReadToEnd(), "");
  }
  recorded.TakeViolations();
  recorded.Stop();
  SaveRecording(recorded, path_);

  hyperstart::Replay(agent_, path_);
  agent_.Start();
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  ctl.Write(broken);
  EXPECT_EQ(ctl.ReadToEnd(), "");
  EXPECT_THAT(agent_.TakeViolations(), testing::SizeIs(1));
}

TEST_F(ReplayConnectionTest, GoesOnAfterAClientThatDidNotWaitForItsReply) {
  Written recording;
  recording.Open(Channel::kCtl).Call(wire::kPing).ClientCloses(Channel::kCtl);
  Replay(recording.Open(Channel::kCtl).Agent(wire::Ctl(wire::kReady)));
  {
    RawClient first = Ctl();
    first.Write(wire::Ctl(wire::kPing));
    first.Close();
  }
  EXPECT_EQ(Ctl().ReadFrame()->key, wire::kReady);
}

TEST_F(ReplayConnectionTest, DoesWithoutAConnectionThatTheClientDoesNotMake) {
  Written recording;
  recording.Open(Channel::kCtl).ClientCloses(Channel::kCtl).Open(Channel::kCtl).Call(wire::kPing);
  ReplayOptions options;
  options.to_the_end = true;
  Replay(recording, options);
  EXPECT_EQ(Ctl().Call(wire::kPing).reply.key, wire::kAck);
}

TEST_F(ReplayConnectionTest, OverVirtioAFrameGoesOnWithTheNextClient) {
  const std::string ping = wire::Ctl(wire::kPing, "payload");
  Written recording("virtio");
  recording.Open(Channel::kCtl).Client(ping.substr(0, 10)).ClientCloses(Channel::kCtl);
  recording.Open(Channel::kCtl).Client(ping.substr(10)).Agent(wire::Ack("both"));
  std::ofstream(path_) << recording.text();
  Options options;
  options.transport = Transport::kVirtio;
  MockHyperstart agent(options);
  hyperstart::Replay(agent, path_);
  agent.Start();
  {
    RawClient first = RawClient::Ctl(agent.GetSocketPaths().ctl);
    first.Write(ping.substr(0, 10));
    first.Close();
  }
  RawClient second = RawClient::Ctl(agent.GetSocketPaths().ctl);
  second.Write(ping.substr(10));
  wire::Frame frame = second.ReadFrame().value();
  while (frame.key == wire::kNext || frame.key == wire::kReady) frame = second.ReadFrame().value();
  EXPECT_EQ(frame, (wire::Frame{wire::kAck, "both"}));
}

TEST_F(ReplayConnectionTest, GoesOnAfterAReplyToWhichAPlanAddsAnAction) {
  Written recording;
  recording.Open(Channel::kCtl).Call(wire::kPing).Agent(wire::Ctl(wire::kReady));
  agent_.On(Command::kPing).WillOnce(Reply().Then([] {}));
  Replay(recording);
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  EXPECT_EQ(ctl.ReadFrame()->key, wire::kReady);
}

TEST_F(ReplayConnectionTest, IsNotOverWhileAClientIsStillToConnect) {
  Written recording;
  recording.Open(Channel::kCtl).Call(wire::kPing).ClientCloses(Channel::kCtl);
  recording.Open(Channel::kIo).Client(wire::Io(1, "in"), Channel::kIo);
  ReplayOptions options;
  options.to_the_end = true;
  Replay(recording.Agent(wire::Io(1, "out"), Channel::kIo), options);
  EXPECT_EQ(Ctl().Call(wire::kPing).reply.key, wire::kAck);
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  RawClient io = Io();
  io.Write(wire::Io(1, "in"));
  EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, "out"}));
}

// ---- Waiting

TEST_F(ReplayConnectionTest, NotesWhatTheReplyWaitsFor) {
  Written recording;
  recording.Open(Channel::kCtl).Open(Channel::kIo).Client(wire::Ctl(wire::kPing));
  Replay(recording.Client(wire::Io(1, "in"), Channel::kIo).Agent(wire::Ack()));
  RawClient ctl = Ctl();
  RawClient io = Io();
  ctl.Write(wire::Ctl(wire::kPing));
  const std::string note =
      "the replay waits for what the recorded client did before it got the reply to ping: seq 1 2 "
      "bytes \"in\" (line 5)";
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (agent_.Transcript().find(note) == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << agent_.Transcript();
    std::this_thread::yield();
  }
  EXPECT_EQ(ctl.ReadFrame()->key, wire::kNext);
  io.Write(wire::Io(1, "in"));
  EXPECT_EQ(ctl.ReadFrame()->key, wire::kAck);
}

// ---- What may differ

TEST_F(ReplayConnectionTest, AStreamMayTakeThePlaceOfTwo) {
  const auto exec = [](int stdio) {
    return R"({"container":"c","process":{"stdio":)" + std::to_string(stdio) + "}}";
  };
  Written recording;
  recording.Open(Channel::kCtl).Open(Channel::kIo);
  for (const int seq : {5, 9}) {
    const auto number = static_cast<std::uint64_t>(seq);
    recording.Call(wire::kExecCmd, exec(seq)).Client(wire::Io(number, "in"), Channel::kIo);
    recording.Agent(wire::Io(number, "out") + wire::Io(number), Channel::kIo);
  }
  ReplayOptions options;
  options.ignore = {"/process/stdio"};
  Replay(recording, options);
  RawClient ctl = Ctl();
  RawClient io = Io();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ctl.Call(wire::kExecCmd, exec(1)).reply.key, wire::kAck);
    io.Write(wire::Io(1, "in"));
    EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, "out"}));
    EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, ""}));
  }
  EXPECT_THAT(agent_.TakeViolations(), IsEmpty());
}

TEST_F(ReplayConnectionTest, LearnsFromAWritefileAndReplacesNoKey) {
  Written recording;
  recording.Open(Channel::kCtl).Call(wire::kWriteFile, R"({"container":"process"}bytes)");
  Replay(recording.Agent(
             wire::Ctl(wire::kProcessAsyncEvent, R"({"container":"process","process":"init"})")),
         [] {
           ReplayOptions options;
           options.ignore = {"/container"};
           return options;
         }());
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.Call(wire::kWriteFile, R"({"container":"web"}bytes)").reply.key, wire::kAck);
  EXPECT_EQ(ctl.ReadFrame()->payload, R"({"container":"web","process":"init"})");
}

TEST_F(ReplayConnectionTest, RefusesWhatIsNoPointer) {
  for (const std::string pointer : {"id", "/~2"}) {
    ReplayOptions options;
    options.ignore = {pointer};
    EXPECT_THAT(ErrorOf([&] { Replay(Written().Open(Channel::kCtl), options); }),
                HasSubstr("mock_hyperstart: a replay ignores \"" + pointer +
                          "\": that is no JSON pointer. Begin it with '/'"));
  }
}

// ---- After the end

class AfterReplayTest : public ReplayConnectionTest {
 protected:
  AfterReplayTest() { options_.after_end = ReplayOptions::AfterEnd::kOtherwise; }

  ReplayOptions options_;
};

TEST_F(AfterReplayTest, TheModelAnswers) {
  AgentModel model(agent_);
  model.OnProgram("/bin/cat", Program::Echo());
  Replay(Written().Open(Channel::kCtl).Call(wire::kPing, {}, wire::Ack("recorded")), options_);
  RawClient ctl = Ctl();
  RawClient io = Io();
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "recorded");
  EXPECT_EQ(ctl.Call(wire::kNewContainer, R"({"id":"web"})").reply.key, wire::kError);
  EXPECT_EQ(ctl.Call(wire::kStartPod, kPod).reply.key, wire::kAck);
  EXPECT_EQ(ctl.Call(wire::kExecCmd, kExecCat).reply.key, wire::kAck);
  io.Write(wire::Io(1, "hello"));
  EXPECT_EQ(*io.ReadFrame(), (wire::Frame{1, "hello"}));
}

TEST_F(AfterReplayTest, BeginsWhenAllCommandsAndPacketsHaveCome) {
  int packets = 0;  // on the thread of io
  agent_.SetIoHandler([&](const IoPacket&) { ++packets; });
  Replay(Written().Open(Channel::kCtl).Open(Channel::kIo).Call(wire::kPing), options_);
  RawClient io = Io();
  io.Write(wire::Io(1, "early"));
  ASSERT_TRUE(agent_.ReadIo(1, kDeadline));
  io.Close();
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  EXPECT_THAT(agent_.TakeViolations(), testing::SizeIs(1));
  agent_.Stop();
  EXPECT_EQ(packets, 0);
}

TEST_F(AfterReplayTest, TheModelHoldsNoNextsBackBefore) {
  const AgentModel model(agent_);
  const std::string event = wire::Ctl(wire::kProcessAsyncEvent, "{}");
  Written recording;
  recording.Open(Channel::kCtl).Client(wire::Ctl(wire::kDestroyPod));
  Replay(recording.Agent(event + wire::Ack()).AgentCloses(Channel::kCtl), options_);
  RawClient ctl = Ctl();
  ctl.Write(wire::Ctl(wire::kDestroyPod));
  EXPECT_EQ(ctl.ReadToEnd(), wire::Next(8) + event + wire::Ack());
}

TEST_F(AfterReplayTest, TheHandlersOfTheTestAreCalled) {
  std::vector<std::string> on_ctl;  // each is written on the thread of its channel
  std::vector<std::string> on_io;
  agent_.SetHandler([&](const DecodedMessage& message) {
    on_ctl.push_back(message.payload);
    return Reply::Ack("handler");
  });
  agent_.SetIoHandler([&](const IoPacket& packet) { on_io.push_back(packet.data); });
  agent_.SetConnectionHandler([&](Channel channel, bool is_connected) {
    (channel == Channel::kCtl ? on_ctl : on_io).push_back(is_connected ? "connected" : "left");
  });
  Written recording;
  recording.Open(Channel::kCtl).Open(Channel::kIo).Call(wire::kPing);
  Replay(recording.Client(wire::Io(1, "recorded"), Channel::kIo), options_);
  {
    RawClient ctl = Ctl();
    EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "");
    EXPECT_EQ(ctl.Call(wire::kPing, "later").reply.payload, "handler");
  }
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  {
    RawClient io = Io();
    io.Write(wire::Io(1, "recorded") + wire::Io(1, "later"));
  }
  ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  agent_.Stop();
  EXPECT_THAT(on_ctl, ElementsAre("connected", "later", "left"));
  EXPECT_THAT(on_io, ElementsAre("connected", "later", "left"));
}

}  // namespace
}  // namespace hyperstart
