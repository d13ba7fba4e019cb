// The frame reader, for both headers, against a parser of the whole stream. The stream is cut into
// pieces. Input: the limit of a frame, the number of piece sizes, the sizes, and the stream. Every
// frame comes out once and complete, each byte is counted once, a broken header is found at its
// place and is not counted, and memory is in proportion to what has arrived.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mock_hyperstart/detail/wire/frame_reader.hpp>
#include <mock_hyperstart/protocol.hpp>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "support/wire.hpp"

// ---- How much memory a thread has allocated. These replace all operators new and delete without
// alignment, so that they match; malloc remains the sanitizers' own.

namespace {

thread_local std::size_t asked_for = 0;  // bytes since the thread started

void* Allocate(std::size_t size) noexcept {
  asked_for += size;
  return std::malloc(size == 0 ? 1 : size);
}
void* AllocateOrThrow(std::size_t size) {
  if (void* const block = Allocate(size)) return block;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return AllocateOrThrow(size); }
void* operator new[](std::size_t size) { return AllocateOrThrow(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }

namespace {

using fuzz::Require;
using fuzz::Stream;
using hyperstart::detail::CtlHeader;
using hyperstart::detail::FrameReader;
using hyperstart::detail::FrameStep;
using hyperstart::detail::IoHeader;

template <typename Header>
class Reading {
 public:
  Reading(std::string_view stream, std::size_t max_frame)
      : stream_(stream), expected_(Stream::Parse(stream, kHeader, max_frame)), reader_(max_frame) {}

  bool IsOver() const { return broken_ || arrived_ == stream_.size(); }

  /// Passes the next `size` bytes to the reader, as one read of a socket would.
  void Feed(std::size_t size) {
    std::string_view piece = stream_.substr(arrived_, size);
    while (!piece.empty() && !broken_) Step(piece);
    if (!broken_) Require(counted_ == arrived_, "bytes in = bytes counted, after every piece");
  }

  void Finish() const {
    Require(frames_ == expected_.frames, "frames out = frames in");
    Require(counted_ == expected_.counted + (broken_ ? header_counted_ : 0),
            "all bytes are counted but those of a broken header, as far as that was known");
    Require(broken_ == (expected_.end == Stream::End::kBroken), "broken headers alone are broken");
    std::string_view rest = stream_.substr(expected_.whole);
    if (broken_) {
      Require(arrived_ == expected_.whole + kHeader, "what follows a broken header is not touched");
      rest = rest.substr(0, kHeader);
    }
    Require(reader_.PartialBytes() == rest,
            "what is pending is what has come since the last frame");
    Require(reader_.partial().bytes == rest.size(), "what is pending is counted");
    if (rest.size() < kHeader) return;
    Require(reader_.partial().length == wire::ToU32(rest.substr(kHeader - 4)),
            "the length of a pending frame is its header's");
  }

 private:
  static constexpr std::size_t kHeader = sizeof(typename Header::Key) + 4;

  void Step(std::string_view& bytes) {
    const std::size_t before = bytes.size();
    const std::size_t asked_before = asked_for;
    FrameStep<Header>& found = reader_.Next(bytes);
    const std::size_t asked = asked_for - asked_before;
    const std::size_t taken = before - bytes.size();
    Require(before >= bytes.size() && taken > 0, "a step takes bytes");
    arrived_ += taken;
    counted_ += found.header_bytes + found.payload_bytes;
    const std::size_t came_before = of_frame_;
    of_frame_ += taken;
    asked_ += asked;

    // For the text about a broken header.
    constexpr std::size_t kConstant = 1024;
    Require(asked <= 2 * of_frame_ + kConstant, "a step allocates at most double what has arrived");
    Require(asked_ <= 4 * of_frame_ + kConstant,
            "a frame's growth costs what has arrived, not more");

    broken_ = !reader_.error().empty();
    if (broken_) {
      Require(found.header_bytes == 0 && found.payload_bytes == 0, "no broken header is counted");
      Require(header_counted_ == came_before, "what came before was counted as a header's");
      Require(!found.complete, "a broken frame is not complete");
      Require(reader_.error().size() < 200, "why it is broken is a sentence");
      return;
    }
    const std::size_t of_header = std::min(of_frame_, kHeader) - header_counted_;
    Require(found.header_bytes == of_header, "header bytes are counted as such");
    header_counted_ += of_header;
    if (!found.complete) {
      Require(found.payload.empty(), "a payload comes out whole");
      return;
    }
    Require(found.header.length == of_frame_, "a frame is complete with its last byte");
    frames_.push_back({static_cast<std::uint64_t>(found.header.key), std::move(found.payload)});
    of_frame_ = header_counted_ = asked_ = 0;
  }

  const std::string_view stream_;
  const Stream expected_;
  FrameReader<Header> reader_;
  std::vector<wire::Frame> frames_;
  std::size_t arrived_ = 0;
  std::size_t counted_ = 0;
  std::size_t of_frame_ = 0;        // bytes of the current frame
  std::size_t header_counted_ = 0;  // of those, the bytes of its header
  std::size_t asked_ = 0;           // bytes allocated for the current frame
  bool broken_ = false;
};

/// Feeds the stream in pieces of these sizes, repeated; the size 0 is the whole rest.
template <typename Header>
void Check(std::string_view stream, std::string_view sizes, std::size_t max_frame) {
  Reading<Header> reading(stream, max_frame);
  for (std::size_t i = 0; !reading.IsOver(); ++i) {
    const std::size_t size =
        sizes.empty() ? 0 : static_cast<unsigned char>(sizes[i % sizes.size()]);
    reading.Feed(size == 0 ? stream.size() : size);
  }
  reading.Finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimits[] = {
      std::numeric_limits<std::size_t>::max(), 64 * 1024 * 1024, 1000, 20, 12, 0};
  fuzz::Input input(data, size);
  const std::size_t max_frame = kLimits[input.Byte() % std::size(kLimits)];
  const std::string_view sizes = input.Take(input.Byte() % 32);
  const std::string_view stream = input.Rest();
  Check<CtlHeader>(stream, sizes, max_frame);
  Check<IoHeader>(stream, sizes, max_frame);
  return 0;
}
