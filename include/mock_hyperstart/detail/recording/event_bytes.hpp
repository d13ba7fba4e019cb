// The bytes that an event put on the wire. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_BYTES_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_BYTES_HPP_

#include <cstdint>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

/// Of an event that was received or sent. Throws std::logic_error for one that was not kept whole.
inline std::string EventBytes(const Event& event) {
  std::string bytes;
  if (!event.nexts.empty()) {
    for (const NextRun& run : event.nexts) {
      const std::string next =
          std::string(View(CtlHeader::For(Command::kNext, 4).Encode())) + BigEndian32(run.bytes);
      for (std::uint64_t i = 0; i < run.frames; ++i) bytes += next;
    }
    return bytes;
  }
  if (event.bytes.size() != event.size) {
    throw std::logic_error(
        "mock_hyperstart: a recording needs every byte of the conversation: set "
        "Options::keep_all before the mock is made");
  }
  if (event.is_frame && event.channel == Channel::kCtl) {
    bytes = View(CtlHeader::For(event.command, event.size).Encode());
  } else if (event.is_frame) {
    bytes = View(IoHeader::For(event.seq, event.size).Encode());
  }
  return bytes + event.bytes;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_BYTES_HPP_
