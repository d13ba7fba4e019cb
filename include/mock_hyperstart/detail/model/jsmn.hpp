// The first of the two JSON readers of the agent: tokens with their positions, in the manner of the
// jsmn library that hyperstart carries (which is older than Debian's libjsmn and more lenient, so
// that one answers differently). It reads startpod, newcontainer, execcmd, files, interfaces and
// routes. What a key means is not known here: see requests.hpp. Stateless: any thread.
//
// Source of the behaviour: src/jsmn.c and src/parse.c of hyperstart v1.1.0, and the recordings
// virtio-09i-*.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_JSMN_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_JSMN_HPP_

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
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

/// A JSON string's text without its escapes. Nothing for a broken escape or a control character.
/// Ends at a NUL, as everything in the agent's hands does.
inline std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
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

/// A piece of JSON text: a container, a string without its quotes, or anything else.
struct JsmnToken {
  enum class Type { kPrimitive, kObject, kArray, kString };
  Type type = Type::kPrimitive;
  std::string_view text;
  std::size_t size = 0;  // of an object its keys, of an array its elements, of a key its values
};

/// What the agent makes of the text: the tokens in their order; nothing where it answers `error`.
/// It stops after the brace that closes the first object, so what follows passes; a doubled or a
/// trailing comma passes too. The tokens refer to `json`.
class JsmnReader {
 public:
  static std::optional<std::vector<JsmnToken>> Read(std::string_view json) {
    JsmnReader reader(json.substr(0, json.find('\0')));
    if (!reader.ReadAll()) return std::nullopt;
    std::vector<JsmnToken> tokens;
    tokens.reserve(reader.open_.size());
    for (Open& open : reader.open_) tokens.push_back(open.token);
    return tokens;
  }

 private:
  using Type = JsmnToken::Type;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  struct Open {
    JsmnToken token;
    std::size_t start;
    bool closed;
  };

  explicit JsmnReader(std::string_view json) : json_(json) {}

  bool ReadAll() {
    int depth = 0;  // of braces alone: the agent's jsmn does not count brackets
    bool done = false;
    for (; at_ < json_.size() && !done; ++at_) {
      switch (json_[at_]) {
        case '{':
          ++depth;
          OpenContainer(Type::kObject);
          break;
        case '[':
          OpenContainer(Type::kArray);
          break;
        case '}':
          done = --depth <= 0;
          if (!CloseContainer(Type::kObject)) return false;
          break;
        case ']':
          if (!CloseContainer(Type::kArray)) return false;
          break;
        case '"':
          if (!ReadString()) return false;
          break;
        case ':':
          parent_ = open_.empty() ? kNone : open_.size() - 1;
          break;
        case ',':
          if (parent_ == kNone || !IsContainer(parent_)) parent_ = InnermostOpen(parent_);
          break;
        case '\t':
        case '\r':
        case '\n':
        case ' ':
          break;
        default:
          if (!ReadPrimitive()) return false;
      }
    }
    return InnermostOpen(kNone) == kNone;
  }

  bool IsContainer(std::size_t index) const {
    return open_[index].token.type == Type::kObject || open_[index].token.type == Type::kArray;
  }
  std::size_t InnermostOpen(std::size_t otherwise) const {
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (!open_[i].closed) return i;
    }
    return otherwise;
  }
  void Add(Type type, std::size_t start, std::string_view text, bool closed) {
    if (parent_ != kNone) ++open_[parent_].token.size;
    open_.push_back({{type, text, 0}, start, closed});
  }
  void OpenContainer(Type type) {
    Add(type, at_, {}, false);
    parent_ = open_.size() - 1;
  }
  bool CloseContainer(Type type) {
    const std::size_t index = InnermostOpen(kNone);
    if (index == kNone || open_[index].token.type != type) return false;
    Open& open = open_[index];
    open.token.text = json_.substr(open.start, at_ + 1 - open.start);
    open.closed = true;
    parent_ = InnermostOpen(kNone);
    return true;
  }
  /// Up to the quote that ends it; the position stays on that.
  bool ReadString() {
    for (std::size_t end = at_ + 1; end < json_.size(); ++end) {
      if (json_[end] == '"') {
        Add(Type::kString, at_, json_.substr(at_ + 1, end - at_ - 1), true);
        at_ = end;
        return true;
      }
      if (json_[end] != '\\' || end + 1 == json_.size()) continue;
      ++end;
      if (std::string_view("\"/\\bfrnt").find(json_[end]) != std::string_view::npos) continue;
      if (json_[end] != 'u') return false;
      for (int digit = 0; digit < 4 && end + 1 < json_.size(); ++digit) {
        if (std::isxdigit(static_cast<unsigned char>(json_[++end])) == 0) return false;
      }
    }
    return false;
  }
  /// Anything without quotes. [virtio-09i-number-as-string, virtio-06a-kill-missing]
  bool ReadPrimitive() {
    std::size_t end = at_;
    for (; end < json_.size(); ++end) {
      if (std::string_view(":\t\r\n ,]}").find(json_[end]) != std::string_view::npos) break;
      if (json_[end] < 32 || json_[end] == 127) return false;  // a char is signed: over 127 too
    }
    Add(Type::kPrimitive, at_, json_.substr(at_, end - at_), true);
    at_ = end - 1;
    return true;
  }

  const std::string_view json_;
  std::size_t at_ = 0;
  std::size_t parent_ = kNone;  // what the next token belongs to
  std::vector<Open> open_;
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
