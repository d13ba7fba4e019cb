// A client and the connection that serves it, over a real socket: for the tests of the send queue
// and of the connection.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/net/pause.hpp"
#include "mock_hyperstart/detail/net/send_queue.hpp"
#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"
#include "unit/blocked_call.hpp"
#include "unit/recording_observer.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {

inline constexpr std::size_t kMebibyte = 1024 * 1024;
/// More than a socket takes at once.
inline constexpr std::size_t kMuch = 5 * kMebibyte;

class Connected : public testing::Test {
 protected:
  using ReadStatus = Connection::ReadStatus;

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
  void Connect(SendQueue::Settings settings = {}) {
    connection_.reset();
    client_ = std::make_unique<RawClient>(RawClient::Ctl(path_));
    connection_ = std::make_unique<Connection>(
        Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)), pause_, observer_,
        settings);
  }

  /// What one read of the connection gives; empty at the end, or if the client has left in a pause.
  std::string Read(std::size_t size = 4096) {
    std::string buffer(size, '\0');
    const Connection::ReadResult result = connection_->Read(buffer.data(), size);
    buffer.resize(result.bytes);
    EXPECT_EQ(result.status == ReadStatus::kBytes, result.bytes > 0);
    return buffer;
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string some = Read(); !some.empty(); some = Read()) all += some;
    return all;
  }
  /// Whether the bytes were accepted.
  bool Send(std::string_view head, std::string_view body = {}) {
    bool recorded = false;
    connection_->queue().Send(head, body, [&] { recorded = true; });
    return recorded;
  }
  bool HasPending() { return connection_->queue().HasPending(); }
  void WaitUntilPendingAtMost(std::size_t bytes) {
    connection_->queue().WaitUntilPendingAtMost(bytes);
  }
  /// Bytes of which some are pending, since the client does not read.
  std::string SendMuch() {
    std::string bytes = wire::Pattern(kMuch);
    Send(bytes);
    EXPECT_TRUE(HasPending());
    return bytes;
  }
  /// A wait that has been seen to block.
  std::unique_ptr<BlockedCall<bool>> BlockedUntilPendingAtMost(std::size_t bytes) {
    auto wait = std::make_unique<BlockedCall<bool>>([this, bytes] {
      WaitUntilPendingAtMost(bytes);
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
  RecordingObserver observer_;
  Pause pause_;
  std::unique_ptr<RawClient> client_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_CONNECTED_HPP_
