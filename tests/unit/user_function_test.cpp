// A function of the user's, called on one thread and replaced on another.

#include "mock_hyperstart/detail/agent/user_function.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "unit/blocked_call.hpp"

namespace hyperstart::detail {
namespace {

using Function = UserFunction<int(int)>;

class UserFunctionTest : public testing::Test {
 protected:
  static constexpr bool kFromCall = true;

  /// As a background thread calls it; -1 if there is no function.
  int Call(int argument) {
    const Function::Call call(function_);
    return call ? call.function()(argument) : -1;
  }
  void Set(std::function<int(int)> next) { function_.Set(std::move(next), !kFromCall); }

  Function function_;
};

TEST_F(UserFunctionTest, IsNotSetAtFirst) {
  EXPECT_FALSE(function_.IsSet());
  EXPECT_EQ(Call(1), -1);
}

TEST_F(UserFunctionTest, IsCalledOnceItIsSet) {
  Set([](int argument) { return argument + 1; });
  EXPECT_TRUE(function_.IsSet());
  EXPECT_EQ(Call(1), 2);
  Set([](int argument) { return argument + 10; });
  EXPECT_EQ(Call(1), 11);
}

TEST_F(UserFunctionTest, IsRemovedByAnEmptyFunction) {
  Set([](int) { return 1; });
  Set(nullptr);
  EXPECT_FALSE(function_.IsSet());
  EXPECT_EQ(Call(1), -1);
}

TEST_F(UserFunctionTest, PassesOnWhatTheFunctionThrowsAndEndsTheCall) {
  Set([](int) -> int { throw std::runtime_error("thrown"); });
  EXPECT_THROW(Call(1), std::runtime_error);
  Set(nullptr);  // returns: no call is running
}

/// A call that runs until Leave.
class UserFunctionInCallTest : public UserFunctionTest {
 protected:
  UserFunctionInCallTest() {
    Set([this, held = held_](int argument) {
      entered_.set_value();
      leave_.get_future().wait();
      return argument;
    });
    caller_ = std::thread([this] { result_ = Call(7); });
    entered_.get_future().wait();
  }
  ~UserFunctionInCallTest() override {
    if (caller_.joinable()) Leave();
  }
  void Leave() {
    leave_.set_value();
    caller_.join();
  }

  std::shared_ptr<int> held_ = std::make_shared<int>(0);  // by the function
  std::promise<void> entered_;
  std::promise<void> leave_;
  std::atomic<int> result_{0};
  std::thread caller_;
};

TEST_F(UserFunctionInCallTest, ReplacementWaitsForTheCall) {
  BlockedCall<long> replacement([this] {
    Set([](int) { return 8; });
    return held_.use_count();
  });
  EXPECT_FALSE(replacement.HasReturned());
  EXPECT_TRUE(function_.IsSet());
  Leave();
  EXPECT_EQ(replacement.Get(), 1) << "the old function is destroyed when Set returns";
  EXPECT_EQ(result_, 7);
  EXPECT_EQ(Call(1), 8);
}

TEST_F(UserFunctionInCallTest, RemovalWaitsForTheCall) {
  BlockedCall<bool> removal([this] {
    Set(nullptr);
    return function_.IsSet();
  });
  EXPECT_FALSE(removal.HasReturned());
  Leave();
  EXPECT_FALSE(removal.Get());
}

TEST_F(UserFunctionInCallTest, ReplacementByTheCallItselfDoesNotWait) {
  function_.Set(nullptr, kFromCall);
  EXPECT_FALSE(function_.IsSet());
  EXPECT_GT(held_.use_count(), 1) << "the call that runs keeps its function";
  Leave();
  EXPECT_EQ(result_, 7);
  EXPECT_EQ(held_.use_count(), 1);
}

TEST_F(UserFunctionInCallTest, ReplacementDoesNotWaitForCallsOfTheNewFunction) {
  BlockedCall<bool> replacement([this] {
    Set([](int argument) { return argument; });
    return true;
  });
  EXPECT_FALSE(replacement.HasReturned());
  leave_.set_value();
  caller_.join();
  // The new function is in a call of its own from here on.
  const Function::Call next(function_);
  EXPECT_TRUE(replacement.Get());
}

TEST_F(UserFunctionTest, GivesACallOfItsOwnGenerationTheFunction) {
  Set([](int argument) { return argument; });
  std::uint64_t generation = 0;
  {
    const Function::Call first(function_);
    generation = first.generation();
  }
  const Function::Call second(function_, generation);
  ASSERT_TRUE(second);
  EXPECT_EQ(second.function()(3), 3);
}

TEST_F(UserFunctionTest, GivesACallOfAnOlderGenerationNothing) {
  Set([](int argument) { return argument; });
  std::uint64_t generation = 0;
  {
    const Function::Call first(function_);
    generation = first.generation();
  }
  Set([](int argument) { return argument; });
  {
    const Function::Call second(function_, generation);
    EXPECT_FALSE(second);
    Set(nullptr);  // returns: an empty call does not hold up a replacement
  }
}

TEST_F(UserFunctionTest, WaitsForACallOfTheSameGeneration) {
  Set([](int argument) { return argument; });
  std::uint64_t generation = 0;
  {
    const Function::Call first(function_);
    generation = first.generation();
  }
  std::optional<Function::Call> second;
  second.emplace(function_, generation);
  BlockedCall<bool> removal([this] {
    Set(nullptr);
    return true;
  });
  EXPECT_FALSE(removal.HasReturned());
  second.reset();
  EXPECT_TRUE(removal.Get());
}

TEST_F(UserFunctionInCallTest, ReplacementWaitsForTheCallsOfAllThreads) {
  std::optional<Function::Call> other;
  other.emplace(function_);  // as the thread of the other channel
  BlockedCall<bool> removal([this] {
    Set(nullptr);
    return true;
  });
  Leave();
  EXPECT_FALSE(removal.HasReturned());
  other.reset();
  EXPECT_TRUE(removal.Get());
}

TEST_F(UserFunctionTest, MayBeReplacedWhileItIsCalled) {
  std::atomic<bool> stop{false};
  std::atomic<int> inside{0};
  std::thread caller([&] {
    while (!stop) Call(1);
  });
  for (int round = 0; round < 500; ++round) {
    auto running = std::make_shared<std::atomic<bool>>(false);
    Set([running, &inside](int) {
      *running = true;
      ++inside;
      *running = false;
      return 0;
    });
    Set(nullptr);
    ASSERT_FALSE(*running);
    ASSERT_EQ(running.use_count(), 1);
  }
  stop = true;
  caller.join();
}

}  // namespace
}  // namespace hyperstart::detail
