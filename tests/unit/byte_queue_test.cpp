// Bytes leave the queue in the order in which they came, whatever their pieces were.

#include "mock_hyperstart/detail/net/byte_queue.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

/// More than the queue keeps in one chunk.
constexpr std::size_t kMoreThanAChunk = 1024 * 1024;

std::string TakeAll(ByteQueue& queue) {
  std::string bytes;
  while (!queue.empty()) {
    const std::string front(queue.Front());
    EXPECT_FALSE(front.empty()) << "a writer would loop for ever";
    bytes += front;
    queue.RemoveFront(front.size());
  }
  return bytes;
}

TEST(ByteQueueTest, IsEmptyAtFirst) {
  ByteQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  queue.Append("");
  EXPECT_TRUE(queue.empty());
}

TEST(ByteQueueTest, JoinsSmallPieces) {
  ByteQueue queue;
  queue.Append("abc");
  queue.Append("");
  queue.Append("def");
  EXPECT_EQ(queue.size(), 6u);
  EXPECT_EQ(queue.Front(), "abcdef");
  queue.RemoveFront(2);
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(queue.Front(), "cdef");
  queue.Append("g");
  EXPECT_EQ(TakeAll(queue), "cdefg");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(ByteQueueTest, IsEmptyOnceCleared) {
  ByteQueue queue;
  queue.Append("abc");
  queue.RemoveFront(1);
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  queue.Append("d");
  EXPECT_EQ(TakeAll(queue), "d");
}

TEST(ByteQueueTest, TakesAnotherBehindItsOwn) {
  for (const std::string& first :
       {std::string(), std::string("abc"), wire::Pattern(kMoreThanAChunk)}) {
    for (const std::string& second :
         {std::string(), std::string("xyz"), wire::Pattern(kMoreThanAChunk)}) {
      ByteQueue queue;
      queue.Append("??" + first);
      queue.RemoveFront(2);
      ByteQueue other;
      other.Append("?" + second);
      other.RemoveFront(1);
      queue.Append(std::move(other));
      EXPECT_EQ(queue.size(), first.size() + second.size());
      queue.Append("!");
      EXPECT_TRUE(TakeAll(queue) == first + second + "!");
    }
  }
}

TEST(ByteQueueTest, IsAStringThatGrowsAndShrinks) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    ByteQueue queue;
    std::string model;
    for (int step = 0; step < 200; ++step) {
      if (random() % 2 == 0) {
        const std::size_t size = random() % 8 == 0 ? random() % 300'000 : random() % 1000;
        const std::string bytes = wire::Pattern(size, static_cast<std::uint32_t>(random()));
        queue.Append(bytes);
        model += bytes;
      } else if (!queue.empty()) {
        const std::string_view front = queue.Front();
        ASSERT_TRUE(std::string_view(model).substr(0, front.size()) == front);
        const std::size_t count = random() % (front.size() + 1);
        queue.RemoveFront(count);
        model.erase(0, count);
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.empty(), model.empty());
    }
    EXPECT_TRUE(TakeAll(queue) == model);
  }
}

}  // namespace
}  // namespace hyperstart::detail
