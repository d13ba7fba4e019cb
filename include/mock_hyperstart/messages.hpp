// What a client has sent, and how it has broken the protocol, as values. They compare, and print
// through GoogleTest (PrintTo) and fmt (formatter). They do not know the dialect of their mock, so
// that the commands 23 and 24 print both of their names. Values: any thread.

#ifndef MOCK_HYPERSTART_MESSAGES_HPP_
#define MOCK_HYPERSTART_MESSAGES_HPP_

#include <fmt/core.h>

#include <cstdint>
#include <ostream>
#include <string>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {

/// One of the two connections between client and agent.
enum class Channel { kCtl, kIo };

/// A command that a client has sent on ctl.
struct DecodedMessage {
  Command command{};
  std::string payload;  // the frame without its header
};

/// A frame that a client has sent on io: a part of the stream `seq`.
struct IoPacket {
  std::uint64_t seq = 0;
  std::string data;  // the frame without its header
  /// A frame without data is the end of its stream.
  bool eof() const { return data.empty(); }
};

/// Something that a client has done and the protocol forbids; or what another has done that fails
/// the test, such as the agent that CompareWithModel compares.
struct Violation {
  Channel channel{};
  std::string what;       // a sentence
  std::string bytes;      // as received, from the first byte of the frame in question
  bool by_client = true;  // false: `what` says who has done it
};

/// The paths of the sockets that a client connects to. Use: auto [ctl, io] =
/// agent.GetSocketPaths();
struct SocketPaths {
  std::string ctl;
  std::string io;
};

inline bool operator==(const DecodedMessage& a, const DecodedMessage& b) {
  return a.command == b.command && a.payload == b.payload;
}
inline bool operator!=(const DecodedMessage& a, const DecodedMessage& b) { return !(a == b); }
inline bool operator==(const IoPacket& a, const IoPacket& b) {
  return a.seq == b.seq && a.data == b.data;
}
inline bool operator!=(const IoPacket& a, const IoPacket& b) { return !(a == b); }

namespace detail {

inline std::string ToString(Channel channel) { return channel == Channel::kCtl ? "ctl" : "io"; }
inline std::string ToString(Command command) { return CommandNames(command); }
inline std::string ToString(const DecodedMessage& message) {
  if (message.payload.empty()) return ToString(message.command) + ", no payload";
  return fmt::format("{}, {}:{}", ToString(message.command), Bytes(message.payload.size()),
                     Readable(message.payload));
}
inline std::string ToString(const IoPacket& packet) {
  if (packet.eof()) return fmt::format("seq {}, end of stream", packet.seq);
  return fmt::format("seq {}, {}:{}", packet.seq, Bytes(packet.data.size()), Readable(packet.data));
}
inline std::string ToString(const Violation& violation) {
  const std::string what = fmt::format("{}: {}", ToString(violation.channel), violation.what);
  return violation.bytes.empty() ? what : what + "; the bytes:" + Dump(violation.bytes);
}
inline std::string ToString(const SocketPaths& paths) {
  return fmt::format("ctl {}, io {}", paths.ctl, paths.io);
}

/// fmt's formatter for every type that ToString takes.
struct Formatter : fmt::formatter<fmt::string_view> {
  template <typename Value, typename Context>
  auto format(const Value& value, Context& context) const {
    const std::string text = ToString(value);
    return fmt::formatter<fmt::string_view>::format(fmt::string_view(text), context);
  }
};

}  // namespace detail

inline void PrintTo(Channel channel, std::ostream* out) { *out << detail::ToString(channel); }
inline void PrintTo(const DecodedMessage& message, std::ostream* out) {
  *out << detail::ToString(message);
}
inline void PrintTo(const IoPacket& packet, std::ostream* out) { *out << detail::ToString(packet); }
inline void PrintTo(const Violation& violation, std::ostream* out) {
  *out << detail::ToString(violation);
}
inline void PrintTo(const SocketPaths& paths, std::ostream* out) {
  *out << detail::ToString(paths);
}

}  // namespace hyperstart

template <>
struct fmt::formatter<hyperstart::Channel> : hyperstart::detail::Formatter {};
template <>
struct fmt::formatter<hyperstart::Command> : hyperstart::detail::Formatter {};
template <>
struct fmt::formatter<hyperstart::DecodedMessage> : hyperstart::detail::Formatter {};
template <>
struct fmt::formatter<hyperstart::IoPacket> : hyperstart::detail::Formatter {};
template <>
struct fmt::formatter<hyperstart::Violation> : hyperstart::detail::Formatter {};
template <>
struct fmt::formatter<hyperstart::SocketPaths> : hyperstart::detail::Formatter {};

#endif  // MOCK_HYPERSTART_MESSAGES_HPP_
