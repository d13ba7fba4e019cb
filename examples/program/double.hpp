// The double that the program runs: a server, with or without the model of the agent, and who
// answers the commands that no plan answers. Every member may be called from any thread.

#ifndef DOUBLE_HPP_
#define DOUBLE_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "json_values.hpp"
#include "mock_hyperstart/detail/agent/server.hpp"
#include "mock_hyperstart/detail/model/server_model.hpp"
#include "mock_hyperstart/detail/recording/attached_replay.hpp"
#include "mock_hyperstart/detail/recording/event_file.hpp"
#include "mock_hyperstart/detail/recording/pcapng.hpp"
#include "mock_hyperstart/detail/recording/recording_writer.hpp"
#include "mock_hyperstart/detail/recording/replayer.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace program {

struct Settings {
  hyperstart::Options options;
  bool model = false;
  bool old_agent = false;           // hyperstart 0.7.0
  bool local_programs = false;      // else a few built in
  hyperstart::SocketPaths forward;  // to the agent there; empty: to none
  bool compare = false;             // that agent with the model
  std::string record;               // files; empty: none
  std::string pcapng;
  std::string replay;
  hyperstart::detail::ReplayRules replay_rules;
  bool bounded = false;  // no keep_all
};

/// Commands that a client of the RPC is asked about, until it answers.
class CommandRequests {
 public:
  /// Calls `send` with a fresh id, and returns the client's answer; null once Cancel was called.
  std::optional<Json> Ask(const std::function<void(std::uint64_t)>& send);
  /// False if nobody asked with that id.
  bool Answer(std::uint64_t id, Json answer);
  /// Ends all questions, and those to come until Reopen.
  void Cancel();
  /// Does nothing between Stop and Start.
  void Reopen();
  /// Ends all questions, and those to come until Start.
  void Stop();
  void Start();

 private:
  void CancelUnderLock();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  bool stopped_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::optional<Json>> answers_;
};

class Double {
 public:
  explicit Double(const Settings& settings);
  Double(const Double&) = delete;
  Double& operator=(const Double&) = delete;
  ~Double();  // NOLINT(bugprone-exception-escape): see there

  hyperstart::detail::Server& server() { return server_; }
  const hyperstart::Options& options() const { return server_.options(); }
  CommandRequests& requests() { return requests_; }

  void Start();
  /// Returns what a test would fail for.
  std::vector<std::string> Stop();
  /// Completes the files of --record and --pcapng. Returns what has gone wrong with them.
  std::vector<std::string> CompleteFiles();
  /// Some Stop, or CompleteFiles, has returned something.
  bool has_failed() const { return has_failed_; }

  /// `handler` is asked about each command that no plan answers, before the model, in place of the
  /// handler of any other owner.
  void SetCommandHandler(const void* owner, hyperstart::Handler handler);
  /// Removes the handler if it is that of `owner`. Then no handler of `owner` runs any more.
  void ClearCommandHandler(const void* owner);

  /// From Subscribe to the return of Unsubscribe, `sink` gets each event.
  void Subscribe(hyperstart::detail::EventSink* sink);
  void Unsubscribe(hyperstart::detail::EventSink* sink);

  /// The place of the next plan of a client: there is no source line to name.
  int NextPlanNumber() { return ++plans_; }

 private:
  class Agent;
  /// Several sinks where the log takes one.
  struct Hub final : hyperstart::detail::EventSink {
    void OnEvent(const hyperstart::Event& event) override;
    std::mutex mutex;
    std::vector<hyperstart::detail::EventSink*> sinks;
  };

  void OpenFiles(const Settings& settings);
  void AttachModel(const Settings& settings);
  hyperstart::Handler ModelHandler();
  void SetModelHandler(hyperstart::Handler handler);
  void UpdateHandler();
  void ReplaceCommandHandler(const void* owner, hyperstart::Handler handler);

  hyperstart::detail::Server server_;
  CommandRequests requests_;
  std::unique_ptr<hyperstart::detail::EventFile<hyperstart::detail::RecordingWriter>> recording_;
  std::unique_ptr<hyperstart::detail::EventFile<hyperstart::detail::PcapngWriter>> capture_;
  Hub hub_;
  std::mutex owner_mutex_;  // held until a replaced handler has ended
  const void* handler_owner_ = nullptr;
  std::mutex handlers_mutex_;
  hyperstart::Handler client_handler_;
  hyperstart::Handler model_handler_;
  std::atomic<bool> has_failed_{false};
  std::atomic<int> plans_{0};
  std::unique_ptr<Agent> replayed_;
  std::unique_ptr<hyperstart::detail::AttachedCore> model_;  // destroyed before the server
};

}  // namespace program

#endif  // DOUBLE_HPP_
