// Keeps a conversation in a file, as a recording or for Wireshark, and replays a recording. Needs
// nlohmann-json, which the target mock_hyperstart::recording brings.
//
//   hyperstart::Options options;
//   options.keep_all = true;
//   hyperstart::MockHyperstart agent(options);
//   ...
//   hyperstart::SaveRecording(agent, "session.json");
//
// The form of a recording is described in detail/recording/recording_writer.hpp. It is that of the
// recordings of the real agent in tests/conformance.

#ifndef MOCK_HYPERSTART_RECORDING_HPP_
#define MOCK_HYPERSTART_RECORDING_HPP_

#include <stdexcept>
#include <string>
#include <vector>

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/detail/recording/attached_replay.hpp"
#include "mock_hyperstart/detail/recording/pcapng.hpp"
#include "mock_hyperstart/detail/recording/recording_writer.hpp"
#include "mock_hyperstart/detail/recording/replay_agent.hpp"
#include "mock_hyperstart/detail/recording/whole_file.hpp"

namespace hyperstart {
namespace detail {

inline void CheckKeepsAll(const MockHyperstart& agent, const std::string& function) {
  if (agent.GetOptions().keep_all) return;
  throw std::logic_error("mock_hyperstart: " + function +
                         "() of a mock that has not kept the whole conversation: set "
                         "Options::keep_all before it is made");
}

}  // namespace detail

/// Writes the conversation so far, whole or not at all: an old file is replaced when the new one is
/// complete. May be called while clients send. Throws std::logic_error without Options::keep_all,
/// and std::system_error, which says why the file can't be written.
inline void SaveRecording(const MockHyperstart& agent, const std::string& path) {
  detail::CheckKeepsAll(agent, "SaveRecording");
  const std::string name = path.substr(path.rfind('/') + 1);
  detail::WriteWholeFile(path, detail::RecordingText(agent.Events(), name, agent.GetOptions()));
}

/// The same as a capture file for Wireshark: pcapng, link type VSOCK. The post-dissector
/// examples/wireshark/hyperstart.lua names commands and streams. Faults, warnings and violations
/// are comments of the packet that follows them.
inline void SavePcapng(const MockHyperstart& agent, const std::string& path) {
  detail::CheckKeepsAll(agent, "SavePcapng");
  detail::WriteWholeFile(path, detail::PcapngText(agent.Events()));
}

/// What a replay demands of the client.
struct ReplayOptions {
  /// JSON pointers to what may differ in a command's payload: {"/id", "/process/stdio"}. Where the
  /// recorded agent repeats such a text in JSON of its own, or sends on such a stream, the replay
  /// uses what the client says now.
  std::vector<std::string> ignore;
  /// What the mock does with a command after the recording's end.
  enum class AfterEnd {
    kViolation,  // and `error`
    kOtherwise   // as without the recording: a handler that was set before Replay, such as that of
                 // an AgentModel, which begins with no pod; else the default reply. So do
                 // packets, once all recorded commands and packets have come
  };
  AfterEnd after_end = AfterEnd::kViolation;
  /// A client that leaves, or is connected when the mock stops, and has not said all that the
  /// recorded one said by then, is a violation, too.
  bool to_the_end = false;
};

/// Makes the mock answer as the agent of a recording did. Before Start. Commands must come in the
/// recorded order, with the same payloads; JSON is compared as values. What the agent has said
/// without being asked (`ready`, events, streams) comes when all that was recorded before it has
/// come, not by the clock. A client that leaves the recorded path gets `error` from there on, and a
/// violation that shows what was expected and what came. Where Options say that the mock greets a
/// client with `ready`, a recorded one is not sent again. A plan goes before the recording, which
/// then knows nothing of that command.
///
/// Sets the mock's handler, io handler and connection handler, and turns HoldNexts off. Make an
/// AgentModel before it, and keep it until Stop: it takes the handlers away when it ends, and its
/// handler of fatal input acts in the replay, too. A connection handler that was set
/// before is still called. Throws std::runtime_error for a file that can't be read, or is broken,
/// with the line and what is wrong, and std::invalid_argument for an `ignore` that is no JSON
/// pointer.
inline void Replay(MockHyperstart& agent, const std::string& path, const ReplayOptions& options) {
  detail::ReplayRules rules;
  rules.ignore = options.ignore;
  rules.goes_on_after_end = options.after_end == ReplayOptions::AfterEnd::kOtherwise;
  rules.to_the_end = options.to_the_end;
  rules.SetGreeted(agent.GetOptions());
  detail::AttachReplay(agent, path, rules);
}
/// The same with the default options.
inline void Replay(MockHyperstart& agent, const std::string& path) { Replay(agent, path, {}); }

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_RECORDING_HPP_
