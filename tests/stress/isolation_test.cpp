// Mocks that share a temporary directory do not interfere, and other users cannot reach them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "stress/child.hpp"
#include "stress/process.hpp"
#include "support/mock_test.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
}

TEST(Isolation, SixteenProcessesDoNotInterfere) {
  const TemporaryPlace place;
  std::vector<Child> children;
  for (int i = 0; i < 16; ++i) children.emplace_back("Each/Conversation.*", Child::Environment{});
  for (Child& child : children) {
    EXPECT_EQ(child.Finish(), 0) << child.output();
    EXPECT_THAT(child.output(), testing::HasSubstr("[  PASSED  ] 12 tests."));
  }
  EXPECT_EQ(place.CountEntries(), 0u);
}

TEST(Isolation, ShardsRunEachTestOnceAndDoNotInterfere) {
  constexpr int kShards = 4;
  const TemporaryPlace place;
  std::vector<Child> children;
  for (int i = 0; i < kShards; ++i) {
    children.emplace_back("Each/Conversation.*",
                          Child::Environment{{"GTEST_TOTAL_SHARDS", std::to_string(kShards)},
                                             {"GTEST_SHARD_INDEX", std::to_string(i)}});
  }
  std::map<std::string, int> runs;
  for (Child& child : children) {
    EXPECT_EQ(child.Finish(), 0) << child.output();
    const std::string ok = "[       OK ] ";
    const std::string& text = child.output();
    for (std::size_t at = 0; (at = text.find(ok, at)) != std::string::npos;) {
      at += ok.size();
      ++runs[text.substr(at, text.find(' ', at) - at)];
    }
  }
  EXPECT_EQ(runs.size(), 12u);
  for (const auto& [test, count] : runs) EXPECT_EQ(count, 1) << test;
  EXPECT_EQ(place.CountEntries(), 0u);
}

TEST(Isolation, NamesCannotBeGuessed) {
  const TemporaryPlace place;
  constexpr std::size_t kNames = 200;
  std::set<std::string> names;
  std::vector<std::set<char>> letters;
  for (std::size_t i = 0; i < kNames; ++i) {
    const MockHyperstart agent;
    const std::string directory = DirectoryOf(agent.GetSocketPaths().ctl);
    EXPECT_EQ(DirectoryOf(agent.GetSocketPaths().io), directory);
    EXPECT_EQ(DirectoryOf(directory), place.path());
    names.insert(directory);
    letters.resize(directory.size());
    for (std::size_t at = 0; at < directory.size(); ++at) letters[at].insert(directory[at]);
  }
  EXPECT_EQ(names.size(), kNames);
  std::size_t random = 0;  // positions that had at least half of a base64 alphabet
  for (const std::set<char>& seen : letters) random += seen.size() > 32 ? 1 : 0;
  EXPECT_GE(random, 6u);
}

/// The errno of an attempt to connect as another user, in a forked process; 0 for success.
int ConnectAsNobody(const std::string& path) {
  constexpr int kNobody = 65534;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const pid_t child = ::fork();
  if (child == 0) {
    // System calls, as the C library's functions would wait for threads that do not exist here.
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setgid, kNobody) != 0 ||
        ::syscall(SYS_setuid, kNobody) != 0) {
      ::_exit(255);
    }
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::_exit(result == 0 ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Isolation, NoOtherUserCanConnect) {
  const TemporaryPlace place;
  ASSERT_EQ(::chmod(place.path().c_str(), 0755), 0);
  Started agent;
  for (const std::string& path : {agent.GetSocketPaths().ctl, agent.GetSocketPaths().io}) {
    EXPECT_EQ(ModeOf(DirectoryOf(path)), 0700u);
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);  // so only the directory keeps others out
    if (::geteuid() == 0) {
      EXPECT_EQ(ConnectAsNobody(path), EACCES);
    }
  }
  if (::geteuid() != 0) return;
  // The other user can connect where it is allowed, so the attempt above was a real one.
  Options options;
  options.ctl_path = place.path() + "/open";
  Started open(options);
  ASSERT_EQ(::chmod(options.ctl_path.c_str(), 0777), 0);
  EXPECT_EQ(ConnectAsNobody(options.ctl_path), 0);
}

}  // namespace
}  // namespace hyperstart
