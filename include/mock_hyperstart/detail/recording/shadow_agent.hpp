// Stores what the model sends, so that it can be compared with what a real agent sends. Not
// thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/model/modelled_agent.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// As the text of a difference shows it.
inline std::string Describe(const DecodedMessage& frame) {
  constexpr std::size_t kShown = 200;  // bytes
  const std::string& payload = frame.payload;
  std::string name = CommandName(frame.command);
  if (payload.empty()) return name;
  return fmt::format("{} {} {}", name, Bytes(payload.size()), OneLine(payload, kShown));
}

class ShadowAgent final : public DetachedAgent {
 public:
  void SendMessage(Command command, std::string_view payload) override {
    frames_.push_back({command, std::string(payload)});
  }
  void SendIo(std::uint64_t seq, std::string_view data) override {
    ++(data.empty() ? ends_ : statuses_)[seq];
  }
  /// The client's fault, and what the agent does of it: why it says nothing.
  void ReportViolation(Violation violation) override { Note(violation.channel, violation.what); }
  void Note(Channel, std::string_view text) override { words_ = text; }

  /// The first frame of that command that was not taken yet.
  std::optional<DecodedMessage> Take(Command command) {
    const auto found =
        std::find_if(frames_.begin(), frames_.end(),
                     [&](const DecodedMessage& frame) { return frame.command == command; });
    if (found == frames_.end()) return std::nullopt;
    DecodedMessage taken = std::move(*found);
    frames_.erase(found);
    return taken;
  }
  bool HasSaid(Command command) const {
    return std::any_of(frames_.begin(), frames_.end(),
                       [&](const DecodedMessage& frame) { return frame.command == command; });
  }
  /// How many ends of each stream it has told.
  const std::map<std::uint64_t, std::size_t>& ends() const { return ends_; }
  /// How many exit statuses, with API 4242: its programs write nothing.
  std::size_t Statuses(std::uint64_t seq) const {
    const auto found = statuses_.find(seq);
    return found == statuses_.end() ? 0 : found->second;
  }
  /// The last note or violation.
  const std::string& words() const { return words_; }
  void ClearWords() { words_.clear(); }

 private:
  std::vector<DecodedMessage> frames_;
  std::map<std::uint64_t, std::size_t> ends_;
  std::map<std::uint64_t, std::size_t> statuses_;
  std::string words_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_SHADOW_AGENT_HPP_
