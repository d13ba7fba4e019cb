// The wire in literal bytes, written without the library, so that a test can't share its mistakes.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

inline std::string U32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16 & 0xff),
          static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}
inline std::string U64(std::uint64_t value) {
  return U32(static_cast<std::uint32_t>(value >> 32)) + U32(static_cast<std::uint32_t>(value));
}
inline std::uint32_t ToU32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  }
  return value;
}
inline std::uint64_t ToU64(std::string_view bytes) {
  return static_cast<std::uint64_t>(ToU32(bytes)) << 32 | ToU32(bytes.substr(4));
}

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

inline constexpr std::uint32_t kAck = 9;
inline constexpr std::uint32_t kNext = 14;

inline std::string Ctl(std::uint32_t command, std::string_view payload = {}) {
  return (U32(command) + U32(static_cast<std::uint32_t>(8 + payload.size()))).append(payload);
}
inline std::string Io(std::uint64_t seq, std::string_view data = {}) {
  return (U64(seq) + U32(static_cast<std::uint32_t>(12 + data.size()))).append(data);
}
inline std::string Next(std::uint32_t count) { return Ctl(kNext, U32(count)); }
inline std::string Ack(std::string_view payload = {}) { return Ctl(kAck, payload); }

/// Bytes that show a lost, doubled or swapped piece.
inline std::string Pattern(std::size_t size, std::uint32_t seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

/// Every command of the agent, and how it is called.
struct Named {
  std::uint32_t number;
  const char* name;
};
inline constexpr Named kHyperstartCommands[] = {{0, "version"},
                                                {1, "startpod"},
                                                {2, "getpod"},
                                                {3, "stoppod"},
                                                {4, "destroypod"},
                                                {5, "restartcontainer"},
                                                {6, "execcmd"},
                                                {7, "finishcmd"},
                                                {8, "ready"},
                                                {9, "ack"},
                                                {10, "error"},
                                                {11, "winsize"},
                                                {12, "ping"},
                                                {13, "finishpod"},
                                                {14, "next"},
                                                {15, "writefile"},
                                                {16, "readfile"},
                                                {17, "newcontainer"},
                                                {18, "killcontainer"},
                                                {19, "onlinecpumem"},
                                                {20, "setupinterface"},
                                                {21, "setuproute"},
                                                {22, "removecontainer"},
                                                {23, "processasyncevent"},
                                                {24, "signalprocess"},
                                                {25, "deleteinterface"}};

}  // namespace wire

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_WIRE_HPP_
