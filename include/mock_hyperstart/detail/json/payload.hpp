// The JSON in a payload, and its text for messages, without a test framework. Needs nlohmann-json.
// Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_
#define MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
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

/// Whether values nest so deep that nlohmann-json, which copies them recursively, could run out of
/// stack.
inline bool IsTooDeep(std::string_view bytes) {
  constexpr int kMaxDepth = 500;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < bytes.size() && depth <= kMaxDepth; ++i) {
    if (in_string && bytes[i] == '\\') {
      ++i;
    } else if (bytes[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (bytes[i] == '[' || bytes[i] == '{')) {
      ++depth;
    } else if (!in_string && (bytes[i] == ']' || bytes[i] == '}')) {
      if (--depth <= 0) return false;  // the value ends here; other bytes may follow
    }
  }
  return depth > kMaxDepth;
}

/// Parses one JSON value, or the object at the start of a writefile payload, which the bytes of the
/// file follow. A NUL at the end is ignored. Nothing if it is not JSON or nests deeper than 500
/// levels.
inline std::optional<nlohmann::json> ParsePayload(std::string_view bytes) {
  if (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  if (IsTooDeep(bytes)) return std::nullopt;
  nlohmann::json whole(nlohmann::json::value_t::discarded);
  if (bytes.find('\0') == std::string_view::npos) {  // nlohmann-json would stop at it
    whole = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  }
  if (!whole.is_discarded()) return whole;
  if (bytes.empty() || bytes.front() != '{') return std::nullopt;
  try {
    std::istringstream in{std::string(bytes)};
    in >> whole;  // reads one value
    return whole;
  } catch (const nlohmann::json::exception&) {  // or a number too large for a double
    return std::nullopt;
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_JSON_PAYLOAD_HPP_
