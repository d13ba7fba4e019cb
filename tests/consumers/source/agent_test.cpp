// The other source: a test of the library, whichever way the project got it. What that way promises
// is defined by the project, and checked here.

#include <gtest/gtest.h>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <mock_hyperstart/client_thread.hpp>
#include <string>

#include "agent_helper.hpp"
#ifdef CONSUMER_HAS_OPTIONAL_HEADERS
#include <gmock/gmock.h>

#include <mock_hyperstart/json.hpp>
#include <mock_hyperstart/matchers.hpp>
#endif

#ifdef CONSUMER_HAS_OWN_TARGETS
static_assert(CONSUMER_OWN_GTEST && CONSUMER_OWN_ASIO && CONSUMER_OWN_FMT,
              "the library did not use the targets of the project");
#endif

#ifdef CONSUMER_EXPECTS_VERSION
TEST(Library, HasThePackagesVersion) {
  EXPECT_EQ(std::to_string(MOCK_HYPERSTART_VERSION_MAJOR) + '.' +
                std::to_string(MOCK_HYPERSTART_VERSION_MINOR) + '.' +
                std::to_string(MOCK_HYPERSTART_VERSION_PATCH),
            CONSUMER_EXPECTS_VERSION);
}
#endif

TEST(Library, RunsAClientInAThread) {
  hyperstart::MockHyperstart agent;
  hyperstart::ClientThread client(agent, [] {});
  EXPECT_TRUE(client.Join());
}

TEST(Library, AnswersAClient) {
  const auto agent = StartAgentWithAFullDisk();
  asio::io_context io;
  asio::local::stream_protocol::socket ctl(io);
  ctl.connect(agent->GetSocketPaths().ctl);
  asio::write(ctl, asio::buffer("\0\0\0\x01\0\0\0\x0a{}", 10));

  const auto message = agent->WaitForMessage(hyperstart::Command::kStartPod);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload, "{}");
#ifdef CONSUMER_HAS_OPTIONAL_HEADERS
  EXPECT_THAT(*message, hyperstart::IsMessage(hyperstart::Command::kStartPod,
                                              hyperstart::PayloadJson("", testing::SizeIs(0))));
#endif
}
