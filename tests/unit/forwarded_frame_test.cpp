// How frames of another agent that are passed on in one write stand in the conversation.

#include "mock_hyperstart/detail/agent/forwarded_frame.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/recording/event_bytes.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/options.hpp"
#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

using CtlFrames = std::vector<ForwardedFrame<CtlHeader>>;

ForwardedFrame<CtlHeader> ForwardedNext(std::uint32_t bytes) {
  return {Command::kNext, BigEndian32(bytes)};
}

/// The events of one write.
template <typename Header>
std::vector<Event> EventsOf(const std::vector<ForwardedFrame<Header>>& frames,
                            bool keep_all = false) {
  Options options;
  options.keep_all = keep_all;
  EventLog log(options);
  log.Write([&](EventLog::Writer& writer) { RecordFrames(frames, keep_all, writer); });
  return log.Events();
}
/// A line for each event; "+ " if it is marked as of one write with the event before.
std::string DescribedFrames(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    text += (event.same_write ? "+ " : "") + DescribeEvent(event) + "\n";
  }
  return text;
}

TEST(ForwardedFrame, NextsBecomeOneEvent) {
  EXPECT_EQ(DescribedFrames(
                EventsOf(CtlFrames{ForwardedNext(8), ForwardedNext(3), {Command::kAck, "x"}})),
            "next 8, next 3\n+ ack \"x\"\n");
}

TEST(ForwardedFrame, NextsAtTheEndAreRecorded) {
  EXPECT_EQ(
      DescribedFrames(EventsOf(CtlFrames{{Command::kAck, ""}, ForwardedNext(8), ForwardedNext(3)})),
      "ack\nnext 8, next 3\n");
}

TEST(ForwardedFrame, ANextBeforeANextThatIsNoCountIsRecorded) {
  const CtlFrames frames = {ForwardedNext(8), {Command::kNext, "12345"}, {Command::kAck, ""}};
  EXPECT_EQ(DescribedFrames(EventsOf(frames)), "next 8\n+ next \"12345\"\n+ ack\n");
}

TEST(ForwardedFrame, ANextThatCountsNothingIsNotTakenForFoldedOnes) {
  const CtlFrames frames = {ForwardedNext(8), ForwardedNext(0), ForwardedNext(0), ForwardedNext(3)};
  EXPECT_EQ(DescribedFrames(EventsOf(frames)), "next 8\n+ next 0\n+ next 0\nnext 3\n");
}

TEST(ForwardedFrame, EqualNextsAreOneRun) {
  const std::vector<Event> events = EventsOf(CtlFrames(10'000, ForwardedNext(1)));
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].nexts.size(), 1u);
  EXPECT_EQ(events[0].nexts[0].frames, 10'000u);
}

TEST(ForwardedFrame, TheMemoryOfNextsIsBoundedUnlessAllIsKept) {
  CtlFrames frames;
  for (std::uint32_t bytes = 1; bytes <= 1000; ++bytes) frames.push_back(ForwardedNext(bytes));
  EXPECT_EQ(EventsOf(frames).at(0).nexts.size(), 17u);
  EXPECT_EQ(EventsOf(frames, true).at(0).nexts.size(), 1000u);
}

TEST(ForwardedFrame, WithKeepAllEveryByteIsRecorded) {
  const CtlFrames frames = {ForwardedNext(8), ForwardedNext(0), {Command::kNext, "12345"},
                            ForwardedNext(3), ForwardedNext(3), {Command::kAck, "x"}};
  std::string bytes;
  for (const Event& event : EventsOf(frames, true)) bytes += EventBytes(event);
  EXPECT_EQ(bytes, wire::Next(8) + wire::Next(0) + wire::Ctl(wire::kNext, "12345") + wire::Next(3) +
                       wire::Next(3) + wire::Ack("x"));
}

TEST(ForwardedFrame, PacketsAreRecordedOneByOne) {
  EXPECT_EQ(DescribedFrames(EventsOf(std::vector<ForwardedFrame<IoHeader>>{{3, "in"}, {3, ""}})),
            "seq 3           2 bytes  \"in\"\nseq 3           end of stream\n");
}

}  // namespace
}  // namespace hyperstart::detail
