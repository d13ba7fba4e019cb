#include "prompt.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "mock_hyperstart/detail/agent/transcript.hpp"
#include "words.hpp"

namespace program {
namespace {

constexpr std::size_t kMostLines = 10000;  // of events that are not shown yet

void Signal(int event_fd) {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_fd, &one, sizeof(one)));
}
/// Colours are for terminals. NO_COLOR turns them off, and CLICOLOR_FORCE turns them on for others.
bool HasColours() {
  const auto is_set = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  return !is_set("NO_COLOR") && (::isatty(STDOUT_FILENO) == 1 || is_set("CLICOLOR_FORCE"));
}
void Clear(int event_fd) {
  std::uint64_t count = 0;
  static_cast<void>(!::read(event_fd, &count, sizeof(count)));
}

}  // namespace

Prompt::Prompt(Double& agent, int quit_fd)
    : agent_(agent),
      quit_fd_(quit_fd),
      event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      colour_(HasColours()) {}

Prompt::~Prompt() {
  if (subscribed_) agent_.Unsubscribe(this);
  ::close(event_fd_);
}

bool Prompt::RunScript(std::istream& script) {
  std::string line;
  while (!quit_ && !HasSignal() && std::getline(script, line)) {
    if (!RunLine(line)) return false;
  }
  return !quit_;
}

void Prompt::RunPlain() {
  const hyperstart::SocketPaths& paths = agent_.server().paths();
  std::printf("listening on ctl %s, io %s\n", paths.ctl.c_str(), paths.io.c_str());
  std::fflush(stdout);
  std::string waiting;
  std::array<char, 4096> buffer{};
  while (!quit_) {
    std::array<pollfd, 2> pollers{{{STDIN_FILENO, POLLIN, 0}, {quit_fd_, POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) return;
    if (pollers[1].revents != 0) return;
    if (pollers[0].revents == 0) continue;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) break;
    waiting.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; !quit_ && (end = waiting.find('\n')) != std::string::npos;) {
      RunLine(waiting.substr(0, end));
      waiting.erase(0, end + 1);
    }
  }
  if (!quit_ && !waiting.empty()) RunLine(waiting);
}

void Prompt::Subscribe() {
  if (!subscribed_) agent_.Subscribe(this);
  subscribed_ = true;
}

void Prompt::HandleCommands(bool) {
  throw BadParameters("handle_commands is for JSON-RPC; at the prompt, plan replies with on");
}

void Prompt::OnEvent(const hyperstart::Event& event) {
  const std::lock_guard lock(mutex_);
  if (lines_.size() == kMostLines) {
    ++dropped_;
    return;
  }
  lines_.push_back(
      hyperstart::detail::TranscriptLine(event, hyperstart::detail::DescribeEvent(event), colour_));
  Signal(event_fd_);
}

bool Prompt::ShowEvents() {
  Clear(event_fd_);
  std::deque<std::string> lines;
  std::size_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    lines.swap(lines_);
    dropped = std::exchange(dropped_, 0);
  }
  if (lines.empty()) return false;
  std::fputs("\r\x1b[K", stdout);
  for (const std::string& line : lines) std::fputs(line.c_str(), stdout);
  if (dropped > 0) std::printf("[hyperstart]  ... %zu more events, not shown ...\n", dropped);
  std::fflush(stdout);
  return true;
}

bool Prompt::HasSignal() const {
  pollfd poller{quit_fd_, POLLIN, 0};
  return ::poll(&poller, 1, 0) > 0;
}

/// A wait goes on beside the events; a signal ends it.
Json Prompt::RunOperation(const Operation& operation, const Json& parameters) {
  if (!operation.waits) return operation.run(agent_, *this, parameters);
  Json result;
  std::exception_ptr thrown;
  std::atomic<bool> done{false};
  std::thread thread([&] {
    try {
      result = operation.run(agent_, *this, parameters);
    } catch (...) {
      thrown = std::current_exception();
    }
    done = true;
    Signal(event_fd_);
  });
  while (!done) {
    std::array<pollfd, 2> pollers{{{event_fd_, POLLIN, 0}, {quit_fd_, POLLIN, 0}}};
    ::poll(pollers.data(), pollers.size(), -1);
    if (pollers[1].revents != 0) {
      agent_.server().Stop();
      break;
    }
    ShowEvents();
  }
  thread.join();
  ShowEvents();
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

bool Prompt::RunLine(const std::string& line) {
  try {
    std::vector<std::string> words = SplitWords(line);
    if (words.empty() || words.front().front() == '#') return true;
    const std::string verb = words.front();
    words.erase(words.begin());
    if (verb == "quit") {
      quit_ = true;
      return true;
    }
    if (verb == "help") {
      Help();
      return true;
    }
    const Operation* const operation = FindOperation(verb);
    if (operation == nullptr) throw BadParameters("there is no verb " + verb + ": see help");
    const Json parameters = ToParameters(*operation, words);
    try {
      CheckParameters(*operation, parameters);
    } catch (const BadParameters& error) {
      throw BadParameters(fmt::format("{}: {}", error.what(), Usage(*operation)));
    }
    const Json result = RunOperation(*operation, parameters);
    if (verb == "transcript" && parameters.value("format", "text") == "text") {
      const auto events = agent_.server().log().Events();
      std::fputs(hyperstart::detail::TranscriptText(events, colour_).c_str(), stdout);
    } else if (result.is_string()) {
      std::fputs(result.get_ref<const std::string&>().c_str(), stdout);
    } else if (result.is_array() && !result.empty()) {
      const char* before = "[";  // one a line
      for (const Json& item : result) {
        std::printf("%s%s", before, Dump(item).c_str());
        before = ",\n ";
      }
      std::puts("]");
    } else {
      std::printf("%s\n", result.is_null() ? "ok" : Dump(result).c_str());
    }
    std::fflush(stdout);
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

void Prompt::Help() const {
  for (const Operation& operation : Operations()) {
    std::printf("%s\n    %.*s\n", Usage(operation).c_str(), static_cast<int>(operation.help.size()),
                operation.help.data());
  }
  std::printf(
      "help\nquit\n    ends the program\nText with blanks stands in \"quotes\". A reply is ack "
      "[TEXT], error [TEXT], raw BYTES or nothing,\nthen after MS, pieces N, gap MS, truncated N, "
      "length N, disconnect:\n    on startpod error \"no space\" once\n");
  std::fflush(stdout);
}

std::vector<std::string> Completions(const std::string& word, bool first) {
  std::vector<std::string> found;
  const auto add = [&](std::string_view candidate) {
    if (candidate.substr(0, word.size()) == word) found.emplace_back(candidate);
  };
  if (first) {
    for (const Operation& operation : Operations()) add(operation.name);
    for (const char* const verb : {"help", "quit"}) add(verb);
  } else {
    for (const std::string_view name : hyperstart::detail::kCommandNames) add(name);
  }
  return found;
}

}  // namespace program
