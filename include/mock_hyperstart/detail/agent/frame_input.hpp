// One client's frames, pulled step by step: reads of its connection, and what each of them holds.
// Says what is wrong with the framing; what the frames mean is the services' business. Used on the
// channel's thread.
//
//   while (input.Read()) {                 // one read of the socket
//     while (FrameStep* step = input.Next()) {
//       ...
//     }
//   }

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FRAME_INPUT_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FRAME_INPUT_HPP_

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

inline std::string DescribeKey(Command command, Dialect dialect) {
  return CommandName(command, dialect);
}
inline std::string DescribeKey(std::uint64_t seq, Dialect) {
  return fmt::format("frame of seq {}", seq);
}

/// "300 of 512 bytes of a newcontainer"; empty between two frames.
template <typename Header>
std::string DescribePartial(const PartialFrame<Header>& partial, Dialect dialect) {
  if (partial.bytes == 0) return {};
  if (partial.length == 0) {
    return fmt::format("{} of {} header bytes", partial.bytes, std::size_t{Header::kSize});
  }
  return fmt::format("{} of {} bytes of a {}", partial.bytes, partial.length,
                     DescribeKey(partial.key, dialect));
}

template <typename Header>
class FrameInput {
 public:
  /// All outlive the input. `reader` may hold the beginning of a frame.
  FrameInput(Channel channel, ChannelServer& server, Connection& client,
             FrameReader<Header>& reader, const ServiceContext& context)
      : channel_(channel), server_(server), client_(client), reader_(reader), context_(context) {}

  /// Blocks for the client's next bytes. False once its input has ended, cannot be understood, or
  /// is not to be read any more.
  bool Read() {
    if (broken_) return false;
    if (context_.options.transport == Transport::kVsock) TurnAwayOthersUntilInput();
    Connection::ReadResult result = client_.Read(buffer_.get(), kReadSize);
    while (result.status == Connection::ReadStatus::kLeftInPause) {
      server_.ReportDeparture();
      result = client_.Read(buffer_.get(), kReadSize);
    }
    read_at_ = Clock::now();
    rest_ = read_ = std::string_view(buffer_.get(), result.bytes);
    if (result.status == Connection::ReadStatus::kBytes) return true;
    ReportDepartureInFrame();
    return false;
  }

  /// The next step in what was read; null when there is no more, or when the connection is closing.
  /// After a header that is broken, null, and broken() is true.
  FrameStep<Header>* Next() {
    if (rest_.empty() || client_.IsClosing()) {
      if (!broken_) UpdatePartial();
      return nullptr;
    }
    FrameStep<Header>& step = reader_.Next(rest_);
    if (reader_.error().empty()) return &step;
    broken_ = true;
    broken_rest_ = std::exchange(rest_, {});
    return nullptr;
  }

  /// The client sent a header that can't be trusted: call EndAtBrokenHeader once the frames before
  /// it are answered. It disconnects the client, whether or not that has read the answers: the
  /// agent dies, too, and a client that only writes would wait for ever.
  bool broken() const { return broken_; }
  void EndAtBrokenHeader() {
    context_.AddBrokenHeader({channel_, reader_.error(), reader_.PartialBytes()});
    server_.Disconnect(ChannelEvent::kNotUnderstood);
  }
  /// The same where another agent decides what becomes of it.
  void ReportForwardedHeader() {
    context_.AddViolation({channel_, reader_.error(), reader_.PartialBytes()});
    if (context_.forward_observer != nullptr) context_.forward_observer->OnBrokenFraming(channel_);
  }
  /// What the client goes on to send is passed to `pass`, to its end.
  template <typename Pass>
  void PassRest(const Pass& pass) {
    for (;;) {
      const Connection::ReadResult result = client_.Read(buffer_.get(), kReadSize);
      if (result.status == Connection::ReadStatus::kEnd) return;
      pass(std::string_view(buffer_.get(), result.bytes));
    }
  }
  /// What the last Read has read.
  std::string_view read_bytes() const { return read_; }
  /// From the broken header on.
  std::string BrokenBytes() const { return reader_.PartialBytes() + std::string(broken_rest_); }

  /// Once Read has returned false: the next client goes on with the frame that this one has begun.
  bool NextClientGoesOn() const {
    return context_.options.transport == Transport::kVirtio && !broken_ && !client_.IsClosing();
  }

  /// When the bytes of the last Read came.
  Clock::time_point read_at() const { return read_at_; }

 private:
  static constexpr std::size_t kReadSize = 128 * 1024;

  /// Over vsock the agent accepts a second client only to close it, and says `ready` to the first
  /// one again [from hyperstart's source].
  void TurnAwayOthersUntilInput() {
    constexpr std::chrono::milliseconds kLookForOthers{10};
    while (!client_.WaitForInput(kLookForOthers)) {
      if (!server_.TurnAwayWaitingClient() || channel_ != Channel::kCtl) continue;
      client_.queue().Send(CtlFrame(Command::kReady), {},
                           [&] { context_.log.Sent(Command::kReady, {}); });
    }
  }

  /// Between two reads: what has arrived of an incomplete frame, and what the agent dies of.
  void UpdatePartial() {
    const PartialFrame<Header> partial = reader_.partial();
    if (partial.bytes == 0 && !has_partial_) return;
    has_partial_ = partial.bytes > 0;
    const std::string text = DescribePartial(partial, context_.options.dialect);
    context_.records.SetPartial(
        channel_, text.empty() ? text : text + " have arrived" + DescribeMissingNexts());
    if (partial.bytes != Header::kSize || partial.length == 0) return;
    if (ReadWasFull()) return;  // the payload may lie in the socket
    context_.AddFatalInput(
        {channel_,
         text + " had arrived and not one of its payload; the real agent dies there, on both "
                "channels (0.8.0 and later): write header and payload in one write",
         reader_.PartialBytes()});
  }
  bool ReadWasFull() const { return rest_.data() == buffer_.get() + kReadSize; }

  /// Why a client that waits for `next` frames may send no more.
  std::string DescribeMissingNexts() const {
    if (channel_ != Channel::kCtl) return {};
    switch (context_.options.next_acks) {
      case NextAcks::kPerRead:
        break;
      case NextAcks::kPerFrame:
        return " (Options::next_acks is kPerFrame: a client that waits for next before the frame "
               "is complete stalls)";
      case NextAcks::kNone:
        return " (Options::next_acks is kNone: a client that waits for next stalls)";
    }
    return {};
  }

  void ReportDepartureInFrame() {
    const PartialFrame<Header> partial = reader_.partial();
    if (partial.bytes == 0 || client_.IsClosing()) return;
    if (context_.options.transport == Transport::kVirtio)
      return;  // the next client goes on with it
    context_.AddViolation(
        {channel_,
         fmt::format("the client left when {} had arrived{}",
                     DescribePartial(partial, context_.options.dialect), DescribeMissingNexts()),
         reader_.PartialBytes()});
  }

  const Channel channel_;
  ChannelServer& server_;
  Connection& client_;
  FrameReader<Header>& reader_;
  const ServiceContext& context_;
  // Not zeroed: most of its pages are never touched.
  const std::unique_ptr<char[]> buffer_{new char[kReadSize]};
  std::string_view read_;  // the last read
  std::string_view rest_;  // of it
  std::string_view broken_rest_;
  Clock::time_point read_at_;
  bool has_partial_ = false;  // the records know of a partial frame
  bool broken_ = false;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FRAME_INPUT_HPP_
