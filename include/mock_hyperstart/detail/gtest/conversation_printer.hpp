// Prints a mock's conversation: at Stop, or event by event.

#ifndef MOCK_HYPERSTART_DETAIL_GTEST_CONVERSATION_PRINTER_HPP_
#define MOCK_HYPERSTART_DETAIL_GTEST_CONVERSATION_PRINTER_HPP_

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "mock_hyperstart/event.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {

/// The colours of the conversation are for a terminal, and NO_COLOR turns them off.
inline bool IsStdoutColoured() {
  const char* const no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

class ConversationPrinter final : public EventSink {
 public:
  /// `log` outlives the printer. Made on the test's thread.
  ConversationPrinter(EventLog& log, Log when) : log_(log), when_(when) {
    if (when_ == Log::kLive) log_.SetSink(this);
  }
  ConversationPrinter(const ConversationPrinter&) = delete;
  ConversationPrinter& operator=(const ConversationPrinter&) = delete;
  ~ConversationPrinter() { log_.SetSink(nullptr); }

  void SetStarted() { state_ = State::kUnprinted; }

  /// On the test's thread, once the failures of the mock itself are reported.
  void PrintAtStop() {
    if (when_ == Log::kNever || when_ == Log::kLive || state_ == State::kPrinted) return;
    if (when_ == Log::kOnFailure && !HasTestFailed()) return;
    if (state_ == State::kNeverStarted) {
      std::cout << "[hyperstart]  this mock was never started: call Start()\n" << std::flush;
    } else {
      std::cout << TranscriptText(log_.Events(), IsStdoutColoured()) << std::flush;
    }
    state_ = State::kPrinted;
  }

  /// With Log::kLive, on any thread, under the lock of the log.
  void OnEvent(const Event& event) override {
    const std::string line = TranscriptLine(event, DescribeEvent(event), IsStdoutColoured());
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }

 private:
  enum class State { kNeverStarted, kUnprinted, kPrinted };

  /// Also if an exception is leaving the test: GoogleTest records that failure only when the mock,
  /// which the exception destroys, has gone.
  bool HasTestFailed() const {
    return testing::Test::HasFailure() || std::uncaught_exceptions() > exceptions_;
  }

  EventLog& log_;
  const Log when_;
  const int exceptions_ = std::uncaught_exceptions();  // when the mock was made
  std::atomic<State> state_{State::kNeverStarted};
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_GTEST_CONVERSATION_PRINTER_HPP_
