// What the baseline and the benchmarks' client share: the protocol's numbers and frames, and the
// addresses of sockets. Independent of the library that is measured.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_WIRE_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_WIRE_HPP_

#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

inline constexpr char kAck = 9, kPing = 12, kNext = 14, kWriteFile = 15;
inline constexpr std::size_t kCtlHeader = 8, kIoHeader = 12;
/// Of the frame that tells a server that a series is over.
inline constexpr std::uint64_t kLastSeq = 1'000'000'007;

/// A benchmark that can't go on has nothing to say.
inline void Check(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::abort();
}

inline void PutBigEndian(char* out, std::uint64_t value, std::size_t bytes) {
  for (; bytes > 0; value >>= 8) out[--bytes] = static_cast<char>(value & 0xff);
}
inline std::uint64_t GetBigEndian(const char* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}
inline std::string CtlFrame(char command, std::string_view payload) {
  std::string frame(kCtlHeader, '\0');
  frame[3] = command;
  PutBigEndian(frame.data() + 4, kCtlHeader + payload.size(), 4);
  return frame.append(payload);
}
inline std::string IoFrame(std::uint64_t seq, std::string_view data) {
  std::string frame(kIoHeader, '\0');
  PutBigEndian(frame.data(), seq, 8);
  PutBigEndian(frame.data() + 8, kIoHeader + data.size(), 4);
  return frame.append(data);
}

inline std::string TemporaryParent() {
  const char* const value = std::getenv("TMPDIR");
  return value != nullptr ? value : "/tmp";
}
inline sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Check(path.size() < sizeof(address.sun_path), "a socket path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_WIRE_HPP_
