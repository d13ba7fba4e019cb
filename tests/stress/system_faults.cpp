// Functions with the names of the system's. The dynamic linker finds those of the program first,
// for calls from libstdc++ too.

#include "stress/system_faults.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace system_faults {
namespace {

std::atomic<unsigned> failing{0};
std::atomic<int> error{0};
std::atomic<int> skipped{0};
std::atomic<int> remaining{0};
std::atomic<int> failed_calls{0};
std::array<std::atomic<std::size_t>, 11> counts{};
std::atomic<std::size_t> failing_bytes{SIZE_MAX};  // allocations of so many bytes or more fail
std::atomic<int> failed_allocations{0};
thread_local bool may_allocate = false;  // whatever failing_bytes is
std::atomic<long> hours{-1};             // that the clock is ahead; negative: no jumping clock

std::atomic<std::size_t>& Count(Call call) {
  return counts[static_cast<std::size_t>(__builtin_ctz(call))];
}

bool Fails(Call call) {
  ++Count(call);
  if ((failing & call) == 0) return false;
  if (skipped.fetch_sub(1) > 0) return false;
  if (remaining.fetch_sub(1) <= 0) return false;
  ++failed_calls;
  errno = error;
  return true;
}

/// The memory that operator new returns; null if there is none.
void* Allocate(std::size_t bytes) {
  if (bytes < failing_bytes || may_allocate) return std::malloc(bytes > 0 ? bytes : 1);
  ++failed_allocations;
  return nullptr;
}

/// The function of that name of the system, or of a sanitizer.
template <typename Function>
Function* Next(Function*, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

Failing::Failing(unsigned calls, int with, int skip, int times) {
  error = with;
  skipped = skip;
  remaining = times;
  failed_calls = 0;
  failing = calls;
}
Failing::~Failing() { failing = 0; }
int Failing::failed() const { return failed_calls; }

std::size_t CountCalls(Call call) { return Count(call); }

FailingAllocations::FailingAllocations(std::size_t bytes) {
  may_allocate = true;
  failed_allocations = 0;
  failing_bytes = bytes;
}
FailingAllocations::~FailingAllocations() {
  failing_bytes = SIZE_MAX;
  may_allocate = false;
}
int FailingAllocations::failed() const { return failed_allocations; }

JumpingClock::JumpingClock() { hours = 0; }
JumpingClock::~JumpingClock() { hours = -1; }

}  // namespace system_faults

using system_faults::Fails;
using system_faults::Next;

void* operator new(std::size_t bytes) {
  void* const memory = system_faults::Allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// Those of arrays too: a sanitizer has its own, which do not call the ones above.
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  static auto* const next = Next(&socket, "socket");
  return Fails(system_faults::kSocket) ? -1 : next(domain, type, protocol);
}
int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  static auto* const next = Next(&bind, "bind");
  return Fails(system_faults::kBind) ? -1 : next(fd, address, size);
}
int listen(int fd, int backlog) noexcept {
  static auto* const next = Next(&listen, "listen");
  return Fails(system_faults::kListen) ? -1 : next(fd, backlog);
}
int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static auto* const next = Next(&accept4, "accept4");
  return Fails(system_faults::kAccept) ? -1 : next(fd, address, size, flags);
}
int epoll_create1(int flags) noexcept {
  static auto* const next = Next(&epoll_create1, "epoll_create1");
  return Fails(system_faults::kEpollCreate) ? -1 : next(flags);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  static auto* const next = Next(&epoll_ctl, "epoll_ctl");
  const bool fails = operation == EPOLL_CTL_ADD && Fails(system_faults::kEpollCtl);
  return fails ? -1 : next(epoll, operation, fd, event);
}
int eventfd(unsigned count, int flags) noexcept {
  static auto* const next = Next(&eventfd, "eventfd");
  return Fails(system_faults::kEventFd) ? -1 : next(count, flags);
}
int pipe(int fds[2]) noexcept {
  static auto* const next = Next(&pipe, "pipe");
  return Fails(system_faults::kPipe) ? -1 : next(fds);
}
int timerfd_create(clockid_t clock, int flags) noexcept {
  static auto* const next = Next(&timerfd_create, "timerfd_create");
  return Fails(system_faults::kTimerFd) ? -1 : next(clock, flags);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  static auto* const next = Next(&pthread_create, "pthread_create");
  if (Fails(system_faults::kThread)) return errno;
  return next(thread, attributes, start, argument);
}
char* mkdtemp(char* name) noexcept {
  static auto* const next = Next(&mkdtemp, "mkdtemp");
  return Fails(system_faults::kMkdtemp) ? nullptr : next(name);
}
int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME && system_faults::hours >= 0) {
    time->tv_sec += 3600 * ++system_faults::hours;
  }
  return static_cast<int>(result);
}

}  // extern "C"
