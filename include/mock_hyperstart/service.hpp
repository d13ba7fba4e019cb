// What is done with a client's bytes: on ctl each frame is counted, recorded and answered; on io
// each is recorded. A command's whole way stands in CtlService::Serve. Runs on the channel's
// thread.

#ifndef MOCK_HYPERSTART_SERVICE_HPP_
#define MOCK_HYPERSTART_SERVICE_HPP_

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/connection.hpp"
#include "mock_hyperstart/frame_reader.hpp"
#include "mock_hyperstart/inbox.hpp"
#include "mock_hyperstart/mailbox.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

inline std::string KeyText(Command command, Dialect dialect) {
  return CommandName(command, dialect);
}
inline std::string KeyText(std::uint64_t seq, Dialect) {
  return fmt::format("frame of seq {}", seq);
}

/// "300 of 512 bytes of a newcontainer"; nothing between two frames.
template <typename Header>
std::string Describe(const Pending<Header>& pending, Dialect dialect) {
  if (pending.bytes == 0) return {};
  if (pending.length == 0) {
    return fmt::format("{} of {} header bytes", pending.bytes, std::size_t{Header::kSize});
  }
  return fmt::format("{} of {} bytes of a {}", pending.bytes, pending.length,
                     KeyText(pending.key, dialect));
}

/// Reads the client until its input ends or can't be understood. `on_found` gets what a read holds,
/// step by step; `on_read_end` follows when there is no more in it.
template <typename Header, typename OnFound, typename OnReadEnd>
void ServeFrames(Channel channel, Connection& client, Mailbox& mailbox, const Options& options,
                 const OnFound& on_found, const OnReadEnd& on_read_end) {
  constexpr std::size_t kReadSize = 128 * 1024;
  const std::unique_ptr<char[]> buffer(new char[kReadSize]);  // not zeroed: most is never touched
  FrameReader<Header> reader(options.max_frame);
  bool partial = false;
  while (const std::size_t count = client.Read(buffer.get(), kReadSize)) {
    const Clock::time_point when = Clock::now();
    for (std::string_view bytes(buffer.get(), count); !bytes.empty();) {
      Found<Header> found = reader.Read(bytes);
      if (!found.broken.empty()) {
        on_read_end(when);
        mailbox.Add(Violation{channel, std::move(found.broken), reader.PendingBytes()});
        return;
      }
      on_found(found, when);
    }
    const Pending<Header> pending = reader.GetPending();
    if (partial || pending.bytes > 0) {
      mailbox.SetPartial(channel, Describe(pending, options.dialect));
    }
    partial = pending.bytes > 0;
    on_read_end(when);
  }
  const Pending<Header> pending = reader.GetPending();
  if (pending.bytes == 0 || client.IsHungUp()) return;
  mailbox.Add(Violation{
      channel,
      fmt::format("the client left when {} had arrived", Describe(pending, options.dialect)),
      reader.PendingBytes()});
}

class CtlService {
 public:
  CtlService(const Options& options, Mailbox& mailbox) : options_(options), mailbox_(mailbox) {}

  void Serve(Connection& client) {
    std::string out;  // what a read is answered with, in one write
    const auto on_found = [&](Found<CtlHeader>& found, Clock::time_point when) {
      AppendNexts(out, found);
      if (!found.complete) return;
      const Command command = found.header.key;
      mailbox_.Add(DecodedMessage{command, std::move(found.payload)}, when);
      out += DefaultReply(command);
    };
    const auto on_read_end = [&](Clock::time_point) {
      if (out.empty()) return;
      client.Send(out);
      out.clear();
      client.WaitUntilOwedAtMost(kMostOwed);
    };
    ServeFrames<CtlHeader>(Channel::kCtl, client, mailbox_, options_, on_found, on_read_end);
  }

 private:
  /// A client that lets more than that pile up is read no further until it reads: the agent's
  /// writes would block.
  static constexpr std::size_t kMostOwed = 1024 * 1024;

  void AppendNexts(std::string& out, const Found<CtlHeader>& found) const {
    std::uint32_t header = found.header_bytes;
    std::uint32_t payload = found.payload_bytes;
    if (options_.next_acks == NextAcks::kNone) return;
    if (options_.next_acks == NextAcks::kPerFrame) {
      header = found.complete ? static_cast<std::uint32_t>(kCtlHeaderSize) : 0;
      payload = found.complete ? static_cast<std::uint32_t>(found.payload.size()) : 0;
    }
    if (header > 0) out += Frame(Command::kNext, BigEndian32(header));
    if (payload > 0) out += Frame(Command::kNext, BigEndian32(payload));
  }

  std::string DefaultReply(Command command) const {
    return Frame(Command::kAck,
                 command == Command::kVersion ? BigEndian32(options_.api_version) : std::string());
  }

  const Options& options_;
  Mailbox& mailbox_;
};

class IoService {
 public:
  IoService(const Options& options, Mailbox& mailbox) : options_(options), mailbox_(mailbox) {}

  void Serve(Connection& client) {
    std::vector<IoPacket> packets;  // of one read
    const auto on_found = [&](Found<IoHeader>& found, Clock::time_point) {
      if (found.complete) packets.push_back({found.header.key, std::move(found.payload)});
    };
    const auto on_read_end = [&](Clock::time_point when) {
      if (!packets.empty()) mailbox_.Add(packets, when);
    };
    ServeFrames<IoHeader>(Channel::kIo, client, mailbox_, options_, on_found, on_read_end);
  }

 private:
  const Options& options_;
  Mailbox& mailbox_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_SERVICE_HPP_
