// The agent's second JSON reader, against what the agent was seen to make of such texts.

#include "mock_hyperstart/detail/model/parson.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>

namespace hyperstart::detail {
namespace {

using testing::Eq;
using testing::Optional;

ParsonObject Read(const std::string& json) {
  const std::optional<ParsonObject> object = ParsonObject::Read(json);
  EXPECT_TRUE(object) << json;
  return object ? *object : *ParsonObject::Read("{}");
}

TEST(Parson, ReadsStringsAndNumbers) {
  const ParsonObject object = Read(R"( {"container" : "c\u00e9", "signal":9.7, "x": {"y": [1]}} )");
  EXPECT_THAT(object.String("container"), Optional(Eq("c\xc3\xa9")));
  EXPECT_EQ(object.Int("signal"), 9);
  EXPECT_EQ(object.String("x"), std::nullopt);
  EXPECT_EQ(object.String("y"), std::nullopt) << "only the outermost object's";
}

TEST(Parson, CountsWhatIsMissingOrNoNumberAsZero) {  // [virtio-09i-number-as-string]
  const ParsonObject object = Read(R"({"signal": "9", "flag": true})");
  EXPECT_EQ(object.Int("signal"), 0);
  EXPECT_EQ(object.Int("flag"), 0);
  EXPECT_EQ(object.Int("nothing"), 0);
  EXPECT_EQ(object.String("nothing"), std::nullopt);
}

TEST(Parson, MakesIntsAsTheAgentsProcessorDoes) {
  const ParsonObject object =
      Read(R"({"a": -1, "b": 65540, "c": 1e10, "d": -1e10, "e": 2147483647.5, "f": 1e1})");
  EXPECT_EQ(object.Int("a"), -1);
  EXPECT_EQ(object.Int("b"), 65540);
  EXPECT_EQ(object.Int("c"), -2147483647 - 1);
  EXPECT_EQ(object.Int("d"), -2147483647 - 1);
  EXPECT_EQ(object.Int("e"), 2147483647);
  EXPECT_EQ(object.Int("f"), 10);
}

TEST(Parson, FindsNoMembersInWhatIsNoObject) {  // [virtio-06a-kill-missing]
  for (const char* const json : {"[]", "null", "5", R"("container")", "true", R"([{"a":"b"}])"}) {
    EXPECT_EQ(Read(json).String("a"), std::nullopt) << json;
  }
}

TEST(Parson, PassesWhatFollowsTheValue) {
  EXPECT_THAT(Read(R"({"a":"b"}garbage)").String("a"), Optional(Eq("b")));
}

TEST(Parson, PassesATextWithoutItsLastQuote) {  // [from source]
  for (const char* const json :
       {R"(")", R"("container)", R"("a\")", R"("a\)", R"("\u0041)", R"( "\ud83d\ude00)"}) {
    EXPECT_EQ(Read(json).String("a"), std::nullopt) << json;
  }
  for (const char* const json : {R"({"container)", R"({"a":"b)", R"(["b)", R"("\u00)", R"("\qx)"}) {
    EXPECT_FALSE(ParsonObject::Read(json)) << json;
  }
}

TEST(Parson, TakesABraceThatAKeyFollowsForItsQuote) {  // [from source]
  const ParsonObject object = Read(R"({"a":"b",}container":"c"})");
  EXPECT_THAT(object.String("container"), Optional(Eq("c")));
}

TEST(Parson, KeepsNoMoreThan960Members) {  // [from source]
  const auto with_members = [](int count) {
    std::string json = "{";
    for (int i = 0; i < count; ++i) json += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
    return json + "}";
  };
  EXPECT_TRUE(ParsonObject::Read(with_members(960)));
  EXPECT_FALSE(ParsonObject::Read(with_members(961)));
}

TEST(Parson, RefusesWhatTheAgentAnswersWithAnError) {
  for (const char* const json :
       {"", "{", "junk", R"({"a":1,})", "[1,]", R"({"a":1 "b":2})", R"({"a":1,"a":2})", R"({"a"})",
        R"({"a":})", R"({"a":01})", R"({"a":0x1})", R"({"a":-01})", R"({"a":"\q"})", R"({"a":"b)",
        R"({"a":+1})", R"({"a":tru})", R"({a:1})", "{]"}) {
    EXPECT_FALSE(ParsonObject::Read(json)) << json;
  }
}

TEST(Parson, RefusesMoreThanNineteenContainersInOneAnother) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(ParsonObject::Read(nested(20)));
  EXPECT_FALSE(ParsonObject::Read(nested(21)));
}

}  // namespace
}  // namespace hyperstart::detail
