// A function of the user's that background threads call, and that any thread may replace while it
// runs. Locks itself; calls the function under no lock.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_USER_FUNCTION_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_USER_FUNCTION_HPP_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/mutex.hpp"

namespace hyperstart::detail {

/// Holds a std::function<Signature>, or none.
template <typename Signature>
class UserFunction {
 public:
  using Function = std::function<Signature>;
  using Shared = std::shared_ptr<const Function>;

  bool IsSet() const { return is_set_; }

  /// Replaces the function; an empty one removes it. Returns when no call of the old one is
  /// running; at once if `from_call` says that the caller is a call of this or of another function
  /// which may wait for this one.
  void Set(Function function, bool from_call) {
    Shared next;
    if (function) next = std::make_shared<const Function>(std::move(function));
    {
      MutexLock lock(mutex_);
      is_set_ = next != nullptr;
      current_.swap(next);
      const std::uint64_t generation = ++generation_;
      while (!from_call && IsRunningBefore(generation)) ended_.Wait(lock);
    }
    // The old one is destroyed here, under no lock: that runs the user's code.
  }

  /// A function that calls the one that is set now, also after it was replaced; an empty one if
  /// none is set. Set does not wait for its calls.
  Function Get() {
    const MutexLock lock(mutex_);
    if (current_ == nullptr) return {};
    return [function = current_](const auto&... arguments) { return (*function)(arguments...); };
  }

  /// One call, or several in a row, of the thread that calls: from here to its end, Set waits.
  class Call {
   public:
    explicit Call(UserFunction& owner) : Call(owner, std::nullopt) {}
    /// The same, unless the function was replaced since the call that had that generation: then
    /// this call is empty.
    Call(UserFunction& owner, std::optional<std::uint64_t> generation) : owner_(owner) {
      const MutexLock lock(owner_.mutex_);
      generation_ = owner_.generation_;
      if (generation && *generation != generation_) return;
      if (owner_.current_ == nullptr) return;
      owner_.running_.push_back(generation_);
      function_ = owner_.current_;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    /// Also if the function has thrown. Gives the function up before it says that the call is over.
    ~Call() {
      if (function_ == nullptr) return;
      function_.reset();
      {
        const MutexLock lock(owner_.mutex_);
        auto& running = owner_.running_;
        running.erase(std::find(running.begin(), running.end(), generation_));
      }
      owner_.ended_.NotifyAll();
    }

    explicit operator bool() const { return function_ != nullptr; }
    const Function& function() const { return *function_; }
    std::uint64_t generation() const { return generation_; }

   private:
    UserFunction& owner_;
    std::uint64_t generation_ = 0;
    Shared function_;
  };

 private:
  /// Whether a call of an older generation is running.
  bool IsRunningBefore(std::uint64_t generation) const MOCK_HYPERSTART_REQUIRES(mutex_) {
    return std::any_of(running_.begin(), running_.end(),
                       [&](std::uint64_t running) { return running < generation; });
  }

  Mutex mutex_;
  ConditionVariable ended_;
  std::atomic<bool> is_set_{false};  // current_ != nullptr
  Shared current_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::uint64_t generation_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;  // counts the replacements
  /// The generation of each call that runs: one for each background thread at most.
  std::vector<std::uint64_t> running_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_USER_FUNCTION_HPP_
