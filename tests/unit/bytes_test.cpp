// Integers in network order, against literal bytes.

#include "mock_hyperstart/detail/wire/bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace hyperstart::detail {
namespace {

using namespace std::string_literals;

std::string Put(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes + 2, '?');
  PutBigEndian(out.data() + 1, value, bytes);
  return out;
}

TEST(PutBigEndianTest, WritesTheMostSignificantByteFirst) {
  EXPECT_EQ(Put(0x01020304, 4), "?\x01\x02\x03\x04?"s);
  EXPECT_EQ(Put(0xfffefdfcfbfaf9f8, 8), "?\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8?"s);
  EXPECT_EQ(Put(0, 8), "?\0\0\0\0\0\0\0\0?"s);
}

TEST(PutBigEndianTest, WritesTheLowestBytes) {
  EXPECT_EQ(Put(0x0102030405060708, 4), "?\x05\x06\x07\x08?"s);
  EXPECT_EQ(Put(0x0102030405060708, 1), "?\x08?"s);
  EXPECT_EQ(Put(1, 0), "??"s);
}

TEST(GetBigEndianTest, ReadsBytesAtAnyAddress) {
  const std::string bytes = "?\x01\x02\x03\x04\xff\xfe\xfd\xfc"s;
  EXPECT_EQ(GetBigEndian(bytes.data() + 1, 4), 0x01020304u);
  EXPECT_EQ(GetBigEndian(bytes.data() + 5, 4), 0xfffefdfcu);
  EXPECT_EQ(GetBigEndian(bytes.data() + 1, 8), 0x01020304fffefdfcu);
  EXPECT_EQ(GetBigEndian(bytes.data() + 8, 1), 0xfcu);
  EXPECT_EQ(GetBigEndian(bytes.data(), 0), 0u);
}

TEST(GetBigEndianTest, ReadsWhatPutBigEndianWrites) {
  for (std::size_t bit = 0; bit < 64; ++bit) {
    const std::uint64_t value = std::uint64_t{1} << bit;
    EXPECT_EQ(GetBigEndian(Put(value, 8).data() + 1, 8), value);
  }
}

TEST(BigEndian32Test, IsFourBytes) {
  EXPECT_EQ(BigEndian32(0), "\0\0\0\0"s);
  EXPECT_EQ(BigEndian32(4244), "\x00\x00\x10\x94"s);
  EXPECT_EQ(BigEndian32(0xfffefdfc), "\xff\xfe\xfd\xfc"s);
}

TEST(ViewTest, ShowsAllBytesOfAnArray) {
  const std::array<char, 4> bytes = {'a', '\0', 'b', '\0'};
  EXPECT_EQ(View(bytes), "a\0b\0"s);
  EXPECT_EQ(static_cast<const void*>(View(bytes).data()), bytes.data());
}

}  // namespace
}  // namespace hyperstart::detail
