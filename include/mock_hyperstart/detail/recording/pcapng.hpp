// Events to a capture file, at once or as they happen: pcapng, with the link type of Linux's
// vsockmon (VSOCK, 271), so that Wireshark shows both channels as connections between the host, CID
// 2, and a guest, CID 3. Sources: draft-ietf-opsawg-pcapng, and struct af_vsockmon_hdr in
// linux/vsockmon.h. Not synchronised.
//
// The ports of the agent are hyperstart's, 2718 for ctl and 2719 for io; each client has a port of
// its own, from 1024 on. What is neither bytes nor the begin or end of a connection (faults,
// warnings, violations) is the comment of the next packet. Times are those of the wall clock at
// Start, and what has passed since.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_PCAPNG_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_PCAPNG_HPP_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/recording/event_bytes.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"

namespace hyperstart::detail {

/// Begin, then each event, then End, put together, are the file.
class PcapngWriter {
 public:
  /// The section and the interface.
  static std::string Begin() {
    std::string section;
    Put(section, 0x1a2b3c4d, 4);  // the byte order
    Put(section, 1, 2);           // version 1.0
    Put(section, 0, 2);
    Put(section, ~std::uint64_t{0}, 8);  // of no length that is known
    PutOption(section, 4, "mock_hyperstart");
    Put(section, 0, 4);
    std::string interface;
    Put(interface, kLinkTypeVsock, 2);
    Put(interface, 0, 2);
    Put(interface, 0, 4);                                 // no limit to the size of a packet
    PutOption(interface, 2, "hyperstart");                // if_name
    PutOption(interface, 9, std::string_view("\x9", 1));  // if_tsresol: nanoseconds
    Put(interface, 0, 4);
    return Block(0x0a0d0d0a, section) + Block(1, interface);
  }

  /// The event's packets. Throws std::logic_error for an event that was not kept whole.
  std::string Add(const Event& event) {
    Peer& peer = peers_[event.channel == Channel::kCtl ? 0 : 1];
    const std::chrono::nanoseconds time = event.wall_time.time_since_epoch();
    time_ = time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
    switch (event.kind) {
      case EventKind::kConnected:
        peer.is_open = true;
        peer.port = next_port_++;
        return Packet(event.channel, true, kConnect, {});
      case EventKind::kDisconnected:
        if (!peer.is_open) return {};
        peer.is_open = false;
        return Packet(event.channel, event.ended_by == EndedBy::kClient, kDisconnect, {});
      case EventKind::kReceived:
        return Payload(event.channel, true, EventBytes(event));
      case EventKind::kSent:
        return Payload(event.channel, false, EventBytes(event));
      case EventKind::kFault:
      case EventKind::kWarning:
      case EventKind::kViolation:
        AddComment(event);
        return {};
    }
    return {};
  }

  /// A packet for the comments after the last event.
  std::string End() {
    return comment_.empty() ? std::string() : Packet(Channel::kCtl, false, kControl, {});
  }

 private:
  static constexpr std::uint64_t kLinkTypeVsock = 271;
  static constexpr std::uint64_t kHostCid = 2;
  static constexpr std::uint64_t kGuestCid = 3;
  /// Wireshark refuses packets of more than 256 KiB.
  static constexpr std::size_t kMostInPacket = 128 * 1024;

  enum Op : std::uint16_t { kConnect = 1, kDisconnect = 2, kControl = 3, kPayload = 4 };
  struct Peer {
    bool is_open = false;
    std::uint32_t port = 1023;  // before the first client
  };

  /// Little-endian.
  static void Put(std::string& out, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i, value >>= 8) {
      out += static_cast<char>(static_cast<unsigned char>(value & 0xff));
    }
  }
  static void PutPadded(std::string& out, std::string_view bytes) {
    out += bytes;
    out.append((4 - bytes.size() % 4) % 4, '\0');
  }
  static void PutOption(std::string& out, std::uint16_t code, std::string_view value) {
    Put(out, code, 2);
    Put(out, value.size(), 2);
    PutPadded(out, value);
  }
  static std::string Block(std::uint32_t type, std::string_view body) {
    std::string block;
    Put(block, type, 4);
    Put(block, body.size() + 12, 4);
    block += body;
    Put(block, body.size() + 12, 4);
    return block;
  }

  void AddComment(const Event& event) {
    constexpr std::size_t kMost = 16 * 1024;  // a length has 16 bits
    const std::string line = ToString(event.channel) + ": " + DescribeEvent(event);
    if (comment_.size() + line.size() + 1 > kMost) return;
    if (!comment_.empty()) comment_ += '\n';
    comment_ += line;
  }

  std::string Payload(Channel channel, bool from_client, std::string_view bytes) {
    std::string packets;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kMostInPacket))) {
      packets += Packet(channel, from_client, kPayload, bytes.substr(0, kMostInPacket));
    }
    return packets;
  }

  std::string Packet(Channel channel, bool from_client, Op op, std::string_view bytes) {
    const std::uint32_t client_port = peers_[channel == Channel::kCtl ? 0 : 1].port;
    const std::uint32_t agent_port = channel == Channel::kCtl ? 2718 : 2719;
    std::string data;  // struct af_vsockmon_hdr
    Put(data, from_client ? kHostCid : kGuestCid, 8);
    Put(data, from_client ? kGuestCid : kHostCid, 8);
    Put(data, from_client ? client_port : agent_port, 4);
    Put(data, from_client ? agent_port : client_port, 4);
    Put(data, op, 2);
    Put(data, 1, 2);  // no information on the transport,
    Put(data, 0, 2);  // and no header of it
    Put(data, 0, 2);
    data += bytes;

    std::string body;
    Put(body, 0, 4);  // the interface
    Put(body, time_ >> 32, 4);
    Put(body, time_ & 0xffffffff, 4);
    Put(body, data.size(), 4);
    Put(body, data.size(), 4);
    PutPadded(body, data);
    if (!comment_.empty()) {
      PutOption(body, 1, comment_);
      Put(body, 0, 4);
      comment_.clear();
    }
    return Block(6, body);
  }

  Peer peers_[2];  // on ctl, on io
  std::uint32_t next_port_ = 1024;
  std::uint64_t time_ = 0;  // of the last event, in nanoseconds since 1970
  std::string comment_;     // of the next packet
};

/// A whole capture file.
inline std::string PcapngText(const std::vector<Event>& events) {
  PcapngWriter writer;
  std::string text = PcapngWriter::Begin();
  for (const Event& event : events) text += writer.Add(event);
  return text + writer.End();
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_PCAPNG_HPP_
