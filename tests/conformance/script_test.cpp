// The library reads the recordings of the real agent, which it has not written.

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <mock_hyperstart/detail/recording/recording_reader.hpp>
#include <mock_hyperstart/detail/recording/script.hpp>
#include <string>

namespace hyperstart::detail {
namespace {

TEST(Script, IsReadFromEachRecordingOfTheRealAgent) {
  std::size_t recordings = 0;
  for (const auto& entry : std::filesystem::directory_iterator(RECORDINGS_DIR)) {
    const Recording recording = RecordingReader::ReadFile(entry.path());
    EXPECT_NE(recording.agent.find("hyperstart v"), std::string::npos) << entry.path();
    const Script script(recording);
    EXPECT_FALSE(script.steps().empty()) << entry.path();
    for (const Step& step : script.steps()) {
      EXPECT_NE(step.what, Step::What::kRaw) << entry.path() << ", line " << step.line;
    }
    ++recordings;
  }
  EXPECT_EQ(recordings, 67u);
}

}  // namespace
}  // namespace hyperstart::detail
