// What the net layer tells about one channel. It tells facts, not text: the agent layer turns them
// into events and wakes the waits that they concern.

#ifndef MOCK_HYPERSTART_DETAIL_NET_CHANNEL_OBSERVER_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_CHANNEL_OBSERVER_HPP_

#include <cstddef>

namespace hyperstart::detail {

enum class ChannelEvent {
  kConnected,        // a client is attached
  kClientLeft,       // the attached client has left by itself
  kDisconnected,     // the mock has disconnected it
  kNotUnderstood,    // the mock has disconnected it, since its framing is broken
  kReset,            // the mock begins to reset it; kDetached follows
  kDetached,         // the reset client is not read any more
  kStopped,          // Stop has disconnected it
  kTurnedAway,       // a client that waited in the backlog is closed
  kSendingShutDown,  // the mock has closed its sending direction
  kReadingPaused,
  kReadingResumed,
  kListeningStopped,
  kListeningResumed,
  kUnreadDropped,      // with a count: bytes that were pending when the client went
  kUnsentDropped,      // with a count: bytes that were waiting for a client when Stop came
  kLost,               // with a count: bytes of a send during which the client left
  kNotSentShutDown,    // with a count: bytes sent after sending was shut down
  kNotSentClientGone,  // with a count: bytes sent to a client that no longer reads
  kNotSentStopped      // with a count: bytes sent once Stop had begun
};

/// Called on the thread that acts, under the lock that orders the channel's bytes: the order of the
/// calls is the order on the wire. An implementation must not call the net layer.
class ChannelObserver {
 public:
  ChannelObserver() = default;
  ChannelObserver(const ChannelObserver&) = delete;
  ChannelObserver& operator=(const ChannelObserver&) = delete;

  /// `bytes` is the count that some events have, else 0.
  virtual void OnEvent(ChannelEvent event, std::size_t bytes) = 0;

 protected:
  ~ChannelObserver() = default;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_CHANNEL_OBSERVER_HPP_
