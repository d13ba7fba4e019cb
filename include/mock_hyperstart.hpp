// A test double of the hyperstart agent, for tests of the programs that talk to it.
//
//   hyperstart::MockHyperstart agent;
//   agent.On(hyperstart::Command::kStartPod).WillOnce(hyperstart::Reply::Error("disk full"));
//   agent.Start();
//   Runtime runtime(agent.GetSocketPaths().ctl, agent.GetSocketPaths().io);  // under test
//   EXPECT_FALSE(runtime.StartPod("web"));
//
// This is the face; the rooms behind it lie in mock_hyperstart/, and mock.hpp joins them. A
// command's way through them: Connection::Read, FrameReader::Read, Playbook::Next and Mailbox::Add,
// called one after the other in CtlService::Serve, and back out through Outbox::Send.

#ifndef MOCK_HYPERSTART_HPP_
#define MOCK_HYPERSTART_HPP_

#include "mock_hyperstart/detail/requirements.hpp"  // IWYU pragma: keep

#ifdef MOCK_HYPERSTART_REQUIREMENTS_MET

#define MOCK_HYPERSTART_VERSION_MAJOR 0
#define MOCK_HYPERSTART_VERSION_MINOR 1
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
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

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
  /// Ends every wait, delay, pause and connection at once, and removes the socket files. Hears a
  /// client that has left by itself to its end; so it waits for handlers only, the one that is
  /// running and those for what such a client had written. Then, on the caller's thread, it fails
  /// the current test: once for each violation that was not taken, each WillOnce that was not used,
  /// each handler that threw. Last it prints the conversation, as Options::log says. Records stay,
  /// and Start may follow, on the same paths. Idempotent. std::logic_error from a handler or a
  /// Then.
  void Stop();

  /// Absolute paths: those of the options, or fresh ones. The same for the life of the mock.
  const SocketPaths& GetSocketPaths() const;

  // ---- What arrived. A message is recorded before its reply leaves.

  /// What came since the last call, and no wait took, oldest first.
  std::vector<DecodedMessage> GetLastMessages();
  std::vector<IoPacket> GetLastIoPackets();

  // Waits take what they return out of the records, and leave the rest. They fail when their time
  // is over, or at once where the mock is not started, or is stopped. They outlive a client:
  // clients may reconnect.
  using Timeout = std::optional<std::chrono::milliseconds>;  // none: Options::timeout

  /// The oldest message.
  Awaited<DecodedMessage> WaitForMessage(Timeout timeout = {});
  /// The oldest message with that command.
  Awaited<DecodedMessage> WaitForMessage(Command command, Timeout timeout = {});
  /// The oldest io packet.
  Awaited<IoPacket> ReadIo(Timeout timeout = {});
  /// The oldest io packet of that stream.
  Awaited<IoPacket> ReadIo(std::uint64_t seq, Timeout timeout = {});
  /// Exactly that many bytes of the stream, joined across packets; what is left of a packet stays.
  /// Fails at once if the stream ends before.
  Awaited<std::string> ReadStream(std::uint64_t seq, std::size_t bytes, Timeout timeout = {});
  /// The stream up to its empty packet, which is taken too.
  Awaited<std::string> ReadStreamToEnd(std::uint64_t seq, Timeout timeout = {});
  /// A client on both channels, or on one.
  testing::AssertionResult WaitForConnection(Timeout timeout = {});
  testing::AssertionResult WaitForConnection(Channel channel, Timeout timeout = {});
  /// A departure that no such wait has taken yet. Once it returns, what is sent belongs to the next
  /// client; before that, a send may still go to, and be lost with, the old one.
  testing::AssertionResult WaitForDisconnect(Channel channel, Timeout timeout = {});
  bool IsConnected(Channel channel) const;

  // ---- What the agent says by itself. Never blocks: what is sent while no
  // client is connected waits for the next one, what a client does not read yet is queued, what it
  // left unread is dropped when it goes. A frame is written whole, frames of one caller in the
  // order of its calls. std::logic_error before the first Start, std::length_error for a payload
  // that its header can't announce; dropped once Stop has begun.

  /// Any command, in the wire's numbers whatever the dialect.
  void SendMessage(Command command, std::string_view payload = {});
  /// `ready`, as the agent when it opens ctl.
  void SendReady();
  /// `processasyncevent`: how an agent of API 4243 and later tells on ctl that a process is over.
  void SendProcessEvent(std::string_view container, std::string_view process, int status);

  /// A piece of a stream towards the client; an empty one ends it, as CloseIo does.
  void SendIo(std::uint64_t seq, std::string_view data);
  void CloseIo(std::uint64_t seq);
  /// How an agent up to API 4242 tells that a process is over: one byte, after CloseIo.
  void SendExitStatus(std::uint64_t seq, std::uint8_t status);

  /// Any bytes at all.
  void SendRaw(Channel channel, std::string_view bytes);

  // ---- What the mock answers: the plan's WillOnce in order, then its
  // WillRepeatedly, then the handler, then the default reply, then `ack` (of `version`: with the
  // API version). Safe to change under traffic.

  /// The plan for one command, to be added to: On(c).WillOnce(r).WillRepeatedly(r). Lives as long
  /// as the mock.
  ReplyPlan& On(Command command);
  /// nullptr: none. Returns when no call of the old one is running, unless it is called by it.
  void SetHandler(Handler handler);
  /// Of every command, `version` too.
  void SetDefaultReply(Reply reply);

  // ---- The connection itself. One client at a time is served on a channel;
  // the next waits in the backlog. Without a client, or when not started, what is for the client
  // does nothing; a pause and a write size hold for those to come, a pause until Stop.

  /// The client sees end of file; what it is owed is dropped. The next is accepted. What was being
  /// read of it in that moment may still be recorded.
  void Disconnect(Channel channel);
  /// The client sees ECONNRESET once it has written again: on a Unix socket that takes a close with
  /// input unread. What it is owed is dropped. The next is accepted after that.
  void Reset(Channel channel);
  /// Half close, after what is queued: the client sees end of file and is still heard.
  void ShutdownSend(Channel channel);
  /// Nothing that comes later is recorded or answered until reading is resumed (one buffer may be
  /// read already, and is kept); a client's writes back up. A client that leaves meanwhile is
  /// reported gone; what it had sent is recorded on resumption, and the next is accepted then.
  void PauseReading(Channel channel);
  void ResumeReading(Channel channel);
  /// At most so many bytes a write to this and later clients; 0: no limit.
  void SetWriteSize(Channel channel, std::size_t bytes);
  /// connect() is refused, and who waits in the backlog is turned away; the connected client stays.
  void StopListening(Channel channel);
  /// std::system_error where the path is taken meanwhile.
  void ResumeListening(Channel channel);

  // ---- Judging and looking

  /// What clients did that the protocol forbids. What is taken is not reported by Stop().
  std::vector<Violation> TakeViolations();
  /// The conversation so far, for people: a line for each event with its time since Start, how it
  /// began and how it went on last. In bounded memory; what was not kept is said.
  std::string Transcript() const;
  /// The same as a Mermaid sequence diagram, for READMEs and bug reports.
  std::string TranscriptAsMermaid() const;

 private:
  struct Rooms;
  std::unique_ptr<Rooms> rooms_;
};

}  // namespace hyperstart

// Left out where mock_hyperstart::compiled is linked, which holds it.
#ifndef MOCK_HYPERSTART_COMPILED
#include "mock_hyperstart/detail/gtest/mock.hpp"
#endif

#endif  // MOCK_HYPERSTART_REQUIREMENTS_MET

#endif  // MOCK_HYPERSTART_HPP_
