#include "rpc.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/json/payload.hpp"
#include "replies.hpp"

namespace program {
namespace {

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kFailed = -32000;
constexpr int kWaitFailed = -32001;

constexpr std::size_t kLongestLine = std::size_t{256} << 20;
constexpr int kMostWaits = 1000;

}  // namespace

/// The caller of one wait.
class RpcSession::WaitCaller final : public Caller {
 public:
  explicit WaitCaller(RpcSession& session) : session_(session) {}
  WaitCaller(const WaitCaller&) = delete;
  WaitCaller& operator=(const WaitCaller&) = delete;

  void Subscribe() override { session_.Subscribe(); }
  void HandleCommands(bool enabled) override { session_.HandleCommands(enabled); }
  const std::atomic<bool>* has_left() const override { return session_.has_left(); }
  const std::function<void()>* wait_begun() const override { return &set_begun_; }

  std::future<void> begun() { return begun_.get_future(); }
  /// The wait has begun, or ended.
  void SetBegun() {
    if (!std::exchange(is_begun_, true)) begun_.set_value();
  }

 private:
  RpcSession& session_;
  bool is_begun_ = false;
  std::promise<void> begun_;
  const std::function<void()> set_begun_ = [this] { SetBegun(); };
};

RpcSession::RpcSession(Double& agent, int out_fd, std::size_t output_limit, bool owns_fd)
    : agent_(agent),
      output_(out_fd, output_limit, owns_fd),
      wait_ended_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const hyperstart::SocketPaths& paths = agent.server().paths();
  output_.Write(Dump({{"jsonrpc", "2.0"},
                      {"method", "listening"},
                      {"params",
                       {{"name", "mock-hyperstart"},
                        {"version", MOCK_HYPERSTART_VERSION},
                        {"protocol", 1},
                        {"ctl", paths.ctl},
                        {"io", paths.io}}}}));
}

RpcSession::~RpcSession() {
  Detach();
  std::unique_lock lock(mutex_);
  wait_ended_.wait(lock, [&] { return waits_ == 0; });
  ::close(wait_ended_fd_);
}

void RpcSession::Detach() {
  if (subscribed_) agent_.Unsubscribe(this);
  subscribed_ = false;
  agent_.ClearCommandHandler(this);
}

void RpcSession::Serve(int in_fd, int quit_fd) {
  std::string line;
  bool too_long = false;
  std::array<char, 65536> buffer{};
  for (;;) {
    std::array<pollfd, 2> pollers{{{in_fd, POLLIN, 0}, {quit_fd, POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) return;
    if (pollers[1].revents != 0) return;
    if (pollers[0].revents == 0) continue;
    const ssize_t count = ::read(in_fd, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) break;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos;) {
      line += bytes.substr(0, end);
      if (!too_long) HandleLine(line);
      line.clear();
      too_long = false;
      bytes.remove_prefix(end + 1);
    }
    if (!too_long) line += bytes;
    if (line.size() > kLongestLine) {
      AnswerError(nullptr, kParseError, "a line has at most 256 MiB");
      line.clear();
      too_long = true;
    }
  }
  if (!line.empty()) HandleLine(line);
}

void RpcSession::FinishWaits(int socket, int quit_fd) {
  agent_.ClearCommandHandler(this);  // nobody can answer
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (waits_ == 0) return;
    }
    // Without POLLIN, `socket` becomes ready once its client can neither send nor receive.
    std::array<pollfd, 3> pollers{
        {{socket, 0, 0}, {quit_fd, POLLIN, 0}, {wait_ended_fd_, POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) return;
    if (pollers[1].revents != 0) return;
    if (pollers[0].revents != 0) {
      has_left_ = true;
      agent_.server().records().EndCancelledWaits();
      return;
    }
    std::uint64_t count = 0;
    static_cast<void>(!::read(wait_ended_fd_, &count, sizeof(count)));
  }
}

void RpcSession::HandleLine(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.find_first_not_of(" \t") == std::string_view::npos) return;
  Json message(Json::value_t::discarded);
  if (hyperstart::detail::FirstValue(line) && line.find('\0') == std::string_view::npos) {
    message = Json::parse(line.begin(), line.end(), nullptr, false);
  }
  if (message.is_discarded()) {
    AnswerError(nullptr, kParseError,
                "the line is no JSON: give one JSON-RPC message in UTF-8 a line");
    return;
  }
  if (message.is_object() && !message.contains("method") &&
      (message.contains("result") || message.contains("error"))) {
    HandleAnswer(message);
    return;
  }
  HandleRequest(message);
}

void RpcSession::HandleRequest(const Json& request) {
  Json id;
  if (!request.is_object()) {
    AnswerError(id, kInvalidRequest, "a request is an object; batches are not taken");
    return;
  }
  const bool wants_answer = request.contains("id");
  if (wants_answer) id = request["id"];
  if (!id.is_null() && !id.is_string() && !id.is_number()) {
    AnswerError(nullptr, kInvalidRequest, "id is a string or a number");
    return;
  }
  if (request.value("jsonrpc", Json("2.0")) != "2.0") {
    AnswerError(id, kInvalidRequest, "jsonrpc is \"2.0\"");
    return;
  }
  if (!request.contains("method") || !request["method"].is_string()) {
    AnswerError(id, kInvalidRequest, "method is a string");
    return;
  }
  const Operation* const operation = FindOperation(request["method"].get_ref<const std::string&>());
  if (operation == nullptr) {
    if (wants_answer) {
      AnswerError(id, kMethodNotFound, "there is no method " + Dump(request["method"]));
    }
    return;
  }
  Json parameters = request.value("params", Json::object());
  if (parameters.is_null() || (parameters.is_array() && parameters.empty())) {
    parameters = Json::object();
  }
  if (!parameters.is_object()) {
    if (wants_answer) AnswerError(id, kInvalidParams, "params is an object: parameters by name");
    return;
  }
  RemoveNulls(*operation, parameters);
  if (operation->waits) {
    RunOnThread(*operation, parameters, id, wants_answer);
  } else {
    Run(*operation, *this, parameters, id, wants_answer);
  }
}

void RpcSession::Run(const Operation& operation, Caller& caller, const Json& parameters,
                     const Json& id, bool wants_answer) {
  const auto fail = [&](int code, const char* text) {
    if (wants_answer) AnswerError(id, code, text);
  };
  try {
    CheckParameters(operation, parameters);
    Json result = operation.run(agent_, caller, parameters);
    if (!wants_answer) return;
    output_.Write(Dump({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}}));
  } catch (const WaitFailed& error) {
    fail(kWaitFailed, error.what());
  } catch (const std::invalid_argument& error) {
    fail(kInvalidParams, error.what());
  } catch (const std::length_error& error) {
    fail(kInvalidParams, error.what());
  } catch (const std::exception& error) {
    fail(kFailed, error.what());
  }
}

void RpcSession::RunOnThread(const Operation& operation, const Json& parameters, const Json& id,
                             bool wants_answer) {
  {
    const std::lock_guard lock(mutex_);
    if (waits_ == kMostWaits) {
      if (wants_answer) AnswerError(id, kFailed, "too many waits at once: at most 1000");
      return;
    }
    ++waits_;
  }
  const auto ended = [this] {
    const std::lock_guard lock(mutex_);
    --waits_;
    wait_ended_.notify_all();
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wait_ended_fd_, &one, sizeof(one)));
  };
  const auto caller = std::make_shared<WaitCaller>(*this);
  const std::future<void> begun = caller->begun();
  try {
    std::thread([=, &operation] {
      Run(operation, *caller, parameters, id, wants_answer);
      caller->SetBegun();
      ended();
    }).detach();
    begun.wait();
  } catch (const std::system_error& error) {
    if (wants_answer) AnswerError(id, kFailed, error.what());
    ended();
  }
}

void RpcSession::AnswerError(const Json& id, int code, const std::string& message) {
  output_.Write(
      Dump({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}}));
}

void RpcSession::Subscribe() {
  if (!subscribed_) agent_.Subscribe(this);
  subscribed_ = true;
}

void RpcSession::OnEvent(const hyperstart::Event& event) {
  output_.Write(Dump({{"jsonrpc", "2.0"}, {"method", "event"}, {"params", ToJson(event)}}));
}

void RpcSession::HandleCommands(bool enabled) {
  if (enabled) {
    agent_.SetCommandHandler(
        this, [this](const hyperstart::DecodedMessage& message) { return Ask(message); });
  } else {
    agent_.ClearCommandHandler(this);
  }
}

hyperstart::Reply RpcSession::Ask(const hyperstart::DecodedMessage& message) {
  const hyperstart::Dialect dialect = agent_.options().dialect;
  const std::optional<Json> answer = agent_.requests().Ask([&](std::uint64_t id) {
    output_.Write(Dump({{"jsonrpc", "2.0"},
                        {"id", id},
                        {"method", "command"},
                        {"params", ToJson(message, dialect)}}));
  });
  if (!answer) return {};
  if (answer->contains("error")) {
    throw std::runtime_error("the client could not answer the command: " +
                             Dump((*answer)["error"].value("message", Json())));
  }
  const Json& reply = (*answer)["result"];
  return reply.is_null() ? hyperstart::Reply() : ToReply(reply, dialect);
}

void RpcSession::HandleAnswer(const Json& answer) {
  const Json id = answer.value("id", Json());
  if (const std::optional<std::uint64_t> number = WholeNumber(id)) {
    Json checked = answer;
    if (checked.contains("error") && !checked["error"].is_object()) {
      checked["error"] = Json{{"message", checked["error"]}};
    }
    if (agent_.requests().Answer(*number, std::move(checked))) return;
  }
  AnswerError(id, kInvalidRequest,
              "an answer to no request: its id is that of a request `command`");
}

}  // namespace program
