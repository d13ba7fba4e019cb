// The vocabulary of the model's tests: a client that speaks to an agent as a runtime does, and the
// payloads that it sends.

#ifndef MOCK_HYPERSTART_TESTS_MODEL_MODEL_CLIENT_HPP_
#define MOCK_HYPERSTART_TESTS_MODEL_MODEL_CLIENT_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mock_hyperstart.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart {

using Json = nlohmann::ordered_json;

/// A process as a payload has it. With a terminal it has no stderr seq.
inline Json ProcessJson(const std::string& id, std::uint64_t stdio,
                        const std::vector<std::string>& args, bool terminal = false) {
  Json process = {{"id", id}, {"terminal", terminal}, {"stdio", stdio}};
  if (!terminal) process["stderr"] = stdio + 1;
  process["args"] = args;
  process["envs"] = Json::array();
  process["workdir"] = "/";
  return process;
}
inline Json ContainerJson(const std::string& id, Json process) {
  return {{"id", id}, {"rootfs", "rootfs"}, {"image", "img"}, {"process", std::move(process)}};
}
inline Json ExecJson(const std::string& container, Json process) {
  return {{"container", container}, {"process", std::move(process)}};
}
inline Json SignalJson(const std::string& container, const std::string& process, int signal) {
  return {{"container", container}, {"process", process}, {"signal", signal}};
}
inline Json KillJson(const std::string& container, int signal) {
  return {{"container", container}, {"signal", signal}};
}
inline Json SizeJson(const std::string& container, const std::string& process, int row,
                     int column) {
  return {{"container", container}, {"process", process}, {"row", row}, {"column", column}};
}
inline const Json kPodJson = {{"hostname", "h"}, {"shareDir", "share_dir"}};

/// The end of a process as the agent tells it.
struct Ended {
  std::string container;
  std::string process;
  int status = 0;
};
inline bool operator==(const Ended& a, const Ended& b) {
  return a.container == b.container && a.process == b.process && a.status == b.status;
}
inline void PrintTo(const Ended& ended, std::ostream* out) {
  *out << ended.process << " of " << ended.container << " with " << ended.status;
}

/// What a command was answered with.
struct Answered {
  Command command{};
  std::string payload;
};
inline bool operator==(const Answered& a, const Answered& b) {
  return a.command == b.command && a.payload == b.payload;
}
inline void PrintTo(const Answered& answered, std::ostream* out) {
  *out << CommandName(answered.command) << " \"" << answered.payload << '"';
}
inline Answered Ack(std::string payload = {}) { return {Command::kAck, std::move(payload)}; }
inline Answered Error(std::string payload = {}) { return {Command::kError, std::move(payload)}; }

class ModelClient {
 public:
  explicit ModelClient(const SocketPaths& paths)
      : ctl_(RawClient::Ctl(paths.ctl)), io_(RawClient::Io(paths.io)) {}

  // ---- ctl

  void Send(Command command, const std::string& payload = {}) {
    ctl_.Write(wire::Ctl(static_cast<std::uint32_t>(command), payload));
  }
  template <typename Payload>
  std::enable_if_t<std::is_same_v<Payload, Json>> Send(Command command, const Payload& payload) {
    Send(command, std::string(payload.dump()));
  }
  /// The next reply; the ends of processes that come before it are kept.
  Answered ReadReply() {
    for (;;) {
      wire::Frame frame = ReadFrame();
      const auto command = static_cast<Command>(frame.key);
      if (command == Command::kProcessAsyncEvent) {
        ended_.push_back(Parse(frame.payload));
      } else {
        return {command, std::move(frame.payload)};
      }
    }
  }
  template <typename Payload>
  Answered Call(Command command, const Payload& payload) {
    Send(command, payload);
    return ReadReply();
  }
  Answered Call(Command command) { return Call(command, std::string()); }
  Ended ReadEnd() {
    while (ended_.empty()) {
      const wire::Frame frame = ReadFrame();
      if (static_cast<Command>(frame.key) != Command::kProcessAsyncEvent) {
        throw std::runtime_error("a reply came where an end was expected");
      }
      ended_.push_back(Parse(frame.payload));
    }
    Ended ended = std::move(ended_.front());
    ended_.pop_front();
    return ended;
  }
  /// Whether ends have come that nobody has read.
  bool HasEnds() const { return !ended_.empty(); }
  /// Whether the agent closes it, without another word.
  bool CtlCloses() { return ctl_.ReadToEnd().empty(); }
  /// The sum of all `next` so far.
  std::uint64_t next() const { return next_; }

  // ---- io

  void Write(std::uint64_t seq, std::string_view data) { io_.Write(wire::Io(seq, data)); }
  void CloseStdin(std::uint64_t seq) { Write(seq, {}); }
  wire::Frame ReadIo() {
    std::optional<wire::Frame> frame = io_.ReadFrame();
    if (!frame) throw std::runtime_error("io is at its end");
    return *std::move(frame);
  }
  /// The bytes of one stream, to its end or as many; frames of other streams fail the test.
  std::string ReadStream(std::uint64_t seq, std::size_t bytes = static_cast<std::size_t>(-1)) {
    std::string data;
    while (data.size() < bytes) {
      const wire::Frame frame = ReadIo();
      if (frame.key != seq) {
        throw std::runtime_error("a frame of seq " + std::to_string(frame.key));
      }
      if (frame.payload.empty()) break;
      data += frame.payload;
    }
    return data;
  }
  bool IoCloses() { return io_.ReadToEnd().empty(); }

  RawClient& ctl() { return ctl_; }
  RawClient& io() { return io_; }

 private:
  wire::Frame ReadFrame() {
    for (;;) {
      std::optional<wire::Frame> frame = ctl_.ReadFrame();
      if (!frame) throw std::runtime_error("ctl is at its end");
      if (frame->key != wire::kNext) return *std::move(frame);
      next_ += wire::ToU32(frame->payload);
    }
  }
  static Ended Parse(const std::string& payload) {
    const Json event = Json::parse(payload);
    return {event.at("container"), event.at("process"), event.at("status")};
  }

  RawClient ctl_;
  RawClient io_;
  std::deque<Ended> ended_;
  std::uint64_t next_ = 0;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_MODEL_MODEL_CLIENT_HPP_
