// A test double of the hyperstart agent, for tests of the programs that talk to it.
//
//   hyperstart::MockHyperstart agent;
//   agent.On(hyperstart::Command::kStartPod).WillOnce(hyperstart::Reply::Error("disk full"));
//   agent.Start();
//   Runtime runtime(agent.GetSocketPaths().ctl, agent.GetSocketPaths().io);  // under test
//   EXPECT_FALSE(runtime.StartPod("web"));
//
// The way of a command through the implementation, in mock_hyperstart/detail, stands in
// agent/ctl_service.hpp: read from the socket, split into frames, recorded, decided, answered.

#ifndef MOCK_HYPERSTART_HPP_
#define MOCK_HYPERSTART_HPP_

#include "mock_hyperstart/detail/requirements.hpp"  // IWYU pragma: keep

#ifdef MOCK_HYPERSTART_REQUIREMENTS_MET

#define MOCK_HYPERSTART_VERSION_MAJOR 0
#define MOCK_HYPERSTART_VERSION_MINOR 2
#define MOCK_HYPERSTART_VERSION_PATCH 0

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/awaited.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart {

namespace detail {
class ForwardObserver;
}

/// Listens on two Unix sockets, as the agent does behind a VM's two ports. Answers each command on
/// ctl with `next` frames and one `ack`, and records what clients send.
///
/// Threads: one in the background for each channel, from Start to Stop, and with ForwardTo another
/// one for each, which reads what the agent says. Every member may be called from any thread, but
/// Start and Stop not from those. Failures are reported to GoogleTest on
/// the thread that calls Stop. Ownership: the mock owns its sockets, their files and all records.
class MockHyperstart {
 public:
  /// Chooses the socket paths, which are absolute from then on; a private directory for them lives
  /// as long as the mock. The failures that Stop() reports are shown at `file` and `line`, by
  /// default the caller's. Throws std::invalid_argument for options that are not usable, and
  /// std::system_error if the directory can't be made.
  explicit MockHyperstart(Options options = {}, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE());
  MockHyperstart(const MockHyperstart&) = delete;
  MockHyperstart& operator=(const MockHyperstart&) = delete;
  /// Calls Stop(). Never throws. On one of the mock's own threads, in a handler or an action, it
  /// ends the program: it would have to wait for itself. A failure that is reported after the tests
  /// have ended, by a mock with static storage duration, makes the program exit with a failure.
  ~MockHyperstart();

  /// Before Start: makes the mock a spy. Each client is passed on to the agent that listens at
  /// these paths, and its answers to the client, byte for byte. Records, waits, the conversation
  /// and violations work as ever. A plan, or the handler, answers here: the agent never sees that
  /// command. Where it says nothing but faults (Reply().After(50ms)), they apply to the agent's
  /// reply. The agent answers everything else: there is no default reply, and SetDefaultReply has
  /// no effect.
  ///
  /// While there is a plan or a handler, the mock forwards a command when the agent has answered
  /// the one before. It does not wait for the reply to a `destroypod`, which the agent sends when
  /// its containers have ended, unless there are faults for that reply. hyperstart never answers a
  /// second `destroypod`: if there are faults for that reply, later commands wait for ever.
  ///
  /// What the test sends comes between two frames of the agent. When one side leaves, the mock
  /// leaves the other side, too. After the agent has sent an invalid header, the mock forwards all
  /// bytes as they come, and ignores plans.
  ///
  /// The agent may start later than its clients. The mock tries for Options::timeout to connect to
  /// it, also when the client has left: the agent still gets what the client had sent. If the agent
  /// can't be reached, the client is disconnected, and Stop reports it, unless Stop came before.
  /// Throws std::logic_error if the mock is started.
  ///
  /// Without Options::keep_all, the messages and packets that nobody has taken are limited to about
  /// 16 MiB a channel: beyond, the oldest are dropped, which the conversation tells. Then a wait
  /// fails rather than return anything in place of what was dropped: those for the oldest of all,
  /// and those for a command or a stream of which something was dropped, until GetLastMessages or
  /// GetLastIoPackets has taken what is left. A wait by matcher returns the oldest of what is left.
  void ForwardTo(SocketPaths agent);
  /// Used by CompareWithModel (mock_hyperstart/compare.hpp), which is the one to call. Before
  /// Start: else it throws std::logic_error. The mock shares the observer, and calls it on its own
  /// threads.
  void SetForwardObserver(std::shared_ptr<detail::ForwardObserver> observer);
  /// Clients can connect when it returns. Throws std::system_error, which says which path can't be
  /// used and why, and std::logic_error if the mock is started. A stale socket file, whose process
  /// is gone, is replaced; one that is in use is not.
  void Start();
  /// Ends every wait, delay, pause and connection at once, and removes the socket files. A client
  /// that has left by itself is read to its end first. Waits for handlers only: one that runs, and
  /// those for what such a client had written. Then, on the caller's thread, fails the current
  /// test: once for each violation that was not taken, each WillOnce that was not used, each
  /// handler that threw. Last, prints the conversation as Options::log says. Records stay, and
  /// Start may follow, on the same paths. Idempotent. Throws std::logic_error from a handler or an
  /// action.
  void Stop();

  /// The same paths for the life of the mock.
  const SocketPaths& GetSocketPaths() const;
  /// The options as they are in effect: with what the environment overrides.
  const Options& GetOptions() const;

  // ---- What arrived. A message is recorded before its reply is sent.

  /// What has arrived since the last call and was not taken by a wait, oldest first. See ForwardTo
  /// for what a spy has dropped.
  std::vector<DecodedMessage> GetLastMessages();
  std::vector<IoPacket> GetLastIoPackets();
  /// The same, but takes nothing.
  std::vector<DecodedMessage> PeekMessages() const;
  std::vector<IoPacket> PeekIoPackets() const;

  // A wait takes what it returns out of the records, and leaves the rest. It fails when its time is
  // over, or at once if the mock is not started or is stopped. It goes on when a client leaves,
  // since clients may reconnect.

  /// How long a wait lasts. None: Options::timeout.
  using Timeout = std::optional<std::chrono::milliseconds>;

  /// The oldest message.
  Awaited<DecodedMessage> WaitForMessage(Timeout timeout = {});
  /// The oldest message with that command.
  Awaited<DecodedMessage> WaitForMessage(Command command, Timeout timeout = {});
  /// The oldest message that matches: WaitForMessage(IsMessage(Command::kExecCmd,
  /// HasSubstr("sh"))). If none comes, the reason says what was wanted and why each message that is
  /// there does not match. The matcher is called under the lock of the records: it must not call
  /// the mock.
  Awaited<DecodedMessage> WaitForMessage(testing::Matcher<const DecodedMessage&> matcher,
                                         Timeout timeout = {});
  /// The oldest io packet.
  Awaited<IoPacket> ReadIo(Timeout timeout = {});
  /// The oldest io packet of that stream.
  Awaited<IoPacket> ReadIo(std::uint64_t seq, Timeout timeout = {});
  /// The oldest io packet that matches. A stream that loses a packet so goes on without it.
  Awaited<IoPacket> ReadIo(testing::Matcher<const IoPacket&> matcher, Timeout timeout = {});
  /// Exactly `bytes` bytes of the stream, joined across packets. What is left of a packet stays.
  /// Fails at once if the stream ends before.
  Awaited<std::string> ReadStream(std::uint64_t seq, std::size_t bytes, Timeout timeout = {});
  /// The stream up to its empty packet, which is taken, too.
  Awaited<std::string> ReadStreamToEnd(std::uint64_t seq, Timeout timeout = {});
  /// A client on both channels, or on one.
  testing::AssertionResult WaitForConnection(Timeout timeout = {});
  testing::AssertionResult WaitForConnection(Channel channel, Timeout timeout = {});
  /// A departure that no such wait has taken yet. After it returns, what is sent goes to the next
  /// client; before that, a send may still go to the old one, and be lost.
  testing::AssertionResult WaitForDisconnect(Channel channel, Timeout timeout = {});
  bool IsConnected(Channel channel) const;
  /// Until each WillOnce has been used and its reply has been sent. If not, the reason says which
  /// were not used.
  testing::AssertionResult WaitForPlans(Timeout timeout = {});

  // ---- What the agent says by itself. Never blocks: what is sent while no client is connected
  // waits for the next one; what a client does not read yet is queued; what it left unread is
  // dropped when it goes. A frame is sent whole, and the frames of one caller in the order of its
  // calls. These throw std::logic_error before the first Start, and std::length_error for a payload
  // that does not fit the header's 32-bit length. After Stop has begun they drop what is sent.

  /// Any command, by its number on the wire, whatever the dialect.
  void SendMessage(Command command, std::string_view payload = {});
  /// `ready`, which the agent sends when it opens ctl.
  void SendReady();
  /// `processasyncevent`: how an agent of API 4243 and later tells on ctl that a process is over.
  void SendProcessEvent(std::string_view container, std::string_view process, int status);

  /// A piece of a stream to the client. Without data it ends the stream, as CloseIo does.
  void SendIo(std::uint64_t seq, std::string_view data);
  void CloseIo(std::uint64_t seq);
  /// How an agent up to API 4242 tells that a process is over: one byte, after CloseIo.
  void SendExitStatus(std::uint64_t seq, std::uint8_t status);

  /// Any bytes.
  void SendRaw(Channel channel, std::string_view bytes);
  /// How many bytes were sent that no socket has taken yet: the client does not read, or there is
  /// none.
  std::size_t UnsentBytes(Channel channel) const;

  // ---- What the mock answers to a command: the plan's WillOnce in order, then its WillRepeatedly,
  // then the handler, then the default reply, then `ack` (for `version`, with the API version).
  // Safe to change while clients send.

  /// The plan for one command, to be added to: On(c).WillOnce(r).WillRepeatedly(r). Lives as long
  /// as the mock.
  ReplyPlan& On(Command command);
  /// A plan for the commands that match. Each call makes another one. The matcher is called on the
  /// ctl thread.
  ReplyPlan& On(testing::Matcher<const DecodedMessage&> matcher);
  /// Replaces the handler; nullptr removes it. Returns when no call of the old one is running, nor
  /// the action of a reply of its. In any handler or action it returns at once, since two handlers
  /// could wait for each other for ever: then a call of the old one may still run on the other
  /// channel's thread.
  void SetHandler(Handler handler);
  /// Answers every command, `version` too, that nothing above answers. Not after ForwardTo: there
  /// the agent does.
  void SetDefaultReply(Reply reply);
  /// The same as SetHandler for the io packets of clients, which need no answer.
  using IoHandler = hyperstart::IoHandler;
  void SetIoHandler(IoHandler handler);
  /// In an IoHandler: when its packet was read. Packets of one read have the same time. Elsewhere
  /// the value means nothing.
  std::chrono::steady_clock::time_point IoReadTime() const;
  /// The same for input that the real agent dies of.
  void SetFatalInputHandler(FatalInputHandler handler);
  /// The same for clients that come and go.
  void SetConnectionHandler(ConnectionHandler handler);
  /// The handlers that are set, for one that takes their place and calls them; empty if none is. A
  /// setter does not wait for such calls.
  Handler GetHandler();
  IoHandler GetIoHandler();
  ConnectionHandler GetConnectionHandler();
  /// Keeps the `next` frames of a read that completes a command back until the handler has answered
  /// it, and sends them with the reply, as the agent does (seen in recordings of hyperstart 1.1.0).
  /// Off by default: then they are sent before the handler is called, so that a handler may block.
  void HoldNexts(bool hold);

  // ---- The connection itself. A channel serves one client at a time; the next one waits in the
  // backlog. Without a client, or when the mock is not started, what concerns the client does
  // nothing. A pause and a write size also hold for clients to come, a pause until Stop.

  /// The client sees end of file; what it has not read is dropped. The next client is accepted.
  /// What was being read of it at that moment may still be recorded.
  void Disconnect(Channel channel);
  /// The client sees ECONNRESET once it has written again, or at once if something that it wrote is
  /// unread: on a Unix socket a reset is a close with unread input. What it has not read is
  /// dropped. The next client is accepted after that. Has no effect on the client while a process
  /// that was forked without exec, when the client was connected, still has the socket open.
  void Reset(Channel channel);
  /// Half a close, after what is queued: the client sees end of file, and what it sends is still
  /// read.
  void ShutdownSend(Channel channel);
  /// Nothing that comes later is recorded or answered until reading is resumed. One buffer may be
  /// read already, and is kept; then the client's writes block. A client that leaves meanwhile is
  /// reported gone; what it had sent is recorded, and the next client is served, when reading is
  /// resumed.
  void PauseReading(Channel channel);
  void ResumeReading(Channel channel);
  /// At most `bytes` bytes in a write to this and later clients; 0: no limit.
  void SetWriteSize(Channel channel, std::size_t bytes);
  /// connect() is refused, and who waits in the backlog is turned away. The connected client stays.
  void StopListening(Channel channel);
  /// Listens again at the same path. Throws std::system_error if it was taken meanwhile.
  void ResumeListening(Channel channel);

  // ---- Verdicts and the conversation

  /// What clients did that the protocol forbids. Stop() does not report what was taken.
  std::vector<Violation> TakeViolations();
  /// Adds a violation, as if the mock had found it.
  void ReportViolation(Violation violation);
  /// Adds a line to the conversation.
  void Note(Channel channel, std::string_view text);
  /// The conversation so far, as data: how it began and how it went on last, or all of it with
  /// Options::keep_all. A gap in the numbers means events that were not kept.
  std::vector<Event> Events() const;
  /// The conversation as text: a line for each event, with its time since Start.
  std::string Transcript() const;
  /// The same as a Mermaid sequence diagram, for READMEs and bug reports.
  std::string TranscriptAsMermaid() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hyperstart

// Left out where mock_hyperstart::compiled is linked, which holds it.
#ifndef MOCK_HYPERSTART_COMPILED
#include "mock_hyperstart/detail/gtest/mock.hpp"
#endif

#endif  // MOCK_HYPERSTART_REQUIREMENTS_MET

#endif  // MOCK_HYPERSTART_HPP_
