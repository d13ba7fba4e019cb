// The options that many tests use.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_OPTIONS_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_OPTIONS_HPP_

#include <mock_hyperstart/options.hpp>

namespace hyperstart {

/// No conversation is printed when a test fails.
inline Options Silent() {
  Options options;
  options.log = Log::kNever;
  return options;
}

/// No event is forgotten.
inline Options KeepAll() {
  Options options;
  options.keep_all = true;
  return options;
}

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_OPTIONS_HPP_
