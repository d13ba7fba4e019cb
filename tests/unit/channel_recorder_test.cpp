// What the net layer tells of a channel, as events and as the state that waits see.

#include "mock_hyperstart/detail/agent/channel_recorder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {
namespace {

constexpr std::chrono::milliseconds kNow{0};

class ChannelRecorderTest : public testing::TestWithParam<Channel> {
 protected:
  ChannelRecorderTest() {
    log_.SetStart(Clock::now());
    records_.Open(Clock::now());
  }

  void Tell(ChannelEvent event, std::size_t bytes = 0) { recorder_.OnEvent(event, bytes); }
  bool IsConnected() { return records_.IsConnected(GetParam()); }
  /// Whether there is a departure, which is taken.
  bool HasDeparted() { return records_.WaitForDisconnect(GetParam(), kNow).value.has_value(); }
  void ExpectLast(EventKind kind, const std::string& text) {
    const std::vector<Event> events = log_.Events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().kind, kind);
    EXPECT_EQ(events.back().channel, GetParam());
    EXPECT_EQ(events.back().text, text);
  }

  EventLog log_{Options()};
  Records records_{Dialect::kHyperstart};
  ChannelRecorder recorder_{GetParam(), log_, records_};
};
INSTANTIATE_TEST_SUITE_P(, ChannelRecorderTest, testing::Values(Channel::kCtl, Channel::kIo),
                         [](const auto& tested) { return ToString(tested.param); });

TEST_P(ChannelRecorderTest, RecordsAClientThatLeavesByItself) {
  Tell(ChannelEvent::kConnected);
  ExpectLast(EventKind::kConnected, "connected");
  EXPECT_TRUE(IsConnected());
  Tell(ChannelEvent::kClientLeft);
  ExpectLast(EventKind::kDisconnected, "disconnected");
  EXPECT_FALSE(IsConnected());
  EXPECT_TRUE(HasDeparted());
}

TEST_P(ChannelRecorderTest, RecordsADisconnect) {
  Tell(ChannelEvent::kConnected);
  Tell(ChannelEvent::kDisconnected);
  ExpectLast(EventKind::kDisconnected, "disconnected by the mock");
  EXPECT_FALSE(IsConnected());
  EXPECT_TRUE(HasDeparted());
}

TEST_P(ChannelRecorderTest, SaysWhoEndedTheConnection) {
  Tell(ChannelEvent::kDisconnected);
  EXPECT_EQ(log_.Events().back().ended_by, EndedBy::kMock);
  Tell(ChannelEvent::kReset);
  EXPECT_EQ(log_.Events().back().ended_by, EndedBy::kMock);
  Tell(ChannelEvent::kStopped);
  EXPECT_EQ(log_.Events().back().ended_by, EndedBy::kStop);
  Tell(ChannelEvent::kConnected);
  Tell(ChannelEvent::kClientLeft);
  EXPECT_EQ(log_.Events().back().ended_by, EndedBy::kClient);
}

TEST_P(ChannelRecorderTest, RecordsAResetWhenItBeginsAndTheDepartureWhenItIsDone) {
  Tell(ChannelEvent::kConnected);
  Tell(ChannelEvent::kReset);
  ExpectLast(EventKind::kDisconnected, "reset by the mock");
  EXPECT_FALSE(HasDeparted()) << "the client may still be read";
  Tell(ChannelEvent::kDetached);
  ExpectLast(EventKind::kDisconnected, "reset by the mock");
  EXPECT_TRUE(HasDeparted());
}

TEST_P(ChannelRecorderTest, RecordsAStopAsNoDeparture) {
  Tell(ChannelEvent::kConnected);
  Tell(ChannelEvent::kStopped);
  ExpectLast(EventKind::kDisconnected, "disconnected by Stop");
  EXPECT_FALSE(HasDeparted());
}

TEST_P(ChannelRecorderTest, RecordsFaults) {
  const struct {
    ChannelEvent event;
    const char* text;
  } faults[] = {{ChannelEvent::kSendingShutDown, "sending shut down by the mock"},
                {ChannelEvent::kReadingPaused, "reading paused"},
                {ChannelEvent::kReadingResumed, "reading resumed"},
                {ChannelEvent::kListeningStopped, "listening stopped"},
                {ChannelEvent::kListeningResumed, "listening again"}};
  Tell(ChannelEvent::kConnected);
  for (const auto& fault : faults) {
    Tell(fault.event);
    ExpectLast(EventKind::kFault, fault.text);
    EXPECT_TRUE(IsConnected()) << fault.text;
  }
}

TEST_P(ChannelRecorderTest, RecordsHowManyBytesWereLostAndWhy) {
  const struct {
    ChannelEvent event;
    const char* text;
  } losses[] = {{ChannelEvent::kUnreadDropped, "dropped: 3 bytes that the client had not read"},
                {ChannelEvent::kUnsentDropped, "dropped: 3 bytes that waited for a client"},
                {ChannelEvent::kLost, "3 bytes lost: the client has left"},
                {ChannelEvent::kNotSentShutDown, "3 bytes not sent: sending was shut down"},
                {ChannelEvent::kNotSentClientGone, "3 bytes not sent: the client no longer reads"},
                {ChannelEvent::kNotSentStopped, "3 bytes not sent: the mock is stopped"}};
  for (const auto& loss : losses) {
    Tell(loss.event, 3);
    ExpectLast(EventKind::kFault, loss.text);
  }
}

}  // namespace
}  // namespace hyperstart::detail
