// What a mock is by default.

#include "mock_hyperstart/options.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hyperstart {
namespace {

TEST(OptionsTest, AreByDefaultThoseOfTheRealAgentOnAUnixSocket) {
  const Options options;
  EXPECT_EQ(options.dialect, Dialect::kHyperstart);
  EXPECT_EQ(options.next_acks, NextAcks::kPerRead);
  EXPECT_EQ(options.api_version, 4244u);
  EXPECT_EQ(options.transport, Transport::kUnixSocket);
}

TEST(OptionsTest, AreByDefaultThoseThatMostClientsNeed) {
  const Options options;
  EXPECT_TRUE(options.ctl_path.empty());
  EXPECT_TRUE(options.io_path.empty());
  EXPECT_FALSE(options.ready_on_connect);
  EXPECT_FALSE(options.strict);
  EXPECT_FALSE(options.keep_all);
  EXPECT_EQ(options.log, Log::kOnFailure);
  EXPECT_EQ(options.timeout, std::chrono::seconds(5));
  EXPECT_EQ(options.max_frame, 64u * 1024 * 1024);
}

}  // namespace
}  // namespace hyperstart
