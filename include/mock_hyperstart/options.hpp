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
  kPerRead,   // as the agent: for each piece that it reads, header and payload
              // apart
  kPerFrame,  // next(8) and next(payload) once a frame is complete
  kNone       // never: a client that waits for them stalls
};

/// When Stop() prints the conversation.
enum class Log {
  kNever,
  kOnFailure,  // when the current test has failed
  kAlways
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
  /// Of waits that name none. MOCK_HYPERSTART_TIMEOUT_MS in the environment overrides it.
  std::chrono::milliseconds timeout{5000};
  /// The longest frame, header included, in bytes. A longer one is a violation, and its memory is
  /// never allocated.
  std::size_t max_frame = 64 * 1024 * 1024;
  /// Also count as violations what the real agent dies of though it breaks no framing: a header
  /// whose payload has not begun to arrive, an io frame over 4096 bytes. Otherwise they stand in
  /// the transcript as warnings.
  bool strict = false;
  /// When to print the conversation at Stop().
  Log log = Log::kOnFailure;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_OPTIONS_HPP_
