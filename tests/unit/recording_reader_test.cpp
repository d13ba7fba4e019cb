#include "mock_hyperstart/detail/recording/recording_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/error_of.hpp"

namespace hyperstart::detail {
namespace {

using testing::HasSubstr;
using Kind = RecordedEvent::Kind;

/// A recording whose third line is `event`.
std::string With(const std::string& event) {
  return "{\"events\": [\n  {\"t_ms\": 0, \"channel\": \"ctl\", \"dir\": \"open\"},\n  " + event +
         "\n]}\n";
}
std::string ErrorIn(const std::string& text) {
  return ErrorOf([&] { RecordingReader::Read(text, "a.json"); });
}

TEST(RecordingReader, ReadsEachKindOfEvent) {
  const Recording recording = RecordingReader::Read(
      R"({"agent": "x", "dialect": "clear-containers", "more": [{}], "events": [
        {"t_ms": 1.5, "channel": "io", "dir": "open"},
        {"t_ms": 2, "channel": "ctl", "dir": "client->agent", "hex": "00fF"},
        {"t_ms": 2, "channel": "ctl", "dir": "agent->client", "hex": ""},
        {"t_ms": 2, "channel": "ctl", "dir": "violation", "text": "}{\"", "hex": "00"},

        {"t_ms": 2, "channel": "ctl", "dir": "close", "by": "agent"}]})",
      "a.json");
  EXPECT_EQ(recording.agent, "x");
  EXPECT_EQ(recording.dialect, Dialect::kClearContainers);
  ASSERT_EQ(recording.events.size(), 5u);
  EXPECT_EQ(recording.events[0].kind, Kind::kOpen);
  EXPECT_EQ(recording.events[0].channel, Channel::kIo);
  EXPECT_EQ(recording.events[0].ms, 1.5);
  EXPECT_EQ(recording.events[0].line, 2u);
  EXPECT_EQ(recording.events[1].kind, Kind::kFromClient);
  EXPECT_EQ(recording.events[1].bytes, std::string("\0\xff", 2));
  EXPECT_EQ(recording.events[2].kind, Kind::kFromAgent);
  EXPECT_EQ(recording.events[3].kind, Kind::kWords);
  EXPECT_EQ(recording.events[3].text, "}{\"");
  EXPECT_EQ(recording.events[4].kind, Kind::kClose);
  EXPECT_TRUE(recording.events[4].by_agent);
  EXPECT_EQ(recording.events[4].line, 7u);
}

TEST(RecordingReader, SaysWhichLineIsWrong) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"", "a.json:1: the file is empty"},
      {"\nhello", "a.json:2: no recording: not a JSON object"},
      {With(R"({"t_ms": 1e999, "channel": "io", "dir": "open"})"),
       "a.json:3: the number 1e999 is out of range"},
      {R"({"dialect": "new", "events": []})", R"(a.json:1: "dialect" is "new", not "hyperstart")"},
      {R"({"dialect": 1, "events": []})", R"(a.json:1: "dialect" is 1, not "hyperstart")"},
      {"[]", "a.json:1: no recording"},
      {"{\"log\": {}}", "a.json:1: no recording"},
      {"{\n\"format\": \"other\", \"events\": []}",
       "a.json:2: no recording: its format is \"other\""},
      {"{\n\n\"version\": 2, \"events\": []}", "a.json:3: version 2 is newer than the 1"},
      {"{\n\"version\": \"x\", \"events\": []}", "a.json:2: version \"x\" is no number"},
      {"{\n\"events\": 3}", "a.json:2: \"events\" is not a list"},
      {With("{]"), "a.json:3: broken JSON at column 4"},
      {With("{\"t_ms\": 0").substr(0, 70), "a.json:3: the recording is cut off here"},
      {With("5, {},\n{}"), "a.json:3: an event that is no object: 5"},
      {With("{\"t_ms\": 1, \"channel\": \"io\", \"dir\": \"open\"}\n,\n\"text\""),
       "a.json:5: an event that is no object: \"text\""},
      {With("{}"), "a.json:3: an event without a number \"t_ms\""},
      {With(R"({"t_ms": 1})"), "a.json:3: \"channel\" is missing"},
      {With(R"({"t_ms": 1, "channel": "x"})"), "a.json:3: \"channel\" is \"x\""},
      {With(R"({"t_ms": 1, "channel": "io"})"), "a.json:3: \"dir\" is missing"},
      {With(R"({"t_ms": 1, "channel": "io", "dir": "up"})"), "a.json:3: \"dir\" is \"up\""},
      {With(R"({"t_ms": 1, "channel": "io", "dir": "close"})"), "a.json:3: \"by\" is missing"},
      {With(R"({"t_ms": 1, "channel": "io", "dir": "client->agent"})"),
       "a.json:3: frames without a text \"hex\""},
      {With(R"({"t_ms": 1, "channel": "io", "dir": "client->agent", "hex": "0"})"),
       "a.json:3: \"hex\" has an odd number of digits"},
      {With(R"({"t_ms": 1, "channel": "io", "dir": "client->agent", "hex": "000g"})"),
       "a.json:3: \"hex\" has \"0g\" at digit 3"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ErrorIn(text), HasSubstr(error)) << text;
  }
}

TEST(RecordingReader, RefusesEveryBeginningOfARecording) {
  const std::string whole =
      With(R"({"t_ms": 1, "channel": "io", "dir": "client->agent", "hex": "00"})");
  ASSERT_EQ(ErrorIn(whole), "no error");
  for (std::size_t size = 0; size < whole.size() - 2; ++size) {
    EXPECT_THAT(ErrorIn(whole.substr(0, size)), HasSubstr("a.json:")) << size;
  }
}

TEST(RecordingReader, SaysWhichFileItCannotRead) {
  EXPECT_THAT(ErrorOf([] { RecordingReader::ReadFile("/nowhere/a.json"); }),
              HasSubstr("cannot read /nowhere/a.json: No such file or directory"));
  EXPECT_THAT(ErrorOf([] { RecordingReader::ReadFile("/tmp"); }),
              HasSubstr("cannot read /tmp: Is a directory"));
}

}  // namespace
}  // namespace hyperstart::detail
