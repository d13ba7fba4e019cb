// JSON-RPC 2.0 with one client, one message a line. Answers come in the order in which the requests
// are done: each wait has a thread of its own. Waits take what they wait for in the order of their
// requests: the next line is read once a wait has its place among the others.

#ifndef RPC_HPP_
#define RPC_HPP_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "double.hpp"
#include "json_values.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "operations.hpp"
#include "output.hpp"

namespace program {

class RpcSession final : public Caller, private hyperstart::detail::EventSink {
 public:
  /// `output`: bytes that may wait for the client. Says that the double listens.
  RpcSession(Double& agent, int out_fd, std::size_t output_limit, bool owns_fd);
  RpcSession(const RpcSession&) = delete;
  RpcSession& operator=(const RpcSession&) = delete;
  /// Waits for the waits that run: stop the double before, or let them end.
  ~RpcSession();

  /// Reads requests until the end of `in_fd`, or until `quit_fd` becomes readable.
  void Serve(int in_fd, int quit_fd);
  /// After Serve: goes on until the waits have ended, or the client of the socket has left, or
  /// `quit_fd` becomes readable. A client that has only closed its sending direction still gets the
  /// results; the waits of one that has left end.
  void FinishWaits(int socket, int quit_fd);
  /// The client gets no events and is asked nothing any more.
  void Detach();

  void Subscribe() override;
  void HandleCommands(bool enabled) override;
  const std::atomic<bool>* has_left() const override { return &has_left_; }

 private:
  class WaitCaller;

  void OnEvent(const hyperstart::Event& event) override;
  void HandleLine(std::string_view line);
  void HandleRequest(const Json& request);
  void HandleAnswer(const Json& answer);
  void Run(const Operation& operation, Caller& caller, const Json& parameters, const Json& id,
           bool wants_answer);
  void RunOnThread(const Operation& operation, const Json& parameters, const Json& id,
                   bool wants_answer);
  void AnswerError(const Json& id, int code, const std::string& message);
  hyperstart::Reply Ask(const hyperstart::DecodedMessage& message);

  Double& agent_;
  Output output_;
  bool subscribed_ = false;
  std::atomic<bool> has_left_{false};
  const int wait_ended_fd_;  // readable once a wait has ended
  std::mutex mutex_;
  std::condition_variable wait_ended_;
  int waits_ = 0;  // threads that run
};

}  // namespace program

#endif  // RPC_HPP_
