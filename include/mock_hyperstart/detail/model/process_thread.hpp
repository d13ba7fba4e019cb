// The thread that serves the processes of a model: it starts them, hands on their stdin, stdout,
// signals and ends, and calls the programs' functions, one after the other, under no lock.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_THREAD_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_THREAD_HPP_

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/child.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/model/process_table.hpp"
#include "mock_hyperstart/detail/model/real_io.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/program.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class ProcessThread : public ProcessTable {
 public:
  using ProcessTable::ProcessTable;

  /// Starts the thread, which takes no signals. Under no lock.
  void RunThread() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    // Inherited by the thread, which therefore is not killed by writing to a closed pipe.
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (...) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  /// Where RunThread was never called: does on the caller's thread what the other would do now, and
  /// returns when there is nothing more to do. Waits for no real process. Under no lock.
  void RunToRest() {
    std::vector<ModelProcess::Functions> functions;  // destroyed after the lock
    std::unique_lock lock = Enter();
    while (Step(lock)) LetOthersIn(lock);
    functions.swap(functions_);
  }
  /// Kills and reaps every process, and joins the thread. Under no lock.
  void Shutdown() {
    {
      const std::unique_lock lock = Enter();
      closing_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
    std::vector<ModelProcess::Functions> functions;
    const std::unique_lock lock = Enter();
    for (const ProcessPtr& process : listed_) {
      process->child.reset();
      process->phase = ModelProcess::Phase::kOver;
      functions.push_back(process->TakeFunctions());
    }
    listed_.clear();
    step_order_.clear();
    held_io_.clear();
    after_answer_ = nullptr;
    answering_ = false;
  }

 private:
  static constexpr std::size_t kAgentBuffer = 10240;  // of the agent, for all output [from source]
  static constexpr std::size_t kMostFromPipe = kAgentBuffer - kIoHeaderSize;
  static constexpr std::size_t kMostFromTerminal = 4095;
  /// For what can't wake the thread: a client that reads again, a process without an exit event.
  static constexpr std::chrono::milliseconds kLook{5};

  void Run() {
    std::unique_lock lock(mutex_);
    while (!closing_) {
      if (!answering_ && std::exchange(held_up_, false)) goes_on_.notify_all();
      if (Step(lock)) {
        LetOthersIn(lock);
        goes_on_.wait(lock, [this] { return held_up_ || !begins_; });
        continue;
      }
      held_up_ = answering_;
      std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}};
      const int timeout = CollectEvents(fds);
      std::vector<ModelProcess::Functions> functions = std::exchange(functions_, {});
      lock.unlock();
      functions.clear();
      WaitForEvents(std::move(fds), timeout);
      lock.lock();
    }
    held_up_ = false;
    goes_on_.notify_all();
  }
  /// Under no lock.
  void WaitForEvents(std::vector<pollfd> fds, int timeout) const {
    ::poll(fds.data(), fds.size(), timeout);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
  }

  /// Does what there is to do; false if nothing was.
  bool Step(std::unique_lock<std::mutex>& lock) {
    if (disconnects_) {
      CloseChannels(lock);
      return true;
    }
    bool worked = false;
    const bool reaps = MayReap();  // of all that is looked at now, or of nothing
    const std::vector<ProcessPtr> processes = InStepOrder();
    for (const ProcessPtr& process : processes) {
      if (stopped_ || answering_ || closing_) break;
      worked = StepOne(process, reaps, lock) || worked;
    }
    return worked;
  }

  /// Those with a place in the order first.
  std::vector<ProcessPtr> InStepOrder() const {
    std::vector<ProcessPtr> processes = step_order_;
    for (const ProcessPtr& process : listed_) {
      const auto known = std::find(step_order_.begin(), step_order_.end(), process);
      if (known == step_order_.end()) processes.push_back(process);
    }
    return processes;
  }

  /// As the agent: it flushes both channels before it powers off. [virtio-06w-destroy-running]
  void CloseChannels(std::unique_lock<std::mutex>& lock) {
    constexpr std::chrono::milliseconds kLongestFlush{1000};
    disconnects_ = false;
    const Clock::time_point deadline = Clock::now() + kLongestFlush;
    lock.unlock();
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      agent_->StopListening(channel);
      agent_->ShutdownSend(channel);
    }
    bool closing = false;
    while (!closing && Clock::now() < deadline &&
           agent_->UnsentBytes(Channel::kCtl) + agent_->UnsentBytes(Channel::kIo) > 0) {
      WaitForEvents({{wake_.get(), POLLIN, 0}}, static_cast<int>(kLook.count()));
      lock.lock();
      closing = closing_;
      lock.unlock();
    }
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) agent_->Disconnect(channel);
    lock.lock();
  }

  bool StepOne(const ProcessPtr& process, bool reaps, std::unique_lock<std::mutex>& lock) {
    if (process->phase == Phase::kOver) return false;
    if (process->phase == Phase::kAwaitsReply) {
      Start(process, lock);
      return true;
    }
    return process->child ? StepReal(process, reaps) : StepProgram(process, lock);
  }

  void Start(const ProcessPtr& process, std::unique_lock<std::mutex>& lock) {
    process->phase = Phase::kRunning;
    if (process->killed_unstarted) {
      process->end = 0;
      return;
    }
    if (!process->program->local()) {
      Process& handle = handles_.emplace_back(process);
      Call(lock, [&] { process->program->Start(handle); });
      return;
    }
    try {
      process->child = std::make_unique<LocalChild>(process->launch);
      process->child->Resize(process->window);
      for (const int number : std::exchange(process->signals, {})) process->child->Signal(number);
    } catch (const std::exception& error) {
      agent_->Note(Channel::kCtl,
                   std::string("AgentModel: a local process can't be started: ") + error.what());
      process->end = 125;
    }
  }

  /// Calls a program's function under no lock. What it throws, Stop() reports.
  template <typename Function>
  void Call(std::unique_lock<std::mutex>& lock, const Function& function) {
    lock.unlock();
    std::string thrown;
    try {
      function();
    } catch (const std::exception& error) {
      thrown = error.what();
    } catch (...) {
      thrown = "something that is no std::exception";
    }
    if (!thrown.empty()) {
      agent_->ReportViolation(
          {Channel::kIo, "a function of a Program::Custom threw: " + thrown, {}, false});
    }
    lock.lock();
  }

  // ---- a program that is no real process

  bool StepProgram(const ProcessPtr& process, std::unique_lock<std::mutex>& lock) {
    if (SendOutput(*process)) return true;
    if (process->end && process->phase == Phase::kRunning) {
      if (MustWait(*process)) return false;
      process->status = *process->end;
      process->phase = Phase::kExited;
      OnExited(process);
    }
    if (process->phase == Phase::kExited) {
      // It is not over before its output is sent, which waits for a client that does not read.
      if (!process->output.empty() || MustWait(*process)) return false;
      Finish(process);
      return true;
    }
    if (!process->signals.empty()) {
      DeliverSignal(process, lock);
      return true;
    }
    if (process->window_changed) {
      process->window_changed = false;
      if (const auto function = process->on_window_size) {
        const WindowSize size = process->window;
        Call(lock, [&] { function(size); });
      }
      return true;
    }
    process->input.SetBlocked(!process->on_stdin);
    if (process->on_stdin && !process->input.pending().empty()) {
      const auto function = process->on_stdin;
      const std::string data = process->input.TakePending();
      Call(lock, [&] { function(data); });
      return true;
    }
    if (process->on_stdin_end && !process->end_of_input_told && process->input.AtEnd()) {
      process->end_of_input_told = true;
      const auto function = process->on_stdin_end;
      Call(lock, [&] { function(); });
      return true;
    }
    return false;
  }
  void DeliverSignal(const ProcessPtr& process, std::unique_lock<std::mutex>& lock) {
    const int number = process->signals.front();
    process->signals.pop_front();
    const auto function = process->on_signal;
    if (function && number > 0 && number <= 64 && number != SIGKILL && number != SIGSTOP) {
      Call(lock, [&] { function(number); });
    } else if (ModelProcess::EndsByDefault(number)) {
      process->end = 0;
    }
  }
  /// In frames of at most 10,228 bytes from a pipe, 4,095 from a terminal. [from source]
  bool SendOutput(ModelProcess& process) {
    bool sent = false;
    while (!process.output.empty() && HasRoom()) {
      ModelProcess::Output& output = process.output.front();
      const bool pipe = !process.spec().terminal || output.seq != process.stdio;
      const std::size_t size =
          std::min(output.data.size(), pipe ? kMostFromPipe : kMostFromTerminal);
      agent_->SendIo(output.seq, std::string_view(output.data).substr(0, size));
      output.data.erase(0, size);
      if (output.data.empty()) process.output.pop_front();
      sent = true;
    }
    return sent;
  }
  /// A client that does not read holds up all streams and their events together.
  bool HasRoom() const { return agent_->UnsentBytes(Channel::kIo) < kAgentBuffer; }

  // ---- a real process

  bool StepReal(const ProcessPtr& process, bool reaps) {
    LocalChild& child = *process->child;
    bool worked = WriteInput(*process);
    if (HasRoom()) {
      const auto send_to = [&](std::uint64_t seq) {
        return [this, seq](std::string_view data) { agent_->SendIo(seq, data); };
      };
      worked = ReadOutput<kMostFromPipe>(*process, child.out(), send_to(process->stdio)) || worked;
      worked =
          ReadOutput<kMostFromPipe>(*process, child.err(), send_to(process->stderr_seq)) || worked;
    }
    if (process->phase == Phase::kRunning && reaps) {
      if (const std::optional<int> status = child.Reap()) {
        process->status = *status;
        process->phase = Phase::kExited;
        OnExited(process);
        worked = true;
      }
    }
    if (process->phase == Phase::kExited && !child.in() && !child.out() && !child.err() &&
        !MustWait(*process)) {
      Finish(process);
      worked = true;
    }
    return worked;
  }
  bool MayReap() const {
    if (Clock::now() >= reap_not_before_) return true;
    return std::all_of(listed_.begin(), listed_.end(), [](const ProcessPtr& process) {
      if (!process->child) return true;
      LocalChild& child = *process->child;
      return !child.out() && !child.err() && child.HasExited();
    });
  }
  void Finish(const ProcessPtr& process) {
    process->phase = Phase::kOver;
    process->child.reset();
    functions_.push_back(process->TakeFunctions());
    listed_.erase(std::remove(listed_.begin(), listed_.end(), process), listed_.end());
    OnOver(process);
  }

  /// What to wait for, and how long in milliseconds; -1 is for ever.
  int CollectEvents(std::vector<pollfd>& fds) const {
    if (stopped_ || answering_) return -1;
    int timeout = -1;
    const auto look_again = [&] { timeout = static_cast<int>(kLook.count()); };
    const bool room = HasRoom();
    if (!room) look_again();
    const bool may_reap = MayReap();
    for (const ProcessPtr& process : listed_) {
      if (process->child && AppendEvents(*process, room, may_reap, fds)) look_again();
    }
    return timeout;
  }

  std::thread thread_;
  bool closing_ = false;
  std::vector<ModelProcess::Functions> functions_;  // to destroy under no lock
  std::deque<Process> handles_;  // what programs were given, for them to refer to
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_THREAD_HPP_
