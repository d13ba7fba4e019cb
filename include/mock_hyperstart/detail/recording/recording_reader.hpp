// The text of a recording to values. Its form is described in recording_writer.hpp. Stateless: any
// thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_READER_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_READER_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "mock_hyperstart/detail/recording/recording_writer.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

struct RecordedEvent {
  enum class Kind { kOpen, kClose, kFromClient, kFromAgent, kWords };
  Kind kind = Kind::kWords;
  Channel channel = Channel::kCtl;
  bool by_agent = false;  // of kClose
  double ms = 0;          // since the start
  std::string bytes;      // of a kWords: those that a violation is about
  std::string text;       // of kWords
  std::size_t line = 0;   // of the file
};

struct Recording {
  std::string agent;
  std::string transport;
  Dialect dialect = Dialect::kHyperstart;
  std::vector<RecordedEvent> events;
};

class RecordingReader {
 public:
  /// `name` is shown in errors: "NAME:12: ...". Throws std::runtime_error for what is no recording,
  /// or not a whole one, or of a version to come.
  static Recording Read(std::string_view text, std::string_view name) {
    return RecordingReader(text, name).Read();
  }
  /// The same of a file.
  static Recording ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      throw std::runtime_error(fmt::format("mock_hyperstart: cannot read {}: {}", path,
                                           std::generic_category().message(errno)));
    }
    if (std::filesystem::is_directory(path)) {
      throw std::runtime_error(fmt::format("mock_hyperstart: cannot read {}: {}", path,
                                           std::generic_category().message(EISDIR)));
    }
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    return Read(text, path);
  }

 private:
  using Json = nlohmann::json;

  RecordingReader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  [[noreturn]] void Fail(std::size_t line, std::string_view what) const {
    throw std::runtime_error(fmt::format("mock_hyperstart: {}:{}: {}", name_, line, what));
  }

  Recording Read() const {
    if (text_.empty()) Fail(1, "the file is empty: no recording");
    const Json json = Parse();
    if (!json.is_object() || (!json.contains("events") && !json.contains("format"))) {
      Fail(1, "no recording: not a JSON object with \"events\"");
    }
    CheckVersion(json);
    const auto events = json.find("events");
    if (events == json.end() || !events->is_array()) {
      Fail(LineOf("\"events\""), "\"events\" is not a list");
    }
    Recording recording;
    recording.agent = TextOr(json, "agent", "");
    recording.transport = TextOr(json, "transport", "");
    recording.dialect = ReadDialect(json);
    const std::vector<std::size_t> lines = LinesOfEvents();
    for (std::size_t i = 0; i < events->size(); ++i) {
      recording.events.push_back(ReadEvent((*events)[i], i < lines.size() ? lines[i] : 1));
    }
    return recording;
  }

  Json Parse() const {
    try {
      return Json::parse(text_);
    } catch (const Json::parse_error& error) {
      const std::size_t at = std::min<std::size_t>(error.byte, text_.size());
      const std::size_t line = LineAt(at == 0 ? 0 : at - 1);
      if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos ||
          text_[text_.find_first_not_of(" \t\r\n")] != '{') {
        Fail(line, "no recording: not a JSON object");
      }
      if (text_.find_first_not_of(" \t\r\n", at) == std::string_view::npos) {
        Fail(line, "the recording is cut off here: it was not written to its end");
      }
      Fail(line, fmt::format("broken JSON at column {}", at - LineBegin(at == 0 ? 0 : at - 1)));
    } catch (const Json::out_of_range& error) {  // "... number overflow parsing '1e999'"
      const std::string_view what = error.what();
      const std::size_t begin = what.find('\'') + 1;
      const std::string_view number = what.substr(begin, what.rfind('\'') - begin);
      Fail(LineOf(number), fmt::format("the number {} is out of range", number));
    }
  }

  void CheckVersion(const Json& json) const {
    const auto format = json.find("format");
    if (format != json.end() && *format != kRecordingFormat) {
      Fail(LineOf("\"format\""), fmt::format("no recording: its format is {}", Shown(*format)));
    }
    const auto version = json.find("version");
    if (version == json.end()) return;
    if (!version->is_number_unsigned() || *version == 0) {
      Fail(LineOf("\"version\""), fmt::format("version {} is no number", Shown(*version)));
    }
    if (*version > kRecordingVersion) {
      Fail(LineOf("\"version\""),
           fmt::format("version {} is newer than the {} that this mock_hyperstart reads: update it",
                       Shown(*version), kRecordingVersion));
    }
  }

  Dialect ReadDialect(const Json& json) const {
    const std::string dialect =
        TextOr(json, "dialect", json.contains("dialect") ? "" : "hyperstart");
    if (dialect == "clear-containers") return Dialect::kClearContainers;
    if (dialect != "hyperstart") {
      Fail(LineOf("\"dialect\""),
           fmt::format("\"dialect\" is {}, not \"hyperstart\" or \"clear-containers\"",
                       ShownAt(json, "dialect")));
    }
    return Dialect::kHyperstart;
  }

  RecordedEvent ReadEvent(const Json& json, std::size_t line) const {
    using Kind = RecordedEvent::Kind;
    if (!json.is_object()) Fail(line, "an event that is no object: " + Shown(json));
    RecordedEvent event;
    event.line = line;
    const auto time = json.find("t_ms");
    if (time == json.end() || !time->is_number()) Fail(line, "an event without a number \"t_ms\"");
    event.ms = *time;
    const std::string channel = TextOr(json, "channel", "");
    if (channel != "ctl" && channel != "io") {
      Fail(line, fmt::format("\"channel\" is {}, not \"ctl\" or \"io\"", ShownAt(json, "channel")));
    }
    event.channel = channel == "ctl" ? Channel::kCtl : Channel::kIo;
    const std::string dir = TextOr(json, "dir", "");
    if (dir == "open") {
      event.kind = Kind::kOpen;
    } else if (dir == "close") {
      event.kind = Kind::kClose;
      const std::string by = TextOr(json, "by", "");
      if (by != "agent" && by != "client") {
        Fail(line, fmt::format("\"by\" is {}, not \"agent\" or \"client\"", ShownAt(json, "by")));
      }
      event.by_agent = by == "agent";
    } else if (dir == "client->agent" || dir == "agent->client") {
      event.kind = dir == "client->agent" ? Kind::kFromClient : Kind::kFromAgent;
      event.bytes = FromHex(json, line);
    } else if (dir == "fault" || dir == "warning" || dir == "violation") {
      event.text = TextOr(json, "text", "");
      if (dir == "violation" && json.contains("hex")) event.bytes = FromHex(json, line);
    } else {
      Fail(line, fmt::format("\"dir\" is {}, which is none of open, close, client->agent, "
                             "agent->client, fault, warning and violation",
                             ShownAt(json, "dir")));
    }
    return event;
  }

  std::string FromHex(const Json& json, std::size_t line) const {
    const auto found = json.find("hex");
    if (found == json.end() || !found->is_string()) Fail(line, "frames without a text \"hex\"");
    const auto& hex = found->get_ref<const std::string&>();
    if (hex.size() % 2 != 0) Fail(line, "\"hex\" has an odd number of digits");
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      const int high = Digit(hex[i]);
      const int low = Digit(hex[i + 1]);
      if (high < 0 || low < 0) {
        Fail(line, fmt::format("\"hex\" has {} at digit {}", Quoted(hex.substr(i, 2)), i + 1));
      }
      bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
  }
  static int Digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
  }

  static std::string Shown(const Json& json) {
    const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 60) + "...";
  }
  static std::string ShownAt(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found == json.end() ? "missing" : Shown(*found);
  }
  static std::string TextOr(const Json& json, const char* key, const char* otherwise) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : otherwise;
  }

  // ---- Lines, which the JSON library does not keep.

  std::size_t LineAt(std::size_t position) const {
    return 1 + static_cast<std::size_t>(std::count(
                   text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
  }
  std::size_t LineBegin(std::size_t position) const {
    const std::size_t before =
        position == 0 ? std::string_view::npos : text_.rfind('\n', position - 1);
    return before == std::string_view::npos ? 0 : before + 1;
  }
  std::size_t LineOf(std::string_view key) const {
    const std::size_t at = text_.find(key);
    return at == std::string_view::npos ? 1 : LineAt(at);
  }
  /// Of each value in "events", in order. `text_` is valid JSON.
  std::vector<std::size_t> LinesOfEvents() const {
    std::vector<std::size_t> lines;
    std::size_t line = 1;
    int depth = 0;
    bool in_string = false;
    bool value_begins = false;  // at depth 2, after [ or ,
    const std::size_t begin = std::min(text_.find("\"events\""), text_.size());
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char byte = text_[i];
      if (byte == '\n') ++line;
      if (in_string) {
        if (byte == '\\') ++i;
        if (byte == '"') in_string = false;
        continue;
      }
      if (value_begins && std::string_view(" \t\r\n]").find(byte) == std::string_view::npos) {
        lines.push_back(line);
        value_begins = false;
      }
      if (byte == '"') in_string = true;
      if (byte == '{' || byte == '[') ++depth;
      if (byte == '}' || byte == ']') --depth;
      if ((byte == '[' || byte == ',') && depth == 2 && i > begin) value_begins = true;
    }
    return lines;
  }

  const std::string_view text_;
  const std::string_view name_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_RECORDING_READER_HPP_
