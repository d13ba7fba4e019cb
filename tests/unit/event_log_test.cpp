// The conversation as events: their numbers and times, how many of them and of their bytes are
// kept, and the sink.

#include "mock_hyperstart/detail/agent/event_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "support/options.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

class EventLogTest : public testing::Test {
 protected:
  explicit EventLogTest(const Options& options = {}) : log_(options) { log_.SetStart(start_); }

  /// Events whose texts are their numbers.
  void AddMany(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      log_.Words(EventKind::kFault, Channel::kCtl, std::to_string(++added_));
    }
  }
  Event Last() { return log_.Events().back(); }

  const Clock::time_point start_ = Clock::now();
  EventLog log_;
  std::uint64_t added_ = 0;
};

class EventLogThatKeepsAllTest : public EventLogTest {
 protected:
  EventLogThatKeepsAllTest() : EventLogTest(KeepAll()) {}
};

// ---- What an event holds

TEST_F(EventLogTest, IsEmptyAtFirst) { EXPECT_THAT(log_.Events(), IsEmpty()); }

TEST_F(EventLogTest, HoldsReceivedMessages) {
  log_.Write([&](EventLog::Writer& writer) {
    writer.Received(DecodedMessage{Command::kStartPod, "pod"}, start_ + 5ms);
  });
  const Event event = Last();
  EXPECT_EQ(event.number, 1u);
  EXPECT_EQ(event.time, 5ms);
  EXPECT_EQ(event.kind, EventKind::kReceived);
  EXPECT_EQ(event.channel, Channel::kCtl);
  EXPECT_TRUE(event.is_frame);
  EXPECT_EQ(event.command, Command::kStartPod);
  EXPECT_EQ(event.bytes, "pod");
  EXPECT_EQ(event.size, 3u);
}

TEST_F(EventLogTest, HoldsReceivedPackets) {
  log_.Write([&](EventLog::Writer& writer) { writer.Received(IoPacket{7, "data"}, start_); });
  const Event event = Last();
  EXPECT_EQ(event.kind, EventKind::kReceived);
  EXPECT_EQ(event.channel, Channel::kIo);
  EXPECT_TRUE(event.is_frame);
  EXPECT_EQ(event.seq, 7u);
  EXPECT_EQ(event.bytes, "data");
}

TEST_F(EventLogTest, HoldsSentFrames) {
  log_.Sent(Command::kReady, "");
  EXPECT_EQ(Last().kind, EventKind::kSent);
  EXPECT_EQ(Last().channel, Channel::kCtl);
  EXPECT_EQ(Last().command, Command::kReady);
  EXPECT_FALSE(Last().same_write);
  log_.Sent(9, "data");
  EXPECT_EQ(Last().channel, Channel::kIo);
  EXPECT_EQ(Last().seq, 9u);
  log_.Write([&](EventLog::Writer& writer) { writer.Sent(Command::kAck, "", start_, true); });
  EXPECT_TRUE(Last().same_write);
}

TEST_F(EventLogTest, HoldsNextsAsOneEvent) {
  const std::array<NextRun, 2> runs = {NextRun{8, 1}, NextRun{512, 54}};
  log_.Write([&](EventLog::Writer& writer) { writer.SentNexts(runs.begin(), runs.end(), start_); });
  const Event event = Last();
  EXPECT_EQ(event.kind, EventKind::kSent);
  EXPECT_EQ(event.command, Command::kNext);
  EXPECT_THAT(event.bytes, IsEmpty());
  ASSERT_THAT(event.nexts, SizeIs(2));
  EXPECT_EQ(event.nexts[1].bytes, 512u);
  EXPECT_EQ(event.nexts[1].frames, 54u);
}

TEST_F(EventLogTest, HoldsRawBytesAndWords) {
  log_.SentRaw(Channel::kIo, "raw bytes", "\xff");
  EXPECT_EQ(Last().kind, EventKind::kSent);
  EXPECT_FALSE(Last().is_frame);
  EXPECT_EQ(Last().text, "raw bytes");
  EXPECT_EQ(Last().bytes, "\xff");
  log_.Words(EventKind::kViolation, Channel::kCtl, "a violation", "bytes");
  EXPECT_EQ(Last().kind, EventKind::kViolation);
  EXPECT_FALSE(Last().is_frame);
  EXPECT_EQ(Last().text, "a violation");
  EXPECT_EQ(Last().bytes, "bytes");
}

TEST_F(EventLogTest, HoldsTheDialectOfTheMock) {
  log_.Sent(Command::kAck, "");
  EXPECT_EQ(Last().dialect, Dialect::kHyperstart);
  Options options;
  options.dialect = Dialect::kClearContainers;
  EventLog other(options);
  other.Sent(Command::kAck, "");
  EXPECT_EQ(other.Events().back().dialect, Dialect::kClearContainers);
}

TEST_F(EventLogTest, NumbersEventsOfBothChannelsInOneSequence) {
  log_.Sent(Command::kReady, "");
  log_.Sent(1, "data");
  log_.Words(EventKind::kConnected, Channel::kCtl, "connected");
  std::uint64_t number = 0;
  for (const Event& event : log_.Events()) EXPECT_EQ(event.number, ++number);
}

// ---- Times

TEST_F(EventLogTest, NeverGivesAnEventAnEarlierTimeThanTheOneBefore) {
  log_.Write([&](EventLog::Writer& writer) {
    writer.Received(IoPacket{1, ""}, start_ + 20ms);
    writer.Received(IoPacket{1, ""}, start_ + 10ms);  // read before it, recorded after it
    writer.Received(IoPacket{1, ""}, start_ + 30ms);
  });
  const std::vector<Event> events = log_.Events();
  EXPECT_EQ(events[0].time, 20ms);
  EXPECT_EQ(events[1].time, 20ms);
  EXPECT_EQ(events[2].time, 30ms);
}

TEST_F(EventLogTest, NeverGivesATimeBeforeTheStart) {
  log_.Write([&](EventLog::Writer& writer) { writer.Received(IoPacket{1, ""}, start_ - 10ms); });
  EXPECT_EQ(Last().time, 0ms);
}

TEST_F(EventLogTest, CountsTimesFromTheLatestStart) {
  log_.Write([&](EventLog::Writer& writer) { writer.Received(IoPacket{1, ""}, start_ + 20ms); });
  log_.SetStart(start_ + 100ms);
  log_.Write([&](EventLog::Writer& writer) { writer.Received(IoPacket{1, ""}, start_ + 101ms); });
  EXPECT_EQ(Last().time, 1ms);
}

TEST(EventLogBeforeStartTest, GivesTheTimeZero) {
  EventLog log{Options()};
  log.Words(EventKind::kFault, Channel::kCtl, "reading paused");
  EXPECT_EQ(log.Events().back().time, 0ms);
}

// ---- How many are kept

/// The first 200, then the last 1800.
constexpr std::uint64_t kFirst = 200;
constexpr std::uint64_t kLast = 1800;

class EventLogRetentionTest : public EventLogTest,
                              public testing::WithParamInterface<std::uint64_t> {};

TEST_P(EventLogRetentionTest, KeepsTheFirstAndTheLast) {
  const std::uint64_t count = GetParam();
  AddMany(count);
  const std::vector<Event> events = log_.Events();
  ASSERT_EQ(events.size(), std::min(count, kFirst + kLast));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::uint64_t dropped = i < kFirst ? 0 : count - events.size();
    ASSERT_EQ(events[i].number, i + 1 + dropped);
    ASSERT_EQ(events[i].text, std::to_string(events[i].number));
  }
}
INSTANTIATE_TEST_SUITE_P(, EventLogRetentionTest,
                         testing::Values(1, kFirst, kFirst + kLast - 1, kFirst + kLast,
                                         kFirst + kLast + 1, kFirst + 2 * kLast - 1,
                                         kFirst + 2 * kLast, kFirst + 2 * kLast + 1, 10'000));

TEST_F(EventLogTest, ReusesMemoryWithoutWhatItHeld) {
  const NextRun run{8, 1};
  for (std::uint64_t i = 0; i < kFirst + kLast; ++i) {
    log_.Write([&](EventLog::Writer& writer) {
      writer.Sent(Command::kPing, "payload", start_, true);
      writer.SentNexts(&run, &run + 1, start_);
      writer.Received(IoPacket{3, "data"}, start_);
      writer.Words(EventKind::kFault, Channel::kCtl, "words");
    });
  }
  for (std::uint64_t i = 0; i < kLast; ++i) {
    log_.Words(EventKind::kConnected, Channel::kIo, "");
  }
  const std::vector<Event> events = log_.Events();
  for (std::size_t i = kFirst; i < events.size(); ++i) {
    const Event& event = events[i];
    ASSERT_EQ(event.kind, EventKind::kConnected);
    ASSERT_FALSE(event.is_frame || event.same_write);
    ASSERT_EQ(event.command, Command{});
    ASSERT_EQ(event.seq, 0u);
    ASSERT_EQ(event.size, 0u);
    ASSERT_TRUE(event.bytes.empty() && event.nexts.empty() && event.text.empty());
  }
}

TEST_F(EventLogThatKeepsAllTest, KeepsEveryEvent) {
  AddMany(10'000);
  const std::vector<Event> events = log_.Events();
  ASSERT_THAT(events, SizeIs(10'000));
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i].number, i + 1);
}

// ---- How many bytes are kept

TEST_F(EventLogTest, KeepsTheBeginningOfTheBytesAndHowManyThereWere) {
  const std::string many(100'000, 'x');
  log_.Sent(1, many);
  EXPECT_EQ(Last().size, many.size());
  EXPECT_GE(Last().bytes.size(), 100u) << "a line shows as many";
  EXPECT_LT(Last().bytes.size(), 200u);
}

TEST_F(EventLogThatKeepsAllTest, KeepsAllBytes) {
  const std::string many(100'000, 'x');
  log_.Sent(1, many);
  EXPECT_EQ(Last().size, many.size());
  EXPECT_TRUE(Last().bytes == many);
}

// ---- The sink

class RecordingSink final : public EventSink {
 public:
  void OnEvent(const Event& event) override { events.push_back(event); }
  std::vector<Event> events;
};

TEST_F(EventLogTest, GivesItsSinkEveryEventWhole) {
  RecordingSink sink;
  log_.SetSink(&sink);
  AddMany(kFirst + kLast + 10);
  log_.Write([&](EventLog::Writer& writer) { writer.Sent(Command::kAck, "ok", start_, true); });
  ASSERT_THAT(sink.events, SizeIs(kFirst + kLast + 11));
  for (std::size_t i = 0; i < sink.events.size(); ++i) ASSERT_EQ(sink.events[i].number, i + 1);
  EXPECT_EQ(sink.events.back().bytes, "ok");
  EXPECT_TRUE(sink.events.back().same_write) << "an event is complete when the sink gets it";
}

TEST_F(EventLogTest, GivesASinkThatIsRemovedNothingMore) {
  RecordingSink sink;
  AddMany(1);
  log_.SetSink(&sink);
  AddMany(1);
  log_.SetSink(nullptr);
  AddMany(1);
  ASSERT_THAT(sink.events, SizeIs(1));
  EXPECT_EQ(sink.events[0].number, 2u);
}

// ---- Threads

TEST_F(EventLogTest, KeepsEventsOfOneWriteTogether) {
  constexpr int kEach = 300;
  std::vector<std::thread> threads;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    threads.emplace_back([this, seq] {
      for (int i = 0; i < kEach; ++i) {
        log_.Write([&](EventLog::Writer& writer) {
          writer.Received(IoPacket{seq, "first"}, Clock::now());
          writer.Received(IoPacket{seq, "second"}, Clock::now());
        });
        if (i % 50 == 0) log_.Events();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<Event> events = log_.Events();
  for (std::size_t i = 0; i + 1 < kFirst; i += 2) {
    ASSERT_EQ(events[i].bytes, "first");
    ASSERT_EQ(events[i + 1].bytes, "second");
    ASSERT_EQ(events[i].seq, events[i + 1].seq);
    ASSERT_LE(events[i].time, events[i + 1].time);
  }
  EXPECT_EQ(events.back().number, 4u * 2 * kEach);
}

}  // namespace
}  // namespace hyperstart::detail
