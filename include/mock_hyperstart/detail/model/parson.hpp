// The second of the two JSON readers of the agent, in the manner of the parson library that
// hyperstart carries (Debian has none). It reads killcontainer, removecontainer, signalprocess and
// winsize: all flat objects, so only the members of the outermost object are kept. Stateless: any
// thread.
//
// Source of the behaviour: src/parson.c of hyperstart v1.1.0, and the recordings virtio-09i-*.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_PARSON_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_PARSON_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/model/jsmn.hpp"

namespace hyperstart::detail {

class ParsonObject {
 public:
  /// Nothing where the agent's parser fails: a trailing comma, a key twice, a number like 01. What
  /// follows the value passes. A value that is no object has no members.
  static std::optional<ParsonObject> Read(std::string_view json) {
    ParsonObject object;
    object.text_ = json.substr(0, json.find('\0'));
    if (!object.ReadValue(0)) return std::nullopt;
    return object;
  }

  /// Nothing for what is missing or no string.
  std::optional<std::string> String(const std::string& name) const {
    const auto member = members_.find(name);
    return member == members_.end() ? std::nullopt : member->second.string;
  }
  /// 0 for what is missing or no number, "9" too. [virtio-09i-number-as-string]
  double Number(const std::string& name) const {
    const auto member = members_.find(name);
    return member == members_.end() ? 0 : member->second.number;
  }
  /// The same as a C cast to int makes it on the agent's processor: 9.7 is 9, what does not fit is
  /// the lowest int.
  int Int(const std::string& name) const {
    const double number = Number(name);
    constexpr int kLowest = -2147483647 - 1;
    return number > -2147483649.0 && number < 2147483648.0 ? static_cast<int>(number) : kLowest;
  }

 private:
  /// What strtod takes at most, nan(text) too.
  static constexpr std::string_view kOfNumbers =
      "0123456789+-.()_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static constexpr int kMaxNesting = 19;
  static constexpr std::size_t kMostMembers = 960;  // [from source, as the next]
  static constexpr std::size_t kMostElements = 122880;

  struct Member {
    std::optional<std::string> string;
    double number = 0;
  };

  ParsonObject() = default;

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipSpaces() {
    while (at_ < text_.size() && std::strchr(" \t\n\v\f\r", text_[at_]) != nullptr) ++at_;
  }
  bool Skip(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::optional<Member> ReadValue(int nesting) {
    if (nesting > kMaxNesting) return std::nullopt;
    SkipSpaces();
    switch (Peek()) {
      case '{':
        return ReadObject(nesting + 1);
      case '[':
        return ReadArray(nesting + 1);
      case '"': {
        std::optional<std::string> string = ReadString();
        if (!string) return std::nullopt;
        return Member{std::move(string), 0};
      }
      case 'f':
        return Literal("false");
      case 't':
        return Literal("true");
      case 'n':
        return Literal("null");
      default:
        return ReadNumber();
    }
  }
  std::optional<Member> Literal(std::string_view word) {
    return Skip(word) ? std::optional(Member()) : std::nullopt;
  }

  /// parson looks for the quote that ends a string, not for the one that starts a key. Where the
  /// text ends first it passes, without its last character: that counts at the top level alone.
  /// [from source]
  std::optional<std::string> ReadString() {
    const std::size_t start = at_ + 1;
    std::size_t end = start;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    const bool closed = end < text_.size();
    at_ = closed ? end + 1 : text_.size();
    const std::size_t length = (closed ? end : std::max(at_, start + 1) - 1) - start;
    return Unescape(text_.substr(start), length);
  }

  std::optional<Member> ReadNumber() {
    if (Peek() != '-' && (Peek() < '0' || Peek() > '9')) return std::nullopt;
    // What a number, or what strtod takes for one, can consist of: not all of a long text.
    const std::string_view tail = text_.substr(at_);
    const std::string rest(tail.substr(0, tail.find_first_not_of(kOfNumbers)));
    char* end = nullptr;
    const double number = std::strtod(rest.c_str(), &end);
    const std::string_view digits(rest.data(), static_cast<std::size_t>(end - rest.data()));
    // As parson's is_decimal: 01 and 0x1 are none, and nor is 0e1.
    if (digits.size() > 1 && digits[0] == '0' && digits[1] != '.') return std::nullopt;
    if (digits.size() > 2 && digits.substr(0, 2) == "-0" && digits[2] != '.') return std::nullopt;
    if (digits.find_first_of("xX") != std::string_view::npos) return std::nullopt;
    at_ += digits.size();
    return Member{std::nullopt, number};
  }

  std::optional<Member> ReadObject(int nesting) {
    std::map<std::string, Member> members;
    ++at_;
    SkipSpaces();
    while (Peek() != '\0' && (Peek() != '}' || !members.empty())) {
      std::optional<std::string> key = ReadString();
      SkipSpaces();
      if (!key || !Skip(":") || members.size() == kMostMembers) return std::nullopt;
      std::optional<Member> value = ReadValue(nesting);
      if (!value || !members.emplace(*std::move(key), *std::move(value)).second) {
        return std::nullopt;  // the key was there before
      }
      SkipSpaces();
      if (!Skip(",")) break;
      SkipSpaces();
    }
    if (!Skip("}")) return std::nullopt;
    if (nesting == 1) members_ = std::move(members);
    return Member();
  }

  std::optional<Member> ReadArray(int nesting) {
    std::size_t elements = 0;
    ++at_;
    SkipSpaces();
    while (Peek() != '\0' && (Peek() != ']' || elements > 0)) {
      if (elements++ == kMostElements || !ReadValue(nesting)) return std::nullopt;
      SkipSpaces();
      if (!Skip(",")) break;
      SkipSpaces();
    }
    if (!Skip("]")) return std::nullopt;
    return Member();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::map<std::string, Member> members_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_PARSON_HPP_
