// What Options come to: the timeout from the environment, and the sockets' places.

#include "mock_hyperstart/detail/agent/setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {
namespace {

using std::chrono::milliseconds;

class TimeoutTest : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv(kName); }
  void TearDown() override { ::unsetenv(kName); }
  static milliseconds With(const char* value) {
    ::setenv(kName, value, 1);
    return TimeoutFromEnvironment(milliseconds(5000));
  }
  static constexpr const char* kName = "MOCK_HYPERSTART_TIMEOUT_MS";
};

TEST_F(TimeoutTest, IsTheOptionsUnlessTheEnvironmentSaysAnother) {
  EXPECT_EQ(TimeoutFromEnvironment(milliseconds(5000)), milliseconds(5000));
  EXPECT_EQ(With(""), milliseconds(5000));
  EXPECT_EQ(With("0"), milliseconds(0));
  EXPECT_EQ(With("4294967295"), milliseconds(4294967295));
}

TEST_F(TimeoutTest, IsRefusedWhereItIsNoNumberOfMilliseconds) {
  for (const char* const value : {"5s", " 5", "-1", "4294967296", "five"}) {
    EXPECT_THROW(With(value), std::invalid_argument) << value;
  }
}

TEST(SocketPlaces, AreFreshNamesInAPrivateDirectoryThatGoesWithThem) {
  std::optional<SocketPlaces> places(std::in_place, Options{});
  const std::string directory = places->paths().ctl.substr(0, places->paths().ctl.rfind('/'));
  EXPECT_EQ(places->paths().io, directory + "/io.sock");
  struct stat status {};
  ASSERT_EQ(::stat(directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0700u);
  places.reset();
  EXPECT_NE(::stat(directory.c_str(), &status), 0);
}

TEST(SocketPlaces, AreTheOptionsWhereTheySaySo) {
  Options options;
  options.io_path = "relative/io";
  EXPECT_EQ(SocketPlaces(options).paths().io, "relative/io");
  EXPECT_THAT(SocketPlaces(options).paths().ctl, testing::EndsWith("/ctl.sock"));
}

TEST(SocketPlaces, AreRefusedWhereTheyAreOneOrHoldANul) {
  Options options;
  options.ctl_path = options.io_path = "/tmp/same";
  EXPECT_THROW(SocketPlaces{options}, std::invalid_argument);
  options.io_path = std::string("\0abstract", 9);
  EXPECT_THROW(SocketPlaces{options}, std::invalid_argument);
}

}  // namespace
}  // namespace hyperstart::detail
