// Makes functions of the system fail. Calls from this program go through functions of its own,
// which count them, and call the system's unless they are to fail. Any thread.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_SYSTEM_FAULTS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_SYSTEM_FAULTS_HPP_

#include <climits>
#include <cstddef>
#include <ctime>

namespace system_faults {

enum Call : unsigned {
  kSocket = 1,
  kBind = 2,
  kListen = 4,
  kAccept = 8,
  kEpollCreate = 16,
  kEpollCtl = 32,
  kEventFd = 64,
  kPipe = 128,
  kTimerFd = 256,
  kThread = 512,
  kMkdtemp = 1024
};

/// As long as it exists, calls of these kinds fail with that error: not the first `skip` of them,
/// but the `times` calls that follow. There may be only one at a time.
class Failing {
 public:
  Failing(unsigned calls, int error, int skip = 0, int times = INT_MAX);
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing();
  /// The number of calls that have failed.
  int failed() const;
};

/// The number of calls since the program started.
std::size_t CountCalls(Call call);

/// As long as it exists, operator new throws std::bad_alloc for that many bytes or more, but not on
/// the thread that has made it. There may be only one at a time.
class FailingAllocations {
 public:
  explicit FailingAllocations(std::size_t bytes);
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;
  ~FailingAllocations();
  /// The number of allocations that have failed.
  int failed() const;
};

/// As long as it exists, the system clock is an hour later each time it is read.
class JumpingClock {
 public:
  JumpingClock();
  JumpingClock(const JumpingClock&) = delete;
  JumpingClock& operator=(const JumpingClock&) = delete;
  ~JumpingClock();
};

}  // namespace system_faults

#endif  // MOCK_HYPERSTART_TESTS_STRESS_SYSTEM_FAULTS_HPP_
