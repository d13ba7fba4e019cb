#include "operations.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/agent/wait_result.hpp"
#include "replies.hpp"

namespace program {
namespace {

using hyperstart::Channel;
using hyperstart::Command;
using hyperstart::detail::Happened;
using hyperstart::detail::WaitResult;

// ---- Parameters

std::uint64_t Number(const Json& p, const char* key,
                     std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  const Json& value = p.at(key);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= most) {
    return value.get<std::uint64_t>();
  }
  throw BadParameters(fmt::format("{} is a whole number from 0 to {}", key, most));
}
bool Flag(const Json& p, const char* key, bool fallback) {
  if (!p.contains(key)) return fallback;
  if (p.at(key).is_boolean()) return p.at(key).get<bool>();
  throw BadParameters(fmt::format("{} is true or false", key));
}
std::string Text(const Json& p, const char* key) {
  if (p.at(key).is_string()) return p.at(key).get<std::string>();
  throw BadParameters(fmt::format("{} is a string", key));
}
std::optional<Command> MaybeCommand(Double& d, const Json& p) {
  if (!p.contains("command")) return std::nullopt;
  return ToCommand(p.at("command"), d.options().dialect);
}
std::optional<std::uint64_t> MaybeSeq(const Json& p) {
  if (!p.contains("seq")) return std::nullopt;
  return Number(p, "seq");
}
Channel ChannelOf(const Json& p) { return ToChannel(p.at("channel")); }
std::string BytesOf(const Json& p, const char* key) { return GetBytes(p, key).value_or(""); }
std::chrono::milliseconds Timeout(Double& d, const Json& p) {
  if (!p.contains("timeout_ms")) return d.options().timeout;
  return std::chrono::milliseconds(
      Number(p, "timeout_ms", std::numeric_limits<std::uint32_t>::max()));
}

template <typename T>
T ValueOf(WaitResult<T> result) {
  if (!result.value) throw WaitFailed(result.reason);
  return *std::move(result.value);
}
Json True(WaitResult<Happened> result) {
  ValueOf(std::move(result));
  return true;
}
Json Data(WaitResult<std::string> result) {
  Json json = Json::object();
  PutBytes(json, "data", ValueOf(std::move(result)));
  return json;
}

// ---- What the longer operations do

Json Messages(Double& d, Caller&, const Json& p) {
  auto& records = d.server().records();
  Json list = Json::array();
  for (const auto& message :
       Flag(p, "take", true) ? records.TakeMessages() : records.PeekMessages()) {
    list.push_back(ToJson(message, d.options().dialect));
  }
  return list;
}
Json IoPackets(Double& d, Caller&, const Json& p) {
  auto& records = d.server().records();
  Json list = Json::array();
  for (const auto& packet : Flag(p, "take", true) ? records.TakePackets() : records.PeekPackets()) {
    list.push_back(ToJson(packet));
  }
  return list;
}
Json WaitForMessage(Double& d, Caller&, const Json& p) {
  auto& records = d.server().records();
  const auto dialect = d.options().dialect;
  const auto command = MaybeCommand(d, p);
  const auto timeout = Timeout(d, p);
  if (!p.contains("payload_json")) {
    return ToJson(ValueOf(records.WaitForMessage(command, timeout)), dialect);
  }
  const auto criterion = ToCriterion(command, p.at("payload_json"), dialect);
  return ToJson(ValueOf(records.WaitForMessage(*criterion, timeout)), dialect);
}
Json On(Double& d, Caller&, const Json& p) {
  const auto command = MaybeCommand(d, p);
  const Json times = p.value("times", Json("once"));
  if (times != "once" && times != "repeatedly") {
    throw BadParameters(R"(times is "once" or "repeatedly")");
  }
  hyperstart::Reply reply = ToReply(p.at("reply"), d.options().dialect);
  std::unique_ptr<const MessageCriterion> criterion;
  if (p.contains("payload_json")) {
    criterion = ToCriterion(command, p.at("payload_json"), d.options().dialect);
  } else if (!command) {
    throw BadParameters("on needs command, or payload_json");
  }
  auto& policy = d.server().policy();
  hyperstart::ReplyPlan& plan = criterion ? policy.On(std::move(criterion)) : policy.On(*command);
  if (times == "once") {
    plan.WillOnce(std::move(reply), "plan", d.NextPlanNumber());
  } else {
    plan.WillRepeatedly(std::move(reply));
  }
  return nullptr;
}
Json Transcript(Double& d, Caller&, const Json& p) {
  const Json format = p.value("format", Json("text"));
  const auto events = d.server().log().Events();
  if (format == "text") return hyperstart::detail::TranscriptText(events);
  if (format == "mermaid") return hyperstart::detail::TranscriptMermaid(events);
  if (format != "json") throw BadParameters(R"(format is "text", "mermaid" or "json")");
  Json list = Json::array();
  for (const hyperstart::Event& event : events) list.push_back(ToJson(event));
  return list;
}
Json TakeViolations(Double& d, Caller&, const Json&) {
  Json list = Json::array();
  for (const auto& violation : d.server().records().TakeViolations()) {
    list.push_back(ToJson(violation));
  }
  return list;
}
Json SendExitStatus(Double& d, Caller&, const Json& p) {
  const auto byte = static_cast<char>(static_cast<std::uint8_t>(Number(p, "status", 255)));
  d.server().SendIo(Number(p, "seq"), std::string_view(&byte, 1));
  return nullptr;
}
Json SendProcessEvent(Double& d, Caller&, const Json& p) {
  const Json& status = p.at("status");
  if (!status.is_number_integer() || status.get<std::int64_t>() != status.get<std::int32_t>()) {
    throw BadParameters("status is a whole number of 32 bits");
  }
  d.server().SendProcessEvent(Text(p, "container"), Text(p, "process"), status.get<std::int32_t>());
  return nullptr;
}
Json NotYet(Double&, Caller&, const Json&) {
  throw NotInThisVersion("recordings are not in this version of mock-hyperstart");
}

// ---- The table

const Parameter kSeq{"seq", Kind::kNumber};
const Parameter kMaybeSeq{"seq", Kind::kNumber, false};
const Parameter kChannel{"channel", Kind::kChannel};
const Parameter kData{"data", Kind::kBytes};
const Parameter kMaybeCommand{"command", Kind::kCommand, false};
const Parameter kMaybePayloadJson{"payload_json", Kind::kJson, false};
const Parameter kTake{"take", Kind::kBool, false};
const Parameter kPath{"path", Kind::kText};

std::vector<Operation> MakeOperations() {
  return {
      {"messages", "the commands that have arrived", {kTake}, false, &Messages},
      {"io_packets", "the io packets that have arrived", {kTake}, false, &IoPackets},
      {"wait_for_message",
       "the oldest message, of that command, with that JSON",
       {kMaybeCommand, kMaybePayloadJson},
       true,
       &WaitForMessage},
      {"read_io",
       "the oldest io packet, of that stream",
       {kMaybeSeq},
       true,
       [](Double& d, Caller&, const Json& p) {
         return ToJson(ValueOf(d.server().records().WaitForPacket(MaybeSeq(p), Timeout(d, p))));
       }},
      {"read_stream",
       "so many bytes of a stream",
       {kSeq, {"bytes", Kind::kNumber}},
       true,
       [](Double& d, Caller&, const Json& p) {
         return Data(d.server().records().WaitForBytes(Number(p, "seq"), Number(p, "bytes"),
                                                       Timeout(d, p)));
       }},
      {"read_stream_to_end",
       "a stream up to its end",
       {kSeq},
       true,
       [](Double& d, Caller&, const Json& p) {
         return Data(d.server().records().WaitForEnd(Number(p, "seq"), Timeout(d, p)));
       }},
      {"wait_for_connection",
       "until a client is there",
       {{"channel", Kind::kChannel, false}},
       true,
       [](Double& d, Caller&, const Json& p) {
         std::optional<Channel> channel;
         if (p.contains("channel")) channel = ChannelOf(p);
         return True(d.server().records().WaitForConnection(channel, Timeout(d, p)));
       }},
      {"wait_for_disconnect",
       "until a client has left",
       {kChannel},
       true,
       [](Double& d, Caller&, const Json& p) {
         return True(d.server().records().WaitForDisconnect(ChannelOf(p), Timeout(d, p)));
       }},
      {"wait_for_plans",
       "until each plan for once was used",
       {},
       true,
       [](Double& d, Caller&, const Json& p) {
         return True(d.server().records().WaitForPlans(d.server().policy(), Timeout(d, p)));
       }},
      {"on",
       "plans the reply to a command",
       {kMaybeCommand, {"reply", Kind::kReply}, {"times", Kind::kText, false}, kMaybePayloadJson},
       false,
       &On},
      {"set_default_reply",
       "the reply to what no plan answers",
       {{"reply", Kind::kReply}},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().policy().SetDefaultReply(ToReply(p.at("reply"), d.options().dialect));
         return Json();
       }},
      {"send_message",
       "a ctl frame to the client",
       {{"command", Kind::kCommand}, {"payload", Kind::kBytes, false}},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendMessage(*MaybeCommand(d, p), BytesOf(p, "payload"));
         return Json();
       }},
      {"send_ready",
       "says ready",
       {},
       false,
       [](Double& d, Caller&, const Json&) {
         d.server().SendMessage(Command::kReady, {});
         return Json();
       }},
      {"send_process_event",
       "says that a process has ended",
       {{"container", Kind::kText}, {"process", Kind::kText}, {"status", Kind::kNumber}},
       false,
       &SendProcessEvent},
      {"send_io",
       "bytes of a stream to the client",
       {kSeq, kData},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendIo(Number(p, "seq"), BytesOf(p, "data"));
         return Json();
       }},
      {"close_io",
       "the end of a stream",
       {kSeq},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendIo(Number(p, "seq"), {});
         return Json();
       }},
      {"send_exit_status",
       "the exit status on a stream",
       {kSeq, {"status", Kind::kNumber}},
       false,
       &SendExitStatus},
      {"send_raw",
       "any bytes to the client",
       {kChannel, kData},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendRaw(ChannelOf(p), BytesOf(p, "data"));
         return Json();
       }},
      {"disconnect",
       "ends the connection",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).Disconnect();
         return Json();
       }},
      {"reset",
       "ends the connection with an error",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).Reset();
         return Json();
       }},
      {"shutdown_send",
       "sends nothing more",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).ShutDownSending();
         return Json();
       }},
      {"pause_reading",
       "reads nothing until resume_reading",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).PauseReading(true);
         return Json();
       }},
      {"resume_reading",
       "reads again",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).PauseReading(false);
         return Json();
       }},
      {"stop_listening",
       "refuses clients",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).StopListening();
         return Json();
       }},
      {"resume_listening",
       "takes clients again",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).ResumeListening();
         return Json();
       }},
      {"set_write_size",
       "sends in writes of so many bytes",
       {kChannel, {"bytes", Kind::kNumber}},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).SetWriteSize(Number(p, "bytes"));
         return Json();
       }},
      {"subscribe",
       "each event from now on",
       {},
       false,
       [](Double&, Caller& caller, const Json&) {
         caller.Subscribe();
         return Json();
       }},
      {"handle_commands",
       "asks the client about each command that no plan answers",
       {{"enabled", Kind::kBool}},
       false,
       [](Double&, Caller& caller, const Json& p) {
         caller.HandleCommands(Flag(p, "enabled", true));
         return Json();
       }},
      {"take_violations", "what the client did against the protocol", {}, false, &TakeViolations},
      {"transcript", "the conversation", {{"format", Kind::kText, false}}, false, &Transcript},
      {"save_recording", "not in this version", {kPath}, false, &NotYet},
      {"save_pcapng", "not in this version", {kPath}, false, &NotYet},
      {"stop",
       "stops listening; what a test would fail for",
       {},
       false,
       [](Double& d, Caller&, const Json&) {
         return Json{{"failures", d.Stop()}};
       }},
      {"start",
       "listens again",
       {},
       false,
       [](Double& d, Caller&, const Json&) {
         d.Start();
         return Json();
       }},
  };
}

}  // namespace

const std::vector<Operation>& Operations() {
  static const std::vector<Operation> operations = MakeOperations();
  return operations;
}

const Operation* FindOperation(std::string_view name) {
  for (const Operation& operation : Operations()) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace program
