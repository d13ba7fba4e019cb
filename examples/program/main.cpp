// mock-hyperstart: the double of the agent in a process of its own.

#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

#include "double.hpp"
#include "options.hpp"
#include "rpc.hpp"

namespace program {
namespace {

/// Readable once a signal asks the program to end. Blocks those signals in every thread that is
/// started from now on.
int BlockSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

int Run(const Arguments& arguments, int quit_fd) {
  Double agent(arguments.settings);
  agent.Start();
  if (!arguments.rpc) {
    throw std::invalid_argument("the prompt is not in this version: give --rpc");
  }
  RpcSession session(agent, STDOUT_FILENO, arguments.output_limit, false);
  session.Serve(STDIN_FILENO, quit_fd);
  session.Detach();
  for (const std::string& failure : agent.Stop()) std::fprintf(stderr, "%s\n", failure.c_str());
  return agent.has_failed() ? 1 : 0;
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) {
  try {
    program::Arguments arguments;
    if (const std::optional<int> status = program::ParseArguments(argc, argv, arguments)) {
      return *status;
    }
    return program::Run(arguments, program::BlockSignals());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mock-hyperstart: %s\n", error.what());
    return 2;
  }
}
