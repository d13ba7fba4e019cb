// Stop() in a test that causes failures on purpose.

#ifndef MOCK_HYPERSTART_TESTS_STRESS_REPORTS_HPP_
#define MOCK_HYPERSTART_TESTS_STRESS_REPORTS_HPP_

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>
#include <string>
#include <vector>

/// Stops the mock. Returns the failures that Stop() reports, which are not added to the test.
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
