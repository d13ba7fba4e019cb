// The JSON in a payload, and its text for messages, without a test framework. Needs nlohmann-json.
// Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_
#define MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/wire/text.hpp"

namespace hyperstart::detail {

/// The start of a JSON document, for messages.
inline std::string CutJson(std::string_view dump) {
  const std::string_view head = CutText(dump, 200);
  if (head.size() == dump.size()) return EscapeJsonControls(dump);
  return fmt::format("{}... (the first {} of {})", EscapeJsonControls(head), head.size(),
                     Bytes(dump.size()));
}

/// The array or object at the start of `bytes`, up to the bracket that closes it: other bytes may
/// follow. Nothing if it nests so deep that nlohmann-json, which copies values recursively, could
/// run out of stack. All of `bytes` if no array or object ends in them.
inline std::optional<std::string_view> FirstValue(std::string_view bytes) {
  constexpr int kMaxDepth = 500;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (in_string && bytes[i] == '\\') {
      ++i;
    } else if (bytes[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (bytes[i] == '[' || bytes[i] == '{')) {
      if (++depth > kMaxDepth) return std::nullopt;
    } else if (!in_string && (bytes[i] == ']' || bytes[i] == '}')) {
      if (--depth <= 0) return bytes.substr(0, i + 1);
    }
  }
  return bytes;
}

/// Parses one JSON value, or the object at the start of a writefile payload, which the bytes of the
/// file follow. A NUL at the end is ignored. Nothing if it is not JSON or nests deeper than 500
/// levels.
inline std::optional<nlohmann::json> ParsePayload(std::string_view bytes) {
  if (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  const std::optional<std::string_view> first = FirstValue(bytes);
  if (!first) return std::nullopt;
  // An object, or nothing but one value. One call of parse: each kind of input costs 0.4 s to
  // compile.
  const bool is_object = !bytes.empty() && bytes.front() == '{';
  const std::string_view text = is_object ? *first : bytes;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // nlohmann-json stops at it
  nlohmann::json value = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_
