// Frame headers: what they encode, and the longest frame that they can announce. protocol_test.cpp
// has the two headers of the protocol against literal bytes.

#include "mock_hyperstart/detail/wire/frame_header.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/detail/wire/bytes.hpp"

namespace hyperstart::detail {
namespace {

using namespace std::string_literals;

enum class Kind : std::uint32_t { kFirst = 0x01020304 };
using KindHeader = Header<Kind, 4>;
using WideHeader = Header<std::uint64_t, 8>;

template <typename Header>
class HeaderTest : public testing::Test {};
struct HeaderNames {
  template <typename Header>
  static std::string GetName(int) {
    return std::to_string(std::size_t{Header::kSize}) + "Bytes";
  }
};
using Headers = testing::Types<KindHeader, WideHeader>;
TYPED_TEST_SUITE(HeaderTest, Headers, HeaderNames);

TEST(FrameHeaderTest, IsTheKeyAndFourBytesOfLength) {
  EXPECT_EQ(std::size_t{KindHeader::kSize}, 8u);
  EXPECT_EQ(std::size_t{WideHeader::kSize}, 12u);
  EXPECT_EQ(View(KindHeader{Kind::kFirst, 0x05060708}.Encode()), "\1\2\3\4\5\6\7\x08"s);
  EXPECT_EQ(View(WideHeader{0x0102030405060708, 0x090a0b0c}.Encode()),
            "\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c"s);
}

TYPED_TEST(HeaderTest, DecodesWhatItEncodes) {
  for (const std::uint32_t number : {0u, 1u, 0x01020304u, 0x80000000u, 0xffffffffu}) {
    const TypeParam header{static_cast<typename TypeParam::Key>(number), ~number};
    const auto bytes = header.Encode();
    const TypeParam decoded = TypeParam::Decode(bytes.data());
    EXPECT_EQ(decoded.key, header.key);
    EXPECT_EQ(decoded.length, header.length);
  }
}

TYPED_TEST(HeaderTest, CountsItselfInTheLength) {
  const auto key = static_cast<typename TypeParam::Key>(7);
  EXPECT_EQ(TypeParam::For(key, 0).length, TypeParam::kSize);
  EXPECT_EQ(TypeParam::For(key, 5).length, TypeParam::kSize + 5);
  EXPECT_EQ(TypeParam::For(key, 5).key, key);
}

template <typename Header>
std::string ErrorFor(std::size_t payload_bytes) {
  try {
    Header::For({}, payload_bytes);
  } catch (const std::length_error& error) {
    return error.what();
  }
  return "none";
}

TYPED_TEST(HeaderTest, FitsThePayloadUpToTheLimitOfTheLengthField) {
  constexpr std::size_t kLargest = 0xffffffff - TypeParam::kSize;
  EXPECT_EQ(TypeParam::For({}, kLargest).length, 0xffffffffu);
  EXPECT_EQ(ErrorFor<TypeParam>(kLargest + 1),
            "a frame of " + std::to_string(kLargest + 1) +
                " payload bytes does not fit the 32-bit length field: send it in several frames");
#if SIZE_MAX > 0xffffffff
  EXPECT_NE(ErrorFor<TypeParam>(0x100000000), "none");
#endif
  EXPECT_NE(ErrorFor<TypeParam>(std::numeric_limits<std::size_t>::max()), "none");
}

}  // namespace
}  // namespace hyperstart::detail
