// The operations that send to the client, or do something to its connection.

#include <cstdint>
#include <optional>
#include <string_view>

#include "operations.hpp"
#include "parameters.hpp"

namespace program {
namespace {

Json SendExitStatus(Double& d, Caller&, const Json& p) {
  const auto byte = static_cast<char>(static_cast<std::uint8_t>(Number(p, "status", 255)));
  d.server().SendIo(Number(p, "seq"), std::string_view(&byte, 1));
  return nullptr;
}
Json SendProcessEvent(Double& d, Caller&, const Json& p) {
  const std::optional<std::int64_t> status = SignedNumber(p.at("status"));
  if (!status || *status != static_cast<std::int32_t>(*status)) {
    throw BadParameters("status is a whole number of 32 bits");
  }
  d.server().SendProcessEvent(Text(p, "container"), Text(p, "process"),
                              static_cast<std::int32_t>(*status));
  return nullptr;
}

const Parameter kSeq{"seq", Kind::kNumber};
const Parameter kChannel{"channel", Kind::kChannel};
const Parameter kData{"data", Kind::kBytes};

}  // namespace

std::vector<Operation> SendingOperations() {
  return {
      {"send_message",
       "a ctl frame to the client",
       {{"command", Kind::kCommand}, {"payload", Kind::kBytes, false}},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendMessage(*MaybeCommand(d, p), BytesOf(p, "payload"));
         return Json();
       }},
      {"send_ready",
       "says ready",
       {},
       false,
       [](Double& d, Caller&, const Json&) {
         d.server().SendMessage(hyperstart::Command::kReady, {});
         return Json();
       }},
      {"send_process_event",
       "says that a process has ended",
       {{"container", Kind::kText}, {"process", Kind::kText}, {"status", Kind::kNumber}},
       false,
       &SendProcessEvent},
      {"send_io",
       "bytes of a stream to the client",
       {kSeq, kData},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendIo(Number(p, "seq"), BytesOf(p, "data"));
         return Json();
       }},
      {"close_io",
       "the end of a stream",
       {kSeq},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendIo(Number(p, "seq"), {});
         return Json();
       }},
      {"send_exit_status",
       "the exit status on a stream",
       {kSeq, {"status", Kind::kNumber}},
       false,
       &SendExitStatus},
      {"send_raw",
       "any bytes to the client",
       {kChannel, kData},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().SendRaw(ChannelOf(p), BytesOf(p, "data"));
         return Json();
       }},
      {"disconnect",
       "ends the connection",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).Disconnect();
         return Json();
       }},
      {"reset",
       "ends the connection with an error, once the client has written again",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).Reset();
         return Json();
       }},
      {"shutdown_send",
       "sends nothing more",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).ShutDownSending();
         return Json();
       }},
      {"pause_reading",
       "reads nothing until resume_reading",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).PauseReading(true);
         return Json();
       }},
      {"resume_reading",
       "reads again",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).PauseReading(false);
         return Json();
       }},
      {"stop_listening",
       "refuses clients",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).StopListening();
         return Json();
       }},
      {"resume_listening",
       "takes clients again",
       {kChannel},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).ResumeListening();
         return Json();
       }},
      {"set_write_size",
       "sends in writes of so many bytes",
       {kChannel, {"bytes", Kind::kNumber}},
       false,
       [](Double& d, Caller&, const Json& p) {
         d.server().channel(ChannelOf(p)).SetWriteSize(Number(p, "bytes"));
         return Json();
       }},
  };
}

}  // namespace program
