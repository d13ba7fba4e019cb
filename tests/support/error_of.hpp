// What a call throws, as text for a matcher.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_ERROR_OF_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_ERROR_OF_HPP_

#include <exception>
#include <string>

/// The what() of the exception that the function throws; "no error" if it returns.
template <typename Function>
std::string ErrorOf(const Function& function) {
  try {
    function();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_ERROR_OF_HPP_
