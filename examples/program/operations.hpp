// The operations of the program, in one table: each is a method of the JSON-RPC and a verb of the
// prompt. Any thread.

#ifndef OPERATIONS_HPP_
#define OPERATIONS_HPP_

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "double.hpp"
#include "json_values.hpp"

namespace program {

/// A wait that has failed: the text that a test would see.
struct WaitFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Who asks for an operation: a client of the RPC, or the prompt.
class Caller {
 public:
  virtual void Subscribe() = 0;
  virtual void HandleCommands(bool enabled) = 0;
  /// Set once nobody waits for the results of waits any more; null: never.
  virtual const std::atomic<bool>* has_left() const { return nullptr; }
  /// Called once a wait has its place among the others; null: nothing.
  virtual const std::function<void()>* wait_begun() const { return nullptr; }

 protected:
  ~Caller() = default;
};

enum class Kind { kCommand, kChannel, kNumber, kBool, kText, kBytes, kJson, kReply };

struct Parameter {
  std::string_view name;
  Kind kind;
  bool required = true;
};

struct Operation {
  std::string_view name;
  std::string_view help;
  std::vector<Parameter> parameters;
  bool waits = false;  // then it takes timeout_ms, too, and may block
  Json (*run)(Double& agent, Caller& caller, const Json& parameters);
};

const std::vector<Operation>& Operations();
/// Those of them that send, or do something to a connection.
std::vector<Operation> SendingOperations();
/// Null if there is none.
const Operation* FindOperation(std::string_view name);

/// Removes each null among the parameters that the operation takes: it stands for none.
void RemoveNulls(const Operation& operation, Json& parameters);
/// Throws BadParameters for parameters that the operation does not take, or lacks.
void CheckParameters(const Operation& operation, const Json& parameters);

}  // namespace program

#endif  // OPERATIONS_HPP_
