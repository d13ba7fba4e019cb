// Who answers a command, in this order: the plans by criterion, the newest first; the plan for the
// command; the handler; the default reply. Decides on the ctl thread; everything else may be called
// from any thread, under traffic.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/criterion.hpp"
#include "mock_hyperstart/detail/agent/user_function.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// The place in a source file where a WillOnce was set.
struct Place {
  const char* file;
  int line;
};

/// For the implementation: what a ReplyPlan holds.
struct PlanAccess {
  /// The plan's answer to the next command; unspecified if it has none. A WillOnce is counted in
  /// `used` under the plan's lock: who sees that it is gone sees the count, too.
  static ReplySpec Next(ReplyPlan& plan, std::atomic<int>& used) {
    ReplySpec reply;
    std::shared_ptr<const Reply> repeatedly;
    {
      const std::lock_guard lock(plan.mutex_);
      if (!plan.once_.empty()) {
        reply = ReplyAccess::Take(std::move(plan.once_.front().reply));
        plan.once_.pop_front();
        ++used;
      }
      repeatedly = plan.repeatedly_;
    }
    if (!repeatedly || !reply.IsUnspecified()) return reply;
    return WithFallback(std::move(reply), ReplyAccess::Spec(*repeatedly));
  }
  static std::vector<Place> Unused(const ReplyPlan& plan) {
    const std::lock_guard lock(plan.mutex_);
    std::vector<Place> places;
    for (const ReplyPlan::Once& once : plan.once_) places.push_back({once.file, once.line});
    return places;
  }
  static bool HasUnused(const ReplyPlan& plan) {
    const std::lock_guard lock(plan.mutex_);
    return !plan.once_.empty();
  }
  /// Moves the plan's WillOnces to the end of `dropped`: the caller destroys them under no lock.
  static void TakeUnused(ReplyPlan& plan, std::vector<Reply>& dropped) {
    const std::lock_guard lock(plan.mutex_);
    for (ReplyPlan::Once& once : plan.once_) dropped.push_back(std::move(once.reply));
    plan.once_.clear();
  }
};

class ReplyPolicy {
 public:
  explicit ReplyPolicy(const Options& options) : options_(options) {}

  // ---- From any thread

  ReplyPlan& On(Command command) {
    const MutexLock lock(mutex_);
    has_rules_ = true;
    return plans_[command];
  }
  ReplyPlan& On(std::unique_ptr<const Criterion<DecodedMessage>> criterion) {
    auto rule = std::make_shared<Rule>();
    rule->criterion = std::move(criterion);
    const MutexLock lock(mutex_);
    has_rules_ = true;
    auto rules = std::make_shared<std::vector<std::shared_ptr<Rule>>>();
    if (rules_) *rules = *rules_;
    rules->push_back(rule);
    rules_ = std::move(rules);
    return rule->plan;
  }
  void SetDefaultReply(Reply reply) {
    auto next = std::make_shared<const ReplySpec>(ReplyAccess::Take(std::move(reply)));
    const MutexLock lock(mutex_);
    has_rules_ = true;
    default_.swap(next);
  }  // The lock ends first, then the old reply, whose action is the user's code.
  /// Another agent answers what neither a plan nor the handler does: then the decision is
  /// unspecified.
  void SetForwards() { forwards_ = true; }
  /// See UserFunction::Set.
  Handler GetHandler() { return handler_.Get(); }
  void SetHandler(Handler handler, bool from_handler) {
    handler_.Set(std::move(handler), from_handler);
  }

  struct UnusedReply {
    std::string wanted;  // "startpod", or what a criterion says: "is a startpod whose ..."
    Place place;
    bool by_criterion;
    /// There are plans by criterion that are asked before it, which may have answered its commands.
    bool asked_later = false;
  };
  std::vector<UnusedReply> Unused() {
    const MutexLock lock(mutex_);
    std::vector<UnusedReply> unused;
    for (const auto& [command, plan] : plans_) {
      for (const Place& place : PlanAccess::Unused(plan)) {
        unused.push_back(
            {CommandName(command, options_.dialect), place, false, rules_ && !rules_->empty()});
      }
    }
    if (!rules_) return unused;
    for (const std::shared_ptr<Rule>& rule : *rules_) {
      for (const Place& place : PlanAccess::Unused(rule->plan)) {
        unused.push_back({rule->criterion->Describe(), place, true, rule != rules_->back()});
      }
    }
    return unused;
  }
  /// The same, and they answer nothing any more.
  std::vector<UnusedReply> TakeUnused() {
    std::vector<UnusedReply> unused = Unused();
    std::vector<Reply> dropped;  // destroyed after the lock: their actions are the user's code
    const MutexLock lock(mutex_);
    for (auto& [command, plan] : plans_) PlanAccess::TakeUnused(plan, dropped);
    if (!rules_) return unused;
    for (const std::shared_ptr<Rule>& rule : *rules_) PlanAccess::TakeUnused(rule->plan, dropped);
    return unused;
  }

  /// Each WillOnce has been used, and its reply has been sent.
  bool IsFulfilled() { return !HasUnused() && used_ == 0; }

  // ---- On the ctl thread

  /// All replies that were decided have been sent, but the last, which uses `unsent` WillOnces.
  /// True if a WillOnce was among those sent: then waits for plans must be woken.
  bool EndAnswers(int unsent = 0) { return used_ > unsent && used_.exchange(unsent) > unsent; }

  /// Nothing was said about any command: each is answered by the acknowledgement below.
  bool IsPlain() const { return !has_rules_ && !handler_.IsSet(); }

  /// The payload with which a command is acknowledged where nothing else was said.
  std::string AckPayload(Command command) const {
    return command == Command::kVersion ? BigEndian32(options_.api_version) : std::string();
  }

  /// One command's answer: complete, or still to be completed by the handler.
  struct Decision {
    ReplySpec reply;
    bool needs_handler = false;
    ReplySpec fallback;               // of the handler
    int used = 0;                     // WillOnces
    std::shared_ptr<const void> end;  // of the handler's reply: see ReplySpec
    /// Set if `reply.action` is a handler's.
    std::optional<std::uint64_t> action_generation;
  };

  /// Throws std::logic_error for a plan that can't be executed: WithLength on a reply without a
  /// header.
  Decision Decide(const DecodedMessage& message) {
    Decision decision;
    const int used_before = used_;
    std::shared_ptr<const Rules> rules;
    std::shared_ptr<const ReplySpec> default_reply;
    ReplyPlan* plan = nullptr;
    {
      const MutexLock lock(mutex_);
      rules = rules_;
      const auto found = plans_.find(message.command);
      if (found != plans_.end()) plan = &found->second;
      default_reply = default_;
    }
    ReplySpec fallback = Fallback(message.command, default_reply.get());
    if (rules) {
      for (auto rule = rules->rbegin(); rule != rules->rend(); ++rule) {
        if (!decision.reply.IsUnspecified()) break;
        if (!(*rule)->criterion->Matches(message)) continue;
        decision.reply =
            WithFallback(std::move(decision.reply), PlanAccess::Next((*rule)->plan, used_));
      }
    }
    if (plan != nullptr && decision.reply.IsUnspecified()) {
      decision.reply = WithFallback(std::move(decision.reply), PlanAccess::Next(*plan, used_));
    }
    decision.used = used_ - used_before;
    if (decision.reply.IsUnspecified() && handler_.IsSet()) {
      decision.needs_handler = true;
      decision.fallback = std::move(fallback);
    } else {
      decision.reply = WithFallback(std::move(decision.reply), std::move(fallback));
    }
    return decision;
  }

  /// Completes the decision with the handler's answer, if there still is a handler. Throws what the
  /// handler throws.
  void AskHandler(Decision& decision, const DecodedMessage& message) {
    ReplySpec answer;
    std::uint64_t generation = 0;
    {
      const UserFunction<Reply(const DecodedMessage&)>::Call call(handler_);
      generation = call.generation();
      if (call) answer = ReplyAccess::Take(call.function()(message));
    }
    decision.end = std::move(answer.end);
    if (answer.action && !decision.reply.action) decision.action_generation = generation;
    answer = WithFallback(std::move(answer), std::move(decision.fallback));
    decision.reply = WithFallback(std::move(decision.reply), std::move(answer));
  }

  /// Calls the reply's action. False if it is the action of a handler that has been replaced: then
  /// it is dropped. Throws what the action throws.
  bool RunAction(const Decision& decision) {
    if (!decision.action_generation) {
      decision.reply.action();
      return true;
    }
    const UserFunction<Reply(const DecodedMessage&)>::Call call(handler_,
                                                                decision.action_generation);
    if (call) decision.reply.action();
    return static_cast<bool>(call);
  }

 private:
  struct Rule {
    std::unique_ptr<const Criterion<DecodedMessage>> criterion;
    ReplyPlan plan;
  };
  using Rules = std::vector<std::shared_ptr<Rule>>;

  bool HasUnused() {
    const MutexLock lock(mutex_);
    for (const auto& [command, plan] : plans_) {
      if (PlanAccess::HasUnused(plan)) return true;
    }
    return rules_ && std::any_of(rules_->begin(), rules_->end(), [](const auto& rule) {
             return PlanAccess::HasUnused(rule->plan);
           });
  }

  /// What answers a command that neither a plan nor the handler does.
  ReplySpec Fallback(Command command, const ReplySpec* default_reply) const {
    if (forwards_) return {};
    ReplySpec ack;
    ack.kind = ReplySpec::Kind::kFrame;
    ack.command = Command::kAck;
    ack.bytes = AckPayload(command);
    return default_reply == nullptr ? ack : WithFallback(*default_reply, std::move(ack));
  }

  const Options& options_;
  std::atomic<bool> has_rules_{false};
  std::atomic<bool> forwards_{false};
  std::atomic<int> used_{0};  // WillOnces since EndAnswers
  UserFunction<Reply(const DecodedMessage&)> handler_;
  Mutex mutex_;
  std::map<Command, ReplyPlan> plans_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  /// Replaced as a whole when one is added, so that the ctl thread asks them under no lock.
  std::shared_ptr<const Rules> rules_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::shared_ptr<const ReplySpec> default_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_
