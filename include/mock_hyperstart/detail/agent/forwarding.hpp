// One client's connection, passed on to another agent. What the client says, the services send
// through here; what the agent says comes on a thread of its own, is put into the conversation, and
// goes to the client as it comes; what the test sends comes between two frames. What the agent
// breaks is passed on as it is.
//
// On ctl, a command that a plan might answer is asked about: Ask sends it and returns the agent's
// reply, and the agent's `next` frames for it go no further, since the mock has counted its bytes.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/answer_batch.hpp"
#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/net/upstream.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

template <typename Header>
class Forwarding {
 public:
  /// All outlive it. `observer` may be null.
  Forwarding(Channel channel, ChannelServer& server, Connection& client,
             const ServiceContext& context, ForwardObserver* observer)
      : channel_(channel),
        server_(server),
        client_(client),
        context_(context),
        observer_(observer) {}
  Forwarding(const Forwarding&) = delete;
  Forwarding& operator=(const Forwarding&) = delete;
  ~Forwarding() {
    if (!upstream_) return;
    client_ended_ = true;  // whatever the agent says now: it is we who leave
    upstream_.reset();
    if (observer_ == nullptr || has_told_end_) return;
    try {
      observer_->OnEnd(channel_, false);
    } catch (...) {  // memory, most likely: nothing more is compared
    }
  }

  // ---- On the channel's thread

  /// Connects to the agent, and tries again until Options::timeout is over. If that fails: false,
  /// Stop says so, and the client is disconnected.
  bool Connect(const std::string& path) {
    const auto end = Clock::now() + context_.options.timeout;
    std::optional<Upstream::Connected> connected(Upstream::Connect(path));
    while (connected->error != 0 && Clock::now() < end) {
      if (!client_.Sleep(kRetry)) return false;
      connected.emplace(Upstream::Connect(path));
    }
    if (connected->error != 0) {
      const std::string text =
          fmt::format("cannot forward a client of {} to the agent at {}: {} (tried for {} ms)",
                      ToString(channel_), path, std::generic_category().message(connected->error),
                      context_.options.timeout.count());
      context_.log.Words(EventKind::kFault, channel_, text);
      context_.records.AddError(text);
      server_.Disconnect();
      return false;
    }
    if (observer_ != nullptr) {
      observer_->OnBegin(channel_, Upstream::Identify(path, connected->socket));
    }
    upstream_ = std::make_unique<Upstream>(
        std::move(connected->socket), [this](std::string_view bytes) { Hear(bytes); },
        [this] { return client_.IsClosing(); });
    return true;
  }

  /// Sends the client's bytes as they are. Blocks while the agent reads nothing.
  void Forward(std::string_view bytes) {
    if constexpr (kIsCtl) {
      if (observer_ != nullptr) observer_->OnBytes(bytes.size());
    }
    upstream_->Send(bytes, [this] {
      // What a client that has left had sent still arrives.
      return !client_.IsClosing() && !(client_.IsGone() && server_.IsStopping());
    });
  }

  /// So many whole commands are in what is forwarded next.
  void ExpectReplies(std::size_t commands) {
    const MutexLock lock(mutex_);
    expected_ += commands;
  }

  bool ExpectsReplies() {
    const MutexLock lock(mutex_);
    return expected_ > 0;
  }
  /// Waits until the client has the replies to all commands that were forwarded as they came.
  void WaitForReplies() { WaitUntil(&Forwarding::ExpectsNone); }

  /// Sends a command whose bytes the mock has counted, once those before it are answered, and waits
  /// for its reply. Nothing: the client or the agent has gone.
  ReplySpec Ask(const DecodedMessage& message) {
    const auto header = CtlHeader::For(message.command, message.payload.size()).Encode();
    if (!WaitUntil(&Forwarding::ExpectsNone)) return Nothing();
    {
      const MutexLock lock(mutex_);
      asks_ = true;
      reply_.reset();
    }
    if (observer_ != nullptr) observer_->OnCommand(message);
    Forward(std::string(View(header)) + message.payload);
    const bool answered = WaitUntil(&Forwarding::HasReply);
    const MutexLock lock(mutex_);
    asks_ = false;
    return answered ? *std::exchange(reply_, std::nullopt) : Nothing();
  }

  /// The client has the reply that Ask has returned: an agent that has closed since may be
  /// followed.
  void EndAsk() {
    {
      const MutexLock lock(mutex_);
      ++answered_;
    }
    changed_.NotifyAll();
  }

  /// The client's input has ended: the agent is told. What it says is passed on for as long as the
  /// client reads.
  void EndInput() {
    client_ended_ = true;
    upstream_->ShutDownSending();
    while (!upstream_->HasEnded() && client_.Sleep(kRetry)) {
    }
  }

 private:
  static constexpr std::chrono::milliseconds kRetry{10};
  static constexpr bool kIsCtl = std::is_same_v<Header, CtlHeader>;

  static ReplySpec Nothing() {
    ReplySpec nothing;
    nothing.kind = ReplySpec::Kind::kNothing;
    return nothing;
  }

  bool ExpectsNone() const MOCK_HYPERSTART_REQUIRES(mutex_) { return expected_ == 0; }
  bool HasAnswered() const MOCK_HYPERSTART_REQUIRES(mutex_) { return answered_ >= kept_; }
  bool HasReply() const MOCK_HYPERSTART_REQUIRES(mutex_) { return reply_.has_value(); }

  /// False if the client has gone before, or, where the agent `must_stay`, the agent.
  bool WaitUntil(bool (Forwarding::*condition)() const,
                 bool must_stay = true) MOCK_HYPERSTART_NO_ANALYSIS {
    MutexLock lock(mutex_);
    while (!(this->*condition)()) {
      if ((must_stay && agent_left_) || client_.IsClosing() || client_.IsGone()) return false;
      changed_.WaitFor(lock, kRetry);
    }
    return true;
  }

  // ---- On the thread of upstream_

  struct Frame {
    typename Header::Key key;
    std::string payload;
  };

  void Hear(std::string_view bytes) {
    try {
      if (bytes.empty()) {
        EndOutput();
      } else if (broken_) {
        PassRaw(bytes);
      } else {
        Pass(bytes);
      }
    } catch (...) {
      context_.records.AddError("an exception ended the forwarding of " + ToString(channel_) +
                                ": " + CurrentExceptionText());
      server_.Disconnect();
    }
  }

  void Pass(std::string_view bytes) {
    std::string_view rest = bytes;
    std::string_view passed = bytes.substr(0, 0);  // whole frames, with held_ before them
    std::vector<Frame> frames;
    while (!rest.empty()) {
      FrameStep<Header>& step = reader_.Next(rest);
      if (!reader_.error().empty()) {
        SendFrames(held_, passed, frames);
        bytes.remove_prefix(passed.size());
        broken_ = true;
        if (observer_ != nullptr) observer_->OnBrokenFraming(channel_);
        return PassRaw(std::exchange(held_, {}) + std::string(bytes));
      }
      if (!step.complete) break;
      if (observer_ != nullptr) observer_->OnAgentFrame(step.header.key, step.payload);
      const std::size_t end = bytes.size() - rest.size();
      if (open_bytes_ == 0 && Keeps(step.header.key)) {
        SendFrames(held_, passed, frames);
        held_.clear();
        Keep(step);
        bytes.remove_prefix(end);
        passed = bytes.substr(0, 0);
      } else {
        passed = bytes.substr(0, end);
        frames.push_back({step.header.key, std::move(step.payload)});
      }
    }
    if (!passed.empty()) {
      SendFrames(held_, passed, frames);
      held_.clear();
    }
    held_ += bytes.substr(passed.size());
    PassBegin();
  }

  /// The beginning of a frame, or more of it, goes on at once, but for that of a reply that is
  /// asked for. What the test sends meanwhile comes after the frame.
  void PassBegin() {
    if (held_.empty()) return;
    const PartialFrame<Header> partial = reader_.partial();
    // As long as the header has not come, it may be a reply's.
    if (open_bytes_ == 0 && Keeps(partial.length > 0 ? partial.key : AnyReply())) return;
    WaitUntil(&Forwarding::HasAnswered, false);
    if (!client_.queue().SendPart(held_)) return;
    open_bytes_ += held_.size();
    held_.clear();
  }
  static typename Header::Key AnyReply() {
    if constexpr (kIsCtl) {
      return Command::kAck;
    } else {
      return 0;
    }
  }
  template <typename Record>
  void Send(std::string_view head, std::string_view body, const Record& record) {
    if (std::exchange(open_bytes_, 0) > 0) {
      client_.queue().SendEnd(head, body, record);
    } else {
      client_.queue().Send(head, body, record);
    }
  }

  /// Whether the frame is not to be passed on: the reply that is asked for, or a `next` of it.
  bool Keeps(typename Header::Key key) {
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      return asks_ && (key == Command::kNext || (IsReply(key) && !reply_));
    } else {
      return false;
    }
  }
  void Keep(FrameStep<Header>& step) {
    if constexpr (kIsCtl) {
      if (!IsReply(step.header.key)) return;
      const MutexLock lock(mutex_);
      reply_.emplace();
      reply_->kind = ReplySpec::Kind::kFrame;
      reply_->command = step.header.key;
      reply_->bytes = std::move(step.payload);
      ++kept_;
      changed_.NotifyAll();
    }
  }
  static bool IsReply(Command command) {
    return command == Command::kAck || command == Command::kError;
  }

  void SendFrames(std::string_view head, std::string_view body, std::vector<Frame>& frames) {
    if (frames.empty()) return;
    WaitUntil(&Forwarding::HasAnswered, false);  // what comes after a reply goes after it
    Send(head, body,
         [&] { context_.log.Write([&](EventLog::Writer& log) { Record(frames, log); }); });
    EndExpected(frames);
    frames.clear();
    client_.queue().WaitUntilPendingAtMost(AnswerBatch::kMostPending);
  }
  /// The replies among the frames have been passed on.
  void EndExpected(const std::vector<Frame>& frames) {
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      if (expected_ == 0) return;
      for (const Frame& frame : frames) {
        if (IsReply(frame.key) && expected_ > 0) --expected_;
      }
      changed_.NotifyAll();
    }
  }
  static void Record(const std::vector<Frame>& frames, EventLog::Writer& log) {
    const Clock::time_point now = Clock::now();
    if constexpr (kIsCtl) {
      bool same_write = false;
      std::vector<NextRun> nexts;
      for (std::size_t i = 0; i < frames.size(); ++i) {
        const Frame& frame = frames[i];
        if (frame.key == Command::kNext && frame.payload.size() == 4) {
          const auto bytes = static_cast<std::uint32_t>(GetBigEndian(frame.payload.data(), 4));
          nexts.push_back({bytes, 1});
          const bool goes_on = i + 1 < frames.size() && frames[i + 1].key == Command::kNext;
          if (goes_on) continue;
          log.SentNexts(nexts.data(), nexts.data() + nexts.size(), now);
          nexts.clear();
        } else {
          log.Sent(frame.key, frame.payload, now, same_write);
        }
        same_write = true;
      }
    } else {
      for (const Frame& frame : frames) log.Sent(frame.key, frame.payload, now);
    }
  }
  void PassRaw(std::string_view bytes) {
    if (bytes.empty() && open_bytes_ == 0) return;
    const std::string all = reader_.PartialBytes().substr(0, open_bytes_) + std::string(bytes);
    Send(bytes, {}, [&] {
      context_.log.SentRaw(channel_, "bytes of the agent that are no whole frame", all);
    });
    client_.queue().WaitUntilPendingAtMost(AnswerBatch::kMostPending);
  }

  /// The agent has closed: so does the mock, once the client has read what the agent had said.
  void EndOutput() {
    PassRaw(std::exchange(held_, {}));
    const bool client_stays = !client_ended_ && !client_.IsClosing() && !client_.IsGone();
    {
      const MutexLock lock(mutex_);
      agent_left_ = true;
    }
    changed_.NotifyAll();
    WaitUntil(&Forwarding::HasAnswered, false);
    if (observer_ != nullptr && client_stays) {
      has_told_end_ = true;
      observer_->OnEnd(channel_, true);
    }
    client_.queue().WaitUntilPendingAtMost(0);
    if (!client_.IsClosing() && !client_.IsGone()) server_.Disconnect();
  }

  const Channel channel_;
  ChannelServer& server_;
  Connection& client_;
  const ServiceContext& context_;
  ForwardObserver* const observer_;
  std::atomic<bool> client_ended_{false};

  Mutex mutex_;
  ConditionVariable changed_;
  /// Replies to commands that were forwarded as they came.
  std::uint64_t expected_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  bool asks_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  // Replies that were kept from the client, and those that the mock has since sent.
  std::uint64_t kept_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  std::uint64_t answered_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
  // from Ask to EndAsk
  std::optional<ReplySpec> reply_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // that was asked for
  bool agent_left_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;

  // Of the thread of upstream_.
  FrameReader<Header> reader_{std::numeric_limits<std::uint32_t>::max()};
  std::string held_;            // of an incomplete frame, what the client has not got
  std::size_t open_bytes_ = 0;  // and what it has
  bool broken_ = false;
  bool has_told_end_ = false;  // to the observer

  std::unique_ptr<Upstream> upstream_;  // last: its thread uses the others
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_
