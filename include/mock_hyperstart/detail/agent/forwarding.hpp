// One client's connection, passed on to another agent. The services send through here what the
// client says. A thread of its own reads what the agent says, and sends it to the client; what the
// test sends comes between two frames. Once the agent has broken the framing, its bytes are passed
// on as they are, and nothing waits for its replies.
//
// On ctl, a command that a plan might answer is forwarded by Ask, which returns the agent's reply,
// or by ForwardCommand, which does not wait. The mock has counted the bytes of both: the agent's
// `next` frames for them go no further.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/answer_batch.hpp"
#include "mock_hyperstart/detail/agent/connect_to_agent.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/forwarded_frame.hpp"
#include "mock_hyperstart/detail/agent/forwarded_replies.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/net/upstream.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

template <typename Header>
class Forwarding {
 public:
  /// All outlive it.
  Forwarding(Channel channel, ChannelServer& server, Connection& client,
             const ServiceContext& context)
      : channel_(channel),
        server_(server),
        client_(client),
        context_(context),
        observer_(context.forward_observer) {}
  Forwarding(const Forwarding&) = delete;
  Forwarding& operator=(const Forwarding&) = delete;
  ~Forwarding() {
    if (!upstream_) return;
    mock_closes_ = true;
    EndAsk();  // after an exception
    upstream_.reset();
    if (observer_ == nullptr || has_told_end_) return;
    try {
      observer_->OnEnd(channel_, false);
    } catch (...) {  // memory, most likely: nothing more is compared
    }
  }

  // ---- On the channel's thread

  /// See ConnectToAgent. False if it has failed.
  bool Connect(const std::string& path) {
    Descriptor socket = ConnectToAgent(path, channel_, server_, client_, context_);
    if (!socket) return false;
    if (observer_ != nullptr) observer_->OnBegin(channel_, Upstream::Identify(path, socket));
    upstream_ = std::make_unique<Upstream>(
        std::move(socket), [this](std::string_view bytes) { Hear(bytes); },
        [this] { return client_.IsClosing(); });
    return true;
  }

  /// Sends the client's bytes as they are. Blocks while the agent reads nothing: once the mock
  /// stops and the client has left, no longer, and what would come after such a gap is not sent
  /// either.
  void Forward(std::string_view bytes) {
    if (gives_up_) return;
    if constexpr (kIsCtl) {
      if (observer_ != nullptr) observer_->OnBytes(bytes.size());
      const MutexLock lock(mutex_);
      replies_.AddBytes(bytes.size());
    }
    const bool sent = upstream_->Send(bytes, [this] {
      gives_up_ = client_.IsGone() && server_.IsStopping();
      return !client_.IsClosing() && !gives_up_;
    });
    gives_up_ = gives_up_ && !sent;
    if (!gives_up_) return;
    context_.log.Words(EventKind::kFault, channel_,
                       "the agent reads too slowly: it does not get all that the client had sent");
  }

  /// The end of this command is in what is forwarded next.
  void Expect(const DecodedMessage& message, ForwardedReplies::How how) {
    if (observer_ != nullptr) observer_->OnCommand(message);
    const MutexLock lock(mutex_);
    if (!broken_) replies_.Add(message, how);
  }

  /// Waits until the client has the replies to all commands that were forwarded, but for a
  /// destroypod.
  bool WaitForReplies() { return WaitUntil(&Forwarding::ExpectsNone); }
  bool ExpectsReplies() {
    const MutexLock lock(mutex_);
    return !ExpectsNone();
  }

  /// Sends a command whose bytes the mock has counted. The client gets the reply when it comes.
  void ForwardCommand(const DecodedMessage& message) {
    SendCommand(message, ForwardedReplies::How::kCounted);
  }
  /// The same once those before it are answered, and waits for its reply, which the client does not
  /// get. Nothing: the client or the agent has gone, or the agent has broken the framing.
  ReplySpec Ask(const DecodedMessage& message) {
    if (!WaitForReplies() && (client_.IsClosing() || AgentHasLeft())) return Nothing();
    SendCommand(message, ForwardedReplies::How::kAsked);
    WaitUntil(&Forwarding::HasReply);
    const MutexLock lock(mutex_);
    replies_.EndAsk();
    return reply_ ? *std::exchange(reply_, std::nullopt) : Nothing();
  }
  /// The client has the reply that Ask has returned: what the agent has said since may follow.
  void EndAsk() {
    {
      const MutexLock lock(mutex_);
      reply_pending_ = false;
    }
    changed_.NotifyAll();
  }

  /// The agent has broken the framing: what it says can't be understood any more.
  bool IsBroken() const { return broken_; }

  /// The client's input has ended: the agent is told. What it says is passed on for as long as the
  /// client reads.
  void EndInput() {
    client_ended_ = true;
    upstream_->ShutDownSending();
    while (!upstream_->HasEnded() && client_.Sleep(kRetry)) continue;
  }

 private:
  static constexpr std::chrono::milliseconds kRetry{10};
  static constexpr bool kIsCtl = std::is_same_v<Header, CtlHeader>;

  static ReplySpec Nothing() {
    ReplySpec nothing;
    nothing.kind = ReplySpec::Kind::kNothing;
    return nothing;
  }

  void SendCommand(const DecodedMessage& message, ForwardedReplies::How how) {
    Expect(message, how);
    Forward(CtlFrame(message.command, message.payload));
  }

  bool ExpectsNone() const MOCK_HYPERSTART_REQUIRES(mutex_) {
    return !replies_.Waits() && !passes_reply_;
  }
  bool HasReply() const MOCK_HYPERSTART_REQUIRES(mutex_) { return reply_.has_value(); }
  bool HasNoPendingReply() const MOCK_HYPERSTART_REQUIRES(mutex_) { return !reply_pending_; }
  bool AgentHasLeft() {
    const MutexLock lock(mutex_);
    return no_more_replies_ && !broken_;
  }

  /// False if the client has left before, or, with `for_agent`, if the agent sends no more replies.
  bool WaitUntil(bool (Forwarding::*condition)() const,
                 bool for_agent = true) MOCK_HYPERSTART_NO_ANALYSIS {
    MutexLock lock(mutex_);
    while (!(this->*condition)()) {
      if ((for_agent && no_more_replies_) || client_.IsClosing() || client_.IsGone()) return false;
      changed_.WaitFor(lock, kRetry);
    }
    return true;
  }
  void EndReplies() {
    {
      const MutexLock lock(mutex_);
      no_more_replies_ = true;
    }
    changed_.NotifyAll();
  }
  /// What the agent says after a reply goes to the client after it.
  void WaitForKeptReply() { WaitUntil(&Forwarding::HasNoPendingReply, false); }

  // ---- On the thread of upstream_

  using Frame = ForwardedFrame<Header>;
  using Way = ForwardedReplies::Way;

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
    std::vector<Frame> frames;  // whole ones: unsent_part_, and then `passed` of `bytes`
    std::size_t passed = 0;
    bool begun = open_bytes_ > 0;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      FrameStep<Header>& step = reader_.Next(rest);
      if (!reader_.error().empty()) {
        SendFrames(bytes.substr(0, passed), frames);
        return BreakFraming(bytes.substr(passed));
      }
      if (!step.complete) break;
      if (observer_ != nullptr) observer_->OnAgentFrame(step.header.key, step.payload);
      const std::size_t end = bytes.size() - rest.size();
      const Way way = Take(step, std::exchange(begun, false));
      if (way == Way::kPass) {
        frames.push_back({step.header.key, std::move(step.payload)});
        passed = end;
        continue;
      }
      SendFrames(bytes.substr(0, passed), frames);
      bytes.remove_prefix(end);
      passed = 0;
      unsent_part_.clear();
      if (way == Way::kKeep) Keep(step);
      if (way == Way::kReplace) SendInstead(step);
    }
    SendFrames(bytes.substr(0, passed), frames);
    unsent_part_ += bytes.substr(passed);
    PassBegin();
  }

  /// The beginning of a frame, or more of it, goes on at once, unless the frame may not be passed
  /// on. What the test sends meanwhile comes after the frame.
  void PassBegin() {
    if (unsent_part_.empty() || (open_bytes_ == 0 && MayHold(reader_.partial()))) return;
    WaitForKeptReply();
    if (!client_.queue().SendPart(unsent_part_)) return;
    open_bytes_ += unsent_part_.size();
    unsent_part_.clear();
  }
  template <typename Record>
  void Send(std::string_view head, std::string_view body, const Record& record) {
    if (std::exchange(open_bytes_, 0) > 0) {
      client_.queue().SendEnd(head, body, record);
    } else {
      client_.queue().Send(head, body, record);
    }
  }

  /// What is done with the agent's next frame.
  Way Take(FrameStep<Header>& step, bool begun) {
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      const Way way = replies_.Take(step.header.key, step.payload, begun);
      const bool is_reply = ForwardedReplies::IsReply(step.header.key);
      passes_reply_ = passes_reply_ || (is_reply && way == Way::kPass);
      return way;
    } else {
      return Way::kPass;
    }
  }
  bool MayHold(const PartialFrame<Header>& partial) {
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      return partial.length > 0 ? replies_.MayHold(partial.key) : replies_.MayHoldAny();
    } else {
      return false;
    }
  }
  void Keep(FrameStep<Header>& step) {
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      reply_.emplace();
      reply_->kind = ReplySpec::Kind::kFrame;
      reply_->command = step.header.key;
      reply_->bytes = std::move(step.payload);
      reply_pending_ = true;
      changed_.NotifyAll();
    }
  }
  /// The payload is not as the agent has sent it.
  void SendInstead(FrameStep<Header>& step) {
    if constexpr (kIsCtl) {
      const std::string bytes = CtlFrame(step.header.key, step.payload);
      std::vector<Frame> frames;
      frames.push_back({step.header.key, std::move(step.payload)});
      SendFrames(bytes, frames);
    }
  }

  /// Sends unsent_part_ and `body`, which are these frames.
  void SendFrames(std::string_view body, std::vector<Frame>& frames) {
    if (frames.empty()) return;
    WaitForKeptReply();
    Send(unsent_part_, body, [&] {
      context_.log.Write(
          [&](EventLog::Writer& log) { RecordFrames(frames, context_.options.keep_all, log); });
    });
    unsent_part_.clear();
    frames.clear();
    if constexpr (kIsCtl) {
      const MutexLock lock(mutex_);
      if (std::exchange(passes_reply_, false)) changed_.NotifyAll();
    }
    client_.queue().WaitUntilPendingAtMost(AnswerBatch::kMostPending);
  }
  /// `bytes` are a frame with a broken header, and what follows it.
  void BreakFraming(std::string_view bytes) {
    if (observer_ != nullptr) observer_->OnBrokenFraming(channel_);
    broken_ = true;
    PassRaw(std::exchange(unsent_part_, {}) + std::string(bytes));
    EndReplies();
  }
  void PassRaw(std::string_view bytes) {
    if (bytes.empty() && open_bytes_ == 0) return;
    WaitForKeptReply();
    const std::string all = reader_.PartialBytes().substr(0, open_bytes_) + std::string(bytes);
    Send(bytes, {}, [&] {
      context_.log.SentRaw(channel_, "bytes of the agent that are no whole frame", all);
    });
    client_.queue().WaitUntilPendingAtMost(AnswerBatch::kMostPending);
  }

  /// The agent has closed: so does the mock, once the client has read what the agent had said.
  void EndOutput() {
    PassRaw(std::exchange(unsent_part_, {}));
    const bool client_stays =
        !client_ended_ && !mock_closes_ && !client_.IsClosing() && !client_.IsGone();
    EndReplies();
    WaitForKeptReply();
    if (observer_ != nullptr && client_stays) {
      has_told_end_ = true;
      observer_->OnEnd(channel_, true);
    }
    client_.queue().WaitUntilPendingAtMost(0);
    if (mock_closes_ || client_.IsClosing() || client_.IsGone()) return;
    context_.log.Words(EventKind::kFault, channel_, "the agent has left");
    server_.Disconnect();
  }

  const Channel channel_;
  ChannelServer& server_;
  Connection& client_;
  const ServiceContext& context_;
  ForwardObserver* const observer_;
  std::atomic<bool> client_ended_{false};
  std::atomic<bool> mock_closes_{false};  // the connection to the agent
  std::atomic<bool> broken_{false};       // the agent's framing

  Mutex mutex_;
  ConditionVariable changed_;
  ForwardedReplies replies_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  bool passes_reply_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;  // the client has not got it yet
  std::optional<ReplySpec> reply_ MOCK_HYPERSTART_GUARDED_BY(mutex_);  // for Ask
  /// A reply was kept from the client, and the mock has not sent it yet.
  bool reply_pending_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
  /// The agent has left, or its framing is broken.
  bool no_more_replies_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;

  bool gives_up_ = false;  // of the channel's thread: the agent gets nothing more
  // Of the thread of upstream_.
  FrameReader<Header> reader_{std::numeric_limits<std::uint32_t>::max()};
  std::string unsent_part_;     // of an incomplete frame, what the client has not got
  std::size_t open_bytes_ = 0;  // and what it has
  bool has_told_end_ = false;   // to the observer

  std::unique_ptr<Upstream> upstream_;  // last: its thread uses the others
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FORWARDING_HPP_
