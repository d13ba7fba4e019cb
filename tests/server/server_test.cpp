// The server without a test framework: a program that links Asio, fmt and threads only, as a
// program of a user's that needs a stand-in for the agent does. It drives the server over real
// sockets, and exits with 1 if a check has failed.

#include "mock_hyperstart/detail/agent/server.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "support/deadline.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

using std::chrono::milliseconds;

bool failed = false;

/// Prints what is wrong, and makes the program fail, if the two differ.
template <typename Actual, typename Expected>
void Check(const char* what, const Actual& actual, const Expected& expected) {
  if (actual == expected) return;
  failed = true;
  std::fprintf(stderr, "FAILED: %s\n", what);
}
void Check(const char* what, const std::string& actual, const std::string& expected) {
  if (actual == expected) return;
  failed = true;
  std::fprintf(stderr, "FAILED: %s\n  is:       %s\n  expected: %s\n", what, actual.c_str(),
               expected.c_str());
}
void Check(const char* what, bool holds) { Check(what, holds, true); }
void CheckContains(const char* what, const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return;
  failed = true;
  std::fprintf(stderr, "FAILED: %s\n  is:       %s\n  expected: ...%s...\n", what, text.c_str(),
               std::string(part).c_str());
}

/// A server that is started, and stopped in the end.
class Started {
 public:
  explicit Started(Options options = {}) : server_(std::move(options)) { server_.Start(); }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started() { server_.Stop(); }  // NOLINT(bugprone-exception-escape): no own thread calls it

  Server* operator->() { return &server_; }
  RawClient Ctl() const { return RawClient::Ctl(server_.paths().ctl); }
  RawClient Io() const { return RawClient::Io(server_.paths().io); }

 private:
  Server server_;
};

/// Matches messages with one payload.
class PayloadIs final : public Criterion<DecodedMessage> {
 public:
  explicit PayloadIs(std::string payload) : payload_(std::move(payload)) {}
  bool Matches(const DecodedMessage& message) const override { return message.payload == payload_; }
  std::string Describe() const override { return "has the payload " + payload_; }
  std::string Explain(const DecodedMessage& message) const override {
    return "which has the payload " + message.payload;
  }

 private:
  const std::string payload_;
};

// ---- The checks

void AnswersCommands() {
  Started server;
  RawClient ctl = server.Ctl();
  const RawClient::Answer version = ctl.Call(wire::kVersion);
  Check("version is acknowledged with the API version", version.reply,
        wire::Frame{wire::kAck, wire::U32(4244)});
  Check("the header of version is counted", version.next, 8u);
  const RawClient::Answer start = ctl.Call(wire::kStartPod, "{}");
  Check("startpod is acknowledged", start.reply, wire::Frame{wire::kAck, ""});
  Check("all bytes of startpod are counted", start.next, 10u);
  Check("both messages are recorded", server->records().TakeMessages(),
        std::vector<DecodedMessage>{{Command::kVersion, ""}, {Command::kStartPod, "{}"}});
  server->SendProcessEvent("c", "p", 3);
  const std::optional<wire::Frame> event = ctl.ReadFrame();
  Check("the process event is sent", event && event->key == wire::kProcessAsyncEvent);
}

void CarriesStreams() {
  Started server;
  RawClient io = server.Io();
  io.Write(wire::Io(7, "abc") + wire::Io(7, "def") + wire::Io(7));
  Check("a part of a stream", server->records().WaitForBytes(7, 4, kDeadline).value.value_or(""),
        "abcd");
  Check("the rest of a stream", server->records().WaitForEnd(7, kDeadline).value.value_or(""),
        "ef");
  server->SendIo(8, "out");
  const std::optional<wire::Frame> frame = io.ReadFrame();
  Check("what is sent on io", frame && *frame == wire::Frame{8, "out"});
}

void FollowsPlansAndTheHandler() {
  Started server;
  server->policy().On(Command::kPing).WillOnce(Reply::Error("command"));
  server->policy().On(std::make_unique<const PayloadIs>("x")).WillOnce(Reply::Error("criterion"));
  server->SetHandler([](const DecodedMessage&) { return Reply::Ack("handler"); });
  Check("not all plans are fulfilled",
        !server->records().WaitForPlans(server->policy(), milliseconds(0)).value.has_value());
  RawClient ctl = server.Ctl();
  for (const char* const payload : {"criterion", "command"}) {
    Check("an error by a plan", ctl.Call(wire::kPing, "x").reply,
          wire::Frame{wire::kError, payload});
  }
  Check("the handler's answer", ctl.Call(wire::kPing, "x").reply,
        wire::Frame{wire::kAck, "handler"});
  Check("all plans are fulfilled",
        server->records().WaitForPlans(server->policy(), kDeadline).value.has_value());
  server->SetHandler(nullptr);
  Check("there are no verdicts", server->TakeVerdicts().empty());
}

void HandsIoPacketsToTheHandler() {
  Started server;
  std::promise<IoPacket> packet;
  server->SetIoHandler([&](const IoPacket& given) { packet.set_value(given); });
  RawClient io = server.Io();
  io.Write(wire::Io(3, "in"));
  std::future<IoPacket> future = packet.get_future();
  Check("the io handler is called", future.wait_for(kDeadline) == std::future_status::ready);
  Check("with the packet", future.get() == IoPacket{3, "in"});
  server->SetIoHandler(nullptr);
}

void ReportsVerdicts() {
  Started server;
  server->policy().On(Command::kStartPod).WillOnce(Reply(), "plan.cpp", 7);
  server->SetHandler([](const DecodedMessage&) -> Reply { throw std::runtime_error("no idea"); });
  std::promise<std::string> fatal;
  server->SetFatalInputHandler(
      [&](const Violation& violation) { fatal.set_value(violation.what); });
  {
    RawClient ctl = server.Ctl();
    Check("the client learns of an exception", ctl.Call(wire::kPing).reply,
          wire::Frame{wire::kError, "no idea"});
    ctl.Write(wire::U32(wire::kStartPod) + wire::U32(4));
    Check("a broken header ends the connection", ctl.ReadToEnd(), "");
  }
  server->Stop();
  const std::vector<Verdict> verdicts = server->TakeVerdicts();
  Check("there are three verdicts", verdicts.size(), 3u);
  if (verdicts.size() != 3) return;
  Check("a violation", verdicts[0].kind == Verdict::Kind::kViolation);
  Check("of ctl", verdicts[0].violation.channel == Channel::kCtl);
  Check("of which the fatal input handler was told", fatal.get_future().get(),
        verdicts[0].violation.what);
  Check("an unused reply", verdicts[1].kind == Verdict::Kind::kUnusedReply);
  Check("at the place of its plan", verdicts[1].place && verdicts[1].place->line == 7);
  Check("with a sentence", verdicts[1].text,
        "this WillOnce was never used: too few startpod commands came");
  Check("an error", verdicts[2].kind == Verdict::Kind::kError);
  Check("with its text", verdicts[2].text, "the handler threw at a ping: no idea");
  Check("each is reported once", server->TakeVerdicts().empty());
}

void SaysWhyAWaitFailed() {
  Server not_started{Options()};
  CheckContains("a wait before Start",
                not_started.records().WaitForMessage(std::nullopt, kDeadline).reason,
                "no message: the mock is not started: call Start() first");
  Started server;
  RawClient ctl = server.Ctl();
  ctl.Call(wire::kPing, "y");
  const std::string by_command =
      server->records().WaitForMessage(Command::kStartPod, milliseconds(0)).reason;
  CheckContains("what was wanted", by_command,
                "no startpod within 0 ms; received instead:\n    1  ");
  CheckContains("what was received", by_command, "ping  1 byte  \"y\"");
  CheckContains("who is connected", by_command, "\n  ctl: connected; io: never connected");
  const std::string by_criterion =
      server->records().WaitForMessage(PayloadIs("x"), milliseconds(0)).reason;
  CheckContains("which criterion was wanted", by_criterion,
                "no message that has the payload x within 0 ms");
  CheckContains("why a message does not match", by_criterion, "\n       which has the payload y\n");
  CheckContains("a wait for bytes", server->records().WaitForBytes(1, 2, milliseconds(0)).reason,
                "no 2 bytes of seq 1 (there are 0) within 0 ms; nothing has arrived");
  server->Stop();
  CheckContains("a wait after Stop", server->records().WaitForPacket(9, kDeadline).reason,
                "no io packet of seq 9: the mock is stopped");
}

void KeepsTheConversation() {
  Started server;
  RawClient ctl = server.Ctl();
  ctl.Call(wire::kPing);
  server->Stop();
  const std::vector<Event> events = server->log().Events();
  Check("there are five events", events.size(), 5u);
  const std::string text = TranscriptText(events);
  CheckContains("the conversation", text, "ctl  -->  ping            0 bytes\n");
  CheckContains("the conversation", text, "ctl  <--  next 8, ack\n");
  CheckContains("the conversation", text, "ctl       disconnected by Stop\n");
}

void StartsAgain() {
  Started server;
  server->Stop();
  bool refused = false;
  try {
    server.Ctl();
  } catch (const std::runtime_error&) {
    refused = true;
  }
  Check("nobody can connect to a stopped server", refused);
  server->Start();
  Check("a server that is started again answers", server.Ctl().Call(wire::kPing).reply,
        wire::Frame{wire::kAck, ""});
}

int Run() {
  constexpr std::pair<const char*, void (*)()> kChecks[] = {
      {"answers commands", AnswersCommands},
      {"carries streams", CarriesStreams},
      {"follows plans and the handler", FollowsPlansAndTheHandler},
      {"hands io packets to the handler", HandsIoPacketsToTheHandler},
      {"reports verdicts", ReportsVerdicts},
      {"says why a wait failed", SaysWhyAWaitFailed},
      {"keeps the conversation", KeepsTheConversation},
      {"starts again", StartsAgain},
  };
  for (const auto& [name, check] : kChecks) {
    std::printf("the server %s\n", name);
    std::fflush(stdout);
    try {
      check();
    } catch (const std::exception& error) {
      Check(error.what(), false);
    }
  }
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace hyperstart::detail

int main() { return hyperstart::detail::Run(); }
