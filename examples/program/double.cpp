#include "double.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "builtin_programs.hpp"
#include "mock_hyperstart/detail/recording/model_comparison.hpp"
#include "mock_hyperstart/detail/reply_spec.hpp"

namespace program {

using hyperstart::DecodedMessage;
using hyperstart::Handler;
using hyperstart::Reply;

std::optional<Json> CommandRequests::Ask(const std::function<void(std::uint64_t)>& send) {
  std::unique_lock lock(mutex_);
  if (!open_) return std::nullopt;
  const std::uint64_t id = ++last_id_;
  answers_[id] = std::nullopt;
  lock.unlock();
  send(id);
  lock.lock();
  changed_.wait(lock, [&] { return answers_.count(id) == 0 || answers_[id]; });
  const auto found = answers_.find(id);
  if (found == answers_.end()) return std::nullopt;
  std::optional<Json> answer = std::move(found->second);
  answers_.erase(found);
  return answer;
}

bool CommandRequests::Answer(std::uint64_t id, Json answer) {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(id);
  if (found == answers_.end() || found->second) return false;
  found->second = std::move(answer);
  changed_.notify_all();
  return true;
}

void CommandRequests::Cancel() {
  const std::lock_guard lock(mutex_);
  CancelUnderLock();
}

void CommandRequests::Reopen() {
  const std::lock_guard lock(mutex_);
  open_ = !stopped_;
}

void CommandRequests::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  CancelUnderLock();
}

void CommandRequests::Start() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
  open_ = true;
}

void CommandRequests::CancelUnderLock() {
  open_ = false;
  answers_.clear();
  changed_.notify_all();
}

/// The handler of the model, or of a replay, comes after that of the RPC's client.
class Double::Agent final : public hyperstart::detail::ModelledServer {
 public:
  Agent(hyperstart::detail::Server& server, Double& owner)
      : ModelledServer(server), owner_(owner) {}
  void SetHandler(Handler handler) override { owner_.SetModelHandler(std::move(handler)); }
  Handler GetHandler() { return owner_.ModelHandler(); }
  hyperstart::IoHandler GetIoHandler() { return to_.GetIoHandler(); }
  hyperstart::ConnectionHandler GetConnectionHandler() { return to_.GetConnectionHandler(); }
  void SendRaw(hyperstart::Channel channel, std::string_view bytes) { to_.SendRaw(channel, bytes); }
  void SetConnectionHandler(hyperstart::ConnectionHandler handler) {
    to_.SetConnectionHandler(std::move(handler));
  }

 private:
  Double& owner_;
};

namespace {

hyperstart::Options OptionsOf(const Settings& settings) {
  hyperstart::Options options = settings.options;
  options.keep_all = !settings.bounded;
  return options;
}

/// At once: the conversation may go on for long after it.
void Warn(const std::string& error) { std::fprintf(stderr, "%s\n", error.c_str()); }

}  // namespace

Double::Double(const Settings& settings) : server_(OptionsOf(settings)) {
  OpenFiles(settings);
  if (!settings.forward.ctl.empty()) server_.ForwardTo(settings.forward);
  if (settings.compare) {
    server_.SetForwardObserver(std::make_shared<hyperstart::detail::ModelComparison>(
        settings.old_agent,
        [this](hyperstart::Violation violation) { server_.ReportViolation(std::move(violation)); },
        [this](hyperstart::Channel channel, std::string_view text) {
          server_.log().Words(hyperstart::EventKind::kFault, channel, text);
        }));
  }
  if (settings.model) AttachModel(settings);
  if (!settings.replay.empty()) {
    replayed_ = std::make_unique<Agent>(server_, *this);
    hyperstart::detail::ReplayRules rules = settings.replay_rules;
    rules.SetGreeted(options());
    hyperstart::detail::AttachReplay(*replayed_, settings.replay, rules);
  }
}

void Double::AttachModel(const Settings& settings) {
  model_ = std::make_unique<hyperstart::detail::AttachedCore>(
      std::make_unique<Agent>(server_, *this), settings.old_agent);
  (*model_)->ChangeSetup([&](hyperstart::detail::MachineSetup& setup) {
    if (settings.local_programs) {
      setup.SetAnyProgram(hyperstart::Program::Local());
    } else {
      AddBuiltinPrograms(setup);
    }
  });
}

Double::~Double() {  // NOLINT(bugprone-exception-escape): no own thread calls it
  requests_.Stop();
  server_.Stop();
  server_.log().SetSink(nullptr);
}

void Double::OpenFiles(const Settings& settings) {
  using hyperstart::detail::PcapngWriter;
  using hyperstart::detail::RecordingWriter;
  if (!settings.record.empty()) {
    const std::string name = settings.record.substr(settings.record.rfind('/') + 1);
    recording_ = std::make_unique<decltype(recording_)::element_type>(
        settings.record, RecordingWriter::Begin(name, options()), Warn);
    Subscribe(recording_.get());
  }
  if (!settings.pcapng.empty()) {
    capture_ = std::make_unique<decltype(capture_)::element_type>(settings.pcapng,
                                                                  PcapngWriter::Begin(), Warn);
    Subscribe(capture_.get());
  }
}

std::vector<std::string> Double::CompleteFiles() {
  std::vector<std::string> failures;
  const auto complete = [&](auto& file) {
    if (!file) return;
    const std::string error = file->Complete();
    if (!error.empty()) failures.push_back(error);
  };
  complete(recording_);
  complete(capture_);
  if (!failures.empty()) has_failed_ = true;
  return failures;
}

void Double::Start() {
  requests_.Start();
  server_.Start();
}

std::vector<std::string> Double::Stop() {
  requests_.Stop();
  server_.Stop();
  std::vector<std::string> failures;
  for (const hyperstart::detail::Verdict& verdict : server_.TakeVerdicts()) {
    failures.push_back(hyperstart::detail::DescribeVerdict(verdict));
  }
  if (!failures.empty()) has_failed_ = true;
  return failures;
}

void Double::SetCommandHandler(const void* owner, Handler handler) {
  const std::lock_guard lock(owner_mutex_);
  ReplaceCommandHandler(owner, std::move(handler));
}

void Double::ClearCommandHandler(const void* owner) {
  const std::lock_guard lock(owner_mutex_);
  if (handler_owner_ == owner) ReplaceCommandHandler(nullptr, nullptr);
}

void Double::ReplaceCommandHandler(const void* owner, Handler handler) {
  handler_owner_ = owner;
  {
    const std::lock_guard lock(handlers_mutex_);
    client_handler_ = std::move(handler);
  }
  requests_.Cancel();  // UpdateHandler waits for the handler that runs
  UpdateHandler();
  requests_.Reopen();
}

void Double::Hub::OnEvent(const hyperstart::Event& event) {
  const std::lock_guard lock(mutex);
  for (hyperstart::detail::EventSink* const sink : sinks) sink->OnEvent(event);
}

void Double::Subscribe(hyperstart::detail::EventSink* sink) {
  {
    const std::lock_guard lock(hub_.mutex);
    hub_.sinks.push_back(sink);
  }
  server_.log().SetSink(&hub_);
}

void Double::Unsubscribe(hyperstart::detail::EventSink* sink) {
  const std::lock_guard lock(hub_.mutex);
  hub_.sinks.erase(std::remove(hub_.sinks.begin(), hub_.sinks.end(), sink), hub_.sinks.end());
}

Handler Double::ModelHandler() {
  const std::lock_guard lock(handlers_mutex_);
  return model_handler_;
}

void Double::SetModelHandler(Handler handler) {
  {
    const std::lock_guard lock(handlers_mutex_);
    model_handler_ = std::move(handler);
  }
  UpdateHandler();
}

void Double::UpdateHandler() {
  Handler client;
  Handler model;
  {
    const std::lock_guard lock(handlers_mutex_);
    client = client_handler_;
    model = model_handler_;
  }
  if (!client || !model) {
    server_.SetHandler(client ? std::move(client) : std::move(model));
    return;
  }
  server_.SetHandler(
      [client = std::move(client), model = std::move(model)](const DecodedMessage& message) {
        Reply first = client(message);
        const auto& spec = hyperstart::detail::ReplyAccess::Spec(first);
        if (!spec.IsUnspecified()) return first;
        Reply reply = model(message);
        if (spec.delay) reply = reply.After(*spec.delay);
        if (spec.pieces) reply = reply.InPieces(spec.pieces->bytes, spec.pieces->gap);
        if (spec.truncated) reply = reply.Truncated(*spec.truncated);
        if (spec.length) reply = reply.WithLength(*spec.length);
        if (spec.disconnect) reply = reply.ThenDisconnect();
        return reply;
      });
}

}  // namespace program
