// GoogleMock matchers for what a client has sent: the values of messages.hpp. For the bytes they
// take a matcher or a plain value, and they explain the first field that differs. And a mock whose
// calls are the client's commands. This header is optional: it needs GoogleMock, which the rest of
// the library does not. Knows nothing of the content of a payload; json.hpp has a matcher for that.
// Values: any thread, if the inner matchers are.

#ifndef MOCK_HYPERSTART_MATCHERS_HPP_
#define MOCK_HYPERSTART_MATCHERS_HPP_

#if !__has_include(<gmock/gmock.h>)
#error mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)
#else  // nothing but that error

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart {
namespace detail {

using BytesMatcher = testing::Matcher<const std::string&>;

/// "a ping", "an ack".
inline std::string WithArticle(Command command) {
  const std::string name = CommandNames(command);
  const bool vowel = std::string_view("aeiou").find(name[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + name;
}

inline std::string DescriptionOf(const BytesMatcher& matcher) {
  std::ostringstream out;
  matcher.DescribeTo(&out);
  return out.str();
}

/// Shows the bytes, and adds what their matcher explains.
inline bool MatchBytes(const char* field, const std::string& bytes, const BytesMatcher& matcher,
                       testing::MatchResultListener* listener) {
  if (!listener->IsInterested()) return matcher.Matches(bytes);
  testing::StringMatchResultListener inner;
  const bool matches = matcher.MatchAndExplain(bytes, &inner);
  *listener << "whose " << field << " is" << Readable(bytes);
  if (!inner.str().empty()) *listener << ", " << inner.str();
  return matches;
}

inline bool MatchSeq(const IoPacket& packet, std::uint64_t seq,
                     testing::MatchResultListener* listener) {
  if (packet.seq == seq) return true;
  *listener << fmt::format("whose seq is {}, not {}", packet.seq, seq);
  return false;
}

// Each of these four has a description, a noun, and explains a mismatch. Described makes of it what
// GoogleMock calls a matcher.

struct CommandMatcher {
  Command command;

  std::string Description() const { return WithArticle(command); }
  bool MatchAndExplain(const DecodedMessage& message,
                       testing::MatchResultListener* listener) const {
    if (message.command == command) return true;
    *listener << "which is " << WithArticle(message.command) << ", not " << Description();
    return false;
  }
};

struct MessageMatcher {
  CommandMatcher command;
  BytesMatcher payload;

  std::string Description() const {
    return command.Description() + " whose payload " + DescriptionOf(payload);
  }
  bool MatchAndExplain(const DecodedMessage& message,
                       testing::MatchResultListener* listener) const {
    return command.MatchAndExplain(message, listener) &&
           MatchBytes("payload", message.payload, payload, listener);
  }
};

struct PacketMatcher {
  std::uint64_t seq;
  BytesMatcher data;

  std::string Description() const {
    return fmt::format("a packet of seq {} whose data {}", seq, DescriptionOf(data));
  }
  bool MatchAndExplain(const IoPacket& packet, testing::MatchResultListener* listener) const {
    return MatchSeq(packet, seq, listener) && MatchBytes("data", packet.data, data, listener);
  }
};

struct EofMatcher {
  std::uint64_t seq;

  std::string Description() const { return fmt::format("the end of seq {}", seq); }
  bool MatchAndExplain(const IoPacket& packet, testing::MatchResultListener* listener) const {
    return MatchSeq(packet, seq, listener) &&
           (packet.eof() || MatchBytes("data", packet.data, BytesMatcher(""), listener));
  }
};

template <typename Matcher>
struct Described : Matcher {
  using is_gtest_matcher = void;

  void DescribeTo(std::ostream* out) const { *out << "is " << this->Description(); }
  void DescribeNegationTo(std::ostream* out) const { *out << "isn't " << this->Description(); }
};

}  // namespace detail

/// Matches a DecodedMessage with that command and any payload.
inline auto IsCommand(Command command) {
  return detail::Described<detail::CommandMatcher>{{command}};
}

/// The same, for a list that has IsMessage(command, payload) in it too.
inline auto IsMessage(Command command) { return IsCommand(command); }

/// Matches a DecodedMessage with that command and a payload that `payload` matches. A plain value
/// means equality. Use: IsMessage(Command::kExecCmd, HasSubstr("sh")).
template <typename PayloadMatcher>
auto IsMessage(Command command, const PayloadMatcher& payload) {
  return detail::Described<detail::MessageMatcher>{
      {{command}, testing::SafeMatcherCast<const std::string&>(payload)}};
}

/// Matches an IoPacket of that stream with data that `data` matches. A plain value means equality.
template <typename DataMatcher>
auto IsIoPacket(std::uint64_t seq, const DataMatcher& data) {
  return detail::Described<detail::PacketMatcher>{
      {seq, testing::SafeMatcherCast<const std::string&>(data)}};
}

/// Matches the empty IoPacket that ends that stream.
inline auto IsEof(std::uint64_t seq) { return detail::Described<detail::EofMatcher>{{seq}}; }

/// A GoogleMock mock that answers the commands that no plan answers:
///
///   MockHyperstart agent;
///   CommandMock commands(agent);
///   EXPECT_CALL(commands, Call(IsCommand(Command::kPing))).WillOnce(Return(Reply::Error()));
///   agent.Start();
///
/// It is the handler of `agent` from its construction to its end, whose destructor waits for a
/// running call: so a test may return at any moment. `agent` outlives it. GoogleMock calls it on
/// the ctl thread. An expectation without an action answers `Reply()`: what would be answered
/// without it.
class CommandMock {
 public:
  explicit CommandMock(MockHyperstart& agent) : agent_(agent) {
    agent_.SetHandler([this](const DecodedMessage& message) { return Call(message); });
  }
  CommandMock(const CommandMock&) = delete;
  CommandMock& operator=(const CommandMock&) = delete;
  ~CommandMock() { agent_.SetHandler(nullptr); }

  MOCK_METHOD(Reply, Call, (const DecodedMessage&));

 private:
  MockHyperstart& agent_;
};

}  // namespace hyperstart

#endif  // has GoogleMock

#endif  // MOCK_HYPERSTART_MATCHERS_HPP_
