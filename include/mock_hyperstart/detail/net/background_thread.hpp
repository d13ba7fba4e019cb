// How every thread of a mock is started: with the signals from outside blocked, so that the test
// program's own threads take them. Knows nothing of what a thread is for. Stateless: any thread may
// start one.

#ifndef MOCK_HYPERSTART_DETAIL_NET_BACKGROUND_THREAD_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_BACKGROUND_THREAD_HPP_

#include <signal.h>

#include <thread>
#include <utility>

namespace hyperstart::detail {

/// A thread that takes no signals from outside: the test program's own threads keep them. Those of
/// a crash stay: they strike the thread that crashes, and where they are blocked the program ends
/// without a word. std::system_error where the system has no thread left.
template <typename Body>
std::thread QuietThread(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    sigdelset(&all, crash);
  }
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_BACKGROUND_THREAD_HPP_
