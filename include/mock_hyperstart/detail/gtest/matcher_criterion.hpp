// GoogleTest's matchers as what a wait or a plan looks for. Values: any thread, as the matcher.

#ifndef MOCK_HYPERSTART_DETAIL_GTEST_MATCHER_CRITERION_HPP_
#define MOCK_HYPERSTART_DETAIL_GTEST_MATCHER_CRITERION_HPP_

#include <gtest/gtest.h>

#include <ostream>
#include <sstream>
#include <string>
#include <utility>

#include "mock_hyperstart/detail/agent/criterion.hpp"

namespace hyperstart::detail {

template <typename Record>
class MatcherCriterion final : public Criterion<Record> {
 public:
  explicit MatcherCriterion(testing::Matcher<const Record&> matcher)
      : matcher_(std::move(matcher)) {}

  bool Matches(const Record& record) const override { return matcher_.Matches(record); }
  std::string Describe() const override {
    std::ostringstream out;
    matcher_.DescribeTo(&out);
    return out.str();
  }
  std::string Explain(const Record& record) const override {
    std::ostringstream out;
    Listener listener(&out);
    matcher_.MatchAndExplain(record, &listener);
    return out.str();
  }

 private:
  /// Writes to a stream. GoogleTest has such a class, but only for itself or in GoogleMock.
  struct Listener : testing::MatchResultListener {
    explicit Listener(std::ostream* out) : testing::MatchResultListener(out) {}
  };

  const testing::Matcher<const Record&> matcher_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_GTEST_MATCHER_CRITERION_HPP_
