#include "words.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace program {
namespace {

using Words = std::vector<std::string>;

/// The byte of the escape after a backslash at `at`, which is moved to its last character.
char Unescape(std::string_view line, std::size_t& at) {
  const char escape = line[at];
  if (escape == 'n') return '\n';
  if (escape == 't') return '\t';
  if (escape == 'r') return '\r';
  if (escape == '0') return '\0';
  if (escape != 'x') return escape;
  unsigned byte = 0;
  const char* const begin = line.data() + at + 1;
  const char* const end = begin + std::min<std::size_t>(2, line.size() - at - 1);
  if (std::from_chars(begin, end, byte, 16).ptr != begin + 2) {
    throw BadParameters("after \\x come two hexadecimal digits");
  }
  at += 2;
  return static_cast<char>(static_cast<unsigned char>(byte));
}

Json Value(const Parameter& parameter, const std::string& word) {
  if (parameter.kind == Kind::kJson) {
    Json json = Json::parse(word, nullptr, false);
    if (json.is_discarded()) throw BadParameters(fmt::format("{} is JSON", parameter.name));
    return json;
  }
  if (parameter.kind == Kind::kBool && (word == "true" || word == "false")) return word == "true";
  if (parameter.kind == Kind::kNumber || parameter.kind == Kind::kCommand) {
    std::uint64_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [last, error] = std::from_chars(word.data(), end, number);
    if (error == std::errc() && last == end) return number;
    if (parameter.kind == Kind::kNumber) {
      throw BadParameters(fmt::format("{} is a whole number", parameter.name));
    }
  }
  return word;
}

void Put(Json& parameters, const Parameter& parameter, const std::string& word) {
  const std::string name(parameter.name);
  if (parameter.kind == Kind::kBytes) {
    PutBytes(parameters, name, word);
  } else {
    parameters[name] = Value(parameter, word);
  }
}

const std::pair<const char*, const char*> kModifiers[] = {{"after", "after_ms"},
                                                          {"pieces", "pieces"},
                                                          {"gap", "gap_ms"},
                                                          {"truncated", "truncated"},
                                                          {"length", "with_length"}};

const char* ModifierOf(const std::string& word) {
  for (const auto& [name, key] : kModifiers) {
    if (word == name) return key;
  }
  return nullptr;
}

bool EndsReply(const std::string& word) {
  return word == "once" || word == "repeatedly" || word.find('=') != std::string::npos;
}

/// `error "no space" after 100`: the words from `at` on, which is moved behind them.
Json Reply(const Words& words, std::size_t& at) {
  Json reply = Json::object();
  const std::string& what = words[at];
  if (what == "ack" || what == "error" || what == "raw") {
    ++at;
    std::string bytes;
    if (at < words.size() && ModifierOf(words[at]) == nullptr && words[at] != "disconnect" &&
        !EndsReply(words[at])) {
      bytes = words[at++];
    }
    PutBytes(reply, what, bytes);
  } else if (what == "nothing") {
    ++at;
    reply["nothing"] = true;
  }
  for (; at < words.size() && !EndsReply(words[at]); ++at) {
    if (words[at] == "disconnect") {
      reply["then_disconnect"] = true;
      continue;
    }
    const char* const key = ModifierOf(words[at]);
    if (key == nullptr || at + 1 == words.size()) {
      throw BadParameters(
          "a reply is ack [TEXT], error [TEXT], raw BYTES or nothing; then after MS, pieces N, gap "
          "MS, truncated N, length N, disconnect");
    }
    reply[key] = Value({"", Kind::kNumber}, words[++at]);
  }
  return reply;
}

}  // namespace

Words SplitWords(std::string_view line) {
  Words words;
  std::string word;
  bool in_word = false;
  bool quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quoted && line[at] == '\\' && at + 1 < line.size()) {
      word += Unescape(line, ++at);
    } else if (line[at] == '"') {
      quoted = !quoted;
      in_word = true;
    } else if (!quoted && std::isspace(static_cast<unsigned char>(line[at])) != 0) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += line[at];
      in_word = true;
    }
  }
  if (quoted) throw BadParameters("a \" has no second one");
  if (in_word) words.push_back(std::move(word));
  return words;
}

Json ToParameters(const Operation& operation, const Words& words) {
  Json parameters = Json::object();
  std::vector<Parameter> all = operation.parameters;
  if (operation.waits) all.push_back({"timeout_ms", Kind::kNumber, false});
  auto next = all.begin();
  for (std::size_t at = 0; at < words.size();) {
    const std::string& word = words[at];
    const std::size_t equals = word.find('=');
    const auto named = std::find_if(all.begin(), all.end(), [&](const Parameter& parameter) {
      return equals != std::string::npos && parameter.name == word.substr(0, equals);
    });
    if (named != all.end()) {
      Put(parameters, *named, word.substr(equals + 1));
      ++at;
      continue;
    }
    if (next == all.end()) {
      throw BadParameters("too many words (text with blanks stands in \"quotes\"): " +
                          Usage(operation));
    }
    if (next->kind == Kind::kReply) {
      parameters[std::string(next->name)] = Reply(words, at);
    } else {
      Put(parameters, *next, words[at++]);
    }
    ++next;
  }
  return parameters;
}

std::string Usage(const Operation& operation) {
  std::string usage(operation.name);
  for (const Parameter& parameter : operation.parameters) {
    std::string name(parameter.name);
    for (char& letter : name) {
      letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    usage += parameter.required ? ' ' + name : " [" + name + ']';
  }
  if (operation.waits) usage += " [timeout_ms=N]";
  return usage;
}

}  // namespace program
