// The vocabulary of the tests of the whole double: a mock that is started, and clients of it.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <mock_hyperstart.hpp>
#include <string>
#include <utility>

#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart {

using namespace std::chrono_literals;

/// Waits of these tests that should succeed: only a hanging test meets it.
inline constexpr std::chrono::milliseconds kLong = 60s;

class Started : public MockHyperstart {
 public:
  explicit Started(Options options = {}) : MockHyperstart(std::move(options)) { Start(); }

  RawClient Ctl() const { return RawClient::Ctl(GetSocketPaths().ctl); }
  RawClient Io() const { return RawClient::Io(GetSocketPaths().io); }
};

/// What a call throws.
template <typename Function>
std::string ErrorOf(const Function& function) {
  try {
    function();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

inline DecodedMessage Message(std::uint32_t command, std::string payload = {}) {
  return {static_cast<Command>(command), std::move(payload)};
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_MOCK_TEST_HPP_
