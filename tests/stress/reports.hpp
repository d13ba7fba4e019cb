// What Stop() reports on a thread of a test that makes it report on purpose.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_REPORTS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_REPORTS_HPP_

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <string>
#include <vector>

/// Stops the mock; the failures that this adds, instead of adding them.
inline std::vector<std::string> StopQuietly(hyperstart::MockHyperstart& agent) {
  testing::TestPartResultArray reported;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &reported);
    agent.Stop();
  }
  std::vector<std::string> texts;
  for (int i = 0; i < reported.size(); ++i) {
    texts.emplace_back(reported.GetTestPartResult(i).message());
  }
  return texts;
}

#endif  // MOCK_HYPERSTART_TESTS_STRESS_REPORTS_HPP_
