// What is behind the face: joins two channels, the answers and the records into one mock, and
// reports what went wrong on the test's own thread. Where mock_hyperstart::compiled is linked, this
// room is compiled there, once, and no test includes it.

#ifndef MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_
#define MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/awaited.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/services.hpp"
#include "mock_hyperstart/detail/agent/setup.hpp"
#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

#ifdef MOCK_HYPERSTART_COMPILED
#define MOCK_HYPERSTART_INLINE
#else
#define MOCK_HYPERSTART_INLINE inline
#endif

namespace hyperstart {

struct MockHyperstart::Rooms {
  Rooms(Options given, ReplyPlan::Place place)
      : options(std::move(given)), made_at(place), places(options), mailbox(options.dialect) {
    options.timeout = detail::TimeoutFromEnvironment(options.timeout);
  }

  detail::ChannelServer& At(Channel channel) { return channel == Channel::kCtl ? ctl : io; }
  std::chrono::milliseconds OrDefault(Timeout timeout) const {
    return timeout.value_or(options.timeout);
  }

  // ---- life

  void Start() {
    CheckNotOnChannelThread("Start");
    if (IsOfAnotherProcess()) {
      throw std::logic_error(
          "mock_hyperstart: Start() in a process forked off the one that the mock runs in: make a "
          "new mock");
    }
    const std::lock_guard lock(life);
    if (running) {
      throw std::logic_error(
          "mock_hyperstart: Start() of a mock that is started: call Stop() first");
    }
    try {
      io_context.emplace();
      ctl.Listen(*io_context, places.paths().ctl);
      io.Listen(*io_context, places.paths().io);
      const auto now = detail::Clock::now();
      transcript.SetStart(now);
      if (ever_started) transcript.Note(Channel::kCtl, "started again: times count from here");
      mailbox.Open(now);
      ctl.Run();
      io.Run();
    } catch (...) {
      TearDown();
      throw;
    }
    running = true;
    process = ::getpid();
    unprinted = true;
    ever_started = true;
  }

  void Stop() {
    CheckNotOnChannelThread("Stop");
    if (IsOfAnotherProcess()) return;
    {
      const std::lock_guard lock(life);
      if (running) TearDown();
      running = false;
      process = 0;
    }
    Report();
  }

  /// In a process that was forked off, neither the threads nor who holds the locks are there.
  bool IsOfAnotherProcess() const {
    const pid_t home = process;
    return home != 0 && home != ::getpid();
  }

  /// For good, where they are another process's: here they are memory only.
  static void Keep(std::unique_ptr<Rooms> rooms) {
    static auto* const kept = new std::vector<std::unique_ptr<Rooms>>;
    kept->push_back(std::move(rooms));
  }

  void TearDown() {
    ctl.Interrupt();
    io.Interrupt();
    mailbox.Close();
    ctl.Finish();
    io.Finish();
    io_context.reset();
  }

  void CheckNotOnChannelThread(const char* member) const {
    if (!ctl.IsThisThread() && !io.IsThisThread()) return;
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() from the mock's own thread would wait for itself: call "
                    "it from the test's thread",
                    member));
  }
  void CheckStarted(const char* member) const {
    if (ever_started) return;
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() before Start(): call Start() first", member));
  }

  // ---- judging, on the test's thread

  /// Each is reported, though GoogleTest may throw at each (--gtest_throw_on_failure).
  void Report() {
    std::exception_ptr thrown;
    const auto guarded = [&](const auto& report) {
      try {
        report();
      } catch (...) {
        thrown = std::current_exception();
      }
    };
    for (const Violation& violation : mailbox.TakeViolations()) {
      guarded([&] {
        ADD_FAILURE_AT(made_at.file, made_at.line)
            << "mock_hyperstart: the client violated the protocol on "
            << testing::PrintToString(violation)
            << "\nA test that expects this takes it with TakeViolations().";
      });
    }
    for (const auto& [command, place] : playbook.TakeUnused()) {
      guarded([&, &unused = command, &made = place] {
        ADD_FAILURE_AT(made.file, made.line)
            << "mock_hyperstart: this WillOnce was never used: too few "
            << CommandName(unused, options.dialect) << " commands came";
      });
    }
    for (const std::string& fault : mailbox.TakeFaults()) {
      guarded([&] { ADD_FAILURE_AT(made_at.file, made_at.line) << "mock_hyperstart: " << fault; });
    }
    guarded([&] { PrintConversation(); });
    if (thrown) std::rethrow_exception(thrown);
  }

  void PrintConversation() {
    if (options.log == Log::kNever || !unprinted) return;
    if (options.log == Log::kOnFailure && !testing::Test::HasFailure()) return;
    unprinted = false;
    const char* const no_color = std::getenv("NO_COLOR");
    const bool colour = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
    std::cout << transcript.Text(colour) << std::flush;
  }

  Options options;
  const ReplyPlan::Place made_at;  // where its failures are reported
  const detail::SocketPathsOwner places;
  detail::Mailbox mailbox;
  detail::Transcript transcript{options.dialect};
  detail::Playbook playbook{options};
  const detail::Records records{options, mailbox, transcript};
  std::mutex life;  // Start and Stop exclude each other
  bool running = false;
  std::atomic<pid_t> process{0};       // where it runs
  std::atomic<bool> unprinted{false};  // there was a conversation since it was last printed
  std::atomic<bool> ever_started{false};
  detail::CtlService ctl_service{records, playbook, [this] {
                                   ctl.Disconnect();
                                   if (!ctl.IsStopping()) io.Disconnect();
                                 }};
  detail::IoService io_service{records};
  std::optional<detail::IoContext> io_context;
  detail::ChannelServer ctl{Channel::kCtl, mailbox, transcript,
                            [this](detail::Connection& client) { ctl_service.Serve(client); },
                            options.ready_on_connect ? CtlFrame(Command::kReady) : std::string()};
  detail::ChannelServer io{Channel::kIo, mailbox, transcript,
                           [this](detail::Connection& client) { io_service.Serve(client); }};
};

// ---- Life

MOCK_HYPERSTART_INLINE MockHyperstart::MockHyperstart(Options options, const char* file, int line)
    : rooms_(std::make_unique<Rooms>(std::move(options), ReplyPlan::Place{file, line})) {}

MOCK_HYPERSTART_INLINE MockHyperstart::~MockHyperstart() {
  try {
    if (rooms_->IsOfAnotherProcess()) {
      Rooms::Keep(std::move(rooms_));
    } else {
      Stop();
    }
  } catch (...) {  // a test listener, or --gtest_throw_on_failure: reported already
  }
}

MOCK_HYPERSTART_INLINE void MockHyperstart::Start() { rooms_->Start(); }
MOCK_HYPERSTART_INLINE void MockHyperstart::Stop() { rooms_->Stop(); }

MOCK_HYPERSTART_INLINE const SocketPaths& MockHyperstart::GetSocketPaths() const {
  return rooms_->places.paths();
}

// ---- What arrived

MOCK_HYPERSTART_INLINE std::vector<DecodedMessage> MockHyperstart::GetLastMessages() {
  return rooms_->mailbox.TakeMessages();
}
MOCK_HYPERSTART_INLINE std::vector<IoPacket> MockHyperstart::GetLastIoPackets() {
  return rooms_->mailbox.TakePackets();
}
MOCK_HYPERSTART_INLINE Awaited<DecodedMessage> MockHyperstart::WaitForMessage(Timeout timeout) {
  return rooms_->mailbox.WaitForMessage({}, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE Awaited<DecodedMessage> MockHyperstart::WaitForMessage(Command command,
                                                                              Timeout timeout) {
  return rooms_->mailbox.WaitForMessage(command, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE Awaited<IoPacket> MockHyperstart::ReadIo(Timeout timeout) {
  return rooms_->mailbox.WaitForPacket({}, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE Awaited<IoPacket> MockHyperstart::ReadIo(std::uint64_t seq,
                                                                Timeout timeout) {
  return rooms_->mailbox.WaitForPacket(seq, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE Awaited<std::string> MockHyperstart::ReadStream(std::uint64_t seq,
                                                                       std::size_t bytes,
                                                                       Timeout timeout) {
  return rooms_->mailbox.WaitForBytes(seq, bytes, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE Awaited<std::string> MockHyperstart::ReadStreamToEnd(std::uint64_t seq,
                                                                            Timeout timeout) {
  return rooms_->mailbox.WaitForEnd(seq, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForConnection(Timeout timeout) {
  return rooms_->mailbox.WaitForConnection({}, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForConnection(Channel channel,
                                                                                  Timeout timeout) {
  return rooms_->mailbox.WaitForConnection(channel, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForDisconnect(Channel channel,
                                                                                  Timeout timeout) {
  return rooms_->mailbox.WaitForDisconnect(channel, rooms_->OrDefault(timeout));
}
MOCK_HYPERSTART_INLINE bool MockHyperstart::IsConnected(Channel channel) const {
  return rooms_->mailbox.IsConnected(channel);
}

// ---- What the agent says by itself

MOCK_HYPERSTART_INLINE void MockHyperstart::SendMessage(Command command, std::string_view payload) {
  rooms_->CheckStarted("SendMessage");
  rooms_->ctl.Send(detail::View(detail::CtlHeader::For(command, payload.size()).Encode()), payload);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendReady() { SendMessage(Command::kReady); }
MOCK_HYPERSTART_INLINE void MockHyperstart::SendProcessEvent(std::string_view container,
                                                             std::string_view process, int status) {
  rooms_->CheckStarted("SendProcessEvent");
  const std::string event =
      fmt::format(R"({{"container":{},"process":{},"event":"finished","status":{}}})",
                  detail::JsonString(container), detail::JsonString(process), status);
  SendMessage(*CommandFromName("processasyncevent", rooms_->options.dialect), event);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendIo(std::uint64_t seq, std::string_view data) {
  rooms_->CheckStarted("SendIo");
  rooms_->io.Send(detail::View(detail::IoHeader::For(seq, data.size()).Encode()), data);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::CloseIo(std::uint64_t seq) { SendIo(seq, {}); }
MOCK_HYPERSTART_INLINE void MockHyperstart::SendExitStatus(std::uint64_t seq, std::uint8_t status) {
  const char byte = static_cast<char>(status);
  SendIo(seq, std::string_view(&byte, 1));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendRaw(Channel channel, std::string_view bytes) {
  rooms_->CheckStarted("SendRaw");
  rooms_->At(channel).SendOdd(bytes, "raw bytes");
}

// ---- What the mock answers

MOCK_HYPERSTART_INLINE ReplyPlan& MockHyperstart::On(Command command) {
  return rooms_->playbook.On(command);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetHandler(Handler handler) {
  rooms_->playbook.SetHandler(std::move(handler), rooms_->ctl.IsThisThread());
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetDefaultReply(Reply reply) {
  rooms_->playbook.SetDefaultReply(std::move(reply));
}

// ---- The connection itself

MOCK_HYPERSTART_INLINE void MockHyperstart::Disconnect(Channel channel) {
  rooms_->At(channel).Disconnect();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::Reset(Channel channel) { rooms_->At(channel).Reset(); }
MOCK_HYPERSTART_INLINE void MockHyperstart::ShutdownSend(Channel channel) {
  rooms_->At(channel).EndSending();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::PauseReading(Channel channel) {
  rooms_->At(channel).PauseReading(true);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ResumeReading(Channel channel) {
  rooms_->At(channel).PauseReading(false);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetWriteSize(Channel channel, std::size_t bytes) {
  rooms_->At(channel).SetWriteSize(bytes);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::StopListening(Channel channel) {
  rooms_->At(channel).StopListening();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ResumeListening(Channel channel) {
  rooms_->At(channel).ResumeListening();
}

// ---- Judging and looking

MOCK_HYPERSTART_INLINE std::vector<Violation> MockHyperstart::TakeViolations() {
  return rooms_->mailbox.TakeViolations();
}
MOCK_HYPERSTART_INLINE std::string MockHyperstart::Transcript() const {
  return rooms_->transcript.Text();
}
MOCK_HYPERSTART_INLINE std::string MockHyperstart::TranscriptAsMermaid() const {
  return rooms_->transcript.Mermaid();
}

}  // namespace hyperstart

#undef MOCK_HYPERSTART_INLINE

#endif  // MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_
