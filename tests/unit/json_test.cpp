// PayloadJson: which matchers it accepts, which value it finds, and the exact text that it prints.

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <map>
#include <mock_hyperstart/json.hpp>
#include <mock_hyperstart/matchers.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "unit/verdict.hpp"

namespace hyperstart {
namespace {

using nlohmann::json;
using testing::_;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::DescribeMatcher;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::EndsWith;
using testing::Eq;
using testing::Ge;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsNull;
using testing::IsSupersetOf;
using testing::Le;
using testing::Lt;
using testing::Matches;
using testing::MatchesRegex;
using testing::Ne;
using testing::Not;
using testing::Optional;
using testing::Pointwise;
using testing::SizeIs;
using testing::StartsWith;
using testing::StrCaseEq;
using testing::StrEq;
using testing::Truly;
using testing::UnorderedElementsAre;
using testing::WhenSorted;

constexpr char kExec[] = R"({"id":"web","none":null,"on":true,"ratio":1.5,"stdio":1,"env":[],)"
                         R"("args":["sh","-c"],"mounts":[[1,2],[3]],"a/b":{"~":-1}})";

/// Of what kExec has at `pointer`.
template <typename Matcher>
std::string At(const std::string& pointer, const Matcher& matcher) {
  return Verdict(std::string(kExec), PayloadJson(pointer, matcher));
}
template <typename Matcher>
bool MatchesAt(const std::string& pointer, const Matcher& matcher) {
  return Matches(PayloadJson(pointer, matcher))(std::string(kExec));
}

template <typename Matcher>
std::string Described(const Matcher& matcher, bool negated = false) {
  return DescribeMatcher<std::string>(matcher, negated);
}

TEST(PayloadJson, TakesPlainValuesForEquality) {
  EXPECT_EQ(At("/stdio", 1), R"(yes; which holds 1 at "/stdio")");
  EXPECT_EQ(At("/stdio", 2), R"(no; which holds 1 at "/stdio")");
  EXPECT_EQ(At("/id", "web"), R"(yes; which holds "web" at "/id")");
  EXPECT_EQ(At("/id", "we"), R"(no; which holds "web" at "/id")");
  EXPECT_EQ(At("/id", std::string("web")), R"(yes; which holds "web" at "/id")");
  EXPECT_EQ(At("/id", std::string_view("webs")), R"(no; which holds "web" at "/id")");
  EXPECT_EQ(At("/on", true), R"(yes; which holds true at "/on")");
  EXPECT_EQ(At("/on", false), R"(no; which holds true at "/on")");
  EXPECT_EQ(At("/ratio", 1.5), R"(yes; which holds 1.5 at "/ratio")");
  EXPECT_EQ(At("/none", nullptr), R"(yes; which holds null at "/none")");
  EXPECT_EQ(At("/id", nullptr), R"(no; which holds "web" at "/id")");
}

TEST(PayloadJson, TakesJsonAndContainersForEquality) {
  EXPECT_EQ(At("/args", json::array({"sh", "-c"})), R"(yes; which holds ["sh","-c"] at "/args")");
  EXPECT_EQ(At("/args", json::array({"sh"})), R"(no; which holds ["sh","-c"] at "/args")");
  EXPECT_TRUE(MatchesAt("/args", std::vector<std::string>{"sh", "-c"}));
  EXPECT_FALSE(MatchesAt("/args", std::vector<std::string>{"-c", "sh"}));
  EXPECT_TRUE(MatchesAt("/a~1b", std::map<std::string, int>{{"~", -1}}));
  EXPECT_TRUE(MatchesAt("", json::parse(kExec)));
  EXPECT_FALSE(MatchesAt("", json::object()));
}

TEST(PayloadJson, TakesComparisons) {
  EXPECT_TRUE(MatchesAt("/stdio", Eq(1)));
  EXPECT_TRUE(MatchesAt("/stdio", Eq(1u)));
  EXPECT_FALSE(MatchesAt("/stdio", Eq(0)));
  EXPECT_TRUE(MatchesAt("/stdio", Ne(2)));
  EXPECT_FALSE(MatchesAt("/stdio", Ne(1)));
  EXPECT_TRUE(MatchesAt("/ratio", Gt(1)));
  EXPECT_FALSE(MatchesAt("/ratio", Gt(1.5)));
  EXPECT_TRUE(MatchesAt("/ratio", Ge(1.5)));
  EXPECT_FALSE(MatchesAt("/ratio", Ge(2)));
  EXPECT_TRUE(MatchesAt("/ratio", Lt(2)));
  EXPECT_FALSE(MatchesAt("/ratio", Lt(1.5)));
  EXPECT_TRUE(MatchesAt("/ratio", Le(1.5)));
  EXPECT_FALSE(MatchesAt("/ratio", Le(1)));
  EXPECT_TRUE(MatchesAt("/id", Eq("web")));
  EXPECT_FALSE(MatchesAt("/id", Ne("web")));
  EXPECT_TRUE(MatchesAt("/id", Gt("wea")));
  EXPECT_FALSE(MatchesAt("/id", Gt("wec")));
  EXPECT_TRUE(MatchesAt("/args", Eq(json{"sh", "-c"})));
  EXPECT_FALSE(MatchesAt("/args", Ne(json{"sh", "-c"})));
  EXPECT_TRUE(MatchesAt("/none", IsNull()));
  EXPECT_FALSE(MatchesAt("/env", IsNull()));
}

TEST(PayloadJson, KeepsTypesApart) {
  EXPECT_FALSE(MatchesAt("/stdio", Eq("1")));
  EXPECT_FALSE(MatchesAt("/stdio", true));
  EXPECT_FALSE(MatchesAt("/on", 1));
  EXPECT_TRUE(MatchesAt("/stdio", 1.0));
  EXPECT_TRUE(MatchesAt("/stdio", Ne("1")));
}

TEST(PayloadJson, FindsNoOrderBetweenTypes) {
  EXPECT_FALSE(MatchesAt("/id", Gt(0)));
  EXPECT_FALSE(MatchesAt("/id", Ge(0)));
  EXPECT_FALSE(MatchesAt("/stdio", Lt("a")));
  EXPECT_FALSE(MatchesAt("/stdio", Le("a")));
  EXPECT_FALSE(MatchesAt("/none", Lt(1)));
  EXPECT_FALSE(MatchesAt("/args", Gt(1)));
}

TEST(PayloadJson, TakesStringMatchers) {
  EXPECT_TRUE(MatchesAt("/id", HasSubstr("eb")));
  EXPECT_FALSE(MatchesAt("/id", HasSubstr("\"")));
  EXPECT_TRUE(MatchesAt("/id", StartsWith("we")));
  EXPECT_FALSE(MatchesAt("/id", StartsWith("eb")));
  EXPECT_TRUE(MatchesAt("/id", EndsWith("eb")));
  EXPECT_TRUE(MatchesAt("/id", MatchesRegex("w.b")));
  EXPECT_FALSE(MatchesAt("/id", MatchesRegex("w.")));
  EXPECT_TRUE(MatchesAt("/id", ContainsRegex("w.")));
  EXPECT_FALSE(MatchesAt("/id", ContainsRegex("x")));
  EXPECT_TRUE(MatchesAt("/id", StrEq("web")));
  EXPECT_TRUE(MatchesAt("/id", StrCaseEq("WEB")));
  EXPECT_FALSE(MatchesAt("/id", StrEq("WEB")));
  EXPECT_TRUE(MatchesAt("/id", testing::Matcher<std::string>("web")));
  EXPECT_FALSE(MatchesAt("/id", testing::Matcher<const std::string&>("wb")));
}

TEST(PayloadJson, ShowsStringMatchersTheDumpOfWhatIsNoString) {
  EXPECT_TRUE(MatchesAt("/args", StrEq(R"(["sh","-c"])")));
  EXPECT_TRUE(MatchesAt("/mounts", HasSubstr("[3]")));
  EXPECT_TRUE(MatchesAt("/ratio", StartsWith("1.")));
  EXPECT_FALSE(MatchesAt("/ratio", StartsWith("\"")));
}

TEST(PayloadJson, TakesContainerMatchersOfArrays) {
  EXPECT_TRUE(MatchesAt("/args", ElementsAre("sh", "-c")));
  EXPECT_TRUE(MatchesAt("/args", ElementsAre(StartsWith("s"), Not("sh"))));
  EXPECT_FALSE(MatchesAt("/args", ElementsAre("sh")));
  EXPECT_TRUE(MatchesAt("/args", ElementsAreArray({"sh", "-c"})));
  EXPECT_TRUE(MatchesAt("/args", UnorderedElementsAre("-c", "sh")));
  EXPECT_FALSE(MatchesAt("/args", UnorderedElementsAre("-c", "-c")));
  EXPECT_TRUE(MatchesAt("/args", IsSupersetOf({"-c"})));
  EXPECT_TRUE(MatchesAt("/args", Contains("-c")));
  EXPECT_FALSE(MatchesAt("/args", Contains("-d")));
  EXPECT_TRUE(MatchesAt("/args", Each(SizeIs(2))));
  EXPECT_FALSE(MatchesAt("/args", Each(StartsWith("-"))));
  EXPECT_TRUE(MatchesAt("/args", Pointwise(Eq(), {"sh", "-c"})));
  EXPECT_FALSE(MatchesAt("/args", Pointwise(Eq(), {"sh", "-d"})));
  EXPECT_TRUE(MatchesAt("/args", WhenSorted(ElementsAre("-c", "sh"))));
  EXPECT_TRUE(MatchesAt("/mounts", ElementsAre(ElementsAre(1, Gt(1)), Contains(3))));
  EXPECT_FALSE(MatchesAt("/mounts", ElementsAre(ElementsAre(1, 2), Contains(4))));
  EXPECT_TRUE(MatchesAt("/mounts", Contains(json::array({3}))));
  EXPECT_TRUE(MatchesAt("/env", ElementsAre()));
  EXPECT_FALSE(MatchesAt("/mounts", ElementsAre()));
}

TEST(PayloadJson, TakesSizesOfWhatHasOne) {
  EXPECT_TRUE(MatchesAt("/args", SizeIs(2)));
  EXPECT_TRUE(MatchesAt("", SizeIs(9)));
  EXPECT_TRUE(MatchesAt("/id", SizeIs(Lt(4u))));
  EXPECT_FALSE(MatchesAt("/id", SizeIs(1)));
  EXPECT_TRUE(MatchesAt("/env", IsEmpty()));
  EXPECT_FALSE(MatchesAt("/args", IsEmpty()));
  EXPECT_FALSE(MatchesAt("/a~1b", IsEmpty()));
  EXPECT_FALSE(MatchesAt("/id", IsEmpty()));
}

TEST(PayloadJson, NeverTakesWhatIsNoArrayForAnEmptyOne) {
  EXPECT_EQ(At("/id", Each("web")),
            R"(no; which holds "web" at "/id", where "web" is of type string, not an array)");
  EXPECT_EQ(At("/id", Not(Contains("x"))),
            R"(no; which holds "web" at "/id", where "web" is of type string, not an array)");
  EXPECT_EQ(At("/none", IsEmpty()),
            R"(no; which holds null at "/none", where null is of type null, not an array)");
  EXPECT_EQ(At("/stdio", SizeIs(1)),
            R"(no; which holds 1 at "/stdio", where 1 is of type number, not an array)");
  EXPECT_EQ(
      At("/a~1b", ElementsAre(-1)),
      R"(no; which holds {"~":-1} at "/a~1b", where {"~":-1} is of type object, not an array)");
  EXPECT_EQ(
      At("/args", Contains(ElementsAre("sh"))),
      R"(no; which holds ["sh","-c"] at "/args", where "sh" is of type string, not an array)");
}

TEST(PayloadJson, TakesLogicAndAnything) {
  EXPECT_TRUE(MatchesAt("/stdio", AllOf(Gt(0), Lt(2))));
  EXPECT_FALSE(MatchesAt("/stdio", AllOf(Gt(0), Lt(1))));
  EXPECT_TRUE(MatchesAt("/stdio", AnyOf(0, 1)));
  EXPECT_FALSE(MatchesAt("/stdio", AnyOf("1", 2)));
  EXPECT_TRUE(MatchesAt("/id", Not("x")));
  EXPECT_FALSE(MatchesAt("/id", Not("web")));
  EXPECT_TRUE(MatchesAt("/none", _));
  const auto is_object = [](const JsonValue& value) { return value.json().is_object(); };
  EXPECT_TRUE(MatchesAt("/a~1b", Truly(is_object)));
  EXPECT_FALSE(MatchesAt("/args", Truly(is_object)));
}

TEST(PayloadJson, FollowsThePointer) {
  EXPECT_TRUE(MatchesAt("/mounts/0/1", 2));
  EXPECT_TRUE(MatchesAt("/a~1b/~0", -1));
  EXPECT_FALSE(MatchesAt("/mounts/1/0", 2));
}

TEST(PayloadJson, SaysWhenThePointerLeadsNowhere) {
  const std::string text = R"({"args":["sh"],"id":"web"})";
  const auto nothing_at = [&](const std::string& pointer) {
    return "no; which holds nothing at \"" + pointer + "\": " + text;
  };
  for (const std::string pointer :
       {"/x", "/", "/id/x", "/args/1", "/args/-", "/args/x", "/args/01", "/args/0/0", "/ID"}) {
    EXPECT_EQ(Verdict(text, PayloadJson(pointer, _)), nothing_at(pointer));
    EXPECT_EQ(Verdict(text, PayloadJson(pointer, Not(1))), nothing_at(pointer));
  }
  const std::string huge = "/args/99999999999999999999999";
  EXPECT_EQ(Verdict(text, PayloadJson(huge, _)), nothing_at(huge));
}

TEST(PayloadJson, CutsWhatIsLong) {
  const std::string cut = '"' + std::string(199, 'a') + "... (the first 200 of 302 bytes)";
  const std::string text = '"' + std::string(300, 'a') + '"';
  EXPECT_EQ(Verdict(text, PayloadJson("", "b")), "no; which holds " + cut);
  EXPECT_EQ(Verdict(text, PayloadJson("/b", "b")), "no; which holds nothing at \"/b\": " + cut);
  EXPECT_EQ(
      Verdict(text.substr(1), PayloadJson("", "b")),
      "no; which holds no JSON: \"" + std::string(200, 'a') + "\"... (the first 200 of 301 bytes)");
}

TEST(PayloadJson, NeverShowsAControlCharacter) {
  const std::string text = "{\"a\":\"\u009b31m\x7f\"}";
  EXPECT_EQ(Verdict(text, PayloadJson("/a", "b")), R"(no; which holds "\u009b31m\u007f" at "/a")");
  EXPECT_EQ(Verdict(text, PayloadJson("/b", "b")),
            R"(no; which holds nothing at "/b": {"a":"\u009b31m\u007f"})");
  EXPECT_EQ(testing::PrintToString(JsonValue("\u202e\u202c")), R"("\u202e\u202c")");
  EXPECT_THAT(text, PayloadJson("/a", "\u009b31m\x7f")) << "matchers see the characters";
}

TEST(PayloadJson, SaysWhenThereIsNoJson) {
  const auto is_anything = PayloadJson("", _);
  EXPECT_EQ(Verdict(std::string(), is_anything), R"(no; which holds no JSON: "")");
  EXPECT_EQ(Verdict(std::string("pong"), is_anything), R"(no; which holds no JSON: "pong")");
  EXPECT_EQ(Verdict(std::string(R"({"a":)"), is_anything), R"(no; which holds no JSON: {"a":)");
  EXPECT_EQ(Verdict(std::string("12 ab"), is_anything), R"(no; which holds no JSON: "12 ab")");
  EXPECT_EQ(Verdict(std::string("[1]x"), is_anything), "no; which holds no JSON: [1]x");
  EXPECT_EQ(Verdict(DecodedMessage{Command::kNext, std::string("\0\0\0\7", 4)}, is_anything),
            "no; which holds no JSON:\n"
            "    00000000  00 00 00 07                                      |....|");
}

TEST(PayloadJson, MatchesTheObjectInFrontOfAFile) {
  const auto writes_to = [](const char* file) { return PayloadJson("/file", file); };
  for (const std::string& content :
       {std::string("text"), std::string("{\"file\":\"/b\"}"), std::string("}"),
        std::string("\0\xff\x80\0", 4), std::string("\0", 1), std::string("\n")}) {
    const DecodedMessage message{Command::kWriteFile, R"({"file":"/a"})" + content};
    EXPECT_EQ(Verdict(message, writes_to("/a")), R"(yes; which holds "/a" at "/file")");
    EXPECT_EQ(Verdict(message, writes_to("/b")), R"(no; which holds "/a" at "/file")");
  }
}

TEST(PayloadJson, ToleratesANulAtTheEnd) {
  EXPECT_TRUE(Matches(PayloadJson("", 12))(std::string("12\0", 3)));
  EXPECT_TRUE(Matches(PayloadJson("", ElementsAre(1)))(std::string("[1]\0", 4)));
  EXPECT_FALSE(Matches(PayloadJson("", _))(std::string("12\0\0", 4)));
  EXPECT_FALSE(Matches(PayloadJson("", _))(std::string("12\0x", 4)));
  EXPECT_FALSE(Matches(PayloadJson("", _))(std::string("\0", 1)));
}

TEST(PayloadJson, SaysOfWhatNoParserTakesThatItIsNoJson) {
  const std::string deep(100'000, '[');
  for (const std::string& payload :
       {std::string(R"({"a":1e999})"), deep + std::string(100'000, ']'), deep}) {
    EXPECT_THAT(Verdict(payload, PayloadJson("", Ne(nullptr))),
                testing::StartsWith("no; which holds no JSON"));
  }
  EXPECT_THAT(R"({"a":")" + std::string(1000, '[') + R"(\"[","b":1})", PayloadJson("/b", 1))
      << "brackets in a text do not nest";
  EXPECT_THAT(R"({"b":1})" + std::string(1000, '['), PayloadJson("/b", 1))
      << "nor do those of the file behind it";
}

TEST(PayloadJson, RefusesWhatIsNoPointer) {
  const auto refusal = [](const std::string& pointer) -> std::string {
    try {
      (void)PayloadJson(pointer, _);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(
      refusal("id"),
      "mock_hyperstart: PayloadJson(\"id\", ...): that is no JSON pointer. Begin it with '/', "
      "or leave it empty for the whole document; in a name, write ~1 for '/' and ~0 for '~'");
  EXPECT_THAT(refusal("/a~b"), HasSubstr("PayloadJson(\"/a~b\", ...)"));
  EXPECT_THAT(refusal("#/a"), HasSubstr("PayloadJson(\"#/a\", ...)"));
  EXPECT_EQ(refusal("/a~1b"), "none");
  EXPECT_EQ(refusal(""), "none");
}

TEST(PayloadJson, DescribesItself) {
  EXPECT_EQ(Described(PayloadJson("/id", "c")), R"(holds JSON whose "/id" is equal to "c")");
  EXPECT_EQ(Described(PayloadJson("/id", "c"), true),
            R"(doesn't hold JSON whose "/id" is equal to "c")");
  EXPECT_EQ(Described(PayloadJson("/process/stdio", Eq(1))),
            R"(holds JSON whose "/process/stdio" is equal to 1)");
  EXPECT_EQ(Described(PayloadJson("/a~1b", HasSubstr("x"))),
            R"(holds JSON whose "/a~1b" has substring "x")");
  EXPECT_EQ(Described(PayloadJson("", json{{"a", true}})),
            R"(holds JSON that is equal to {"a":true})");
  EXPECT_EQ(Described(PayloadJson("/args", ElementsAre("sh", 1))),
            "holds JSON whose \"/args\" has 2 elements where\n"
            "element #0 is equal to \"sh\",\n"
            "element #1 is equal to 1");
}

TEST(PayloadJson, RepeatsWhatTheMatcherSays) {
  EXPECT_EQ(At("/args", SizeIs(2)),
            R"(yes; which holds ["sh","-c"] at "/args", whose size 2 matches)");
  EXPECT_EQ(At("/args", Each("sh")),
            R"(no; which holds ["sh","-c"] at "/args", whose element #1 doesn't match)");
  // The rest is GoogleMock's, and differs between its versions.
  EXPECT_THAT(At("/args", ElementsAre("sh", "-x")),
              StartsWith(R"(no; which holds ["sh","-c"] at "/args", whose element #1 )"));
  EXPECT_THAT(At("/args", WhenSorted(ElementsAre("sh", "sh"))),
              StartsWith(R"(no; which holds ["sh","-c"] at "/args", )"
                         R"(which is { "-c", "sh" } when sorted, whose element #0 )"));
}

TEST(PayloadJson, MatchesMessagesAndPackets) {
  const DecodedMessage message{Command::kNewContainer, R"({"id":"c"})"};
  EXPECT_EQ(Verdict(message, PayloadJson("/id", "c")), R"(yes; which holds "c" at "/id")");
  EXPECT_EQ(Verdict(message, PayloadJson("/id", "d")), R"(no; which holds "c" at "/id")");
  EXPECT_EQ(Verdict(IoPacket{1, "[1]"}, PayloadJson("/0", 1)), R"(yes; which holds 1 at "/0")");
  EXPECT_EQ(Verdict(IoPacket{1, ""}, PayloadJson("/0", 1)), R"(no; which holds no JSON: "")");
}

TEST(PayloadJson, ComposesWithTheOtherMatchers) {
  const DecodedMessage message{Command::kNewContainer, R"({"id":"c"})"};
  const auto both = AllOf(IsCommand(Command::kNewContainer), PayloadJson("/id", "d"));
  EXPECT_EQ(Verdict(message, both), R"(no; which holds "c" at "/id")");
  EXPECT_EQ(DescribeMatcher<DecodedMessage>(both),
            R"((is a newcontainer) and (holds JSON whose "/id" is equal to "d"))");
  const auto inside = IsMessage(Command::kNewContainer, PayloadJson("/id", "d"));
  EXPECT_EQ(Verdict(message, inside),
            R"(no; whose payload is {"id":"c"}, which holds "c" at "/id")");
  EXPECT_EQ(DescribeMatcher<DecodedMessage>(inside),
            R"(is a newcontainer whose payload holds JSON whose "/id" is equal to "d")");
  EXPECT_THAT(message, AllOf(IsCommand(Command::kNewContainer), PayloadJson("/id", "c")));
  EXPECT_THAT(message, IsMessage(Command::kNewContainer, PayloadJson("/id", "c")));
  EXPECT_THAT(message, Not(PayloadJson("/id", "d")));
  EXPECT_THAT((IoPacket{1, "[1]"}), IsIoPacket(1, PayloadJson("/0", 1)));
  EXPECT_THAT(std::vector{message}, Contains(PayloadJson("/id", StartsWith("c"))));
  EXPECT_THAT(std::optional(message), Optional(PayloadJson("/id", "c")));
}

TEST(PayloadJson, ChoosesAmongTheExpectationsOfAMock) {
  testing::MockFunction<int(const DecodedMessage&)> call;
  EXPECT_CALL(call, Call(PayloadJson("/id", "a"))).WillOnce(testing::Return(1));
  EXPECT_CALL(call, Call(PayloadJson("/id", "b"))).WillOnce(testing::Return(2));
  EXPECT_EQ(call.Call({Command::kNewContainer, R"({"id":"a"})"}), 1);
  EXPECT_EQ(call.Call({Command::kNewContainer, R"({"id":"b"})"}), 2);
}

TEST(PayloadJson, ReadsWellInAFailingAssertion) {
  const DecodedMessage message{Command::kNewContainer, R"({"id":"c"})"};
  const std::string type = GTEST_HAS_RTTI ? " (of type hyperstart::DecodedMessage)" : "";
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(message, PayloadJson("/id", "d")),
                          "Value of: message\n"
                          "Expected: holds JSON whose \"/id\" is equal to \"d\"\n"
                          "  Actual: newcontainer, 10 bytes: {\"id\":\"c\"}" +
                              type + ", which holds \"c\" at \"/id\"");
}

TEST(JsonValue, ComparesWithJsonAndWhatMakesIt) {
  const JsonValue one(1);
  EXPECT_TRUE(one == 1);
  EXPECT_TRUE(one == json(1));
  EXPECT_TRUE(one != json("1"));
  EXPECT_TRUE(one < JsonValue(2));
  EXPECT_TRUE(one >= json(1));
  EXPECT_FALSE(one == nullptr);
  EXPECT_FALSE(one > 1);
}

TEST(JsonValue, SharesItsDocumentWithItsElements) {
  std::vector<JsonValue> elements;
  {
    const JsonValue array(json::array({json::array({"x"})}));
    elements.assign(array.begin(), array.end());
  }
  EXPECT_EQ(testing::PrintToString(elements), R"({ ["x"] })");
  EXPECT_EQ(std::string(*elements.at(0).begin()), "x");
}

TEST(JsonValue, SaysWhatItIsNot) {
  EXPECT_THROW(JsonValue(1).begin(), std::domain_error);
  EXPECT_THROW(JsonValue("x").end(), std::domain_error);
  EXPECT_THROW((void)JsonValue(nullptr).size(), std::domain_error);
  EXPECT_EQ(JsonValue("").size(), 0u);
}

}  // namespace
}  // namespace hyperstart
