// The result of a wait, as a test uses it: a value, an assertion, or a reason that is thrown.

#include "mock_hyperstart/awaited.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace hyperstart {
namespace {

using namespace std::string_literals;
using testing::AssertionResult;

TEST(AwaitedTest, IsItsValue) {
  Awaited<std::string> awaited = "abc"s;
  EXPECT_TRUE(awaited);
  EXPECT_EQ(*awaited, "abc");
  EXPECT_EQ(awaited->size(), 3u);
  *awaited += "d";
  awaited->push_back('e');
  EXPECT_EQ(*std::as_const(awaited), "abcde");
  EXPECT_EQ(std::as_const(awaited)->size(), 5u);
  const std::string moved = *std::move(awaited);
  EXPECT_EQ(moved, "abcde");
}

TEST(AwaitedTest, IsTrueAlthoughItsValueIsFalseOrEmpty) {
  EXPECT_TRUE(Awaited<bool>(false));
  EXPECT_TRUE(Awaited<std::string>(""));
}

TEST(AwaitedTest, GivesAwayWhatCanOnlyBeMoved) {
  Awaited<std::unique_ptr<int>> awaited = std::make_unique<int>(7);
  const std::unique_ptr<int> moved = *std::move(awaited);
  EXPECT_EQ(*moved, 7);
}

TEST(AwaitedTest, TellsAnAssertionWhyThereIsNone) {
  const auto awaited = Awaited<std::string>::Failure("because");
  EXPECT_FALSE(awaited);
  const AssertionResult result = awaited;
  EXPECT_FALSE(result);
  EXPECT_STREQ(result.message(), "because");
}

TEST(AwaitedTest, IsAnAssertionThatSucceedsWithItsValue) {
  const AssertionResult result = Awaited<std::string>("abc");
  EXPECT_TRUE(result);
}

template <typename Use>
std::string Thrown(const Use& use) {
  try {
    use();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(AwaitedTest, ThrowsTheReasonIfTheValueIsUsed) {
  auto awaited = Awaited<std::string>::Failure("because");
  const auto& constant = awaited;
  EXPECT_EQ(Thrown([&] { (*awaited).clear(); }), "because");
  EXPECT_EQ(Thrown([&] { awaited->clear(); }), "because");
  EXPECT_EQ(Thrown([&] { static_cast<void>((*constant).size()); }), "because");
  EXPECT_EQ(Thrown([&] { static_cast<void>(constant->size()); }), "because");
  EXPECT_EQ(Thrown([&] { const std::string moved = *std::move(awaited); }), "because");
}

TEST(AwaitedTest, TurnsIntoABoolOnlyWhereOneIsAskedFor) {
  EXPECT_FALSE((std::is_convertible_v<Awaited<std::string>, bool>));
  EXPECT_TRUE((std::is_constructible_v<bool, Awaited<std::string>>));
}

}  // namespace
}  // namespace hyperstart
