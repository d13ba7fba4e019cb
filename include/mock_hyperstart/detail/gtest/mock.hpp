// The implementation of class MockHyperstart: a server, whose verdicts become failures of the test.
// Where mock_hyperstart::compiled is linked, this header is compiled there, once, and no test
// includes it.

#ifndef MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_
#define MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/awaited.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/server.hpp"
#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/agent/wait_result.hpp"
#include "mock_hyperstart/detail/gtest/conversation_printer.hpp"
#include "mock_hyperstart/detail/gtest/matcher_criterion.hpp"
#include "mock_hyperstart/detail/gtest/verdicts.hpp"
#include "mock_hyperstart/event.hpp"
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

struct MockHyperstart::Impl {
  Impl(Options options, detail::Place place)
      : server(std::move(options)), made_at(place), printer(server.log(), server.options().log) {
    detail::LateFailures::Prepare();
  }

  std::chrono::milliseconds OrDefault(Timeout timeout) const {
    return timeout.value_or(server.options().timeout);
  }

  void Start() {
    server.Start();
    printer.SetStarted();
  }

  /// Tears everything down first, then reports: GoogleTest may throw at each failure.
  void Stop() {
    server.Stop();
    if (server.IsInForkedProcess()) return;
    std::exception_ptr thrown;
    try {
      detail::ReportVerdicts(server.TakeVerdicts(), made_at);
    } catch (...) {
      thrown = std::current_exception();
    }
    printer.PrintAtStop();
    if (thrown) std::rethrow_exception(thrown);
  }

  /// A thread can't wait for its own end, and can't go on without what it uses.
  [[noreturn]] void Terminate() const noexcept {
    std::fprintf(stderr,
                 "mock_hyperstart: the mock made at %s:%d is destroyed on its own thread, in a "
                 "handler or an action: destroy it on the test's thread, after Stop()\n",
                 made_at.file, made_at.line);
    std::terminate();
  }

  /// Keeps it for ever: a forked process can't destroy what belongs to the threads of its parent.
  static void Leak(std::unique_ptr<Impl> impl) {
    static auto* const leaked = new std::vector<std::unique_ptr<Impl>>;
    leaked->push_back(std::move(impl));
  }

  detail::Server server;
  const detail::Place made_at;  // where the test made the mock
  detail::ConversationPrinter printer;
};

namespace detail {

template <typename T>
Awaited<T> ToAwaited(WaitResult<T> result) {
  if (result.value) return Awaited<T>(*std::move(result.value));
  return Awaited<T>::Failure(std::move(result.reason));
}
inline testing::AssertionResult ToAssertion(const WaitResult<Happened>& result) {
  return result.value ? testing::AssertionSuccess() : testing::AssertionFailure() << result.reason;
}

}  // namespace detail

// ---- Life

MOCK_HYPERSTART_INLINE MockHyperstart::MockHyperstart(Options options, const char* file, int line)
    : impl_(std::make_unique<Impl>(std::move(options), detail::Place{file, line})) {}

MOCK_HYPERSTART_INLINE MockHyperstart::~MockHyperstart() {
  if (impl_->server.IsOnOwnThread()) impl_->Terminate();
  try {
    if (impl_->server.IsInForkedProcess()) {
      Impl::Leak(std::move(impl_));
    } else {
      Stop();
    }
  } catch (...) {  // a test listener, or --gtest_throw_on_failure: reported already
  }
}

MOCK_HYPERSTART_INLINE void MockHyperstart::ForwardTo(SocketPaths agent) {
  impl_->server.ForwardTo(std::move(agent));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetForwardObserver(
    std::shared_ptr<detail::ForwardObserver> observer) {
  impl_->server.SetForwardObserver(std::move(observer));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::Start() { impl_->Start(); }
MOCK_HYPERSTART_INLINE void MockHyperstart::Stop() { impl_->Stop(); }

MOCK_HYPERSTART_INLINE const SocketPaths& MockHyperstart::GetSocketPaths() const {
  return impl_->server.paths();
}

MOCK_HYPERSTART_INLINE const Options& MockHyperstart::GetOptions() const {
  return impl_->server.options();
}

// ---- What arrived

MOCK_HYPERSTART_INLINE std::vector<DecodedMessage> MockHyperstart::GetLastMessages() {
  return impl_->server.records().TakeMessages();
}
MOCK_HYPERSTART_INLINE std::vector<IoPacket> MockHyperstart::GetLastIoPackets() {
  return impl_->server.records().TakePackets();
}
MOCK_HYPERSTART_INLINE std::vector<DecodedMessage> MockHyperstart::PeekMessages() const {
  return impl_->server.records().PeekMessages();
}
MOCK_HYPERSTART_INLINE std::vector<IoPacket> MockHyperstart::PeekIoPackets() const {
  return impl_->server.records().PeekPackets();
}
MOCK_HYPERSTART_INLINE Awaited<DecodedMessage> MockHyperstart::WaitForMessage(Timeout timeout) {
  return detail::ToAwaited(
      impl_->server.records().WaitForMessage(std::nullopt, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<DecodedMessage> MockHyperstart::WaitForMessage(Command command,
                                                                              Timeout timeout) {
  return detail::ToAwaited(
      impl_->server.records().WaitForMessage(command, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<IoPacket> MockHyperstart::ReadIo(Timeout timeout) {
  return detail::ToAwaited(
      impl_->server.records().WaitForPacket(std::nullopt, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<IoPacket> MockHyperstart::ReadIo(std::uint64_t seq,
                                                                Timeout timeout) {
  return detail::ToAwaited(impl_->server.records().WaitForPacket(seq, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<DecodedMessage> MockHyperstart::WaitForMessage(
    testing::Matcher<const DecodedMessage&> matcher, Timeout timeout) {
  return detail::ToAwaited(impl_->server.records().WaitForMessage(
      detail::MatcherCriterion<DecodedMessage>(std::move(matcher)), impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<IoPacket> MockHyperstart::ReadIo(
    testing::Matcher<const IoPacket&> matcher, Timeout timeout) {
  return detail::ToAwaited(impl_->server.records().WaitForPacket(
      detail::MatcherCriterion<IoPacket>(std::move(matcher)), impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<std::string> MockHyperstart::ReadStream(std::uint64_t seq,
                                                                       std::size_t bytes,
                                                                       Timeout timeout) {
  return detail::ToAwaited(
      impl_->server.records().WaitForBytes(seq, bytes, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE Awaited<std::string> MockHyperstart::ReadStreamToEnd(std::uint64_t seq,
                                                                            Timeout timeout) {
  return detail::ToAwaited(impl_->server.records().WaitForEnd(seq, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForConnection(Timeout timeout) {
  return detail::ToAssertion(
      impl_->server.records().WaitForConnection({}, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForConnection(Channel channel,
                                                                                  Timeout timeout) {
  return detail::ToAssertion(
      impl_->server.records().WaitForConnection(channel, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForDisconnect(Channel channel,
                                                                                  Timeout timeout) {
  return detail::ToAssertion(
      impl_->server.records().WaitForDisconnect(channel, impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE testing::AssertionResult MockHyperstart::WaitForPlans(Timeout timeout) {
  return detail::ToAssertion(
      impl_->server.records().WaitForPlans(impl_->server.policy(), impl_->OrDefault(timeout)));
}
MOCK_HYPERSTART_INLINE bool MockHyperstart::IsConnected(Channel channel) const {
  return impl_->server.records().IsConnected(channel);
}

// ---- What the agent says by itself

MOCK_HYPERSTART_INLINE void MockHyperstart::SendMessage(Command command, std::string_view payload) {
  impl_->server.SendMessage(command, payload);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendReady() { SendMessage(Command::kReady); }
MOCK_HYPERSTART_INLINE void MockHyperstart::SendProcessEvent(std::string_view container,
                                                             std::string_view process, int status) {
  impl_->server.SendProcessEvent(container, process, status);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendIo(std::uint64_t seq, std::string_view data) {
  impl_->server.SendIo(seq, data);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::CloseIo(std::uint64_t seq) { SendIo(seq, {}); }
MOCK_HYPERSTART_INLINE void MockHyperstart::SendExitStatus(std::uint64_t seq, std::uint8_t status) {
  const char byte = static_cast<char>(status);
  SendIo(seq, std::string_view(&byte, 1));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SendRaw(Channel channel, std::string_view bytes) {
  impl_->server.SendRaw(channel, bytes);
}

MOCK_HYPERSTART_INLINE std::size_t MockHyperstart::UnsentBytes(Channel channel) const {
  return impl_->server.channel(channel).UnsentBytes();
}

// ---- What the mock answers

MOCK_HYPERSTART_INLINE ReplyPlan& MockHyperstart::On(Command command) {
  return impl_->server.policy().On(command);
}
MOCK_HYPERSTART_INLINE ReplyPlan& MockHyperstart::On(
    testing::Matcher<const DecodedMessage&> matcher) {
  return impl_->server.policy().On(
      std::make_unique<const detail::MatcherCriterion<DecodedMessage>>(std::move(matcher)));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetHandler(Handler handler) {
  impl_->server.SetHandler(std::move(handler));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetDefaultReply(Reply reply) {
  impl_->server.policy().SetDefaultReply(std::move(reply));
}
MOCK_HYPERSTART_INLINE Handler MockHyperstart::GetHandler() { return impl_->server.GetHandler(); }
MOCK_HYPERSTART_INLINE MockHyperstart::IoHandler MockHyperstart::GetIoHandler() {
  return impl_->server.GetIoHandler();
}
MOCK_HYPERSTART_INLINE ConnectionHandler MockHyperstart::GetConnectionHandler() {
  return impl_->server.GetConnectionHandler();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetIoHandler(IoHandler handler) {
  impl_->server.SetIoHandler(std::move(handler));
}
MOCK_HYPERSTART_INLINE std::chrono::steady_clock::time_point MockHyperstart::IoReadTime() const {
  return impl_->server.IoReadTime();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetFatalInputHandler(FatalInputHandler handler) {
  impl_->server.SetFatalInputHandler(std::move(handler));
}

MOCK_HYPERSTART_INLINE void MockHyperstart::SetConnectionHandler(ConnectionHandler handler) {
  impl_->server.SetConnectionHandler(std::move(handler));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::HoldNexts(bool hold) { impl_->server.HoldNexts(hold); }

// ---- The connection itself

MOCK_HYPERSTART_INLINE void MockHyperstart::Disconnect(Channel channel) {
  impl_->server.channel(channel).Disconnect();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::Reset(Channel channel) {
  impl_->server.channel(channel).Reset();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ShutdownSend(Channel channel) {
  impl_->server.channel(channel).ShutDownSending();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::PauseReading(Channel channel) {
  impl_->server.channel(channel).PauseReading(true);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ResumeReading(Channel channel) {
  impl_->server.channel(channel).PauseReading(false);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::SetWriteSize(Channel channel, std::size_t bytes) {
  impl_->server.channel(channel).SetWriteSize(bytes);
}
MOCK_HYPERSTART_INLINE void MockHyperstart::StopListening(Channel channel) {
  impl_->server.channel(channel).StopListening();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ResumeListening(Channel channel) {
  impl_->server.channel(channel).ResumeListening();
}

// ---- Verdicts and the conversation

MOCK_HYPERSTART_INLINE std::vector<Violation> MockHyperstart::TakeViolations() {
  return impl_->server.records().TakeViolations();
}
MOCK_HYPERSTART_INLINE void MockHyperstart::ReportViolation(Violation violation) {
  impl_->server.ReportViolation(std::move(violation));
}
MOCK_HYPERSTART_INLINE void MockHyperstart::Note(Channel channel, std::string_view text) {
  impl_->server.log().Words(EventKind::kFault, channel, text);
}
MOCK_HYPERSTART_INLINE std::vector<Event> MockHyperstart::Events() const {
  return impl_->server.log().Events();
}
MOCK_HYPERSTART_INLINE std::string MockHyperstart::Transcript() const {
  return detail::TranscriptText(Events());
}
MOCK_HYPERSTART_INLINE std::string MockHyperstart::TranscriptAsMermaid() const {
  return detail::TranscriptMermaid(Events());
}

}  // namespace hyperstart

#undef MOCK_HYPERSTART_INLINE

#endif  // MOCK_HYPERSTART_DETAIL_GTEST_MOCK_HPP_
