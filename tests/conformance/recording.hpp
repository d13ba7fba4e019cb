// A recording of a conversation with the real agent. What counts is its content, not how it was cut
// into reads: the frames of each channel in order, with consecutive `next`s merged into their sum.

#ifndef MOCK_HYPERSTART_TESTS_CONFORMANCE_RECORDING_HPP_
#define MOCK_HYPERSTART_TESTS_CONFORMANCE_RECORDING_HPP_

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/wire.hpp"

struct Recording {
  enum class Dir { kOpen, kClose, kFromClient, kFromAgent };
  struct Event {
    bool ctl = true;
    Dir dir = Dir::kOpen;
    bool by_agent = false;  // which side closed, for kClose
    std::string bytes;
    double ms = 0;  // since the start
  };

  std::string description;
  std::string agent_end;  // "running", "died", "powered off"
  std::vector<Event> events;
  std::string agent;      // "hyperstart v1.1.0 c0c07d2 (API 4244)"
  std::string transport;  // "virtio-serial (QEMU)"

  static std::string PathOf(const std::string& name) {
    return std::string(RECORDINGS_DIR "/") + name + ".json";
  }
  /// Loads recordings/NAME.json. Throws std::runtime_error if it cannot be read.
  static Recording Load(const std::string& name) {
    std::ifstream file(PathOf(name));
    if (!file) throw std::runtime_error("no recording " + name);
    const nlohmann::json json = nlohmann::json::parse(file);
    Recording recording{
        json.at("description"), json.at("agent_end"), {}, json.at("agent"), json.at("transport")};
    for (const nlohmann::json& event : json.at("events")) {
      const std::string dir = event.at("dir");
      recording.events.push_back({event.at("channel") == "ctl",
                                  dir == "open"            ? Dir::kOpen
                                  : dir == "close"         ? Dir::kClose
                                  : dir == "client->agent" ? Dir::kFromClient
                                                           : Dir::kFromAgent,
                                  event.value("by", "") == "agent", FromHex(event.value("hex", "")),
                                  event.at("t_ms")});
    }
    return recording;
  }

 private:
  static std::string FromHex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return bytes;
  }
};

/// Of all recordings, as Recording::Load takes them.
inline std::vector<std::string> RecordingNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(RECORDINGS_DIR)) {
    names.push_back(file.path().stem().string());
  }
  return names;
}

/// As GoogleTest takes the name of a test's parameter.
inline std::string TestNameOf(std::string recording) {
  for (char& byte : recording) byte = byte == '-' ? '_' : byte;
  return recording;
}

/// Removes the complete frames from the front of `bytes`, and returns them with consecutive `next`s
/// of ctl merged.
inline std::vector<wire::Frame> TakeMerged(std::string& bytes, bool ctl) {
  const std::size_t header = ctl ? 8 : 12;
  std::vector<wire::Frame> frames;
  std::string_view rest = bytes;
  while (rest.size() >= header) {
    const std::uint64_t key = ctl ? wire::ToU32(rest) : wire::ToU64(rest);
    const std::size_t length = wire::ToU32(rest.substr(header - 4));
    if (rest.size() < length) break;
    wire::Frame frame{key, std::string(rest.substr(header, length - header))};
    rest.remove_prefix(length);
    const bool next = ctl && key == wire::kNext;
    if (next && !frames.empty() && frames.back().key == wire::kNext) {
      std::string& sum = frames.back().payload;
      sum = wire::U32(wire::ToU32(sum) + wire::ToU32(frame.payload));
    } else {
      frames.push_back(std::move(frame));
    }
  }
  bytes.erase(0, bytes.size() - rest.size());
  return frames;
}

#endif  // MOCK_HYPERSTART_TESTS_CONFORMANCE_RECORDING_HPP_
