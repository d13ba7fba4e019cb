// What is done with a client's bytes: on ctl each frame is counted, recorded and answered; on io
// each is recorded. A command's whole way stands in CtlService::Serve. Runs on the channel's
// thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_SERVICES_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_SERVICES_HPP_

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/inbox.hpp"
#include "mock_hyperstart/detail/agent/records.hpp"
#include "mock_hyperstart/detail/agent/reply_policy.hpp"
#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/detail/wire/text.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"
#include "mock_hyperstart/reply.hpp"

namespace hyperstart::detail {

/// What both services share, and neither owns.
struct Records {
  const Options& options;
  Mailbox& mailbox;
  Transcript& transcript;

  void Add(Violation violation) const {
    transcript.Warn(violation.channel, "violation: " + violation.what + Dump(violation.bytes, 64));
    mailbox.Add(std::move(violation));
  }
  /// What the real agent dies of, though it can be understood.
  void AddFatal(Channel channel, std::string what, std::string_view bytes) const {
    if (options.strict) {
      Add({channel, std::move(what), std::string(bytes)});
    } else {
      transcript.Warn(channel, "warning: " + what);
    }
  }
};

inline std::string Describe(Command command, Dialect dialect) {
  return CommandName(command, dialect);
}
inline std::string Describe(std::uint64_t seq, Dialect) {
  return fmt::format("frame of seq {}", seq);
}

/// "300 of 512 bytes of a newcontainer"; nothing between two frames.
template <typename Header>
std::string Describe(const PartialFrame<Header>& pending, Dialect dialect) {
  if (pending.bytes == 0) return {};
  if (pending.length == 0) {
    return fmt::format("{} of {} header bytes", pending.bytes, std::size_t{Header::kSize});
  }
  return fmt::format("{} of {} bytes of a {}", pending.bytes, pending.length,
                     Describe(pending.key, dialect));
}

/// Reads the client until its input ends or can't be understood. `on_found` gets what a read holds,
/// step by step; `on_read_end` follows when there is no more in it.
template <typename Header, typename OnFound, typename OnReadEnd>
void ServeFrames(Channel channel, Connection& client, const Records& records,
                 const OnFound& on_found, const OnReadEnd& on_read_end) {
  constexpr std::size_t kReadSize = 128 * 1024;
  const std::unique_ptr<char[]> buffer(new char[kReadSize]);  // not zeroed: most is never touched
  FrameReader<Header> reader(records.options.max_frame);
  bool partial = false;
  while (const std::size_t count = client.Read(buffer.get(), kReadSize)) {
    const Clock::time_point when = Clock::now();
    for (std::string_view bytes(buffer.get(), count); !bytes.empty() && !client.IsOver();) {
      FrameStep<Header> found = reader.Next(bytes);
      if (!found.error.empty()) {
        on_read_end(when);
        records.Add({channel, std::move(found.error), reader.PartialBytes()});
        records.transcript.Note(channel, "closed by the mock: what follows can't be understood");
        return;
      }
      on_found(found, when);
    }
    const PartialFrame<Header> pending = reader.partial();
    if (partial || pending.bytes > 0) {
      records.mailbox.SetPartial(channel, Describe(pending, records.options.dialect));
    }
    if (pending.bytes == Header::kSize && pending.length > 0 && count < kReadSize) {
      records.AddFatal(channel,
                       fmt::format("{} had arrived and not one of its payload; "
                                   "the real agent dies there, on both "
                                   "channels (0.8.0 and later): write header "
                                   "and payload in one write",
                                   Describe(pending, records.options.dialect)),
                       reader.PartialBytes());
    }
    partial = pending.bytes > 0;
    on_read_end(when);
  }
  const PartialFrame<Header> pending = reader.partial();
  if (pending.bytes == 0 || client.IsOver()) return;
  records.Add({channel,
               fmt::format("the client left when {} had arrived",
                           Describe(pending, records.options.dialect)),
               reader.PartialBytes()});
}

class CtlService {
 public:
  /// `disconnect` ends the clients of both channels.
  CtlService(const Records& records, Playbook& playbook, std::function<void()> disconnect)
      : records_(records), playbook_(playbook), disconnect_(std::move(disconnect)) {}

  void Serve(Connection& client) {
    std::string out;  // whole frames that answer a read, in one write
    const auto on_found = [&](FrameStep<CtlHeader>& found, Clock::time_point when) {
      AppendNexts(out, found);
      if (!found.complete) return;
      DecodedMessage message{found.header.key, std::move(found.payload)};
      records_.transcript.Received(Channel::kCtl, static_cast<std::uint64_t>(message.command),
                                   message.payload, when);
      Playbook::Turn turn = NextTurn(message.command);
      if (turn.ask) {
        Flush(client, out);  // the handler may send, and its words come after the nexts
        records_.mailbox.Add(message, when);
        AskHandler(turn, message);
      } else {
        records_.mailbox.Add(std::move(message), when);
      }
      if (turn.reply.IsPlain() && out.size() < kMostGathered) {
        turn.reply.AppendTo(out);
      } else {
        Flush(client, out);
        CarryOut(client, turn.reply);
      }
    };
    ServeFrames<CtlHeader>(Channel::kCtl, client, records_, on_found,
                           [&](Clock::time_point) { Flush(client, out); });
  }

 private:
  static constexpr std::size_t kMostGathered = 64 * 1024;
  /// A client that lets more than that pile up is read no further until it reads: the agent's
  /// writes would block.
  static constexpr std::size_t kMostOwed = 1024 * 1024;

  static void Flush(Connection& client, std::string& out) {
    if (out.empty()) return;
    client.Send(out);
    out.clear();
    client.WaitUntilOwedAtMost(kMostOwed);
  }

  void AppendNexts(std::string& out, const FrameStep<CtlHeader>& found) const {
    std::uint32_t header = found.header_bytes;
    std::uint32_t payload = found.payload_bytes;
    if (records_.options.next_acks == NextAcks::kNone) return;
    if (records_.options.next_acks == NextAcks::kPerFrame) {
      header = found.complete ? static_cast<std::uint32_t>(kCtlHeaderSize) : 0;
      payload = found.complete ? static_cast<std::uint32_t>(found.payload.size()) : 0;
    }
    if (header > 0) AppendNext(out, header);
    if (payload > 0) AppendNext(out, payload);
  }

  static void AppendNext(std::string& out, std::uint32_t bytes) {
    std::array<char, 4> count;
    PutBigEndian(count.data(), bytes, count.size());
    out += View(CtlHeader::For(Command::kNext, count.size()).Encode());
    out += View(count);
  }

  Playbook::Turn NextTurn(Command command) {
    try {
      return playbook_.Next(command);
    } catch (...) {
      return {ReplyToFault("the plan could not be carried out", command), false, {}};
    }
  }

  void AskHandler(Playbook::Turn& turn, const DecodedMessage& message) {
    try {
      playbook_.Ask(turn, message);
    } catch (...) {
      turn.reply = std::move(turn.reply).Over(ReplyToFault("the handler threw", message.command));
    }
  }

  /// Keeps the exception being handled for Stop, and tells the client.
  Reply ReplyToFault(const char* what, Command command) {
    const std::string text = CurrentExceptionText();
    records_.mailbox.AddFault(
        fmt::format("{} at a {}: {}", what, CommandName(command, records_.options.dialect), text));
    return Reply::Error(text);
  }

  void CarryOut(Connection& client, const Reply& reply) {
    if (client.Sleep(reply.delay())) {
      Say(client, reply);
    } else {
      records_.transcript.Note(Channel::kCtl, "not answered, the client did not wait: " +
                                                  reply.What(records_.options.dialect));
      if (reply.delay().count() > 0) return;  // a client that reconnects is served at once
    }
    if (reply.disconnects()) disconnect_();
  }

  void Say(Connection& client, const Reply& reply) {
    const auto what = [&] { return reply.What(records_.options.dialect); };
    std::string bytes;
    reply.AppendTo(bytes);
    if (reply.pieces()) {
      client.SendInPieces(bytes, reply.pieces()->bytes, reply.pieces()->gap, what());
    } else if (reply.IsWholeFrame()) {
      client.Send(bytes);
    } else {
      client.SendOdd(bytes, what());
    }
    client.WaitUntilOwedAtMost(kMostOwed);
    if (!reply.then() && !reply.disconnects()) return;
    const bool sent = client.WaitUntilSent();
    try {
      if (sent && reply.then()) reply.then()();
    } catch (...) {
      records_.mailbox.AddFault(
          fmt::format("the action after a reply ({}) threw: {}", what(), CurrentExceptionText()));
    }
  }

  const Records& records_;
  Playbook& playbook_;
  const std::function<void()> disconnect_;
};

class IoService {
 public:
  explicit IoService(const Records& records) : records_(records) {}

  void Serve(Connection& client) {
    std::vector<IoPacket> packets;  // of one read
    const auto on_found = [&](FrameStep<IoHeader>& found, Clock::time_point) {
      if (found.header_bytes > 0 && found.header.length > kMostOfVirtio) WarnOfLength(found.header);
      if (found.complete) packets.push_back({found.header.key, std::move(found.payload)});
    };
    const auto on_read_end = [&](Clock::time_point when) {
      if (client.IsOver()) packets.clear();
      if (packets.empty()) return;
      records_.transcript.Received(packets, when);
      records_.mailbox.Add(packets, when);
    };
    ServeFrames<IoHeader>(Channel::kIo, client, records_, on_found, on_read_end);
  }

 private:
  static constexpr std::uint32_t kMostOfVirtio = 4096;

  void WarnOfLength(const IoHeader& header) const {
    records_.AddFatal(Channel::kIo,
                      fmt::format("a frame of {} bytes; the real agent dies of "
                                  "io frames over 4096 bytes (virtio; "
                                  "over vsock 65536): send several",
                                  header.length),
                      View(header.Encode()));
  }

  const Records& records_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_SERVICES_HPP_
