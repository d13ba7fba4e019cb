// What runs in the virtual machine of an AgentModel: a Program says what a process does, a Process
// is one that runs, a Container is what the model tells of one. Knows nothing of the agent.

#ifndef MOCK_HYPERSTART_PROGRAM_HPP_
#define MOCK_HYPERSTART_PROGRAM_HPP_

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hyperstart {

/// Name and value, in the order of the payload.
using EnvironmentVariables = std::vector<std::pair<std::string, std::string>>;

/// The size of a terminal. 0 by 0 until the client says `winsize`.
struct WindowSize {
  int rows = 0;
  int columns = 0;
};
inline bool operator==(const WindowSize& a, const WindowSize& b) {
  return a.rows == b.rows && a.columns == b.columns;
}
inline bool operator!=(const WindowSize& a, const WindowSize& b) { return !(a == b); }
inline void PrintTo(const WindowSize& size, std::ostream* out) {
  *out << size.rows << " rows, " << size.columns << " columns";
}

/// What an AgentModel knows of a container: a copy, as of the call of AgentModel::Containers.
struct Container {
  /// A process of it. One that has ended is listed as long as the container is there.
  struct ProcessState {
    std::string id;
    std::vector<std::string> args;
    EnvironmentVariables envs;  // as the client sent them
    bool terminal = false;
    bool running = false;
    int status =
        0;  // once it no longer runs; 0 too where a signal killed it, as the agent tells it
  };

  std::string id;
  std::vector<ProcessState> processes;  // its init first
};

namespace detail {

/// What a client asked for.
struct ProcessSpec {
  std::string container;
  std::string id;
  std::vector<std::string> args;
  EnvironmentVariables envs;
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string cwd;
  std::string user;
  bool terminal = false;
};

enum class OutputStream { kStdout, kStderr };

/// What a Process does, done by the model.
class ProcessControl {
 public:
  using OnBytes = std::function<void(const std::string&)>;
  using OnEnd = std::function<void()>;
  using OnNumber = std::function<void(int)>;
  using OnSize = std::function<void(WindowSize)>;

  virtual ~ProcessControl() = default;
  virtual const ProcessSpec& spec() const = 0;
  virtual WindowSize size() const = 0;
  virtual void Write(OutputStream stream, std::string_view data) = 0;
  virtual void End(int status) = 0;
  virtual void SetOnStdin(OnBytes function) = 0;
  virtual void SetOnStdinEnd(OnEnd function) = 0;
  virtual void SetOnSignal(OnNumber function) = 0;
  virtual void SetOnWindowSize(OnSize function) = 0;
};

}  // namespace detail

/// A process of a Program::Custom. Copies are the same process; the one that a program is given
/// lives as long as the model. Every member may be called from any thread, and does nothing once
/// the process has ended or the model is gone. The functions that it is given are called one after
/// the other on the model's thread, under no lock: they may call any member, and must not block.
/// One that is set later replaces the earlier one. If one throws, Stop reports what it threw.
class Process {
 public:
  explicit Process(std::shared_ptr<detail::ProcessControl> control)
      : control_(std::move(control)) {}

  const std::string& container() const { return control_->spec().container; }
  /// Empty where the client gave none.
  const std::string& id() const { return control_->spec().id; }
  const std::vector<std::string>& args() const { return control_->spec().args; }
  /// What the client sent.
  const EnvironmentVariables& envs() const { return control_->spec().envs; }
  /// "NAME=value": all that a program sees, with what the agent adds.
  const std::vector<std::string>& environment() const { return control_->spec().environment; }
  const std::string& cwd() const { return control_->spec().cwd; }
  const std::string& user() const { return control_->spec().user; }
  bool terminal() const { return control_->spec().terminal; }
  WindowSize size() const { return control_->size(); }

  /// Bytes to the client, as they are: a terminal does not translate them. A frame holds as many of
  /// one call's bytes as a frame of the agent: at most 10,228, or 4,095 with a terminal. Never
  /// blocks.
  void Out(std::string_view data) const { control_->Write(detail::OutputStream::kStdout, data); }
  /// With a terminal and no stderr seq of its own this is Out.
  void Err(std::string_view data) const { control_->Write(detail::OutputStream::kStderr, data); }
  /// The process ends, after what it wrote. The agent tells the low 8 bits of the status.
  void Exit(int status) const { control_->End(status & 0xff); }
  /// The process ends as by that signal, of which the agent tells status 0.
  void KilledBy(int signal) const {
    if (signal > 0) control_->End(0);
  }

  /// What the client wrote. Until this is called the process does not read: of what arrives, 512
  /// bytes are kept, and come first.
  void OnStdin(std::function<void(const std::string&)> function) const {
    control_->SetOnStdin(std::move(function));
  }
  /// The client has closed stdin. Never called with a terminal.
  void OnStdinEnd(std::function<void()> function) const {
    control_->SetOnStdinEnd(std::move(function));
  }
  /// Of every signal but SIGKILL. Without it a signal does what it does to a program that handles
  /// none.
  void OnSignal(std::function<void(int)> function) const {
    control_->SetOnSignal(std::move(function));
  }
  /// Takes a function of a WindowSize or of rows and columns.
  template <typename Function>
  void OnWindowSize(Function function) const {
    if constexpr (std::is_invocable_v<Function&, WindowSize>) {
      control_->SetOnWindowSize(std::move(function));
    } else {
      control_->SetOnWindowSize([function = std::move(function)](WindowSize size) mutable {
        function(size.rows, size.columns);
      });
    }
  }

 private:
  std::shared_ptr<detail::ProcessControl> control_;
};

/// What a program in the virtual machine does. A value.
class Program {
 public:
  /// Ends at once.
  static Program Exit(int status) {
    return Custom([status](Process& process) { process.Exit(status); });
  }
  /// Writes to stdout and ends.
  static Program Print(std::string out, int status = 0) {
    return Custom([out = std::move(out), status](Process& process) {
      process.Out(out);
      process.Exit(status);
    });
  }
  /// As cat: stdin to stdout, and exits with 0 at its end; with a terminal, at a ^D.
  static Program Echo() {
    return Custom([](Process& process) {
      process.OnStdin([process](const std::string& data) {
        const std::size_t end = process.terminal() ? data.find('\4') : std::string::npos;
        process.Out(std::string_view(data).substr(0, end));
        if (end != std::string::npos) process.Exit(0);
      });
      process.OnStdinEnd([process] { process.Exit(0); });
    });
  }
  /// Reads nothing and writes nothing until a signal ends it.
  static Program UntilKilled() {
    return Custom([](Process&) {});
  }
  /// A real process of the machine on which the test runs, with what the client asked for as its
  /// arguments, environment and working directory: whatever a client sends is then executed. It
  /// runs with the rights of the test, and in the files of the machine unless AgentModel::SetRootfs
  /// says otherwise; in a session and process group of its own, with a pty where the client wants a
  /// terminal. It is killed and reaped with the model.
  static Program Local() {
    Program program;
    program.local_ = true;
    return program;
  }
  /// `on_start` is called when the client has been told that the process runs, on the model's
  /// thread. The process goes on after that until it says Exit or KilledBy, or a signal ends it.
  static Program Custom(std::function<void(Process&)> on_start) {
    Program program;
    program.start_ = std::move(on_start);
    return program;
  }

  // ---- for the model

  bool local() const { return local_; }
  void Start(Process& process) const {
    if (start_) start_(process);
  }

 private:
  Program() = default;

  bool local_ = false;
  std::function<void(Process&)> start_;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_PROGRAM_HPP_
