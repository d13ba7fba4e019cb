// A record, compared and shown. In a header, since each test source that compares records must show
// them in the same way.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_COMPARED_RECORD_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_COMPARED_RECORD_HPP_

#include <ostream>

#include "mock_hyperstart/detail/agent/inbox.hpp"

namespace hyperstart::detail {

inline bool operator==(const Record& a, const Record& b) {
  return a.key == b.key && a.bytes == b.bytes;
}
inline void PrintTo(const Record& record, std::ostream* out) {
  *out << "{" << record.key << ", \"" << record.bytes << "\"}";
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_TESTS_UNIT_COMPARED_RECORD_HPP_
