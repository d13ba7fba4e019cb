// mock-hyperstart: the double of the agent in a process of its own.

#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include "control.hpp"
#include "double.hpp"
#include "options.hpp"
#include "prompt.hpp"
#include "rpc.hpp"
#include "standard_streams.hpp"

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
  sigset_t resize;  // read by the prompt
  sigemptyset(&resize);
  sigaddset(&resize, SIGWINCH);
  ::pthread_sigmask(SIG_BLOCK, &resize, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

void RunPrompt(Double& agent, const Arguments& arguments, int quit_fd, bool& script_failed) {
  Prompt prompt(agent, quit_fd);
  if (!arguments.script.empty()) {
    std::ifstream script(arguments.script);
    if (!script) throw std::invalid_argument("cannot read " + arguments.script);
    if (!prompt.RunScript(script)) {
      script_failed = !prompt.has_quit();
      return;
    }
  }
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
    prompt.RunTerminal();
  } else {
    prompt.RunPlain();
  }
}

int Run(const Arguments& arguments, int quit_fd) {
  Double agent(arguments.settings);
  std::optional<ControlSocket> control;
  if (!arguments.control.empty()) {
    control.emplace(agent, arguments.control, arguments.output_limit, quit_fd);
  }
  agent.Start();
  bool script_failed = false;
  {
    std::optional<RpcSession> session;
    if (arguments.rpc) {
      session.emplace(agent, STDOUT_FILENO, arguments.output_limit, false);
      session->Serve(STDIN_FILENO, quit_fd);
      session->Detach();
    } else {
      RunPrompt(agent, arguments, quit_fd, script_failed);
    }
    // Ends every wait; the answers are written when `session` ends.
    for (const std::string& failure : agent.Stop()) std::fprintf(stderr, "%s\n", failure.c_str());
  }
  for (const std::string& failure : agent.CompleteFiles()) {
    std::fprintf(stderr, "%s\n", failure.c_str());
  }
  control.reset();
  if (script_failed) return 2;
  return agent.has_failed() ? 1 : 0;
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) {
  program::OpenStandardStreams();
  std::setlocale(LC_CTYPE, "");
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
