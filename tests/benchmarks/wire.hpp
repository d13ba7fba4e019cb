// What the benchmarks add to the wire format of the tests, tests/support/wire.hpp: socket
// addresses, and short names. Independent of the library that is measured.

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

#include "support/wire.hpp"

using wire::GetBigEndian;
using wire::kCtlHeader;
using wire::kIoHeader;
using wire::PutBigEndian;

/// Commands as the last byte of a header's first field.
inline constexpr char kAck = wire::kAck, kPing = wire::kPing, kNext = wire::kNext,
                      kWriteFile = wire::kWriteFile;
/// The seq of the frame that tells a server that a series is over.
inline constexpr std::uint64_t kLastSeq = 1'000'000'007;

inline std::string CtlFrame(char command, std::string_view payload) {
  return wire::Ctl(static_cast<unsigned char>(command), payload);
}
inline std::string IoFrame(std::uint64_t seq, std::string_view data) { return wire::Io(seq, data); }

/// Ends the program if a call that a benchmark needs has failed.
inline void Check(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::abort();
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
