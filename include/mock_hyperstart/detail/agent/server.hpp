// The double, without a test framework: two channels, the records, the conversation, the reply
// policy and the services that join them. What went wrong is a list of verdicts. Every member may
// be called from any thread, but Start and Stop not from the server's own threads.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_SERVER_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_SERVER_HPP_

#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/channel_recorder.hpp"
#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/ctl_service.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/io_service.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/agent/setup.hpp"
#include "mock_hyperstart/detail/agent/user_function.hpp"
#include "mock_hyperstart/detail/net/background_thread.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/listener.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// What a test should fail for.
struct Verdict {
  enum class Kind { kViolation, kUnusedReply, kError };
  Kind kind;
  Violation violation;  // of kViolation
  std::string text;     // of the others, a sentence
  std::optional<Place> place;
};

/// What a test that fails for it says.
inline std::string DescribeVerdict(const Verdict& verdict) {
  if (verdict.kind != Verdict::Kind::kViolation) return "mock_hyperstart: " + verdict.text;
  const char* const whose = verdict.violation.by_client ? "the client violated the protocol on "
                                                        : "not caused by the client, on ";
  return "mock_hyperstart: " + (whose + ToString(verdict.violation)) +
         "\nA test that expects this takes it with TakeViolations().";
}

class Server {
 public:
  /// Chooses the socket paths. Throws std::invalid_argument for options that are not usable, and
  /// std::system_error if the private directory for the sockets can't be made.
  explicit Server(Options options) : options_(std::move(options)), paths_(options_) {
    options_.timeout = TimeoutFromEnvironment(options_.timeout);
    options_.log = LogFromEnvironment(options_.log);
    records_.SetBacklogProbe([this](Channel of) { return channel(of).HasWaitingClient(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Call Stop before.
  ~Server() = default;

  const Options& options() const { return options_; }
  const SocketPaths& paths() const { return paths_.paths(); }
  Records& records() { return records_; }
  EventLog& log() { return log_; }
  ReplyPolicy& policy() { return policy_; }
  ChannelServer& channel(Channel channel) { return channel == Channel::kCtl ? ctl_ : io_; }

  // ---- Life

  /// Clients may connect on return. Throws std::system_error, which says what is missing, and
  /// std::logic_error for a server that is started, or in a process that was forked off.
  void Start() {
    CheckNotOnOwnThread("Start");
    if (IsInForkedProcess()) {
      throw std::logic_error(
          "mock_hyperstart: Start() in a process forked off the one that the mock runs in: make a "
          "new mock");
    }
    const MutexLock lock(life_mutex_);
    if (running_) {
      throw std::logic_error(
          "mock_hyperstart: Start() of a mock that is started: call Stop() first");
    }
    if (forward_observer_ && !ctl_service_.forwards()) {
      throw std::logic_error(
          "mock_hyperstart: CompareWithModel() without ForwardTo() compares nothing: name the "
          "agent with ForwardTo() before Start()");
    }
    try {
      io_context_.emplace();
      ctl_.Listen(*io_context_, paths().ctl);
      io_.Listen(*io_context_, paths().io);
      const Clock::time_point now = Clock::now();
      log_.SetStart(now);
      if (ever_started_) {
        log_.Words(EventKind::kFault, Channel::kCtl, "started again: times count from here");
      }
      records_.Open(now);
      ctl_service_.DropPartialFrame();
      io_service_.DropPartialFrame();
      StartThread(ctl_thread_, paths().ctl, [this] { ServeCtl(); });
      StartThread(io_thread_, paths().io, [this] { ServeIo(); });
    } catch (...) {
      TearDown();
      throw;
    }
    running_ = true;
    process_ = ::getpid();
    ever_started_ = true;
  }

  /// Ends every wait, delay, pause and connection at once, and removes the socket files. Waits for
  /// handlers that run. Idempotent. Throws std::logic_error from the server's own threads.
  void Stop() {
    CheckNotOnOwnThread("Stop");
    if (IsInForkedProcess()) return;
    const MutexLock lock(life_mutex_);
    if (running_) TearDown();
    running_ = false;
    process_ = 0;
  }

  /// In a process that was forked off the one that runs the server, neither its threads nor who
  /// holds its locks exist.
  bool IsInForkedProcess() const {
    const auto process = process_.load();
    return process != 0 && process != ::getpid();
  }

  /// The caller is a handler, or another function of the user's that the server calls.
  bool IsOnOwnThread() const { return IsThisThread(ctl_thread_id_) || IsThisThread(io_thread_id_); }

  /// What went wrong since the last call: violations that were not taken, replies that were not
  /// used, exceptions on background threads.
  std::vector<Verdict> TakeVerdicts() {
    std::vector<Verdict> verdicts;
    for (Violation& violation : records_.TakeViolations()) {
      verdicts.push_back({Verdict::Kind::kViolation, std::move(violation), {}, {}});
    }
    for (const ReplyPolicy::UnusedReply& unused : policy_.TakeUnused()) {
      verdicts.push_back({Verdict::Kind::kUnusedReply, {}, DescribeUnused(unused), unused.place});
    }
    for (std::string& error : records_.TakeErrors()) {
      verdicts.push_back({Verdict::Kind::kError, {}, std::move(error), {}});
    }
    return verdicts;
  }
  static std::string DescribeUnused(const ReplyPolicy::UnusedReply& unused) {
    const std::string came = unused.by_criterion ? "commands came of which each " + unused.wanted
                                                 : unused.wanted + " commands came";
    const char* const later = unused.by_criterion ? ", or newer plans by matcher answered them"
                                                  : ", or plans by matcher answered them";
    return "this WillOnce was never used: too few " + came + (unused.asked_later ? later : "");
  }

  // ---- What the agent says by itself. Throws std::logic_error before the first Start.

  void SendMessage(Command command, std::string_view payload) {
    CheckStarted("SendMessage");
    const auto header = CtlHeader::For(command, payload.size()).Encode();
    ctl_.Send(View(header), payload, [&] { log_.Sent(command, payload); });
  }
  void SendProcessEvent(std::string_view container, std::string_view process, int status) {
    CheckStarted("SendProcessEvent");
    const std::string event =
        fmt::format(R"({{"container":{},"process":{},"event":"finished","status":{}}})",
                    JsonString(container), JsonString(process), status);
    SendMessage(*CommandFromName("processasyncevent", options_.dialect), event);
  }
  void SendIo(std::uint64_t seq, std::string_view data) {
    CheckStarted("SendIo");
    const auto header = IoHeader::For(seq, data.size()).Encode();
    io_.Send(View(header), data, [&] { log_.Sent(seq, data); });
  }
  void SendRaw(Channel to, std::string_view bytes) {
    CheckStarted("SendRaw");
    channel(to).Send(bytes, {}, [&] { log_.SentRaw(to, "raw bytes", bytes); });
  }

  // ---- Handlers. Each returns when no call of the old one is running. On the server's own threads
  // each returns at once: a handler that waits for another one, which may wait for it, would never
  // return.

  void SetHandler(Handler handler) { policy_.SetHandler(std::move(handler), IsOnOwnThread()); }
  Handler GetHandler() { return policy_.GetHandler(); }
  IoHandler GetIoHandler() { return io_handler_.Get(); }
  ConnectionHandler GetConnectionHandler() { return connection_handler_.Get(); }
  void SetIoHandler(IoHandler handler) { io_handler_.Set(std::move(handler), IsOnOwnThread()); }
  /// On the io thread, in the io handler.
  Clock::time_point IoReadTime() const { return io_service_.read_at(); }
  void SetFatalInputHandler(FatalInputHandler handler) {
    fatal_input_handler_.Set(std::move(handler), IsOnOwnThread());
  }
  void SetConnectionHandler(ConnectionHandler handler) {
    connection_handler_.Set(std::move(handler), IsOnOwnThread());
  }

  /// See MockHyperstart::ForwardTo.
  void ForwardTo(SocketPaths agent) {
    CheckNotOnOwnThread("ForwardTo");
    const MutexLock lock(life_mutex_);
    if (running_) {
      throw std::logic_error(
          "mock_hyperstart: ForwardTo() of a mock that is started: call it before Start()");
    }
    ctl_service_.ForwardTo(std::move(agent.ctl));
    io_service_.ForwardTo(std::move(agent.io));
    if (options_.keep_all) return;
    records_.LimitUntaken(kMostUntaken, [this](Channel of, const std::string& text) {
      log_.Words(EventKind::kFault, of, text);
    });
  }

  /// Before Start. Told of what is passed on to the agent of ForwardTo, and back.
  void SetForwardObserver(std::shared_ptr<ForwardObserver> observer) {
    CheckNotOnOwnThread("CompareWithModel");
    const MutexLock lock(life_mutex_);
    if (running_) {
      throw std::logic_error(
          "mock_hyperstart: CompareWithModel() of a mock that is started: call it before Start()");
    }
    context_.forward_observer = observer.get();
    forward_observer_ = std::move(observer);
  }

  void HoldNexts(bool hold) { ctl_service_.HoldNexts(hold); }

  void ReportViolation(Violation violation) { context_.AddViolation(std::move(violation)); }

 private:
  /// About so many bytes of records that were not taken are kept of a channel that is forwarded,
  /// unless all is to be kept: often nobody takes them.
  static constexpr std::size_t kMostUntaken = 16 * 1024 * 1024;

  using ThreadId = std::atomic<std::thread::id>;
  static bool IsThisThread(const ThreadId& id) { return id == std::this_thread::get_id(); }
  void CheckNotOnOwnThread(const char* member) const {
    if (!IsOnOwnThread()) return;
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() from the mock's own thread would wait for itself: call "
                    "it from the test's thread",
                    member));
  }
  void CheckStarted(const char* member) const {
    if (ever_started_) return;
    throw std::logic_error(
        fmt::format("mock_hyperstart: {}() before Start(): call Start() first", member));
  }

  template <typename Body>
  static void StartThread(std::thread& thread, const std::string& path, Body body) try {
    thread = StartBackgroundThread(std::move(body));
  } catch (const std::system_error& error) {
    ThrowErrno(error.code().value(), "cannot start the thread that serves " + path);
  }

  // Client after client, until Stop.

  void ServeCtl() {
    ctl_thread_id_ = std::this_thread::get_id();
    const std::string ready = CtlFrame(Command::kReady);
    bool is_first = true;
    while (ServeClient(Channel::kCtl, ctl_, SaysReady(is_first) ? ready : std::string_view(),
                       [this](Connection& client) { ctl_service_.Serve(client); })) {
      is_first = false;
    }
    ctl_thread_id_ = std::thread::id();
  }
  void ServeIo() {
    io_thread_id_ = std::this_thread::get_id();
    while (ServeClient(Channel::kIo, io_, {},
                       [this](Connection& client) { io_service_.Serve(client); })) {
    }
    io_thread_id_ = std::thread::id();
  }
  /// Whether a client gets `ready` when it connects.
  bool SaysReady(bool is_first) const {
    switch (options_.transport) {
      case Transport::kUnixSocket:
        return options_.ready_on_connect;
      case Transport::kVirtio:
        return is_first;
      case Transport::kVsock:
        return true;
    }
    return false;
  }
  /// Serves the next client to its end. False once Stop has begun.
  template <typename Serve>
  bool ServeClient(Channel channel, ChannelServer& server, std::string_view greeting,
                   const Serve& serve) {
    try {
      const std::shared_ptr<Connection> client =
          server.AttachClient(greeting, [this] { log_.Sent(Command::kReady, {}); });
      if (!client) return false;
      TellConnection(channel, true);
      serve(*client);
    } catch (...) {
      // Memory, most likely. The client's connection ends, the program goes on, Stop reports it.
      AddChannelError(channel);
      server.Disconnect();
    }
    server.DetachClient();
    if (channel == Channel::kCtl) ctl_service_.EndDroppedReplies();
    TellConnection(channel, false);
    return true;
  }
  void TellConnection(Channel channel, bool is_connected) {
    if (!connection_handler_.IsSet()) return;
    const UserFunction<void(Channel, bool)>::Call call(connection_handler_);
    try {
      if (call) call.function()(channel, is_connected);
    } catch (...) {
      records_.AddError("the connection handler threw: " + CurrentExceptionText());
    }
  }
  void AddChannelError(Channel channel) {
    try {
      const std::string text = fmt::format("an exception ended the connection on {}: {}",
                                           ToString(channel), CurrentExceptionText());
      log_.Words(EventKind::kFault, channel, text);
      records_.AddError(text);
    } catch (...) {  // no memory even for that
    }
  }

  /// Both channels are told to stop before either is waited for, so that neither waits for a client
  /// of the other. Waits end before the threads are joined: a handler may be in one. The sockets go
  /// last, since a thread may be in accept4 until it is joined.
  void TearDown() {
    ctl_.BeginStop();
    io_.BeginStop();
    records_.Close();
    for (std::thread* const thread : {&ctl_thread_, &io_thread_}) {
      if (thread->joinable()) thread->join();
    }
    records_.NoteDropped();
    ctl_.FinishStop();
    io_.FinishStop();
    io_context_.reset();
  }

  // In this order, since each uses those above it, in its constructor or to its end.
  Options options_;
  const SocketPathsOwner paths_;
  Records records_{options_.dialect};
  EventLog log_{options_};
  ReplyPolicy policy_{options_};
  IoService::Handler io_handler_;
  UserFunction<void(const Violation&)> fatal_input_handler_;
  UserFunction<void(Channel, bool)> connection_handler_;
  ServiceContext context_{options_, records_, log_, fatal_input_handler_};
  ChannelRecorder ctl_recorder_{Channel::kCtl, log_, records_};
  ChannelRecorder io_recorder_{Channel::kIo, log_, records_};
  std::optional<IoContext> io_context_;  // before the sockets that use it
  ChannelServer ctl_{ctl_recorder_, options_.transport == Transport::kVirtio};
  ChannelServer io_{io_recorder_, options_.transport == Transport::kVirtio};
  std::shared_ptr<ForwardObserver> forward_observer_;  // before the services, which use it
  CtlService ctl_service_{ctl_, io_, context_, policy_};
  IoService io_service_{io_, context_, io_handler_};
  std::thread ctl_thread_;
  std::thread io_thread_;
  ThreadId ctl_thread_id_{};
  ThreadId io_thread_id_{};
  Mutex life_mutex_;  // Start and Stop exclude each other
  bool running_ MOCK_HYPERSTART_GUARDED_BY(life_mutex_) = false;
  std::atomic<int> process_{0};  // the id of the process in which the server runs
  std::atomic<bool> ever_started_{false};
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_SERVER_HPP_
