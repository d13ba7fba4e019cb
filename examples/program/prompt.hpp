// The prompt: the operations by name, with words instead of JSON. With a terminal it has history
// and completion, and shows events while a line is typed; else it reads plain lines.

#ifndef PROMPT_HPP_
#define PROMPT_HPP_

#include <deque>
#include <istream>
#include <mutex>
#include <string>
#include <vector>

#include "double.hpp"
#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "operations.hpp"

namespace program {

class Prompt final : public Caller, private hyperstart::detail::EventSink {
 public:
  /// Readable `quit_fd`: the program ends.
  Prompt(Double& agent, int quit_fd);
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;
  ~Prompt();

  /// False if a line was wrong, or the program is to end; wrong lines are told on stderr.
  bool RunScript(std::istream& script);
  /// Lines of stdin, to its end, `quit` or a signal.
  void RunPlain();
  /// The same on a terminal.
  void RunTerminal();

  void Subscribe() override;
  void HandleCommands(bool enabled) override;

  // ---- For the line editor

  /// Shows the events that have come. True if there were any.
  bool ShowEvents();
  int event_fd() const { return event_fd_; }
  int quit_fd() const { return quit_fd_; }
  int resize_fd() const { return resize_fd_; }
  bool has_quit() const { return quit_; }

 private:
  void OnEvent(const hyperstart::Event& event) override;
  /// False if the line is wrong.
  bool RunLine(const std::string& line);
  void Help() const;
  Json RunOperation(const Operation& operation, const Json& parameters);
  bool HasSignal() const;

  Double& agent_;
  const int quit_fd_;
  int event_fd_;
  int resize_fd_ = -1;
  bool quit_ = false;
  bool subscribed_ = false;
  const bool colour_;
  std::mutex mutex_;
  std::deque<std::string> lines_;  // of events, to be shown
  std::size_t dropped_ = 0;
};

/// Verbs, and names of commands, that begin with `word`. `first`: only verbs.
std::vector<std::string> Completions(const std::string& word, bool first);

}  // namespace program

#endif  // PROMPT_HPP_
