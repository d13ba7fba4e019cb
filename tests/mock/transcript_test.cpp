// The transcript of the whole mock.

#include <regex>
#include <thread>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// A command number that has no name in either dialect.
constexpr std::uint32_t kUnnamed = 99;

using testing::HasSubstr;
using testing::Not;

std::string WithoutTimes(const std::string& text) {
  return std::regex_replace(text, std::regex(R"( *\+\d+\.\d ms)"), "");
}

TEST(Transcript, ShowsTheConversationInOrder) {
  Options options;
  options.ready_on_connect = true;
  Started agent(options);
  agent.SendIo(7, "waits");
  RawClient ctl = agent.Ctl();
  ctl.ReadFrame();
  ctl.Call(wire::kVersion);
  ctl.Call(wire::kWriteFile, std::string("\0\1\2\3", 4));
  ctl.Call(kUnnamed, std::string(101, 'x'));
  RawClient io = agent.Io();
  io.ReadFrame();
  agent.SendRaw(Channel::kCtl, "\xff");
  ctl.Read(1);
  ctl.Close();
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  agent.Stop();
  EXPECT_EQ(WithoutTimes(agent.Transcript()),
            "[hyperstart]  io   <--  seq 7           5 bytes  \"waits\"\n"
            "[hyperstart]  ctl       connected\n"
            "[hyperstart]  ctl  <--  ready\n"
            "[hyperstart]  ctl  -->  version         0 bytes\n"
            "[hyperstart]  ctl  <--  next 8, ack 4244\n"
            "[hyperstart]  ctl  -->  writefile       4 bytes  hex 00 01 02 03\n"
            "[hyperstart]  ctl  <--  next 8, next 4, ack\n"
            "[hyperstart]  ctl  -->  command 99    101 bytes  \"" +
                std::string(100, 'x') +
                "\"...\n"
                "[hyperstart]  ctl  <--  next 8, next 101, ack\n"
                "[hyperstart]  io        connected\n"
                "[hyperstart]  ctl  <--  raw bytes, 1 byte  hex ff\n"
                "[hyperstart]  ctl       disconnected\n"
                "[hyperstart]  io        disconnected by Stop\n");
}

TEST(Transcript, ShowsWhatWasDropped) {
  Started agent;
  {
    RawClient io = agent.Io();
    ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
    for (int i = 0; i < 10; ++i) agent.SendIo(1, std::string(100'000, 'x'));
  }
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  agent.SendIo(1, "dropped data");
  agent.Stop();
  agent.SendIo(1, "too late");
  const std::string text = WithoutTimes(agent.Transcript());
  EXPECT_TRUE(
      std::regex_search(text, std::regex("dropped: \\d+ bytes that the client had not read")))
      << text;
  EXPECT_THAT(text, HasSubstr("dropped: 24 bytes that waited for a client"));
  EXPECT_THAT(text, HasSubstr("20 bytes not sent: the mock is stopped"));
}

TEST(Transcript, ShowsFaults) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kPing);
  agent.PauseReading(Channel::kCtl);
  agent.ResumeReading(Channel::kCtl);
  agent.StopListening(Channel::kCtl);
  agent.ResumeListening(Channel::kCtl);
  agent.ShutdownSend(Channel::kCtl);
  agent.SendReady();
  agent.Disconnect(Channel::kCtl);
  agent.Stop();
  EXPECT_EQ(WithoutTimes(agent.Transcript()),
            "[hyperstart]  ctl       connected\n"
            "[hyperstart]  ctl  -->  ping            0 bytes\n"
            "[hyperstart]  ctl  <--  next 8, ack\n"
            "[hyperstart]  ctl       reading paused\n"
            "[hyperstart]  ctl       reading resumed\n"
            "[hyperstart]  ctl       listening stopped\n"
            "[hyperstart]  ctl       listening again\n"
            "[hyperstart]  ctl       sending shut down by the mock\n"
            "[hyperstart]  ctl       8 bytes not sent: sending was shut down\n"
            "[hyperstart]  ctl       disconnected by the mock\n");
}

TEST(Transcript, ShowsTextOfFourBytesAsText) {
  Started agent;
  agent.On(Command::kReadFile).WillOnce(Reply::Ack("abcd"));
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kReadFile);
  ctl.Call(wire::kVersion);
  EXPECT_THAT(agent.Transcript(), HasSubstr("next 8, ack \"abcd\"\n"));
  EXPECT_THAT(agent.Transcript(), HasSubstr("next 8, ack 4244\n"));
}

TEST(Transcript, ShowsWhereTheMockWasStartedAgain) {
  Started agent;
  agent.Stop();
  EXPECT_THAT(agent.Transcript(), Not(HasSubstr("started again")));
  agent.Start();
  EXPECT_THAT(agent.Transcript(), HasSubstr("ctl       started again: times count from here\n"));
}

TEST(Transcript, KeepsTheFirstAndTheLastEvents) {
  Started agent;
  RawClient io = agent.Io();
  std::string packets;
  for (int i = 0; i < 10'000; ++i) packets += wire::Io(1, "packet " + std::to_string(i));
  io.Write(packets + wire::Io(2));
  ASSERT_TRUE(agent.ReadIo(2, kDeadline));
  const std::string text = agent.Transcript();
  EXPECT_THAT(text, HasSubstr("\"packet 0\""));
  EXPECT_THAT(text,
              HasSubstr("\"packet 198\"\n[hyperstart]  ... 8002 more events, not kept ...\n"));
  EXPECT_THAT(text, HasSubstr("\"packet 8201\"\n"));
  EXPECT_THAT(text, HasSubstr("\"packet 9999\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"packet 5000\"")));
}

TEST(Transcript, IsBoundedWhenAClientFloods) {
  Started agent;
  RawClient io = agent.Io();
  const std::string packets = [] {
    std::string bytes;
    while (bytes.size() < 1024 * 1024) bytes += wire::Io(1, std::string(4000, 'x'));
    return bytes;
  }();
  for (int i = 0; i < 64; ++i) {
    io.Write(packets);
    (void)agent.GetLastIoPackets();
  }
  io.Write(wire::Io(2));
  ASSERT_TRUE(agent.ReadIo(2, kDeadline));
  EXPECT_LT(agent.Transcript().size(), 400'000u);
}

TEST(Transcript, DrawsASequenceDiagram) {
  Started agent;
  RawClient ctl = agent.Ctl();
  ctl.Call(wire::kStartPod, R"({"a":"<b>;#"})");
  agent.Stop();
  EXPECT_EQ(std::regex_replace(agent.TranscriptAsMermaid(), std::regex(R"(\+\d+\.\d ms)"), "T"),
            "sequenceDiagram\n"
            "  participant C as client\n"
            "  participant A as hyperstart\n"
            "  Note over C,A: ctl: connected (T)\n"
            "  C->>A: ctl: startpod       13 bytes  {\"a\"#58;\"#60;b#62;#59;#35;\"} (T)\n"
            "  A-->>C: ctl: next 8, next 13, ack (T)\n"
            "  Note over C,A: ctl: disconnected by Stop (T)\n");
}

TEST(Transcript, MayBeReadWhileCommandsArrive) {
  Started agent;
  RawClient ctl = agent.Ctl();
  std::atomic<bool> over{false};
  std::thread asker([&] {
    while (!over) EXPECT_THAT(agent.Transcript(), testing::Not(HasSubstr("violation")));
  });
  for (int i = 0; i < 300; ++i) ctl.Call(wire::kPing);
  over = true;
  asker.join();
}

}  // namespace
}  // namespace hyperstart
