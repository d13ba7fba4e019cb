// Bytes made readable: text quoted and escaped, JSON as it is, anything else in hex. Knows nothing
// of the protocol. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_
#define MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace hyperstart::detail {

/// The length of the UTF-8 character of several bytes that `text` begins with; 0: it is none.
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
  // Overlong forms, surrogates, and what lies beyond U+10FFFF: the second byte tells.
  const auto second = static_cast<unsigned char>(text[1]);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) {
    return 0;
  }
  return length;
}

inline bool IsPrintable(char byte) { return byte >= ' ' && byte <= '~'; }
inline bool IsTextControl(char byte) {
  return byte == '\n' || byte == '\r' || byte == '\t' || byte == '\x1b';
}

/// Text is what a person would rather read than see in hex: at most a quarter of it is odd (the
/// agent ends its error texts with a NUL).
inline bool IsText(std::string_view bytes) {
  std::size_t odd = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t multibyte = MultibyteLength(bytes.substr(i));
    if (multibyte == 0 && !IsPrintable(bytes[i]) && !IsTextControl(bytes[i])) ++odd;
    i += std::max<std::size_t>(multibyte, 1);
  }
  return odd * 4 <= bytes.size();
}

inline bool IsOneLineOfJson(std::string_view bytes) {
  if (bytes.empty() || (bytes[0] != '{' && bytes[0] != '[')) return false;
  while (!bytes.empty()) {
    const std::size_t multibyte = MultibyteLength(bytes);
    if (multibyte == 0 && !IsPrintable(bytes[0])) return false;
    bytes.remove_prefix(std::max<std::size_t>(multibyte, 1));
  }
  return true;
}

/// "text\n" in quotes, as a C++ literal would say it.
inline std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t multibyte = MultibyteLength(text.substr(i));
    const char byte = text[i];
    if (multibyte > 0) {
      out += text.substr(i, multibyte);
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

/// `text` as a JSON string; bytes that are not UTF-8 stay as they are.
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

inline std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    if (!out.empty()) out += ' ';
    out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return out;
}

/// Lines of sixteen bytes: offset, hex, ASCII. Each begins with a line feed and an indent.
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

/// As much of `text` as ends on a whole UTF-8 character within `limit` bytes.
inline std::string_view CutText(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t size = limit;
  while (size > 0 && limit - size < 3 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  return text.substr(0, size);
}

/// One line: for lists, where the length stands beside it. A cut is shown by an ellipsis.
inline std::string OneLine(std::string_view bytes, std::size_t limit = 60) {
  const std::string_view head = CutText(bytes, limit);
  const char* const more = head.size() < bytes.size() ? "..." : "";
  if (IsOneLineOfJson(head)) return fmt::format("{}{}", head, more);
  if (IsText(head)) return Quoted(head) + more;
  const std::string_view few = bytes.substr(0, std::min<std::size_t>(limit, 16));
  return fmt::format("hex {}{}", Hex(few), few.size() < bytes.size() ? " ..." : "");
}

/// The dump of as many bytes as fit a screen; a cut says what was cut.
inline std::string Dump(std::string_view bytes, std::size_t limit = 256) {
  if (bytes.size() <= limit) return HexDump(bytes);
  return HexDump(bytes.substr(0, limit)) +
         fmt::format("\n    ... (the first {} of {} bytes)", limit, bytes.size());
}

/// For a failing assertion: text after a space, anything else as a dump below; a cut says what was
/// cut.
inline std::string Readable(std::string_view bytes, std::size_t limit = 1024) {
  if (!IsText(bytes)) return Dump(bytes);
  const std::string_view head = CutText(bytes, limit);
  std::string out = ' ' + (IsOneLineOfJson(head) ? std::string(head) : Quoted(head));
  if (head.size() < bytes.size()) {
    out += fmt::format("... (the first {} of {} bytes)", head.size(), bytes.size());
  }
  return out;
}

inline std::string Bytes(std::size_t count) {
  return fmt::format("{} byte{}", count, count == 1 ? "" : "s");
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_WIRE_TEXT_HPP_
