// The result of a wait. Knows nothing of what was awaited. A value: any thread.

#ifndef MOCK_HYPERSTART_AWAITED_HPP_
#define MOCK_HYPERSTART_AWAITED_HPP_

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace hyperstart {

/// The result of a wait: a value, or the reason why there is none. Use it as a bool, or in
/// ASSERT_TRUE, which prints the reason.
template <typename T>
class [[nodiscard]] Awaited {
 public:
  Awaited(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  static Awaited Failure(std::string reason) { return Awaited(std::nullopt, std::move(reason)); }

  explicit operator bool() const { return value_.has_value(); }

  /// Of a failed wait, these throw std::runtime_error with the reason.
  T& operator*() & { return Value(*this); }
  const T& operator*() const& { return Value(*this); }
  T&& operator*() && { return std::move(Value(*this)); }
  T* operator->() { return &Value(*this); }
  const T* operator->() const { return &Value(*this); }

  /// NOLINTNEXTLINE(google-explicit-constructor)
  operator testing::AssertionResult() const {
    return value_ ? testing::AssertionSuccess() : testing::AssertionFailure() << reason_;
  }

 private:
  Awaited(std::nullopt_t, std::string reason) : reason_(std::move(reason)) {}

  template <typename Self>
  static auto& Value(Self& self) {
    if (!self.value_) throw std::runtime_error(self.reason_);
    return *self.value_;
  }

  std::optional<T> value_;
  std::string reason_;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_AWAITED_HPP_
