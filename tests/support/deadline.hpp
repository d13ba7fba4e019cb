// The deadline of every wait that must succeed.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_DEADLINE_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_DEADLINE_HPP_

#include <chrono>

/// Only a test that hangs reaches it. Long enough for valgrind on a busy machine, shorter than the
/// time limits of CTest and of the fuzzers, so that the test itself says what it waited for.
inline constexpr std::chrono::milliseconds kDeadline{60'000};

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_DEADLINE_HPP_
