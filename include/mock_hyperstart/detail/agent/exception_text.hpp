// The text of an exception. Any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_EXCEPTION_TEXT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_EXCEPTION_TEXT_HPP_

#include <exception>
#include <string>

namespace hyperstart::detail {

/// Of the exception that is being handled.
inline std::string CurrentExceptionText() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_EXCEPTION_TEXT_HPP_
