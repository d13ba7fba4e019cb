// A test double of the hyperstart agent, for tests of the programs that talk to it.
//
//   hyperstart::MockHyperstart agent;
//   agent.On(hyperstart::Command::kStartPod).WillOnce(hyperstart::Reply::Error("disk full"));
//   agent.Start();
//   Runtime runtime(agent.GetSocketPaths().ctl, agent.GetSocketPaths().io);  // under test
//   EXPECT_FALSE(runtime.StartPod("web"));
//
// This is the face; the rooms behind it lie in mock_hyperstart/. A command's way through them:
// Connection::Read, FrameReader::Read, Playbook::Next and Mailbox::Add, called one after the other
// in CtlService::Serve, and back out through Connection::Send.

#ifndef MOCK_HYPERSTART_HPP_
#define MOCK_HYPERSTART_HPP_

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <limits>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/channel.hpp"
#include "mock_hyperstart/connection.hpp"
#include "mock_hyperstart/mailbox.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/playbook.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"
#include "mock_hyperstart/service.hpp"
#include "mock_hyperstart/socket_files.hpp"
#include "mock_hyperstart/transcript.hpp"

#define MOCK_HYPERSTART_VERSION_MAJOR 0
#define MOCK_HYPERSTART_VERSION_MINOR 1
#define MOCK_HYPERSTART_VERSION_PATCH 0

namespace hyperstart {

/// Listens on two Unix sockets as the agent does behind a VM's two ports, answers each command on
/// ctl with `next` frames and one `ack`, and records what clients send.
///
/// Threads: one in the background for each channel, from Start to Stop; every member may be called
/// from any thread, but Start and Stop not from those. GoogleTest is only called on the caller's
/// thread. Ownership: the mock owns its sockets, their files and all records.
class MockHyperstart {
 public:
  /// What Stop() reports stands at `file` and `line`, by default the caller's. Settles the socket
  /// paths; the private directory lives as long as the mock. Throws std::system_error where that
  /// can't be made, std::invalid_argument for options that can't be.
  explicit MockHyperstart(Options options = {}, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE());
  MockHyperstart(const MockHyperstart&) = delete;
  MockHyperstart& operator=(const MockHyperstart&) = delete;
  /// Stop(). Never throws, needs no client.
  ~MockHyperstart();

  /// Listening on return. std::system_error says which path and why not; a stale socket of a dead
  /// process is replaced, a living one is not. std::logic_error if started already.
  void Start();
  /// Ends every wait, delay, pause and connection at once, removes the socket files, and waits only
  /// for a handler that is running. Then, on the caller's thread, it fails the current test: once
  /// for each violation that was not taken, each WillOnce that was not used, each handler that
  /// threw. Last it prints the conversation, as Options::log says. Records stay, and Start may
  /// follow, on the same paths. Idempotent. std::logic_error from a handler or a Then.
  void Stop();

  const SocketPaths& GetSocketPaths() const { return paths_; }

  // ---- What arrived. A message is recorded before its reply leaves.

  /// What came since the last call, and no wait took, oldest first.
  std::vector<DecodedMessage> GetLastMessages() { return mailbox_.TakeMessages(); }
  std::vector<IoPacket> GetLastIoPackets() { return mailbox_.TakePackets(); }

  // Waits take what they return out of the records, and leave the rest. They fail when their time
  // is over, or at once where the mock is not started, or is stopped. They outlive a client:
  // clients may reconnect.
  using Timeout = std::optional<std::chrono::milliseconds>;  // none: Options::timeout

  /// The oldest message.
  Awaited<DecodedMessage> WaitForMessage(Timeout timeout = {}) {
    return mailbox_.WaitForMessage({}, OrDefault(timeout));
  }
  /// The oldest message with that command.
  Awaited<DecodedMessage> WaitForMessage(Command command, Timeout timeout = {}) {
    return mailbox_.WaitForMessage(command, OrDefault(timeout));
  }
  /// The oldest io packet.
  Awaited<IoPacket> ReadIo(Timeout timeout = {}) {
    return mailbox_.WaitForPacket({}, OrDefault(timeout));
  }
  /// The oldest io packet of that stream.
  Awaited<IoPacket> ReadIo(std::uint64_t seq, Timeout timeout = {}) {
    return mailbox_.WaitForPacket(seq, OrDefault(timeout));
  }
  /// Exactly that many bytes of the stream, joined across packets; what is left of a packet stays.
  /// Fails at once if the stream ends before.
  Awaited<std::string> ReadStream(std::uint64_t seq, std::size_t bytes, Timeout timeout = {}) {
    return mailbox_.WaitForBytes(seq, bytes, OrDefault(timeout));
  }
  /// The stream up to its empty packet, which is taken too.
  Awaited<std::string> ReadStreamToEnd(std::uint64_t seq, Timeout timeout = {}) {
    return mailbox_.WaitForEnd(seq, OrDefault(timeout));
  }
  /// A client on both channels, or on one.
  testing::AssertionResult WaitForConnection(Timeout timeout = {}) {
    return mailbox_.WaitForConnection({}, OrDefault(timeout));
  }
  testing::AssertionResult WaitForConnection(Channel channel, Timeout timeout = {}) {
    return mailbox_.WaitForConnection(channel, OrDefault(timeout));
  }
  /// A departure that no such wait has taken yet. Once it returns, what is sent belongs to the next
  /// client; before that, a send may still go to, and be lost with, the old one.
  testing::AssertionResult WaitForDisconnect(Channel channel, Timeout timeout = {}) {
    return mailbox_.WaitForDisconnect(channel, OrDefault(timeout));
  }
  bool IsConnected(Channel channel) const { return mailbox_.IsConnected(channel); }

  // ---- What the agent says by itself. Never blocks: what is sent while no
  // client is connected waits for the next one, what a client does not read yet is queued, what it
  // left unread is dropped when it goes. A frame is written whole, frames of one caller in the
  // order of its calls. std::logic_error before the first Start, std::length_error for a payload
  // that its header can't announce; dropped once Stop has begun.

  /// Any command, in the wire's numbers whatever the dialect.
  void SendMessage(Command command, std::string_view payload = {});
  /// `ready`, as the agent when it opens ctl.
  void SendReady() { SendMessage(Command::kReady); }
  /// `processasyncevent`: how an agent of API 4243 and later tells on ctl that a process is over.
  void SendProcessEvent(std::string_view container, std::string_view process, int status);

  /// A piece of a stream towards the client; an empty one ends it, as CloseIo does.
  void SendIo(std::uint64_t seq, std::string_view data);
  void CloseIo(std::uint64_t seq) { SendIo(seq, {}); }
  /// How an agent up to API 4242 tells that a process is over: one byte, after CloseIo.
  void SendExitStatus(std::uint64_t seq, std::uint8_t status);

  /// Any bytes at all.
  void SendRaw(Channel channel, std::string_view bytes);

  // ---- What the mock answers: the plan's WillOnce in order, then its
  // WillRepeatedly, then the handler, then the default reply, then `ack` (of `version`: with the
  // API version). Safe to change under traffic.

  /// The plan for one command, to be added to: On(c).WillOnce(r).WillRepeatedly(r). Lives as long
  /// as the mock.
  ReplyPlan& On(Command command) { return playbook_.On(command); }
  /// nullptr: none. Returns when no call of the old one is running, unless it is called by it.
  void SetHandler(Handler handler) {
    playbook_.SetHandler(std::move(handler), ctl_.IsThisThread());
  }
  /// Of every command, `version` too.
  void SetDefaultReply(Reply reply) { playbook_.SetDefaultReply(std::move(reply)); }

  // ---- The connection itself. One client at a time is served on a channel;
  // the next waits in the backlog. Without a client, or when not started, what is for the client
  // does nothing.

  /// The client sees end of file; what it is owed is dropped. The next is accepted. What was being
  /// read of it in that moment may still be recorded.
  void Disconnect(Channel channel) { At(channel).Disconnect(); }
  /// The client sees ECONNRESET once it has written again: on a Unix socket that takes a close with
  /// input unread. What it is owed is dropped. The next is accepted after that.
  void Reset(Channel channel) { At(channel).Reset(); }
  /// Half close, after what is queued: the client sees end of file and is still heard.
  void ShutdownSend(Channel channel) { At(channel).EndSending(); }
  /// Nothing that comes later is recorded or answered until reading is resumed (one buffer may be
  /// read already, and is kept); a client's writes back up. A client that leaves meanwhile is
  /// reported gone; what it had sent is recorded on resumption, and the next is accepted then.
  void PauseReading(Channel channel) { At(channel).PauseReading(true); }
  void ResumeReading(Channel channel) { At(channel).PauseReading(false); }
  /// At most so many bytes a write to this and later clients; 0: no limit.
  void SetWriteSize(Channel channel, std::size_t bytes) { At(channel).SetWriteSize(bytes); }
  /// connect() is refused, and who waits in the backlog is turned away; the connected client stays.
  void StopListening(Channel channel) { At(channel).StopListening(); }
  /// std::system_error where the path is taken meanwhile.
  void ResumeListening(Channel channel) { At(channel).ResumeListening(); }

  // ---- Judging and looking

  /// What clients did that the protocol forbids. What is taken is not reported by Stop().
  std::vector<Violation> TakeViolations() { return mailbox_.TakeViolations(); }
  /// The conversation so far, for people: a line for each event with its time since Start, how it
  /// began and how it went on last. In bounded memory; what was not kept is said.
  std::string Transcript() const { return transcript_.Text(); }
  /// The same as a Mermaid sequence diagram, for READMEs and bug reports.
  std::string TranscriptAsMermaid() const { return transcript_.Mermaid(); }

 private:
  void CheckNotOnChannelThread(const char* member) const;
  void CheckStarted(const char* member) const;
  std::chrono::milliseconds OrDefault(Timeout timeout) const {
    return timeout.value_or(options_.timeout);
  }
  static void ApplyTimeoutFromEnvironment(std::chrono::milliseconds& timeout);

  detail::ChannelServer& At(Channel channel) { return channel == Channel::kCtl ? ctl_ : io_; }
  void TearDown();
  void Report();
  void PrintConversation();

  Options options_;
  const ReplyPlan::Place made_at_;  // where its failures are reported
  std::optional<detail::PrivateDirectory> directory_;
  SocketPaths paths_;
  detail::Mailbox mailbox_;
  detail::Transcript transcript_;
  detail::Playbook playbook_;
  const detail::Records records_{options_, mailbox_, transcript_};
  std::mutex life_;  // Start and Stop exclude each other
  bool running_ = false;
  pid_t process_ = 0;                   // where it was started
  std::atomic<bool> unprinted_{false};  // there was a conversation since it was last printed
  std::atomic<bool> ever_started_{false};
  detail::CtlService ctl_service_;
  detail::IoService io_service_;
  std::optional<detail::IoContext> io_context_;
  detail::ChannelServer ctl_;
  detail::ChannelServer io_;
};

// ---- Life

inline MockHyperstart::MockHyperstart(Options options, const char* file, int line)
    : options_(std::move(options)),
      made_at_{file, line},
      mailbox_(options_.dialect),
      transcript_(options_.dialect),
      playbook_(options_),
      ctl_service_(records_, playbook_,
                   [this] {
                     Disconnect(Channel::kCtl);
                     Disconnect(Channel::kIo);
                   }),
      io_service_(records_),
      ctl_(
          Channel::kCtl, mailbox_, transcript_,
          [this](detail::Connection& client) { ctl_service_.Serve(client); },
          options_.ready_on_connect ? CtlFrame(Command::kReady) : std::string()),
      io_(Channel::kIo, mailbox_, transcript_,
          [this](detail::Connection& client) { io_service_.Serve(client); }) {
  ApplyTimeoutFromEnvironment(options_.timeout);
  for (const std::string* const path : {&options_.ctl_path, &options_.io_path}) {
    if (path->find('\0') != std::string::npos) {
      throw std::invalid_argument(
          "mock_hyperstart: a socket path holds a NUL; abstract sockets are not supported, give "
          "the path of a file");
    }
  }
  if (!options_.ctl_path.empty() && options_.ctl_path == options_.io_path) {
    throw std::invalid_argument("mock_hyperstart: ctl_path and io_path are both " +
                                options_.ctl_path + ": give each channel its own");
  }
  if (options_.ctl_path.empty() || options_.io_path.empty()) directory_.emplace();
  paths_.ctl = options_.ctl_path.empty() ? directory_->path() + "/ctl.sock" : options_.ctl_path;
  paths_.io = options_.io_path.empty() ? directory_->path() + "/io.sock" : options_.io_path;
}

inline MockHyperstart::~MockHyperstart() {
  try {
    Stop();
  } catch (...) {  // a test listener, or --gtest_throw_on_failure: reported already
  }
}

inline void MockHyperstart::Start() {
  CheckNotOnChannelThread("Start");
  const std::lock_guard lock(life_);
  if (running_) {
    throw std::logic_error("mock_hyperstart: Start() of a mock that is started: call Stop() first");
  }
  try {
    io_context_.emplace();
    ctl_.Listen(*io_context_, paths_.ctl);
    io_.Listen(*io_context_, paths_.io);
    const auto now = detail::Clock::now();
    transcript_.SetStart(now);
    mailbox_.Open(now);
    ctl_.Run();
    io_.Run();
  } catch (...) {
    TearDown();
    throw;
  }
  running_ = true;
  process_ = ::getpid();
  unprinted_ = true;
  ever_started_ = true;
}

inline void MockHyperstart::Stop() {
  CheckNotOnChannelThread("Stop");
  {
    const std::lock_guard lock(life_);
    if (running_ && process_ != ::getpid()) {  // forked off: the threads are not here
      ctl_.Abandon();
      io_.Abandon();
      if (directory_) directory_->Abandon();
      running_ = false;
      return;
    }
    if (running_) TearDown();
    running_ = false;
  }
  Report();
}

inline void MockHyperstart::TearDown() {
  ctl_.Interrupt();
  io_.Interrupt();
  mailbox_.Close();
  ctl_.Finish();
  io_.Finish();
  io_context_.reset();
}

/// Each is reported, though GoogleTest may throw at each (--gtest_throw_on_failure).
inline void MockHyperstart::Report() {
  std::exception_ptr thrown;
  const auto guarded = [&](const auto& report) {
    try {
      report();
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  for (const Violation& violation : mailbox_.TakeViolations()) {
    guarded([&] {
      ADD_FAILURE_AT(made_at_.file, made_at_.line)
          << "mock_hyperstart: the client violated the protocol on "
          << testing::PrintToString(violation)
          << "\nA test that expects this takes it with TakeViolations().";
    });
  }
  for (const auto& [command, place] : playbook_.TakeUnused()) {
    guarded([&, &command = command, &place = place] {
      ADD_FAILURE_AT(place.file, place.line)
          << "mock_hyperstart: this WillOnce was never used: too few "
          << CommandName(command, options_.dialect) << " commands came";
    });
  }
  for (const std::string& fault : mailbox_.TakeFaults()) {
    guarded([&] { ADD_FAILURE_AT(made_at_.file, made_at_.line) << "mock_hyperstart: " << fault; });
  }
  guarded([&] { PrintConversation(); });
  if (thrown) std::rethrow_exception(thrown);
}

inline void MockHyperstart::PrintConversation() {
  if (options_.log == Log::kNever || !unprinted_) return;
  if (options_.log == Log::kOnFailure && !testing::Test::HasFailure()) return;
  unprinted_ = false;
  const char* const no_color = std::getenv("NO_COLOR");
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
  std::cout << transcript_.Text(colour) << std::flush;
}

inline void MockHyperstart::CheckNotOnChannelThread(const char* member) const {
  if (ctl_.IsThisThread() || io_.IsThisThread()) {
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() from the mock's own thread would wait for "
                    "itself: call it from the test's thread",
                    member));
  }
}

inline void MockHyperstart::CheckStarted(const char* member) const {
  if (!ever_started_) {
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() before Start(): call Start() first", member));
  }
}

inline void MockHyperstart::ApplyTimeoutFromEnvironment(std::chrono::milliseconds& timeout) {
  const char* const value = std::getenv("MOCK_HYPERSTART_TIMEOUT_MS");
  if (value == nullptr || *value == '\0') return;
  std::uint32_t milliseconds = 0;
  const char* const end = value + std::strlen(value);
  if (const auto [last, error] = std::from_chars(value, end, milliseconds);
      error != std::errc() || last != end) {
    throw std::invalid_argument(
        fmt::format("mock_hyperstart: MOCK_HYPERSTART_TIMEOUT_MS is \"{}\": give a whole "
                    "number of milliseconds, at most {}",
                    value, std::numeric_limits<std::uint32_t>::max()));
  }
  timeout = std::chrono::milliseconds(milliseconds);
}

// ---- What the agent says by itself

inline void MockHyperstart::SendMessage(Command command, std::string_view payload) {
  CheckStarted("SendMessage");
  ctl_.Send(detail::View(detail::CtlHeader::For(command, payload.size()).Encode()), payload);
}

inline void MockHyperstart::SendProcessEvent(std::string_view container, std::string_view process,
                                             int status) {
  CheckStarted("SendProcessEvent");
  const std::string event =
      fmt::format(R"({{"container":{},"process":{},"event":"finished","status":{}}})",
                  detail::JsonString(container), detail::JsonString(process), status);
  SendMessage(*CommandFromName("processasyncevent", options_.dialect), event);
}

inline void MockHyperstart::SendIo(std::uint64_t seq, std::string_view data) {
  CheckStarted("SendIo");
  io_.Send(detail::View(detail::IoHeader::For(seq, data.size()).Encode()), data);
}

inline void MockHyperstart::SendExitStatus(std::uint64_t seq, std::uint8_t status) {
  const char byte = static_cast<char>(status);
  SendIo(seq, std::string_view(&byte, 1));
}

inline void MockHyperstart::SendRaw(Channel channel, std::string_view bytes) {
  CheckStarted("SendRaw");
  At(channel).SendOdd(bytes, "raw bytes");
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_HPP_
