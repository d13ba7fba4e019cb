// All processes of a model as the agent lists them, and what its commands ask of them. Who serves
// them is in process_thread.hpp, which derives from this. Knows nothing of containers.
//
// Threads: everything under the mutex, but where it says otherwise. Lock order: this mutex before
// the server's.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_TABLE_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_TABLE_HPP_

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

class ProcessTable : public ProcessHost, public std::enable_shared_from_this<ProcessTable> {
 public:
  using Clock = std::chrono::steady_clock;
  using ProcessPtr = std::shared_ptr<ModelProcess>;

  explicit ProcessTable(std::unique_ptr<ModelledAgent> agent)
      : agent_(std::move(agent)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
  }

  /// On any thread, with the mutex or without.
  void Wake() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
  }

 protected:
  using Phase = ModelProcess::Phase;

  /// A process has ended, whatever still holds its pipes.
  virtual void OnExited(const ProcessPtr& process) = 0;
  /// It is over; it is no longer listed.
  virtual void OnOver(const ProcessPtr& process) = 0;
  /// Whether another process must be over before this one is.
  virtual bool MustWait(const ModelProcess& process) const = 0;
  /// A signal for a program that is no real process. The thread delivers it, which the caller
  /// wakes.
  virtual void SignalProgram(ModelProcess& process, int number) {
    if (!process.told && ModelProcess::EndsByDefault(number)) {
      process.killed_unstarted = true;  // [virtio-09f-startpod-second-fails]
    } else if (!process.HasEnded()) {
      process.signals.push_back(number);
    }
  }

  void Add(const ProcessPtr& process) { listed_.push_back(process); }
  const std::vector<ProcessPtr>& listed() const { return listed_; }
  ProcessPtr FindBySeq(std::uint64_t seq) const {
    for (const ProcessPtr& process : listed_) {
      if (process->stdio == seq) return process;
    }
    return nullptr;
  }

  /// Begins a command. Until EndAnswer the model serves no process and io packets wait, since the
  /// agent has one thread. Returns the answer's number. If the model's thread still sleeps because
  /// of the last command, this waits until it has run once: else a client that sends commands
  /// without a pause would starve the processes.
  std::uint64_t BeginAnswer(std::unique_lock<std::mutex>& lock) {
    EndAnswer(answer_);  // of the command before, if its reply still exists
    begins_ = true;
    goes_on_.wait(lock, [this] { return !held_up_; });
    begins_ = false;
    goes_on_.notify_all();
    answering_ = true;
    return ++answer_;
  }
  /// The client has the reply, or never will: what waited for that goes on.
  void EndAnswer(std::uint64_t number) {
    if (!answering_ || number != answer_) return;
    answering_ = false;
    // Only a thread that has work is woken: BeginAnswer waits for one that was woken.
    if (held_up_ || after_answer_ || !held_io_.empty()) Wake();
    const auto action = std::exchange(after_answer_, nullptr);
    if (action && !stopped_) action();  // it may have died of what came on io
    for (const ProcessPtr& process : listed_) {
      if (!std::exchange(process->told, true)) Wake();
    }
    const Clock::time_point now = Clock::now();  // what waited is found at once
    for (const IoPacket& packet : std::exchange(held_io_, {})) TakeIo(packet, now);
  }
  /// Ends the answer that it began when the reply that holds it, as ReplySpec::end, is destroyed:
  /// under no lock.
  class Answer {
   public:
    explicit Answer(std::shared_ptr<ProcessTable> table) : table_(std::move(table)) {}
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;
    ~Answer() {
      try {
        const std::unique_lock lock = table_->Enter();
        table_->EndAnswer(number_);
      } catch (...) {  // memory, most likely
      }
    }
    /// `lock` holds the mutex.
    void Begin(std::unique_lock<std::mutex>& lock) { number_ = table_->BeginAnswer(lock); }

   private:
    const std::shared_ptr<ProcessTable> table_;
    std::uint64_t number_ = 0;
  };
  bool answering() const { return answering_; }
  /// `action` follows the reply of the command that is worked on.
  void AfterAnswer(std::function<void()> action) { after_answer_ = std::move(action); }
  /// To the process alone, or to its group.
  void Signal(ModelProcess& process, int number, bool group) {
    if (process.child && group) {
      process.child->SignalGroup(number);
    } else if (process.child) {
      process.child->Signal(number);
    } else {
      SignalProgram(process, number);
    }
    Wake();
  }
  /// To it and all that came of it.
  void SignalAll(ModelProcess& process, int number) {
    if (process.child) {
      process.child->KillAll(number);
      Wake();
    } else {
      Signal(process, number, true);
    }
  }
  /// SIGTERM to all. The agent looks at what has ended only when all have been signalled; the time
  /// is how long that was seen to take. What has ended by then is told in `order`.
  /// [virtio-06w-destroy-running, virtio-09g-destroy-two]
  void TerminateAll(std::vector<ProcessPtr> order) {
    reap_not_before_ = Clock::now() + std::chrono::milliseconds(100);
    for (const ProcessPtr& process : listed_) SignalAll(*process, SIGTERM);
    step_order_ = std::move(order);
    Wake();
  }
  /// The virtual machine is gone: nothing runs, nothing more is said. `disconnect` has the clients
  /// of both channels leave once they have what was sent.
  void StopAll(bool disconnect) {
    stopped_ = true;
    for (const ProcessPtr& process : listed_) process->child.reset();
    disconnects_ = disconnects_ || disconnect;
    Wake();
  }
  /// The agent hangs: what runs goes on, but nobody hears of it.
  void Hang() { stopped_ = hangs_ = true; }
  bool stopped() const { return stopped_; }
  bool hangs() const { return hangs_; }

  /// What a client has sent on io, and when the agent finds it.
  virtual void TakeIo(const IoPacket& packet, Clock::time_point read_at) = 0;
  /// While a command is worked on. Nothing limits how much: a reply that is delayed for long costs
  /// the memory of what comes meanwhile.
  void HoldIo(const IoPacket& packet) { held_io_.push_back(packet); }

  const std::unique_ptr<ModelledAgent> agent_;
  const Descriptor wake_;
  bool stopped_ = false;  // the machine is off, or hangs
  bool hangs_ = false;
  bool disconnects_ = false;  // the thread has the channels to close
  Clock::time_point reap_not_before_;
  std::vector<ProcessPtr> listed_;  // in the order in which they were started
  std::vector<ProcessPtr> step_order_;
  bool answering_ = false;    // from BeginAnswer to EndAnswer
  std::uint64_t answer_ = 0;  // the number of the last one
  std::function<void()> after_answer_;
  std::vector<IoPacket> held_io_;
  bool held_up_ = false;  // the thread sleeps until the answer ends, and may have work then
  bool begins_ = false;   // BeginAnswer waits for the thread, or for the mutex after it
  std::condition_variable goes_on_;  // of held_up_ and begins_
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_PROCESS_TABLE_HPP_
