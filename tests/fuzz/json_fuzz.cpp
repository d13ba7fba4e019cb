// The JSON matchers and all printing of bytes, with arbitrary bytes. Input: the length of a JSON
// pointer, the pointer, and a payload. Only PayloadJson may throw, for an invalid pointer. What is
// printed is UTF-8 without control characters, and its length is bounded for any payload.

#include <gmock/gmock.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <mock_hyperstart/detail/wire/text.hpp>
#include <mock_hyperstart/json.hpp>
#include <mock_hyperstart/messages.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz/fuzz.hpp"

namespace {

using fuzz::IsShowable;
using fuzz::IsUtf8;
using fuzz::Require;
using hyperstart::DecodedMessage;
using hyperstart::IoPacket;
using hyperstart::JsonValue;
using hyperstart::PayloadJson;
using testing::_;

/// A hexadecimal escape takes four characters for a byte, a hex dump more than five.
constexpr std::size_t Longest(std::size_t limit) { return 6 * limit + 200; }

void CheckPrinting(std::string_view bytes) {
  namespace detail = hyperstart::detail;
  const std::string quoted = detail::Quoted(bytes);
  Require(IsShowable(quoted), "Quoted is showable");
  Require(quoted.size() >= bytes.size() + 2, "Quoted loses nothing");
  Require(quoted.size() <= 4 * bytes.size() + 2, "Quoted takes four characters a byte at most");
  if (bytes.empty()) Require(detail::IsText(bytes), "nothing is text");

  for (const std::size_t limit :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{60}}) {
    const std::string line = detail::OneLine(bytes, limit);
    Require(IsShowable(line), "OneLine is showable, on one line");
    Require(line.size() <= Longest(limit), "OneLine is bounded");
    const std::string text = detail::Readable(bytes, limit);
    Require(IsShowable(text, true), "Readable is showable");
    Require(text.size() <= Longest(detail::IsText(bytes) ? limit : 256), "Readable is bounded");
    const std::string dump = detail::Dump(bytes, limit);
    Require(IsShowable(dump, true), "Dump is showable");
    Require(dump.size() <= Longest(limit), "Dump is bounded");
    const std::string_view cut = detail::CutText(bytes, limit);
    Require(cut.size() <= limit && bytes.substr(0, cut.size()) == cut, "CutText cuts at the end");
    if (IsUtf8(bytes)) {
      Require(IsUtf8(cut) && cut.size() + 3 >= std::min(limit, bytes.size()),
              "CutText cuts between two characters, the last that fit");
      Require(bytes.size() <= limit ||
                  detail::MultibyteLength(bytes.substr(cut.size())) + cut.size() > limit ||
                  cut.size() == limit,
              "CutText leaves out no character that fits");
    }
  }

  const DecodedMessage message{hyperstart::Command{99}, std::string(bytes)};
  const std::string printed = testing::PrintToString(message);
  Require(IsShowable(printed, true) && printed.size() <= Longest(1024), "a message prints well");
  const std::string packet = testing::PrintToString(IoPacket{7, message.payload});
  Require(IsShowable(packet, true) && packet.size() <= Longest(1024), "a packet prints well");

  if (!IsUtf8(bytes)) return;
  const nlohmann::json back = nlohmann::json::parse(detail::JsonString(bytes), nullptr, false);
  Require(back.is_string() && back.get_ref<const std::string&>() == bytes,
          "JsonString is JSON with the same value");
}

std::optional<nlohmann::json> ParseOrAbort(std::string_view bytes) {
  try {
    return hyperstart::detail::ParsePayload(bytes);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  Require(false, "ParsePayload never throws");
  return {};
}

void CheckMatching(const std::string& pointer, std::string_view bytes) {
  const testing::Matcher<const JsonValue&> inner[] = {
      _,
      testing::Eq(JsonValue(1)),
      testing::Lt(JsonValue(3)),
      testing::MatcherCast<const JsonValue&>(testing::Each(testing::Ge(1))),
      testing::SafeMatcherCast<const JsonValue&>(testing::ElementsAre("sh", _)),
      testing::SafeMatcherCast<const JsonValue&>(testing::HasSubstr("a")),
      testing::SafeMatcherCast<const JsonValue&>(testing::IsEmpty())};
  const DecodedMessage message{hyperstart::Command{1}, std::string(bytes)};
  bool found = false;
  for (const auto& matcher : inner) {
    std::optional<testing::Matcher<const DecodedMessage&>> whole;
    try {
      whole = testing::SafeMatcherCast<const DecodedMessage&>(PayloadJson(pointer, matcher));
    } catch (const std::invalid_argument& error) {
      Require(IsShowable(error.what()), "what is wrong with a pointer is showable");
      return;
    }
    testing::StringMatchResultListener listener;
    bool matches = false;
    try {
      matches = whole->MatchAndExplain(message, &listener);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      Require(false, "matching never throws");
    }
    if (&matcher == inner) found = matches;
    Require(!matches || found, "what does not match _ matches nothing");
    Require(IsUtf8(listener.str()), "an explanation is UTF-8");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string pointer(input.Take(input.Byte() % 64));
  const std::string_view bytes = input.Rest();
  CheckPrinting(bytes);
  if (const std::optional<nlohmann::json> json = ParseOrAbort(bytes)) {
    const JsonValue value(*json);
    Require(IsUtf8(value.Dump()), "a dump of JSON is UTF-8");
  }
  CheckMatching(pointer, bytes);
  return 0;
}
