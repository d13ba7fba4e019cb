// Splits a byte stream into frames. The caller reads the socket and passes what it read to Next(),
// one step at a time. Each step says how many bytes `next` has to acknowledge, and whether a frame
// is complete or its header invalid. Frames may arrive in any pieces, and several in one read.
//
// Memory does not depend on the length that a header announces. The reader holds at most twice the
// payload bytes that have arrived, or 1 MiB once 64 KiB have arrived. While it moves them to a
// larger block, it holds the old block too.
//
// Knows no sockets, channels or replies. Not synchronised: used on the thread that reads the
// channel.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hyperstart::detail {

/// What one step has read. It never goes past the end of a frame.
template <typename Header>
struct FrameStep {
  // The agent reads a header and its payload separately, and sends a `next` for each.
  std::uint32_t header_bytes = 0;
  std::uint32_t payload_bytes = 0;
  bool complete = false;  // the frame ends here: `header` and `payload` are the whole frame
  Header header{};        // valid once the whole header has arrived
  std::string payload;    // empty until the frame is complete; the caller may move it away
};

/// How much of an incomplete frame has arrived.
template <typename Header>
struct PartialFrame {
  std::size_t bytes = 0;     // with the header; 0: the last frame is complete
  std::uint32_t length = 0;  // of the whole frame; 0 while the header is incomplete
  typename Header::Key key{};
};

template <typename Header>
class FrameReader {
 public:
  /// A frame longer than `max_frame` bytes, header included, is an error.
  explicit FrameReader(std::size_t max_frame) : max_frame_(max_frame) {}

  /// Removes bytes from the front of `bytes`, up to the end of one frame. Call it until `bytes` is
  /// empty or error() is not. After an error, do not call it again. The step is valid until the
  /// next call.
  ///
  /// An invalid header is not counted, since the real agent ends before it sends that `next`. But
  /// if the header arrives in several reads, the bytes of the earlier reads have been counted: the
  /// agent acknowledges each piece that it reads (a client that writes single bytes gets `next` 1
  /// for each byte of the header), and can't know yet that the header will be invalid.
  FrameStep<Header>& Next(std::string_view& bytes) {
    FrameStep<Header>& step = step_;
    step.header_bytes = 0;
    step.payload_bytes = 0;
    step.complete = false;
    std::string().swap(step.payload);  // its memory, too
    if (header_size_ < Header::kSize) {
      step.header_bytes = ReadHeader(bytes);
      if (header_size_ < Header::kSize) return step;
      header_ = Header::Decode(header_bytes_.data());
      if (!HasValidLength()) {
        step.header = header_;
        step.header_bytes = 0;
        error_ = DescribeInvalidLength();
        return step;
      }
    }
    step.header = header_;
    const std::size_t missing = header_.length - Header::kSize - payload_.size();
    const std::string_view part = bytes.substr(0, missing);
    bytes.remove_prefix(part.size());
    step.payload_bytes = static_cast<std::uint32_t>(part.size());
    step.complete = part.size() == missing;
    Append(part, missing);
    if (step.complete) {
      step.payload.swap(payload_);
      header_size_ = 0;
    }
    return step;
  }

  /// Why the last header is invalid; else empty. The stream ends there.
  const std::string& error() const { return error_; }

  PartialFrame<Header> partial() const {
    if (header_size_ < Header::kSize) return {header_size_, 0, {}};
    return {Header::kSize + payload_.size(), header_.length, header_.key};
  }

  /// The bytes of the incomplete or invalid frame that have arrived, header included.
  std::string PartialBytes() const {
    return std::string(header_bytes_.data(), header_size_) + payload_;
  }

 private:
  /// Returns how many bytes it took.
  std::uint32_t ReadHeader(std::string_view& bytes) {
    const std::size_t part = std::min(bytes.size(), Header::kSize - header_size_);
    std::memcpy(header_bytes_.data() + header_size_, bytes.data(), part);
    bytes.remove_prefix(part);
    header_size_ += part;
    return static_cast<std::uint32_t>(part);
  }

  bool HasValidLength() const {
    return header_.length >= Header::kSize && header_.length <= max_frame_;
  }
  std::string DescribeInvalidLength() const {
    if (header_.length < Header::kSize) {
      return "length " + std::to_string(header_.length) + " is below the header's own " +
             std::to_string(Header::kSize) + " bytes; the real agent dies of it";
    }
    return "length " + std::to_string(header_.length) + " is above the " +
           std::to_string(max_frame_) + " bytes that Options::max_frame allows";
  }

  // Once a client has sent kLarge bytes of a payload, kLargeCapacity is reserved for it. A large
  // payload is then rarely moved, and memory pages that are never written cost nothing.
  static constexpr std::size_t kLarge = 64 * 1024;
  static constexpr std::size_t kLargeCapacity = 1024 * 1024;

  void Append(std::string_view part, std::size_t missing) {
    if (const std::size_t size = payload_.size() + part.size(); size > payload_.capacity()) {
      std::size_t capacity = payload_.empty() ? size : 2 * size;
      if (size >= kLarge) capacity = std::max(capacity, kLargeCapacity);
      payload_.reserve(std::min(capacity, payload_.size() + missing));
    }
    payload_ += part;
  }

  std::size_t max_frame_;
  std::array<char, Header::kSize> header_bytes_{};
  std::size_t header_size_ = 0;  // how many of header_bytes_ have arrived
  Header header_{};              // decoded once all of them have
  std::string payload_;
  FrameStep<Header> step_;
  std::string error_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_
