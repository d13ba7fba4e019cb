// The vocabulary of the tests of the whole mock: a started mock, clients that connect to it, and
// what must be true of any mock that is in working order.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mock_hyperstart.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/deadline.hpp"
#include "support/error_of.hpp"
#include "support/options.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"

// Last: it is part of GoogleTest, and includes nothing itself.
#include <gtest/gtest-spi.h>

namespace hyperstart {

using namespace std::chrono_literals;

/// A delay longer than any test: what it holds back is held back until the test ends it.
inline constexpr std::chrono::milliseconds kForever = 24h;
/// How long a test watches for something that must not happen. A correct mock passes however slow
/// the machine is.
inline constexpr std::chrono::milliseconds kMoment = 20ms;

inline constexpr Channel kChannels[] = {Channel::kCtl, Channel::kIo};

/// Whether a client was ever served on the channel.
inline bool HasServed(const MockHyperstart& agent, Channel channel) {
  const std::vector<Event> events = agent.Events();
  return std::any_of(events.begin(), events.end(), [channel](const Event& event) {
    return event.kind == EventKind::kConnected && event.channel == channel;
  });
}

/// With MOCK_HYPERSTART_TESTS_THROUGH_SPY in the environment: an agent, for a mock that forwards to
/// it. If the mock has served a client and the agent has not, the test fails.
class AgentBehind {
 protected:
  explicit AgentBehind(const Options& options) {
    if (std::getenv("MOCK_HYPERSTART_TESTS_THROUGH_SPY") == nullptr) return;
    Options behind;
    behind.next_acks = options.next_acks;
    behind.max_frame = options.max_frame;
    behind.log = Log::kNever;
    agent_ = std::make_unique<MockHyperstart>(behind);
    agent_->Start();
  }
  /// After the mock's end: it has tried to connect for each client that it has served. Those of its
  /// connections that the agent has not accepted yet are served while the agent stops.
  ~AgentBehind() {
    if (!agent_) return;
    {  // what the client did, the mock before it has reported
      testing::TestPartResultArray ignored;
      const testing::ScopedFakeTestPartResultReporter reporter(&ignored);
      agent_->Stop();
    }
    for (const Channel channel : to_be_served_) {
      EXPECT_TRUE(HasServed(*agent_, channel))
          << "no client of " << testing::PrintToString(channel) << " was forwarded";
    }
  }
  /// Before the mock's end.
  void ExpectClientsOf(const MockHyperstart& mock) {
    if (!agent_) return;
    for (const Channel channel : kChannels) {
      if (HasServed(mock, channel)) to_be_served_.push_back(channel);
    }
  }

  std::unique_ptr<MockHyperstart> agent_;

 private:
  std::vector<Channel> to_be_served_;
};

class Started : private AgentBehind, public MockHyperstart {
 public:
  explicit Started(Options options = {})
      : AgentBehind(options), MockHyperstart(std::move(options)) {
    if (agent_) ForwardTo(agent_->GetSocketPaths());
    Start();
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started() { ExpectClientsOf(*this); }

  RawClient Ctl() const { return RawClient::Ctl(GetSocketPaths().ctl); }
  RawClient Io() const { return RawClient::Io(GetSocketPaths().io); }
};

inline DecodedMessage Message(Command command, std::string payload = {}) {
  return {command, std::move(payload)};
}

inline wire::Frame AckFrame(std::string payload = {}) { return {wire::kAck, std::move(payload)}; }

inline RawClient Connect(const Started& agent, Channel channel) {
  return channel == Channel::kCtl ? agent.Ctl() : agent.Io();
}
/// Connects, and waits until the mock has accepted the connection.
inline RawClient ConnectAndWait(Started& agent, Channel channel) {
  RawClient client = Connect(agent, channel);
  if (!agent.WaitForConnection(channel, kDeadline)) {
    throw std::runtime_error("the client is never accepted");
  }
  return client;
}

/// Everything that the client still receives once it has ended its input.
inline std::string RestOf(RawClient& client) {
  client.EndInput();
  return client.ReadToEnd();
}

/// A client that connects to the channel now is served as if nothing had happened before. Discards
/// the records of earlier clients.
inline void ExpectUsable(Started& agent, Channel channel) {
  SCOPED_TRACE("the next client");
  RawClient client = Connect(agent, channel);
  if (channel == Channel::kCtl) {
    const RawClient::Answer answer = client.Call(wire::kOnlineCpuMem, "usable?");
    EXPECT_EQ(answer.next, 15u);
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
    EXPECT_EQ(*agent.WaitForMessage(Command::kOnlineCpuMem, kDeadline),
              Message(Command::kOnlineCpuMem, "usable?"));
    EXPECT_EQ(RestOf(client), "");
  } else {
    constexpr std::uint64_t kSeq = 19;
    client.Write(wire::Io(kSeq, "usable?"));
    EXPECT_EQ(*agent.ReadIo(kSeq, kDeadline), (IoPacket{kSeq, "usable?"}));
    agent.SendIo(kSeq, "usable.");
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{kSeq, "usable."}));
    EXPECT_EQ(RestOf(client), "");
  }
  EXPECT_THAT(agent.TakeViolations(), testing::IsEmpty());
  agent.GetLastMessages();
  agent.GetLastIoPackets();
}
inline void ExpectUsable(Started& agent) {
  for (const Channel channel : kChannels) ExpectUsable(agent, channel);
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_
