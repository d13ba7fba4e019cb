// A listening socket and its file, through each state in which a channel may leave it.

#include "mock_hyperstart/detail/net/listener.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/error_of.hpp"
#include "support/raw_client.hpp"
#include "unit/blocked_call.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

constexpr const char* kRefused = "connect: Connection refused";
constexpr const char* kNoFile = "connect: No such file or directory";

class ListenerTest : public testing::Test {
 protected:
  void Open() { listener_.Open(io_, path_); }
  RawClient Connect() const { return RawClient::Ctl(path_); }
  std::string ErrorOfConnect() const {
    return ErrorOf([&] { Connect(); });
  }
  bool FileExists() const { return std::filesystem::exists(path_); }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "socket";
  IoContext io_;
  Listener listener_;
};

TEST_F(ListenerTest, IsClosedAtFirst) {
  EXPECT_FALSE(listener_.IsOpen());
  EXPECT_FALSE(listener_.HasBacklog());
  listener_.Remove();
  listener_.WakeAccept();
}

TEST_F(ListenerTest, AcceptsAClientAndClosesItOnExec) {
  Open();
  EXPECT_TRUE(listener_.IsOpen());
  EXPECT_FALSE(listener_.HasBacklog());
  RawClient client = Connect();
  EXPECT_TRUE(listener_.HasBacklog());
  const Listener::Accepted accepted = Listener::Accept(listener_.handle());
  ASSERT_GE(accepted.client.get(), 0);
  EXPECT_EQ(::fcntl(accepted.client.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_FALSE(listener_.HasBacklog());
  client.Write("x");
  char byte = 0;
  EXPECT_EQ(::read(accepted.client.get(), &byte, 1), 1);
}

TEST_F(ListenerTest, EndsAnAcceptWhenItIsClosed) {
  Open();
  const int handle = listener_.BeginAccept();
  EXPECT_TRUE(listener_.IsAccepting());
  BlockedCall<bool> accept([&] {
    const Listener::Accepted accepted = Listener::Accept(handle);
    return accepted.client.get() < 0 && !accepted.out_of_resources;
  });
  EXPECT_FALSE(accept.HasReturned());
  listener_.Close();
  EXPECT_TRUE(accept.Get());
  listener_.EndAccept();
  EXPECT_FALSE(listener_.IsAccepting());
}

TEST_F(ListenerTest, RefusesClientsFromItsCloseUntilItIsReopened) {
  Open();
  listener_.Close();
  EXPECT_FALSE(listener_.IsOpen());
  EXPECT_EQ(ErrorOfConnect(), kRefused);
  listener_.Release();
  EXPECT_TRUE(listener_.IsReleased());
  EXPECT_EQ(ErrorOfConnect(), kRefused);
  listener_.Reopen();
  EXPECT_TRUE(listener_.IsOpen());
  EXPECT_EQ(ErrorOfConnect(), "no error");
}

TEST_F(ListenerTest, RemovesItsFileInEachState) {
  Open();
  listener_.Remove();
  EXPECT_EQ(ErrorOfConnect(), kNoFile);
  Open();
  listener_.Close();
  listener_.Remove();
  EXPECT_EQ(ErrorOfConnect(), kNoFile);
  Open();
  listener_.Close();
  listener_.Release();
  listener_.Remove();
  EXPECT_EQ(ErrorOfConnect(), kNoFile);
  Open();
  EXPECT_EQ(ErrorOfConnect(), "no error");
}

TEST_F(ListenerTest, LeavesTheFileOfAnotherThatHasTakenItsPath) {
  Open();
  listener_.Close();
  listener_.Release();
  Listener other;
  other.Open(io_, path_);
  listener_.Remove();
  EXPECT_EQ(ErrorOfConnect(), "no error");
  EXPECT_THAT(ErrorOf([&] { Open(); }), testing::HasSubstr("in use"));
  EXPECT_FALSE(listener_.IsOpen());
  other.Remove();
  EXPECT_FALSE(FileExists());
}

TEST_F(ListenerTest, LeavesAFileThatIsNotASocket) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(ErrorOf([&] { Open(); }),
              testing::AllOf(testing::HasSubstr(path_), testing::HasSubstr("not a socket")));
  EXPECT_FALSE(listener_.IsOpen());
  listener_.Remove();
  EXPECT_TRUE(FileExists());
}

}  // namespace
}  // namespace hyperstart::detail
