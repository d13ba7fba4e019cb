// Waits: fulfilled from other threads, ended by deadlines and by the mock's life, and what the
// reason of a failed one says.

#include "mock_hyperstart/detail/agent/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "unit/blocked_call.hpp"

namespace hyperstart {
namespace {

using namespace std::string_literals;
using detail::Clock;
using detail::Mailbox;
using std::chrono::milliseconds;
using testing::AssertionResult;
using testing::ElementsAre;
using testing::IsEmpty;

/// Long enough for what must come; for what must not, there is kNow.
constexpr milliseconds kLong{60'000};
constexpr milliseconds kNow{0};

/// Why it failed, with its times, "+12 ms", as "<t>".
std::string Reason(const AssertionResult& result) {
  if (result) return "it did not fail";
  std::string reason = result.message();
  for (std::size_t at = reason.find('+'); at != std::string::npos; at = reason.find('+', at + 1)) {
    const std::size_t end = reason.find_first_not_of("0123456789", at + 1);
    if (end != at + 1 && reason.compare(end, 3, " ms") == 0)
      reason.replace(at, end + 3 - at, "<t>");
  }
  return reason;
}

class MailboxTest : public testing::Test {
 protected:
  void Open() { mailbox_.Open(Clock::now()); }
  void Add(Command command, std::string payload) {
    mailbox_.Add(DecodedMessage{command, std::move(payload)}, Clock::now());
  }
  void Add(std::vector<IoPacket> packets) { mailbox_.Add(packets, Clock::now()); }

  Mailbox mailbox_{Dialect::kHyperstart};
};

// ---- Awaited

TEST(AwaitedTest, IsItsValue) {
  Awaited<std::string> awaited = "abc"s;
  EXPECT_TRUE(awaited);
  EXPECT_EQ(*awaited, "abc");
  EXPECT_EQ(awaited->size(), 3u);
  *awaited += "d";
  awaited->push_back('e');
  EXPECT_EQ(*std::as_const(awaited), "abcde");
  EXPECT_EQ(std::as_const(awaited)->size(), 5u);
  const std::string moved = *std::move(awaited);
  EXPECT_EQ(moved, "abcde");
}

TEST(AwaitedTest, IsTrueThoughItsValueIsFalseOrEmpty) {
  EXPECT_TRUE(Awaited<bool>(false));
  EXPECT_TRUE(Awaited<std::string>(""));
}

TEST(AwaitedTest, GivesAwayWhatCanOnlyBeMoved) {
  Awaited<std::unique_ptr<int>> awaited = std::make_unique<int>(7);
  const std::unique_ptr<int> moved = *std::move(awaited);
  EXPECT_EQ(*moved, 7);
}

TEST(AwaitedTest, TellsAnAssertionWhyThereIsNone) {
  const auto awaited = Awaited<std::string>::Failure("because");
  EXPECT_FALSE(awaited);
  const AssertionResult result = awaited;
  EXPECT_FALSE(result);
  EXPECT_STREQ(result.message(), "because");
}

TEST(AwaitedTest, IsAnAssertionThatSucceedsWithItsValue) {
  const AssertionResult result = Awaited<std::string>("abc");
  EXPECT_TRUE(result);
}

template <typename Use>
std::string Thrown(const Use& use) {
  try {
    use();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(AwaitedTest, ThrowsTheReasonWhereAValueIsUsed) {
  auto awaited = Awaited<std::string>::Failure("because");
  const auto& constant = awaited;
  EXPECT_EQ(Thrown([&] { (*awaited).clear(); }), "because");
  EXPECT_EQ(Thrown([&] { awaited->clear(); }), "because");
  EXPECT_EQ(Thrown([&] { static_cast<void>((*constant).size()); }), "because");
  EXPECT_EQ(Thrown([&] { static_cast<void>(constant->size()); }), "because");
  EXPECT_EQ(Thrown([&] { const std::string moved = *std::move(awaited); }), "because");
}

TEST(AwaitedTest, TurnsIntoABoolOnlyWhereOneIsAskedFor) {
  EXPECT_FALSE((std::is_convertible_v<Awaited<std::string>, bool>));
  EXPECT_TRUE((std::is_constructible_v<bool, Awaited<std::string>>));
}

// ---- What is there already

TEST_F(MailboxTest, GivesTheOldestMessage) {
  Open();
  Add(Command::kPing, "1");
  Add(Command::kStartPod, "2");
  EXPECT_EQ(*mailbox_.WaitForMessage({}, kNow), (DecodedMessage{Command::kPing, "1"}));
  EXPECT_EQ(*mailbox_.WaitForMessage({}, kNow), (DecodedMessage{Command::kStartPod, "2"}));
}

TEST_F(MailboxTest, GivesTheOldestMessageOfACommandAndLeavesTheRest) {
  Open();
  Add(Command::kPing, "1");
  Add(Command::kStartPod, "2");
  Add(Command::kStartPod, "3");
  EXPECT_EQ(*mailbox_.WaitForMessage(Command::kStartPod, kNow),
            (DecodedMessage{Command::kStartPod, "2"}));
  EXPECT_THAT(mailbox_.TakeMessages(), ElementsAre(DecodedMessage{Command::kPing, "1"},
                                                   DecodedMessage{Command::kStartPod, "3"}));
  EXPECT_THAT(mailbox_.TakeMessages(), IsEmpty());
}

TEST_F(MailboxTest, GivesPacketsByTheirSeq) {
  Open();
  Add({{1, "a"}, {2, "b"}, {1, "c"}});
  EXPECT_EQ(*mailbox_.WaitForPacket(2, kNow), (IoPacket{2, "b"}));
  EXPECT_EQ(*mailbox_.WaitForPacket({}, kNow), (IoPacket{1, "a"}));
  EXPECT_THAT(mailbox_.TakePackets(), ElementsAre(IoPacket{1, "c"}));
  EXPECT_THAT(mailbox_.TakePackets(), IsEmpty());
}

TEST_F(MailboxTest, GivesBytesAndLeavesTheRestOfAPacket) {
  Open();
  Add({{1, "abc"}, {2, "x"}, {1, "def"}});
  EXPECT_EQ(*mailbox_.WaitForBytes(1, 4, kNow), "abcd");
  EXPECT_THAT(mailbox_.TakePackets(), ElementsAre(IoPacket{2, "x"}, IoPacket{1, "ef"}));
}

TEST_F(MailboxTest, GivesAStreamToItsEnd) {
  Open();
  Add({{1, "abc"}, {1, "def"}, {1, ""}, {1, "g"}});
  EXPECT_EQ(*mailbox_.WaitForEnd(1, kNow), "abcdef");
  EXPECT_THAT(mailbox_.TakePackets(), ElementsAre(IoPacket{1, "g"}));
}

TEST_F(MailboxTest, TakesThePacketsOutOfTheVectorThatItIsGiven) {
  std::vector<IoPacket> packets = {{1, "a"}};
  mailbox_.Add(packets, Clock::now());
  EXPECT_THAT(packets, IsEmpty());
}

TEST_F(MailboxTest, KeepsViolationsUntilTheyAreTaken) {
  mailbox_.Add(Violation{Channel::kCtl, "first", "1"});
  mailbox_.Add(Violation{Channel::kIo, "second", "2"});
  const std::vector<Violation> violations = mailbox_.TakeViolations();
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].channel, Channel::kCtl);
  EXPECT_EQ(violations[0].what, "first");
  EXPECT_EQ(violations[0].bytes, "1");
  EXPECT_EQ(violations[1].channel, Channel::kIo);
  EXPECT_EQ(violations[1].what, "second");
  EXPECT_THAT(mailbox_.TakeViolations(), IsEmpty());
}

// ---- What comes from another thread

TEST_F(MailboxTest, WaitsForAMessage) {
  Open();
  BlockedCall<Awaited<DecodedMessage>> wait(
      [&] { return mailbox_.WaitForMessage(Command::kStartPod, kLong); });
  Add(Command::kPing, "not this");
  EXPECT_FALSE(wait.HasReturned());
  Add(Command::kStartPod, "this");
  EXPECT_EQ(*wait.Get(), (DecodedMessage{Command::kStartPod, "this"}));
  EXPECT_THAT(mailbox_.TakeMessages(), ElementsAre(DecodedMessage{Command::kPing, "not this"}));
}

TEST_F(MailboxTest, WaitsForAnyMessage) {
  Open();
  BlockedCall<Awaited<DecodedMessage>> wait([&] { return mailbox_.WaitForMessage({}, kLong); });
  Add({{1, "not a message"}});
  EXPECT_FALSE(wait.HasReturned());
  Add(Command::kPing, "any");
  EXPECT_EQ(*wait.Get(), (DecodedMessage{Command::kPing, "any"}));
}

TEST_F(MailboxTest, WaitsForAPacket) {
  Open();
  BlockedCall<Awaited<IoPacket>> wait([&] { return mailbox_.WaitForPacket(2, kLong); });
  Add({{1, "not this"}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, "nor this"}, {2, "this"}});
  EXPECT_EQ(*wait.Get(), (IoPacket{2, "this"}));
}

TEST_F(MailboxTest, WaitsForBytesOfSeveralPackets) {
  Open();
  BlockedCall<Awaited<std::string>> wait([&] { return mailbox_.WaitForBytes(1, 5, kLong); });
  Add({{1, "abc"}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, "def"}});
  EXPECT_EQ(*wait.Get(), "abcde");
}

TEST_F(MailboxTest, WaitsForTheEndOfAStream) {
  Open();
  BlockedCall<Awaited<std::string>> wait([&] { return mailbox_.WaitForEnd(1, kLong); });
  Add({{1, "abc"}, {2, ""}});
  EXPECT_FALSE(wait.HasReturned());
  Add({{1, ""}});
  EXPECT_EQ(*wait.Get(), "abc");
}

TEST_F(MailboxTest, WaitsForAClientOnOneChannel) {
  Open();
  BlockedCall<AssertionResult> wait(
      [&] { return mailbox_.WaitForConnection(Channel::kIo, kLong); });
  mailbox_.SetConnected(Channel::kCtl);
  EXPECT_FALSE(wait.HasReturned());
  mailbox_.SetConnected(Channel::kIo);
  EXPECT_TRUE(wait.Get());
}

TEST_F(MailboxTest, WaitsForAClientOnBothChannels) {
  Open();
  BlockedCall<AssertionResult> wait([&] { return mailbox_.WaitForConnection({}, kLong); });
  mailbox_.SetConnected(Channel::kCtl);
  EXPECT_FALSE(wait.HasReturned());
  mailbox_.SetConnected(Channel::kIo);
  EXPECT_TRUE(wait.Get());
}

TEST_F(MailboxTest, WaitsForADeparture) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  mailbox_.SetConnected(Channel::kIo);
  BlockedCall<AssertionResult> wait(
      [&] { return mailbox_.WaitForDisconnect(Channel::kCtl, kLong); });
  mailbox_.SetDisconnected(Channel::kIo);
  EXPECT_FALSE(wait.HasReturned());
  mailbox_.SetDisconnected(Channel::kCtl);
  EXPECT_TRUE(wait.Get());
}

TEST_F(MailboxTest, GivesEachRecordToOneOfManyThatWait) {
  Open();
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) {
        sum += std::stoi((*mailbox_.WaitForMessage(Command::kPing, kLong)).payload);
      }
    });
  }
  constexpr int kAll = kThreads * kEach;
  for (int i = 1; i <= kAll; ++i) Add(Command::kPing, std::to_string(i));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, kAll * (kAll + 1) / 2);
}

// ---- Connections

TEST_F(MailboxTest, KnowsWhoIsConnected) {
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
  mailbox_.SetConnected(Channel::kCtl);
  EXPECT_TRUE(mailbox_.IsConnected(Channel::kCtl));
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kIo));
  mailbox_.SetDisconnected(Channel::kCtl);
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
}

TEST_F(MailboxTest, CountsDeparturesUntilAWaitTakesThem) {
  Open();
  for (int client = 0; client < 3; ++client) {
    mailbox_.SetConnected(Channel::kCtl);
    mailbox_.SetDisconnected(Channel::kCtl);
  }
  mailbox_.SetConnected(Channel::kCtl);
  for (int client = 0; client < 3; ++client) {
    EXPECT_TRUE(mailbox_.WaitForDisconnect(Channel::kCtl, kNow));
  }
  EXPECT_FALSE(mailbox_.WaitForDisconnect(Channel::kCtl, kNow));
  EXPECT_FALSE(mailbox_.WaitForDisconnect(Channel::kIo, kNow));
}

// ---- Reasons

TEST_F(MailboxTest, SaysThatNothingArrived) {
  Open();
  EXPECT_EQ(Reason(mailbox_.WaitForMessage({}, milliseconds(1))),
            "no message within 1 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForMessage(Command::kNewContainer, milliseconds(2))),
            "no newcontainer within 2 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForPacket({}, kNow)),
            "no io packet within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForPacket(7, kNow)),
            "no io packet of seq 7 within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForBytes(7, 1, kNow)),
            "no 1 byte of seq 7 (there are 0) within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForEnd(7, kNow)),
            "no end of seq 7 within 0 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, SaysWhatArrivedInstead) {
  Open();
  Add(Command::kStartPod, R"({"hostname":"h"})");
  Add(Command::kPing, "");
  Add(Command::kReadFile, "x");
  EXPECT_EQ(Reason(mailbox_.WaitForMessage(Command::kNewContainer, kNow)),
            "no newcontainer within 0 ms; received instead:\n"
            "    3  <t>  readfile  1 byte  \"x\"\n"
            "    2  <t>  ping, no payload\n"
            "    1  <t>  startpod  16 bytes  {\"hostname\":\"h\"}\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, SaysFirstWhatArrivedForTheStreamInQuestion) {
  Open();
  Add({{1, "stdin\n"}, {2, "x"}, {2, ""}});
  EXPECT_EQ(Reason(mailbox_.WaitForEnd(1, kNow)),
            "no end of seq 1 within 0 ms; received instead:\n"
            "    1  <t>  seq 1  6 bytes  \"stdin\\n\"\n"
            "    3  <t>  seq 2, end of stream\n"
            "    2  <t>  seq 2  1 byte  \"x\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, SaysHowManyBytesThereAre) {
  Open();
  Add({{1, "abc"}, {1, "de"}});
  EXPECT_EQ(Reason(mailbox_.WaitForBytes(1, 6, kNow)),
            "no 6 bytes of seq 1 (there are 5) within 0 ms; received instead:\n"
            "    2  <t>  seq 1  2 bytes  \"de\"\n"
            "    1  <t>  seq 1  3 bytes  \"abc\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, FailsAtOnceWhereTheStreamEndsTooEarly) {
  Open();
  Add({{1, "abc"}, {1, ""}, {1, "defg"}});
  EXPECT_EQ(Reason(mailbox_.WaitForBytes(1, 4, kLong)),
            "no 4 bytes of seq 1: the stream ended after 3 bytes; received instead:\n"
            "    3  <t>  seq 1  4 bytes  \"defg\"\n"
            "    2  <t>  seq 1, end of stream\n"
            "    1  <t>  seq 1  3 bytes  \"abc\"\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, FailsAWaitForBytesWhenTheStreamEnds) {
  Open();
  BlockedCall<Awaited<std::string>> wait([&] { return mailbox_.WaitForBytes(1, 2, kLong); });
  Add({{1, "a"}});
  Add({{1, ""}});
  EXPECT_THAT(Reason(wait.Get()),
              testing::StartsWith("no 2 bytes of seq 1: the stream ended after 1 byte; "
                                  "received instead:\n"));
}

TEST_F(MailboxTest, SaysThatAllWereTaken) {
  Open();
  Add(Command::kPing, "");
  Add(Command::kPing, "");
  mailbox_.TakeMessages();
  EXPECT_EQ(Reason(mailbox_.WaitForMessage({}, kNow)),
            "no message within 0 ms; what arrived (2 in all) was taken\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, ListsTenAndSaysHowManyMore) {
  Open();
  for (int i = 0; i < 12; ++i) Add(Command::kPing, "");
  std::string lines;
  for (const char* const number : {" 12", " 11", " 10", "  9", "  8", "  7", "  6", "  5", "  4"}) {
    lines += "\n  "s + number + "  <t>  ping, no payload";
  }
  EXPECT_EQ(Reason(mailbox_.WaitForMessage(Command::kStartPod, kNow)),
            "no startpod within 0 ms; received instead:" + lines +
                "\n    3  <t>  ping, no payload"
                "\n       and 2 more"
                "\n  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, TellsTimesFromTheStart) {
  const Clock::time_point start = Clock::now();
  mailbox_.Open(start);
  mailbox_.Add(DecodedMessage{Command::kPing, ""}, start + milliseconds(1234));
  const AssertionResult result = mailbox_.WaitForMessage(Command::kStartPod, kNow);
  EXPECT_THAT(result.message(), testing::HasSubstr("\n    1  +1234 ms  ping, no payload\n"));
}

TEST_F(MailboxTest, NamesCommandsInItsDialect) {
  Mailbox mailbox(Dialect::kClearContainers);
  mailbox.Open(Clock::now());
  mailbox.Add(DecodedMessage{Command{23}, ""}, Clock::now());
  EXPECT_EQ(Reason(mailbox.WaitForMessage(Command{24}, kNow)),
            "no processasyncevent within 0 ms; received instead:\n"
            "    1  <t>  pscontainer, no payload\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, SaysHowEachChannelStands) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  EXPECT_EQ(Reason(mailbox_.WaitForConnection({}, kNow)),
            "no client on both channels within 0 ms\n"
            "  ctl: connected; io: never connected");
  mailbox_.SetPartial(Channel::kCtl, "300 of 512 bytes of a newcontainer");
  mailbox_.SetConnected(Channel::kIo);
  mailbox_.SetDisconnected(Channel::kIo);
  EXPECT_EQ(Reason(mailbox_.WaitForConnection(Channel::kIo, kNow)),
            "no client on io within 0 ms\n"
            "  ctl: connected, 300 of 512 bytes of a newcontainer have arrived; "
            "io: client gone since <t>");
  mailbox_.SetPartial(Channel::kCtl, "");
  EXPECT_EQ(Reason(mailbox_.WaitForDisconnect(Channel::kCtl, kNow)),
            "no departure of a client from ctl within 0 ms\n"
            "  ctl: connected; io: client gone since <t>");
}

TEST_F(MailboxTest, ForgetsThePartialFrameOfAClientThatIsGone) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  mailbox_.SetPartial(Channel::kCtl, "3 of 8 header bytes");
  mailbox_.SetDisconnected(Channel::kCtl);
  mailbox_.SetConnected(Channel::kCtl);
  EXPECT_EQ(Reason(mailbox_.WaitForConnection(Channel::kIo, kNow)),
            "no client on io within 0 ms\n"
            "  ctl: connected; io: never connected");
}

// ---- The mock's life

TEST_F(MailboxTest, FailsAtOnceWhereItIsNotStarted) {
  EXPECT_EQ(Reason(mailbox_.WaitForMessage({}, kLong)),
            "no message: the mock is not started: call Start() first; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForConnection({}, kLong)),
            "no client on both channels: the mock is not started: call Start() first\n"
            "  ctl: never connected; io: never connected");
}

TEST_F(MailboxTest, FailsAtOnceWhereItIsStopped) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  mailbox_.Close();
  EXPECT_EQ(Reason(mailbox_.WaitForMessage(Command::kPing, kLong)),
            "no ping: the mock is stopped; nothing has arrived\n"
            "  ctl: client gone since <t>; io: never connected");
  EXPECT_EQ(Reason(mailbox_.WaitForDisconnect(Channel::kIo, kLong)),
            "no departure of a client from io: the mock is stopped\n"
            "  ctl: client gone since <t>; io: never connected");
}

TEST_F(MailboxTest, HasNobodyConnectedOnceItIsStopped) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  mailbox_.Close();
  EXPECT_FALSE(mailbox_.IsConnected(Channel::kCtl));
}

TEST_F(MailboxTest, IsNotStoppedByACloseWithoutAStart) {
  mailbox_.Close();
  EXPECT_THAT(Reason(mailbox_.WaitForMessage({}, kLong)),
              testing::StartsWith("no message: the mock is not started: call Start() first;"));
}

TEST_F(MailboxTest, GivesWhatIsThereThoughItIsNotStarted) {
  Add(Command::kPing, "there");
  EXPECT_EQ(*mailbox_.WaitForMessage({}, kNow), (DecodedMessage{Command::kPing, "there"}));
}

TEST_F(MailboxTest, GivesWhatIsThereThoughItIsStopped) {
  Open();
  Add(Command::kPing, "there");
  Add({{1, "abc"}, {1, ""}, {2, "de"}});
  mailbox_.SetConnected(Channel::kCtl);
  mailbox_.SetDisconnected(Channel::kCtl);
  mailbox_.Close();
  EXPECT_TRUE(mailbox_.WaitForDisconnect(Channel::kCtl, kNow));
  EXPECT_EQ(*mailbox_.WaitForMessage(Command::kPing, kNow),
            (DecodedMessage{Command::kPing, "there"}));
  EXPECT_EQ(*mailbox_.WaitForEnd(1, kNow), "abc");
  EXPECT_EQ(*mailbox_.WaitForBytes(2, 1, kNow), "d");
  EXPECT_EQ(*mailbox_.WaitForPacket(2, kNow), (IoPacket{2, "e"}));
}

TEST_F(MailboxTest, WaitsAgainAfterAnotherStart) {
  Open();
  mailbox_.Close();
  Open();
  BlockedCall<Awaited<DecodedMessage>> wait([&] { return mailbox_.WaitForMessage({}, kLong); });
  Add(Command::kPing, "again");
  EXPECT_EQ(*wait.Get(), (DecodedMessage{Command::kPing, "again"}));
}

TEST_F(MailboxTest, EndsEveryKindOfWaitAsItStops) {
  Open();
  mailbox_.SetConnected(Channel::kCtl);
  BlockedCall<AssertionResult> message(
      [&]() -> AssertionResult { return mailbox_.WaitForMessage({}, kLong); });
  BlockedCall<AssertionResult> packet(
      [&]() -> AssertionResult { return mailbox_.WaitForPacket(1, kLong); });
  BlockedCall<AssertionResult> bytes(
      [&]() -> AssertionResult { return mailbox_.WaitForBytes(1, 1, kLong); });
  BlockedCall<AssertionResult> end(
      [&]() -> AssertionResult { return mailbox_.WaitForEnd(1, kLong); });
  BlockedCall<AssertionResult> connection([&] { return mailbox_.WaitForConnection({}, kLong); });
  BlockedCall<AssertionResult> departure(
      [&] { return mailbox_.WaitForDisconnect(Channel::kCtl, kLong); });
  mailbox_.Close();
  for (auto* wait : {&message, &packet, &bytes, &end, &connection, &departure}) {
    EXPECT_THAT(Reason(wait->Get()), testing::HasSubstr(": the mock is stopped"));
  }
}

TEST(MailboxLifeTest, ReturnsFromCloseOnlyWhenAllWaitsHaveLeft) {
  for (int round = 0; round < 20; ++round) {
    auto mailbox = std::make_unique<Mailbox>(Dialect::kHyperstart);
    mailbox->Open(Clock::now());
    const auto wait = [&mailbox = *mailbox]() -> AssertionResult {
      return mailbox.WaitForMessage({}, kLong);
    };
    BlockedCall<AssertionResult> first(wait);
    BlockedCall<AssertionResult> second(wait);
    BlockedCall<AssertionResult> third(wait);
    mailbox->Close();
    mailbox.reset();  // who is still inside would now read what is freed
    for (auto* const ended : {&first, &second, &third}) EXPECT_FALSE(ended->Get());
  }
}

// ---- Strange timeouts

TEST_F(MailboxTest, GivesWhatIsThereWhateverTheTimeout) {
  Open();
  for (const milliseconds timeout : {milliseconds(-1), milliseconds(-100'000), kNow,
                                     milliseconds::max(), milliseconds::max() / 2}) {
    Add(Command::kPing, "there");
    EXPECT_TRUE(mailbox_.WaitForMessage(Command::kPing, timeout)) << timeout.count();
  }
}

TEST_F(MailboxTest, FailsAtOnceWithANegativeTimeout) {
  Open();
  EXPECT_EQ(Reason(mailbox_.WaitForMessage({}, milliseconds(-5))),
            "no message within -5 ms; nothing has arrived\n"
            "  ctl: never connected; io: never connected");
  EXPECT_FALSE(mailbox_.WaitForConnection({}, milliseconds(-100'000'000)));
}

TEST_F(MailboxTest, WaitsForEverWithTheLongestTimeout) {
  Open();
  for (const milliseconds timeout :
       {milliseconds::max(), milliseconds::max() - milliseconds(1), milliseconds::max() / 2,
        std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds::max())}) {
    SCOPED_TRACE(timeout.count());
    BlockedCall<Awaited<DecodedMessage>> wait([&] { return mailbox_.WaitForMessage({}, timeout); });
    EXPECT_FALSE(wait.HasReturned());
    Add(Command::kPing, "");
    EXPECT_TRUE(wait.Get());
  }
}

TEST_F(MailboxTest, EndsAWaitForEverAsItStops) {
  Open();
  BlockedCall<Awaited<DecodedMessage>> wait(
      [&] { return mailbox_.WaitForMessage({}, milliseconds::max()); });
  mailbox_.Close();
  EXPECT_FALSE(wait.Get());
}

}  // namespace
}  // namespace hyperstart
