#include "mock_hyperstart/detail/recording/event_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/recording/pcapng.hpp"
#include "mock_hyperstart/detail/recording/recording_reader.hpp"
#include "mock_hyperstart/detail/recording/recording_writer.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Event Of(EventKind kind, const std::string& bytes = {}) {
  Event event;
  event.kind = kind;
  event.bytes = bytes;
  event.size = bytes.size();
  return event;
}

void Ignore(const std::string&) {}

class EventFileTest : public testing::Test {
 protected:
  /// Of the only file in the directory.
  std::string Content() const {
    const std::filesystem::directory_iterator files(directory_.path());
    std::ifstream file(files->path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  Recording Read() const { return RecordingReader::Read(Content(), "file"); }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "file";
};

TEST_F(EventFileTest, IsAWholeRecordingAfterEachEvent) {
  EventFile<RecordingWriter> file(path_, RecordingWriter::Begin("name", {}), Ignore);
  EXPECT_EQ(Read().events.size(), 0u);
  file.OnEvent(Of(EventKind::kConnected));
  file.OnEvent(Of(EventKind::kReceived, "bytes"));
  EXPECT_EQ(Read().events.size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(path_));
  Event end = Of(EventKind::kDisconnected);
  end.ended_by = EndedBy::kMock;
  file.OnEvent(end);
  file.OnEvent(Of(EventKind::kDisconnected));  // the second of two has no line
  EXPECT_EQ(file.Complete(), "");
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(Read().events.size(), 3u);
  EXPECT_THAT(Content(), HasSubstr("\"agent_end\": \"closed\"\n}\n"));
}

TEST_F(EventFileTest, IsTheSameAsACaptureThatIsMadeAtOnce) {
  EventFile<PcapngWriter> file(path_, PcapngWriter::Begin(), Ignore);
  std::vector<Event> events = {Of(EventKind::kConnected), Of(EventKind::kFault),
                               Of(EventKind::kReceived, "bytes"), Of(EventKind::kFault)};
  for (const Event& event : events) file.OnEvent(event);
  EXPECT_EQ(Content(), PcapngText(events)) << "with the comments that no packet has yet";
  file.OnEvent(Of(EventKind::kSent, "more"));
  events.push_back(Of(EventKind::kSent, "more"));
  EXPECT_EQ(file.Complete(), "");
  EXPECT_EQ(Content(), PcapngText(events));
}

TEST_F(EventFileTest, SaysAtOnceAndInTheEndWhatWentWrong) {
  std::ofstream(path_) << "old";
  {
    std::vector<std::string> errors;
    EventFile<RecordingWriter> file(path_, RecordingWriter::Begin("name", {}),
                                    [&](const std::string& error) { errors.push_back(error); });
    Event cut = Of(EventKind::kReceived, "bytes");
    cut.size = 1000;
    file.OnEvent(cut);
    EXPECT_THAT(errors, ElementsAre(HasSubstr("keep_all")));
    file.OnEvent(cut);
    EXPECT_EQ(errors.size(), 1u);
    EXPECT_THAT(file.Complete(), HasSubstr("keep_all"));
  }
  EXPECT_EQ(Content(), "old");
}

TEST_F(EventFileTest, AddsNothingOnceItIsComplete) {
  EventFile<RecordingWriter> file(path_, RecordingWriter::Begin("name", {}), Ignore);
  EXPECT_EQ(file.Complete(), "");
  file.OnEvent(Of(EventKind::kConnected));
  EXPECT_EQ(file.Complete(), "");
  EXPECT_EQ(Read().events.size(), 0u);
}

}  // namespace
}  // namespace hyperstart::detail
