// Each recording of the real agent is compared with the model, as a spy between the recorded client
// and the agent would: it must find no difference. And where one frame of the agent is changed, it
// must find that.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <mock_hyperstart/detail/recording/model_comparison.hpp>
#include <mock_hyperstart/detail/wire/frame_reader.hpp>
#include <mock_hyperstart/messages.hpp>
#include <mock_hyperstart/protocol.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "conformance/recording.hpp"

namespace hyperstart {
namespace {

bool IsReply(Command command) { return command == Command::kAck || command == Command::kError; }

/// What becomes of one frame of the agent on ctl.
enum class Change { kNone, kOtherReply, kLost, kTwice };

/// Tells a comparison what a spy would tell it.
class ComparisonOfRecording {
 public:
  /// A frame of the agent on ctl that is no `next`.
  struct Said {
    Command command;
    int connection;
    Command answered = Command::kNext;  // by a reply
    std::size_t said_before = 0;        // frames that had come when that command was sent
  };

  /// `change` is for the frame with the number `at`.
  explicit ComparisonOfRecording(const Recording& recording, Change change = Change::kNone,
                                 std::size_t at = 0)
      : change_(change), at_(at), old_(recording.agent.find("0.7.0") != std::string::npos) {
    for (const Recording::Event& event : recording.events) {
      event.ctl ? Tell(event, client_ctl_, agent_ctl_) : Tell(event, client_io_, agent_io_);
    }
  }

  std::vector<Said> said;
  std::string violations;

 private:
  template <typename Header>
  void Tell(const Recording::Event& event, detail::FrameReader<Header>& client,
            detail::FrameReader<Header>& agent) {
    const Channel channel = event.ctl ? Channel::kCtl : Channel::kIo;
    switch (event.dir) {
      case Recording::Dir::kOpen:
        client = agent = detail::FrameReader<Header>(std::numeric_limits<std::uint32_t>::max());
        if (event.ctl) ++connection_;
        comparison_.OnBegin(channel, event.ctl ? "ctl" : "io");
        break;
      case Recording::Dir::kClose:
        comparison_.OnEnd(channel, event.by_agent);
        break;
      case Recording::Dir::kFromClient:
        if (event.ctl) comparison_.OnBytes(event.bytes.size());
        Read(channel, client, event.bytes, [&](const Header& header, std::string payload) {
          TellClient(header, std::move(payload));
        });
        if (client.partial().bytes == Header::kSize) comparison_.OnFatalInput(channel);
        break;
      case Recording::Dir::kFromAgent:
        Read(channel, agent, event.bytes,
             [&](const Header& header, const std::string& payload) { TellAgent(header, payload); });
        break;
    }
  }
  template <typename Header, typename OnFrame>
  void Read(Channel channel, detail::FrameReader<Header>& reader, std::string_view bytes,
            const OnFrame& on_frame) {
    while (!bytes.empty()) {
      if (!reader.error().empty()) return;
      detail::FrameStep<Header>& step = reader.Next(bytes);
      if (!reader.error().empty()) return comparison_.OnBrokenFraming(channel);
      if (step.complete) on_frame(step.header, step.payload);
    }
  }

  void TellClient(const detail::CtlHeader& header, std::string payload) {
    sent_.push_back({header.key, said.size()});
    comparison_.OnCommand({header.key, std::move(payload)});
  }
  void TellClient(const detail::IoHeader& header, std::string data) {
    comparison_.OnPacket({header.key, std::move(data)});
  }
  void TellAgent(const detail::CtlHeader& header, const std::string& payload) {
    if (header.key == Command::kNext) return comparison_.OnAgentFrame(header.key, payload);
    const Change change = said.size() == at_ ? change_ : Change::kNone;
    said.push_back({header.key, connection_});
    if (IsReply(header.key) && !sent_.empty()) {
      std::tie(said.back().answered, said.back().said_before) = sent_.front();
      sent_.pop_front();
    }
    if (change == Change::kLost) return;
    Command command = header.key;
    if (change == Change::kOtherReply) {
      command = command == Command::kAck ? Command::kError : Command::kAck;
    }
    comparison_.OnAgentFrame(command, payload);
    if (change == Change::kTwice) comparison_.OnAgentFrame(command, payload);
  }
  void TellAgent(const detail::IoHeader& header, const std::string& data) {
    comparison_.OnAgentFrame(header.key, data);
  }

  int connection_ = 0;                                // of ctl
  std::deque<std::pair<Command, std::size_t>> sent_;  // commands without a reply: see Said
  const Change change_;
  const std::size_t at_;
  const bool old_;
  detail::ModelComparison comparison_{
      old_, [this](const Violation& violation) { violations += violation.what + "\n"; },
      [](Channel, std::string_view) {}};
  detail::FrameReader<detail::CtlHeader> client_ctl_{0};
  detail::FrameReader<detail::CtlHeader> agent_ctl_{0};
  detail::FrameReader<detail::IoHeader> client_io_{0};
  detail::FrameReader<detail::IoHeader> agent_io_{0};
};

class Comparison : public testing::TestWithParam<std::string> {
 protected:
  void ExpectFound(Change change, std::size_t at) const {
    SCOPED_TRACE("frame " + std::to_string(at));
    EXPECT_NE(ComparisonOfRecording(recording_, change, at).violations, "");
  }

  const Recording recording_ = Recording::Load(GetParam());
  const std::vector<ComparisonOfRecording::Said> said_ = ComparisonOfRecording(recording_).said;
};

TEST_P(Comparison, FindsNothingInTheRealAgent) {
  SCOPED_TRACE(recording_.description);
  EXPECT_EQ(ComparisonOfRecording(recording_).violations, "");
}

/// Ctl and io have no order between them: a spy may hear either first.
TEST_P(Comparison, FindsNothingWhicheverChannelIsHeardFirst) {
  SCOPED_TRACE(recording_.description);
  const auto is_agents = [](const Recording::Event& event) {
    return event.dir == Recording::Dir::kFromAgent ||
           (event.dir == Recording::Dir::kClose && event.by_agent);
  };
  for (const bool ctl_first : {true, false}) {
    Recording told = recording_;
    for (auto begin = told.events.begin(); begin != told.events.end();) {
      begin = std::find_if(begin, told.events.end(), is_agents);
      const auto end = std::find_if_not(begin, told.events.end(), is_agents);
      const std::vector<Recording::Event> events(begin, end);
      for (const bool first : {true, false}) {
        begin = std::copy_if(events.begin(), events.end(), begin,
                             [&](const auto& event) { return (event.ctl == ctl_first) == first; });
      }
    }
    EXPECT_EQ(ComparisonOfRecording(told).violations, "") << (ctl_first ? "ctl" : "io") << " first";
  }
}

/// A client left within a command, and nothing more is compared.
bool IsCompared(const std::string& recording) {
  return recording != "virtio-08c-partial-then-reconnect";
}

/// Whether only the machine knows how it answers: which devices and files it has, and whether a
/// process has ended meanwhile.
bool DependsOnTheMachine(const ComparisonOfRecording::Said& said) {
  switch (said.answered) {
    case Command::kWriteFile:
      return said.command == Command::kError;  // the directory may exist
    case Command::kReadFile:
    case Command::kWinSize:
    case Command::kSetupInterface:
    case Command::kSetupRoute:
    case Command::kDeleteInterface:
      return true;
    default:
      return false;
  }
}

TEST_P(Comparison, FindsEachOtherReply) {
  for (std::size_t at = 0; at < said_.size() && IsCompared(GetParam()); ++at) {
    const ComparisonOfRecording::Said& said = said_[at];
    if (IsReply(said.command) && !DependsOnTheMachine(said)) {
      ExpectFound(Change::kOtherReply, at);
    }
  }
}

TEST_P(Comparison, FindsEachFrameThatComesTwice) {
  for (std::size_t at = 0; at < said_.size() && IsCompared(GetParam()); ++at) {
    if (said_[at].command != Command::kReady) ExpectFound(Change::kTwice, at);
  }
}

TEST_P(Comparison, FindsEachFrameThatIsMissing) {
  // There, ends of a stream prove nothing: two processes have the same one, or input came before
  // the process, which the agent may have answered with an end.
  const bool has_events = GetParam() != "virtio-09c-same-seq-containers" &&
                          GetParam() != "virtio-06n2-stdin-data-and-eof";
  for (std::size_t at = 0; at < said_.size() && IsCompared(GetParam()); ++at) {
    if (said_[at].command == Command::kReady) continue;
    if (!IsReply(said_[at].command) && !has_events) continue;
    // It is missing once a command is answered that was sent after it.
    const bool is_proven = std::any_of(said_.begin(), said_.end(), [&](const auto& later) {
      return later.connection == said_[at].connection && IsReply(later.command) &&
             later.said_before > at;
    });
    if (is_proven) ExpectFound(Change::kLost, at);
  }
}

INSTANTIATE_TEST_SUITE_P(Agent, Comparison, testing::ValuesIn(RecordingNames()),
                         [](const auto& tested) { return TestNameOf(tested.param); });

}  // namespace
}  // namespace hyperstart
