#include "json_values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ratio>

#include "mock_hyperstart/detail/wire/text.hpp"

namespace program {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char* KindName(hyperstart::EventKind kind) {
  switch (kind) {
    case hyperstart::EventKind::kConnected:
      return "connected";
    case hyperstart::EventKind::kDisconnected:
      return "disconnected";
    case hyperstart::EventKind::kReceived:
      return "received";
    case hyperstart::EventKind::kSent:
      return "sent";
    case hyperstart::EventKind::kFault:
      return "fault";
    case hyperstart::EventKind::kWarning:
      return "warning";
    case hyperstart::EventKind::kViolation:
      return "violation";
  }
  return "fault";
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= count ? kDigits[group >> (18 - 6 * i) & 63u] : '=';
    }
  }
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(static_cast<unsigned char>(bits >> count & 0xffu));
  }
  return bytes;
}

bool IsUtf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (static_cast<unsigned char>(bytes[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = hyperstart::detail::MultibyteLength(bytes.substr(at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::optional<std::int64_t> SignedNumber(const Json& value) {
  constexpr double kMost = 9007199254740992;  // 2^53: up to it a double holds each whole number
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (std::abs(number) > kMost || std::trunc(number) != number) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::nullopt;
  }
  return value.get<std::int64_t>();
}

std::optional<std::uint64_t> WholeNumber(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  const std::optional<std::int64_t> number = SignedNumber(value);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

void PutBytes(Json& object, const std::string& key, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    object[key] = bytes;
  } else {
    object[key + "_base64"] = EncodeBase64(bytes);
  }
}

std::optional<std::string> GetBytes(const Json& object, const std::string& key) {
  const auto text = object.find(key);
  const auto base64 = object.find(key + "_base64");
  if (text != object.end() && base64 != object.end()) {
    throw BadParameters(fmt::format("give {0} or {0}_base64, not both", key));
  }
  if (text != object.end()) {
    if (!text->is_string()) throw BadParameters(key + " is a string");
    return text->get<std::string>();
  }
  if (base64 == object.end()) return std::nullopt;
  std::optional<std::string> bytes;
  if (base64->is_string()) bytes = DecodeBase64(base64->get_ref<const std::string&>());
  if (!bytes) throw BadParameters(key + "_base64 is a string of base64, with its padding");
  return bytes;
}

Json ToJson(hyperstart::Command command, hyperstart::Dialect dialect) {
  const auto number = static_cast<std::uint32_t>(command);
  const std::string_view name = hyperstart::detail::KnownName(number, dialect);
  return name.empty() ? Json(number) : Json(name);
}

hyperstart::Command ToCommand(const Json& value, hyperstart::Dialect dialect) {
  if (value.is_string()) {
    if (const auto command =
            hyperstart::CommandFromName(value.get_ref<const std::string&>(), dialect)) {
      return *command;
    }
    throw BadParameters("there is no command " + Dump(value) +
                        ": give a name such as \"startpod\", or a number");
  }
  const std::optional<std::uint64_t> number = WholeNumber(value);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
    throw BadParameters("command is a name such as \"startpod\", or a number of 32 bits");
  }
  return hyperstart::Command{static_cast<std::uint32_t>(*number)};
}

hyperstart::Channel ToChannel(const Json& value) {
  if (value == "ctl") return hyperstart::Channel::kCtl;
  if (value == "io") return hyperstart::Channel::kIo;
  throw BadParameters("channel is \"ctl\" or \"io\"");
}

Json ToJson(const hyperstart::DecodedMessage& message, hyperstart::Dialect dialect) {
  Json json{{"command", ToJson(message.command, dialect)}};
  PutBytes(json, "payload", message.payload);
  return json;
}

Json ToJson(const hyperstart::IoPacket& packet) {
  Json json{{"seq", packet.seq}};
  PutBytes(json, "data", packet.data);
  return json;
}

Json ToJson(const hyperstart::Violation& violation) {
  return {{"channel", hyperstart::detail::ToString(violation.channel)},
          {"what", violation.what},
          {"bytes_base64", EncodeBase64(violation.bytes)}};
}

Json ToJson(const hyperstart::Event& event) {
  Json json{{"number", event.number},
            {"time_ms", std::chrono::duration<double, std::milli>(event.time).count()},
            {"kind", KindName(event.kind)},
            {"channel", hyperstart::detail::ToString(event.channel)}};
  if (event.same_write) json["same_write"] = true;
  if (!event.text.empty()) json["text"] = event.text;
  if (!event.is_frame) {
    if (event.size > 0) {
      json["bytes_base64"] = EncodeBase64(event.bytes);
      json["size"] = event.size;
    }
    return json;
  }
  json["size"] = event.size;
  if (event.channel == hyperstart::Channel::kIo) {
    json["seq"] = event.seq;
    PutBytes(json, "data", event.bytes);
    return json;
  }
  json["command"] = ToJson(event.command, event.dialect);
  if (event.nexts.empty()) {
    PutBytes(json, "payload", event.bytes);
    return json;
  }
  Json nexts = Json::array();
  for (const hyperstart::NextRun& run : event.nexts) {
    nexts.push_back({{"bytes", run.bytes}, {"frames", run.frames}});
  }
  json["nexts"] = std::move(nexts);
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace program
