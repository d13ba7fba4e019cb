// Integers to and from bytes in network order (big-endian), and views of bytes. Stateless: any
// thread.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_BYTES_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_BYTES_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hyperstart::detail {

/// Writes the lowest `bytes` bytes of `value` to `out`, the most significant one first.
inline void PutBigEndian(char* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0; value >>= 8) {
    out[i] = static_cast<char>(static_cast<unsigned char>(value & 0xff));
  }
}

/// Reads `bytes` bytes, at most 8. They need no alignment.
inline std::uint64_t GetBigEndian(const char* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

/// The payload of `next` and of the ack of `version`: one 32-bit integer.
inline std::string BigEndian32(std::uint32_t value) {
  std::string bytes(4, '\0');
  PutBigEndian(bytes.data(), value, 4);
  return bytes;
}

/// A view of `bytes`, which must outlive it.
template <std::size_t kSize>
std::string_view View(const std::array<char, kSize>& bytes) {
  return {bytes.data(), kSize};
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_BYTES_HPP_
