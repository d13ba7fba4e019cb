// A spy with plans, its client, and behind it an agent that says and hears single bytes.

#ifndef MOCK_HYPERSTART_TESTS_MOCK_SPIED_AGENT_TEST_HPP_
#define MOCK_HYPERSTART_TESTS_MOCK_SPIED_AGENT_TEST_HPP_

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <mock_hyperstart/detail/net/descriptor.hpp>
#include <mock_hyperstart/detail/net/socket_files.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "support/mock_test.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {

class SpiedAgentTest : public testing::Test {
 protected:
  SpiedAgentTest() { spy_.ForwardTo({place_.path() + "/ctl", place_.path() + "/io"}); }

  /// With a client on ctl, which the agent has accepted.
  void Start() {
    spy_.Start();
    client_.emplace(RawClient::Ctl(spy_.GetSocketPaths().ctl));
    agent_.emplace(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  RawClient& client() { return *client_; }

  // ---- The agent

  void Say(std::string_view bytes) {
    ASSERT_EQ(::send(agent_->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void ExpectHears(std::string_view bytes) {
    std::string heard;
    while (heard.size() < bytes.size() && HasHeard(kDeadline)) {
      std::string some(bytes.size() - heard.size(), '\0');
      const ssize_t size = ::recv(agent_->get(), some.data(), some.size(), 0);
      if (size <= 0) break;
      heard += some.substr(0, static_cast<std::size_t>(size));
    }
    EXPECT_EQ(heard, bytes);
  }
  bool HasHeard(std::chrono::milliseconds timeout) const {
    pollfd input = {agent_->get(), POLLIN, 0};
    return ::poll(&input, 1, static_cast<int>(timeout.count())) > 0;
  }
  void LeaveAsAgent() { agent_.reset(); }

  const TemporaryPlace place_;
  const detail::Descriptor listener_ = detail::ListenAt(place_.path() + "/ctl").socket;
  MockHyperstart spy_;
  std::optional<RawClient> client_;
  std::optional<detail::Descriptor> agent_;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_MOCK_SPIED_AGENT_TEST_HPP_
