// The prompt on a terminal, with libedit.

#include <histedit.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cwchar>
#include <memory>
#include <string>
#include <vector>

#include "prompt.hpp"

namespace program {
namespace {

Prompt& Owner(EditLine* editor) {
  void* owner = nullptr;
  ::el_get(editor, EL_CLIENTDATA, &owner);
  return *static_cast<Prompt*>(owner);
}

char* Text(EditLine*) {
  static std::string text = "hyperstart> ";
  return text.data();
}

/// The next character; shows events, and follows the terminal's size, until there is one.
int NextCharacter(EditLine* editor, wchar_t* character) {
  Prompt& prompt = Owner(editor);
  std::mbstate_t state{};
  for (;;) {
    std::array<pollfd, 4> pollers{{{STDIN_FILENO, POLLIN, 0},
                                   {prompt.quit_fd(), POLLIN, 0},
                                   {prompt.event_fd(), POLLIN, 0},
                                   {prompt.resize_fd(), POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) return -1;
    if (pollers[1].revents != 0) return 0;
    if (pollers[3].revents != 0) {
      signalfd_siginfo signal{};
      static_cast<void>(!::read(prompt.resize_fd(), &signal, sizeof(signal)));
      ::el_resize(editor);
    }
    if (pollers[2].revents != 0 && prompt.ShowEvents()) ::el_set(editor, EL_REFRESH);
    if (pollers[0].revents == 0) continue;
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    const std::size_t length = std::mbrtowc(character, &byte, 1, &state);
    if (length == 0 || length == 1) return 1;
    if (length == static_cast<std::size_t>(-1)) state = {};  // no character: it is left out
  }
}

/// What all candidates begin with.
std::string Common(const std::vector<std::string>& candidates) {
  std::string common = candidates.front();
  for (const std::string& candidate : candidates) {
    const auto [end, other] =
        std::mismatch(common.begin(), common.end(), candidate.begin(), candidate.end());
    common.erase(end, common.end());
  }
  return common;
}

unsigned char Complete(EditLine* editor, int) {
  const LineInfo* const line = ::el_line(editor);
  const std::string before(line->buffer, line->cursor);
  const std::size_t blank = before.find_last_of(' ');
  const std::size_t begin = blank == std::string::npos ? 0 : blank + 1;
  const std::string word = before.substr(begin);
  const std::vector<std::string> candidates = Completions(word, begin == 0);
  if (candidates.empty()) return CC_ERROR;
  std::string rest = Common(candidates).substr(word.size());
  if (candidates.size() == 1) rest += ' ';
  if (!rest.empty()) {
    ::el_insertstr(editor, rest.c_str());
    return CC_REFRESH;
  }
  std::fputc('\n', stdout);
  for (const std::string& candidate : candidates) std::printf("%s  ", candidate.c_str());
  std::fputc('\n', stdout);
  std::fflush(stdout);
  return CC_REDISPLAY;
}

}  // namespace

void Prompt::RunTerminal() {
  sigset_t resize;
  sigemptyset(&resize);
  sigaddset(&resize, SIGWINCH);
  resize_fd_ = ::signalfd(-1, &resize, SFD_CLOEXEC | SFD_NONBLOCK);
  Subscribe();
  const hyperstart::SocketPaths& paths = agent_.server().paths();
  std::printf("listening on ctl %s, io %s; help says what there is\n", paths.ctl.c_str(),
              paths.io.c_str());
  std::fflush(stdout);
  const std::unique_ptr<History, void (*)(History*)> history(::history_init(), &::history_end);
  HistEvent event{};
  ::history(history.get(), &event, H_SETSIZE, 1000);
  const std::unique_ptr<EditLine, void (*)(EditLine*)> editor(
      ::el_init("mock-hyperstart", stdin, stdout, stderr), &::el_end);
  ::el_set(editor.get(), EL_CLIENTDATA, this);
  ::el_set(editor.get(), EL_PROMPT, &Text);
  ::el_set(editor.get(), EL_EDITOR, "emacs");
  ::el_set(editor.get(), EL_HIST, &::history, history.get());
  ::el_set(editor.get(), EL_GETCFN, &NextCharacter);
  // el_set would copy these two texts, and never free them.
  ::el_wset(editor.get(), EL_ADDFN, L"complete", L"completes a word", &Complete);
  ::el_set(editor.get(), EL_BIND, "^I", "complete", nullptr);
  while (!quit_) {
    int count = 0;
    // Before the prompt is shown: what is typed after it never meets the terminal's own line
    // editing.
    ::el_set(editor.get(), EL_PREP_TERM, 1);
    const char* const line = ::el_gets(editor.get(), &count);
    if (line == nullptr || count <= 0) break;
    const std::string text(line, static_cast<std::size_t>(count));
    if (text.find_first_not_of(" \n") == std::string::npos) continue;
    ::history(history.get(), &event, H_ENTER, text.c_str());
    RunLine(text);
  }
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

}  // namespace program
