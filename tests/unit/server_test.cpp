// The server without a test framework: its life, what it forbids, and its verdicts. The rest is
// tested through the mock, in tests/mock and tests/faults.

#include "mock_hyperstart/detail/agent/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::chrono::milliseconds kDeadline{60'000};

class ServerTest : public testing::Test {
 protected:
  void TearDown() override { server_.Stop(); }

  RawClient Ctl() { return RawClient::Ctl(server_.paths().ctl); }
  RawClient Io() { return RawClient::Io(server_.paths().io); }
  RawClient::Answer Call(RawClient& client, Command command, std::string_view payload = {}) {
    return client.Call(static_cast<std::uint32_t>(command), payload);
  }
  /// The text of what a call throws, which must be a logic error.
  template <typename Function>
  static std::string LogicErrorOf(const Function& function) {
    try {
      function();
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "no logic error";
  }

  Server server_{Options()};
};

// ---- Life

TEST_F(ServerTest, ServesFromStartToStop) {
  server_.Start();
  RawClient ctl = Ctl();
  EXPECT_EQ(Call(ctl, Command::kPing).next, 8u);
  server_.Stop();
  EXPECT_EQ(ctl.ReadToEnd(), "");
  EXPECT_THROW(Ctl(), std::runtime_error);
}

TEST_F(ServerTest, MayBeStoppedTwiceAndStartedAgain) {
  server_.Stop();
  server_.Start();
  server_.Stop();
  server_.Stop();
  server_.Start();
  RawClient ctl = Ctl();
  EXPECT_EQ(Call(ctl, Command::kPing).next, 8u);
}

TEST_F(ServerTest, ForbidsASecondStart) {
  server_.Start();
  EXPECT_THAT(LogicErrorOf([&] { server_.Start(); }), HasSubstr("call Stop() first"));
}

TEST_F(ServerTest, ForbidsStartAndStopOnItsOwnThreads) {
  server_.Start();
  std::string start_on_ctl;
  std::string forward_on_ctl;
  std::string stop_on_ctl;
  std::string stop_on_io;
  server_.SetHandler([&](const DecodedMessage&) {
    start_on_ctl = LogicErrorOf([&] { server_.Start(); });
    stop_on_ctl = LogicErrorOf([&] { server_.Stop(); });
    forward_on_ctl = LogicErrorOf([&] { server_.ForwardTo({"ctl", "io"}); });
    return Reply();
  });
  server_.SetIoHandler(
      [&](const IoPacket&) { stop_on_io = LogicErrorOf([&] { server_.Stop(); }); });
  RawClient ctl = Ctl();
  Call(ctl, Command::kPing);
  Io().Write(wire::Io(1, "data"));
  EXPECT_TRUE(server_.records().WaitForDisconnect(Channel::kIo, kDeadline).value);
  EXPECT_THAT(start_on_ctl, HasSubstr("Start() from the mock's own thread"));
  EXPECT_THAT(forward_on_ctl, HasSubstr("ForwardTo() from the mock's own thread"));
  EXPECT_THAT(stop_on_ctl, HasSubstr("Stop() from the mock's own thread"));
  EXPECT_THAT(stop_on_io, HasSubstr("Stop() from the mock's own thread"));
}

TEST_F(ServerTest, ForbidsSendingBeforeTheFirstStart) {
  EXPECT_THAT(LogicErrorOf([&] { server_.SendMessage(Command::kReady, {}); }),
              HasSubstr("SendMessage() before Start()"));
  EXPECT_THAT(LogicErrorOf([&] { server_.SendIo(1, {}); }), HasSubstr("SendIo() before Start()"));
  EXPECT_THAT(LogicErrorOf([&] { server_.SendRaw(Channel::kCtl, {}); }),
              HasSubstr("SendRaw() before Start()"));
  EXPECT_THAT(LogicErrorOf([&] { server_.SendProcessEvent("c", "p", 0); }),
              HasSubstr("SendProcessEvent() before Start()"));
}

// ---- Verdicts

TEST_F(ServerTest, HasNoVerdictIfNothingWentWrong) {
  server_.Start();
  RawClient ctl = Ctl();
  Call(ctl, Command::kPing);
  server_.Stop();
  EXPECT_THAT(server_.TakeVerdicts(), IsEmpty());
}

TEST_F(ServerTest, ListsViolationsThenUnusedRepliesThenErrors) {
  server_.records().AddError("an error");
  server_.policy().On(Command::kPing).WillOnce(Reply(), "test.cpp", 7);
  server_.ReportViolation({Channel::kIo, "a violation", "bytes"});
  const std::vector<Verdict> verdicts = server_.TakeVerdicts();
  ASSERT_THAT(verdicts, SizeIs(3));
  EXPECT_EQ(verdicts[0].kind, Verdict::Kind::kViolation);
  EXPECT_EQ(verdicts[0].violation.what, "a violation");
  EXPECT_EQ(verdicts[1].kind, Verdict::Kind::kUnusedReply);
  EXPECT_EQ(verdicts[1].text, "this WillOnce was never used: too few ping commands came");
  ASSERT_TRUE(verdicts[1].place);
  EXPECT_STREQ(verdicts[1].place->file, "test.cpp");
  EXPECT_EQ(verdicts[1].place->line, 7);
  EXPECT_EQ(verdicts[2].kind, Verdict::Kind::kError);
  EXPECT_EQ(verdicts[2].text, "an error");
  EXPECT_THAT(server_.TakeVerdicts(), IsEmpty());
}

TEST_F(ServerTest, DescribesAnUnusedReplyByCriterion) {
  EXPECT_EQ(Server::DescribeUnused({"is a ping", {"test.cpp", 7}, true}),
            "this WillOnce was never used: too few commands came of which each is a ping");
}

TEST_F(ServerTest, DescribesAnUnusedReplyThatNewerPlansCouldHaveTaken) {
  EXPECT_EQ(Server::DescribeUnused({"is a ping", {"test.cpp", 7}, true, true}),
            "this WillOnce was never used: too few commands came of which each is a ping, or newer "
            "plans by matcher answered them");
  EXPECT_EQ(
      Server::DescribeUnused({"ping", {"test.cpp", 7}, false, true}),
      "this WillOnce was never used: too few ping commands came, or plans by matcher answered "
      "them");
}

// ---- Sending

TEST_F(ServerTest, SendsTheProcessEventAsJson) {
  server_.Start();
  server_.SendProcessEvent("a \"container\"", "p", 3);
  RawClient ctl = Ctl();
  EXPECT_EQ(ctl.ReadFrame(), (wire::Frame{static_cast<std::uint64_t>(Command::kProcessAsyncEvent),
                                          R"({"container":"a \"container\"","process":"p",)"
                                          R"("event":"finished","status":3})"}));
}

}  // namespace
}  // namespace hyperstart::detail
