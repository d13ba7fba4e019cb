// Connecting a client to an agent that may start later: what ends the attempts, and what is
// reported.

#include "mock_hyperstart/detail/agent/connect_to_agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "mock_hyperstart/detail/net/listener.hpp"
#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "support/deadline.hpp"
#include "unit/blocked_call.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConnectToAgentTest : public ServiceTest {
 protected:
  ConnectToAgentTest() {
    options_.timeout = kDeadline;
    ctl_.Listen(io_context_, directory_ / "ctl");
    served_.emplace(RawClient::Ctl(directory_ / "ctl"));
    attached_ = ctl_.AttachClient({}, [] {});
  }
  ~ConnectToAgentTest() override {
    attached_.reset();
    ctl_.DetachClient();
    ctl_.BeginStop();
    ctl_.FinishStop();
  }

  void StartAgent() { agent_ = ListenAt(agent_path_).socket; }
  void LeaveAsClient() { served_->Close(); }
  /// Whether there is a connection.
  bool Connect() {
    return static_cast<bool>(
        ConnectToAgent(agent_path_, Channel::kCtl, ctl_, *attached_, context_));
  }
  /// A call of Connect that goes on trying.
  std::unique_ptr<BlockedCall<bool>> Connecting() {
    auto call = std::make_unique<BlockedCall<bool>>([this] { return Connect(); });
    EXPECT_FALSE(call->HasReturned());
    return call;
  }
  void ExpectNothingReported() {
    EXPECT_THAT(records_.TakeErrors(), IsEmpty());
    EXPECT_EQ(Conversation(), "");
  }

  const std::string agent_path_ = directory_ / "agent";
  IoContext io_context_;
  std::optional<RawClient> served_;
  std::shared_ptr<Connection> attached_;
  Descriptor agent_;
};

TEST_F(ConnectToAgentTest, ConnectsAtOnce) {
  StartAgent();
  options_.timeout = std::chrono::milliseconds(0);
  EXPECT_TRUE(Connect());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, WaitsForAnAgentThatStartsLate) {
  const auto connecting = Connecting();
  StartAgent();
  EXPECT_TRUE(connecting->Get());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, WaitsAlthoughTheClientHasLeft) {
  LeaveAsClient();
  const auto connecting = Connecting();
  StartAgent();
  EXPECT_TRUE(connecting->Get());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, WaitsAlthoughTheClientLeavesMeanwhile) {
  const auto connecting = Connecting();
  LeaveAsClient();
  StartAgent();
  EXPECT_TRUE(connecting->Get());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, ReportsAnAgentThatIsNotThereInTime) {
  options_.timeout = std::chrono::milliseconds(30);
  EXPECT_FALSE(Connect());
  const std::string text = "cannot forward a client of ctl to the agent at " + agent_path_ +
                           ": No such file or directory (tried for 30 ms)";
  EXPECT_THAT(records_.TakeErrors(), ElementsAre(text));
  EXPECT_EQ(Conversation(), text + "\n");
  EXPECT_EQ(served_->ReadToEnd(), "") << "the client is disconnected";
}

TEST_F(ConnectToAgentTest, ReportsItAlsoForAClientThatHasLeft) {
  options_.timeout = std::chrono::milliseconds(30);
  LeaveAsClient();
  EXPECT_FALSE(Connect());
  EXPECT_THAT(records_.TakeErrors(), ElementsAre(HasSubstr("(tried for 30 ms)")));
}

TEST_F(ConnectToAgentTest, EndsWhenTheMockDisconnectsTheClient) {
  for (const bool has_left : {false, true}) {
    SCOPED_TRACE(has_left);
    if (has_left) LeaveAsClient();
    const auto connecting = Connecting();
    ctl_.Disconnect();
    EXPECT_FALSE(connecting->Get());
    ExpectNothingReported();
    attached_.reset();
    ctl_.DetachClient();
    served_.emplace(RawClient::Ctl(directory_ / "ctl"));
    attached_ = ctl_.AttachClient({}, [] {});
  }
}

TEST_F(ConnectToAgentTest, EndsWhenTheMockResetsTheClient) {
  const auto connecting = Connecting();
  ctl_.Reset();
  EXPECT_FALSE(connecting->Get());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, EndsWhenTheMockStops) {
  const auto connecting = Connecting();
  ctl_.BeginStop();
  EXPECT_FALSE(connecting->Get());
  ExpectNothingReported();
}

TEST_F(ConnectToAgentTest, SaysInTheConversationThatAClientWhichHadLeftIsNotForwarded) {
  LeaveAsClient();
  const auto connecting = Connecting();
  ctl_.BeginStop();
  EXPECT_FALSE(connecting->Get());
  EXPECT_THAT(records_.TakeErrors(), IsEmpty());
  EXPECT_EQ(Conversation(), "not forwarded to the agent at " + agent_path_ +
                                ", since the mock stops: No such file or directory\n");
}

TEST_F(ConnectToAgentTest, ReachesAnAgentThatWasThereWhenTheMockStops) {
  LeaveAsClient();
  const auto connecting = Connecting();
  StartAgent();
  ctl_.BeginStop();
  EXPECT_TRUE(connecting->Get());
  ExpectNothingReported();
}

}  // namespace
}  // namespace hyperstart::detail
