// The frame reader, on streams that arrive in all kinds of pieces: the frames that come out are
// those that went in, each byte is counted once, and no memory is reserved for a length that a
// header announces.

#include "mock_hyperstart/detail/wire/frame_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/protocol.hpp"
#include "support/wire.hpp"

// ---- What a thread allocates. Replaces the global operators new and delete of this program, but
// not the aligned ones. They call malloc, which the sanitizers replace.

namespace {

struct Heap {
  std::size_t allocations = 0;
  std::size_t live = 0;  // bytes
  std::size_t peak = 0;  // of live
};
thread_local Heap heap;

void* Allocate(std::size_t size) noexcept {
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) return nullptr;
  ++heap.allocations;
  heap.live += ::malloc_usable_size(block);
  heap.peak = std::max(heap.peak, heap.live);
  return block;
}
void* AllocateOrThrow(std::size_t size) {
  if (void* const block = Allocate(size)) return block;
  throw std::bad_alloc();
}
void Free(void* block) noexcept {
  if (block == nullptr) return;
  heap.live -= ::malloc_usable_size(block);  // of another thread's block: meaningless, and unused
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return AllocateOrThrow(size); }
void* operator new[](std::size_t size) { return AllocateOrThrow(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* block) noexcept { Free(block); }
void operator delete[](void* block) noexcept { Free(block); }
void operator delete(void* block, std::size_t) noexcept { Free(block); }
void operator delete[](void* block, std::size_t) noexcept { Free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { Free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { Free(block); }

namespace hyperstart::detail {
namespace {

using testing::ElementsAreArray;

// ---- The vocabulary

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kAnyLimit = 1 << 20;

/// How frames look on each channel.
struct Ctl {
  using Header = CtlHeader;
  static constexpr std::size_t kHeader = 8;
  static std::string Encode(const wire::Frame& frame) {
    return wire::Ctl(static_cast<std::uint32_t>(frame.key), frame.payload);
  }
  static std::string HeaderOf(std::uint64_t key, std::uint32_t length) {
    return wire::U32(static_cast<std::uint32_t>(key)) + wire::U32(length);
  }
};
struct Io {
  using Header = IoHeader;
  static constexpr std::size_t kHeader = 12;
  static std::string Encode(const wire::Frame& frame) { return wire::Io(frame.key, frame.payload); }
  static std::string HeaderOf(std::uint64_t key, std::uint32_t length) {
    return wire::U64(key) + wire::U32(length);
  }
};

template <typename Wire>
std::string Encode(const std::vector<wire::Frame>& frames) {
  std::string bytes;
  for (const wire::Frame& frame : frames) bytes += Wire::Encode(frame);
  return bytes;
}

/// A reader, and everything that it has found. Checks each step against its own count.
template <typename Wire>
class Reading {
 public:
  explicit Reading(std::size_t max_frame = kAnyLimit) : reader_(max_frame) {}

  /// What one read of the socket has returned.
  void Feed(std::string_view bytes) {
    while (!bytes.empty() && error_.empty()) Step(bytes);
  }
  void FeedInPieces(std::string_view bytes, std::size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      Feed(bytes.substr(0, size));
    }
  }

  const std::vector<wire::Frame>& frames() const { return frames_; }
  const std::string& error() const { return error_; }
  /// The sum of all counts.
  std::size_t counted() const { return counted_; }
  /// How many steps have counted bytes of a payload.
  std::size_t payload_counts() const { return payload_counts_; }
  FrameReader<typename Wire::Header>& reader() { return reader_; }

 private:
  void Step(std::string_view& bytes) {
    const std::string_view before = bytes;
    const FrameStep<typename Wire::Header>& step = reader_.Next(bytes);
    const std::string_view taken = before.substr(0, before.size() - bytes.size());
    ASSERT_EQ(taken.data() + taken.size(), bytes.data()) << "the rest is the end of what was given";
    ASSERT_FALSE(taken.empty()) << "a step that takes nothing would be an endless loop";

    frame_ += taken;
    counted_ += step.header_bytes + step.payload_bytes;
    payload_counts_ += step.payload_bytes > 0 ? 1 : 0;
    if (!reader_.error().empty()) {
      EXPECT_EQ(step.header_bytes, 0u) << "the agent ends before it counts an invalid header";
      EXPECT_EQ(step.payload_bytes, 0u);
      EXPECT_FALSE(step.complete);
      EXPECT_EQ(frame_.size(), Wire::kHeader) << "no byte after the invalid header is taken";
      EXPECT_EQ(reader_.PartialBytes(), frame_);
      error_ = reader_.error();
      return;
    }

    // Of the bytes taken, those in the first eight (twelve) bytes of the frame are its header.
    const std::size_t end = frame_.size();
    const std::size_t begin = end - taken.size();
    const std::size_t of_header = std::min(end, Wire::kHeader) - std::min(begin, Wire::kHeader);
    EXPECT_EQ(step.header_bytes, of_header);
    EXPECT_EQ(step.payload_bytes, taken.size() - of_header);

    const std::size_t length =
        end < Wire::kHeader ? 0 : wire::ToU32(std::string_view(frame_).substr(Wire::kHeader - 4));
    ASSERT_TRUE(length == 0 || end <= length) << "a step ends with its frame at the latest";
    EXPECT_EQ(step.complete, end == length);
    if (step.complete) {
      frames_.push_back({static_cast<std::uint64_t>(step.header.key), step.payload});
      EXPECT_EQ(step.header.length, length);
      frame_.clear();
    } else {
      EXPECT_EQ(step.payload, "") << "an incomplete payload stays in the reader";
    }
    ExpectPartial(length);
  }

  void ExpectPartial(std::size_t length) {
    const PartialFrame<typename Wire::Header> partial = reader_.partial();
    EXPECT_EQ(partial.bytes, frame_.size());
    EXPECT_EQ(partial.length, frame_.size() < Wire::kHeader ? 0 : length);
    if (frame_.size() >= Wire::kHeader) {
      EXPECT_EQ(static_cast<std::uint64_t>(partial.key),
                Wire::kHeader == 8 ? wire::ToU32(frame_) : wire::ToU64(frame_));
    }
    EXPECT_EQ(reader_.PartialBytes(), frame_);
  }

  FrameReader<typename Wire::Header> reader_;
  std::vector<wire::Frame> frames_;
  std::string error_;
  std::string frame_;  // what has arrived of the incomplete frame
  std::size_t counted_ = 0;
  std::size_t payload_counts_ = 0;
};

template <typename Wire>
class FrameReaderTest : public testing::Test {};

struct WireNames {
  template <typename Wire>
  static std::string GetName(int) {
    return Wire::kHeader == 8 ? "Ctl" : "Io";
  }
};
using Wires = testing::Types<Ctl, Io>;
TYPED_TEST_SUITE(FrameReaderTest, Wires, WireNames);

/// Short, empty and long frames, and payloads that look like headers.
std::vector<wire::Frame> SeveralFrames() {
  return {{17, "{\"id\":\"web\"}"},
          {12, ""},
          {1, wire::Pattern(100)},
          {0xffffffff, ""},
          {6, std::string(8, '\0')},
          {15, wire::Ctl(14, "1234") + wire::Io(1, "x")},
          {18, "x"},
          {4, ""}};
}

// ---- Frames out are frames in

TYPED_TEST(FrameReaderTest, FindsAFrameOfEveryCommand) {
  Reading<TypeParam> reading;
  std::vector<wire::Frame> frames;
  for (std::uint64_t key = 0; key <= 26; ++key) {
    frames.push_back({key, ""});
    frames.push_back({key, "payload of " + std::to_string(key)});
  }
  for (const std::uint64_t key : {99u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    frames.push_back({key, "payload"});
  }
  for (const wire::Frame& frame : frames) reading.Feed(TypeParam::Encode(frame));
  EXPECT_THAT(reading.frames(), ElementsAreArray(frames));
}

TEST(IoFrameReaderTest, ReadsEveryByteOfASeq) {
  const std::vector<wire::Frame> frames = {
      {0, "a"}, {0x0102030405060708, "b"}, {0x8000000000000000, "c"}, {0xffffffffffffffff, "d"}};
  Reading<Io> reading;
  reading.Feed(Encode<Io>(frames));
  EXPECT_THAT(reading.frames(), ElementsAreArray(frames));
}

TYPED_TEST(FrameReaderTest, FindsAllFramesOfOneRead) {
  Reading<TypeParam> reading;
  const std::string stream = Encode<TypeParam>(SeveralFrames());
  reading.Feed(stream);
  EXPECT_THAT(reading.frames(), ElementsAreArray(SeveralFrames()));
  EXPECT_EQ(reading.counted(), stream.size());
}

TYPED_TEST(FrameReaderTest, FindsTheFramesOfAStreamCutAnywhere) {
  const std::string stream = Encode<TypeParam>(SeveralFrames());
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    SCOPED_TRACE(cut);
    Reading<TypeParam> reading;
    reading.Feed(stream.substr(0, cut));
    EXPECT_EQ(reading.counted(), cut);
    reading.Feed(stream.substr(cut));
    EXPECT_EQ(reading.counted(), stream.size());
    EXPECT_THAT(reading.frames(), ElementsAreArray(SeveralFrames()));
  }
}

TYPED_TEST(FrameReaderTest, FindsTheFramesOfAStreamCutAnywhereTwice) {
  const std::vector<wire::Frame> frames = {{1, "abc"}, {2, ""}, {3, "d"}};
  const std::string stream = Encode<TypeParam>(frames);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      SCOPED_TRACE(testing::Message() << first << " and " << second);
      Reading<TypeParam> reading;
      reading.Feed(stream.substr(0, first));
      reading.Feed(stream.substr(first, second - first));
      reading.Feed(stream.substr(second));
      EXPECT_EQ(reading.counted(), stream.size());
      EXPECT_THAT(reading.frames(), ElementsAreArray(frames));
    }
  }
}

TYPED_TEST(FrameReaderTest, FindsTheFramesOfAStreamInPiecesOfAnySize) {
  const std::string stream = Encode<TypeParam>(SeveralFrames());
  for (std::size_t size = 1; size <= 20; ++size) {
    SCOPED_TRACE(size);
    Reading<TypeParam> reading;
    reading.FeedInPieces(stream, size);
    EXPECT_EQ(reading.counted(), stream.size());
    EXPECT_THAT(reading.frames(), ElementsAreArray(SeveralFrames()));
  }
}

TYPED_TEST(FrameReaderTest, CompletesAFrameWithoutPayloadWithItsHeader) {
  FrameReader<typename TypeParam::Header> reader(kAnyLimit);
  const std::string stream = TypeParam::Encode({12, ""});
  std::string_view bytes = stream;
  const auto& step = reader.Next(bytes);
  EXPECT_TRUE(step.complete);
  EXPECT_EQ(step.header_bytes, TypeParam::kHeader);
  EXPECT_EQ(step.payload_bytes, 0u);
  EXPECT_EQ(step.payload, "");
}

TYPED_TEST(FrameReaderTest, HasNoPartialFrameBetweenTwoFrames) {
  Reading<TypeParam> reading;
  EXPECT_EQ(reading.reader().partial().bytes, 0u);
  reading.Feed(TypeParam::Encode({1, "abc"}));
  EXPECT_EQ(reading.reader().partial().bytes, 0u);
  EXPECT_EQ(reading.reader().partial().length, 0u);
  EXPECT_EQ(reading.reader().PartialBytes(), "");
}

// ---- Invalid headers

TYPED_TEST(FrameReaderTest, RefusesEachLengthBelowTheHeaderSize) {
  for (std::uint32_t length = 0; length < TypeParam::kHeader; ++length) {
    SCOPED_TRACE(length);
    Reading<TypeParam> reading;
    reading.Feed(TypeParam::HeaderOf(1, length) + "more");
    EXPECT_EQ(reading.error(), "length " + std::to_string(length) + " is below the header's own " +
                                   std::to_string(TypeParam::kHeader) +
                                   " bytes; the real agent dies of it");
    EXPECT_EQ(reading.counted(), 0u);
    EXPECT_THAT(reading.frames(), testing::IsEmpty());
  }
}

TYPED_TEST(FrameReaderTest, CountsTheEarlierPiecesOfAnInvalidHeader) {
  for (std::uint32_t length = 0; length < TypeParam::kHeader; ++length) {
    for (std::size_t earlier = 1; earlier < TypeParam::kHeader; ++earlier) {
      SCOPED_TRACE(testing::Message() << earlier << " bytes of a header with length " << length);
      const std::string header = TypeParam::HeaderOf(1, length);
      Reading<TypeParam> reading;
      reading.Feed(header.substr(0, earlier));
      EXPECT_EQ(reading.error(), "");
      reading.Feed(header.substr(earlier));
      EXPECT_NE(reading.error(), "");
      EXPECT_EQ(reading.counted(), earlier);
    }
  }
}

// The agent acknowledges each piece of a header that it reads: a client that writes one byte at a
// time gets a `next` for each of them (recordings/virtio-03b-ping-bytewise.json). Only the piece
// with which it knows that the header is invalid is not acknowledged.
TYPED_TEST(FrameReaderTest, CountsEachByteOfAnInvalidHeaderButTheLast) {
  const std::string header = TypeParam::HeaderOf(1, TypeParam::kHeader - 1);
  FrameReader<typename TypeParam::Header> reader(kAnyLimit);
  for (std::size_t i = 0; i < header.size(); ++i) {
    SCOPED_TRACE(i);
    std::string_view byte = std::string_view(header).substr(i, 1);
    const bool last = i + 1 == header.size();
    const auto& step = reader.Next(byte);
    EXPECT_EQ(step.header_bytes, last ? 0u : 1u);
    EXPECT_EQ(reader.error().empty(), !last);
    EXPECT_TRUE(byte.empty());
  }
  EXPECT_EQ(reader.PartialBytes(), header);
}

TYPED_TEST(FrameReaderTest, FindsTheFramesBeforeAnInvalidHeader) {
  const std::string frames = Encode<TypeParam>(SeveralFrames());
  const std::string stream = frames + TypeParam::HeaderOf(1, TypeParam::kHeader - 1);
  Reading<TypeParam> reading;
  reading.Feed(stream);
  EXPECT_NE(reading.error(), "");
  EXPECT_THAT(reading.frames(), ElementsAreArray(SeveralFrames()));
  EXPECT_EQ(reading.counted(), frames.size());
}

TYPED_TEST(FrameReaderTest, AcceptsAFrameOfExactlyMaxFrame) {
  constexpr std::size_t kMaxFrame = 100;
  const std::vector<wire::Frame> frames = {{1, wire::Pattern(kMaxFrame - TypeParam::kHeader)},
                                           {2, ""}};
  Reading<TypeParam> reading(kMaxFrame);
  reading.Feed(Encode<TypeParam>(frames));
  EXPECT_EQ(reading.error(), "");
  EXPECT_THAT(reading.frames(), ElementsAreArray(frames));
}

TYPED_TEST(FrameReaderTest, RefusesAFrameOneByteLonger) {
  Reading<TypeParam> reading(100);
  reading.Feed(TypeParam::HeaderOf(1, 101) + "payload");
  EXPECT_EQ(reading.error(), "length 101 is above the 100 bytes that Options::max_frame allows");
  EXPECT_EQ(reading.counted(), 0u);
}

TYPED_TEST(FrameReaderTest, AllowsOnlyEmptyFramesWithAMaxFrameOfTheHeaderSize) {
  Reading<TypeParam> reading(TypeParam::kHeader);
  reading.Feed(TypeParam::Encode({1, ""}) + TypeParam::Encode({2, "x"}));
  EXPECT_EQ(reading.frames().size(), 1u);
  EXPECT_NE(reading.error(), "");
}

TYPED_TEST(FrameReaderTest, RefusesTheLongestLengthUnlessMaxFrameAllowsIt) {
  Reading<TypeParam> limited(0xfffffffe);
  limited.Feed(TypeParam::HeaderOf(1, 0xffffffff));
  EXPECT_EQ(limited.error(),
            "length 4294967295 is above the 4294967294 bytes that Options::max_frame allows");
  for (const std::size_t max_frame : {std::size_t{0xffffffff}, kNoLimit}) {
    Reading<TypeParam> reading(max_frame);
    reading.Feed(TypeParam::HeaderOf(1, 0xffffffff));
    EXPECT_EQ(reading.error(), "");
  }
}

// ---- Memory

/// The memory that a reader uses. The last payload is kept.
template <typename Wire>
class Usage {
 public:
  Usage() : before_(heap.live) {}

  void Feed(std::string_view bytes) {
    const std::size_t allocations_before = heap.allocations;
    heap.peak = heap.live;
    while (!bytes.empty()) {
      auto& step = reader_.Next(bytes);
      if (step.complete) payload_ = std::move(step.payload);
    }
    allocations_ += heap.allocations - allocations_before;
    peak_ = heap.peak - before_;
  }
  const std::string& payload() const { return payload_; }
  std::size_t allocations() const { return allocations_; }
  /// The bytes in use now, and the most that were in use during the last Feed.
  std::size_t live() const { return heap.live - before_; }
  std::size_t peak() const { return peak_; }

 private:
  const std::size_t before_;
  FrameReader<typename Wire::Header> reader_{kNoLimit};
  std::string payload_;
  std::size_t allocations_ = 0;
  std::size_t peak_ = 0;
};

constexpr std::size_t kConstant = 64;  // rounding by the heap, and small strings

TYPED_TEST(FrameReaderTest, AllocatesNothingForALengthAlone) {
  const std::string header = TypeParam::HeaderOf(1, 0xffffffff);
  Usage<TypeParam> usage;
  usage.Feed(header);
  EXPECT_EQ(usage.allocations(), 0u);
  EXPECT_EQ(usage.live(), 0u);
}

TYPED_TEST(FrameReaderTest, AllocatesAsMuchAsTheFirstBytesOfAPayloadNeed) {
  const std::string start = TypeParam::HeaderOf(1, 0xffffffff) + std::string(1000, 'x');
  Usage<TypeParam> usage;
  usage.Feed(start);
  EXPECT_EQ(usage.allocations(), 1u);
  EXPECT_LE(usage.peak(), 1000 + kConstant);
}

TYPED_TEST(FrameReaderTest, AllocatesAWholePayloadOnce) {
  const std::string payload = wire::Pattern(1 << 20);
  const std::string frame = TypeParam::Encode({1, payload});
  Usage<TypeParam> usage;
  usage.Feed(frame);
  EXPECT_EQ(usage.payload(), payload);
  EXPECT_EQ(usage.allocations(), 1u);
  EXPECT_LE(usage.peak(), payload.size() + 2 * 4096) << "the heap maps large blocks by the page";
}

TYPED_TEST(FrameReaderTest, HoldsNoMoreThanTwiceWhatHasArrived) {
  constexpr std::size_t kBytes = 3000;
  const std::string payload = wire::Pattern(kBytes);
  for (const std::size_t size : {1u, 7u, 16u, 100u, 512u, 999u, 1000u, 1001u, 2000u}) {
    SCOPED_TRACE(testing::Message() << "in pieces of " << size);
    Usage<TypeParam> usage;
    const std::string header = TypeParam::HeaderOf(1, TypeParam::kHeader + kBytes);
    usage.Feed(header);
    for (std::size_t arrived = 0; arrived < kBytes;) {
      const std::string_view piece = std::string_view(payload).substr(arrived, size);
      usage.Feed(piece);
      arrived += piece.size();
      EXPECT_LE(usage.live(), 2 * arrived + kConstant);
      EXPECT_LE(usage.peak(), 3 * arrived + kConstant) << "while it moves to a larger block";
    }
    EXPECT_EQ(usage.payload(), payload);
  }
}

TYPED_TEST(FrameReaderTest, ReadsTenMebibytesInPiecesOf512Bytes) {
  constexpr std::size_t kPiece = 512;
  const std::string payload = wire::Pattern(10 << 20);
  const std::string frame = TypeParam::Encode({15, payload});
  Usage<TypeParam> usage;
  for (std::size_t at = 0; at < frame.size(); at += kPiece) {
    usage.Feed(std::string_view(frame).substr(at, kPiece));
    const std::size_t arrived = at + kPiece;
    ASSERT_LE(usage.live(),
              std::max<std::size_t>(2 * arrived, arrived < 65536 ? 0 : 1 << 20) + 2 * 4096);
  }
  EXPECT_TRUE(usage.payload() == payload);
  EXPECT_LE(usage.allocations(), 30u) << "each doubles what there is";
}

TYPED_TEST(FrameReaderTest, CountsEachPieceOfALongPayload) {
  constexpr std::size_t kPiece = 512;
  const std::string frame =
      TypeParam::Encode({15, wire::Pattern(100 * kPiece - TypeParam::kHeader)});
  Reading<TypeParam> reading;
  reading.FeedInPieces(frame, kPiece);
  EXPECT_EQ(reading.payload_counts(), 100u);
  EXPECT_EQ(reading.counted(), frame.size());
  EXPECT_EQ(reading.frames().size(), 1u);
}

}  // namespace
}  // namespace hyperstart::detail
