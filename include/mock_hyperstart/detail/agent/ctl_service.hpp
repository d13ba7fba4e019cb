// What is done with a ctl client's bytes: each frame is counted by `next`, recorded and answered. A
// command's whole way, from the socket to the records and back, stands in Serve. Runs on the ctl
// thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CTL_SERVICE_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CTL_SERVICE_HPP_

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/answer_batch.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forwarded_replies.hpp"
#include "mock_hyperstart/detail/agent/forwarding.hpp"
#include "mock_hyperstart/detail/agent/frame_input.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class CtlService {
 public:
  /// All outlive the service.
  CtlService(ChannelServer& ctl, ChannelServer& io, const ServiceContext& context,
             ReplyPolicy& policy)
      : ctl_(ctl),
        io_(io),
        context_(context),
        policy_(policy),
        reader_(context.options.max_frame) {}

  /// Reads the client until its input ends, or a header is broken, or the mock ends the connection.
  void Serve(Connection& client) {
    if (!forward_to_.empty()) return Forward(client);
    if (!std::exchange(goes_on_, false)) {
      reader_ = FrameReader<CtlHeader>(context_.options.max_frame);
    }
    FrameInput<CtlHeader> input(Channel::kCtl, ctl_, client, reader_, context_);
    AnswerBatch batch(client, context_);  // the answers to one read, sent in one write
    while (input.Read()) {
      while (FrameStep<CtlHeader>* const step = input.Next()) {
        batch.CountPiece(*step);
        if (!step->complete) continue;
        const DecodedMessage& message =
            batch.Receive({step->header.key, std::move(step->payload)}, input.read_at());
        if (policy_.IsPlain()) {
          batch.Answer(Command::kAck, policy_.AckPayload(message.command));
        } else {
          Answer(client, batch, message);
        }
        if (batch.IsLarge()) SendAll(batch);
      }
      SendAll(batch);
      if (input.broken()) {
        input.EndAtBrokenHeader();
        break;
      }
    }
    batch.EndPartialFrame();
    ends_ = batch.TakeEnds();
    goes_on_ = input.NextClientGoesOn();
  }

  /// When the client is served no more: what is sent from here on goes to the next one.
  void EndDroppedReplies() { ends_.clear(); }

  /// While no client is served: the next one does not go on with a frame of the one before.
  void DropPartialFrame() { goes_on_ = false; }

  /// See MockHyperstart::HoldNexts. Any thread.
  void HoldNexts(bool hold) { hold_nexts_ = hold; }

  bool forwards() const { return !forward_to_.empty(); }
  /// Before the first Serve: clients are passed on to the agent at `path`.
  void ForwardTo(std::string path) {
    forward_to_ = std::move(path);
    policy_.SetForwards();
  }

 private:
  /// The same with another agent behind the mock. While there are no plans and no handler, bytes
  /// are passed on as they come, and the agent counts them; else the mock counts them, and a
  /// command is passed on when it is whole and nothing here has answered it. An agent that has
  /// broken the framing gets all that follows as it comes.
  void Forward(Connection& client) {
    Forwarding<CtlHeader> agent(Channel::kCtl, ctl_, client, context_);
    if (!agent.Connect(forward_to_)) return;
    if (!std::exchange(goes_on_, false)) {
      reader_ = FrameReader<CtlHeader>(context_.options.max_frame);
    }
    FrameInput<CtlHeader> input(Channel::kCtl, ctl_, client, reader_, context_);
    AnswerBatch batch(client, context_);
    agent_ = &agent;
    bool as_it_comes = true;
    while (input.Read()) {
      if (reader_.partial().bytes == 0) as_it_comes = policy_.IsPlain() || agent.IsBroken();
      while (FrameStep<CtlHeader>* const step = input.Next()) {
        if (!as_it_comes) batch.CountPiece(*step);
        if (!step->complete) continue;
        const DecodedMessage& message =
            batch.Receive({step->header.key, std::move(step->payload)}, input.read_at());
        if (as_it_comes) {
          agent.Expect(message, ForwardedReplies::How::kAsItCame);
        } else {
          Answer(client, batch, message);
        }
      }
      batch.Send();
      if (input.broken()) input.ReportForwardedHeader();
      if (as_it_comes) agent.Forward(input.read_bytes());
      EndAnswers();
      if (!input.broken()) continue;
      if (!as_it_comes) agent.Forward(input.BrokenBytes());
      input.PassRest([&](std::string_view bytes) { agent.Forward(bytes); });
      break;
    }
    agent_ = nullptr;
    batch.EndPartialFrame();
    ends_ = batch.TakeEnds();
    agent.EndInput();
  }

  /// Answers as the plans, the handler and the default reply say.
  void Answer(Connection& client, AnswerBatch& batch, const DecodedMessage& message) {
    ReplyPolicy::Decision decision = Decide(message);
    DecodedMessage forwarded;
    if (agent_ != nullptr) forwarded = message;
    if (decision.needs_handler) {
      // The batch gives the message away.
      // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
      const DecodedMessage copy = message;
      if (hold_nexts_) batch.HoldNexts();
      // The handler finds its command recorded. What it sends comes after what is sent here.
      batch.Send();
      EndAnswers(decision.used);
      AskHandler(decision, copy);
      if (decision.reply.drop_nexts) batch.DropNexts();
    }
    const bool asks = agent_ != nullptr && decision.reply.IsUnspecified();
    if (asks && forwarded.command == Command::kDestroyPod && decision.reply.SaysNothing()) {
      // The agent may answer it late, and works on other commands until then.
      batch.ReleaseNexts();
      batch.Send();
      return agent_->ForwardCommand(forwarded);
    }
    if (asks) {
      batch.Send();
      ReplySpec reply = agent_->Ask(forwarded);
      if (reply.kind == ReplySpec::Kind::kNothing) decision.reply.length.reset();
      decision.reply = WithFallback(std::move(decision.reply), std::move(reply));
    }
    if (agent_ != nullptr && !asks && agent_->ExpectsReplies()) {
      batch.Send();
      agent_->WaitForReplies();
    }
    if (decision.reply.IsPlain()) {
      batch.ReleaseNexts();
      batch.Answer(decision.reply.command, std::move(decision.reply.bytes),
                   std::move(decision.end));
    } else {
      ExecuteReply(client, batch, decision);
      batch.KeepEnd(std::move(decision.end));
    }
    if (!asks) return;
    SendAll(batch);
    agent_->EndAsk();
  }

  void SendAll(AnswerBatch& batch) {
    batch.Send();
    EndAnswers();
  }

  /// All replies have been sent, but one that uses `unsent` WillOnces: waits for plans may learn of
  /// it.
  void EndAnswers(int unsent = 0) {
    if (policy_.EndAnswers(unsent)) context_.records.WakePlanWaiters();
  }

  ReplyPolicy::Decision Decide(const DecodedMessage& message) {
    try {
      return policy_.Decide(message);
    } catch (...) {
      ReplyPolicy::Decision decision;
      decision.reply = ReplyToException("the plan could not be executed", message.command);
      return decision;
    }
  }

  void AskHandler(ReplyPolicy::Decision& decision, const DecodedMessage& message) {
    try {
      policy_.AskHandler(decision, message);
    } catch (...) {
      decision.reply = WithFallback(std::move(decision.reply),
                                    ReplyToException("the handler threw", message.command));
    }
  }

  /// Keeps the exception that is being handled for Stop, and tells the client.
  ReplySpec ReplyToException(const char* what, Command command) {
    const std::string text = CurrentExceptionText();
    context_.records.AddError(
        fmt::format("{} at a {}: {}", what, CommandName(command, context_.options.dialect), text));
    ReplySpec reply;
    reply.kind = ReplySpec::Kind::kFrame;
    reply.command = Command::kError;
    reply.bytes = text;
    return reply;
  }

  void ExecuteReply(Connection& client, AnswerBatch& batch, ReplyPolicy::Decision& decision) {
    const ReplySpec& reply = decision.reply;
    batch.Send();
    EndAnswers(decision.used);
    const bool waited = client.Sleep(reply.delay.value_or(std::chrono::milliseconds(0)));
    batch.ReleaseNexts();
    batch.Send();
    if (waited) {
      SendReply(client, decision);
    } else {
      context_.log.Words(EventKind::kFault, Channel::kCtl,
                         "not answered, the client did not wait: " +
                             DescribeContent(reply, context_.options.dialect));
      // A client that reconnects during the delay is served at once.
      if (reply.delay.value_or(std::chrono::milliseconds(0)).count() > 0) return;
    }
    if (!reply.disconnect) return;
    ctl_.Disconnect();
    if (!ctl_.IsStopping()) io_.Disconnect();
  }

  void SendReply(Connection& client, ReplyPolicy::Decision& decision) {
    const ReplySpec& reply = decision.reply;
    const std::string content = DescribeContent(reply, context_.options.dialect);
    std::string bytes;
    AppendReply(reply, bytes);
    if (reply.pieces) {
      const std::string text =
          fmt::format("{} in pieces of {}", content, Bytes(reply.pieces->bytes));
      client.SendInPieces(bytes, reply.pieces->bytes, reply.pieces->gap,
                          [&] { context_.log.SentRaw(Channel::kCtl, text, bytes); });
    } else {
      client.queue().Send(bytes, {}, [&] {
        if (reply.IsWholeFrame()) {
          context_.log.Sent(reply.command, reply.bytes);
        } else {
          context_.log.SentRaw(Channel::kCtl, content, bytes);
        }
      });
    }
    client.queue().WaitUntilPendingAtMost(AnswerBatch::kMostPending);
    if (!reply.action && !reply.disconnect && !decision.end) return;
    if (!client.queue().WaitUntilSent()) return;
    // Before the user's action, which may wait for what the end brings about; but after a
    // disconnect, by which the client might lose that.
    if (!reply.disconnect && !client.IsGone()) decision.end.reset();
    if (agent_ != nullptr && !reply.disconnect) agent_->EndAsk();
    if (!reply.action) return;
    EndAnswers();
    try {
      if (policy_.RunAction(decision)) return;
      context_.log.Words(EventKind::kFault, Channel::kCtl,
                         "the action after a reply is dropped: its handler was replaced");
    } catch (...) {
      context_.records.AddError(
          fmt::format("the action after a reply ({}) threw: {}", content, CurrentExceptionText()));
    }
  }

  ChannelServer& ctl_;
  ChannelServer& io_;
  const ServiceContext& context_;
  ReplyPolicy& policy_;
  std::atomic<bool> hold_nexts_{false};
  FrameReader<CtlHeader> reader_;
  std::string forward_to_;
  Forwarding<CtlHeader>* agent_ = nullptr;         // while a client is passed on to it
  std::vector<std::shared_ptr<const void>> ends_;  // of replies that the last client did not get
  bool goes_on_ = false;  // the next client goes on with the frame in reader_
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CTL_SERVICE_HPP_
