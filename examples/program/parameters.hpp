// What the operations read from their parameters. Each throws BadParameters, which says what is
// right. Stateless: any thread.

#ifndef PARAMETERS_HPP_
#define PARAMETERS_HPP_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "double.hpp"
#include "json_values.hpp"
#include "mock_hyperstart/detail/agent/wait_list.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "operations.hpp"

namespace program {

std::uint64_t Number(const Json& p, const char* key,
                     std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
bool Flag(const Json& p, const char* key, bool fallback);
std::string Text(const Json& p, const char* key);
std::optional<hyperstart::Command> MaybeCommand(Double& d, const Json& p);
std::optional<std::uint64_t> MaybeSeq(const Json& p);
hyperstart::Channel ChannelOf(const Json& p);
std::string BytesOf(const Json& p, const char* key);
hyperstart::detail::WaitLimit Limit(Double& d, const Caller& caller, const Json& p);

}  // namespace program

#endif  // PARAMETERS_HPP_
