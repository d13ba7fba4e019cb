// How the library starts its threads: with all external signals blocked, so that the test program's
// own threads receive them. Does not know what a thread is for. Stateless: any thread may start
// one.

#ifndef MOCK_HYPERSTART_DETAIL_NET_BACKGROUND_THREAD_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_BACKGROUND_THREAD_HPP_

#include <signal.h>

#include <thread>
#include <utility>

namespace hyperstart::detail {

/// Starts a thread that receives no signals from outside. The signals of a crash stay unblocked:
/// the kernel delivers them to the thread that crashes, and if they were blocked there, the program
/// would end without a message. Throws std::system_error if the system has no thread left.
template <typename Body>
std::thread StartBackgroundThread(Body body) {
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
