// Bytes, commands, channels and events to and from JSON, as the program's JSON-RPC speaks of them.
// Stateless: any thread.

#ifndef JSON_VALUES_HPP_
#define JSON_VALUES_HPP_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace program {

using Json = nlohmann::json;

/// The caller gave a value that is not usable; the text says which, and what is right.
struct BadParameters : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

std::string EncodeBase64(std::string_view bytes);
/// Nothing if it is no base64, with its padding.
std::optional<std::string> DecodeBase64(std::string_view text);
bool IsUtf8(std::string_view bytes);

/// A whole number, also one that is written as 1.0, up to 2^53. Nothing if it is none.
std::optional<std::uint64_t> WholeNumber(const Json& value);
/// The same, also below 0.
std::optional<std::int64_t> SignedNumber(const Json& value);

/// Adds `key` where the bytes are UTF-8, else `key`_base64.
void PutBytes(Json& object, const std::string& key, std::string_view bytes);
/// The bytes at `key` or `key`_base64; nothing if neither is there. Throws BadParameters.
std::optional<std::string> GetBytes(const Json& object, const std::string& key);

/// The name, or the number of a command that has none.
Json ToJson(hyperstart::Command command, hyperstart::Dialect dialect);
/// A name or a number. Throws BadParameters.
hyperstart::Command ToCommand(const Json& value, hyperstart::Dialect dialect);
/// Throws BadParameters.
hyperstart::Channel ToChannel(const Json& value);

Json ToJson(const hyperstart::DecodedMessage& message, hyperstart::Dialect dialect);
Json ToJson(const hyperstart::IoPacket& packet);
Json ToJson(const hyperstart::Violation& violation);
Json ToJson(const hyperstart::Event& event);

/// On one line. Bytes that are no UTF-8 are replaced.
std::string Dump(const Json& json);

}  // namespace program

#endif  // JSON_VALUES_HPP_
