// A queue of bytes. Not synchronised: its owner locks.

#ifndef MOCK_HYPERSTART_DETAIL_NET_BYTE_QUEUE_HPP_
#define MOCK_HYPERSTART_DETAIL_NET_BYTE_QUEUE_HPP_

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <utility>

namespace hyperstart::detail {

/// Bytes in order. Small pieces are joined, so that a backlog is written in few system calls.
class ByteQueue {
 public:
  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (chunks_.empty() || chunks_.back().size() + bytes.size() > kChunk) chunks_.emplace_back();
    chunks_.back() += bytes;
    size_ += bytes.size();
  }
  void Append(ByteQueue&& other) {
    if (empty()) {
      std::swap(*this, other);
      return;
    }
    for (; !other.empty(); other.RemoveFront(other.Front().size())) Append(other.Front());
  }
  /// The first bytes, at least one. Only while the queue is not empty.
  std::string_view Front() const { return std::string_view(chunks_.front()).substr(removed_); }
  /// Removes `bytes` bytes, at most those of Front().
  void RemoveFront(std::size_t bytes) {
    size_ -= bytes;
    removed_ += bytes;
    if (removed_ < chunks_.front().size()) return;
    chunks_.pop_front();
    removed_ = 0;
  }
  void Clear() { *this = ByteQueue(); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kChunk = 256 * 1024;

  std::list<std::string> chunks_;  // a list, since an empty one allocates nothing
  std::size_t removed_ = 0;        // bytes of the first chunk that were removed
  std::size_t size_ = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_NET_BYTE_QUEUE_HPP_
