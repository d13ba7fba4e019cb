// A GoogleMock matcher of the JSON in a payload, by nlohmann-json. Optional: the rest of the
// library needs neither. JsonValue is what the matchers inside it see, since nlohmann::json's own
// implicit conversions are ambiguous with GoogleMock. Knows nothing of commands. Values: any
// thread, as long as the matchers they were given are.

#ifndef MOCK_HYPERSTART_JSON_HPP_
#define MOCK_HYPERSTART_JSON_HPP_

#if !__has_include(<gmock/gmock.h>)
#error mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)
#elif !__has_include(<nlohmann/json.hpp>)
#error mock_hyperstart needs nlohmann-json 3 or later (Debian: nlohmann-json3-dev)
#endif

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart {
class JsonValue;
}

/// None: a JsonValue does not become json again, which would make their comparison ambiguous.
template <>
struct nlohmann::adl_serializer<hyperstart::JsonValue> {};
/// None: nlohmann-json 3.10.5 says that it turns json into any matcher, and then can't.
template <>
struct nlohmann::adl_serializer<testing::Matcher<const hyperstart::JsonValue&>> {};

namespace hyperstart {
namespace detail {

/// Whatever nlohmann::json can be made of: numbers, bool, nullptr, text, vectors, maps, json.
template <typename T>
using IfJson =
    std::enable_if_t<std::conjunction_v<std::negation<std::is_same<T, JsonValue>>,
                                        std::is_constructible<nlohmann::json, const T&>>>;

/// A dump, as much of it as helps.
inline std::string CutJson(const std::string& dump) {
  const std::string_view head = CutText(dump, 200);
  if (head.size() == dump.size()) return dump;
  return fmt::format("{}... (the first {} of {})", head, head.size(), Bytes(dump.size()));
}

/// An array's interface used on something else. Ends the match: a scalar seen as an empty array
/// would satisfy Each(...).
struct NotAnArray : std::domain_error {
  using std::domain_error::domain_error;
};

}  // namespace detail

/// A JSON value as a matcher sees it: compares with what nlohmann::json compares with, is text for
/// string matchers, and a container of JsonValue if it is an array.
class JsonValue {
 public:
  using value_type = JsonValue;
  using const_iterator = std::vector<JsonValue>::const_iterator;
  using iterator = const_iterator;

  /// Implicit: GoogleMock then takes plain values for matchers.
  template <typename T, typename = detail::IfJson<T>>
  JsonValue(const T& value)  // NOLINT(google-explicit-constructor)
      : JsonValue(std::make_shared<const nlohmann::json>(value)) {}

  const nlohmann::json& json() const { return *value_; }
  /// On one line.
  std::string Dump() const {
    return json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  /// A string's characters; the dump of anything else.
  operator std::string() const {  // NOLINT(google-explicit-constructor)
    return json().is_string() ? json().get_ref<const std::string&>() : Dump();
  }

  /// Of an array. As the next two, throws a std::domain_error for what has none.
  const_iterator begin() const { return Checked(json().is_array()).elements_.begin(); }
  const_iterator end() const { return Checked(json().is_array()).elements_.end(); }
  /// Of an array, an object, or a string in bytes.
  std::size_t size() const {
    Checked(json().is_structured() || json().is_string());
    return json().is_string() ? json().get_ref<const std::string&>().size() : json().size();
  }
  bool empty() const { return size() == 0; }

  // Members, or they would be candidates for the comparisons of other libraries. 1 equals 1.0, but
  // neither "1" nor true; less and greater are only numbers than numbers, strings than strings.
  bool operator==(const JsonValue& other) const { return json() == other.json(); }
  bool operator!=(const JsonValue& other) const { return json() != other.json(); }
  bool operator<(const JsonValue& other) const { return HasOrder(other) && json() < other.json(); }
  bool operator<=(const JsonValue& other) const {
    return HasOrder(other) && json() <= other.json();
  }
  bool operator>(const JsonValue& other) const { return other < *this; }
  bool operator>=(const JsonValue& other) const { return other <= *this; }

 private:
  explicit JsonValue(std::shared_ptr<const nlohmann::json> value) : value_(std::move(value)) {
    if (!json().is_array()) return;
    for (const nlohmann::json& element : json()) {
      elements_.push_back(JsonValue(std::shared_ptr<const nlohmann::json>(value_, &element)));
    }
  }
  const JsonValue& Checked(bool has_it) const {
    if (has_it) return *this;
    throw detail::NotAnArray(detail::CutJson(Dump()) + " is of type " + json().type_name() +
                             ", not an array");
  }
  bool HasOrder(const JsonValue& other) const {
    return (json().is_number() && other.json().is_number()) ||
           (json().is_string() && other.json().is_string());
  }

  std::shared_ptr<const nlohmann::json> value_;
  std::vector<JsonValue> elements_;  // of an array; they share the document
};

inline void PrintTo(const JsonValue& value, std::ostream* out) { *out << value.Dump(); }

namespace detail {

/// Values that nest so deep that nlohmann-json, which copies them by recursion, runs out of stack.
inline bool IsTooDeep(std::string_view bytes) {
  constexpr int kDeepest = 500;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < bytes.size() && depth <= kDeepest; ++i) {
    if (in_text && bytes[i] == '\\') {
      ++i;
    } else if (bytes[i] == '"') {
      in_text = !in_text;
    } else if (!in_text && (bytes[i] == '[' || bytes[i] == '{')) {
      ++depth;
    } else if (!in_text && (bytes[i] == ']' || bytes[i] == '}')) {
      if (--depth <= 0) return false;  // what follows the value is no part of it
    }
  }
  return depth > kDeepest;
}

/// What `bytes` hold: one JSON value, or an object and then a file's bytes (writefile); a NUL that
/// ends the text is not part of it. Nothing where it nests deeper than 500 levels.
inline std::optional<nlohmann::json> ParsePayload(std::string_view bytes) {
  if (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  if (IsTooDeep(bytes)) return std::nullopt;
  nlohmann::json whole(nlohmann::json::value_t::discarded);
  if (bytes.find('\0') == std::string_view::npos) {  // where nlohmann-json would stop
    whole = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  }
  if (!whole.is_discarded()) return whole;
  if (bytes.empty() || bytes.front() != '{') return std::nullopt;
  try {
    std::istringstream in{std::string(bytes)};
    in >> whole;  // stops after one value
    return whole;
  } catch (const nlohmann::json::exception&) {  // or a number that no double holds
    return std::nullopt;
  }
}

class PayloadJsonMatcher {
 public:
  using is_gtest_matcher = void;

  PayloadJsonMatcher(const std::string& pointer, testing::Matcher<const JsonValue&> matcher)
      : pointer_(ParsePointer(pointer)), matcher_(std::move(matcher)) {}

  bool MatchAndExplain(const DecodedMessage& message,
                       testing::MatchResultListener* listener) const {
    return MatchAndExplain(message.payload, listener);
  }
  bool MatchAndExplain(const IoPacket& packet, testing::MatchResultListener* listener) const {
    return MatchAndExplain(packet.data, listener);
  }
  bool MatchAndExplain(std::string_view bytes, testing::MatchResultListener* listener) const {
    const std::optional<nlohmann::json> parsed = ParsePayload(bytes);
    if (!parsed) {
      *listener << "which holds no JSON:" << Readable(bytes, 200);
      return false;
    }
    const JsonValue document(*parsed);
    const nlohmann::json* const found = Find(document.json());
    if (found == nullptr) {
      *listener << "which holds nothing" << At() << ": " << CutJson(document.Dump());
      return false;
    }
    const JsonValue value(*found);
    *listener << "which holds " << CutJson(value.Dump()) << At();
    testing::StringMatchResultListener inner;
    try {
      const bool matches = matcher_.MatchAndExplain(value, &inner);
      if (!inner.str().empty()) *listener << ", " << inner.str();
      return matches;
    } catch (const NotAnArray& error) {
      *listener << ", where " << error.what();
      return false;
    }
  }
  void DescribeTo(std::ostream* out) const { Describe("holds", out); }
  void DescribeNegationTo(std::ostream* out) const { Describe("doesn't hold", out); }

 private:
  static nlohmann::json::json_pointer ParsePointer(const std::string& pointer) {
    try {
      return nlohmann::json::json_pointer(pointer);
    } catch (const nlohmann::json::parse_error&) {
      throw std::invalid_argument(
          "mock_hyperstart: PayloadJson(" + Quoted(pointer) +
          ", ...): that is no JSON pointer. Begin it with '/', or leave it empty for the whole "
          "document; in a name, write ~1 for '/' and ~0 for '~'");
    }
  }
  const nlohmann::json* Find(const nlohmann::json& document) const {
    try {
      return &document.at(pointer_);
    } catch (const std::exception&) {  // nlohmann::json's own, or std::stoull's before 3.11
      return nullptr;
    }
  }
  std::string At() const { return pointer_.empty() ? "" : " at " + Quoted(pointer_.to_string()); }
  void Describe(const char* verb, std::ostream* out) const {
    *out << verb << " JSON "
         << (pointer_.empty() ? "that" : "whose " + Quoted(pointer_.to_string())) << " ";
    matcher_.DescribeTo(out);
  }

  nlohmann::json::json_pointer pointer_;
  testing::Matcher<const JsonValue&> matcher_;
};

}  // namespace detail

/// A DecodedMessage, IoPacket or std::string that holds JSON with a match at that JSON pointer
/// (RFC 6901): PayloadJson("/process/args", ElementsAre("sh", "-c")); "" is the whole document.
/// What isn't there, or isn't JSON, doesn't match. Of a JSON object with other bytes behind it, as
/// in writefile, the object is matched; a NUL at the end is ignored. A plain value means equality.
/// Throws std::invalid_argument for what is no JSON pointer.
template <typename Matcher>
detail::PayloadJsonMatcher PayloadJson(const std::string& pointer, const Matcher& matcher) {
  return {pointer, testing::SafeMatcherCast<const JsonValue&>(matcher)};
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_JSON_HPP_
