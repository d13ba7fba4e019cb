// The wire format, written without the library, so that a test or a benchmark cannot share the
// library's mistakes: command numbers, frames to bytes, and bytes to numbers.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace wire {

/// Command numbers in the agent's dialect. An unscoped enum: tests mix them with numbers that have
/// no name.
enum Command : std::uint32_t {
  kVersion = 0,
  kStartPod = 1,
  kGetPodDeprecated = 2,
  kStopPodDeprecated = 3,
  kDestroyPod = 4,
  kRestartContainerDeprecated = 5,
  kExecCmd = 6,
  kFinishCmdDeprecated = 7,
  kReady = 8,
  kAck = 9,
  kError = 10,
  kWinSize = 11,
  kPing = 12,
  kFinishPodDeprecated = 13,
  kNext = 14,
  kWriteFile = 15,
  kReadFile = 16,
  kNewContainer = 17,
  kKillContainer = 18,
  kOnlineCpuMem = 19,
  kSetupInterface = 20,
  kSetupRoute = 21,
  kRemoveContainer = 22,
  kProcessAsyncEvent = 23,
  kSignalProcess = 24,
  kDeleteInterface = 25
};

/// Every command of the agent, with its name.
struct Named {
  std::uint32_t number;
  const char* name;
};
inline constexpr Named kHyperstartCommands[] = {{kVersion, "version"},
                                                {kStartPod, "startpod"},
                                                {kGetPodDeprecated, "getpod"},
                                                {kStopPodDeprecated, "stoppod"},
                                                {kDestroyPod, "destroypod"},
                                                {kRestartContainerDeprecated, "restartcontainer"},
                                                {kExecCmd, "execcmd"},
                                                {kFinishCmdDeprecated, "finishcmd"},
                                                {kReady, "ready"},
                                                {kAck, "ack"},
                                                {kError, "error"},
                                                {kWinSize, "winsize"},
                                                {kPing, "ping"},
                                                {kFinishPodDeprecated, "finishpod"},
                                                {kNext, "next"},
                                                {kWriteFile, "writefile"},
                                                {kReadFile, "readfile"},
                                                {kNewContainer, "newcontainer"},
                                                {kKillContainer, "killcontainer"},
                                                {kOnlineCpuMem, "onlinecpumem"},
                                                {kSetupInterface, "setupinterface"},
                                                {kSetupRoute, "setuproute"},
                                                {kRemoveContainer, "removecontainer"},
                                                {kProcessAsyncEvent, "processasyncevent"},
                                                {kSignalProcess, "signalprocess"},
                                                {kDeleteInterface, "deleteinterface"}};

inline constexpr std::size_t kCtlHeader = 8;  // bytes: u32 command, u32 length
inline constexpr std::size_t kIoHeader = 12;  // bytes: u64 seq, u32 length

// ---- Numbers

/// The last `bytes` bytes of the value, the most significant one first.
inline void PutBigEndian(char* out, std::uint64_t value, std::size_t bytes) {
  for (; bytes > 0; value >>= 8) out[--bytes] = static_cast<char>(value & 0xff);
}
inline std::uint64_t GetBigEndian(const char* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

inline std::string U32(std::uint32_t value) {
  std::string bytes(4, '\0');
  PutBigEndian(bytes.data(), value, 4);
  return bytes;
}
inline std::string U64(std::uint64_t value) {
  std::string bytes(8, '\0');
  PutBigEndian(bytes.data(), value, 8);
  return bytes;
}
/// The number in the first four bytes; there must be as many.
inline std::uint32_t ToU32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}
/// The number in the first eight bytes; there must be as many.
inline std::uint64_t ToU64(std::string_view bytes) {
  return static_cast<std::uint64_t>(ToU32(bytes)) << 32 | ToU32(bytes.substr(4));
}

// ---- Frames

/// One frame of ctl (`key` is the command) or of io (`key` is the seq).
struct Frame {
  std::uint64_t key = 0;
  std::string payload;
};
inline bool operator==(const Frame& a, const Frame& b) {
  return a.key == b.key && a.payload == b.payload;
}
inline void PrintTo(const Frame& frame, std::ostream* out) {
  *out << "{" << frame.key << ", " << frame.payload.size() << " bytes:";
  for (const char byte : frame.payload.substr(0, 32)) {
    *out << ' ' << static_cast<int>(static_cast<unsigned char>(byte));
  }
  *out << "}";
}

inline std::string Ctl(std::uint32_t command, std::string_view payload = {}) {
  std::string frame(kCtlHeader, '\0');
  PutBigEndian(frame.data(), command, 4);
  PutBigEndian(frame.data() + 4, kCtlHeader + payload.size(), 4);
  return frame.append(payload);
}
inline std::string Io(std::uint64_t seq, std::string_view data = {}) {
  std::string frame(kIoHeader, '\0');
  PutBigEndian(frame.data(), seq, 8);
  PutBigEndian(frame.data() + 8, kIoHeader + data.size(), 4);
  return frame.append(data);
}
inline std::string Next(std::uint32_t count) { return Ctl(kNext, U32(count)); }
inline std::string Ack(std::string_view payload = {}) { return Ctl(kAck, payload); }

/// Reproducible bytes in which a lost, repeated or swapped piece shows.
inline std::string Pattern(std::size_t size, std::uint32_t seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace wire

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_
