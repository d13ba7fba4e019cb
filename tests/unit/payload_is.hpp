// A criterion of the tests' own.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_PAYLOAD_IS_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_PAYLOAD_IS_HPP_

#include <map>
#include <string>
#include <utility>

#include "mock_hyperstart/detail/agent/criterion.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Matches messages with one payload, and counts how often it was asked.
class PayloadIs final : public Criterion<DecodedMessage> {
 public:
  explicit PayloadIs(std::string payload) : payload_(std::move(payload)) {}

  bool Matches(const DecodedMessage& message) const override {
    ++asked_[message.payload];
    return message.payload == payload_;
  }
  std::string Describe() const override { return "has the payload " + payload_; }
  std::string Explain(const DecodedMessage& message) const override {
    return message.payload.empty() ? "" : "which has the payload " + message.payload;
  }
  /// By payload. Read it while no wait runs.
  const std::map<std::string, int>& asked() const { return asked_; }

 private:
  const std::string payload_;
  mutable std::map<std::string, int> asked_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_PAYLOAD_IS_HPP_
