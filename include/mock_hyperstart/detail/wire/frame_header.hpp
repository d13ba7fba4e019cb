// The header that begins each frame: a key and the length of the whole frame. Both channels have
// this layout, with keys of different sizes; protocol.hpp names the two header types. Knows no
// command. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_FRAME_HEADER_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_FRAME_HEADER_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/detail/wire/bytes.hpp"

namespace hyperstart::detail {

/// A decoded header. `KeyType` is the type of the first field: a ctl command, or an io seq.
template <typename KeyType, std::size_t kKeyBytes>
struct Header {
  using Key = KeyType;
  static constexpr std::size_t kSize = kKeyBytes + 4;

  Key key{};
  std::uint32_t length = 0;  // of the whole frame, header included

  /// The header of a frame with a payload of `payload_bytes`. Throws std::length_error if the
  /// 32-bit length field can't hold the length of that frame.
  static Header For(Key key, std::size_t payload_bytes) {
    if (payload_bytes > std::numeric_limits<std::uint32_t>::max() - kSize) {
      throw std::length_error("a frame of " + std::to_string(payload_bytes) +
                              " payload bytes does not fit the 32-bit length field: send it in "
                              "several frames");
    }
    return {key, static_cast<std::uint32_t>(kSize + payload_bytes)};
  }

  /// Reads kSize bytes. Does not check the length.
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
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_FRAME_HEADER_HPP_
