// Waits: what fulfils them, from other threads too; what ends them; and the reason that a failed
// one gives.

#include "mock_hyperstart/detail/agent/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/deadline.hpp"
#include "support/error_of.hpp"
#include "unit/blocked_call.hpp"
#include "unit/payload_is.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

/// The timeout of waits that look once.
constexpr milliseconds kNow{0};

/// Why the wait failed, with its times, "+12 ms", as "<t>".
template <typename T>
std::string Reason(const WaitResult<T>& result) {
  if (result.value) return "it did not fail";
  std::string reason = result.reason;
  for (std::size_t at = reason.find('+'); at != std::string::npos; at = reason.find('+', at + 1)) {
    const std::size_t end = reason.find_first_not_of("0123456789", at + 1);
    if (end != at + 1 && reason.compare(end, 3, " ms") == 0)
      reason.replace(at, end + 3 - at, "<t>");
  }
  return reason;
}

class StreamEnds final : public Criterion<IoPacket> {
  bool Matches(const IoPacket& packet) const override { return packet.eof(); }
  std::string Describe() const override { return "ends a stream"; }
  std::string Explain(const IoPacket&) const override { return {}; }
};

const Options kOptions;

class RecordsTest : public testing::Test {
 protected:
  void Open() { records_.Open(Clock::now()); }
  void Add(Command command, std::string payload) {
    records_.Add(DecodedMessage{command, std::move(payload)}, Clock::now());
  }
  void Add(std::vector<IoPacket> packets) { records_.Add(packets, Clock::now()); }

  Records records_{Dialect::kHyperstart};
};

// ---- What is there already

TEST_F(RecordsTest, GivesTheOldestMessage) {
  Open();
  Add(Command::kPing, "1");
  Add(Command::kStartPod, "2");
  EXPECT_EQ(*records_.WaitForMessage(std::nullopt, kNow).value,
            (DecodedMessage{Command::kPing, "1"}));
  EXPECT_EQ(*records_.WaitForMessage(std::nullopt, kNow).value,
            (DecodedMessage{Command::kStartPod, "2"}));
}

TEST_F(RecordsTest, GivesTheOldestMessageOfACommandAndLeavesTheRest) {
  Open();
  Add(Command::kPing, "1");
  Add(Command::kStartPod, "2");
  Add(Command::kStartPod, "3");
  EXPECT_EQ(*records_.WaitForMessage(Command::kStartPod, kNow).value,
            (DecodedMessage{Command::kStartPod, "2"}));
  EXPECT_THAT(records_.TakeMessages(), ElementsAre(DecodedMessage{Command::kPing, "1"},
                                                   DecodedMessage{Command::kStartPod, "3"}));
  EXPECT_THAT(records_.TakeMessages(), IsEmpty());
}

TEST_F(RecordsTest, GivesPacketsByTheirSeq) {
  Open();
  Add({{1, "a"}, {2, "b"}, {1, "c"}});
  EXPECT_EQ(*records_.WaitForPacket(2, kNow).value, (IoPacket{2, "b"}));
  EXPECT_EQ(*records_.WaitForPacket(std::nullopt, kNow).value, (IoPacket{1, "a"}));
  EXPECT_THAT(records_.TakePackets(), ElementsAre(IoPacket{1, "c"}));
  EXPECT_THAT(records_.TakePackets(), IsEmpty());
}

TEST_F(RecordsTest, GivesBytesAndLeavesTheRestOfAPacket) {
  Open();
  Add({{1, "abc"}, {2, "x"}, {1, "def"}});
  EXPECT_EQ(*records_.WaitForBytes(1, 4, kNow).value, "abcd");
  EXPECT_THAT(records_.TakePackets(), ElementsAre(IoPacket{2, "x"}, IoPacket{1, "ef"}));
}

TEST_F(RecordsTest, GivesAStreamToItsEnd) {
  Open();
  Add({{1, "abc"}, {1, "def"}, {1, ""}, {1, "g"}});
  EXPECT_EQ(*records_.WaitForEnd(1, kNow).value, "abcdef");
  EXPECT_THAT(records_.TakePackets(), ElementsAre(IoPacket{1, "g"}));
}

TEST_F(RecordsTest, CopiesNoBytes) {
  std::vector<IoPacket> packets = {{1, std::string(100, 'x')}};
  const char* const bytes = packets[0].data.data();
  records_.Add(packets, Clock::now());
  const std::vector<IoPacket> taken = records_.TakePackets();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].data.data(), bytes);
}

TEST_F(RecordsTest, KeepsViolationsUntilTheyAreTaken) {
  records_.Add(Violation{Channel::kCtl, "first", "1"});
  records_.Add(Violation{Channel::kIo, "second", "2"});
  const std::vector<Violation> violations = records_.TakeViolations();
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].channel, Channel::kCtl);
  EXPECT_EQ(violations[0].what, "first");
  EXPECT_EQ(violations[0].bytes, "1");
  EXPECT_EQ(violations[1].channel, Channel::kIo);
  EXPECT_EQ(violations[1].what, "second");
  EXPECT_THAT(records_.TakeViolations(), IsEmpty());
}

TEST_F(RecordsTest, KeepsErrorsUntilTheyAreTaken) {
  records_.AddError("first");
  records_.AddError("second");
  EXPECT_THAT(records_.TakeErrors(), ElementsAre("first", "second"));
  EXPECT_THAT(records_.TakeErrors(), IsEmpty());
}

TEST_F(RecordsTest, ShowsWhatIsThereWithoutTakingIt) {
  Add(Command::kPing, "1");
  Add({{1, "a"}, {2, "b"}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(records_.PeekMessages(), ElementsAre(DecodedMessage{Command::kPing, "1"}));
    EXPECT_THAT(records_.PeekPackets(), ElementsAre(IoPacket{1, "a"}, IoPacket{2, "b"}));
  }
}

// ---- What comes from another thread

TEST_F(RecordsTest, WaitsForAMessage) {
  Open();
  BlockedCall<WaitResult<DecodedMessage>> wait(
      [&] { return records_.WaitForMessage(Command::kStartPod, kDeadline); });
  Add(Command::kPing, "not this");
  EXPECT_FALSE(wait.HasReturned());
  Add(Command::kStartPod, "this");
  EXPECT_EQ(*wait.Get().value, (DecodedMessage{Command::kStartPod, "this"}));
  EXPECT_THAT(records_.TakeMessages(), ElementsAre(DecodedMessage{Command::kPing, "not this"}));
}

TEST_F(RecordsTest, WaitsForAnyMessage) {
  Open();
  BlockedCall<WaitResult<DecodedMessage>> wait(
      [&] { return records_.WaitForMessage(std::nullopt, kDeadline); });
  Add({{1, "not a message"}});
  EXPECT_FALSE(wait.HasReturned());
  Add(Command::kPing, "any");
  EXPECT_EQ(*wait.Get().value, (DecodedMessage{Command::kPing, "any"}));
}

TEST_F(RecordsTest, WaitsForAPacket) {
  Open();
  BlockedCall<WaitResult<IoPacket>> wait([&] { return records_.WaitForPacket(2, kDeadline); });
  Add({{1, "not this"}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, "nor this"}, {2, "this"}});
  EXPECT_EQ(*wait.Get().value, (IoPacket{2, "this"}));
}

TEST_F(RecordsTest, WaitsForBytesOfSeveralPackets) {
  Open();
  BlockedCall<WaitResult<std::string>> wait([&] { return records_.WaitForBytes(1, 5, kDeadline); });
  Add({{1, "abc"}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, "def"}});
  EXPECT_EQ(*wait.Get().value, "abcde");
}

TEST_F(RecordsTest, WaitsForTheEndOfAStream) {
  Open();
  BlockedCall<WaitResult<std::string>> wait([&] { return records_.WaitForEnd(1, kDeadline); });
  Add({{1, "abc"}, {2, ""}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, ""}});
  EXPECT_EQ(*wait.Get().value, "abc");
}

TEST_F(RecordsTest, WaitsForAClientOnOneChannel) {
  Open();
  BlockedCall<WaitResult<Happened>> wait(
      [&] { return records_.WaitForConnection(Channel::kIo, kDeadline); });
  records_.SetConnected(Channel::kCtl);
  EXPECT_FALSE(wait.HasReturned());
  records_.SetConnected(Channel::kIo);
  EXPECT_TRUE(wait.Get().value);
}

TEST_F(RecordsTest, WaitsForAClientOnBothChannels) {
  Open();
  BlockedCall<WaitResult<Happened>> wait([&] { return records_.WaitForConnection({}, kDeadline); });
  records_.SetConnected(Channel::kCtl);
  EXPECT_FALSE(wait.HasReturned());
  records_.SetConnected(Channel::kIo);
  EXPECT_TRUE(wait.Get().value);
}

TEST_F(RecordsTest, WaitsForADeparture) {
  Open();
  records_.SetConnected(Channel::kCtl);
  records_.SetConnected(Channel::kIo);
  BlockedCall<WaitResult<Happened>> wait(
      [&] { return records_.WaitForDisconnect(Channel::kCtl, kDeadline); });
  records_.SetDisconnected(Channel::kIo);
  EXPECT_FALSE(wait.HasReturned());
  records_.SetDisconnected(Channel::kCtl);
  EXPECT_TRUE(wait.Get().value);
}

TEST_F(RecordsTest, GivesEachRecordToOneOfManyThatWait) {
  Open();
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) {
        sum += std::stoi(records_.WaitForMessage(Command::kPing, kDeadline).value->payload);
      }
    });
  }
  constexpr int kAll = kThreads * kEach;
  for (int i = 1; i <= kAll; ++i) Add(Command::kPing, std::to_string(i));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, kAll * (kAll + 1) / 2);
}

// ---- What matches a criterion

TEST_F(RecordsTest, GivesTheOldestThatMatchesAndLeavesTheRest) {
  Open();
  Add(Command::kPing, "other");
  Add(Command::kStartPod, "wanted");
  Add(Command::kPing, "wanted");
  EXPECT_EQ(*records_.WaitForMessage(PayloadIs("wanted"), kNow).value,
            (DecodedMessage{Command::kStartPod, "wanted"}));
  EXPECT_THAT(records_.PeekMessages(), ElementsAre(DecodedMessage{Command::kPing, "other"},
                                                   DecodedMessage{Command::kPing, "wanted"}));
}

TEST_F(RecordsTest, WaitsForAMessageThatMatches) {
  Open();
  Add(Command::kPing, "first");
  const PayloadIs wanted("wanted");
  BlockedCall<WaitResult<DecodedMessage>> wait(
      [&] { return records_.WaitForMessage(wanted, kDeadline); });
  Add(Command::kPing, "second");
  EXPECT_FALSE(wait.HasReturned());
  Add(Command::kVersion, "wanted");
  EXPECT_EQ(*wait.Get().value, (DecodedMessage{Command::kVersion, "wanted"}));
  EXPECT_THAT(wanted.asked(),
              ElementsAre(std::pair("first", 1), std::pair("second", 1), std::pair("wanted", 1)))
      << "each record is examined once";
}

TEST_F(RecordsTest, WaitsForAPacketThatMatches) {
  Open();
  BlockedCall<WaitResult<IoPacket>> wait(
      [&] { return records_.WaitForPacket(StreamEnds(), kDeadline); });
  Add({{1, "a"}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{2, "b"}, {2, ""}});
  EXPECT_EQ(*wait.Get().value, (IoPacket{2, ""}));
  EXPECT_THAT(records_.PeekPackets(), ElementsAre(IoPacket{1, "a"}, IoPacket{2, "b"}));
}

TEST_F(RecordsTest, SaysWhatWasWantedAndWhyEachRecordDoesNotMatch) {
  Open();
  Add(Command::kPing, "");
  Add(Command::kReadFile, "x");
  EXPECT_EQ(Reason(records_.WaitForMessage(PayloadIs("y"), kNow)),
            "no message that has the payload y within 0 ms; received instead:\n"
            "    1  <t>  ping, no payload\n"
            "    2  <t>  readfile  1 byte  \"x\"\n"
            "       which has the payload x\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForPacket(StreamEnds(), kNow)),
            "no io packet that ends a stream within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, EndsAWaitWhoseCriterionThrows) {
  struct Throws final : Criterion<DecodedMessage> {
    bool Matches(const DecodedMessage&) const override { throw std::runtime_error("no idea"); }
    std::string Describe() const override { return {}; }
    std::string Explain(const DecodedMessage&) const override { return {}; }
  };
  Open();
  BlockedCall<std::string> wait(
      [&] { return ErrorOf([&] { (void)records_.WaitForMessage(Throws(), kDeadline); }); });
  Add(Command::kPing, "");
  EXPECT_EQ(wait.Get(), "no idea");
  records_.Close();  // would wait for a wait that is still listed
}

// ---- Plans

class RecordsPlansTest : public RecordsTest {
 protected:
  /// Answers as the ctl thread does, but does not say that the replies are sent.
  void Decide(Command command) { (void)policy_.Decide({command, ""}); }
  void EndAnswers() {
    if (policy_.EndAnswers()) records_.WakePlanWaiters();
  }

  ReplyPolicy policy_{kOptions};
};

TEST_F(RecordsPlansTest, AreFulfilledIfThereAreNone) {
  Open();
  EXPECT_TRUE(records_.WaitForPlans(policy_, kNow).value);
  policy_.On(Command::kPing).WillRepeatedly(Reply());
  EXPECT_TRUE(records_.WaitForPlans(policy_, kNow).value);
}

TEST_F(RecordsPlansTest, AreFulfilledWhenTheLastReplyHasBeenSent) {
  Open();
  policy_.On(Command::kPing).WillOnce(Reply::Ack());
  policy_.On(std::make_unique<const PayloadIs>("")).WillOnce(Reply::Ack());
  BlockedCall<WaitResult<Happened>> wait([&] { return records_.WaitForPlans(policy_, kDeadline); });
  Decide(Command::kPing);
  EndAnswers();
  EXPECT_FALSE(wait.HasReturned());
  Decide(Command::kPing);
  EXPECT_FALSE(records_.WaitForPlans(policy_, kNow).value) << "used, but not sent";
  EXPECT_FALSE(wait.HasReturned());
  EndAnswers();
  EXPECT_TRUE(wait.Get().value);
}

TEST_F(RecordsPlansTest, AreNamedIfTheyWereNotUsed) {
  Open();
  policy_.On(Command::kStartPod).WillOnce(Reply(), "a.cpp", 7).WillOnce(Reply(), "a.cpp", 8);
  policy_.On(std::make_unique<const PayloadIs>("x")).WillOnce(Reply(), "b.cpp", 9);
  Decide(Command::kStartPod);
  EndAnswers();
  Add(Command::kStartPod, "{}");
  EXPECT_EQ(Reason(records_.WaitForPlans(policy_, milliseconds(1))),
            "not all planned replies were used within 1 ms\n"
            "  a.cpp:8: a WillOnce for startpod\n"
            "  b.cpp:9: a WillOnce for a command that has the payload x; received instead:\n"
            "    1  <t>  startpod  2 bytes  {}\n"
            "  ctl: never connected; io: never connected");
}

// ---- Connections

TEST_F(RecordsTest, KnowsWhoIsConnected) {
  EXPECT_FALSE(records_.IsConnected(Channel::kCtl));
  records_.SetConnected(Channel::kCtl);
  EXPECT_TRUE(records_.IsConnected(Channel::kCtl));
  EXPECT_FALSE(records_.IsConnected(Channel::kIo));
  records_.SetDisconnected(Channel::kCtl);
  EXPECT_FALSE(records_.IsConnected(Channel::kCtl));
}

TEST_F(RecordsTest, CountsDeparturesUntilAWaitTakesThem) {
  Open();
  for (int client = 0; client < 3; ++client) {
    records_.SetConnected(Channel::kCtl);
    records_.SetDisconnected(Channel::kCtl);
  }
  records_.SetConnected(Channel::kCtl);
  for (int client = 0; client < 3; ++client) {
    EXPECT_TRUE(records_.WaitForDisconnect(Channel::kCtl, kNow).value);
  }
  EXPECT_FALSE(records_.WaitForDisconnect(Channel::kCtl, kNow).value);
  EXPECT_FALSE(records_.WaitForDisconnect(Channel::kIo, kNow).value);
}

// ---- Reasons

TEST_F(RecordsTest, SaysThatNothingArrived) {
  Open();
  EXPECT_EQ(Reason(records_.WaitForMessage(std::nullopt, milliseconds(1))),
            "no message within 1 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForMessage(Command::kNewContainer, milliseconds(2))),
            "no newcontainer within 2 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForPacket(std::nullopt, kNow)),
            "no io packet within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForPacket(7, kNow)),
            "no io packet of seq 7 within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForBytes(7, 1, kNow)),
            "no 1 byte of seq 7 (there are 0) within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForEnd(7, kNow)),
            "no end of seq 7 within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, SaysWhatArrivedInstead) {
  Open();
  Add(Command::kStartPod, R"({"hostname":"h"})");
  Add(Command::kPing, "");
  Add(Command::kReadFile, "x");
  EXPECT_EQ(Reason(records_.WaitForMessage(Command::kNewContainer, kNow)),
            "no newcontainer within 0 ms; received instead:\n"
            "    1  <t>  startpod  16 bytes  {\"hostname\":\"h\"}\n"
            "    2  <t>  ping, no payload\n"
            "    3  <t>  readfile  1 byte  \"x\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, ListsInTheOrderOfArrival) {
  Open();
  Add({{1, "stdin\n"}, {2, "x"}, {2, ""}});
  EXPECT_EQ(Reason(records_.WaitForEnd(1, kNow)),
            "no end of seq 1 within 0 ms; received instead:\n"
            "    1  <t>  seq 1  6 bytes  \"stdin\\n\"\n"
            "    2  <t>  seq 2  1 byte  \"x\"\n"
            "    3  <t>  seq 2, end of stream\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, ListsWhatArrivedForTheStreamInQuestionHoweverOldItIs) {
  Open();
  Add({{1, "old"}});
  for (int i = 0; i < 10; ++i) Add({{2, "x"}});
  const std::string reason = records_.WaitForEnd(1, kNow).reason;
  EXPECT_THAT(reason, testing::HasSubstr("seq 1  3 bytes  \"old\"\n    3  "));
  EXPECT_THAT(reason, testing::HasSubstr("\n       and 1 more\n"));
}

TEST_F(RecordsTest, SaysHowManyBytesThereAre) {
  Open();
  Add({{1, "abc"}, {1, "de"}});
  EXPECT_EQ(Reason(records_.WaitForBytes(1, 6, kNow)),
            "no 6 bytes of seq 1 (there are 5) within 0 ms; received instead:\n"
            "    1  <t>  seq 1  3 bytes  \"abc\"\n"
            "    2  <t>  seq 1  2 bytes  \"de\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, FailsAtOnceIfTheStreamEndsTooEarly) {
  Open();
  Add({{1, "abc"}, {1, ""}, {1, "defg"}});
  EXPECT_EQ(Reason(records_.WaitForBytes(1, 4, kDeadline)),
            "no 4 bytes of seq 1: the stream ended after 3 bytes; received instead:\n"
            "    1  <t>  seq 1  3 bytes  \"abc\"\n"
            "    2  <t>  seq 1, end of stream\n"
            "    3  <t>  seq 1  4 bytes  \"defg\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, FailsAWaitForBytesWhenTheStreamEnds) {
  Open();
  BlockedCall<WaitResult<std::string>> wait([&] { return records_.WaitForBytes(1, 2, kDeadline); });
  Add({{1, "a"}});
  Add({{1, ""}});
  EXPECT_THAT(Reason(wait.Get()),
              testing::StartsWith("no 2 bytes of seq 1: the stream ended after 1 byte; "
                                  "received instead:\n"));
}

TEST_F(RecordsTest, SaysThatAllWereTaken) {
  Open();
  Add(Command::kPing, "");
  Add(Command::kPing, "");
  records_.TakeMessages();
  EXPECT_EQ(Reason(records_.WaitForMessage(std::nullopt, kNow)),
            "no message within 0 ms; what arrived (2 in all) was taken\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, ListsTenAndSaysHowManyMore) {
  Open();
  for (int i = 0; i < 12; ++i) Add(Command::kPing, "");
  std::string lines;
  for (const char* const number :
       {"  3", "  4", "  5", "  6", "  7", "  8", "  9", " 10", " 11", " 12"}) {
    lines += "\n  "s + number + "  <t>  ping, no payload";
  }
  EXPECT_EQ(Reason(records_.WaitForMessage(Command::kStartPod, kNow)),
            "no startpod within 0 ms; received instead:" + lines +
                "\n       and 2 more"
                "\n  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, TellsTimesFromTheStart) {
  const Clock::time_point start = Clock::now();
  records_.Open(start);
  records_.Add(DecodedMessage{Command::kPing, ""}, start + milliseconds(1234));
  EXPECT_THAT(records_.WaitForMessage(Command::kStartPod, kNow).reason,
              testing::HasSubstr("\n    1  +1234 ms  ping, no payload\n"));
}

TEST_F(RecordsTest, NamesCommandsInItsDialect) {
  Records records(Dialect::kClearContainers);
  records.Open(Clock::now());
  records.Add(DecodedMessage{Command{23}, ""}, Clock::now());
  EXPECT_EQ(Reason(records.WaitForMessage(Command{24}, kNow)),
            "no processasyncevent within 0 ms; received instead:\n"
            "    1  <t>  pscontainer, no payload\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, SaysHowEachChannelStands) {
  Open();
  records_.SetConnected(Channel::kCtl);
  EXPECT_EQ(Reason(records_.WaitForConnection({}, kNow)),
            "no client on both channels within 0 ms\n"
            "  ctl: connected; io: never connected");
  records_.SetPartial(Channel::kCtl, "300 of 512 bytes of a newcontainer have arrived");
  records_.SetConnected(Channel::kIo);
  records_.SetDisconnected(Channel::kIo);
  EXPECT_EQ(Reason(records_.WaitForConnection(Channel::kIo, kNow)),
            "no client on io within 0 ms\n"
            "  ctl: connected, 300 of 512 bytes of a newcontainer have arrived; "
            "io: client gone since <t>");
  records_.SetPartial(Channel::kCtl, "");
  EXPECT_EQ(Reason(records_.WaitForDisconnect(Channel::kCtl, kNow)),
            "no departure of a client from ctl within 0 ms\n"
            "  ctl: connected; io: client gone since <t>");
}

TEST_F(RecordsTest, SaysWhereAnotherClientIsWaiting) {
  records_.SetBacklogProbe([](Channel channel) { return channel == Channel::kIo; });
  Open();
  records_.SetConnected(Channel::kIo);
  EXPECT_EQ(Reason(records_.WaitForConnection({}, kNow)),
            "no client on both channels within 0 ms\n"
            "  ctl: never connected; io: connected, and another client is waiting");
}

TEST_F(RecordsTest, SaysHowTheClientViolatedTheProtocolLast) {
  Open();
  records_.Add(Violation{Channel::kCtl, "first", ""});
  records_.Add(Violation{Channel::kIo, "second", ""});
  EXPECT_EQ(Reason(records_.WaitForConnection({}, kNow)),
            "no client on both channels within 0 ms\n"
            "  ctl: never connected; io: never connected\n"
            "  the client violated the protocol on io: second");
  records_.Add(Violation{Channel::kCtl, "third", "", false});
  EXPECT_THAT(Reason(records_.WaitForConnection({}, kNow)),
              testing::EndsWith("\n  not caused by the client, on ctl: third"));
  records_.TakeViolations();
  EXPECT_EQ(Reason(records_.WaitForConnection({}, kNow)),
            "no client on both channels within 0 ms\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, SaysWhatCameBeforeThisStart) {
  Add(Command::kPing, "");
  Open();
  EXPECT_THAT(records_.WaitForMessage(Command::kStartPod, kNow).reason,
              testing::HasSubstr("\n    1  before this Start  ping, no payload\n"));
}

TEST_F(RecordsTest, ForgetsThePartialFrameOfAClientThatIsGone) {
  Open();
  records_.SetConnected(Channel::kCtl);
  records_.SetPartial(Channel::kCtl, "3 of 8 header bytes have arrived");
  records_.SetDisconnected(Channel::kCtl);
  records_.SetConnected(Channel::kCtl);
  EXPECT_EQ(Reason(records_.WaitForConnection(Channel::kIo, kNow)),
            "no client on io within 0 ms\n"
            "  ctl: connected; io: never connected");
}

// ---- The mock's life

TEST_F(RecordsTest, FailsAtOnceIfItIsNotStarted) {
  EXPECT_EQ(Reason(records_.WaitForMessage(std::nullopt, kDeadline)),
            "no message: the mock is not started: call Start() first; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForConnection({}, kDeadline)),
            "no client on both channels: the mock is not started: call Start() first\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(RecordsTest, FailsAtOnceIfItIsStopped) {
  Open();
  records_.SetConnected(Channel::kCtl);
  records_.Close();
  EXPECT_EQ(Reason(records_.WaitForMessage(Command::kPing, kDeadline)),
            "no ping: the mock is stopped; nothing has arrived\n"
            "  ctl: client gone since <t>; io: never connected");
  EXPECT_EQ(Reason(records_.WaitForDisconnect(Channel::kIo, kDeadline)),
            "no departure of a client from io: the mock is stopped\n"
            "  ctl: client gone since <t>; io: never connected");
}

TEST_F(RecordsTest, HasNobodyConnectedOnceItIsStopped) {
  Open();
  records_.SetConnected(Channel::kCtl);
  records_.Close();
  EXPECT_FALSE(records_.IsConnected(Channel::kCtl));
}

TEST_F(RecordsTest, IsNotStoppedByACloseWithoutAStart) {
  records_.Close();
  EXPECT_THAT(Reason(records_.WaitForMessage(std::nullopt, kDeadline)),
              testing::StartsWith("no message: the mock is not started: call Start() first;"));
}

TEST_F(RecordsTest, GivesWhatIsThereThoughItIsNotStarted) {
  Add(Command::kPing, "there");
  EXPECT_EQ(*records_.WaitForMessage(std::nullopt, kNow).value,
            (DecodedMessage{Command::kPing, "there"}));
}

TEST_F(RecordsTest, GivesWhatIsThereThoughItIsStopped) {
  Open();
  Add(Command::kPing, "there");
  Add({{1, "abc"}, {1, ""}, {2, "de"}});
  records_.SetConnected(Channel::kCtl);
  records_.SetDisconnected(Channel::kCtl);
  records_.Close();
  EXPECT_TRUE(records_.WaitForDisconnect(Channel::kCtl, kNow).value);
  EXPECT_EQ(*records_.WaitForMessage(Command::kPing, kNow).value,
            (DecodedMessage{Command::kPing, "there"}));
  EXPECT_EQ(*records_.WaitForEnd(1, kNow).value, "abc");
  EXPECT_EQ(*records_.WaitForBytes(2, 1, kNow).value, "d");
  EXPECT_EQ(*records_.WaitForPacket(2, kNow).value, (IoPacket{2, "e"}));
}

TEST_F(RecordsTest, WaitsAgainAfterAnotherStart) {
  Open();
  records_.Close();
  Open();
  BlockedCall<WaitResult<DecodedMessage>> wait(
      [&] { return records_.WaitForMessage(std::nullopt, kDeadline); });
  Add(Command::kPing, "again");
  EXPECT_EQ(*wait.Get().value, (DecodedMessage{Command::kPing, "again"}));
}

TEST_F(RecordsTest, EndsEveryKindOfWaitAsItStops) {
  Open();
  records_.SetConnected(Channel::kCtl);
  ReplyPolicy policy(kOptions);
  policy.On(Command::kPing).WillOnce(Reply());
  BlockedCall<std::string> message(
      [&] { return records_.WaitForMessage(std::nullopt, kDeadline).reason; });
  BlockedCall<std::string> packet([&] { return records_.WaitForPacket(1, kDeadline).reason; });
  BlockedCall<std::string> matching(
      [&] { return records_.WaitForMessage(PayloadIs("x"), kDeadline).reason; });
  BlockedCall<std::string> bytes([&] { return records_.WaitForBytes(1, 1, kDeadline).reason; });
  BlockedCall<std::string> end([&] { return records_.WaitForEnd(1, kDeadline).reason; });
  BlockedCall<std::string> connection(
      [&] { return records_.WaitForConnection({}, kDeadline).reason; });
  BlockedCall<std::string> departure(
      [&] { return records_.WaitForDisconnect(Channel::kCtl, kDeadline).reason; });
  BlockedCall<std::string> plans([&] { return records_.WaitForPlans(policy, kDeadline).reason; });
  records_.Close();
  for (auto* wait : {&message, &packet, &matching, &bytes, &end, &connection, &departure, &plans}) {
    EXPECT_THAT(wait->Get(), testing::HasSubstr(": the mock is stopped"));
  }
}

TEST(RecordsLifeTest, ReturnsFromCloseOnlyWhenAllWaitsHaveLeft) {
  for (int round = 0; round < 20; ++round) {
    auto records = std::make_unique<Records>(Dialect::kHyperstart);
    records->Open(Clock::now());
    const auto wait = [&records = *records] {
      return records.WaitForMessage(std::nullopt, kDeadline);
    };
    BlockedCall<WaitResult<DecodedMessage>> first(wait);
    BlockedCall<WaitResult<DecodedMessage>> second(wait);
    BlockedCall<WaitResult<DecodedMessage>> third(wait);
    records->Close();
    records.reset();  // a wait that is still inside would now read freed memory
    for (auto* const ended : {&first, &second, &third}) EXPECT_FALSE(ended->Get().value);
  }
}

// ---- Strange timeouts

TEST_F(RecordsTest, GivesWhatIsThereWhateverTheTimeout) {
  Open();
  for (const milliseconds timeout : {milliseconds(-1), milliseconds(-100'000), kNow,
                                     milliseconds::max(), milliseconds::max() / 2}) {
    Add(Command::kPing, "there");
    EXPECT_TRUE(records_.WaitForMessage(Command::kPing, timeout).value) << timeout.count();
  }
}

TEST_F(RecordsTest, FailsAtOnceWithANegativeTimeout) {
  Open();
  EXPECT_EQ(Reason(records_.WaitForMessage(std::nullopt, milliseconds(-5))),
            "no message within -5 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_FALSE(records_.WaitForConnection({}, milliseconds(-100'000'000)).value);
}

TEST_F(RecordsTest, WaitsForEverWithTheLongestTimeout) {
  Open();
  for (const milliseconds timeout :
       {milliseconds::max(), milliseconds::max() - milliseconds(1), milliseconds::max() / 2,
        std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds::max())}) {
    SCOPED_TRACE(timeout.count());
    BlockedCall<WaitResult<DecodedMessage>> wait(
        [&] { return records_.WaitForMessage(std::nullopt, timeout); });
    EXPECT_FALSE(wait.HasReturned());
    Add(Command::kPing, "");
    EXPECT_TRUE(wait.Get().value);
  }
}

TEST_F(RecordsTest, EndsAWaitForEverAsItStops) {
  Open();
  BlockedCall<WaitResult<DecodedMessage>> wait(
      [&] { return records_.WaitForMessage(std::nullopt, milliseconds::max()); });
  records_.Close();
  EXPECT_FALSE(wait.Get().value);
}

}  // namespace
}  // namespace hyperstart::detail
