// How the bare server reads: as much as there is in one read, then every frame in it, without
// copying what nobody keeps. The client is trusted: a length is never checked.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_FRAMES_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_FRAMES_HPP_

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "benchmarks/wire.hpp"

struct FrameReading {
  std::size_t key_size;  // bytes of the command or seq; the length's four follow
  bool keeps_payload;
  /// Wait for input in poll(2), not in read(2). A thread that is blocked in read is also woken when
  /// the peer reads, which makes room for writing; one that polls for input is not.
  bool polls_first;
};

/// Reads until the client leaves. Calls on_part(header bytes, payload bytes) for each part of a
/// frame, on_frame(key, payload) at its end, and on_read_end() after each read. The payload is a
/// std::string that may be moved from, empty unless it is kept.
template <typename OnPart, typename OnFrame, typename OnReadEnd>
void ReadFrames(int client, FrameReading reading, const OnPart& on_part, const OnFrame& on_frame,
                const OnReadEnd& on_read_end) {
  constexpr std::size_t kReadSize = 128 * 1024;
  const std::unique_ptr<char[]> buffer(new char[kReadSize]);  // not zeroed
  const std::size_t header_size = reading.key_size + 4;
  std::array<char, kIoHeader> header{};
  std::size_t have = 0;     // bytes of the header
  std::size_t missing = 0;  // bytes of the payload
  std::string payload;
  const auto read_some = [&]() -> ssize_t {
    pollfd input{client, POLLIN, 0};
    if (reading.polls_first && ::poll(&input, 1, -1) < 0) return -1;
    return ::read(client, buffer.get(), kReadSize);
  };
  for (ssize_t count = read_some(); count > 0; on_read_end(), count = read_some()) {
    std::string_view bytes(buffer.get(), static_cast<std::size_t>(count));
    while (!bytes.empty()) {
      const std::size_t of_header = std::min(header_size - have, bytes.size());
      std::memcpy(header.data() + have, bytes.data(), of_header);
      have += of_header;
      bytes.remove_prefix(of_header);
      if (have < header_size) {
        on_part(of_header, std::size_t{0});
        break;
      }
      if (of_header > 0) {
        missing = GetBigEndian(header.data() + reading.key_size, 4) - header_size;
        if (reading.keeps_payload) payload.reserve(missing);
      }
      const std::size_t part = std::min(missing, bytes.size());
      if (reading.keeps_payload) payload.append(bytes.data(), part);
      bytes.remove_prefix(part);
      missing -= part;
      on_part(of_header, part);
      if (missing > 0) break;
      on_frame(GetBigEndian(header.data(), reading.key_size), payload);
      payload.clear();
      have = 0;
    }
  }
}

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_FRAMES_HPP_
