// The commands of one read and the answers to them, on their way to the records, the conversation
// and the client: together, with one lock of each and one write. Used on the ctl thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_ANSWER_BATCH_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_ANSWER_BATCH_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/agent/clock.hpp"
#include "mock_hyperstart/detail/agent/next_runs.hpp"
#include "mock_hyperstart/detail/agent/service_context.hpp"
#include "mock_hyperstart/detail/net/connection.hpp"
#include "mock_hyperstart/detail/wire/bytes.hpp"
#include "mock_hyperstart/detail/wire/frame_reader.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

class AnswerBatch {
 public:
  /// A client that lets more bytes than that pile up is read no further until it reads: the agent's
  /// writes would block.
  static constexpr std::size_t kMostPending = 1024 * 1024;

  /// All outlive the batch.
  AnswerBatch(Connection& client, const ServiceContext& context)
      : client_(client), context_(context) {}

  /// Counts a piece of a frame, with the `next` frames that Options::next_acks asks for.
  void CountPiece(const FrameStep<CtlHeader>& step) {
    switch (context_.options.next_acks) {
      case NextAcks::kPerRead:
        AddNext(step.header_bytes);
        AddNext(step.payload_bytes);
        break;
      case NextAcks::kPerFrame:
        if (!step.complete) break;
        AddNext(kCtlHeaderSize);
        AddNext(static_cast<std::uint32_t>(step.payload.size()));
        break;
      case NextAcks::kNone:
        break;
    }
  }

  /// A whole command, whose pieces have been counted. The result is valid until the next call.
  const DecodedMessage& Receive(DecodedMessage message, Clock::time_point when) {
    messages_.push_back(std::move(message));
    received_at_ = when;
    entries_.push_back({Entry::kMessage, 0});
    AddNextsEntry();
    return messages_.back();
  }

  /// So much is gathered that it should be sent. Ask between two commands: Send would send the
  /// `next` frames of a command that HoldNexts may yet hold.
  bool IsLarge() const { return bytes_.size() >= kMostGathered; }

  /// One whole frame that answers the last command. `end` as in ReplySpec.
  void Answer(Command command, std::string payload, std::shared_ptr<const void> end = nullptr) {
    bytes_ += View(CtlHeader::For(command, payload.size()).Encode());
    bytes_ += payload;
    answers_.push_back({command, std::move(payload)});
    entries_.push_back({Entry::kAnswer, 0});
    frame_begin_ = bytes_.size();
    KeepEnd(std::move(end));
  }

  /// Keeps back the `next` frames that count the last command's bytes of this read. Until
  /// ReleaseNexts or DropNexts, Send sends only what was gathered before them.
  void HoldNexts() {
    entries_.pop_back();
    held_bytes_ = bytes_.substr(frame_begin_);
    bytes_.resize(frame_begin_);
    const std::size_t before = LastNextsEnd();
    held_nexts_.assign(nexts_.begin() + static_cast<std::ptrdiff_t>(before), nexts_.end());
    nexts_.resize(before);
    nexts_begin_ = before;
    holds_ = true;
  }
  bool holds_nexts() const { return holds_; }
  void ReleaseNexts() {
    if (!std::exchange(holds_, false)) return;
    bytes_ += held_bytes_;
    nexts_.insert(nexts_.end(), held_nexts_.begin(), held_nexts_.end());
    AddNextsEntry();
  }
  void DropNexts() { holds_ = false; }

  /// Records what was received, and sends what was gathered. Blocks while the client lets too much
  /// pile up, and where a reply has an end, until the kernel has all or never will.
  void Send() {
    if (bytes_.empty()) {
      if (!entries_.empty()) Record(true);
      return;
    }
    bool recorded = false;
    client_.queue().Send(bytes_, {}, [&] {
      Record(true);
      recorded = true;
    });
    if (!recorded) {  // the connection accepts nothing any more
      Record(false);
      nexts_.clear();
    }
    bytes_.clear();
    frame_begin_ = 0;
    client_.queue().WaitUntilPendingAtMost(kMostPending);
    // What follows the reply to a client that has gone is for the next one.
    if (!ends_.empty() && client_.queue().WaitUntilSent() && !client_.IsGone()) ends_.clear();
  }

  /// Of a reply that was not sent: for TakeEnds.
  void KeepEnd(std::shared_ptr<const void> end) {
    if (end) ends_.push_back(std::move(end));
  }
  /// Of replies that the client did not get.
  std::vector<std::shared_ptr<const void>> TakeEnds() { return std::exchange(ends_, {}); }

  /// The client's input has ended. The conversation shows what was counted of a partial frame.
  void EndPartialFrame() {
    if (nexts_.empty()) return;
    context_.log.Write([&](EventLog::Writer& log) {
      log.SentNexts(nexts_.data(), nexts_.data() + nexts_.size(), Clock::now());
    });
    nexts_.clear();
  }

 private:
  /// Answers beyond that go out in a write of their own.
  static constexpr std::size_t kMostGathered = 64 * 1024;

  /// The next one of messages_, of answers_, or the next runs of nexts_.
  struct Entry {
    enum What : std::uint8_t { kMessage, kNexts, kAnswer } what;
    std::size_t nexts_end;  // of kNexts: where its runs end
  };

  void AddNextsEntry() {
    entries_.push_back({Entry::kNexts, nexts_.size()});
    nexts_begin_ = nexts_.size();
  }
  /// Where the runs of the commands before the last one end.
  std::size_t LastNextsEnd() const {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->what == Entry::kNexts) return entry->nexts_end;
    }
    return 0;
  }

  void AddNext(std::uint32_t bytes) {
    if (bytes == 0) return;
    std::array<char, 4> count;
    PutBigEndian(count.data(), bytes, count.size());
    bytes_ += View(CtlHeader::For(Command::kNext, count.size()).Encode());
    bytes_ += View(count);
    AddToRuns(nexts_, nexts_begin_, bytes, context_.options.keep_all);
  }

  /// In the conversation each command stands before its `next` frames and its answer.
  void Record(bool sent) {
    context_.log.Write([&](EventLog::Writer& log) {
      const Clock::time_point now = Clock::now();
      auto message = messages_.begin();
      auto answer = answers_.begin();
      const NextRun* next = nexts_.data();
      bool same_write = false;  // the event before is of the same write
      for (const Entry& entry : entries_) {
        switch (entry.what) {
          case Entry::kMessage:
            log.Received(*message++, received_at_);
            same_write = false;
            break;
          case Entry::kNexts: {
            const NextRun* const end = nexts_.data() + entry.nexts_end;
            same_write = sent && next != end;
            if (same_write) log.SentNexts(next, end, now);
            next = end;
            break;
          }
          case Entry::kAnswer:
            if (sent) log.Sent(answer->command, answer->payload, now, same_write);
            same_write = true;
            ++answer;
            break;
        }
      }
    });
    context_.records.Add(messages_, received_at_);
    messages_.clear();
    answers_.clear();
    entries_.clear();
    nexts_.erase(nexts_.begin(), nexts_.begin() + static_cast<std::ptrdiff_t>(nexts_begin_));
    nexts_begin_ = 0;
  }

  Connection& client_;
  const ServiceContext& context_;
  std::string bytes_;  // whole frames, to be sent in one write
  std::vector<DecodedMessage> messages_;
  Clock::time_point received_at_;  // all of messages_: they are of one read
  std::vector<DecodedMessage> answers_;
  std::vector<Entry> entries_;                     // the order of messages_ and answers_
  std::vector<std::shared_ptr<const void>> ends_;  // of replies that are not sent
  std::vector<NextRun> nexts_;   // of messages_, then of the frame that is not complete
  std::size_t frame_begin_ = 0;  // in bytes_, of the `next` frames of the command that is read
  std::string held_bytes_;       // see HoldNexts
  std::vector<NextRun> held_nexts_;
  bool holds_ = false;
  std::size_t nexts_begin_ = 0;  // of the latter
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_ANSWER_BATCH_HPP_
