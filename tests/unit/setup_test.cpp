// What is derived from the options: the timeout, when to print, and the paths of the sockets.

#include "mock_hyperstart/detail/agent/setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "mock_hyperstart/options.hpp"
#include "support/error_of.hpp"
#include "unit/temporary_directory.hpp"

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

TEST_F(TimeoutTest, IsThatOfTheOptionsUnlessTheEnvironmentSetsIt) {
  EXPECT_EQ(TimeoutFromEnvironment(milliseconds(5000)), milliseconds(5000));
  EXPECT_EQ(With(""), milliseconds(5000));
  EXPECT_EQ(With("0"), milliseconds(0));
  EXPECT_EQ(With("4294967295"), milliseconds(4294967295));
}

TEST_F(TimeoutTest, IsRefusedIfItIsNoNumberOfMilliseconds) {
  for (const char* const value : {"5s", " 5", "-1", "4294967296", "five"}) {
    EXPECT_THROW(With(value), std::invalid_argument) << value;
  }
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv(kName); }
  void TearDown() override { ::unsetenv(kName); }
  static Log With(const char* value, Log fallback = Log::kOnFailure) {
    ::setenv(kName, value, 1);
    return LogFromEnvironment(fallback);
  }
  static constexpr const char* kName = "MOCK_HYPERSTART_LOG";
};

TEST_F(LogTest, IsThatOfTheOptionsUnlessTheEnvironmentSetsIt) {
  EXPECT_EQ(LogFromEnvironment(Log::kAlways), Log::kAlways);
  EXPECT_EQ(With("", Log::kNever), Log::kNever);
  EXPECT_EQ(With("never"), Log::kNever);
  EXPECT_EQ(With("failure", Log::kNever), Log::kOnFailure);
  EXPECT_EQ(With("always"), Log::kAlways);
  EXPECT_EQ(With("live"), Log::kLive);
}

TEST_F(LogTest, IsRefusedIfItIsNoneOfTheWords) {
  for (const char* const value : {"Live", "live ", "1", "on failure"}) {
    EXPECT_THROW(With(value), std::invalid_argument) << value;
  }
  EXPECT_THAT(ErrorOf([] { With("loud"); }),
              testing::AllOf(testing::HasSubstr("MOCK_HYPERSTART_LOG is \"loud\""),
                             testing::HasSubstr("live, always, failure or never")));
}

class SocketPathsOwnerTest : public testing::Test {
 protected:
  SocketPathsOwnerTest() { std::filesystem::current_path(directory_.path()); }
  ~SocketPathsOwnerTest() override { std::filesystem::current_path(before_); }

  const std::filesystem::path before_ = std::filesystem::current_path();
  TemporaryDirectory directory_;
  Options options_;
};

TEST_F(SocketPathsOwnerTest, HasFreshNamesInAPrivateDirectoryThatItRemoves) {
  std::optional<SocketPathsOwner> owner(options_);
  const std::string directory = owner->paths().ctl.substr(0, owner->paths().ctl.rfind('/'));
  EXPECT_EQ(owner->paths().io, directory + "/io.sock");
  struct stat status {};
  ASSERT_EQ(::stat(directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0700u);
  owner.reset();
  EXPECT_NE(::stat(directory.c_str(), &status), 0);
}

TEST_F(SocketPathsOwnerTest, TakesThePathsOfTheOptions) {
  options_.io_path = "/run/agent/io";
  const SocketPathsOwner owner(options_);
  EXPECT_EQ(owner.paths().io, "/run/agent/io");
  EXPECT_THAT(owner.paths().ctl, testing::EndsWith("/ctl.sock"));
}

TEST_F(SocketPathsOwnerTest, MakesARelativePathAbsoluteOnce) {
  options_.ctl_path = "ctl";
  options_.io_path = "./sub/io";
  const SocketPathsOwner owner(options_);
  std::filesystem::current_path("/");
  EXPECT_EQ(owner.paths().ctl, directory_ / "ctl");
  EXPECT_EQ(owner.paths().io, directory_ / "./sub/io");
}

TEST_F(SocketPathsOwnerTest, LeavesAPathRelativeThatWouldBeTooLongForASocket) {
  const std::string name(kMaxSocketPath - directory_.path().size() - 1, 'x');
  options_.ctl_path = name;
  options_.io_path = name + 'x';
  const SocketPathsOwner owner(options_);
  EXPECT_EQ(owner.paths().ctl, directory_ / name) << "107 bytes";
  EXPECT_EQ(owner.paths().io, name + 'x');
}

TEST_F(SocketPathsOwnerTest, RefusesTheSamePathTwice) {
  options_.ctl_path = options_.io_path = "/tmp/same";
  EXPECT_THROW(SocketPathsOwner{options_}, std::invalid_argument);
  options_.ctl_path = "same";
  options_.io_path = directory_ / "same";
  EXPECT_THROW(SocketPathsOwner{options_}, std::invalid_argument);
}

TEST_F(SocketPathsOwnerTest, RefusesANul) {
  options_.io_path = std::string("\0abstract", 9);
  EXPECT_THROW(SocketPathsOwner{options_}, std::invalid_argument);
}

}  // namespace
}  // namespace hyperstart::detail
