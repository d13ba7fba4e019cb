#include "mock_hyperstart/detail/recording/payload_diff.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hyperstart::detail {
namespace {

std::string Diff(std::string_view expected, std::string_view came,
                 const std::vector<std::string>& ignored = {}, bool bytes_follow = false) {
  std::vector<JsonPointer> pointers;
  for (const std::string& pointer : ignored) pointers.emplace_back(pointer);
  return DiffPayloads(expected, came, pointers, bytes_follow);
}

TEST(PayloadDiff, JsonIsComparedAsValues) {
  EXPECT_EQ(Diff(R"({"a":1,"b":[true,null]})", R"({ "b": [true, null], "a": 1 })"), "");
  EXPECT_EQ(Diff("", ""), "");
}

TEST(PayloadDiff, EachFieldHasALine) {
  EXPECT_EQ(Diff(R"({"a":1,"b":{"c":"x"},"d":0})", R"({"a":2,"b":{"c":"y","e":[]}})"),
            "\n    /a: expected 1, came 2"
            "\n    /b/c: expected \"x\", came \"y\""
            "\n    /b/e: expected nothing, came []"
            "\n    /d: expected 0, came nothing");
}

TEST(PayloadDiff, AnotherTypeIsTheWhole) {
  EXPECT_EQ(Diff("[1]", "{}"), "\n    the whole: expected [1], came {}");
}

TEST(PayloadDiff, WhatIsIgnoredMayDiffer) {
  EXPECT_EQ(Diff(R"({"id":"a","p":[1,2]})", R"({"id":"b","p":[1,3]})", {"/id", "/p/1"}), "");
  EXPECT_EQ(Diff(R"({"id":"a"})", R"({})", {"/id"}), "") << "it may also be missing";
  EXPECT_EQ(Diff(R"({"p":[1,2]})", R"({"p":[1]})", {"/p/1"}), "") << "in a list, too";
  EXPECT_EQ(Diff(R"({"p":[1,2]})", R"({"p":[2,2]})", {"/p/1", "/no", ""}),
            "\n    /p/0: expected 1, came 2");
}

TEST(PayloadDiff, AnythingElseIsComparedAsBytes) {
  EXPECT_EQ(Diff("same", "samt"), "\n    from byte 4: expected \"e\", came \"t\"");
  EXPECT_EQ(Diff("more", "m"), "\n    from byte 2: expected \"ore\", came nothing");
  EXPECT_EQ(Diff("5", "6"), "\n    from byte 1: expected \"5\", came \"6\"");
  EXPECT_EQ(Diff("{}", "no"), "\n    from byte 1: expected {}, came \"no\"");
}

TEST(PayloadDiff, BytesMayFollowTheJson) {
  EXPECT_EQ(Diff(R"({"a":1}bytes)", R"({ "a": 1 }bytes)", {}, true), "");
  EXPECT_EQ(Diff(R"({"a":1}bytes)", R"({"a":2}bytes)", {"/a"}, true), "");
  EXPECT_EQ(Diff(R"({"a":1}bytes)", R"({"a":2}bytex)", {}, true),
            "\n    /a: expected 1, came 2\n    from byte 5: expected \"s\", came \"x\"");
}

TEST(PayloadDiff, LongValuesAreCut) {
  const std::string text = Diff(R"({"a":1})", R"({"a":")" + std::string(1000, 'x') + "\"}");
  EXPECT_LT(text.size(), 300u);
  EXPECT_EQ(text.substr(text.size() - 4), "x...");
}

TEST(PayloadDiff, AJsonTextThatIsNoUtf8IsShown) {
  EXPECT_EQ(Diff("[\"a\"]", "[\"\xff\"]"),
            "\n    from byte 3: expected \"a\\\"]\", came hex ff 22 5d")
      << "it is no JSON";
}

}  // namespace
}  // namespace hyperstart::detail
