// How two payloads differ. JSON is compared as values, field by field; anything else as bytes.
// Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_PAYLOAD_DIFF_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_PAYLOAD_DIFF_HPP_

#include <fmt/core.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/wire/text.hpp"

namespace hyperstart::detail {

using JsonPointer = nlohmann::json::json_pointer;

/// A payload: a JSON object or list, and the bytes that follow it, as in writefile; or bytes alone.
struct JsonAndBytes {
  nlohmann::json json;  // null: none
  std::string_view rest;
};
/// `payload` must outlive the result.
inline JsonAndBytes SplitPayload(std::string_view payload, bool bytes_follow) {
  std::size_t end = payload.size();
  if (bytes_follow) {  // the agent takes the first '}' for the end of the JSON
    const std::size_t brace = payload.find('}');
    if (brace != std::string_view::npos) end = brace + 1;
  }
  nlohmann::json json = nlohmann::json::parse(payload.substr(0, end), nullptr, false);
  if (!json.is_object() && !json.is_array()) return {nullptr, payload};
  return {std::move(json), payload.substr(end)};
}

/// Removes what `pointer` points to. False if there is nothing. `keeps_places`: the other elements
/// of its list keep theirs.
inline bool RemoveFromJson(nlohmann::json& json, const JsonPointer& pointer, bool keeps_places) {
  if (pointer.empty() || !json.contains(pointer)) return false;
  nlohmann::json& parent = json.at(pointer.parent_pointer());
  if (parent.is_object()) {
    parent.erase(pointer.back());
  } else if (const std::size_t index = std::stoul(pointer.back()); keeps_places) {
    parent.at(index) = nullptr;
  } else {
    parent.erase(index);
  }
  return true;
}

inline std::string ShownJson(const nlohmann::json& json) {
  constexpr std::size_t kShown = 200;  // bytes
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return text.size() <= kShown ? text : std::string(CutText(text, kShown)) + "...";
}

/// A line for each field that differs; empty if none does. What `ignored` points to may differ.
inline std::string DiffPayloads(std::string_view expected, std::string_view came,
                                const std::vector<JsonPointer>& ignored, bool bytes_follow) {
  if (expected == came) return {};
  JsonAndBytes left = SplitPayload(expected, bytes_follow);
  JsonAndBytes right = SplitPayload(came, bytes_follow);
  std::string text;
  if (!left.json.is_null() && !right.json.is_null()) {
    for (const JsonPointer& pointer : ignored) {
      const bool in_both = left.json.contains(pointer) && right.json.contains(pointer);
      RemoveFromJson(left.json, pointer, in_both);
      RemoveFromJson(right.json, pointer, in_both);
    }
    for (const nlohmann::json& change : nlohmann::json::diff(left.json, right.json)) {
      const std::string path = change.at("path");
      const JsonPointer pointer(path);
      text += fmt::format(
          "\n    {}: expected {}, came {}", path.empty() ? "the whole" : path,
          change.at("op") == "add" || !left.json.contains(pointer)
              ? std::string("nothing")
              : ShownJson(left.json.at(pointer)),
          change.contains("value") ? ShownJson(change.at("value")) : std::string("nothing"));
    }
    if (left.rest == right.rest) return text;
  } else {  // as bytes, also what one of them has of JSON
    left.rest = expected;
    right.rest = came;
  }
  std::size_t same = 0;
  while (same < left.rest.size() && same < right.rest.size() &&
         left.rest[same] == right.rest[same]) {
    ++same;
  }
  constexpr std::size_t kShown = 60;  // bytes
  const auto shown = [&](std::string_view bytes) {
    return same == bytes.size() ? std::string("nothing") : OneLine(bytes.substr(same), kShown);
  };
  return text + fmt::format("\n    from byte {}: expected {}, came {}", same + 1, shown(left.rest),
                            shown(right.rest));
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_PAYLOAD_DIFF_HPP_
