// A connection of ours to another agent's socket.

#include "mock_hyperstart/detail/net/upstream.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "support/deadline.hpp"
#include "support/wire.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

class UpstreamTest : public testing::Test {
 protected:
  /// Connects, and accepts it as the agent.
  void Connect() {
    Upstream::Connected connected = Upstream::Connect(path_);
    ASSERT_EQ(connected.error, 0);
    agent_.emplace(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    upstream_ = std::make_unique<Upstream>(
        std::move(connected.socket),
        [this](std::string_view bytes) {
          if (bytes.empty()) return ended_.set_value();
          const std::lock_guard lock(mutex_);
          heard_ += bytes;
        },
        [this] { return is_over_.load(); });
  }
  void WaitForEnd() { ASSERT_EQ(end_.wait_for(kDeadline), std::future_status::ready); }
  void Say(std::string_view bytes) {
    ASSERT_EQ(::send(agent_->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string ReadAsAgent(std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t count = ::recv(agent_->get(), bytes.data(), size, MSG_WAITALL);
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return bytes;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "agent";
  const Descriptor listener_ = ListenAt(path_).socket;
  std::optional<Descriptor> agent_;
  std::mutex mutex_;
  std::string heard_;
  std::atomic<bool> is_over_{false};
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
  std::unique_ptr<Upstream> upstream_;
};

TEST(Upstream, SaysWhyItCannotConnect) {
  EXPECT_EQ(Upstream::Connect("/nowhere/socket").error, ENOENT);
  EXPECT_EQ(Upstream::Connect(std::string(200, 'x')).error, ENAMETOOLONG);
}

TEST(Upstream, DoesNotWaitForAnAgentThatAcceptsNobody) {
  const TemporaryDirectory directory;
  const std::string path = directory / "agent";
  const Descriptor listener = ListenAt(path).socket;
  ASSERT_EQ(::listen(listener.get(), 0), 0);  // one client may wait
  const Upstream::Connected waiting = Upstream::Connect(path);
  EXPECT_EQ(waiting.error, 0);
  EXPECT_EQ(Upstream::Connect(path).error, EAGAIN);
  const Descriptor accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(Upstream::Connect(path).error, 0);
}

TEST_F(UpstreamTest, PassesBothDirections) {
  Connect();
  EXPECT_TRUE(upstream_->Send("to the agent", [] { return true; }));
  EXPECT_EQ(ReadAsAgent(12), "to the agent");
  Say("from the agent");
  ::shutdown(agent_->get(), SHUT_WR);
  WaitForEnd();
  EXPECT_EQ(heard_, "from the agent");
}

TEST_F(UpstreamTest, SendsMoreThanTheSocketTakesAtOnce) {
  Connect();
  const std::string much = wire::Pattern(3'000'000);
  std::future<bool> sent =
      std::async(std::launch::async, [&] { return upstream_->Send(much, [] { return true; }); });
  EXPECT_TRUE(ReadAsAgent(much.size()) == much);
  EXPECT_TRUE(sent.get());
}

TEST_F(UpstreamTest, GivesUpWhereTheAgentReadsNothing) {
  Connect();
  int asked = 0;
  EXPECT_FALSE(upstream_->Send(std::string(3'000'000, 'x'), [&] { return ++asked < 3; }));
}

TEST_F(UpstreamTest, SendsWhatThereIsRoomForWithoutAsking) {
  Connect();
  EXPECT_TRUE(upstream_->Send("all of it", [] { return false; }));
  EXPECT_EQ(ReadAsAgent(9), "all of it");
}

TEST_F(UpstreamTest, NoticesAnAgentThatHasGone) {
  Connect();
  agent_.reset();
  WaitForEnd();
  EXPECT_FALSE(upstream_->Send("x", [] { return true; }));
}

TEST_F(UpstreamTest, ItsInputMayEndBeforeItsOutput) {
  Connect();
  upstream_->ShutDownSending();
  EXPECT_EQ(ReadAsAgent(1), "");
  EXPECT_FALSE(upstream_->HasEnded());
  Say("the rest");
  agent_.reset();
  WaitForEnd();
  EXPECT_EQ(heard_, "the rest");
}

TEST_F(UpstreamTest, EndsWhenItIsOver) {
  Connect();
  is_over_ = true;
  WaitForEnd();
  EXPECT_EQ(ReadAsAgent(1), "") << "the agent is told";
}

}  // namespace
}  // namespace hyperstart::detail
