// What is said of an exception.

#include "mock_hyperstart/detail/agent/exception_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace hyperstart::detail {
namespace {

template <typename Exception>
std::string TextOf(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    return CurrentExceptionText();
  }
}

TEST(ExceptionTextTest, IsWhatTheExceptionSays) {
  EXPECT_EQ(TextOf(std::runtime_error("no idea")), "no idea");
}

TEST(ExceptionTextTest, SaysThatThereIsNoText) {
  EXPECT_EQ(TextOf(7), "an exception that is no std::exception");
}

}  // namespace
}  // namespace hyperstart::detail
