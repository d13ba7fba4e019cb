// A reference to a function or a lambda calls it, and costs no copy of it.

#include "mock_hyperstart/detail/agent/function_ref.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hyperstart::detail {
namespace {

std::string Call(FunctionRef<std::string> function) { return function(); }

std::string Hello() { return "hello"; }

TEST(FunctionRefTest, CallsAFunction) { EXPECT_EQ(Call(&Hello), "hello"); }

TEST(FunctionRefTest, CallsALambdaWithWhatItCaptures) {
  int calls = 0;
  const auto count = [&] { return std::to_string(++calls); };
  EXPECT_EQ(Call(count), "1");
  EXPECT_EQ(Call(count), "2");
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace hyperstart::detail
