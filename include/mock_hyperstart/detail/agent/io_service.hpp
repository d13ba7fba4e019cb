// What is done with an io client's bytes: each packet is recorded, and handed to the test's
// handler. Runs on the io thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_IO_SERVICE_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_IO_SERVICE_HPP_

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/agent/forward_observer.hpp"
#include "mock_hyperstart/detail/agent/forwarding.hpp"
#include "mock_hyperstart/detail/agent/frame_input.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/agent/user_function.hpp"
#include "mock_hyperstart/detail/net/channel_server.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class IoService {
 public:
  using Handler = UserFunction<void(const IoPacket&)>;

  /// All outlive the service.
  IoService(ChannelServer& io, const ServiceContext& context, Handler& handler)
      : io_(io), context_(context), handler_(handler), reader_(context.options.max_frame) {}

  /// Reads the client until its input ends, or a header is broken, or the mock ends the connection.
  void Serve(Connection& client) {
    ForwardObserver* const observer = context_.forward_observer;
    std::optional<Forwarding<IoHeader>> agent;
    if (!forward_to_.empty()) {
      agent.emplace(Channel::kIo, io_, client, context_);
      if (!agent->Connect(forward_to_)) return;
    }
    if (!std::exchange(goes_on_, false)) {
      reader_ = FrameReader<IoHeader>(context_.options.max_frame);
    }
    FrameInput<IoHeader> input(Channel::kIo, io_, client, reader_, context_);
    std::vector<IoPacket> packets;  // of one read
    while (input.Read()) {
      while (FrameStep<IoHeader>* const step = input.Next()) {
        if (step->header_bytes > 0) CheckLength(step->header);
        if (step->complete) packets.push_back({step->header.key, std::move(step->payload)});
      }
      if (client.IsClosing()) packets.clear();
      if (agent && observer != nullptr) {
        for (const IoPacket& packet : packets) observer->OnPacket(packet);
      }
      Record(client, packets, input.read_at());
      if (input.broken() && !agent) return input.EndAtBrokenHeader();
      if (!agent) continue;
      if (input.broken()) input.ReportForwardedHeader();
      agent->Forward(input.read_bytes());
      if (!input.broken()) continue;
      input.PassRest([&](std::string_view bytes) { agent->Forward(bytes); });
      break;
    }
    if (agent && observer != nullptr && reader_.partial().bytes > 0) {
      observer->OnBrokenFraming(Channel::kIo);  // the next client's frames may be read as its rest
    }
    if (agent) agent->EndInput();
    goes_on_ = input.NextClientGoesOn();
  }

  /// While no client is served: the next one does not go on with a frame of the one before.
  void DropPartialFrame() { goes_on_ = false; }

  /// Before the first Serve: clients are passed on to the agent at `path`.
  void ForwardTo(std::string path) { forward_to_ = std::move(path); }

  /// When the packet that the handler is called with was read. On the io thread.
  Clock::time_point read_at() const { return read_at_; }

 private:
  void Record(const Connection& client, std::vector<IoPacket>& packets, Clock::time_point when) {
    if (packets.empty()) return;
    context_.log.Write([&](EventLog::Writer& log) {
      for (const IoPacket& packet : packets) log.Received(packet, when);
    });
    if (!handler_.IsSet()) {
      context_.records.Add(packets, when);
      packets.clear();
      return;
    }
    std::vector<IoPacket> copies = packets;
    context_.records.Add(copies, when);
    read_at_ = when;
    for (const IoPacket& packet : packets) {
      if (client.IsClosing()) break;
      CallHandler(packet);
    }
    packets.clear();
  }

  void CallHandler(const IoPacket& packet) {
    const Handler::Call call(handler_);
    try {
      if (call) call.function()(packet);
    } catch (...) {
      context_.records.AddError(fmt::format("the io handler threw at a frame of seq {}: {}",
                                            packet.seq, CurrentExceptionText()));
    }
  }

  /// The agent's own limit, which it dies of [hyperstart's source; recorded for virtio].
  void CheckLength(const IoHeader& header) const {
    const bool vsock = context_.options.transport == Transport::kVsock;
    const std::uint32_t limit = vsock ? 65536 : 4096;
    if (header.length <= limit) return;
    context_.AddFatalInput({Channel::kIo,
                            fmt::format("a frame of {} bytes; the real agent dies of io frames "
                                        "over {}: send several",
                                        header.length,
                                        vsock ? "65536 bytes (vsock; over virtio 4096)"
                                              : "4096 bytes (virtio; over vsock 65536)"),
                            std::string(View(header.Encode()))});
  }

  ChannelServer& io_;
  const ServiceContext& context_;
  Handler& handler_;
  FrameReader<IoHeader> reader_;
  std::string forward_to_;
  Clock::time_point read_at_;
  bool goes_on_ = false;  // the next client goes on with the frame in reader_
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_IO_SERVICE_HPP_
