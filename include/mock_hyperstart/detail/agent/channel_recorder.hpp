// Turns what the net layer tells of one channel into events, and tells the records who is
// connected. Called under the channel's locks: see net/mutex.hpp.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_RECORDER_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_RECORDER_HPP_

#include <cstddef>
#include <new>
#include <string>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/net/channel_observer.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

class ChannelRecorder final : public ChannelObserver {
 public:
  /// `log` and `records` outlive the recorder.
  ChannelRecorder(Channel channel, EventLog& log, Records& records)
      : channel_(channel), log_(log), records_(records) {}

  /// Never throws: who is connected must be right even if there is no memory for the event.
  void OnEvent(ChannelEvent event, std::size_t bytes) override {
    try {
      AddToLog(event, bytes);
    } catch (const std::bad_alloc&) {  // the conversation lacks this event
    }
    switch (event) {
      case ChannelEvent::kConnected:
        return records_.SetConnected(channel_);
      case ChannelEvent::kClientLeft:
      case ChannelEvent::kDisconnected:
      case ChannelEvent::kNotUnderstood:
      case ChannelEvent::kDetached:
        return records_.SetDisconnected(channel_);
      default:
        return;
    }
  }

 private:
  void AddToLog(ChannelEvent event, std::size_t bytes) {
    switch (event) {
      case ChannelEvent::kConnected:
        return log_.Words(EventKind::kConnected, channel_, "connected");
      case ChannelEvent::kClientLeft:
        return log_.Words(EventKind::kDisconnected, channel_, "disconnected");
      case ChannelEvent::kDisconnected:
        return log_.Ended(channel_, EndedBy::kMock, "disconnected by the mock");
      case ChannelEvent::kNotUnderstood:
        return log_.Ended(channel_, EndedBy::kMock,
                          "closed by the mock: what follows can't be understood");
      case ChannelEvent::kReset:
        return log_.Ended(channel_, EndedBy::kMock, "reset by the mock");
      case ChannelEvent::kDetached:
        return;  // kReset came before
      case ChannelEvent::kStopped:
        return log_.Ended(channel_, EndedBy::kStop, "disconnected by Stop");
      case ChannelEvent::kTurnedAway:
        return AddFault("a client that was waiting is closed by the mock");
      case ChannelEvent::kSendingShutDown:
        return AddFault("sending shut down by the mock");
      case ChannelEvent::kReadingPaused:
        return AddFault("reading paused");
      case ChannelEvent::kReadingResumed:
        return AddFault("reading resumed");
      case ChannelEvent::kListeningStopped:
        return AddFault("listening stopped");
      case ChannelEvent::kListeningResumed:
        return AddFault("listening again");
      case ChannelEvent::kUnreadDropped:
        return AddFault("dropped: " + Bytes(bytes) + " that the client had not read");
      case ChannelEvent::kUnsentDropped:
        return AddFault("dropped: " + Bytes(bytes) + " that waited for a client");
      case ChannelEvent::kLost:
        return AddFault(Bytes(bytes) + " lost: the client has left");
      case ChannelEvent::kNotSentShutDown:
        return AddFault(Bytes(bytes) + " not sent: sending was shut down");
      case ChannelEvent::kNotSentClientGone:
        return AddFault(Bytes(bytes) + " not sent: the client no longer reads");
      case ChannelEvent::kNotSentStopped:
        return AddFault(Bytes(bytes) + " not sent: the mock is stopped");
    }
  }
  void AddFault(const std::string& text) { log_.Words(EventKind::kFault, channel_, text); }

  const Channel channel_;
  EventLog& log_;
  Records& records_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CHANNEL_RECORDER_HPP_
