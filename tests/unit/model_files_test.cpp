// The files and the accounts of a container.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/model/accounts.hpp"
#include "mock_hyperstart/detail/model/files.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using Kind = FileSystem::ReadResult::Kind;

TEST(Names, SayOfThemselvesThatThereIsNoSuchThing) {
  for (const char* const name :
       {"nope", "missing", "no", "no_such_tag", "nosuch", "no-such-user"}) {
    EXPECT_TRUE(NamesNothing(name)) << name;
  }
  for (const char* const name : {"", "img", "share_dir", "node", "nobody", "north", "nope2"}) {
    EXPECT_FALSE(NamesNothing(name)) << name;
  }
}

TEST(Paths, StartAtTheRoot) {
  EXPECT_EQ(NormalPath("etc/../tmp//./x/"), "/tmp/x");
  EXPECT_EQ(NormalPath("../.."), "/");
  EXPECT_EQ(NormalPath(""), "/");
}

TEST(FilesInMemory, KeepWhatIsWritten) {
  FileSystem files;
  EXPECT_EQ(files.Read("/tmp/w").kind, Kind::kMissing);
  EXPECT_TRUE(files.Write("tmp/w", std::string_view("some\0data", 9)));
  EXPECT_EQ(files.Read("/tmp/./w").bytes, std::string_view("some\0data", 9));
  EXPECT_EQ(files.Written("/tmp/w"), std::string("some\0data", 9));
  EXPECT_TRUE(files.Write("/tmp/w", ""));
  EXPECT_EQ(files.Read("/tmp/w").kind, Kind::kContent);
  EXPECT_EQ(files.Written("/tmp/x"), std::nullopt);
}

TEST(FilesInMemory, AnswerAsTheRecordedOnes) {  // [virtio-09d-*]
  FileSystem files;
  EXPECT_FALSE(files.Write("/no/dir/x", "x"));
  EXPECT_FALSE(files.Write("/etc", "x"));
  EXPECT_EQ(files.Read("/etc").kind, Kind::kUnreadable);
  EXPECT_EQ(files.Read("/etc").bytes, std::string(4096, '\0'));
  EXPECT_EQ(files.Read("/proc/cpuinfo").kind, Kind::kContent);
  EXPECT_EQ(files.Read("/sys/kernel/mm/transparent_hugepage/enabled").kind, Kind::kHangs);
  EXPECT_TRUE(files.CanEnter("/anywhere"));
  EXPECT_FALSE(files.CanEnter("/no/such"));
  EXPECT_FALSE(files.CanEnter(""));
}

TEST(FilesInMemory, AreNotAtImpossiblePaths) {
  FileSystem files;
  ASSERT_TRUE(files.Write("/tmp/f", "x"));
  const std::string long_name = "/tmp/" + std::string(256, 'n');
  std::string long_path;
  while (long_path.size() < 4096) long_path += "/tmp/..";
  for (const std::string& path : {std::string(), std::string("/tmp/f/"), std::string("/tmp/f/."),
                                  std::string("/tmp/f/x"), long_name, long_path + "/tmp/f"}) {
    EXPECT_EQ(files.Read(path).kind, Kind::kMissing) << path;
    EXPECT_FALSE(files.Write(path, "y")) << path;
  }
  EXPECT_FALSE(files.Write("/tmp/new/", "y"));
  EXPECT_EQ(files.Read("/tmp/f").bytes, "x");
  EXPECT_EQ(files.Read("/tmp/").kind, Kind::kUnreadable) << "a directory";
}

TEST(FilesOfTheMachine, AreNotAtImpossiblePaths) {
  FileSystem files({}, true);
  EXPECT_EQ(files.Read("").kind, Kind::kMissing);
  EXPECT_EQ(files.Read("/etc/passwd/").kind, Kind::kMissing);
  EXPECT_EQ(files.Read("/no_such_directory/../etc/passwd").kind, Kind::kMissing);
}

TEST(FilesInMemory, HaveTheDirectoriesThatWereMade) {
  FileSystem files;
  EXPECT_FALSE(files.CanEnter("/work/missing"));
  EXPECT_TRUE(files.MakeDirectory("/work/missing"));
  EXPECT_TRUE(files.CanEnter("/work/missing"));
  EXPECT_TRUE(files.Write("/work/f", "x"));
  EXPECT_FALSE(files.MakeDirectory("/work/f/sub"));
  EXPECT_FALSE(files.MakeDirectory(""));
}

TEST(FilesOfADirectory, HaveTheDirectoriesThatWereMadeInsideIt) {
  const TemporaryDirectory outside;
  const TemporaryDirectory directory;
  const std::string& root = directory.path();
  ASSERT_EQ(::mkdir((root + "/inside").c_str(), 0755), 0);
  ASSERT_EQ(::symlink("/inside", (root + "/link").c_str()), 0);
  ASSERT_EQ(::symlink(std::string(outside.path()).c_str(), (root + "/out").c_str()), 0);
  FileSystem files(root);
  EXPECT_TRUE(files.MakeDirectory("link/a/b"));
  EXPECT_TRUE(files.CanEnter("/inside/a/b"));
  EXPECT_FALSE(files.MakeDirectory("/out/a")) << "the link leads to nothing inside";
}

TEST(FilesReadOnly, AreNotWritten) {
  FileSystem files({}, false, true);
  EXPECT_FALSE(files.Write("/tmp/w", "x"));
}

TEST(FilesOfADirectory, AreItsOwn) {
  const TemporaryDirectory directory;
  const std::string& root = directory.path();
  ::mkdir((root + "/etc").c_str(), 0755);
  std::ofstream(root + "/etc/hello") << "hello file\n";
  ASSERT_EQ(::symlink("/etc", (root + "/link").c_str()), 0);
  FileSystem files(root);
  EXPECT_EQ(files.Read("/etc/hello").bytes, "hello file\n");
  EXPECT_EQ(files.Read("/link/hello").bytes, "hello file\n") << "a link stays inside";
  EXPECT_EQ(files.Read("/../../etc/hello").bytes, "hello file\n");
  EXPECT_EQ(files.Read("/etc/none").kind, Kind::kMissing);
  EXPECT_EQ(files.Read("/etc").kind, Kind::kUnreadable);
  EXPECT_TRUE(files.Write("etc/new", "written"));
  std::string text;
  std::getline(std::ifstream(root + "/etc/new"), text);
  EXPECT_EQ(text, "written");
  EXPECT_FALSE(files.Write("/none/new", "x"));
  EXPECT_FALSE(files.Write("/etc", "x"));
  EXPECT_TRUE(files.CanEnter("etc"));
  EXPECT_FALSE(files.CanEnter("/etc/hello"));
}

TEST(FilesOfTheMachine, AreReadAndNeverWritten) {
  const TemporaryDirectory directory;
  const std::string path = std::string(directory.path()) + "/file";
  std::ofstream(path) << "the machine's";
  FileSystem files({}, true);
  EXPECT_EQ(files.Read(path).bytes, "the machine's");
  EXPECT_TRUE(files.Write(path, "the container's"));
  EXPECT_EQ(files.Read(path).bytes, "the container's");
  std::string text;
  std::getline(std::ifstream(path), text);
  EXPECT_EQ(text, "the machine's");
}

ProcessRequest By(const char* user, const char* group = "") {
  ProcessRequest process;
  process.user = user;
  process.group = group;
  process.args = std::vector<AgentString>{"/bin/env"};
  return process;
}

class AccountsOfADirectory : public testing::Test {
 protected:
  AccountsOfADirectory() {
    ::mkdir((std::string(directory_.path()) + "/etc").c_str(), 0755);
    std::ofstream(std::string(directory_.path()) + "/etc/passwd")
        << "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\nbroken\n";
    std::ofstream(std::string(directory_.path()) + "/etc/group")
        << "root:x:0:\nextra:x:2000:other,app\nmore:x:2001:app\n";
  }
  std::optional<Credentials> Find(const ProcessRequest& process, bool old = false) const {
    return Accounts(FileSystem(directory_.path())).Find(process, old);
  }
  const TemporaryDirectory directory_;
};

TEST_F(AccountsOfADirectory, FindUsersByNameAndNumber) {
  for (const char* const user : {"app", "1000"}) {
    const auto found = Find(By(user));
    ASSERT_TRUE(found) << user;
    EXPECT_EQ(found->uid, 1000u);
    EXPECT_EQ(found->gid, 1001u);
    EXPECT_THAT(found->groups, ElementsAre(2000, 2001));
    EXPECT_EQ(found->home, "/home/app");
  }
  EXPECT_EQ(Find(By(""))->name, "root");
  EXPECT_FALSE(Find(By("nobody")));
}

TEST_F(AccountsOfADirectory, GiveAnUnknownNumberGroupZeroAndNoName) {
  const auto found = Find(By("4242"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->uid, 4242u);
  EXPECT_EQ(found->gid, 0u);
  EXPECT_EQ(found->name, std::nullopt);
}

TEST_F(AccountsOfADirectory, ReplaceTheGroupAlone) {
  const auto found = Find(By("app", "extra"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->gid, 2000u);
  EXPECT_THAT(found->groups, ElementsAre(2000, 2001));
  EXPECT_EQ(Find(By("app", "77"))->gid, 77u);
  EXPECT_FALSE(Find(By("app", "unknown")));
}

TEST_F(AccountsOfADirectory, AppendAdditionalGroups) {
  ProcessRequest process = By("root");
  process.additional_groups = {"extra", "5"};
  EXPECT_THAT(Find(process)->groups, ElementsAre(0, 2000, 5));
  process.additional_groups = {"unknown"};
  EXPECT_FALSE(Find(process));
}

TEST_F(AccountsOfADirectory, OfAnOldAgentNeedAUserForAGroup) {
  EXPECT_TRUE(Find(By(""), true));
  EXPECT_FALSE(Find(By("", "extra"), true));
}

TEST(AccountsInMemory, KnowEveryNameThatSaysNothingElse) {
  const Accounts accounts{FileSystem()};
  EXPECT_EQ(accounts.Find(By("app"), false)->home, "/home/app");
  EXPECT_EQ(accounts.Find(By("0"), false)->name, "root");
  EXPECT_FALSE(accounts.Find(By("nosuch"), false));
  EXPECT_FALSE(accounts.Find(By("app", "no_such_group"), false));
}

class Environments : public testing::Test {
 protected:
  const Accounts accounts_{FileSystem()};
  std::vector<std::string> Of(const ProcessRequest& process, bool in_agent = false) const {
    return BuildEnvironment(process, in_agent, "h", *accounts_.Find(process, false));
  }
};

TEST_F(Environments, HoldWhatTheRecordedOnesHeld) {  // [virtio-09j-env]
  ProcessRequest process = By("");
  process.args = std::vector<AgentString>{"env"};
  process.envs = {{"B", "two words"}};
  EXPECT_THAT(Of(process), ElementsAre("HOME=/root", "HOSTNAME=h", "USER=root",
                                       "PATH=/usr/local/bin:/usr/bin:/bin:.", "B=two words"));
  process = By("");
  process.terminal = true;
  EXPECT_THAT(Of(process), ElementsAre("HOME=/root", "HOSTNAME=h", "TERM=xterm", "USER=root"));
  EXPECT_THAT(Of(By("app")), ElementsAre("HOME=/home/app", "HOSTNAME=h", "USER=app"));
  process = By("");
  process.envs = {{"HOME", "/x"}, {"E", ""}};
  EXPECT_THAT(Of(process), ElementsAre("HOME=/x", "HOSTNAME=h", "USER=root", "E="));
}

TEST_F(Environments, BesideTheAgentAreTheAgents) {
  ProcessRequest process = By("");
  process.envs = {{"B", "2"}};
  EXPECT_THAT(Of(process, true),
              ElementsAre("SHLVL=1", "HOME=/root", "TERM=linux",
                          "PATH=/bin:/sbin/:/usr/bin/:/usr/sbin/", "PWD=/", "USER=root", "B=2"));
}

TEST_F(Environments, OfAnOldAgentHoldTheAgentsAndTheInits) {
  ProcessRequest process = By("");
  process.envs = {{"B", "2"}};
  EXPECT_THAT(BuildOldEnvironment(process, {{"A", "1"}}, "h", Credentials()),
              ElementsAre("SHLVL=1", "HOME=/root", "PATH=/bin:/sbin/:/usr/bin/:/usr/sbin/", "PWD=/",
                          "A=1", "HOSTNAME=h", "B=2"));
}

}  // namespace
}  // namespace hyperstart::detail
