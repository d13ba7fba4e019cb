// The first of the two JSON readers of the agent: tokens with their positions, in the manner of the
// jsmn library that hyperstart carries (which is older than Debian's libjsmn and more lenient, so
// that one answers differently). It reads startpod, newcontainer, execcmd, files, interfaces and
// routes. What a key means is not known here: see requests.hpp. Stateless: any thread.
//
// Source of the behaviour: src/jsmn.c and src/parse.c of hyperstart v1.1.0, and the recordings
// virtio-09i-*.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_JSMN_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_JSMN_HPP_

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyperstart::detail {

/// Four hexadecimal digits as a number; nothing where there are not four.
inline std::optional<std::uint32_t> ReadHex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char digit : text.substr(0, 4)) {
    if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) return std::nullopt;
    const int low = std::tolower(static_cast<unsigned char>(digit));
    value = value * 16 + static_cast<std::uint32_t>(low <= '9' ? low - '0' : low - 'a' + 10);
  }
  return value;
}

inline void AppendUtf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) {
    out += static_cast<char>(static_cast<unsigned char>(byte));
  };
  const auto put_rest = [&](int bits) {
    for (; bits > 0; bits -= 6) put(0x80 | (code_point >> (bits - 6) & 0x3f));
  };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put_rest(6);
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put_rest(12);
  } else {
    put(0xf0 | code_point >> 18);
    put_rest(18);
  }
}

/// The character of an escape that starts at `text` with the letter after the backslash, and how
/// many bytes it takes; nothing for an escape that JSON does not know. [virtio-09c-id-quotes]
inline std::optional<std::size_t> ReadEscape(std::string_view text, std::string& out) {
  static constexpr std::string_view kLetters = "\"\\/bfnrt";
  static constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
  if (text.empty()) return std::nullopt;
  if (text.front() != 'u') {
    const std::size_t letter = kLetters.find(text.front());
    if (letter == std::string_view::npos) return std::nullopt;
    out += kCharacters[letter];
    return 1;
  }
  const std::optional<std::uint32_t> first = ReadHex4(text.substr(1));
  if (!first) return std::nullopt;
  if (*first < 0xd800 || *first > 0xdfff) {
    AppendUtf8(out, *first);
    return 5;
  }
  if (*first > 0xdbff || text.substr(5, 2) != "\\u") return std::nullopt;
  const std::optional<std::uint32_t> second = ReadHex4(text.substr(7));
  if (!second || *second < 0xdc00 || *second > 0xdfff) return std::nullopt;
  AppendUtf8(out, 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
  return 11;
}

/// A JSON string's text without its escapes: that of the first `length` bytes, of which the last
/// escape may go on behind them. Nothing for a broken escape or a control character. Ends at a NUL,
/// as everything in the agent's hands does.
inline std::optional<std::string> Unescape(std::string_view text, std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < std::min(length, text.size()) && text[i] != '\0'; ++i) {
    if (text[i] == '\\') {
      const std::optional<std::size_t> taken = ReadEscape(text.substr(i + 1), out);
      if (!taken) return std::nullopt;
      i += *taken;
    } else if (static_cast<unsigned char>(text[i]) < 0x20) {
      return std::nullopt;
    } else {
      out += text[i];
    }
  }
  return out.substr(0, out.find('\0'));
}

inline std::optional<std::string> Unescape(std::string_view text) {
  return Unescape(text, text.size());
}

/// A piece of JSON text: a container, a string without its quotes, or anything else.
struct JsmnToken {
  enum class Type { kPrimitive, kObject, kArray, kString };
  Type type = Type::kPrimitive;
  std::string_view text;
  std::size_t size = 0;  // of an object its keys, of an array its elements, of a key its values
};

/// A piece of JSON text by its looks alone.
struct JsmnLexeme {
  enum class Kind {
    kOpenObject,
    kOpenArray,
    kCloseObject,
    kCloseArray,
    kColon,
    kComma,
    kString,
    kPrimitive,
    kEnd,
    kBroken
  };
  Kind kind;
  std::string_view text;  // of a string what is between its quotes
};

/// Cuts a text, which ends at a NUL, into lexemes.
class JsmnLexer {
 public:
  explicit JsmnLexer(std::string_view json) : rest_(json.substr(0, json.find('\0'))) {}

  JsmnLexeme Next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
    if (rest_.empty()) return {Kind::kEnd, {}};
    static constexpr std::string_view kMarks = "{[}]:,";  // in the order of the kinds
    const std::size_t mark = kMarks.find(rest_.front());
    if (mark != std::string_view::npos) return Take(static_cast<Kind>(mark), 1);
    return rest_.front() == '"' ? String() : Primitive();
  }

 private:
  using Kind = JsmnLexeme::Kind;

  JsmnLexeme Take(Kind kind, std::size_t bytes) {
    const std::string_view text = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return {kind, text};
  }
  /// Its escapes must be of the right form; what they say is checked where they are read.
  JsmnLexeme String() {
    std::size_t at = rest_.find_first_of("\"\\", 1);
    while (at != std::string_view::npos && rest_[at] == '\\') {
      const std::size_t escape = EscapeLength(rest_.substr(at));
      if (escape == 0) break;
      at = rest_.find_first_of("\"\\", at + escape);
    }
    if (at == std::string_view::npos || rest_[at] != '"') return {Kind::kBroken, {}};
    return {Kind::kString, Take(Kind::kString, at + 1).text.substr(1, at - 1)};
  }
  /// 0 for an escape that there is not.
  static std::size_t EscapeLength(std::string_view text) {
    if (text.size() < 2) return 0;
    if (text[1] == 'u') return ReadHex4(text.substr(2)) ? 6 : 0;
    return std::string_view("\"/\\bfrnt").find(text[1]) != std::string_view::npos ? 2 : 0;
  }
  /// Anything of ASCII without quotes. [virtio-09i-number-as-string, virtio-06a-kill-missing]
  JsmnLexeme Primitive() {
    const std::size_t end = std::min(rest_.find_first_of(":\t\r\n ,]}"), rest_.size());
    for (const char byte : rest_.substr(0, end)) {
      if (byte < ' ' || byte > '~') return {Kind::kBroken, {}};
    }
    return Take(Kind::kPrimitive, end);
  }

  std::string_view rest_;
};

/// What the agent makes of the text: the tokens in their order; nothing where it answers `error`.
/// It stops after the brace that closes the first object, so what follows passes; a doubled or a
/// trailing comma passes too. The tokens refer to `json`.
class JsmnReader {
 public:
  static std::optional<std::vector<JsmnToken>> Read(std::string_view json) {
    JsmnReader reader;
    JsmnLexer lexer(json);
    while (!reader.complete_) {
      const JsmnLexeme lexeme = lexer.Next();
      if (lexeme.kind == Kind::kEnd) break;
      if (!reader.Take(lexeme)) return std::nullopt;
    }
    if (!reader.open_.empty()) return std::nullopt;
    return std::move(reader.tokens_);
  }

 private:
  using Type = JsmnToken::Type;
  using Kind = JsmnLexeme::Kind;

  bool Take(const JsmnLexeme& lexeme) {
    switch (lexeme.kind) {
      case Kind::kOpenObject:
        ++open_objects_;
        Open(Type::kObject, lexeme.text);
        return true;
      case Kind::kOpenArray:
        Open(Type::kArray, lexeme.text);
        return true;
      case Kind::kCloseObject:
        if (!Close(Type::kObject, lexeme.text)) return false;
        complete_ = --open_objects_ == 0;
        return true;
      case Kind::kCloseArray:
        return Close(Type::kArray, lexeme.text);
      case Kind::kColon:
        if (!tokens_.empty()) owner_ = tokens_.size() - 1;
        return true;
      case Kind::kComma:
        // From source: after a colon that follows a container, that container stays the owner.
        if (owner_ && !IsContainer(tokens_[*owner_]) && !open_.empty()) owner_ = open_.back();
        return true;
      case Kind::kString:
        Add(Type::kString, lexeme.text);
        return true;
      case Kind::kPrimitive:
        Add(Type::kPrimitive, lexeme.text);
        return true;
      case Kind::kEnd:
      case Kind::kBroken:
        break;
    }
    return false;
  }

  static bool IsContainer(const JsmnToken& token) {
    return token.type == Type::kObject || token.type == Type::kArray;
  }
  void Add(Type type, std::string_view text) {
    if (owner_) ++tokens_[*owner_].size;
    tokens_.push_back({type, text, 0});
  }
  void Open(Type type, std::string_view bracket) {
    Add(type, bracket);
    open_.push_back(tokens_.size() - 1);
    owner_ = open_.back();
  }
  /// False where something else is open, or nothing.
  bool Close(Type type, std::string_view bracket) {
    if (open_.empty() || tokens_[open_.back()].type != type) return false;
    std::string_view& text = tokens_[open_.back()].text;
    text =
        std::string_view(text.data(), static_cast<std::size_t>(bracket.data() - text.data()) + 1);
    open_.pop_back();
    owner_ = open_.empty() ? std::nullopt : std::optional(open_.back());
    return true;
  }

  std::vector<JsmnToken> tokens_;
  std::vector<std::size_t> open_;     // the containers around what comes next, the innermost last
  std::optional<std::size_t> owner_;  // the token that counts what comes next
  std::size_t open_objects_ = 0;
  bool complete_ = false;
};

/// A token's text, unescaped whatever its type: the agent takes 5 for "5" where it wants a string.
/// Nothing for a broken escape. [virtio-09i-number-as-string]
inline std::optional<std::string> TokenString(const JsmnToken& token) {
  return Unescape(token.text);
}
/// A token as C's strtoll reads it: "5" is 5, 7.7 is 7, 1e1 is 1, and what is over 2^63 - 1 is
/// that. [virtio-09i-number-as-string]
inline std::uint64_t TokenNumber(const JsmnToken& token) {
  const std::optional<std::string> text = TokenString(token);
  return text ? static_cast<std::uint64_t>(std::strtoll(text->c_str(), nullptr, 10)) : 0;
}
/// Anything but false and "false". [virtio-09i-bool-as-string]
inline bool TokenBool(const JsmnToken& token) { return token.text != "false"; }

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_JSMN_HPP_
