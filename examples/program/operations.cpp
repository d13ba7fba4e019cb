#include "operations.hpp"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/agent/wait_result.hpp"
#include "mock_hyperstart/detail/recording/pcapng.hpp"
#include "mock_hyperstart/detail/recording/recording_writer.hpp"
#include "mock_hyperstart/detail/recording/whole_file.hpp"
#include "parameters.hpp"
#include "replies.hpp"

namespace program {
namespace {

using hyperstart::Channel;
using hyperstart::detail::Happened;
using hyperstart::detail::WaitResult;

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
Json WaitForMessage(Double& d, Caller& caller, const Json& p) {
  auto& records = d.server().records();
  const auto dialect = d.options().dialect;
  const auto command = MaybeCommand(d, p);
  const auto limit = Limit(d, caller, p);
  if (!p.contains("payload_json")) {
    return ToJson(ValueOf(records.WaitForMessage(command, limit)), dialect);
  }
  const auto criterion = ToCriterion(command, p.at("payload_json"), dialect);
  return ToJson(ValueOf(records.WaitForMessage(*criterion, limit)), dialect);
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
  std::string text = "[";  // one event a line
  for (const hyperstart::Event& event : events) {
    if (text.size() > 1) text += ",\n ";
    text += Dump(ToJson(event));
  }
  return text + "]\n";
}
Json TakeViolations(Double& d, Caller&, const Json&) {
  Json list = Json::array();
  for (const auto& violation : d.server().records().TakeViolations()) {
    list.push_back(ToJson(violation));
  }
  return list;
}
std::vector<hyperstart::Event> AllEvents(Double& d) {
  if (d.options().keep_all) return d.server().log().Events();
  throw std::logic_error("the conversation was not kept whole: start without --bounded");
}
Json SaveRecording(Double& d, Caller&, const Json& p) {
  const std::string path = Text(p, "path");
  const std::string name = path.substr(path.rfind('/') + 1);
  hyperstart::detail::WriteWholeFile(
      path, hyperstart::detail::RecordingText(AllEvents(d), name, d.options()));
  return nullptr;
}
Json SavePcapng(Double& d, Caller&, const Json& p) {
  hyperstart::detail::WriteWholeFile(Text(p, "path"), hyperstart::detail::PcapngText(AllEvents(d)));
  return nullptr;
}

// ---- The table

const Parameter kSeq{"seq", Kind::kNumber};
const Parameter kMaybeSeq{"seq", Kind::kNumber, false};
const Parameter kChannel{"channel", Kind::kChannel};
const Parameter kMaybeCommand{"command", Kind::kCommand, false};
const Parameter kMaybePayloadJson{"payload_json", Kind::kJson, false};
const Parameter kTake{"take", Kind::kBool, false};
const Parameter kPath{"path", Kind::kText};

std::vector<Operation> RecordAndReplyOperations() {
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
       [](Double& d, Caller& caller, const Json& p) {
         return ToJson(
             ValueOf(d.server().records().WaitForPacket(MaybeSeq(p), Limit(d, caller, p))));
       }},
      {"read_stream",
       "so many bytes of a stream",
       {kSeq, {"bytes", Kind::kNumber}},
       true,
       [](Double& d, Caller& caller, const Json& p) {
         return Data(d.server().records().WaitForBytes(Number(p, "seq"), Number(p, "bytes"),
                                                       Limit(d, caller, p)));
       }},
      {"read_stream_to_end",
       "a stream up to its end",
       {kSeq},
       true,
       [](Double& d, Caller& caller, const Json& p) {
         return Data(d.server().records().WaitForEnd(Number(p, "seq"), Limit(d, caller, p)));
       }},
      {"wait_for_connection",
       "until a client is there",
       {{"channel", Kind::kChannel, false}},
       true,
       [](Double& d, Caller& caller, const Json& p) {
         std::optional<Channel> channel;
         if (p.contains("channel")) channel = ChannelOf(p);
         return True(d.server().records().WaitForConnection(channel, Limit(d, caller, p)));
       }},
      {"wait_for_disconnect",
       "until a client has left",
       {kChannel},
       true,
       [](Double& d, Caller& caller, const Json& p) {
         return True(d.server().records().WaitForDisconnect(ChannelOf(p), Limit(d, caller, p)));
       }},
      {"wait_for_plans",
       "until each plan for once was used",
       {},
       true,
       [](Double& d, Caller& caller, const Json& p) {
         return True(d.server().records().WaitForPlans(d.server().policy(), Limit(d, caller, p)));
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
  };
}

std::vector<Operation> OtherOperations() {
  return {
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
      {"save_recording", "the conversation so far, to replay it", {kPath}, false, &SaveRecording},
      {"save_pcapng", "the conversation so far, for Wireshark", {kPath}, false, &SavePcapng},
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

std::vector<Operation> AllOperations() {
  std::vector<Operation> all;
  for (auto* const some : {&RecordAndReplyOperations, &SendingOperations, &OtherOperations}) {
    for (Operation& operation : some()) all.push_back(std::move(operation));
  }
  return all;
}

}  // namespace

const std::vector<Operation>& Operations() {
  static const std::vector<Operation> operations = AllOperations();
  return operations;
}

const Operation* FindOperation(std::string_view name) {
  for (const Operation& operation : Operations()) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace program
