// The agent's first JSON reader, against what the agent was seen to make of such texts.

#include "mock_hyperstart/detail/model/jsmn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Optional;
using Type = JsmnToken::Type;

/// A token as a test writes it down.
struct Token {
  Type type;
  std::string text;
  std::size_t size;
};
bool operator==(const Token& a, const Token& b) {
  return a.type == b.type && a.text == b.text && a.size == b.size;
}
void PrintTo(const Token& token, std::ostream* out) {
  *out << "type " << static_cast<int>(token.type) << ", size " << token.size << ": " << token.text;
}

std::optional<std::vector<Token>> Read(std::string_view json) {
  const std::optional<std::vector<JsmnToken>> tokens = JsmnReader::Read(json);
  if (!tokens) return std::nullopt;
  std::vector<Token> read;
  for (const JsmnToken& token : *tokens) {
    read.push_back({token.type, std::string(token.text), token.size});
  }
  return read;
}
Token Object(std::string text, std::size_t keys) { return {Type::kObject, std::move(text), keys}; }
Token Array(std::string text, std::size_t size) { return {Type::kArray, std::move(text), size}; }
Token Key(std::string text) { return {Type::kString, std::move(text), 1}; }
Token String(std::string text) { return {Type::kString, std::move(text), 0}; }
Token Primitive(std::string text) { return {Type::kPrimitive, std::move(text), 0}; }

TEST(Jsmn, CountsKeysElementsAndValues) {
  EXPECT_THAT(Read(R"({"a": [1, "b"], "c": {}})"),
              Optional(ElementsAre(Object(R"({"a": [1, "b"], "c": {}})", 2), Key("a"),
                                   Array(R"([1, "b"])", 2), Primitive("1"), String("b"), Key("c"),
                                   Object("{}", 0))));
}

TEST(Jsmn, TakesAnythingWithoutQuotesForAValue) {
  EXPECT_THAT(Read("junk"), Optional(ElementsAre(Primitive("junk"))));
  EXPECT_THAT(Read("null"), Optional(ElementsAre(Primitive("null"))));
  EXPECT_THAT(Read(R"({a: 0x10})"),
              Optional(ElementsAre(Object("{a: 0x10}", 1), Token{Type::kPrimitive, "a", 1},
                                   Primitive("0x10"))));
}

TEST(Jsmn, FindsNothingInNothing) {
  EXPECT_THAT(Read(""), Optional(IsEmpty()));
  EXPECT_THAT(Read(" \n"), Optional(IsEmpty()));
  EXPECT_THAT(Read(std::string_view("\0{", 2)), Optional(IsEmpty())) << "C ends a string at a NUL";
}

TEST(Jsmn, PassesATrailingCommaAndWhatFollowsTheObject) {
  EXPECT_THAT(Read(R"({"a":1,})"),
              Optional(ElementsAre(Object(R"({"a":1,})", 1), Key("a"), Primitive("1"))));
  EXPECT_THAT(Read(R"({"a":1}]]garbage{)"),
              Optional(ElementsAre(Object(R"({"a":1})", 1), Key("a"), Primitive("1"))));
}

TEST(Jsmn, RefusesWhatIsNotClosedOrNotOpened) {
  for (const char* const json : {"{", "[", R"({"a)", R"({"a":1)", "{]", "[}", "}", "]"}) {
    EXPECT_THAT(Read(json), Eq(std::nullopt)) << json;
  }
}

TEST(Jsmn, RefusesEscapesAndBytesThatItDoesNotKnow) {
  for (const char* const json : {R"(["\x"])", R"(["\u12G4"])", "[\xc3\xa9]", "[\x01]"}) {
    EXPECT_THAT(Read(json), Eq(std::nullopt)) << json;
  }
  EXPECT_THAT(Read("[\"\xc3\xa9\x01\"]"), Optional(testing::SizeIs(2))) << "but in a string";
}

TEST(Jsmn, UnescapesStrings) {
  EXPECT_THAT(Unescape(R"(a\"b\\c\nd\u0041\/e\te)"), Optional(Eq("a\"b\\c\ndA/e\te")));
  EXPECT_THAT(Unescape(R"(c\u00e9)"), Optional(Eq("c\xc3\xa9")));
  EXPECT_THAT(Unescape(R"(\u2603)"), Optional(Eq("\xe2\x98\x83")));
  EXPECT_THAT(Unescape(R"(\ud83d\ude00)"), Optional(Eq("\xf0\x9f\x98\x80")));
  EXPECT_THAT(Unescape(R"(before\u0000after)"), Optional(Eq("before")));
}

TEST(Jsmn, UnescapesNoHalfPairsAndNoControlCharacters) {
  for (const char* const text :
       {R"(\ud83d)", R"(\ud83d\u0041)", R"(\ude00)", R"(\q)", "\\", "tab\there", R"(\u12)"}) {
    EXPECT_THAT(Unescape(text), Eq(std::nullopt)) << text;
  }
}

std::uint64_t Number(std::string_view text) { return TokenNumber({Type::kPrimitive, text, 0}); }

TEST(Jsmn, ReadsNumbersAsCDoes) {  // [virtio-09i-number-as-string]
  EXPECT_EQ(Number("5"), 5u);
  EXPECT_EQ(Number("7.7"), 7u);
  EXPECT_EQ(Number("1e1"), 1u);
  EXPECT_EQ(Number("0x10"), 0u);
  EXPECT_EQ(Number("-1"), 18446744073709551615u);
  EXPECT_EQ(Number("18446744073709551615"), 9223372036854775807u);
  EXPECT_EQ(Number("18446744073709551616"), 9223372036854775807u);
  EXPECT_EQ(Number("true"), 0u);
  EXPECT_EQ(Number(R"(\q)"), 0u);
}

TEST(Jsmn, TakesAnythingButFalseForTrue) {  // [virtio-09i-bool-as-string]
  EXPECT_FALSE(TokenBool({Type::kPrimitive, "false", 0}));
  EXPECT_FALSE(TokenBool({Type::kString, "false", 0}));
  for (const char* const text : {"true", "0", "null", "no", "", "False"}) {
    EXPECT_TRUE(TokenBool({Type::kPrimitive, text, 0})) << text;
  }
}

}  // namespace
}  // namespace hyperstart::detail
