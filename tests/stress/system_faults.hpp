// The system's own functions, told to fail: this program's calls of them go through ours, which
// count, and pass on what is not to fail. Any thread.

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

/// While it lives, calls of these kinds fail with that error: the first `skip` of them do not, the
/// next `times` do. One at a time.
class Failing {
 public:
  Failing(unsigned calls, int error, int skip = 0, int times = INT_MAX);
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing();
  /// How many have failed.
  int failed() const;
};

/// How often that was called in all.
std::size_t CountCalls(Call call);

/// While it lives, the system's clock is an hour later each time it is read.
class JumpingClock {
 public:
  JumpingClock();
  JumpingClock(const JumpingClock&) = delete;
  JumpingClock& operator=(const JumpingClock&) = delete;
  ~JumpingClock();
};

}  // namespace system_faults

#endif  // MOCK_HYPERSTART_TESTS_STRESS_SYSTEM_FAULTS_HPP_
