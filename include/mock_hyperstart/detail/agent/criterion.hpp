// What a wait or a plan looks for, as an interface: the layers above implement it with the matchers
// of a test framework, or with conditions of their own.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_CRITERION_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_CRITERION_HPP_

#include <string>

namespace hyperstart::detail {

/// Record is DecodedMessage or IoPacket. Called from several threads at once, by a wait under the
/// lock of the records: an implementation must not call the mock.
template <typename Record>
class Criterion {
 public:
  Criterion() = default;
  Criterion(const Criterion&) = delete;
  Criterion& operator=(const Criterion&) = delete;
  virtual ~Criterion() = default;

  virtual bool Matches(const Record& record) const = 0;
  /// What is wanted, as a phrase that a verb begins: "is a ping".
  virtual std::string Describe() const = 0;
  /// Why the record does not match, as a phrase that follows it; empty if there is nothing to say.
  virtual std::string Explain(const Record& record) const = 0;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_CRITERION_HPP_
