// The vocabulary of the fault tests: the moments at which a fault can strike, and what must be true
// when it is over.

#ifndef MOCK_HYPERSTART_TESTS_FAULTS_FAULT_TEST_HPP_
#define MOCK_HYPERSTART_TESTS_FAULTS_FAULT_TEST_HPP_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

#include "support/mock_test.hpp"

namespace hyperstart {

/// A delay that no test lives to see the end of: what is held by it is held for good.
inline constexpr std::chrono::milliseconds kForever = 24h;
/// How long a test looks for what must not happen. A double that is right passes however slow the
/// machine is.
inline constexpr std::chrono::milliseconds kMoment = 20ms;

inline constexpr std::uint32_t kPing = 12;
/// More than a client finds unread that gets single bytes: the kernel counts hundreds for each, and
/// so lets few of them be under way.
inline constexpr std::size_t kMoreThanSingleBytes = 2000;
inline constexpr Channel kChannels[] = {Channel::kCtl, Channel::kIo};

inline RawClient Connect(const Started& agent, Channel channel) {
  return channel == Channel::kCtl ? agent.Ctl() : agent.Io();
}
/// The same, once the mock knows of it.
inline RawClient Meet(const Started& agent, Channel channel) {
  RawClient client = Connect(agent, channel);
  if (!const_cast<Started&>(agent).WaitForConnection(channel, kLong)) {
    throw std::runtime_error("the client is never accepted");
  }
  return client;
}

/// A frame as either side may send it.
inline std::string FrameFor(Channel channel, std::string_view payload) {
  return channel == Channel::kCtl ? wire::Ctl(15, payload) : wire::Io(15, payload);
}
/// The payload of the oldest frame of any client.
inline std::string Received(Started& agent, Channel channel) {
  return channel == Channel::kCtl ? agent.WaitForMessage(kLong)->payload
                                  : agent.ReadIo(kLong)->data;
}
inline bool HasReceivedNothing(Started& agent) {
  return agent.GetLastMessages().empty() && agent.GetLastIoPackets().empty();
}

/// Until the mock has taken all that was written out of the socket.
inline void WaitUntilTaken(const RawClient& client) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  for (int left = 1; left > 0; std::this_thread::yield()) {
    ::ioctl(client.fd(), TIOCOUTQ, &left);
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never taken");
  }
}
/// Until more than so many bytes lie unread in the client's socket.
inline void WaitUntilUnreadExceeds(const RawClient& client, std::size_t bytes) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  for (; client.Unread() <= bytes; std::this_thread::yield()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("too few bytes came");
  }
}
/// Writes until the socket stays full; how much that was.
inline std::size_t WriteUntilStuck(RawClient& client, std::string_view bytes) {
  std::size_t written = 0;
  pollfd poll = {client.fd(), POLLOUT, 0};
  do {
    written += client.WriteWhatFits(bytes.substr(written));
  } while (written < bytes.size() && ::poll(&poll, 1, static_cast<int>(kMoment.count())) > 0);
  return written;
}
/// What the client gets if it has nothing more to say.
inline std::string RestOf(RawClient& client) {
  client.EndInput();
  return client.ReadToEnd();
}

/// Who connects now, on either channel, is served as if nothing had happened.
inline void ExpectUsable(Started& agent, Channel channel) {
  SCOPED_TRACE("the next client");
  RawClient client = Connect(agent, channel);
  if (channel == Channel::kCtl) {
    const RawClient::Answer answer = client.Call(19, "usable?");
    EXPECT_EQ(answer.next, 15u);
    EXPECT_EQ(answer.reply, (wire::Frame{wire::kAck, ""}));
    EXPECT_EQ(*agent.WaitForMessage(Command::kOnlineCpuMem, kLong), Message(19, "usable?"));
    EXPECT_EQ(RestOf(client), "");
  } else {
    client.Write(wire::Io(19, "usable?"));
    EXPECT_EQ(*agent.ReadIo(19, kLong), (IoPacket{19, "usable?"}));
    agent.SendIo(19, "usable.");
    EXPECT_EQ(*client.ReadFrame(), (wire::Frame{19, "usable."}));
    EXPECT_EQ(RestOf(client), "");
  }
  EXPECT_THAT(agent.TakeViolations(), testing::IsEmpty());
  agent.GetLastMessages();  // of the client before: what the mock had read of it is recorded
  agent.GetLastIoPackets();
}
inline void ExpectUsable(Started& agent) {
  for (const Channel channel : kChannels) ExpectUsable(agent, channel);
}

/// When a fault strikes.
enum class Moment { kBeforeAnyFrame, kBetweenFrames, kInTheirFrame, kInOurFrame };

inline std::string ToString(Moment moment) {
  constexpr const char* kNames[] = {"BeforeAnyFrame", "BetweenFrames", "InTheirFrame",
                                    "InOurFrame"};
  return kNames[static_cast<std::size_t>(moment)];
}

/// A client of one channel, brought to one moment.
class FaultAt : public testing::TestWithParam<std::tuple<Channel, Moment>> {
 protected:
  const Channel channel_ = std::get<0>(GetParam());
  const Moment moment_ = std::get<1>(GetParam());
  Started agent_;
  RawClient client_ = Meet(agent_, channel_);
  std::string rest_of_theirs_;  // of the frame that the client is in

  FaultAt() { Reach(); }

  /// Whether the client is still heard: what it says arrives, and on ctl is counted.
  void ExpectHeard() {
    if (rest_of_theirs_.empty()) rest_of_theirs_ = FrameFor(channel_, "theirs");
    client_.Write(rest_of_theirs_);
    EXPECT_EQ(Received(agent_, channel_), "theirs");
  }

 private:
  void Reach() {
    if (moment_ == Moment::kBetweenFrames) {
      client_.Write(FrameFor(channel_, "whole"));
      EXPECT_EQ(Received(agent_, channel_), "whole");
      if (channel_ == Channel::kCtl) {
        EXPECT_EQ(client_.ReadAnswer().next, 13u);
      }
      agent_.SendRaw(channel_, FrameFor(channel_, "ours"));
      EXPECT_EQ(client_.ReadFrame()->payload, "ours");
    } else if (moment_ == Moment::kInTheirFrame) {
      const std::string frame = FrameFor(channel_, "theirs");
      client_.Write(frame.substr(0, frame.size() - 3));
      rest_of_theirs_ = frame.substr(frame.size() - 3);
      WaitUntilTaken(client_);
      if (channel_ == Channel::kCtl) client_.Read(24);  // its nexts
    } else if (moment_ == Moment::kInOurFrame) {
      const std::string half = FrameFor(channel_, "ours").substr(0, 10);
      agent_.SendRaw(channel_, half);
      EXPECT_EQ(client_.Read(10), half);
    }
  }
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_FAULTS_FAULT_TEST_HPP_
