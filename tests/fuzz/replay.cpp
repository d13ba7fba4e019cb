// Replays the kept inputs of one fuzz target, each as a test: the corpus, which covers what fuzzing
// has covered, and the regressions, each of which has found a fault or is known to find one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace {

using Path = std::filesystem::path;

/// Empty if there is no such directory.
std::vector<Path> FilesIn(const char* directory) {
  std::vector<Path> files;
  std::error_code missing;
  for (const auto& file : std::filesystem::directory_iterator(
           Path(FUZZ_DIRECTORY) / directory / FUZZ_TARGET, missing)) {
    files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Path> AllFiles() {
  std::vector<Path> files = FilesIn("corpus");
  const std::vector<Path> regressions = FilesIn("regressions");
  files.insert(files.end(), regressions.begin(), regressions.end());
  return files;
}

/// "corpus_double_1c9d": only characters that a test name may have.
std::string Name(const testing::TestParamInfo<Path>& info) {
  const Path& file = info.param;
  std::string name = file.parent_path().parent_path().filename().string() + "_" + FUZZ_TARGET +
                     "_" + file.filename().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

TEST(Corpus, IsThere) { EXPECT_GE(FilesIn("corpus").size(), 10u); }

class Replay : public testing::TestWithParam<Path> {};

TEST_P(Replay, HoldsItsProperties) {
  std::ifstream file(GetParam(), std::ios::binary);
  ASSERT_TRUE(file) << GetParam();
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  // An exact copy, so that the sanitizers notice a read past its end.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  EXPECT_EQ(LLVMFuzzerTestOneInput(input.data(), input.size()), 0);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Replay);
INSTANTIATE_TEST_SUITE_P(, Replay, testing::ValuesIn(AllFiles()), Name);

}  // namespace
