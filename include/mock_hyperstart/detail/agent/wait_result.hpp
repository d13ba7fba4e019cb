// The result of a wait, for any caller: a value, or the reason why there is none. Values: any
// thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_WAIT_RESULT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_WAIT_RESULT_HPP_

#include <optional>
#include <string>

namespace hyperstart::detail {

template <typename T>
struct [[nodiscard]] WaitResult {
  std::optional<T> value;
  std::string reason;  // where there is no value: a sentence, and what arrived instead
};

/// The value of a wait for something that has none.
struct Happened {};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_WAIT_RESULT_HPP_
