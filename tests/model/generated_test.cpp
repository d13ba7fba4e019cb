// Random sequences of valid and invalid commands. None hangs the model, and these hold: one reply a
// command, in order; an `ack` before the end that it brings about; one end of stream for each
// process; `next` sums to what was written; Containers() is what a simple reference says. A failure
// prints its seed and the shortest sequence that still fails.
//
// MOCK_HYPERSTART_MODEL_SEED repeats a run, MOCK_HYPERSTART_MODEL_SEQUENCES says how many.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <mock_hyperstart/agent_model.hpp>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/model_client.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// What a client does.
struct Step {
  enum class Kind { kCommand, kInput };
  Kind kind = Kind::kCommand;
  Command command{};
  std::uint64_t seq = 0;
  std::string payload;
};
std::string Describe(const Step& step) {
  if (step.kind == Step::Kind::kInput) {
    return "io, seq " + std::to_string(step.seq) + ": " + step.payload;
  }
  return CommandName(step.command) + ": " + step.payload;
}

using Random = std::mt19937_64;
std::size_t Below(Random& random, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

/// Few names, so that they meet. Nothing that the agent dies of or hangs at: those end a sequence,
/// and have tests of their own.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<Step> Sequence() {
    std::vector<Step> steps = {{Step::Kind::kCommand, Command::kStartPod, 0, kPodJson.dump()}};
    if (Below(random_, 10) == 0) steps.clear();
    for (std::size_t left = 5 + Below(random_, 25); left > 0; --left) steps.push_back(Next());
    return steps;
  }

 private:
  Step Next() {
    switch (Below(random_, 14)) {
      case 0:
      case 1:
        return Of(Command::kNewContainer,
                  ContainerJson(ContainerId(), Process(OneOf<std::string>({"init", "i2"}), true)));
      case 2:
      case 3:
      case 4:
        return Of(Command::kExecCmd,
                  ExecJson(ContainerId(), Process(OneOf<std::string>({"e1", "e2", "e3"}))));
      case 5:
        return Of(Command::kKillContainer, KillJson(ContainerId(), SignalNumber()));
      case 6:
      case 7:
        return Of(Command::kSignalProcess, SignalJson(ContainerId(), ProcessId(), SignalNumber()));
      case 8:
        return Of(Command::kWinSize, SizeJson(ContainerId(), ProcessId(), 24, 80));
      case 9:
        return Of(Command::kRemoveContainer, Json{{"container", ContainerId()}});
      case 10:
        return Of(Command::kReadFile, Json{{"container", ContainerId()}, {"file", "/tmp/f"}});
      case 11:
        return {
            Step::Kind::kInput, {}, 1 + 2 * Below(random_, 4), std::string(Below(random_, 3), 'x')};
      case 12:
        return {Step::Kind::kCommand,
                OneOf<Command>({Command::kNewContainer, Command::kExecCmd, Command::kKillContainer,
                                Command::kWinSize, Command::kReadFile, Command::kSignalProcess}),
                0, OneOf<std::string>({"{", "junk", R"({"a":1,})", "[}"})};
      default:
        return {Step::Kind::kCommand,
                static_cast<Command>(OneOf<std::uint32_t>({0, 2, 3, 8, 9, 12, 13, 14, 23, 26, 99})),
                0, OneOf<std::string>({"", "null", "abc"})};
    }
  }
  static Step Of(Command command, const Json& payload) {
    return {Step::Kind::kCommand, command, 0, payload.dump()};
  }
  template <typename T>
  T OneOf(const std::vector<T>& choices) {
    return choices[Below(random_, choices.size())];
  }
  std::string ContainerId() { return OneOf<std::string>({"c1", "c2", "c3", "hyperstart", "c1"}); }
  std::string ProcessId() { return OneOf<std::string>({"init", "i2", "e1", "e2", "e3", "e4"}); }
  int SignalNumber() { return OneOf<int>({0, 9, 15, 17, 99, -1}); }
  /// Without args a new container hangs the agent.
  Json Process(const std::string& id, bool is_init = false) {
    Json process = ProcessJson(id, next_seq_, {OneOf<std::string>({"/cat", "/cat", "/exit"})},
                               Below(random_, 4) == 0);
    next_seq_ += 2;  // each its own: then an end of stream tells whose it is
    if (!is_init && Below(random_, 12) == 0) process.erase("args");
    if (Below(random_, 12) == 0) process["stdio"] = 0;
    return process;
  }

  Random random_;
  std::uint64_t next_seq_ = 1;
};

/// What the rules say of containers and processes, as simply as can be. Programs are "/cat", which
/// runs until its input ends or a signal ends it, and "/exit", which ends at once with 7.
class Reference {
 public:
  struct Ends {
    std::string container;
    std::string process;
    std::uint64_t seq;
  };

  /// Whether the command is acked; what ends by it is added to `ended`.
  bool Answer(const Step& step, std::vector<Ends>& ended) {
    using C = Command;
    const Json json = Json::parse(step.payload, nullptr, false);
    switch (step.command) {
      case C::kStartPod:
        up_ = true;
        return true;
      case C::kVersion:
      case C::kReady:
      case C::kPing:
        return true;
      case C::kNewContainer:
        return json.is_object() && NewContainer(json, ended);
      case C::kExecCmd:
        return json.is_object() && Exec(json, ended);
      case C::kKillContainer:
        return json.is_object() && Kill(json, ended);
      case C::kSignalProcess:
        return json.is_object() && Signal(json, ended);
      case C::kWinSize: {
        Process* const process = json.is_object() ? Find(json) : nullptr;
        return process != nullptr && process->terminal;
      }
      default:
        return false;
    }
  }
  void Input(const Step& step, std::vector<Ends>& ended) {
    for (auto& [id, processes] : containers_) {
      for (const Process& process : processes) {
        if (process.seq != step.seq) continue;
        if (step.payload.empty() && !process.terminal) End(id, process.id, ended);
        return;
      }
    }
  }
  bool Knows(std::uint64_t seq) const {
    for (const auto& [id, processes] : containers_) {
      for (const Process& process : processes) {
        if (process.seq == seq) return true;
      }
    }
    return false;
  }
  /// Container ids to the ids of what runs in each.
  std::map<std::string, std::set<std::string>> Running() const {
    std::map<std::string, std::set<std::string>> running;
    for (const auto& [id, processes] : containers_) {
      if (id == "hyperstart") continue;
      for (const Process& process : processes) running[id].insert(process.id);
    }
    return running;
  }

 private:
  struct Process {
    std::string id;
    std::uint64_t seq;
    bool terminal;
  };

  static bool Starts(const Json& process) {
    return process.contains("args") && process.at("stdio") != 0;
  }
  void Add(const std::string& container, const Json& process, std::vector<Ends>& ended) {
    const std::string id = process.at("id");
    containers_[container].push_back({id, process.at("stdio"), process.at("terminal")});
    if (process.at("args").at(0) == "/exit") End(container, id, ended);
  }
  bool NewContainer(const Json& json, std::vector<Ends>& ended) {
    const std::string id = json.at("id");
    if (!up_ || id == "hyperstart" || containers_.count(id) > 0) return false;
    if (!Starts(json.at("process"))) return false;
    Add(id, json.at("process"), ended);
    return true;
  }
  bool Exec(const Json& json, std::vector<Ends>& ended) {
    const std::string container = json.at("container");
    const Json& process = json.at("process");
    if (container != "hyperstart" && containers_.count(container) == 0) return false;
    for (const auto& [id, processes] : containers_) {
      for (const Process& other : processes) {
        if (other.id == process.at("id")) return false;
      }
    }
    if (!Starts(process) || (process.at("terminal") && container == "hyperstart" && !up_)) {
      return false;
    }
    Add(container, process, ended);
    return true;
  }
  bool Kill(const Json& json, std::vector<Ends>& ended) {
    const std::string container = json.at("container");
    const int signal = json.at("signal");
    if (container == "hyperstart" || containers_.count(container) == 0) return false;
    if (signal < 0 || signal > 64) return false;
    if (Kills(signal)) End(container, containers_[container].front().id, ended);
    return true;
  }
  bool Signal(const Json& json, std::vector<Ends>& ended) {
    const Process* const process = Find(json);
    if (process == nullptr) return false;
    if (Kills(json.at("signal"))) End(json.at("container"), process->id, ended);
    return true;
  }
  static bool Kills(int signal) { return signal == SIGKILL || signal == SIGTERM; }
  Process* Find(const Json& json) {
    const std::string container = json.at("container");
    if (container == "hyperstart" || containers_.count(container) == 0) return nullptr;
    for (Process& process : containers_[container]) {
      if (process.id == json.at("process")) return &process;
    }
    return nullptr;
  }
  void End(const std::string& container, std::string process, std::vector<Ends>& ended) {
    std::vector<Process>& processes = containers_[container];
    const bool init = container != "hyperstart" && processes.front().id == process;
    for (const Process& each : std::vector<Process>(processes)) {
      if (init || each.id == process) ended.push_back({container, each.id, each.seq});
    }
    processes.erase(std::remove_if(processes.begin(), processes.end(),
                                   [&](const Process& each) { return init || each.id == process; }),
                    processes.end());
    if (processes.empty()) containers_.erase(container);
  }

  bool up_ = false;
  std::map<std::string, std::vector<Process>> containers_;  // of each the init first
};

/// Plays a sequence; what is wrong, or nothing.
std::string Play(const std::vector<Step>& steps) try {
  Started agent;
  AgentModel model(agent);
  model.OnProgram("/cat", Program::Custom([](Process& process) {
                    process.OnStdinEnd([process] { process.Exit(0); });
                    process.OnStdin([](const std::string&) {});
                  }));
  model.OnProgram("/exit", Program::Exit(7));
  ModelClient client(agent.GetSocketPaths());
  Reference reference;
  std::uint64_t written = 0;
  for (const Step& step : steps) {
    std::vector<Reference::Ends> ended;
    if (step.kind == Step::Kind::kInput) {
      const bool known = reference.Knows(step.seq);
      reference.Input(step, ended);
      client.Write(step.seq, step.payload);
      if (!known && !(client.ReadIo() == wire::Frame{step.seq, ""})) {
        return Describe(step) + "\nis not answered with an end";
      }
    } else {
      const bool acked = reference.Answer(step, ended);
      written += 8 + step.payload.size();
      client.Send(step.command, step.payload);
      const Answered answered = client.ReadReply();
      if (client.HasEnds()) return Describe(step) + "\nan end came before the reply";
      if (answered.command != (acked ? Command::kAck : Command::kError)) {
        return Describe(step) + "\nis answered with " + CommandName(answered.command);
      }
      if (client.next() != written) return Describe(step) + "\nthe sum of next is wrong";
    }
    for (const Reference::Ends& end : ended) {  // an init's first, then those of its container
      const Ended told = client.ReadEnd();
      if (told.container != end.container || told.process != end.process) {
        return Describe(step) + "\ntold the end of " + testing::PrintToString(told) +
               " where that of " + end.process + " of " + end.container + " was due";
      }
      if (!(client.ReadIo() == wire::Frame{end.seq, ""})) return Describe(step) + "\nno end of io";
    }
    std::map<std::string, std::set<std::string>> running;
    for (const Container& container : model.Containers()) {
      for (const Container::ProcessState& process : container.processes) {
        if (process.running) running[container.id].insert(process.id);
      }
    }
    if (running != reference.Running()) {
      return Describe(step) + "\nContainers() is " + testing::PrintToString(running) + ", not " +
             testing::PrintToString(reference.Running());
    }
  }
  client.ctl().EndInput();
  client.io().EndInput();
  if (!client.CtlCloses() || !client.IoCloses()) return "something was said unasked at the end";
  if (!agent.TakeViolations().empty()) return "there is a violation";
  return {};
} catch (const std::exception& error) {
  return error.what();
}

/// Leaves out each step without which it still fails.
std::vector<Step> Shrink(std::vector<Step> steps) {
  for (std::size_t i = steps.size(); i-- > 0;) {
    std::vector<Step> fewer = steps;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (!Play(fewer).empty()) steps = std::move(fewer);
  }
  return steps;
}

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(Generated, SequencesKeepTheInvariants) {
  const std::uint64_t seed = FromEnvironment("MOCK_HYPERSTART_MODEL_SEED", std::random_device{}());
  const std::uint64_t sequences = FromEnvironment("MOCK_HYPERSTART_MODEL_SEQUENCES", 300);
  std::cout << "MOCK_HYPERSTART_MODEL_SEED=" << seed << '\n';
  Generator generator(seed);
  for (std::uint64_t i = 0; i < sequences; ++i) {
    const std::vector<Step> steps = generator.Sequence();
    if (Play(steps).empty()) continue;
    const std::vector<Step> shortest = Shrink(steps);
    std::string text;
    for (const Step& step : shortest) text += "\n  " + Describe(step);
    FAIL() << "seed " << seed << ", sequence " << i << ": " << Play(shortest)
           << "\nThe shortest sequence that fails:" << text;
  }
}

TEST(Generated, FailuresAreShrunk) {
  // A reference that is wrong on purpose would say: exec in a missing container is acked. Here the
  // client itself breaks an invariant, which every sequence with that step shows.
  std::vector<Step> steps = Generator(1).Sequence();
  steps.push_back({Step::Kind::kCommand, Command::kStartPod, 0, R"({"foo":1})"});
  steps.push_back({Step::Kind::kCommand, Command::kPing, 0, ""});
  const std::vector<Step> shortest = Shrink(steps);
  ASSERT_EQ(shortest.size(), 1u);
  EXPECT_EQ(shortest[0].payload, R"({"foo":1})");
}

}  // namespace
}  // namespace hyperstart
