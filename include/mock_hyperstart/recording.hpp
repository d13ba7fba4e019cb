// Keeps a conversation in a file: as a recording, or for Wireshark. Needs nlohmann-json, which the
// target mock_hyperstart::recording brings.
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

#include "mock_hyperstart.hpp"
#include "mock_hyperstart/detail/recording/pcapng.hpp"
#include "mock_hyperstart/detail/recording/recording_writer.hpp"
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
/// complete. Throws std::logic_error without Options::keep_all, and std::system_error, which says
/// why the file can't be written.
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

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_RECORDING_HPP_
