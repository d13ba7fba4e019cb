#include "mock_hyperstart/detail/model/stdin_gate.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace hyperstart::detail {
namespace {

using namespace std::chrono_literals;

class Gate : public testing::Test {
 protected:
  /// A frame `later` than the last one; how many bytes of it are kept.
  std::size_t Write(std::size_t bytes, std::chrono::milliseconds later = 1s) {
    const std::size_t before = gate_.pending().size();
    now_ += later;
    gate_.Write(std::string(bytes, 'x'), now_);
    return gate_.pending().size() - before;
  }

  StdinGate gate_;
  StdinGate::Clock::time_point now_ = StdinGate::Clock::now();
};

TEST_F(Gate, CutsAFrameTo512Bytes) {  // [virtio-09h-stdin-drain]
  EXPECT_EQ(Write(512), 512u);
  EXPECT_EQ(Write(601), 512u);
}

TEST_F(Gate, LetsTwoFramesOfABurstShareTheBuffer) {
  EXPECT_EQ(Write(300), 300u);
  EXPECT_EQ(Write(300, 0ms), 212u);
  EXPECT_EQ(Write(300, 0ms), 300u) << "emptied after every second frame";
  EXPECT_EQ(Write(300, 0ms), 212u);
}

TEST_F(Gate, IsEmptyAfterAFrameForSomeoneElse) {
  EXPECT_EQ(Write(300), 300u);
  gate_.EndBurst();
  EXPECT_EQ(Write(300, 0ms), 300u);
  EXPECT_EQ(Write(300, 0ms), 212u);
}

TEST_F(Gate, KeepsThePlaceOfWhatIsNotRead) {
  gate_.SetBlocked(true);
  EXPECT_EQ(Write(300), 300u);
  EXPECT_EQ(Write(300), 212u);
  EXPECT_EQ(Write(1), 0u);
  gate_.Remove(100);
  EXPECT_EQ(Write(300), 100u);
  gate_.SetBlocked(false);
  EXPECT_EQ(gate_.TakePending().size(), 512u);
  EXPECT_EQ(Write(600), 512u);
}

TEST_F(Gate, EndsAfterWhatIsPending) {  // [virtio-06n2-stdin-data-and-eof]
  Write(4);
  gate_.RequestEnd();
  EXPECT_FALSE(gate_.AtEnd());
  EXPECT_EQ(Write(4), 0u) << "nothing comes after it";
  gate_.TakePending();
  EXPECT_TRUE(gate_.AtEnd());
}

}  // namespace
}  // namespace hyperstart::detail
