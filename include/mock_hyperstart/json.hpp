// A GoogleMock matcher for JSON in a payload. This header is optional: it needs GoogleMock and
// nlohmann-json, which the rest of the library does not. The inner matchers see a JsonValue, not an
// nlohmann::json, whose implicit conversions are ambiguous with GoogleMock's. Knows nothing of
// commands. Values: any thread, if the inner matchers are.

#ifndef MOCK_HYPERSTART_JSON_HPP_
#define MOCK_HYPERSTART_JSON_HPP_

#if !__has_include(<gmock/gmock.h>)
#error mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)
#elif !__has_include(<nlohmann/json.hpp>)
#error mock_hyperstart needs nlohmann-json 3 or later (Debian: nlohmann-json3-dev)
#else  // nothing but that error

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/json/payload.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart {
class JsonValue;
}

/// Empty, so that a JsonValue does not convert to nlohmann::json: their comparison would be
/// ambiguous.
template <>
struct nlohmann::adl_serializer<hyperstart::JsonValue> {};
/// Empty: nlohmann-json 3.10.5 claims to convert json to any matcher, but can't.
template <>
struct nlohmann::adl_serializer<testing::Matcher<const hyperstart::JsonValue&> > {};

namespace hyperstart {
namespace detail {

/// For types that nlohmann::json can be made from: numbers, bool, nullptr, strings, vectors, maps.
template <typename T>
using IfJson =
    std::enable_if_t<std::conjunction_v<std::negation<std::is_same<T, JsonValue> >,
                                        std::is_constructible<nlohmann::json, const T&> > >;

/// Thrown when a value that is not an array is used like one. It ends the match: a number that
/// looked like an empty array would satisfy Each(...).
struct NotAnArray : std::domain_error {
  using std::domain_error::domain_error;
};

}  // namespace detail

/// A JSON value for inner matchers. It compares with everything that nlohmann::json compares with,
/// converts to a string for string matchers, and is a container of JsonValue if it is an array.
class JsonValue {
 public:
  using value_type = JsonValue;
  using const_iterator = std::vector<JsonValue>::const_iterator;
  using iterator = const_iterator;

  /// Implicit, so that GoogleMock accepts plain values as matchers.
  template <typename T, typename = detail::IfJson<T> >
  JsonValue(const T& value)  // NOLINT(google-explicit-constructor)
      : JsonValue(std::make_shared<const nlohmann::json>(value)) {}

  const nlohmann::json& json() const { return *value_; }
  /// The JSON text on one line.
  std::string Dump() const {
    return json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  /// The characters of a string; the JSON text of any other value.
  operator std::string() const {  // NOLINT(google-explicit-constructor)
    return json().is_string() ? json().get_ref<const std::string&>() : Dump();
  }

  /// The elements of an array. For other values these throw std::domain_error.
  const_iterator begin() const { return Checked(json().is_array()).elements_.begin(); }
  const_iterator end() const { return Checked(json().is_array()).elements_.end(); }
  /// The size of an array or object, or the bytes of a string. Throws std::domain_error for others.
  std::size_t size() const {
    Checked(json().is_structured() || json().is_string());
    return json().is_string() ? json().get_ref<const std::string&>().size() : json().size();
  }
  bool empty() const { return size() == 0; }

  // Members: as free functions, they would be candidates in the comparisons of other libraries.
  // 1 equals 1.0, but neither "1" nor true. Only numbers, and only strings, have an order.
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
  std::vector<JsonValue> elements_;  // of an array; they share ownership of the document
};

inline void PrintTo(const JsonValue& value, std::ostream* out) {
  *out << detail::EscapeJsonControls(value.Dump());
}

namespace detail {

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
    } catch (const std::exception&) {  // before 3.11, also those of std::stoull
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

/// Matches a DecodedMessage, IoPacket or std::string with JSON in it, if `matcher` matches the
/// value at the JSON pointer `pointer` (RFC 6901; "" is the whole document). A plain value means
/// equality. Use: PayloadJson("/process/args", ElementsAre("sh", "-c")). If there is no such value,
/// or no JSON, it does not match. If other bytes follow a JSON object, as in writefile, the object
/// is matched; a NUL at the end is ignored. Throws std::invalid_argument if `pointer` is not a JSON
/// pointer.
template <typename Matcher>
detail::PayloadJsonMatcher PayloadJson(const std::string& pointer, const Matcher& matcher) {
  return {pointer, testing::SafeMatcherCast<const JsonValue&>(matcher)};
}

}  // namespace hyperstart

#endif  // has GoogleMock and nlohmann-json

#endif  // MOCK_HYPERSTART_JSON_HPP_
