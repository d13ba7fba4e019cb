// Bytes in; frames, counts for `next` and broken headers out. Knows one header type and nothing of
// channels, sockets or answers: whoever reads the socket hands over what arrived and gets back, one
// step at a time, what was found in it. A frame may come in any pieces and any number may come at
// once. Memory, whatever a header announces: at most twice the payload bytes that have arrived, or
// 1 MiB once 64 KiB have; while they move to a larger block, as much again as has arrived. Not
// synchronised: it lives on the thread that reads its channel.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace hyperstart::detail {

/// One step through the bytes of a read: what it holds of one frame.
template <typename Header>
struct Found {
  std::uint32_t header_bytes = 0;   // consumed by this step, for one `next`
  std::uint32_t payload_bytes = 0;  // likewise, for another: the agent never counts them together
  bool complete = false;            // the frame ends here; `header` and `payload` are whole
  Header header{};
  std::string payload;
  std::string broken;  // not empty: why the header can't be trusted. The stream
                       // ends here
};

/// What has arrived of a frame that is not complete.
template <typename Header>
struct Pending {
  std::size_t bytes = 0;     // header included; 0: between two frames
  std::uint32_t length = 0;  // the whole frame's; 0 while its header is incomplete
  typename Header::Key key{};
};

template <typename Header>
class FrameReader {
 public:
  /// A header that announces a frame longer than `max_frame` bytes is reported as broken.
  explicit FrameReader(std::size_t max_frame) : max_frame_(max_frame) {}

  /// Takes bytes off the front of `bytes`, up to the end of one frame. Call it until `bytes` is
  /// empty, or a step is broken: after that the reader is of no more use.
  Found<Header> Read(std::string_view& bytes) {
    Found<Header> found;
    if (header_size_ < Header::kSize) {
      found.header_bytes = static_cast<std::uint32_t>(ReadHeader(bytes));
      if (header_size_ < Header::kSize) return found;
      header_ = Header::Decode(header_bytes_.data());
      found.header = header_;
      found.broken = WhyBroken();
      if (!found.broken.empty()) {
        found.header_bytes = 0;  // the agent is gone before it counts a broken header
        return found;
      }
    }
    found.header = header_;
    const std::size_t missing = header_.length - Header::kSize - payload_.size();
    const std::string_view part = bytes.substr(0, missing);
    bytes.remove_prefix(part.size());
    found.payload_bytes = static_cast<std::uint32_t>(part.size());
    found.complete = part.size() == missing;
    Append(part, missing);
    if (found.complete) {
      found.payload = std::move(payload_);
      payload_.clear();
      header_size_ = 0;
    }
    return found;
  }

  Pending<Header> GetPending() const {
    if (header_size_ < Header::kSize) return {header_size_, 0, {}};
    return {Header::kSize + payload_.size(), header_.length, header_.key};
  }

  /// The bytes of the incomplete (or broken) frame, as they came.
  std::string PendingBytes() const {
    return std::string(header_bytes_.data(), header_size_) + payload_;
  }

 private:
  std::size_t ReadHeader(std::string_view& bytes) {
    const std::size_t part = std::min(bytes.size(), Header::kSize - header_size_);
    std::memcpy(header_bytes_.data() + header_size_, bytes.data(), part);
    bytes.remove_prefix(part);
    header_size_ += part;
    return part;
  }

  std::string WhyBroken() const {
    if (header_.length < Header::kSize) {
      return "length " + std::to_string(header_.length) + " is below the header's own " +
             std::to_string(Header::kSize) + " bytes; the real agent dies of it";
    }
    if (header_.length > max_frame_) {
      return "length " + std::to_string(header_.length) + " is above the " +
             std::to_string(max_frame_) + " bytes that Options::max_frame allows";
    }
    return {};
  }

  /// A client that has sent that much of a payload is trusted with room for so much: such a payload
  /// moves seldom, and pages that are never touched cost nothing.
  static constexpr std::size_t kMuch = 64 * 1024;
  static constexpr std::size_t kRoomForMuch = 1024 * 1024;

  void Append(std::string_view part, std::size_t missing) {
    if (const std::size_t size = payload_.size() + part.size(); size > payload_.capacity()) {
      std::size_t room = payload_.empty() ? size : 2 * size;
      if (size >= kMuch) room = std::max(room, kRoomForMuch);
      payload_.reserve(std::min(room, payload_.size() + missing));
    }
    payload_ += part;
  }

  std::size_t max_frame_;
  std::array<char, Header::kSize> header_bytes_{};
  std::size_t header_size_ = 0;  // how much of it has arrived
  Header header_{};              // once it has arrived whole
  std::string payload_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_FRAME_READER_HPP_
