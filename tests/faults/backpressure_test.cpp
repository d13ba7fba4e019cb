// Clients that do not read, and many threads that send.

#include <string>
#include <thread>
#include <vector>

#include "faults/fault_test.hpp"

namespace hyperstart {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

TEST(Fault, Backpressure) {
  Started agent;
  RawClient ctl = ConnectAndWait(agent, Channel::kCtl);
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  const std::string data = wire::Pattern(kMiB);
  for (std::uint64_t seq = 0; seq < 100; ++seq)
    agent.SendIo(seq, data);  // the client does not read

  EXPECT_EQ(ctl.Call(wire::kPing).reply.key, wire::kAck);
  io.Write(wire::Io(7, "heard"));
  EXPECT_EQ(agent.ReadIo(kDeadline)->data, "heard");
  for (std::uint64_t seq = 0; seq < 100; ++seq) {
    const wire::Frame frame = *io.ReadFrame();
    ASSERT_EQ(frame.key, seq);
    ASSERT_TRUE(frame.payload == data);
  }
  EXPECT_EQ(RestOf(io), "");
}

TEST(Fault, BackpressureEndsWithStop) {
  Started agent;
  RawClient io = ConnectAndWait(agent, Channel::kIo);
  const std::string data = wire::Pattern(kMiB);
  for (std::uint64_t seq = 0; seq < 100; ++seq) agent.SendIo(seq, data);
  agent.Stop();  // does not wait for the client
  EXPECT_LT(io.ReadToEnd().size(), kMiB);
  agent.Start();
  ExpectUsable(agent);
}

TEST(Fault, BackpressureEndsWhenTheClientLeaves) {
  Started agent;
  {
    RawClient io = ConnectAndWait(agent, Channel::kIo);
    for (std::uint64_t seq = 0; seq < 10; ++seq) agent.SendIo(seq, wire::Pattern(kMiB));
  }
  ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
  ExpectUsable(agent);  // the new client does not get what was queued for the old one
}

TEST(Fault, BackpressureOfRepliesStopsReading) {
  Started agent;
  agent.On(Command::kStartPod).WillRepeatedly(Reply::Ack(wire::Pattern(kMiB)));
  RawClient client = agent.Ctl();
  std::string commands;
  for (int i = 0; i < 20; ++i) commands += wire::Ctl(wire::kStartPod, wire::Pattern(kMiB / 4));
  const std::size_t written = WriteUntilStuck(client, commands);
  EXPECT_LT(written, commands.size());
  EXPECT_LT(agent.GetLastMessages().size(), 10u);
  std::thread writer([&] { client.Write(std::string_view(commands).substr(written)); });
  for (int i = 0; i < 20; ++i) {
    const RawClient::Answer answer = client.ReadAnswer();
    EXPECT_EQ(answer.next, kMiB / 4 + 8);
    EXPECT_TRUE(answer.reply.payload == wire::Pattern(kMiB));
  }
  writer.join();
}

TEST(Fault, FramesOfManyThreadsNeverMix) {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kFrames = 200;
  for (const std::size_t write_size : {std::size_t{0}, std::size_t{1000}}) {
    Started agent;
    for (const Channel channel : kChannels) agent.SetWriteSize(channel, write_size);
    RawClient ctl = ConnectAndWait(agent, Channel::kCtl);
    RawClient io = ConnectAndWait(agent, Channel::kIo);
    const auto payload = [](std::uint32_t thread, std::uint32_t n) {
      return wire::Pattern(n * 37 % 5000, thread * kFrames + n);
    };
    std::vector<std::thread> senders;
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
      senders.emplace_back([&, thread] {
        for (std::uint32_t n = 0; n < kFrames; ++n) {
          agent.SendIo(thread, payload(thread, n));
          agent.SendMessage(static_cast<Command>(100 + thread), payload(thread, n));
        }
      });
    }
    for (RawClient* const client : {&io, &ctl}) {
      std::vector<std::uint32_t> seen(kThreads);
      for (std::uint32_t i = 0; i < kThreads * kFrames; ++i) {
        const wire::Frame frame = *client->ReadFrame();
        const std::uint64_t thread = client == &io ? frame.key : frame.key - 100;
        ASSERT_LT(thread, kThreads);
        ASSERT_TRUE(frame.payload == payload(static_cast<std::uint32_t>(thread), seen[thread]++));
      }
    }
    for (std::thread& sender : senders) sender.join();
    EXPECT_EQ(RestOf(io), "");
    EXPECT_EQ(RestOf(ctl), "");
  }
}

}  // namespace
}  // namespace hyperstart
