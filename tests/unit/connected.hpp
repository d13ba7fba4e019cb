// A client and the connection that serves it, over a real socket: for the tests of the outbox and
// of the connection.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {

inline constexpr std::size_t kMebibyte = 1024 * 1024;
/// More than a socket takes at once.
inline constexpr std::size_t kMuch = 5 * kMebibyte;

class Connected : public testing::Test {
 protected:
  Connected() {
    broken_pipes = 0;
    struct sigaction count {};
    count.sa_handler = [](int) { ++broken_pipes; };
    ::sigaction(SIGPIPE, &count, &before_);
    Connect();
  }
  ~Connected() override {
    connection_.reset();
    ::sigaction(SIGPIPE, &before_, nullptr);
    EXPECT_EQ(broken_pipes, 0) << "a SIGPIPE ends the program under test";
  }

  /// A new client, and our end of it.
  void Connect() {
    connection_.reset();
    client_ = std::make_unique<RawClient>(RawClient::Ctl(path_));
    connection_ = std::make_unique<Connection>(
        Channel::kCtl, Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
        transcript_, pause_, [] {}, std::size_t{0});
  }

  /// What one read of the connection gives.
  std::string Read(std::size_t size = 4096) {
    std::string buffer(size, '\0');
    buffer.resize(connection_->Read(buffer.data(), size));
    return buffer;
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string some = Read(); !some.empty(); some = Read()) all += some;
    return all;
  }
  /// Bytes that the client is owed, since it does not read.
  std::string SendMuch() {
    std::string bytes = wire::Pattern(kMuch);
    connection_->Send(bytes);
    EXPECT_FALSE(connection_->OwesNothing());
    return bytes;
  }
  /// A wait, seen to block.
  std::unique_ptr<BlockedCall<bool>> BlockedUntilOwedAtMost(std::size_t bytes) {
    auto wait = std::make_unique<BlockedCall<bool>>([this, bytes] {
      connection_->WaitUntilOwedAtMost(bytes);
      return true;
    });
    EXPECT_FALSE(wait->HasReturned());
    return wait;
  }

  static inline std::atomic<int> broken_pipes{0};
  struct sigaction before_ {};

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "socket";
  const Descriptor listener_ = ListenAt(path_).socket;
  std::unique_ptr<RawClient> client_;
  Transcript transcript_{Dialect::kHyperstart};
  Pause pause_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_
