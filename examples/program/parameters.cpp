#include "parameters.hpp"

#include <fmt/core.h>

#include <chrono>

namespace program {

std::uint64_t Number(const Json& p, const char* key, std::uint64_t most) {
  const std::optional<std::uint64_t> number = WholeNumber(p.at(key));
  if (number && *number <= most) return *number;
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

std::optional<hyperstart::Command> MaybeCommand(Double& d, const Json& p) {
  if (!p.contains("command")) return std::nullopt;
  return ToCommand(p.at("command"), d.options().dialect);
}

std::optional<std::uint64_t> MaybeSeq(const Json& p) {
  if (!p.contains("seq")) return std::nullopt;
  return Number(p, "seq");
}

hyperstart::Channel ChannelOf(const Json& p) { return ToChannel(p.at("channel")); }

std::string BytesOf(const Json& p, const char* key) { return GetBytes(p, key).value_or(""); }

hyperstart::detail::WaitLimit Limit(Double& d, const Caller& caller, const Json& p) {
  std::chrono::milliseconds timeout = d.options().timeout;
  if (p.contains("timeout_ms")) {
    timeout = std::chrono::milliseconds(
        Number(p, "timeout_ms", std::numeric_limits<std::uint32_t>::max()));
  }
  return {timeout, caller.has_left(), caller.wait_begun()};
}

}  // namespace program
