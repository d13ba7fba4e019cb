// Who waits for what, and waking them: a waiter is woken by nothing but what it waits for, and of
// several who wait for the same, the first to come is the first to try. Not synchronised: its
// owner, the records, holds its lock around each call.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_WAIT_LIST_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_WAIT_LIST_HPP_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/function_ref.hpp"
#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"

namespace hyperstart::detail {

/// How long a wait may wait. `cancelled`, if there is one, ends it before: whoever sets it calls
/// WakeAll then, and leaves it set until the wait has ended. `begun`, if there is one, is called
/// under the lock once nothing is there yet and the wait has its place among the others.
struct WaitLimit {
  template <typename Count, typename Unit>
  WaitLimit(std::chrono::duration<Count, Unit> most,  // NOLINT(google-explicit-constructor)
            const std::atomic<bool>* flag = nullptr, const std::function<void()>* call = nullptr)
      : timeout(most), cancelled(flag), begun(call) {}

  std::chrono::milliseconds timeout;
  const std::atomic<bool>* cancelled;
  const std::function<void()>* begun;
};

inline std::string NoText() { return {}; }

enum class Awaits { kMessage, kPacket, kConnection, kPlans };

/// What one wait waits for.
struct Waiter {
  explicit Waiter(Awaits what) : awaits(what) {}

  const Awaits awaits;
  std::optional<std::uint64_t> key;  // a command or a seq; none: any
  std::size_t bytes = 0;             // of the stream `key` that must be there, or its end
  bool woken = false;                // and has not tried since
  bool queued = false;               // lets others try before
  bool failed = false;               // tries no more
  ConditionVariable wakeup;
};

class WaitList {
 public:
  /// Waits may wait from now on.
  void Open() { life_ = Life::kStarted; }
  /// Ends every wait. Returns when the last one has ended.
  void Close(MutexLock& lock) {
    if (life_ == Life::kStarted) life_ = Life::kStopped;
    WakeAll();
    while (!waiters_.empty()) all_ended_.Wait(lock);
  }

  void Wake(Awaits what, std::uint64_t key, const Inbox& packets) {
    for (Waiter* const waiter : waiters_) {
      if (waiter->woken || waiter->failed || waiter->awaits != what) continue;
      if (waiter->key && *waiter->key != key) continue;
      const bool is_short =
          waiter->bytes > 0 && packets.BytesBeforeEnd(key) < waiter->bytes && !packets.HasEnd(key);
      if (is_short) continue;
      waiter->woken = true;
      waiter->wakeup.NotifyOne();
    }
  }

  /// Somebody was woken for it, and has not tried to take it yet.
  bool HasWoken(Awaits what) const {
    return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter* waiter) {
      return waiter->woken && waiter->awaits == what;
    });
  }
  /// The same, for what `waiter` waits for; if it is listed: of those before it.
  bool HasWokenBefore(const Waiter& waiter) const {
    for (const Waiter* const other : waiters_) {
      if (other == &waiter) break;
      if (!other->woken || other->awaits != waiter.awaits) continue;
      if (!other->key || !waiter.key || *other->key == *waiter.key) return true;
    }
    return false;
  }

  /// Every waiter looks whether it is cancelled.
  void WakeAll() {
    for (Waiter* const waiter : waiters_) waiter->wakeup.NotifyOne();
  }

  /// Keeps a waiter in the list, so that Close waits for it: until the wait has built its result,
  /// and however it ends, also by an exception from a matcher.
  class Listed {
   public:
    Listed(WaitList& list, Waiter& waiter) : list_(list), waiter_(waiter) {
      list_.waiters_.push_back(&waiter_);
    }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    ~Listed() {
      list_.waiters_.erase(std::find(list_.waiters_.begin(), list_.waiters_.end(), &waiter_));
      list_.LetQueuedTry(waiter_.awaits);
      if (list_.waiters_.empty()) list_.all_ended_.NotifyAll();
    }

   private:
    WaitList& list_;
    Waiter& waiter_;
  };

  /// `waiter` is listed; unless others were woken before, it has tried. Waits until `attempt`
  /// succeeds: then returns nothing. Else the reason: what `hopeless` says as soon as it says
  /// something, or that the mock is not started, or that the wait is cancelled; empty if the time
  /// is over. Both are called under `lock`.
  std::optional<std::string> Wait(MutexLock& lock, Waiter& waiter, WaitLimit limit,
                                  FunctionRef<bool> attempt, FunctionRef<std::string> hopeless) {
    const Clock::time_point deadline = DeadlineIn(limit.timeout);
    if (limit.begun != nullptr) (*limit.begun)();
    if (HasWokenBefore(waiter) && TryInTurn(lock, waiter, attempt)) return std::nullopt;
    for (;;) {
      if (std::optional<std::string> why = Failure(limit, deadline, hopeless)) {
        waiter.failed = true;
        return why;
      }
      waiter.wakeup.WaitUntil(lock, deadline);
      if (TryInTurn(lock, waiter, attempt)) return std::nullopt;
    }
  }

 private:
  enum class Life { kNotStarted, kStarted, kStopped };

  /// Why a wait fails now.
  std::optional<std::string> Failure(const WaitLimit& limit, Clock::time_point deadline,
                                     FunctionRef<std::string> hopeless) const {
    if (std::string why = hopeless(); !why.empty()) return why;
    if (life_ == Life::kStopped) return "the mock is stopped";
    if (life_ == Life::kNotStarted) return "the mock is not started: call Start() first";
    if (limit.cancelled != nullptr && *limit.cancelled) return "the wait is cancelled";
    if (Clock::now() >= deadline) return std::string();
    return std::nullopt;
  }

  /// After those that were woken before, which need no more than the lock for it.
  bool TryInTurn(MutexLock& lock, Waiter& waiter, FunctionRef<bool> attempt) {
    waiter.queued = true;
    while (HasWokenBefore(waiter)) waiter.wakeup.Wait(lock);
    waiter.queued = false;
    waiter.woken = false;
    const bool success = attempt();
    LetQueuedTry(waiter.awaits);
    return success;
  }
  /// The first of them; it lets the next one try.
  void LetQueuedTry(Awaits what) {
    for (Waiter* const waiter : waiters_) {
      if (!waiter->queued || waiter->awaits != what || HasWokenBefore(*waiter)) continue;
      waiter->wakeup.NotifyOne();
      return;
    }
  }

  std::vector<Waiter*> waiters_;
  ConditionVariable all_ended_;  // waiters_ is empty
  Life life_ = Life::kNotStarted;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_WAIT_LIST_HPP_
