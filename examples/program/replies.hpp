// A `reply` of the JSON-RPC as a Reply, and `payload_json` as a criterion. Stateless: any thread.

#ifndef REPLIES_HPP_
#define REPLIES_HPP_

#include <memory>
#include <optional>

#include "json_values.hpp"
#include "mock_hyperstart/detail/agent/criterion.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace program {

/// Throws BadParameters, which says what is right.
hyperstart::Reply ToReply(const Json& value, hyperstart::Dialect dialect);

using MessageCriterion = hyperstart::detail::Criterion<hyperstart::DecodedMessage>;

/// A message of that command, if one is given, whose payload has each value of `payload_json` at
/// its JSON pointer. Throws BadParameters.
std::unique_ptr<const MessageCriterion> ToCriterion(std::optional<hyperstart::Command> command,
                                                    const Json& payload_json,
                                                    hyperstart::Dialect dialect);

}  // namespace program

#endif  // REPLIES_HPP_
