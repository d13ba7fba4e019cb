// How a failed wait describes a channel.

#include "mock_hyperstart/detail/agent/channel_status.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hyperstart::detail {
namespace {

const Clock::time_point kStart = Clock::now();

TEST(ChannelStatusTest, SaysThatNobodyHasConnected) {
  EXPECT_EQ(ChannelStatus().Describe(kStart, false), "never connected");
}

TEST(ChannelStatusTest, SaysWhatHasArrivedOfAFrame) {
  ChannelStatus status;
  status.connected = true;
  EXPECT_EQ(status.Describe(kStart, false), "connected");
  status.partial = "3 of 8 header bytes have arrived";
  EXPECT_EQ(status.Describe(kStart, false), "connected, 3 of 8 header bytes have arrived");
}

TEST(ChannelStatusTest, SaysThatAnotherClientWaits) {
  ChannelStatus status;
  status.connected = true;
  EXPECT_EQ(status.Describe(kStart, true), "connected, and another client is waiting");
}

TEST(ChannelStatusTest, SaysWhenTheLastClientLeft) {
  ChannelStatus status;
  status.departed_at = kStart + std::chrono::milliseconds(12);
  EXPECT_EQ(status.Describe(kStart, false), "client gone since +12 ms");
  status.departed_at = kStart - std::chrono::milliseconds(1);
  EXPECT_EQ(status.Describe(kStart, false), "client gone since before this Start");
}

}  // namespace
}  // namespace hyperstart::detail
