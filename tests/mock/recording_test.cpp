// Conversations kept in files.

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <mock_hyperstart/detail/recording/recording_reader.hpp>
#include <mock_hyperstart/recording.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/mock_test.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

using detail::RecordedEvent;
using detail::Recording;
using detail::RecordingReader;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = RecordedEvent::Kind;

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string BytesOf(const Recording& recording, Channel channel, Kind kind) {
  std::string bytes;
  for (const RecordedEvent& event : recording.events) {
    if (event.channel == channel && event.kind == kind) bytes += event.bytes;
  }
  return bytes;
}

/// The bytes that a client's `next` frames have counted.
std::uint64_t SumOfNexts(std::string_view bytes) {
  std::uint64_t sum = 0;
  while (!bytes.empty()) {
    const std::uint32_t length = wire::ToU32(bytes.substr(4));
    if (wire::ToU32(bytes) == wire::kNext) sum += wire::ToU32(bytes.substr(wire::kCtlHeader));
    bytes.remove_prefix(length);
  }
  return sum;
}

TEST(SaveRecording, HoldsWhatWentOverTheWire) {
  const TemporaryPlace place;
  const std::string path = place.path() + "/session.json";
  Started agent(KeepAll());
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  const std::string commands = wire::Ctl(wire::kPing) + wire::Ctl(wire::kStartPod, "{}");
  ctl.Write(commands);
  ctl.EndInput();
  const std::string answers = ctl.ReadToEnd();
  io.Write(wire::Io(7, "in"));
  ASSERT_TRUE(agent.ReadIo(7, kDeadline));
  agent.SendIo(7, std::string("\0out", 4));
  agent.Disconnect(Channel::kIo);
  agent.Stop();
  SaveRecording(agent, path);
  const Recording recording = RecordingReader::ReadFile(path);
  EXPECT_EQ(BytesOf(recording, Channel::kCtl, Kind::kFromClient), commands);
  EXPECT_EQ(BytesOf(recording, Channel::kCtl, Kind::kFromAgent), answers);
  EXPECT_EQ(BytesOf(recording, Channel::kIo, Kind::kFromClient), wire::Io(7, "in"));
  EXPECT_EQ(BytesOf(recording, Channel::kIo, Kind::kFromAgent),
            wire::Io(7, std::string("\0out", 4)));
  std::vector<bool> closed_by_agent;
  for (const RecordedEvent& event : recording.events) {
    if (event.kind == Kind::kClose) closed_by_agent.push_back(event.by_agent);
  }
  EXPECT_EQ(closed_by_agent, (std::vector<bool>{false, true}));
}

TEST(SaveRecording, HoldsEachNextOfALongCommand) {
  const TemporaryPlace place;
  const std::string path = place.path() + "/session.json";
  Started agent(KeepAll());
  RawClient ctl = agent.Ctl();
  const std::string command = wire::Ctl(wire::kNewContainer, std::string(10'000, 'x'));
  std::string_view rest = command;
  for (std::size_t size = 1; !rest.empty(); ++size) {  // more runs of nexts than are kept otherwise
    ctl.WriteAsRunv(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  ctl.ReadAnswer();
  agent.Stop();
  SaveRecording(agent, path);
  EXPECT_EQ(SumOfNexts(BytesOf(RecordingReader::ReadFile(path), Channel::kCtl, Kind::kFromAgent)),
            command.size());
}

TEST(SaveRecording, HasOneEventALine) {
  const TemporaryPlace place;
  const std::string path = place.path() + "/session.json";
  Started agent(KeepAll());
  agent.Ctl().Call(wire::kPing);
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  agent.Note(Channel::kCtl, "\"a note\"\n\xff");
  SaveRecording(agent, path);
  const Recording recording = RecordingReader::ReadFile(path);
  ASSERT_EQ(recording.events.size(), agent.Events().size());
  for (std::size_t i = 0; i < recording.events.size(); ++i) {
    EXPECT_EQ(recording.events[i].line, recording.events[0].line + i);
  }
  EXPECT_EQ(recording.events.back().text, "\"a note\"\n?");
}

TEST(SaveRecording, NeedsTheWholeConversation) {
  const TemporaryPlace place;
  const Started agent;
  const std::string path = place.path() + "/session.json";
  EXPECT_THAT(ErrorOf([&] { SaveRecording(agent, path); }),
              AllOf(HasSubstr("SaveRecording"), HasSubstr("Options::keep_all")));
  EXPECT_THROW(SaveRecording(agent, path), std::logic_error);
  EXPECT_THAT(ErrorOf([&] { SavePcapng(agent, path); }),
              AllOf(HasSubstr("SavePcapng"), HasSubstr("Options::keep_all")));
  EXPECT_EQ(ContentOf(path), "");
}

/// No file of this process grows beyond `bytes`, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    ignored_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }

 private:
  rlimit before_{};
  void (*ignored_)(int) = SIG_DFL;
};

TEST(SaveRecording, LeavesTheOldFileOnAFullDisk) {
  const TemporaryPlace place;
  const std::string path = place.path() + "/session.json";
  Started agent(KeepAll());
  SaveRecording(agent, path);
  const std::string old = ContentOf(path);
  const std::size_t entries = place.CountEntries();
  agent.Ctl().Call(wire::kPing, std::string(100'000, 'x'));
  std::string error;
  {
    const FullDisk full(50'000);
    error = ErrorOf([&] { SaveRecording(agent, path); });
  }
  EXPECT_THAT(error, AllOf(HasSubstr("cannot write " + path), HasSubstr("stays as it was"),
                           HasSubstr("File too large")));
  EXPECT_EQ(ContentOf(path), old);
  EXPECT_EQ(place.CountEntries(), entries);
  SaveRecording(agent, path);
  EXPECT_GT(ContentOf(path).size(), 200'000u);
}

TEST(SaveRecording, SaysWhyItCannotWrite) {
  const Started agent(KeepAll());
  EXPECT_THAT(ErrorOf([&] { SaveRecording(agent, "/nowhere/session.json"); }),
              AllOf(HasSubstr("/nowhere/session.json"), HasSubstr("No such file or directory")));
}

TEST(SavePcapng, IsOfVsock) {
  const TemporaryPlace place;
  const std::string path = place.path() + "/session.pcapng";
  Started agent(KeepAll());
  agent.Ctl().Call(wire::kPing);
  SavePcapng(agent, path);
  EXPECT_THAT(ContentOf(path), StartsWith("\x0a\x0d\x0d\x0a"));
  EXPECT_THAT(ContentOf(path), HasSubstr(wire::Ctl(wire::kPing)));
}

}  // namespace
}  // namespace hyperstart
