// What passes between a client and another agent, here a socket of the test's. The channel's thread
// is the test's.

#include "mock_hyperstart/detail/agent/forwarding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "support/wire.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// What was told, a line each. Called on two threads, one after the other in these tests.
class Told final : public ForwardObserver {
 public:
  void OnBegin(Channel, const std::string& agent) override {
    const MutexLock lock(mutex_);
    agent_ = agent;
  }
  void OnBytes(std::size_t count) override { Add("bytes " + std::to_string(count)); }
  void OnCommand(const DecodedMessage& message) override {
    Add("command " + CommandName(message.command));
  }
  void OnPacket(const IoPacket& packet) override { Add("packet " + packet.data); }
  void OnAgentFrame(Command command, const std::string& payload) override {
    Add("agent " + CommandName(command) + " " + payload);
  }
  void OnAgentFrame(std::uint64_t, const std::string& data) override { Add("agent io " + data); }
  void OnFatalInput(Channel) override { Add("fatal input"); }
  void OnBrokenFraming(Channel) override { Add("broken"); }
  void OnEnd(Channel, bool agent_left) override {
    Add(agent_left ? "the agent left" : "the client left");
  }
  std::vector<std::string> lines() {
    const MutexLock lock(mutex_);
    return lines_;
  }
  std::string agent() {
    const MutexLock lock(mutex_);
    return agent_;
  }

 private:
  void Add(std::string line) {
    const MutexLock lock(mutex_);
    lines_.push_back(std::move(line));
  }
  Mutex mutex_;
  std::vector<std::string> lines_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::string agent_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
};

class ForwardingTest : public ServiceTest {
 protected:
  ForwardingTest() {
    context_.forward_observer = &told_;
    forwarding_.emplace(Channel::kCtl, ctl_, *connection_, context_);
    EXPECT_TRUE(forwarding_->Connect(agent_path_));
    agent_.emplace(::accept4(agent_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  void Say(std::string_view bytes) {
    EXPECT_EQ(::send(agent_->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string ReadAsAgent(std::size_t size) {
    std::string bytes(size, '\0');
    EXPECT_EQ(::recv(agent_->get(), bytes.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
    return bytes;
  }

  const std::string agent_path_ = directory_ / "agent";
  const Descriptor agent_listener_ = ListenAt(agent_path_).socket;
  std::optional<Descriptor> agent_;
  Told told_;
  std::optional<Forwarding<CtlHeader>> forwarding_;
};

TEST_F(ForwardingTest, NamesTheAgentByItsProcessAndItsSocketFile) {
  struct stat file {};
  ASSERT_EQ(::stat(agent_path_.c_str(), &file), 0);
  EXPECT_THAT(told_.agent(), AllOf(HasSubstr("process " + std::to_string(::getpid())),
                                   HasSubstr(":" + std::to_string(file.st_ino))));
}

TEST_F(ForwardingTest, PassesBothDirectionsOnAndTellsOfThem) {
  forwarding_->Forward("any bytes");
  EXPECT_EQ(ReadAsAgent(9), "any bytes");
  Say(wire::Next(9) + wire::Ack("x"));
  EXPECT_EQ(client_->Read(wire::Next(9).size() + wire::Ack("x").size()),
            wire::Next(9) + wire::Ack("x"));
  forwarding_.reset();
  EXPECT_THAT(told_.lines(),
              ElementsAre("bytes 9", HasSubstr("agent next"), "agent ack x", "the client left"));
  EXPECT_EQ(Conversation(), "<-- next 9\n<-- ack \"x\"\n");
}

TEST_F(ForwardingTest, KeepsTheReplyThatIsAskedForAndItsNexts) {
  std::future<ReplySpec> reply = std::async(std::launch::async, [&] {
    return forwarding_->Ask({Command::kPing, std::string("hi")});
  });
  EXPECT_EQ(ReadAsAgent(10), wire::Ctl(wire::kPing, "hi"));
  Say(wire::Ctl(wire::kProcessAsyncEvent, "before") + wire::Next(10) + wire::Ack("reply") +
      wire::Ctl(wire::kProcessAsyncEvent, "after"));
  const ReplySpec spec = reply.get();
  EXPECT_EQ(spec.command, Command::kAck);
  EXPECT_EQ(spec.bytes, "reply");
  EXPECT_EQ(client_->ReadFrame()->payload, "before");
  EXPECT_TRUE(Send("[the reply]"));
  EXPECT_EQ(client_->Read(11), "[the reply]") << "before what the agent says after it";
  forwarding_->EndAsk();
  EXPECT_EQ(client_->ReadFrame()->payload, "after");
}

TEST_F(ForwardingTest, AnAskWaitsForTheRepliesBefore) {
  forwarding_->Expect({Command::kVersion, {}}, ForwardedReplies::How::kAsItCame);
  std::future<ReplySpec> reply = std::async(std::launch::async, [&] {
    return forwarding_->Ask({Command::kPing, {}});
  });
  EXPECT_TRUE(forwarding_->ExpectsReplies());
  Say(wire::Ack("first"));
  EXPECT_EQ(client_->ReadFrame()->payload, "first");
  EXPECT_EQ(ReadAsAgent(8), wire::Ctl(wire::kPing)) << "only now";
  Say(wire::Ack("second"));
  EXPECT_EQ(reply.get().bytes, "second");
  forwarding_->EndAsk();
}

TEST_F(ForwardingTest, ForwardsACommandWithoutAWaitForItsReply) {
  forwarding_->ForwardCommand({Command::kDestroyPod, {}});
  EXPECT_FALSE(forwarding_->ExpectsReplies());
  EXPECT_EQ(ReadAsAgent(8), wire::Ctl(wire::kDestroyPod));
  Say(wire::Next(8) + wire::Ack("late"));
  EXPECT_EQ(client_->Read(12), wire::Ack("late")) << "without the next";
  forwarding_.reset();
  EXPECT_THAT(told_.lines(), ElementsAre("command destroypod", "bytes 8", HasSubstr("agent next"),
                                         "agent ack late", "the client left"));
}

TEST_F(ForwardingTest, AnAskEndsWhenTheFramingIsBroken) {
  const std::string broken = wire::U32(wire::kAck) + wire::U32(4) + "rest";
  std::future<ReplySpec> reply = std::async(std::launch::async, [&] {
    return forwarding_->Ask({Command::kPing, {}});
  });
  ReadAsAgent(8);
  Say(broken);
  EXPECT_EQ(reply.get().kind, ReplySpec::Kind::kNothing);
  EXPECT_TRUE(forwarding_->IsBroken());
  EXPECT_EQ(client_->Read(broken.size()), broken);
  EXPECT_EQ(forwarding_->Ask({Command::kPing, {}}).kind, ReplySpec::Kind::kNothing);
  EXPECT_EQ(ReadAsAgent(8), wire::Ctl(wire::kPing)) << "the agent gets it all the same";
}

TEST_F(ForwardingTest, AnAskEndsWhenTheAgentLeaves) {
  std::future<ReplySpec> reply = std::async(std::launch::async, [&] {
    return forwarding_->Ask({Command::kPing, {}});
  });
  ReadAsAgent(8);
  agent_.reset();
  EXPECT_EQ(reply.get().kind, ReplySpec::Kind::kNothing);
  forwarding_.reset();
  EXPECT_THAT(told_.lines(), ElementsAre("command ping", "bytes 8", "the agent left"));
}

TEST_F(ForwardingTest, PassesBrokenFramingOn) {
  const std::string broken = wire::U32(wire::kAck) + wire::U32(4) + "rest";
  Say(wire::Ack() + broken);
  EXPECT_EQ(client_->Read(20), wire::Ack() + broken);
  Say("more");
  EXPECT_EQ(client_->Read(4), "more");
  forwarding_.reset();
  EXPECT_THAT(told_.lines(), ElementsAre("agent ack ", "broken", "the client left"));
  EXPECT_THAT(Conversation(), HasSubstr("bytes of the agent that are no whole frame, 12 bytes"));
}

TEST_F(ForwardingTest, RecordsAFrameThatCameInPartsOnce) {
  const std::string frame = wire::Ctl(wire::kReady, "frame");
  for (const char byte : frame) {
    Say(std::string(1, byte));
    EXPECT_EQ(client_->Read(1), std::string(1, byte));
  }
  forwarding_.reset();
  EXPECT_EQ(Conversation(), "<-- ready \"frame\"\n");
}

TEST_F(ForwardingTest, RecordsEachNextOfTheAgent) {
  const std::string odd = wire::Next(8) + wire::Ctl(wire::kNext, "12345") + wire::Ack();
  Say(odd);
  EXPECT_EQ(client_->Read(odd.size()), odd);
  EXPECT_EQ(Conversation(), "<-- next 8\n<-- next \"12345\"\n<-- ack\n");
}

TEST_F(ForwardingTest, FoldsTheNextsOfTheAgent) {
  std::string nexts;
  for (std::uint32_t bytes = 1; bytes <= 20; ++bytes) nexts += wire::Next(bytes);
  Say(wire::Next(1) + nexts);
  EXPECT_EQ(client_->Read(12 + nexts.size()), wire::Next(1) + nexts);
  EXPECT_THAT(Conversation(), AllOf(HasSubstr("<-- next 1 \u00d72, next 2, "),
                                    HasSubstr("next 16, 4 more nexts\n")));
}

TEST_F(ForwardingTest, RecordsHalfAFrameOfAnAgentThatLeaves) {
  Say(wire::Ack("half").substr(0, 10));
  EXPECT_EQ(client_->Read(10), wire::Ack("half").substr(0, 10));
  agent_.reset();
  forwarding_->EndInput();
  forwarding_.reset();
  EXPECT_THAT(Conversation(), HasSubstr("bytes of the agent that are no whole frame, 10 bytes"));
}

}  // namespace
}  // namespace hyperstart::detail
