// Which runs `next` frames become.

#include "mock_hyperstart/detail/agent/next_runs.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "mock_hyperstart/event.hpp"

namespace hyperstart::detail {
namespace {

std::vector<std::vector<std::uint64_t>> Pairs(const std::vector<NextRun>& runs) {
  std::vector<std::vector<std::uint64_t>> pairs;
  for (const NextRun& run : runs) pairs.push_back({run.bytes, run.frames});
  return pairs;
}

TEST(NextRuns, MergesEqualNeighbours) {
  std::vector<NextRun> runs;
  for (const std::uint32_t bytes : {8u, 512u, 512u, 512u, 8u}) AddToRuns(runs, 0, bytes, false);
  EXPECT_EQ(Pairs(runs), Pairs({{8, 1}, {512, 3}, {8, 1}}));
}

TEST(NextRuns, DoesNotMergeWithWhatIsBeforeTheBegin) {
  std::vector<NextRun> runs = {{8, 1}};
  AddToRuns(runs, 1, 8, false);
  AddToRuns(runs, 1, 8, false);
  EXPECT_EQ(Pairs(runs), Pairs({{8, 1}, {8, 2}}));
}

TEST(NextRuns, AfterSixteenTheRestIsOne) {
  std::vector<NextRun> runs = {{8, 1}};
  for (std::uint32_t bytes = 1; bytes <= 1000; ++bytes) AddToRuns(runs, 1, bytes, false);
  ASSERT_EQ(runs.size(), 18u);
  EXPECT_EQ(runs[16].bytes, 16u);
  EXPECT_EQ(runs[17].bytes, 0u);
  EXPECT_EQ(runs[17].frames, 984u);
}

TEST(NextRuns, TheSixteenthGoesOnWhileItsFramesAreEqual) {
  std::vector<NextRun> runs;
  for (std::uint32_t bytes = 1; bytes <= 16; ++bytes) AddToRuns(runs, 0, bytes, false);
  AddToRuns(runs, 0, 16, false);
  ASSERT_EQ(runs.size(), 16u);
  EXPECT_EQ(runs[15].frames, 2u);
}

TEST(NextRuns, AreAllKeptWithKeepAll) {
  std::vector<NextRun> runs;
  for (std::uint32_t bytes = 1; bytes <= 100; ++bytes) AddToRuns(runs, 0, bytes, true);
  EXPECT_EQ(runs.size(), 100u);
}

}  // namespace
}  // namespace hyperstart::detail
