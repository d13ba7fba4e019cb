// Waiters are woken by nothing but what they wait for.

#include "mock_hyperstart/detail/agent/wait_list.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "unit/blocked_call.hpp"

namespace hyperstart::detail {
namespace {

constexpr std::chrono::milliseconds kNow{0};

class WaitListTest : public testing::Test {
 protected:
  /// A wait that fails at once, for what it says.
  std::optional<std::string> WaitNow(const std::string& hopeless = {}) {
    MutexLock lock(mutex_);
    Waiter waiter(Awaits::kMessage);
    const WaitList::Listed listed(waits_, waiter);
    return waits_.Wait(
        lock, waiter, kNow, [] { return false; }, [&] { return hopeless; });
  }
  void Open() {
    const MutexLock lock(mutex_);
    waits_.Open();
  }
  void Wake(Awaits what, std::uint64_t key) {
    const MutexLock lock(mutex_);
    waits_.Wake(what, key, packets_);
  }
  /// How often a wait for seq 7 looked, once it has ended.
  int LooksOf(BlockedCall<int>& wait) { return wait.Get(); }
  int WaitForSeq7(std::size_t bytes) {
    MutexLock lock(mutex_);
    Waiter waiter(Awaits::kPacket);
    waiter.key = 7;
    waiter.bytes = bytes;
    const WaitList::Listed listed(waits_, waiter);
    int looks = 0;
    const auto attempt = [&] {
      ++looks;
      return done_;
    };
    const auto never = [] { return std::string(); };
    waits_.Wait(lock, waiter, std::chrono::minutes(1), attempt, never);
    return looks;
  }
  void Finish() {
    const MutexLock lock(mutex_);
    done_ = true;
  }

  Mutex mutex_;
  WaitList waits_;
  Inbox packets_{Inbox::EmptyRecords::kEndStreams};
  bool done_ = false;
};

TEST_F(WaitListTest, SaysWhyAWaitFails) {
  EXPECT_EQ(WaitNow(), "the mock is not started: call Start() first");
  Open();
  EXPECT_EQ(WaitNow(), "") << "its time is over";
  EXPECT_EQ(WaitNow("the stream has ended"), "the stream has ended");
  {
    MutexLock lock(mutex_);
    waits_.Close(lock);
  }
  EXPECT_EQ(WaitNow(), "the mock is stopped");
}

TEST_F(WaitListTest, ACancelledWaitEnds) {
  Open();
  std::atomic<bool> cancelled{false};
  BlockedCall<std::optional<std::string>> wait([&] {
    MutexLock lock(mutex_);
    Waiter waiter(Awaits::kMessage);
    const WaitList::Listed listed(waits_, waiter);
    return waits_.Wait(
        lock, waiter, {std::chrono::minutes(1), &cancelled}, [] { return false; },
        [] { return NoText(); });
  });
  cancelled = true;
  {
    const MutexLock lock(mutex_);
    waits_.WakeAll();
  }
  EXPECT_EQ(wait.Get(), "the wait is cancelled");
}

TEST_F(WaitListTest, WakesAWaiterForWhatItWaitsForAndNothingElse) {
  Open();
  BlockedCall<int> wait([&] { return WaitForSeq7(0); });
  EXPECT_FALSE(wait.HasReturned());
  Wake(Awaits::kMessage, 7);
  Wake(Awaits::kPacket, 8);
  Wake(Awaits::kConnection, 0);
  Finish();
  Wake(Awaits::kPacket, 7);
  EXPECT_EQ(LooksOf(wait), 1);
}

TEST_F(WaitListTest, WakesAWaiterForBytesWhenThereAreEnough) {
  Open();
  BlockedCall<int> wait([&] { return WaitForSeq7(3); });
  EXPECT_FALSE(wait.HasReturned());
  packets_.Add({7, "ab"}, Clock::now());
  Wake(Awaits::kPacket, 7);
  packets_.Add({7, "c"}, Clock::now());
  Finish();
  Wake(Awaits::kPacket, 7);
  EXPECT_EQ(LooksOf(wait), 1);
}

TEST_F(WaitListTest, EndsEveryWaitWhenItCloses) {
  Open();
  BlockedCall<int> wait([&] { return WaitForSeq7(0); });
  EXPECT_FALSE(wait.HasReturned());
  {
    MutexLock lock(mutex_);
    waits_.Close(lock);
  }
  EXPECT_LE(wait.Get(), 1);
}

}  // namespace
}  // namespace hyperstart::detail
