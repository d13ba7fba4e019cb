// Stop and Start against every other member: one thread calls the member again and again, while
// another stops and starts the mock, each time with clients on both channels.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "stress/reports.hpp"
#include "stress/watchdog.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

struct Member {
  const char* name;
  void (*call)(MockHyperstart&);
};

/// Prints the parameter of a test as its name.
void PrintTo(const Member& member, std::ostream* out) { *out << member.name; }

const Member kMembers[] = {
    {"Start",
     [](MockHyperstart& m) {
       try {
         m.Start();
       } catch (const std::logic_error&) {  // it is started
       }
     }},
    {"Stop", [](MockHyperstart& m) { StopQuietly(m); }},
    {"GetSocketPaths", [](MockHyperstart& m) { (void)m.GetSocketPaths().ctl.size(); }},
    {"GetLastMessages", [](MockHyperstart& m) { m.GetLastMessages(); }},
    {"GetLastIoPackets", [](MockHyperstart& m) { m.GetLastIoPackets(); }},
    {"WaitForMessage", [](MockHyperstart& m) { (void)m.WaitForMessage(kDeadline); }},
    {"WaitForAMessage",
     [](MockHyperstart& m) { (void)m.WaitForMessage(Command::kExecCmd, kDeadline); }},
    {"ReadIo", [](MockHyperstart& m) { (void)m.ReadIo(kDeadline); }},
    {"ReadIoOfASeq", [](MockHyperstart& m) { (void)m.ReadIo(8, kDeadline); }},
    {"ReadStream", [](MockHyperstart& m) { (void)m.ReadStream(8, 1, kDeadline); }},
    {"ReadStreamToEnd", [](MockHyperstart& m) { (void)m.ReadStreamToEnd(8, kDeadline); }},
    {"WaitForConnection", [](MockHyperstart& m) { (void)m.WaitForConnection(kDeadline); }},
    {"WaitForConnectionOnIo",
     [](MockHyperstart& m) { (void)m.WaitForConnection(Channel::kIo, kDeadline); }},
    {"WaitForDisconnect",
     [](MockHyperstart& m) { (void)m.WaitForDisconnect(Channel::kCtl, kDeadline); }},
    {"IsConnected", [](MockHyperstart& m) { (void)m.IsConnected(Channel::kCtl); }},
    {"SendMessage", [](MockHyperstart& m) { m.SendMessage(Command::kReady, "x"); }},
    {"SendReady", [](MockHyperstart& m) { m.SendReady(); }},
    {"SendProcessEvent", [](MockHyperstart& m) { m.SendProcessEvent("c", "p", 0); }},
    {"SendIo", [](MockHyperstart& m) { m.SendIo(1, "x"); }},
    {"SendIoOfMuch", [](MockHyperstart& m) { m.SendIo(1, std::string(300'000, 'x')); }},
    {"CloseIo", [](MockHyperstart& m) { m.CloseIo(1); }},
    {"SendExitStatus", [](MockHyperstart& m) { m.SendExitStatus(1, 1); }},
    {"SendRaw", [](MockHyperstart& m) { m.SendRaw(Channel::kCtl, "x"); }},
    {"OnWillOnce", [](MockHyperstart& m) { m.On(Command::kPing).WillOnce(Reply::Error()); }},
    {"OnWillRepeatedly",
     [](MockHyperstart& m) { m.On(Command::kPing).WillRepeatedly(Reply::Error()); }},
    {"SetHandler",
     [](MockHyperstart& m) { m.SetHandler([](const DecodedMessage&) { return Reply::Error(); }); }},
    {"SetDefaultReply", [](MockHyperstart& m) { m.SetDefaultReply(Reply::Error().After(1h)); }},
    {"Disconnect", [](MockHyperstart& m) { m.Disconnect(Channel::kCtl); }},
    {"Reset", [](MockHyperstart& m) { m.Reset(Channel::kCtl); }},
    {"ShutdownSend", [](MockHyperstart& m) { m.ShutdownSend(Channel::kCtl); }},
    {"PauseReading", [](MockHyperstart& m) { m.PauseReading(Channel::kCtl); }},
    {"ResumeReading", [](MockHyperstart& m) { m.ResumeReading(Channel::kCtl); }},
    {"SetWriteSize", [](MockHyperstart& m) { m.SetWriteSize(Channel::kCtl, 1); }},
    {"StopListening", [](MockHyperstart& m) { m.StopListening(Channel::kCtl); }},
    {"ResumeListening", [](MockHyperstart& m) { m.ResumeListening(Channel::kCtl); }},
    {"StopAndResumeListening",
     [](MockHyperstart& m) {
       m.StopListening(Channel::kCtl);
       m.ResumeListening(Channel::kCtl);
     }},
    {"TakeViolations", [](MockHyperstart& m) { m.TakeViolations(); }},
    {"Transcript", [](MockHyperstart& m) { (void)m.Transcript(); }},
    {"TranscriptAsMermaid", [](MockHyperstart& m) { (void)m.TranscriptAsMermaid(); }},
};

/// Clients that send something and do not wait for the answer. The member may keep them from
/// connecting.
class Clients {
 public:
  explicit Clients(const SocketPaths& paths) {
    try {
      ctl_.emplace(RawClient::Ctl(paths.ctl));
      ctl_->WriteWhatFits(wire::Ctl(wire::kPing, "x"));
      io_.emplace(RawClient::Io(paths.io));
      io_->WriteWhatFits(wire::Io(9, "x"));
    } catch (const std::runtime_error&) {  // refused, or disconnected
    }
  }

 private:
  std::optional<RawClient> ctl_, io_;
};

class Stop : public testing::TestWithParam<Member> {};

TEST_P(Stop, AndStartAgainst) {
  constexpr int kLives = 30;
  Started agent(Silent());
  std::thread caller;
  {
    Watchdog watchdog(2, 100s);
    watchdog.Note(0, GetParam().name);
    watchdog.Note(1, "Stop and Start");
    std::atomic<bool> over{false};
    std::atomic<std::size_t> calls{0};
    std::atomic<std::size_t> allowed{
        0};  // without a limit, plans and backlogs would grow without bound
    caller = std::thread([&] {
      while (!over) {
        if (calls < allowed) {
          GetParam().call(agent);
          ++calls;
        } else {
          std::this_thread::yield();
        }
      }
    });
    for (int life = 0; life < kLives; ++life) {
      const Clients clients(agent.GetSocketPaths());
      const std::size_t seen = calls;
      allowed = seen + 100;
      // Stop comes at once or after a call. A call that waits is ended only by Stop.
      for (int i = 0; i < life && calls == seen; ++i) std::this_thread::yield();
      StopQuietly(agent);
      try {
        agent.Start();
      } catch (const std::logic_error&) {  // the other thread has started it
      }
    }
    over = true;
    StopQuietly(agent);
    caller.join();
  }
  StopQuietly(agent);

  agent.SetHandler(nullptr);
  agent.SetDefaultReply(Reply::Ack());
  agent.On(Command::kPing).WillRepeatedly(Reply());
  agent.SetWriteSize(Channel::kCtl, 0);
  agent.ResumeReading(Channel::kCtl);
  agent.GetLastMessages();
  agent.Start();
  EXPECT_EQ(agent.Ctl().Call(wire::kPing).next, 8u);
  EXPECT_EQ(agent.GetLastMessages().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Every, Stop, testing::ValuesIn(kMembers),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hyperstart
