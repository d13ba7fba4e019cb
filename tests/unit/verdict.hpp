// What a matcher says of a value, for the tests of the matchers.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_VERDICT_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_VERDICT_HPP_

#include <gmock/gmock.h>

#include <string>

namespace hyperstart {

/// Whether it matches, and what the matcher says of it.
template <typename Value, typename Matcher>
std::string Verdict(const Value& value, const Matcher& matcher) {
  testing::StringMatchResultListener listener;
  const bool matches = testing::ExplainMatchResult(matcher, value, &listener);
  return (matches ? "yes; " : "no; ") + listener.str();
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_UNIT_VERDICT_HPP_
