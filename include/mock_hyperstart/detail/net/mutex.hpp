// A mutex, its lock and its condition variable, with the annotations of clang's thread safety
// analysis: a member that is GUARDED_BY a mutex can't be touched without it. Other compilers see
// std::mutex, std::unique_lock and std::condition_variable, which these are.
//
// Lock order of the library. A thread that holds one of these may lock only those below it:
//
//   Server::life_mutex_          Start and Stop exclude each other
//   Replayer::mutex_             how far a replay has come
//   ChannelServer::mutex_        who is connected, and what waits for a client
//   SendQueue::mutex_            the order of the bytes to one client
//   Records::mutex_              what arrived, and waits
//   ReplyPolicy::mutex_          plans and the default reply
//   ReplyPlan::mutex_            one plan
//   UserFunction::mutex_         which handler is set, and whether it runs
//   EventLog::mutex_             the conversation
//   EventFile::mutex_            a file to which the conversation is written
//
// Pause::mutex_ and Forwarding::mutex_ are held alone. Code of the user's (handlers, actions,
// destructors of either) runs under none of them; a matcher that a wait was given runs under
// Records::mutex_.

#ifndef MOCK_HYPERSTART_DETAIL_NET_MUTEX_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_MUTEX_HPP_

#include <chrono>
#include <condition_variable>
#include <mutex>

// clang knows these attributes; other compilers would warn of them.
#ifdef __clang__
#define MOCK_HYPERSTART_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define MOCK_HYPERSTART_ATTRIBUTE(attribute)
#endif
#define MOCK_HYPERSTART_GUARDED_BY(mutex) MOCK_HYPERSTART_ATTRIBUTE(guarded_by(mutex))
#define MOCK_HYPERSTART_REQUIRES(mutex) MOCK_HYPERSTART_ATTRIBUTE(requires_capability(mutex))
#define MOCK_HYPERSTART_NO_ANALYSIS MOCK_HYPERSTART_ATTRIBUTE(no_thread_safety_analysis)

namespace hyperstart::detail {

class MOCK_HYPERSTART_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex from its construction to its end, but for what lies between Unlock and Lock.
class MOCK_HYPERSTART_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MOCK_HYPERSTART_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() MOCK_HYPERSTART_ATTRIBUTE(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void Unlock() MOCK_HYPERSTART_ATTRIBUTE(release_capability()) { lock_.unlock(); }
  void Lock() MOCK_HYPERSTART_ATTRIBUTE(acquire_capability()) { lock_.lock(); }

 private:
  friend class ConditionVariable;
  std::unique_lock<std::mutex> lock_;
};

/// Waits without a predicate, since the analysis does not look into lambdas: call it in a loop that
/// checks the condition.
class ConditionVariable {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }
  void Wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  void WaitFor(MutexLock& lock, std::chrono::milliseconds time) {
    condition_.wait_for(lock.lock_, time);
  }
  void WaitUntil(MutexLock& lock, std::chrono::steady_clock::time_point deadline) {
    condition_.wait_until(lock.lock_, deadline);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_MUTEX_HPP_
