// The vocabulary of the fault tests: the moments at which a fault can happen, frames that work on
// either channel, and waits for what is in the sockets.

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

/// More bytes than a socket holds unread when they were written one at a time: the kernel charges
/// hundreds of bytes for each write, so few of them fit.
inline constexpr std::size_t kMoreThanSingleBytes = 2000;

/// The seq of the io frames of these tests.
inline constexpr std::uint64_t kFaultSeq = 15;

/// A frame that the mock and the client may both send.
inline std::string FrameFor(Channel channel, std::string_view payload) {
  return channel == Channel::kCtl ? wire::Ctl(wire::kWriteFile, payload)
                                  : wire::Io(kFaultSeq, payload);
}
/// The payload of the oldest recorded frame, of whichever client.
inline std::string Received(Started& agent, Channel channel) {
  return channel == Channel::kCtl ? agent.WaitForMessage(kDeadline)->payload
                                  : agent.ReadIo(kDeadline)->data;
}
inline bool HasReceivedNothing(Started& agent) {
  return agent.GetLastMessages().empty() && agent.GetLastIoPackets().empty();
}

/// Waits until the mock has read everything that the client has written.
inline void WaitUntilTaken(const RawClient& client) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (int left = 1; left > 0; std::this_thread::yield()) {
    ::ioctl(client.fd(), TIOCOUTQ, &left);
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("the mock does not read");
  }
}
/// Waits until the client's socket holds more than that many unread bytes.
inline void WaitUntilUnreadExceeds(const RawClient& client, std::size_t bytes) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (; client.Unread() <= bytes; std::this_thread::yield()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("too few bytes arrived");
  }
}
/// Writes until the socket stays full. Returns the number of bytes written.
inline std::size_t WriteUntilStuck(RawClient& client, std::string_view bytes) {
  std::size_t written = 0;
  pollfd poll = {client.fd(), POLLOUT, 0};
  do {
    written += client.WriteWhatFits(bytes.substr(written));
  } while (written < bytes.size() && ::poll(&poll, 1, static_cast<int>(kMoment.count())) > 0);
  return written;
}

/// The moment of a fault.
enum class Moment { kBeforeAnyFrame, kBetweenFrames, kInTheirFrame, kInOurFrame };

inline std::string ToString(Moment moment) {
  constexpr const char* kNames[] = {"BeforeAnyFrame", "BetweenFrames", "InTheirFrame",
                                    "InOurFrame"};
  return kNames[static_cast<std::size_t>(moment)];
}

/// A client of one channel, at one of these moments.
class FaultAt : public testing::TestWithParam<std::tuple<Channel, Moment>> {
 protected:
  const Channel channel_ = std::get<0>(GetParam());
  const Moment moment_ = std::get<1>(GetParam());
  Started agent_;
  RawClient client_ = ConnectAndWait(agent_, channel_);
  std::string rest_of_theirs_;  // of the frame that the client has begun

  FaultAt() { Reach(); }

  /// The mock still reads what the client sends, and records it.
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
