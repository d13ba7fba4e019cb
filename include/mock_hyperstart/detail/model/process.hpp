// A process of the model: what was asked for, how it stands, and for a program that is no real
// process its stdin, stdout and signals. Everything that changes is guarded by the table's mutex.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_HPP_

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/child.hpp"
#include "mock_hyperstart/detail/model/files.hpp"
#include "mock_hyperstart/detail/model/request_values.hpp"
#include "mock_hyperstart/detail/model/stdin_gate.hpp"
#include "mock_hyperstart/program.hpp"

namespace hyperstart::detail {

/// What a process needs of the table that it is in.
class ProcessHost {
 public:
  virtual ~ProcessHost() = default;
  /// Takes the mutex, before the table's thread takes it again.
  std::unique_lock<std::mutex> Enter() {
    ++waiting_;
    std::unique_lock lock(mutex_);
    --waiting_;
    return lock;
  }
  /// There is something to do for a process.
  virtual void Wake() = 0;

 protected:
  /// Lets those in that wait.
  void LetOthersIn(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    while (waiting_ > 0) std::this_thread::yield();
    lock.lock();
  }

  std::mutex mutex_;

 private:
  std::atomic<int> waiting_{0};
};

struct ModelContainer;

class ModelProcess : public ProcessControl {
 public:
  enum class Phase {
    kAwaitsReply,  // it starts once the client has been told
    kRunning,
    kExited,  // but something holds its stdin, stdout or stderr
    kOver
  };

  ModelProcess(std::weak_ptr<ProcessHost> host, ProcessSpec spec, Program what)
      : program(std::move(what)), host_(std::move(host)), spec_(std::move(spec)) {}

  // ---- as a Process sees it, on any thread

  const ProcessSpec& spec() const override { return spec_; }
  WindowSize size() const override {
    WindowSize now;
    Locked([&] { now = window; });
    return now;
  }
  void Write(OutputStream stream, std::string_view data) override {
    if (data.empty()) return;
    Locked([&] {
      const bool own_stderr = stream == OutputStream::kStderr && stderr_seq != 0;
      output.push_back({own_stderr ? stderr_seq : stdio, std::string(data)});
    });
  }
  void End(int with_status) override {
    Locked([&] { end = with_status; });
  }
  void SetOnStdin(OnBytes function) override { Replace(on_stdin, std::move(function)); }
  void SetOnStdinEnd(OnEnd function) override { Replace(on_stdin_end, std::move(function)); }
  void SetOnSignal(OnNumber function) override { Replace(on_signal, std::move(function)); }
  void SetOnWindowSize(OnSize function) override { Replace(on_window_size, std::move(function)); }

  // ---- for the table, under its mutex

  /// On the agent's list: its id and its seqs are taken.
  bool IsListed() const { return phase != Phase::kOver; }
  bool HasEnded() const { return phase == Phase::kExited || phase == Phase::kOver; }

  /// The functions that it was given, and that may hold it, for the caller to destroy under no
  /// lock.
  struct Functions {
    OnBytes on_stdin;
    OnEnd on_stdin_end;
    OnNumber on_signal;
    OnSize on_window_size;
    std::optional<Program> program;
  };
  Functions TakeFunctions() {
    return {std::exchange(on_stdin, nullptr), std::exchange(on_stdin_end, nullptr),
            std::exchange(on_signal, nullptr), std::exchange(on_window_size, nullptr),
            std::exchange(program, std::nullopt)};
  }

  /// Whether a signal ends a program that does not handle it.
  static bool EndsByDefault(int number) {
    switch (number) {
      case SIGCHLD:
      case SIGCONT:
      case SIGURG:
      case SIGWINCH:
      case SIGSTOP:
      case SIGTSTP:
      case SIGTTIN:
      case SIGTTOU:
        return false;
      default:
        return number > 0 && number <= 64;
    }
  }

  // What it is.
  AgentString id;
  std::uint64_t stdio = 0;
  std::uint64_t stderr_seq = 0;
  bool is_init = false;
  std::weak_ptr<ModelContainer> container;  // none: beside the agent
  std::optional<Program> program;           // until it is over
  LaunchSpec launch;

  // How it stands.
  Phase phase = Phase::kAwaitsReply;
  bool removed = false;  // by removecontainer, while something still held its output
  bool told = false;     // the client has its `ack`
  bool killed_unstarted = false;
  int status = 0;
  WindowSize window;
  StdinGate input;
  std::deque<int> signals;  // not delivered yet

  // A program that is no real process.
  struct Output {
    std::uint64_t seq;
    std::string data;
  };
  std::deque<Output> output;
  std::optional<int> end;
  bool end_of_input_told = false;
  bool window_changed = false;
  OnBytes on_stdin;
  OnEnd on_stdin_end;
  OnNumber on_signal;
  OnSize on_window_size;

  // A real one.
  std::unique_ptr<LocalChild> child;

 private:
  template <typename Action>
  void Locked(const Action& action) const {
    const std::shared_ptr<ProcessHost> host = host_.lock();
    if (!host) return;
    {
      const std::unique_lock lock = host->Enter();
      if (HasEnded() || end) return;
      action();
    }
    host->Wake();
  }
  template <typename Function>
  void Replace(Function& mine, Function given) {
    // What is replaced is destroyed at the end of this function, under no lock.
    Locked([&] { std::swap(mine, given); });
  }

  const std::weak_ptr<ProcessHost> host_;
  const ProcessSpec spec_;
};

/// A container as the agent lists it.
struct ModelContainer {
  std::string id;
  FileSystem files;
  std::vector<std::pair<AgentString, AgentString>> envs;  // of its init
  std::shared_ptr<ModelProcess> init;  // none: it could not be started, and its id stays taken
  std::vector<std::shared_ptr<ModelProcess>> processes;  // all there ever were, init first
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_HPP_
