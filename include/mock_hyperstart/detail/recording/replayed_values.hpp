// What may differ between a recorded client and the one of a replay: the ids and stream numbers
// that the rules ignore. Learns them from the client's commands, and puts them in the place of the
// recorded ones in what the agent says. Not thread-safe.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYED_VALUES_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYED_VALUES_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/recording/payload_diff.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"

namespace hyperstart::detail {

class ReplayedValues {
 public:
  explicit ReplayedValues(std::vector<JsonPointer> ignored) : ignored_(std::move(ignored)) {}

  const std::vector<JsonPointer>& ignored() const { return ignored_; }

  /// The payload of a command, as it was recorded and as it came. `bytes_follow`: of a writefile.
  void Learn(std::string_view recorded, std::string_view came, bool bytes_follow) {
    if (ignored_.empty()) return;
    const JsonAndBytes left = SplitPayload(recorded, bytes_follow);
    const JsonAndBytes right = SplitPayload(came, bytes_follow);
    for (const JsonPointer& pointer : ignored_) {
      if (!left.json.contains(pointer) || !right.json.contains(pointer)) continue;
      const nlohmann::json& before = left.json.at(pointer);
      const nlohmann::json& now = right.json.at(pointer);
      if (before.is_string() && now.is_string()) {
        texts_[JsonString(before.get<std::string>())] = JsonString(now.get<std::string>());
      }
      const bool is_seq =
          !pointer.empty() && (pointer.back() == "stdio" || pointer.back() == "stderr");
      if (is_seq && before.is_number_unsigned() && now.is_number_unsigned()) {
        LearnSeq(before.get<std::uint64_t>(), now.get<std::uint64_t>());
      }
    }
  }

  /// A payload of the agent, with the client's texts in the place of the recorded ones. Keys stay.
  std::string Translate(const std::string& payload) const {
    if (texts_.empty() || payload.empty() || payload[0] != '{') return payload;
    std::string out;
    for (std::size_t at = 0; at < payload.size();) {
      const auto text = std::find_if(texts_.begin(), texts_.end(), [&](const auto& pair) {
        const std::size_t end = at + pair.first.size();
        return payload.compare(at, pair.first.size(), pair.first) == 0 &&
               (end == payload.size() || payload[end] != ':');
      });
      out += text == texts_.end() ? std::string(1, payload[at]) : text->second;
      at += text == texts_.end() ? 1 : text->first.size();
    }
    return out;
  }

  /// The client's stream that takes the place of a recorded one, and the other way round.
  std::uint64_t OwnSeq(std::uint64_t recorded) const {
    const auto found = own_seqs_.find(recorded);
    return found == own_seqs_.end() ? recorded : found->second;
  }
  std::uint64_t RecordedSeq(std::uint64_t own) const {
    const auto found = recorded_seqs_.find(own);
    return found == recorded_seqs_.end() ? own : found->second;
  }

 private:
  /// A client may use one stream for several recorded ones, one after the other: the last counts.
  void LearnSeq(std::uint64_t recorded, std::uint64_t own) {
    own_seqs_[recorded] = own;
    recorded_seqs_[own] = recorded;
  }

  const std::vector<JsonPointer> ignored_;
  std::map<std::string, std::string> texts_;  // as in JSON, with quotes
  std::map<std::uint64_t, std::uint64_t> own_seqs_;
  std::map<std::uint64_t, std::uint64_t> recorded_seqs_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_REPLAYED_VALUES_HPP_
