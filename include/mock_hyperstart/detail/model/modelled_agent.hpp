// What the model asks of the double that it is the agent of: a MockHyperstart, or a server without
// a test framework.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_MODELLED_AGENT_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_MODELLED_AGENT_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// Every member may be called from any thread.
class ModelledAgent {
 public:
  ModelledAgent() = default;
  ModelledAgent(const ModelledAgent&) = delete;
  ModelledAgent& operator=(const ModelledAgent&) = delete;
  virtual ~ModelledAgent() = default;

  /// As the double was made with; they never change.
  virtual const Options& options() const = 0;

  virtual void SendMessage(Command command, std::string_view payload) = 0;
  virtual void SendIo(std::uint64_t seq, std::string_view data) = 0;
  /// In the io handler: when its packet was read.
  virtual std::chrono::steady_clock::time_point IoReadTime() const = 0;
  virtual std::size_t UnsentBytes(Channel channel) const = 0;

  virtual void ReportViolation(Violation violation) = 0;
  virtual void Note(Channel channel, std::string_view text) = 0;

  virtual void StopListening(Channel channel) = 0;
  virtual void ShutdownSend(Channel channel) = 0;
  virtual void Disconnect(Channel channel) = 0;

  // Each of these returns when no call of the old handler is running.
  virtual void SetHandler(Handler handler) = 0;
  virtual void SetIoHandler(IoHandler handler) = 0;
  virtual void SetFatalInputHandler(FatalInputHandler handler) = 0;
  virtual void HoldNexts(bool hold) = 0;
};

/// Has no connections: of what the model asks of it, only what it says is left to the derived
/// class.
class DetachedAgent : public ModelledAgent {
 public:
  const Options& options() const override { return options_; }
  std::chrono::steady_clock::time_point IoReadTime() const override { return {}; }
  std::size_t UnsentBytes(Channel) const override { return 0; }
  void StopListening(Channel) override {}
  void ShutdownSend(Channel) override {}
  void Disconnect(Channel) override {}
  void SetHandler(Handler) override {}
  void SetIoHandler(IoHandler) override {}
  void SetFatalInputHandler(FatalInputHandler) override {}
  void HoldNexts(bool) override {}

 private:
  const Options options_{};
};

/// What MockHyperstart and Server name alike.
template <typename Double>
class ModelledAgentOf : public ModelledAgent {
 public:
  explicit ModelledAgentOf(Double& to) : to_(to) {}

  void SendMessage(Command command, std::string_view payload) override {
    to_.SendMessage(command, payload);
  }
  void SendIo(std::uint64_t seq, std::string_view data) override { to_.SendIo(seq, data); }
  std::chrono::steady_clock::time_point IoReadTime() const override { return to_.IoReadTime(); }
  void ReportViolation(Violation violation) override { to_.ReportViolation(std::move(violation)); }
  void SetHandler(Handler handler) override { to_.SetHandler(std::move(handler)); }
  void SetIoHandler(IoHandler handler) override { to_.SetIoHandler(std::move(handler)); }
  void SetFatalInputHandler(FatalInputHandler handler) override {
    to_.SetFatalInputHandler(std::move(handler));
  }
  void HoldNexts(bool hold) override { to_.HoldNexts(hold); }

 protected:
  Double& to_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_MODELLED_AGENT_HPP_
