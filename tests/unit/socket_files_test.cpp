// Sockets as files: private directories, paths at the length limit, files that are already there,
// and which files are removed.

#include "mock_hyperstart/detail/net/socket_files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "unit/blocked_call.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

using testing::StartsWith;

/// A variable of the environment. The destructor restores its value.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* const value = std::getenv(name)) before_ = value;
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (before_) {
      Set(*before_);
    } else {
      Unset();
    }
  }
  void Set(const std::string& value) { ::setenv(name_, value.c_str(), 1); }
  void Unset() { ::unsetenv(name_); }

 private:
  const char* const name_;
  std::optional<std::string> before_;
};

/// Changes the current directory. The destructor changes it back.
class CurrentDirectory {
 public:
  explicit CurrentDirectory(const std::string& path) { std::filesystem::current_path(path); }
  CurrentDirectory(const CurrentDirectory&) = delete;
  CurrentDirectory& operator=(const CurrentDirectory&) = delete;
  ~CurrentDirectory() { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
};

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}
bool Exists(const std::string& path) { return ModeOf(path) != 0; }
bool IsSocket(const std::string& path) { return S_ISSOCK(ModeOf(path)); }

/// 0, or the errno of a client that tries to connect.
int ConnectError(const std::string& path) {
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = SocketAddress(path);
  return ::connect(client.get(), AsSockaddr(address), sizeof(address)) == 0 ? 0 : errno;
}

/// A listening socket of another program, made without the code under test.
Descriptor OthersSocket(const std::string& path, int type = SOCK_STREAM) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(socket.get(), 8), 0);
  }
  return socket;
}
void LeaveStaleSocket(const std::string& path) { OthersSocket(path); }

bool HasPendingConnection(const Descriptor& listener) {
  pollfd waiting = {listener.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) != 0;
}

/// Why ListenAt fails; an error_code of 0 if it does not.
std::system_error WhyNot(const std::string& path) {
  try {
    ListenAt(path);
  } catch (const std::system_error& error) {
    return error;
  }
  return std::system_error(std::error_code(), "it does not fail");
}

// ---- PrivateDirectory

class PrivateDirectoryTest : public testing::Test {
 protected:
  PrivateDirectoryTest() {
    tmpdir_.Unset();
    xdg_runtime_dir_.Unset();
  }

  TemporaryDirectory one_;
  TemporaryDirectory other_;
  Variable tmpdir_{"TMPDIR"};
  Variable xdg_runtime_dir_{"XDG_RUNTIME_DIR"};
};

TEST_F(PrivateDirectoryTest, IsForItsOwnerOnly) {
  const mode_t umask_before = ::umask(0);
  const PrivateDirectory directory;
  ::umask(umask_before);
  EXPECT_EQ(ModeOf(directory.path()), static_cast<mode_t>(S_IFDIR | 0700));
}

TEST_F(PrivateDirectoryTest, IsInTmpdirFirst) {
  tmpdir_.Set(one_.path());
  xdg_runtime_dir_.Set(other_.path());
  EXPECT_THAT(PrivateDirectory().path(), StartsWith(one_ / "mock_hyperstart."));
}

TEST_F(PrivateDirectoryTest, IsInXdgRuntimeDirWithoutTmpdir) {
  xdg_runtime_dir_.Set(other_.path());
  EXPECT_THAT(PrivateDirectory().path(), StartsWith(other_ / "mock_hyperstart."));
  tmpdir_.Set("");
  EXPECT_THAT(PrivateDirectory().path(), StartsWith(other_ / "mock_hyperstart."));
}

TEST_F(PrivateDirectoryTest, IsInTmpWithoutBoth) {
  EXPECT_THAT(PrivateDirectory().path(), StartsWith("/tmp/mock_hyperstart."));
  tmpdir_.Set("");
  xdg_runtime_dir_.Set("");
  EXPECT_THAT(PrivateDirectory().path(), StartsWith("/tmp/mock_hyperstart."));
}

TEST_F(PrivateDirectoryTest, IsRemovedWithTheObject) {
  std::string path;
  {
    const PrivateDirectory directory;
    path = directory.path();
    EXPECT_TRUE(Exists(path));
  }
  EXPECT_FALSE(Exists(path));
}

TEST_F(PrivateDirectoryTest, HasItsOwnNameEachTime) {
  const PrivateDirectory first;
  const PrivateDirectory second;
  EXPECT_NE(first.path(), second.path());
}

TEST_F(PrivateDirectoryTest, SaysWhereItCantBeMadeAndWhatToDo) {
  const std::string missing = one_ / "missing";
  tmpdir_.Set(missing);
  xdg_runtime_dir_.Set(other_.path());
  try {
    const PrivateDirectory directory;
    FAIL() << "made " << directory.path();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), StartsWith("mock_hyperstart: cannot make a directory for the sockets "
                                         "as " +
                                         missing + "/mock_hyperstart."));
    EXPECT_THAT(error.what(), testing::HasSubstr("set TMPDIR to a directory that can be written, "
                                                 "or give Options::ctl_path and io_path"));
  }
}

TEST_F(PrivateDirectoryTest, IsRemovedAfterAChdirThoughTmpdirIsRelative) {
  const CurrentDirectory current(one_.path());
  std::filesystem::create_directory("tmp");
  tmpdir_.Set("tmp");
  std::string path;
  {
    const PrivateDirectory directory;
    path = directory.path();
    EXPECT_THAT(path, StartsWith(one_ / "tmp/mock_hyperstart."));
    std::filesystem::current_path(other_.path());
  }
  EXPECT_FALSE(Exists(path));
}

// ---- AbsolutePath

TEST(AbsolutePathTest, LeavesAnAbsolutePathAsItIs) {
  EXPECT_EQ(AbsolutePath("/tmp/../ctl.sock"), "/tmp/../ctl.sock");
}

TEST(AbsolutePathTest, PutsTheCurrentDirectoryBeforeARelativePath) {
  const TemporaryDirectory directory;
  const CurrentDirectory current(directory.path());
  EXPECT_EQ(AbsolutePath("ctl.sock"), directory / "ctl.sock");
  EXPECT_EQ(AbsolutePath("./a/b"), directory / "./a/b");
}

TEST(AbsolutePathTest, FailsInADirectoryThatHasBeenRemoved) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "gone");
  const CurrentDirectory current(directory / "gone");
  std::filesystem::remove(directory / "gone");
  EXPECT_THROW(AbsolutePath("ctl.sock"), std::system_error);
}

// ---- LockDirectory

extern "C" void CountSignal(int);
std::atomic<int> signals{0};
void CountSignal(int) { ++signals; }

bool IsLocked(const std::string& directory) {
  const Descriptor other(::open(directory.c_str(), O_RDONLY | O_CLOEXEC));
  return ::flock(other.get(), LOCK_EX | LOCK_NB) != 0;
}

TEST(LockDirectoryTest, LocksTheDirectoryOfAPathUntilItIsClosed) {
  const TemporaryDirectory directory;
  {
    const Descriptor lock = LockDirectory(directory / "ctl.sock");
    EXPECT_TRUE(IsLocked(directory.path()));
  }
  EXPECT_FALSE(IsLocked(directory.path()));
}

TEST(LockDirectoryTest, GoesOnWaitingAfterASignal) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer holds the signal back until flock returns";
#endif
  const TemporaryDirectory directory;
  struct sigaction count {};
  struct sigaction before {};
  count.sa_handler = CountSignal;  // without SA_RESTART
  ASSERT_EQ(::sigaction(SIGUSR1, &count, &before), 0);
  signals = 0;

  std::optional<Descriptor> others(LockDirectory(directory / "other"));
  std::promise<pthread_t> thread;
  BlockedCall<Descriptor> lock([&] {
    thread.set_value(::pthread_self());
    return LockDirectory(directory / "ctl.sock");
  });
  EXPECT_FALSE(lock.HasReturned());
  ASSERT_EQ(::pthread_kill(thread.get_future().get(), SIGUSR1), 0);
  WaitUntil("the signal", [] { return signals > 0; });
  others.reset();
  const Descriptor ours = lock.Get();
  EXPECT_TRUE(IsLocked(directory.path())) << "the signal has not ended the wait";
  ::sigaction(SIGUSR1, &before, nullptr);
}

// ---- ListenAt

class ListenAtTest : public testing::Test {
 protected:
  /// A path of so many bytes.
  std::string PathOfSize(std::size_t size) const {
    const std::string start = directory_ / "";
    return start + std::string(size - start.size(), 'x');
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "ctl.sock";
};

TEST_F(ListenAtTest, TakesClients) {
  const ListeningSocket listener = ListenAt(path_);
  EXPECT_TRUE(IsSocket(path_));
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(listener.socket));
}

TEST_F(ListenAtTest, IsClosedOnExec) {
  const ListeningSocket listener = ListenAt(path_);
  EXPECT_EQ(::fcntl(listener.socket.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ListenAtTest, TakesAPathOfExactly107Bytes) {
  const std::string path = PathOfSize(107);
  const ListeningSocket listener = ListenAt(path);
  EXPECT_TRUE(IsSocket(path)) << "under its whole name";
  EXPECT_EQ(ConnectError(path), 0);
}

TEST_F(ListenAtTest, RefusesALongerPathWithItsLengthTheLimitAndThePath) {
  for (const std::size_t size : {108u, 109u, 250u, 5000u}) {
    const std::string path = PathOfSize(size);
    const std::system_error error = WhyNot(path);
    EXPECT_EQ(error.code(), std::errc::filename_too_long);
    EXPECT_THAT(
        error.what(),
        StartsWith("mock_hyperstart: the socket path " + path + " has " + std::to_string(size) +
                   " bytes, a Unix socket's address takes 107: give a shorter one, or set "
                   "TMPDIR to a shorter directory"));
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path())) << "not under a cut name either";
  }
}

TEST_F(ListenAtTest, SaysThatTheDirectoryDoesNotExist) {
  const std::string path = directory_ / "missing/ctl.sock";
  const std::system_error error = WhyNot(path);
  EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  EXPECT_THAT(error.what(), StartsWith("mock_hyperstart: cannot listen at " + path +
                                       ": its directory does not exist. Make it first"));
}

TEST_F(ListenAtTest, SaysWhichPathAndWhyForAnyOtherReason) {
  std::ofstream(directory_ / "file") << "in the way";
  const std::string path = directory_ / "file/ctl.sock";
  const std::system_error error = WhyNot(path);
  EXPECT_EQ(error.code(), std::errc::not_a_directory);
  EXPECT_THAT(error.what(), StartsWith("mock_hyperstart: cannot listen at " + path));
}

TEST_F(ListenAtTest, LeavesARegularFileInTheWayAlone) {
  std::ofstream(path_) << "precious";
  const std::system_error error = WhyNot(path_);
  EXPECT_EQ(error.code(), std::errc::address_in_use);
  EXPECT_THAT(error.what(),
              StartsWith("mock_hyperstart: cannot listen at " + path_ +
                         ": there is a file that is not a socket. Remove it, or give another "
                         "path, or none for a fresh one"));
  std::ifstream file(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "precious");
}

TEST_F(ListenAtTest, LeavesADirectoryInTheWayAlone) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(WhyNot(path_).code(), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(ListenAtTest, LeavesALinkInTheWayAlone) {
  const std::string target = directory_ / "target";
  LeaveStaleSocket(target);
  std::filesystem::create_symlink(target, path_);
  EXPECT_EQ(WhyNot(path_).code(), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_TRUE(IsSocket(target));
}

TEST_F(ListenAtTest, ReplacesTheSocketOfADeadListener) {
  LeaveStaleSocket(path_);
  EXPECT_EQ(ConnectError(path_), ECONNREFUSED);
  const ListeningSocket listener = ListenAt(path_);
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(listener.socket));
}

TEST_F(ListenAtTest, ReplacesAStaleSocketInTheCurrentDirectory) {
  const CurrentDirectory current(directory_.path());
  LeaveStaleSocket("ctl.sock");
  const std::system_error error = WhyNot("ctl.sock");
  EXPECT_FALSE(error.code()) << error.what();
}

TEST_F(ListenAtTest, LeavesALivingListenerAloneAndUnaware) {
  const Descriptor living = OthersSocket(path_);
  const std::system_error error = WhyNot(path_);
  EXPECT_EQ(error.code(), std::errc::address_in_use);
  EXPECT_THAT(error.what(),
              StartsWith("mock_hyperstart: cannot listen at " + path_ +
                         ": a socket is there and in use. Stop its process, or give another path, "
                         "or none for a fresh one"));
  EXPECT_FALSE(HasPendingConnection(living));
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(living)) << "it still has its path";
}

TEST_F(ListenAtTest, LeavesALivingListenerWithAFullBacklogAlone) {
  const Descriptor living = OthersSocket(path_);
  ASSERT_EQ(::listen(living.get(), 0), 0);
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_EQ(WhyNot(path_).code(), std::errc::address_in_use);
  EXPECT_TRUE(IsSocket(path_));
}

TEST_F(ListenAtTest, LeavesALivingDatagramSocketAlone) {
  const Descriptor living = OthersSocket(path_, SOCK_DGRAM);
  EXPECT_EQ(WhyNot(path_).code(), std::errc::address_in_use);
  EXPECT_TRUE(IsSocket(path_));
}

TEST_F(ListenAtTest, LeavesItsOwnListenerAlone) {
  const ListeningSocket listener = ListenAt(path_);
  EXPECT_EQ(WhyNot(path_).code(), std::errc::address_in_use);
  EXPECT_EQ(ConnectError(path_), 0);
}

TEST_F(ListenAtTest, ChecksAStaleSocketAgainOnceItHasTheLock) {
  LeaveStaleSocket(path_);
  std::optional<Descriptor> lock(::open(directory_.path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock->get(), LOCK_EX), 0);
  BlockedCall<std::error_code> listen([&] { return WhyNot(path_).code(); });
  EXPECT_FALSE(listen.HasReturned());

  ASSERT_EQ(::unlink(path_.c_str()), 0);
  const Descriptor faster = OthersSocket(path_);
  lock.reset();
  EXPECT_EQ(listen.Get(), std::errc::address_in_use);
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(faster));
}

TEST_F(ListenAtTest, LetsOneOfManyReplaceAStaleSocket) {
  for (int round = 0; round < 20; ++round) {
    LeaveStaleSocket(path_);
    std::vector<std::thread> threads;
    constexpr int kThreads = 4;
    std::atomic<int> failures{0};
    std::atomic<int> winner{-1};
    std::atomic<int> winners{0};
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        try {
          winner = ListenAt(path_).socket.release();
          ++winners;
        } catch (const std::system_error& error) {
          if (error.code() == std::errc::address_in_use) ++failures;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const Descriptor listener(winner);
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(failures, kThreads - 1);
    EXPECT_EQ(ConnectError(path_), 0);
    EXPECT_TRUE(HasPendingConnection(listener)) << "the path leads to the one that won";
    ::unlink(path_.c_str());
  }
}

TEST_F(ListenAtTest, LeaksNoDescriptor) {
  const std::string stale = directory_ / "stale";
  LeaveStaleSocket(stale);
  const std::string file = directory_ / "file";
  std::ofstream(file).close();
  const std::string taken = directory_ / "taken";
  const Descriptor living = OthersSocket(taken);

  const std::set<int> before = OpenDescriptors();
  EXPECT_FALSE(WhyNot(path_).code());
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_FALSE(WhyNot(stale).code());
  EXPECT_EQ(OpenDescriptors(), before);
  for (const std::string& path : {file, taken, directory_ / "missing/x", PathOfSize(108)}) {
    EXPECT_TRUE(WhyNot(path).code()) << path;
    EXPECT_EQ(OpenDescriptors(), before) << path;
  }
}

// ---- BoundSocketFile

class BoundSocketFileTest : public ListenAtTest {};

TEST_F(BoundSocketFileTest, IsRemoved) {
  const ListeningSocket listener = ListenAt(path_);
  EXPECT_EQ(listener.file.path(), path_);
  listener.file.Remove();
  EXPECT_FALSE(Exists(path_));
  listener.file.Remove();
  EXPECT_FALSE(Exists(path_)) << "twice is harmless";
}

TEST_F(BoundSocketFileTest, IsRemovedAfterAChdirThoughItsPathWasRelative) {
  const TemporaryDirectory elsewhere;
  const CurrentDirectory current(directory_.path());
  const ListeningSocket listener = ListenAt("ctl.sock");
  EXPECT_EQ(listener.file.path(), path_);
  std::filesystem::current_path(elsewhere.path());
  std::ofstream("ctl.sock") << "precious";
  listener.file.Remove();
  EXPECT_FALSE(Exists(path_));
  EXPECT_TRUE(Exists(elsewhere / "ctl.sock"));
}

TEST_F(BoundSocketFileTest, LeavesASocketThatHasTakenItsPath) {
  const ListeningSocket first = ListenAt(path_);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  const ListeningSocket second = ListenAt(path_);
  first.file.Remove();
  first.file.RemoveIfStale();
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(second.socket));
}

TEST_F(BoundSocketFileTest, LeavesAnyOtherFileThatHasTakenItsPath) {
  const ListeningSocket listener = ListenAt(path_);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  std::ofstream(path_) << "precious";
  listener.file.Remove();
  listener.file.RemoveIfStale();
  EXPECT_TRUE(Exists(path_));
}

TEST_F(BoundSocketFileTest, IsNotRemovedByItsDestructor) {
  { const ListeningSocket dead = ListenAt(path_); }
  EXPECT_TRUE(IsSocket(path_));
}

TEST_F(BoundSocketFileTest, IsRemovedIfStaleOnceItsSocketIsClosed) {
  std::optional<ListeningSocket> listener(ListenAt(path_));
  const BoundSocketFile file = listener->file;
  file.RemoveIfStale();
  EXPECT_TRUE(Exists(path_)) << "the socket is open";
  listener.reset();
  file.RemoveIfStale();
  EXPECT_FALSE(Exists(path_));
}

TEST_F(BoundSocketFileTest, StaysIfAnotherListensAtItsPathOnceItsSocketIsClosed) {
  std::optional<ListeningSocket> first(ListenAt(path_));
  const BoundSocketFile file = first->file;
  first.reset();
  const ListeningSocket second = ListenAt(path_);  // perhaps with the same inode number
  file.RemoveIfStale();
  EXPECT_EQ(ConnectError(path_), 0);
  EXPECT_TRUE(HasPendingConnection(second.socket));
}

}  // namespace
}  // namespace hyperstart::detail
