// The hyperstart wire format, alone: command numbers and their names, and the two frame headers to
// and from bytes. Knows nothing of sockets, reads or meaning. All integers on the wire are
// big-endian; a header's length field counts the whole frame, header included. Stateless: any
// thread. Source of every number: hyperstart's api.h (v1.1.0, API 4244) and virtcontainers'
// hyperstart package for the Clear Containers dialect.

#ifndef MOCK_HYPERSTART_PROTOCOL_HPP_
#define MOCK_HYPERSTART_PROTOCOL_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hyperstart {

/// A ctl command by its number on the wire. Any other number may be cast to it and sent.
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

/// Who numbers 23 and up: the agent itself and runV, or virtcontainers (Clear Containers), which
/// has pscontainer = 23, processasyncevent = 24 and no 25.
enum class Dialect { kHyperstart, kClearContainers };

/// ctl header: u32 command, u32 length.
inline constexpr std::size_t kCtlHeaderSize = 8;
/// io header: u64 seq, u32 length.
inline constexpr std::size_t kIoHeaderSize = 12;
/// What a current agent answers to `version`.
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

/// Empty for a number that the dialect does not name.
inline constexpr std::string_view KnownName(std::uint32_t number, Dialect dialect) {
  if (dialect == Dialect::kClearContainers && number >= 23) {
    return number == 23 ? "pscontainer" : number == 24 ? "processasyncevent" : "";
  }
  return number < kCommandNames.size() ? kCommandNames[number] : "";
}

inline void PutBigEndian(char* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0; value >>= 8) {
    out[i] = static_cast<char>(static_cast<unsigned char>(value & 0xff));
  }
}

inline std::uint64_t GetBigEndian(const char* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

/// A u32 as the payload of `next` and of the ack of `version`.
inline std::string BigEndian32(std::uint32_t value) {
  std::string bytes(4, '\0');
  PutBigEndian(bytes.data(), value, 4);
  return bytes;
}

/// A header as numbers: `Key` names what the frame is about, `length` counts the whole frame.
template <typename KeyType, std::size_t kKeyBytes>
struct Header {
  using Key = KeyType;
  static constexpr std::size_t kSize = kKeyBytes + 4;

  Key key{};
  std::uint32_t length = 0;

  static Header Decode(const char* bytes) {
    return {static_cast<Key>(GetBigEndian(bytes, kKeyBytes)),
            static_cast<std::uint32_t>(GetBigEndian(bytes + kKeyBytes, 4))};
  }
  std::array<char, kSize> Encode() const {
    std::array<char, kSize> bytes;
    PutBigEndian(bytes.data(), static_cast<std::uint64_t>(key), kKeyBytes);
    PutBigEndian(bytes.data() + kKeyBytes, length, 4);
    return bytes;
  }
  /// The header of a frame with that much payload. std::length_error where the length field can't
  /// say it.
  static Header For(Key key, std::size_t payload_bytes) {
    if (payload_bytes > std::numeric_limits<std::uint32_t>::max() - kSize) {
      throw std::length_error("a frame of " + std::to_string(payload_bytes) +
                              " payload bytes does not fit the 32-bit length field: send it in "
                              "several frames");
    }
    return {key, static_cast<std::uint32_t>(kSize + payload_bytes)};
  }
};

using CtlHeader = Header<Command, 4>;
using IoHeader = Header<std::uint64_t, 8>;
static_assert(CtlHeader::kSize == kCtlHeaderSize && IoHeader::kSize == kIoHeaderSize);

inline std::string_view View(const char* bytes, std::size_t size) { return {bytes, size}; }
template <std::size_t kSize>
std::string_view View(const std::array<char, kSize>& bytes) {
  return {bytes.data(), kSize};
}

}  // namespace detail

/// "startpod" in the words of the agent's sources; "command 99" for a number without a name.
inline std::string CommandName(Command command, Dialect dialect = Dialect::kHyperstart) {
  const auto number = static_cast<std::uint32_t>(command);
  const std::string_view name = detail::KnownName(number, dialect);
  return name.empty() ? "command " + std::to_string(number) : std::string(name);
}

/// How GoogleTest shows it.
inline void PrintTo(Command command, std::ostream* out) { *out << CommandName(command); }

/// The command of that name; nothing where the dialect has none.
inline std::optional<Command> CommandFromName(std::string_view name,
                                              Dialect dialect = Dialect::kHyperstart) {
  for (std::uint32_t number = 0; number < detail::kCommandNames.size(); ++number) {
    if (!name.empty() && detail::KnownName(number, dialect) == name) return Command{number};
  }
  return std::nullopt;
}

/// One whole ctl frame, for SendRaw and Reply::Raw. std::length_error for a payload too long.
inline std::string CtlFrame(Command command, std::string_view payload = {}) {
  const auto header = detail::CtlHeader::For(command, payload.size()).Encode();
  return std::string(detail::View(header)).append(payload);
}

/// One whole io frame; without data the end of the stream.
inline std::string IoFrame(std::uint64_t seq, std::string_view data = {}) {
  const auto header = detail::IoHeader::For(seq, data.size()).Encode();
  return std::string(detail::View(header)).append(data);
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_PROTOCOL_HPP_
