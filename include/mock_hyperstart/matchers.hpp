// GoogleMock matchers of what a client sent. Optional: the rest of the library does without them.
// They match the values of messages.hpp, take a matcher or a plain value for the bytes, and explain
// the first field that differs. Knows nothing of what is in a payload: json.hpp does. Values: any
// thread, as long as the matchers they were given are.

#ifndef MOCK_HYPERSTART_MATCHERS_HPP_
#define MOCK_HYPERSTART_MATCHERS_HPP_

#if !__has_include(<gmock/gmock.h>)
#error mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)
#endif

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart {
namespace detail {

using BytesMatcher = testing::Matcher<const std::string&>;

/// "a ping", "an ack".
inline std::string WithArticle(Command command) {
  const std::string name = CommandName(command);
  const bool vowel = std::string_view("aeiou").find(name[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + name;
}

inline std::string DescriptionOf(const BytesMatcher& matcher) {
  std::ostringstream out;
  matcher.DescribeTo(&out);
  return out.str();
}

/// Matches, and says what the bytes are and what their matcher says of them.
inline bool MatchBytes(const char* field, const std::string& bytes, const BytesMatcher& matcher,
                       testing::MatchResultListener* listener) {
  if (!listener->IsInterested()) return matcher.Matches(bytes);
  testing::StringMatchResultListener inner;
  const bool matches = matcher.MatchAndExplain(bytes, &inner);
  *listener << "whose " << field << " is" << Readable(bytes);
  if (!inner.str().empty()) *listener << ", " << inner.str();
  return matches;
}

struct ThatCommand {
  Command command;

  std::string What() const { return WithArticle(command); }
  bool MatchAndExplain(const DecodedMessage& message,
                       testing::MatchResultListener* listener) const {
    if (message.command == command) return true;
    *listener << "which is " << WithArticle(message.command) << ", not " << What();
    return false;
  }
};

struct ThatMessage {
  ThatCommand that;
  BytesMatcher payload;

  std::string What() const { return that.What() + " whose payload " + DescriptionOf(payload); }
  bool MatchAndExplain(const DecodedMessage& message,
                       testing::MatchResultListener* listener) const {
    return that.MatchAndExplain(message, listener) &&
           MatchBytes("payload", message.payload, payload, listener);
  }
};

inline bool MatchSeq(const IoPacket& packet, std::uint64_t seq,
                     testing::MatchResultListener* listener) {
  if (packet.seq == seq) return true;
  *listener << fmt::format("whose seq is {}, not {}", packet.seq, seq);
  return false;
}

struct ThatPacket {
  std::uint64_t seq;
  BytesMatcher data;

  std::string What() const {
    return fmt::format("a packet of seq {} whose data {}", seq, DescriptionOf(data));
  }
  bool MatchAndExplain(const IoPacket& packet, testing::MatchResultListener* listener) const {
    return MatchSeq(packet, seq, listener) && MatchBytes("data", packet.data, data, listener);
  }
};

struct ThatEnd {
  std::uint64_t seq;

  std::string What() const { return fmt::format("the end of seq {}", seq); }
  bool MatchAndExplain(const IoPacket& packet, testing::MatchResultListener* listener) const {
    return MatchSeq(packet, seq, listener) &&
           (packet.eof() || MatchBytes("data", packet.data, BytesMatcher(""), listener));
  }
};

/// Makes a matcher of something that matches and says what.
template <typename That>
struct Is : That {
  using is_gtest_matcher = void;

  void DescribeTo(std::ostream* out) const { *out << "is " << this->What(); }
  void DescribeNegationTo(std::ostream* out) const { *out << "isn't " << this->What(); }
};

}  // namespace detail

/// A DecodedMessage with that command, whatever its payload.
inline auto IsCommand(Command command) { return detail::Is<detail::ThatCommand>{{command}}; }

/// The same, where it stands beside its sibling below.
inline auto IsMessage(Command command) { return IsCommand(command); }

/// A DecodedMessage with that command, whose payload matches: IsMessage(Command::kExecCmd,
/// HasSubstr("sh")). A plain value means equality.
template <typename PayloadMatcher>
auto IsMessage(Command command, const PayloadMatcher& payload) {
  return detail::Is<detail::ThatMessage>{
      {{command}, testing::SafeMatcherCast<const std::string&>(payload)}};
}

/// An IoPacket of that stream, whose data matches. A plain value means equality.
template <typename DataMatcher>
auto IsIoPacket(std::uint64_t seq, const DataMatcher& data) {
  return detail::Is<detail::ThatPacket>{{seq, testing::SafeMatcherCast<const std::string&>(data)}};
}

/// The empty IoPacket that ends that stream.
inline auto IsEof(std::uint64_t seq) { return detail::Is<detail::ThatEnd>{{seq}}; }

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_MATCHERS_HPP_
