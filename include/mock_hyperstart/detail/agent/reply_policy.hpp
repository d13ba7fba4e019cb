// Who answers a command: the plans, then the handler, then the default. Runs the user's handler,
// under no lock, on the ctl thread; everything else may be called from any thread, under traffic.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// The text of the exception being handled.
inline std::string CurrentExceptionText() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

class Playbook {
 public:
  explicit Playbook(const Options& options) : options_(options) {}

  ReplyPlan& On(Command command) {
    const std::lock_guard lock(mutex_);
    return plans_[command];
  }
  void SetDefaultReply(Reply reply) {
    const std::lock_guard lock(mutex_);
    default_ = std::move(reply);
  }
  /// Returns when no call of the old handler is running; at once where `from_handler` says that it
  /// is the caller.
  void SetHandler(Handler handler, bool from_handler) {
    std::shared_ptr<const Handler> next;
    if (handler) next = std::make_shared<const Handler>(std::move(handler));
    std::unique_lock lock(mutex_);
    handler_.swap(next);
    const std::uint64_t call = calls_;
    if (!from_handler) idle_.wait(lock, [&] { return !running_ || calls_ != call; });
    lock.unlock();  // the old one is destroyed here, which is the user's code
  }
  /// One command's answer: complete, or still to be asked of the handler.
  struct Turn {
    Reply reply;
    bool ask = false;
    Reply below;  // the handler
  };

  /// Throws std::logic_error for a plan that can't be: WithLength over a reply without a header.
  Turn Next(Command command) {
    const std::lock_guard lock(mutex_);
    const auto plan = plans_.find(command);
    Reply reply = plan == plans_.end() ? Reply() : plan->second.Next();
    if (reply.IsWhateverElse() && handler_) return {std::move(reply), true, Default(command)};
    return {std::move(reply).Over(Default(command)), false, {}};
  }

  /// Asks the handler, if there still is one, and completes the turn's reply. Throws what the
  /// handler throws.
  void Ask(Turn& turn, const DecodedMessage& message) {
    std::shared_ptr<const Handler> handler;
    {
      const std::lock_guard lock(mutex_);
      handler = handler_;
      running_ = handler != nullptr;
    }
    // Whether it returns or throws, the call is over, and its hold on the handler before that.
    struct Over {
      Playbook& playbook;
      std::shared_ptr<const Handler>& handler;
      ~Over() {
        handler.reset();
        {
          const std::lock_guard lock(playbook.mutex_);
          playbook.running_ = false;
          ++playbook.calls_;
        }
        playbook.idle_.notify_all();
      }
    } const over{*this, handler};
    Reply answer = handler ? (*handler)(message) : Reply();
    turn.reply = std::move(turn.reply).Over(std::move(answer)).Over(std::move(turn.below));
  }

  struct Unused {
    Command command;
    ReplyPlan::Place place;
  };
  std::vector<Unused> TakeUnused() {
    const std::lock_guard lock(mutex_);
    std::vector<Unused> unused;
    for (auto& [command, plan] : plans_) {
      for (const ReplyPlan::Place& place : plan.TakeUnused()) unused.push_back({command, place});
    }
    return unused;
  }

 private:
  /// What answers a command that neither its plan nor the handler does. Under the lock.
  Reply Default(Command command) const {
    Reply ack = Reply::Ack(command == Command::kVersion ? BigEndian32(options_.api_version)
                                                        : std::string());
    if (!default_) return ack;
    return Reply(*default_).Over(std::move(ack));
  }

  const Options& options_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::map<Command, ReplyPlan> plans_;
  std::shared_ptr<const Handler> handler_;
  bool running_ = false;     // a call of a handler is
  std::uint64_t calls_ = 0;  // that have ended
  std::optional<Reply> default_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_REPLY_POLICY_HPP_
