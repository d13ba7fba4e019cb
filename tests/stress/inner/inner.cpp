// A program that the stress tests start: many times at once, in shards, or to kill it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// Conversations with the number of this process in every frame: any other frame is another
/// process's.
class Conversation : public testing::TestWithParam<int> {};

TEST_P(Conversation, IsItsOwn) {
  const std::string mine = "process " + std::to_string(::getpid());
  const auto seq = static_cast<std::uint64_t>(::getpid());
  for (int i = 0; i < 10; ++i) {
    Started agent;
    RawClient ctl = agent.Ctl();
    RawClient io = agent.Io();
    ASSERT_EQ(ctl.Call(wire::kStartPod, mine).next, 8 + mine.size());
    io.Write(wire::Io(seq, mine));
    agent.SendMessage(Command::kReady, mine);
    agent.SendIo(seq, mine);
    ASSERT_EQ(agent.ReadIo(kDeadline)->data, mine);
    ASSERT_EQ(*io.ReadFrame(), (wire::Frame{seq, mine}));
    ASSERT_EQ(*ctl.ReadFrame(), (wire::Frame{wire::kReady, mine}));
    const auto messages = agent.GetLastMessages();
    ASSERT_EQ(messages.size(), 1u);
    ASSERT_EQ(messages[0].payload, mine);
    ASSERT_TRUE(agent.GetLastIoPackets().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Conversation, testing::Range(0, 12));

/// Listens on the paths from the environment, with a client on each channel, until it is killed.
TEST(Victim, WaitsToBeKilled) {
  const char* const ctl_path = std::getenv("STRESS_INNER_CTL");
  const char* const io_path = std::getenv("STRESS_INNER_IO");
  ASSERT_TRUE(ctl_path != nullptr && io_path != nullptr);
  Options options;
  options.ctl_path = ctl_path;
  options.io_path = io_path;
  Started agent(options);
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ASSERT_EQ(ctl.Call(wire::kPing).next, 8u);
  ASSERT_TRUE(agent.WaitForConnection(kDeadline));
  std::printf("listening\n");
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace
}  // namespace hyperstart
