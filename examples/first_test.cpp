// The smallest useful test: the code under test sends `ping` and understands the agent's answer.

#include <gtest/gtest.h>

#include <asio.hpp>
#include <mock_hyperstart.hpp>
#include <string>

// The code under test. The agent answers a frame of 8 bytes with `next`, 12 bytes, and `ack`, 8.
bool Ping(const std::string& ctl_path) {
  asio::io_context io;
  asio::local::stream_protocol::socket ctl(io);
  ctl.connect(ctl_path);
  asio::write(ctl, asio::buffer("\0\0\0\x0c\0\0\0\x08", 8));
  std::string answer(20, '\0');
  asio::read(ctl, asio::buffer(answer));
  return answer.substr(12, 4) == std::string("\0\0\0\x09", 4);
}

TEST(Ping, IsAcknowledged) {
  hyperstart::MockHyperstart agent;
  agent.Start();

  EXPECT_TRUE(Ping(agent.GetSocketPaths().ctl));

  const auto message = agent.WaitForMessage();
  ASSERT_TRUE(message);  // if it fails, it prints what has arrived instead
  EXPECT_EQ(message->command, hyperstart::Command::kPing);
  EXPECT_EQ(message->payload, "");
}
