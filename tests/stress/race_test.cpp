// Sixteen threads call every member of the mock at random, while clients connect and leave.
//
// MOCK_HYPERSTART_STRESS_SEED=N repeats the choices of the run that printed N;
// MOCK_HYPERSTART_STRESS_SECONDS=N runs for N seconds.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "stress/process.hpp"
#include "stress/race_clients.hpp"
#include "stress/reports.hpp"
#include "stress/watchdog.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::IsEmpty;

constexpr std::size_t kWorkers = 16;
constexpr std::size_t kVisitors = 4;  // half of them on io
constexpr std::size_t kOperations = process::kSanitized ? 100 : 250;

constexpr Command kCommands[] = {
    Command::kVersion,   Command::kStartPod,     Command::kExecCmd,       Command::kPing,
    Command::kWriteFile, Command::kNewContainer, static_cast<Command>(99)};

/// The state of one worker; `parameter` is its random choice for this operation.
struct Work {
  MockHyperstart& agent;
  Tally& tally;
  std::size_t worker;
  std::uint64_t parameter = 0;
  std::uint64_t sent = 0;  // io frames

  std::size_t Below(std::size_t limit) {
    const std::uint64_t value = parameter % limit;
    parameter /= limit;
    return static_cast<std::size_t>(value);
  }
  Channel AnyChannel() { return Below(2) == 0 ? Channel::kCtl : Channel::kIo; }
  Command AnyCommand() { return kCommands[Below(std::size(kCommands))]; }
  std::chrono::milliseconds AMoment() { return std::chrono::milliseconds(Below(4)); }
  std::string AnIoPayload(std::size_t padding) {
    return fmt::format("{};", ++sent) + std::string(padding, 'x');
  }
  Reply AnyReply() {
    MockHyperstart& mock = agent;
    switch (Below(12)) {
      case 0:
        return Reply::Error("no");
      case 1:
        return Reply::Ack(std::string(300'000, 'a'));
      case 2:
        return Reply::Ack("a").InPieces(2, 1ms);
      case 3:
        return Reply::Ack("some more").InPieces(3);
      case 4:
        return Reply::Nothing();
      case 5:
        return Reply().After(2ms);
      case 6:
        return Reply().ThenDisconnect();
      case 7:
        return Reply().Then([&mock] { mock.SendReady(); });
      case 8:
        return Reply().Then([] { throw std::runtime_error("thrown on purpose"); });
      default:
        return Reply();
    }
  }
  Handler AnyHandler() {
    MockHyperstart& mock = agent;
    switch (Below(4)) {
      case 0:
        return nullptr;
      case 1:
        return [reply = AnyReply()](const DecodedMessage&) { return reply; };
      case 2:
        return [](const DecodedMessage&) -> Reply { throw std::runtime_error("on purpose"); };
      default:
        return [&mock](const DecodedMessage& message) {
          mock.SendMessage(Command::kReady, message.payload);
          mock.Disconnect(Channel::kIo);
          mock.On(message.command).WillRepeatedly(Reply());
          return mock.IsConnected(Channel::kIo) ? Reply::Error() : Reply();
        };
    }
  }
  void Take(const Awaited<DecodedMessage>& message) {
    if (message) tally.Recorded(message->payload);
  }
  void Take(const Awaited<IoPacket>& packet) {
    if (packet) tally.Recorded(packet->data);
  }
  void TakeAll() {
    for (const DecodedMessage& message : agent.GetLastMessages()) tally.Recorded(message.payload);
    for (const IoPacket& packet : agent.GetLastIoPackets()) tally.Recorded(packet.data);
  }
  void Stop() {
    for (const std::string& report : StopQuietly(agent)) {
      if (report.find("violated the protocol") == std::string::npos &&
          report.find("was never used") == std::string::npos &&
          report.find("on purpose") == std::string::npos) {
        tally.Problem("reported by Stop: " + report);
      }
    }
  }
  void Start() {
    try {
      agent.Start();
    } catch (const std::logic_error&) {  // another thread has started it
    }
  }
};

struct Operation {
  const char* name;
  std::size_t weight;
  void (*run)(Work&);
};

const Operation kAll[] = {
    {"SendMessage", 8, [](Work& w) { w.agent.SendMessage(Command::kReady, "hello"); }},
    {"SendReady", 2, [](Work& w) { w.agent.SendReady(); }},
    {"SendProcessEvent", 2, [](Work& w) { w.agent.SendProcessEvent("c", "p", 3); }},
    {"SendIo", 12, [](Work& w) { w.agent.SendIo(w.worker, w.AnIoPayload(w.Below(200))); }},
    {"SendIo of much", 2, [](Work& w) { w.agent.SendIo(w.worker, w.AnIoPayload(300'000)); }},
    {"SendRaw", 2,
     [](Work& w) { w.agent.SendRaw(Channel::kIo, wire::Io(w.worker, w.AnIoPayload(5))); }},
    {"On", 6, [](Work& w) { w.agent.On(w.AnyCommand()).WillOnce(w.AnyReply()); }},
    {"On repeatedly", 2, [](Work& w) { w.agent.On(w.AnyCommand()).WillRepeatedly(w.AnyReply()); }},
    {"SetHandler", 3, [](Work& w) { w.agent.SetHandler(w.AnyHandler()); }},
    {"SetDefaultReply", 2, [](Work& w) { w.agent.SetDefaultReply(w.AnyReply()); }},
    {"GetLast", 4, [](Work& w) { w.TakeAll(); }},
    {"WaitForMessage", 5, [](Work& w) { w.Take(w.agent.WaitForMessage(w.AMoment())); }},
    {"WaitForMessage of a command", 3,
     [](Work& w) { w.Take(w.agent.WaitForMessage(w.AnyCommand(), w.AMoment())); }},
    {"ReadIo", 3, [](Work& w) { w.Take(w.agent.ReadIo(w.AMoment())); }},
    {"ReadIo of a seq", 2,
     [](Work& w) { w.Take(w.agent.ReadIo(kWorkers + w.Below(kVisitors), w.AMoment())); }},
    {"ReadStream", 2, [](Work& w) { (void)w.agent.ReadStream(999, 1, w.AMoment()); }},
    {"ReadStreamToEnd", 1, [](Work& w) { (void)w.agent.ReadStreamToEnd(999, w.AMoment()); }},
    {"WaitForConnection", 2, [](Work& w) { (void)w.agent.WaitForConnection(w.AMoment()); }},
    {"WaitForDisconnect", 2,
     [](Work& w) { (void)w.agent.WaitForDisconnect(w.AnyChannel(), w.AMoment()); }},
    {"IsConnected", 2, [](Work& w) { (void)w.agent.IsConnected(w.AnyChannel()); }},
    {"TakeViolations", 2, [](Work& w) { (void)w.agent.TakeViolations(); }},
    {"Transcript", 1, [](Work& w) { (void)w.agent.Transcript(); }},
    {"TranscriptAsMermaid", 1, [](Work& w) { (void)w.agent.TranscriptAsMermaid(); }},
    {"PauseReading", 1, [](Work& w) { w.agent.PauseReading(w.AnyChannel()); }},
    {"ResumeReading", 10, [](Work& w) { w.agent.ResumeReading(w.AnyChannel()); }},
    {"SetWriteSize", 3,
     [](Work& w) {
       constexpr std::size_t kSizes[] = {0, 0, 500, 5000};
       w.agent.SetWriteSize(w.AnyChannel(), kSizes[w.Below(4)]);
     }},
    {"Disconnect", 1, [](Work& w) { w.agent.Disconnect(w.AnyChannel()); }},
    {"Reset", 1, [](Work& w) { w.agent.Reset(w.AnyChannel()); }},
    {"ShutdownSend", 1, [](Work& w) { w.agent.ShutdownSend(w.AnyChannel()); }},
    {"StopListening", 1, [](Work& w) { w.agent.StopListening(w.AnyChannel()); }},
    {"ResumeListening", 10, [](Work& w) { w.agent.ResumeListening(w.AnyChannel()); }},
    {"Stop", 1, [](Work& w) { w.Stop(); }},
    {"Start", 8, [](Work& w) { w.Start(); }},
    {"Stop and Start", 1,
     [](Work& w) {
       w.Stop();
       w.Start();
     }},
};

const Operation& AnyOf(Choices& choices) {
  std::size_t sum = 0;
  for (const Operation& operation : kAll) sum += operation.weight;
  std::size_t at = choices.Below(sum);
  const Operation* chosen = kAll;
  for (; at >= chosen->weight; ++chosen) at -= chosen->weight;
  return *chosen;
}

std::uint64_t Seed() {
  constexpr std::uint64_t kSeed = 4244;
  return process::Setting("MOCK_HYPERSTART_STRESS_SEED", kSeed);
}

/// Undoes everything that the workers have set; a new client must then be served.
void ExpectServesAFreshClient(MockHyperstart& agent) {
  agent.SetHandler(nullptr);
  agent.SetDefaultReply(Reply());
  for (const Command command : kCommands) agent.On(command).WillRepeatedly(Reply());
  for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
    agent.SetWriteSize(channel, 0);
    agent.ResumeReading(channel);
  }
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  const RawClient::Answer answer = ctl.Call(wire::kPing, "payload");
  EXPECT_EQ(answer.next, 15u);
  EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
  io.Write(wire::Io(7, "in"));
  EXPECT_EQ(agent.ReadIo(7, kDeadline)->data, "in");
  agent.SendIo(7, "out");
  EXPECT_EQ(*io.ReadFrame(), (wire::Frame{7, "out"}));
  EXPECT_EQ(agent.WaitForMessage(kDeadline)->payload, "payload");
}

TEST(Race, SixteenThreadsDoEverythingAtOnce) {
  const std::uint64_t seed = Seed();
  const std::chrono::seconds time(process::Setting("MOCK_HYPERSTART_STRESS_SECONDS", 0));
  std::cout << "MOCK_HYPERSTART_STRESS_SEED=" << seed << std::endl;
  { Started first; }  // a sanitizer starts a thread of its own with the first thread
  const process::Holdings before;
  Tally tally;
  {
    Started agent(Silent());
    const SocketPaths paths = agent.GetSocketPaths();
    Watchdog watchdog(kWorkers + kVisitors, time + 200s);
    const auto end = std::chrono::steady_clock::now() + time;
    std::atomic<std::size_t> working{kWorkers};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kWorkers; ++i) {
      threads.emplace_back([&, i] {
        Work work{agent, tally, i};
        Choices choices(seed, static_cast<std::uint32_t>(i));
        for (std::size_t done = 0;
             done < kOperations || std::chrono::steady_clock::now() < end || !tally.HasAnswers();
             ++done) {
          const Operation& operation = AnyOf(choices);
          work.parameter = choices.Next();
          watchdog.Note(i, operation.name);
          try {
            operation.run(work);
          } catch (const std::exception& error) {
            tally.Problem(fmt::format("{} threw: {}", operation.name, error.what()));
          }
        }
        watchdog.Note(i, nullptr);
        --working;
      });
    }
    for (std::size_t i = kWorkers; i < kWorkers + kVisitors; ++i) {
      threads.emplace_back([&, i] {
        watchdog.Note(i, "a client");
        const bool ctl = i % 2 == 0;
        Visitor visitor(ctl ? RawClient::Kind::kCtl : RawClient::Kind::kIo,
                        ctl ? paths.ctl : paths.io, seed, i, tally);
        while (working > 0) visitor.Visit();
        watchdog.Note(i, nullptr);
      });
    }
    for (std::thread& thread : threads) thread.join();

    Work last{agent, tally, kWorkers};
    last.Stop();
    last.TakeAll();
    ExpectServesAFreshClient(agent);
    EXPECT_THAT(StopQuietly(agent), IsEmpty());
  }
  EXPECT_THAT(tally.Problems(), IsEmpty());
  const Tally::Counts counts = tally.counts();
  std::cout << counts.sent << " frames, " << counts.answered << " answered, " << counts.recorded
            << " recorded" << std::endl;
  EXPECT_GT(counts.answered, 0u);
  EXPECT_TRUE(process::HoldsOnly(before));
}

TEST(Race, ASeedRepeatsItsChoices) {
  const auto names = [](std::uint64_t seed, std::uint32_t thread) {
    Choices choices(seed, thread);
    std::string text;
    for (int i = 0; i < 20; ++i) text += std::string(AnyOf(choices).name) + ' ';
    return text;
  };
  EXPECT_EQ(names(1, 1), names(1, 1));
  EXPECT_NE(names(1, 1), names(2, 1));
  EXPECT_NE(names(1, 1), names(1, 2));
}

}  // namespace
}  // namespace hyperstart
