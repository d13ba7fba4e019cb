// Bytes as text for people: quoted and escaped, JSON unchanged, anything else in hex. What a client
// sent never controls the terminal, or the renderer of a diagram, that shows it. Knows nothing of
// the protocol. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hyperstart::detail {

/// "1 byte", "2 bytes".
inline std::string Bytes(std::size_t count) {
  return fmt::format("{} byte{}", count, count == 1 ? "" : "s");
}

// ---- UTF-8

/// The length of the UTF-8 character of two to four bytes at the start of `text`; 0 if there is
/// none.
inline std::size_t MultibyteLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.empty() ? 0 : text[0]);
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  // The second byte shows overlong forms, surrogates, and values above U+10FFFF.
  const auto second = static_cast<unsigned char>(text[1]);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) {
    return 0;
  }
  return length;
}

/// The code point of one such character.
inline std::uint32_t CodePoint(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  std::uint32_t value = byte(0) & (0x7fu >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) value = value << 6 | (byte(i) & 0x3fu);
  return value;
}

/// Characters outside ASCII that a terminal obeys instead of showing: the C1 controls, line and
/// paragraph separators, and the marks that change the direction of the text around them.
inline bool IsUnicodeControl(std::uint32_t code_point) {
  return (code_point >= 0x80 && code_point <= 0x9f) || code_point == 0x61c ||
         code_point == 0x200e || code_point == 0x200f ||
         (code_point >= 0x2028 && code_point <= 0x202e) ||
         (code_point >= 0x2066 && code_point <= 0x2069);
}

/// As much of `text` as fits into `limit` bytes, without a part of a UTF-8 character at the end.
inline std::string_view CutText(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t size = limit;
  while (size > 0 && limit - size < 3 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  return text.substr(0, size);
}

// ---- What kind of text it is

inline bool IsPrintable(char byte) { return byte >= ' ' && byte <= '~'; }
inline bool IsTextControl(char byte) {
  return byte == '\n' || byte == '\r' || byte == '\t' || byte == '\x1b';
}

/// Whether a person would rather read it as text than in hex: at most a quarter of the bytes are
/// neither text nor a common control. (The agent ends its error messages with a NUL.)
inline bool IsText(std::string_view bytes) {
  std::size_t odd = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t multibyte = MultibyteLength(bytes.substr(i));
    if (multibyte == 0 && !IsPrintable(bytes[i]) && !IsTextControl(bytes[i])) ++odd;
    i += std::max<std::size_t>(multibyte, 1);
  }
  return odd * 4 <= bytes.size();
}

/// Whether it looks like JSON and can be shown unchanged: one line, and no control characters.
inline bool IsOneLineOfJson(std::string_view bytes) {
  if (bytes.empty() || (bytes[0] != '{' && bytes[0] != '[')) return false;
  while (!bytes.empty()) {
    const std::size_t multibyte = MultibyteLength(bytes);
    if (multibyte == 0 && !IsPrintable(bytes[0])) return false;
    if (multibyte > 0 && IsUnicodeControl(CodePoint(bytes.substr(0, multibyte)))) return false;
    bytes.remove_prefix(std::max<std::size_t>(multibyte, 1));
  }
  return true;
}

// ---- Escaping

/// `text` as a C++ string literal, in quotes.
inline std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t multibyte = MultibyteLength(text.substr(i));
    const char byte = text[i];
    if (multibyte > 0) {
      const std::string_view character = text.substr(i, multibyte);
      const std::uint32_t code_point = CodePoint(character);
      if (IsUnicodeControl(code_point)) {
        out += fmt::format("\\u{:04x}", code_point);
      } else {
        out += character;
      }
    } else if (byte == '"' || byte == '\\') {
      out += {'\\', byte};
    } else if (IsPrintable(byte)) {
      out += byte;
    } else if (byte == '\n' || byte == '\r' || byte == '\t') {
      out += byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t";
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    i += std::max<std::size_t>(multibyte, 1);
  }
  return out + '"';
}

/// A JSON document with its control characters escaped as JSON does, DEL and those outside ASCII
/// too, which JSON allows to stand as they are. Its value stays the same.
inline std::string EscapeJsonControls(std::string_view json) {
  std::string out;
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t multibyte = MultibyteLength(json.substr(i));
    const std::string_view character = json.substr(i, std::max<std::size_t>(multibyte, 1));
    if (multibyte > 0 && IsUnicodeControl(CodePoint(character))) {
      out += fmt::format("\\u{:04x}", CodePoint(character));
    } else if (character[0] == '\x7f') {
      out += "\\u007f";
    } else {
      out += character;
    }
    i += character.size();
  }
  return out;
}

/// `text` as a JSON string. Bytes that are not UTF-8 stay as they are.
inline std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out += {'\\', byte};
    } else if (static_cast<unsigned char>(byte) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(byte));
    } else {
      out += byte;
    }
  }
  return out + '"';
}

/// `line` as the text of a message or a note in a Mermaid diagram. What Mermaid, or the HTML that
/// it writes, gives a meaning to becomes an entity, "#37;" for '%': directives (%%{init: ...}%%)
/// and comments, the ends of statements, tags, formulas ($$), entities. The colon is one of them
/// because Mermaid removes the last semicolon of `style NAME:VALUE#...;`, which would cut an
/// entity. Line feeds become spaces.
inline std::string MermaidText(std::string_view line) {
  std::string out;
  for (const char byte : line) {
    if (std::string_view("#;<>%:&$").find(byte) != std::string_view::npos) {
      out += fmt::format("#{};", static_cast<int>(byte));
    } else {
      out += byte == '\n' || byte == '\r' ? ' ' : byte;
    }
  }
  return out;
}

// ---- Hex

inline std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    if (!out.empty()) out += ' ';
    out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return out;
}

/// Sixteen bytes a line: offset, hex, ASCII. Each line begins with a line feed and an indent.
inline std::string HexDump(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const std::string_view row = bytes.substr(at, 16);
    std::string ascii;
    for (const char byte : row) ascii += IsPrintable(byte) ? byte : '.';
    out += fmt::format("\n    {:08x}  {:<47}  |{}|", at, Hex(row), ascii);
  }
  return out;
}

/// A hex dump of the first `limit` bytes. If that is not all, its last line says so.
inline std::string Dump(std::string_view bytes, std::size_t limit = 256) {
  if (bytes.size() <= limit) return HexDump(bytes);
  return HexDump(bytes.substr(0, limit)) +
         fmt::format("\n    ... (the first {} of {} bytes)", limit, bytes.size());
}

// ---- Any bytes

/// One line, for lists that show the length too. An ellipsis shows that there is more.
inline std::string OneLine(std::string_view bytes, std::size_t limit = 60) {
  const std::string_view head = CutText(bytes, limit);
  const char* const more = head.size() < bytes.size() ? "..." : "";
  if (IsOneLineOfJson(head)) return fmt::format("{}{}", head, more);
  if (IsText(head)) return Quoted(head) + more;
  const std::string_view few = bytes.substr(0, std::min<std::size_t>(limit, 16));
  return fmt::format("hex {}{}", Hex(few), few.size() < bytes.size() ? " ..." : "");
}

/// For failed assertions: text after a space, or a hex dump on the lines below. If that is not all,
/// it says how many bytes there are.
inline std::string Readable(std::string_view bytes, std::size_t limit = 1024) {
  if (!IsText(bytes)) return Dump(bytes);
  const std::string_view head = CutText(bytes, limit);
  std::string out = ' ' + (IsOneLineOfJson(head) ? std::string(head) : Quoted(head));
  if (head.size() < bytes.size()) {
    out += fmt::format("... (the first {} of {} bytes)", head.size(), bytes.size());
  }
  return out;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_
