// What the fuzz targets share: a check that aborts with a sentence, an input that is read byte by
// byte, and a parser of a whole stream that is independent of the library's frame reader.

#ifndef MOCK_HYPERSTART_TESTS_FUZZ_FUZZ_HPP_
#define MOCK_HYPERSTART_TESTS_FUZZ_FUZZ_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// Aborts, with the sentence, if the property is false.
inline void Require(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", sentence);
  std::abort();
}

/// The bytes of the input, followed by zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return bytes_.empty(); }
  std::uint8_t Byte() {
    const std::string_view byte = Take(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte[0]);
  }
  /// The next `count` bytes, or as many as there are.
  std::string_view Take(std::size_t count) {
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view Rest() { return Take(bytes_.size()); }

 private:
  std::string_view bytes_;
};

/// A stream of frames, parsed as a whole.
struct Stream {
  enum class End { kBetweenFrames, kInFrame, kBroken };

  std::vector<wire::Frame> frames;
  std::size_t whole = 0;    // bytes of whole frames
  std::size_t counted = 0;  // bytes up to the end, or up to a broken header
  End end = End::kBetweenFrames;

  /// `header` is 8 or 12 bytes long.
  static Stream Parse(std::string_view bytes, std::size_t header, std::uint64_t max_frame) {
    Stream stream;
    std::string_view left = bytes;
    while (left.size() >= header) {
      const std::uint32_t length = wire::ToU32(left.substr(header - 4));
      if (length < header || length > max_frame) {
        stream.end = End::kBroken;
        stream.counted = stream.whole;
        return stream;
      }
      if (length > left.size()) break;
      const std::uint64_t key = header == 8 ? wire::ToU32(left) : wire::ToU64(left);
      stream.frames.push_back({key, std::string(left.substr(header, length - header))});
      stream.whole += length;
      left.remove_prefix(length);
    }
    stream.end = left.empty() ? End::kBetweenFrames : End::kInFrame;
    stream.counted = bytes.size();
    return stream;
  }
};

/// Whether the bytes are UTF-8 (RFC 3629), decoded character by character.
inline bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc0 || lead >= 0xf8 || text.size() - i < static_cast<std::size_t>(more)) {
      return false;
    }
    std::uint32_t character = lead & (0x3fu >> more);
    for (int k = 0; k < more; ++k) {
      const auto byte = static_cast<unsigned char>(text[i++]);
      if (byte >> 6 != 2) return false;
      character = character << 6 | (byte & 0x3fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (character < kLeast[more] || character > 0x10ffff || character >> 11 == 0x1b) return false;
  }
  return true;
}

/// Whether it is UTF-8 without ASCII control characters. With `lines`, line feeds are allowed.
inline bool IsShowable(std::string_view text, bool lines = false) {
  return IsUtf8(text) && std::none_of(text.begin(), text.end(), [&](char byte) {
           return (static_cast<unsigned char>(byte) < 0x20 && (!lines || byte != '\n')) ||
                  byte == 0x7f;
         });
}

}  // namespace fuzz

#endif  // MOCK_HYPERSTART_TESTS_FUZZ_FUZZ_HPP_
