// How a mock is set up: plain values, read once when it is made. Any thread.

#ifndef MOCK_HYPERSTART_OPTIONS_HPP_
#define MOCK_HYPERSTART_OPTIONS_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {

/// When the agent says `next`, and for how many bytes. The counts always sum to the bytes read.
enum class NextAcks {
  kPerRead,   // as the agent: for each piece that it reads, header and payload separately
  kPerFrame,  // next(8) and next(payload) once a frame is complete
  kNone       // never: a client that waits for them stalls
};

/// What becomes of a channel when its client leaves, and who gets `ready`.
enum class Transport {
  /// A half-read frame is a violation, and unread output is dropped. `ready` is sent to each client
  /// if Options::ready_on_connect says so.
  kUnixSocket,
  /// As behind a VM's serial ports: `ready` is sent to the first client only; a half-read frame and
  /// unread output go on with the next client.
  kVirtio,
  /// As over a VM's socket: `ready` is sent to each client; a half-read frame and unread output are
  /// dropped; a second client is closed, and the first one gets another `ready`. That is noticed
  /// within some 10 ms, while the first client is idle.
  kVsock
};

/// When the conversation is printed to stdout.
enum class Log {
  kNever,
  kOnFailure,  // at Stop(), if the current test has failed, or an exception is leaving it
  kAlways,     // at Stop()
  kLive        // each event as it happens: also what a test that hangs has done so far
};

struct Options {
  /// Where to listen. Empty: a fresh name in a private directory (mode 0700) in $TMPDIR, else
  /// $XDG_RUNTIME_DIR, else /tmp. A tmpfs is fastest. At most 107 bytes.
  std::string ctl_path;
  std::string io_path;
  /// Send `ready` to each ctl client as it connects. Off by default: virtcontainers takes an unread
  /// `ready` for the reply to its first command.
  bool ready_on_connect = false;
  /// Who numbers the commands from 23 on.
  Dialect dialect = Dialect::kHyperstart;
  NextAcks next_acks = NextAcks::kPerRead;
  /// What `version` is acked with.
  std::uint32_t api_version = kApiVersion;
  /// The timeout of waits that name none. MOCK_HYPERSTART_TIMEOUT_MS in the environment overrides
  /// it.
  std::chrono::milliseconds timeout{5000};
  /// The longest frame, header included, in bytes. A longer one is a violation, and its memory is
  /// never allocated.
  std::size_t max_frame = 64 * 1024 * 1024;
  /// Also count as violations what the real agent dies of although it breaks no framing: a header
  /// whose payload has not begun to arrive, an io frame over the transport's limit. Otherwise they
  /// are warnings in the conversation.
  bool strict = false;
  /// When to print the conversation. MOCK_HYPERSTART_LOG in the environment overrides it: never,
  /// failure, always or live.
  Log log = Log::kOnFailure;
  /// Keep the whole conversation with all bytes, for MockHyperstart::Events and recordings. By
  /// default its memory is bounded: some events, and the beginning of each one's bytes. What
  /// arrived stays until it is taken, but for a mock that forwards without keep_all: of each
  /// channel, that keeps the newest 16 MiB. See MockHyperstart::ForwardTo.
  bool keep_all = false;
  Transport transport = Transport::kUnixSocket;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_OPTIONS_HPP_
