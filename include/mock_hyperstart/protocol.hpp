// The hyperstart protocol as values: command numbers, their names in both dialects, and whole
// frames as bytes. Knows no sockets, and not what a command means. All integers on the wire are
// big-endian, and a header's length field counts the whole frame, header included. Source of the
// numbers: hyperstart's api.h (v1.1.0, API 4244), and virtcontainers' package `hyperstart` for the
// Clear Containers dialect. Stateless: any thread.

#ifndef MOCK_HYPERSTART_PROTOCOL_HPP_
#define MOCK_HYPERSTART_PROTOCOL_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/frame_header.hpp"

namespace hyperstart {

/// A ctl command: its number on the wire. Any other number can be cast to it and sent.
enum class Command : std::uint32_t {
  kVersion = 0,
  kStartPod,
  kGetPodDeprecated,
  kStopPodDeprecated,
  kDestroyPod,
  kRestartContainerDeprecated,
  kExecCmd,
  kFinishCmdDeprecated,
  kReady,
  kAck,
  kError,
  kWinSize,
  kPing,
  kFinishPodDeprecated,
  kNext,
  kWriteFile,
  kReadFile,
  kNewContainer,
  kKillContainer,
  kOnlineCpuMem,
  kSetupInterface,
  kSetupRoute,
  kRemoveContainer,
  kProcessAsyncEvent,
  kSignalProcess,
  kDeleteInterface
};

/// Which numbering of the commands from 23 on: that of the agent and of runV, or that of
/// virtcontainers (Clear Containers), where pscontainer is 23, processasyncevent is 24, and 25 does
/// not exist.
enum class Dialect { kHyperstart, kClearContainers };

/// ctl header: u32 command, u32 length.
inline constexpr std::size_t kCtlHeaderSize = 8;
/// io header: u64 seq, u32 length.
inline constexpr std::size_t kIoHeaderSize = 12;
/// The API version that hyperstart 1.1.0 reports in its reply to `version`.
inline constexpr std::uint32_t kApiVersion = 4244;

namespace detail {

inline constexpr std::array<std::string_view, 26> kCommandNames = {
    "version",       "startpod",        "getpod",
    "stoppod",       "destroypod",      "restartcontainer",
    "execcmd",       "finishcmd",       "ready",
    "ack",           "error",           "winsize",
    "ping",          "finishpod",       "next",
    "writefile",     "readfile",        "newcontainer",
    "killcontainer", "onlinecpumem",    "setupinterface",
    "setuproute",    "removecontainer", "processasyncevent",
    "signalprocess", "deleteinterface"};

/// Empty if the dialect has no name for the number.
inline constexpr std::string_view KnownName(std::uint32_t number, Dialect dialect) {
  if (dialect == Dialect::kClearContainers && number >= 23) {
    return number == 23 ? "pscontainer" : number == 24 ? "processasyncevent" : "";
  }
  return number < kCommandNames.size() ? kCommandNames[number] : "";
}

using CtlHeader = Header<Command, 4>;
using IoHeader = Header<std::uint64_t, 8>;
static_assert(CtlHeader::kSize == kCtlHeaderSize && IoHeader::kSize == kIoHeaderSize);

}  // namespace detail

/// The name of the command in the agent's sources, "startpod"; "command 99" if the number has none.
inline std::string CommandName(Command command, Dialect dialect = Dialect::kHyperstart) {
  const auto number = static_cast<std::uint32_t>(command);
  const std::string_view name = detail::KnownName(number, dialect);
  return name.empty() ? "command " + std::to_string(number) : std::string(name);
}

/// The command with that name; nothing if the dialect has none.
inline std::optional<Command> CommandFromName(std::string_view name,
                                              Dialect dialect = Dialect::kHyperstart) {
  for (std::uint32_t number = 0; number < detail::kCommandNames.size(); ++number) {
    if (!name.empty() && detail::KnownName(number, dialect) == name) return Command{number};
  }
  return std::nullopt;
}

namespace detail {

/// The name for where the dialect is not known. Two numbers have a different name in each dialect:
/// "signalprocess (24; processasyncevent for Clear Containers)".
inline std::string CommandNames(Command command) {
  const auto number = static_cast<std::uint32_t>(command);
  const std::string_view other = KnownName(number, Dialect::kClearContainers);
  std::string name = CommandName(command);
  if (other.empty() || other == name) return name;
  return name.append(" (")
      .append(std::to_string(number))
      .append("; ")
      .append(other)
      .append(" for Clear Containers)");
}

}  // namespace detail

/// For GoogleTest. A value does not know the dialect of its mock, so that 23 and 24 print both of
/// their names.
inline void PrintTo(Command command, std::ostream* out) { *out << detail::CommandNames(command); }

/// A whole ctl frame, for SendRaw and Reply::Raw. Throws std::length_error if the payload is too
/// long for the length field.
inline std::string CtlFrame(Command command, std::string_view payload = {}) {
  const auto header = detail::CtlHeader::For(command, payload.size()).Encode();
  return std::string(detail::View(header)).append(payload);
}

/// A whole io frame. Without data, it is the end of the stream. Throws as CtlFrame does.
inline std::string IoFrame(std::uint64_t seq, std::string_view data = {}) {
  const auto header = detail::IoHeader::For(seq, data.size()).Encode();
  return std::string(detail::View(header)).append(data);
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_PROTOCOL_HPP_
