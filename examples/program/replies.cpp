#include "replies.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/json/payload.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"

namespace program {
namespace {

using hyperstart::Command;
using hyperstart::DecodedMessage;
using hyperstart::Dialect;
using hyperstart::Reply;

std::uint32_t Number(const Json& value, std::string_view name) {
  const std::optional<std::uint64_t> number = WholeNumber(value);
  if (number && *number <= std::numeric_limits<std::uint32_t>::max()) {
    return static_cast<std::uint32_t>(*number);
  }
  throw BadParameters(fmt::format("reply: {} is a whole number of 32 bits", name));
}

bool IsTrue(const Json& value, std::string_view name) {
  if (value.is_boolean()) return value.get<bool>();
  throw BadParameters(fmt::format("reply: {} is true or false", name));
}

/// `json` without its nulls, which are taken as not given. Throws for a key that is not in `known`:
/// " ack error ".
Json Given(const Json& json, std::string_view what, std::string_view known) {
  Json given = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (known.find(' ' + key + ' ') == std::string_view::npos) {
      throw BadParameters(fmt::format("{}: there is no {}; there are{}", what, Dump(key), known));
    }
    if (!value.is_null()) given[key] = value;
  }
  return given;
}

constexpr const char* kContents =
    "ack, ack_base64, error, error_base64, frame, raw, raw_base64, nothing";

/// What is sent, without how.
Reply Content(const Json& json, Dialect dialect) {
  std::optional<Reply> reply;
  const auto set = [&](Reply content) {
    if (reply) throw BadParameters(fmt::format("reply: give one of {}", kContents));
    reply = std::move(content);
  };
  if (const auto bytes = GetBytes(json, "ack")) set(Reply::Ack(*bytes));
  if (const auto bytes = GetBytes(json, "error")) set(Reply::Error(*bytes));
  if (const auto bytes = GetBytes(json, "raw")) set(Reply::Raw(*bytes));
  if (const auto frame = json.find("frame"); frame != json.end()) {
    constexpr const char* kShape = R"(reply: frame is {"command": ..., "payload": ...})";
    if (!frame->is_object()) throw BadParameters(kShape);
    const Json given = Given(*frame, "reply: frame", " command payload payload_base64 ");
    if (!given.contains("command")) throw BadParameters(kShape);
    set(Reply::Frame(ToCommand(given["command"], dialect),
                     GetBytes(given, "payload").value_or("")));
  }
  if (const auto nothing = json.find("nothing"); nothing != json.end()) {
    if (IsTrue(*nothing, "nothing")) set(Reply::Nothing());
  }
  return reply.value_or(Reply());
}

class PayloadCriterion final : public MessageCriterion {
 public:
  struct Wanted {
    Json::json_pointer pointer;
    Json value;
  };

  PayloadCriterion(std::optional<Command> command, std::vector<Wanted> wanted, Dialect dialect)
      : command_(command), wanted_(std::move(wanted)), dialect_(dialect) {}

  bool Matches(const DecodedMessage& message) const override { return Differs(message).empty(); }
  std::string Describe() const override {
    std::string text;
    if (command_) text = "is a " + hyperstart::CommandName(*command_, dialect_);
    for (const Wanted& wanted : wanted_) {
      if (!text.empty()) text += " and ";
      text += "holds JSON ";
      text += wanted.pointer.empty()
                  ? "that"
                  : "whose " + hyperstart::detail::Quoted(wanted.pointer.to_string());
      text += " is equal to " + hyperstart::detail::CutJson(Dump(wanted.value));
    }
    return text.empty() ? "is anything" : text;
  }
  std::string Explain(const DecodedMessage& message) const override { return Differs(message); }

 private:
  /// Empty if nothing differs.
  std::string Differs(const DecodedMessage& message) const {
    if (command_ && message.command != *command_) {
      return "which is a " + hyperstart::CommandName(message.command, dialect_);
    }
    if (wanted_.empty()) return {};
    const std::optional<Json> document = hyperstart::detail::ParsePayload(message.payload);
    if (!document) {
      return "which holds no JSON:" + hyperstart::detail::Readable(message.payload, 200);
    }
    for (const Wanted& wanted : wanted_) {
      const std::string at = wanted.pointer.empty()
                                 ? ""
                                 : " at " + hyperstart::detail::Quoted(wanted.pointer.to_string());
      const Json* const found = Find(*document, wanted.pointer);
      if (found == nullptr) {
        return "which holds nothing" + at + ": " + hyperstart::detail::CutJson(Dump(*document));
      }
      if (*found != wanted.value) {
        return "which holds " + hyperstart::detail::CutJson(Dump(*found)) + at;
      }
    }
    return {};
  }
  static const Json* Find(const Json& document, const Json::json_pointer& pointer) {
    try {
      return &document.at(pointer);
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  const std::optional<Command> command_;
  const std::vector<Wanted> wanted_;
  const Dialect dialect_;
};

}  // namespace

Reply ToReply(const Json& value, Dialect dialect) {
  if (!value.is_object()) {
    throw BadParameters(
        fmt::format("reply is an object with one of {}, or none of them", kContents));
  }
  constexpr std::string_view kKnown =
      " ack ack_base64 error error_base64 frame raw raw_base64 nothing after_ms pieces gap_ms "
      "truncated with_length then_disconnect ";
  const Json json = Given(value, "reply", kKnown);
  using Milliseconds = std::chrono::milliseconds;
  Reply reply = Content(json, dialect);
  const auto with = [&](const char* key, const auto& change) {
    if (const auto number = json.find(key); number != json.end()) change(Number(*number, key));
  };
  const auto gap = json.find("gap_ms");
  if (gap != json.end() && !json.contains("pieces")) {
    throw BadParameters("reply: gap_ms is the pause between pieces: give pieces, too");
  }
  with("after_ms", [&](std::uint32_t count) { reply = reply.After(Milliseconds(count)); });
  with("pieces", [&](std::uint32_t bytes) {
    const Milliseconds pause(gap == json.end() ? 0 : Number(*gap, "gap_ms"));
    reply = reply.InPieces(bytes, pause);
  });
  with("truncated", [&](std::uint32_t bytes) { reply = reply.Truncated(bytes); });
  with("with_length", [&](std::uint32_t bytes) { reply = reply.WithLength(bytes); });
  if (const auto then = json.find("then_disconnect"); then != json.end()) {
    if (IsTrue(*then, "then_disconnect")) reply = reply.ThenDisconnect();
  }
  return reply;
}

std::unique_ptr<const MessageCriterion> ToCriterion(std::optional<Command> command,
                                                    const Json& payload_json, Dialect dialect) {
  if (!payload_json.is_object()) {
    throw BadParameters(R"(payload_json is an object of JSON pointers: {"/id": "web"})");
  }
  std::vector<PayloadCriterion::Wanted> wanted;
  for (const auto& [pointer, value] : payload_json.items()) {
    try {
      wanted.push_back({Json::json_pointer(pointer), value});
    } catch (const Json::exception&) {
      throw BadParameters("payload_json: " + Dump(pointer) +
                          " is no JSON pointer: begin it with '/', or leave it empty for the "
                          "whole document");
    }
  }
  return std::make_unique<const PayloadCriterion>(command, std::move(wanted), dialect);
}

}  // namespace program
