// Replays the client of each recording against the mock. The mock's handler answers as the real
// agent did, and the test sends what the agent sent unasked. The client must receive what it
// received from the agent: the frames of each channel in order, and the same sums of `next`.

#include <condition_variable>
#include <deque>
#include <mock_hyperstart.hpp>
#include <mutex>
#include <optional>
#include <vector>

#include "conformance/recording.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

bool IsReply(const wire::Frame& frame) {
  return frame.key == wire::kAck || frame.key == wire::kError;
}

class WireReplay : public testing::TestWithParam<std::string> {
 protected:
  WireReplay() : recording_(Recording::Load(GetParam())) {
    std::size_t unasked = 0;
    for (const Recording::Event& event : recording_.events) {
      if (event.dir != Recording::Dir::kFromAgent) continue;
      Unread(event) += event.bytes;
      for (const wire::Frame& frame : TakeMerged(Unread(event), event.ctl)) {
        if (event.ctl && IsReply(frame)) {
          replies_.push_back(
              {unasked, Reply::Frame(static_cast<Command>(frame.key), frame.payload)});
        } else if (!event.ctl || frame.key != wire::kNext) {
          ++unasked;
        }
      }
    }
    Options options;
    options.strict = true;
    agent_.emplace(options);
    agent_->SetHandler([this](const DecodedMessage&) {
      std::unique_lock lock(mutex_);
      if (replies_.empty()) return Reply::Nothing();
      const Scripted next = replies_.front();
      replies_.pop_front();
      said_.wait_for(lock, kDeadline, [&] { return unasked_ >= next.after; });
      return next.reply;
    });
  }

  void Play(const Recording::Event& event) {
    std::optional<RawClient>& client = event.ctl ? ctl_ : io_;
    switch (event.dir) {
      case Recording::Dir::kOpen:
        client.emplace(event.ctl ? agent_->Ctl() : agent_->Io());
        if (event.ctl) written_ = counted_ = 0;
        ASSERT_TRUE(agent_->WaitForConnection(event.ctl ? Channel::kCtl : Channel::kIo, kDeadline));
        break;
      case Recording::Dir::kFromClient:
        Write(*client, event.bytes);
        if (!event.ctl) break;
        // As the recorded client, wait until everything has been read.
        for (written_ += event.bytes.size(); counted_ < written_ && Listen();) {
        }
        break;
      case Recording::Dir::kFromAgent:
        Unread(event) += event.bytes;
        for (const wire::Frame& frame : TakeMerged(Unread(event), event.ctl)) {
          event.ctl ? SeeOnCtl(frame) : SeeOnIo(frame);
        }
        break;
      case Recording::Dir::kClose:
        if (!event.by_agent) {
          client.reset();
          ASSERT_TRUE(
              agent_->WaitForDisconnect(event.ctl ? Channel::kCtl : Channel::kIo, kDeadline));
        } else if (recording_.agent_end == "powered off") {
          agent_->Disconnect(event.ctl ? Channel::kCtl : Channel::kIo);
          EXPECT_EQ(client->ReadToEnd(), "");
        }
        break;
    }
  }

  /// A write may fail only where the recorded agent had died.
  void Write(RawClient& client, const std::string& bytes) {
    try {
      client.Write(bytes);
    } catch (const std::runtime_error&) {
      EXPECT_EQ(recording_.agent_end, "died");
    }
  }

  void SeeOnCtl(const wire::Frame& frame) {
    if (frame.key == wire::kNext) {
      next_ += wire::ToU32(frame.payload);
      return;
    }
    if (!IsReply(frame)) {
      agent_->SendMessage(static_cast<Command>(frame.key), frame.payload);
      CountUnasked();
    }
    while (heard_.empty()) ASSERT_TRUE(Listen()) << "the client sees end of file";
    EXPECT_EQ(heard_.front().next, next_);
    EXPECT_EQ(heard_.front().reply, frame);
    heard_.pop_front();
    next_ = 0;
  }

  /// Reads one frame of ctl. False at the end of the stream.
  bool Listen() {
    const std::optional<wire::Frame> frame = ctl_->ReadFrame();
    if (!frame) return false;
    if (frame->key == wire::kNext) {
      hearing_.next += wire::ToU32(frame->payload);
      counted_ += wire::ToU32(frame->payload);
    } else {
      hearing_.reply = *frame;
      heard_.push_back(std::exchange(hearing_, {}));
    }
    return true;
  }

  void SeeOnIo(const wire::Frame& frame) {
    agent_->SendIo(frame.key, frame.payload);
    CountUnasked();
    EXPECT_EQ(io_->ReadFrame(), std::optional(frame));
  }

  void CountUnasked() {
    const std::lock_guard lock(mutex_);
    ++unasked_;
    said_.notify_all();
  }

  std::string& Unread(const Recording::Event& event) {
    return event.ctl ? unread_ctl_ : unread_io_;
  }

  const Recording recording_;
  std::string unread_ctl_;  // recorded bytes of incomplete frames
  std::string unread_io_;
  std::optional<Started> agent_;
  std::optional<RawClient> ctl_;
  std::optional<RawClient> io_;
  std::uint64_t next_ = 0;     // recorded sum since the last other frame
  std::uint64_t written_ = 0;  // bytes written by the client on ctl
  std::uint64_t counted_ = 0;  // of those, the bytes that the mock has counted
  std::deque<RawClient::Answer> heard_;
  RawClient::Answer hearing_;

  struct Scripted {
    std::size_t after;  // to be sent after that many unasked frames of the agent
    Reply reply;
  };
  std::mutex mutex_;
  std::condition_variable said_;
  std::deque<Scripted> replies_;
  std::size_t unasked_ = 0;
};

TEST_P(WireReplay, SendsWhatTheAgentSent) {
  SCOPED_TRACE(recording_.description);
  for (const Recording::Event& event : recording_.events) {
    ASSERT_NO_FATAL_FAILURE(Play(event));
  }
  if (recording_.agent_end == "running") {
    ctl_->EndInput();
    io_->EndInput();
    EXPECT_EQ(ctl_->ReadToEnd(), "");
    EXPECT_EQ(io_->ReadToEnd(), "");
  }
  agent_->SetHandler(nullptr);
  EXPECT_TRUE(replies_.empty());
  // What killed the real agent is a violation, and nothing else is.
  if (recording_.agent_end == "died") {
    const Channel broken =
        GetParam().find("-07") == std::string::npos ? Channel::kCtl : Channel::kIo;
    if (GetParam() != "virtio-03i-chunk-boundary-after-header") {
      ASSERT_TRUE(agent_->WaitForDisconnect(broken, kDeadline));
    }
  }
  EXPECT_EQ(agent_->TakeViolations().empty(), recording_.agent_end != "died");
}

/// All of the wire alone. Not those whose point is the agent's state, which model_test.cpp plays.
/// And not one more: over virtio a half-read frame goes on with the next client, which a Unix
/// socket can't tell from a client that starts anew. The double starts anew.
std::vector<std::string> Recordings() {
  std::vector<std::string> names;
  for (const std::string& name : RecordingNames()) {
    const bool state = name.compare(0, 9, "virtio-09") == 0;
    if (!state && name != "virtio-08c-partial-then-reconnect") names.push_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Agent, WireReplay, testing::ValuesIn(Recordings()),
                         [](const auto& tested) { return TestNameOf(tested.param); });

TEST(Recordings, AreAllThere) { EXPECT_EQ(Recordings().size(), 36u); }

}  // namespace
}  // namespace hyperstart
