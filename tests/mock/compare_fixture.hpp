// What the tests of a comparison share: a spy between a client and an agent, which is a second
// model, with faults in some tests.

#ifndef MOCK_HYPERSTART_TESTS_MOCK_COMPARE_FIXTURE_HPP_
#define MOCK_HYPERSTART_TESTS_MOCK_COMPARE_FIXTURE_HPP_

#include <cstdint>
#include <mock_hyperstart/agent_model.hpp>
#include <mock_hyperstart/compare.hpp>
#include <mock_hyperstart/program.hpp>
#include <optional>
#include <string>

#include "support/mock_test.hpp"
#include "support/payloads.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

inline const char kKillWeb[] = R"({"container":"web","signal":9})";

inline std::string ProcessJson(const std::string& id, int stdio, const std::string& program) {
  return (id.empty() ? "{" : R"({"id":")" + id + R"(",)") + R"("terminal":false,"stdio":)" +
         std::to_string(stdio) + R"(,"stderr":)" + std::to_string(stdio + 1) + R"(,"args":[")" +
         program + R"("],"envs":[],"workdir":"/"})";
}
inline std::string ContainerJson(const std::string& id, int stdio, const std::string& program,
                                 const std::string& init = "init") {
  return R"({"id":")" + id + R"(","rootfs":"rootfs","image":"image","process":)" +
         ProcessJson(init, stdio, program) + "}";
}
inline std::string ExecJson(const std::string& container, const std::string& id, int stdio,
                            const std::string& program) {
  return R"({"container":")" + container + R"(","process":)" + ProcessJson(id, stdio, program) +
         "}";
}

/// A virtual machine: an agent, and the model behind it.
struct Machine {
  Machine(const Options& options, AgentVersion version) : agent(options), model(agent, version) {
    model.OnProgram("/bin/cat", Program::Echo());
    model.OnProgram("/bin/sleep", Program::UntilKilled());
    model.OnProgram("/bin/false", Program::Exit(3));
  }

  MockHyperstart agent;
  AgentModel model;
};

class CompareTest : public testing::Test {
 protected:
  explicit CompareTest(AgentVersion version = AgentVersion::kHyperstart110) : version_(version) {
    spy_.ForwardTo({place_.path() + "/ctl", place_.path() + "/io"});
    CompareWithModel(spy_, version);
    MakeMachine();
  }

  /// Ends the machine that there is, and makes another one at the same place.
  void MakeMachine() {
    machine_.reset();
    Options options = WithDeadline();
    options.ctl_path = place_.path() + "/ctl";
    options.io_path = place_.path() + "/io";
    machine_.emplace(options, version_);
  }
  MockHyperstart& agent() { return machine_->agent; }
  void Start() {
    agent().Start();
    spy_.Start();
  }
  /// What differs, once both sides are done; taken.
  std::string Differences() {
    ctl_.reset();
    io_.reset();
    EXPECT_TRUE(spy_.WaitForDisconnect(Channel::kCtl, kDeadline));
    if (had_io_) {
      EXPECT_TRUE(spy_.WaitForDisconnect(Channel::kIo, kDeadline));
    }
    std::string text;
    for (const Violation& violation : spy_.TakeViolations()) text += violation.what;
    spy_.Stop();
    return text;
  }
  std::uint64_t Call(std::uint32_t command, const std::string& payload = {}) {
    return ctl().Call(command, payload).reply.key;
  }
  RawClient& ctl() {
    if (!ctl_) ctl_.emplace(RawClient::Ctl(spy_.GetSocketPaths().ctl));
    return *ctl_;
  }
  RawClient& io() {
    had_io_ = true;
    if (!io_) io_.emplace(RawClient::Io(spy_.GetSocketPaths().io));
    return *io_;
  }
  /// The event of a process's end.
  std::string ReadEvent() { return ctl().ReadFrame().value().payload; }

  /// Every command, and what each kind of process does.
  void RunEverything() {
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("early", 1, "/bin/cat")), wire::kError);
    EXPECT_EQ(Call(wire::kVersion), wire::kAck);
    EXPECT_EQ(Call(wire::kPing), wire::kAck);
    EXPECT_EQ(Call(wire::kStartPod, kPod), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kAck);
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kError);
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "cat", 3, "/bin/cat")), wire::kAck);
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "cat", 5, "/bin/cat")), wire::kError);
    io().Write(wire::Io(3, "hello"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, "hello"}));
    io().Write(wire::Io(3));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("cat")"));
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "cat", 3, "/bin/false")), wire::kAck);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("status":3)"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{3, ""}));
    io().Write(wire::Io(99, "nobody"));
    EXPECT_EQ(io().ReadFrame().value(), (wire::Frame{99, ""}));
    EXPECT_EQ(Call(wire::kWriteFile, R"({"container":"web","file":"/tmp/a"}bytes)"), wire::kAck);
    EXPECT_EQ(Call(wire::kReadFile, R"({"container":"web","file":"/tmp/a"})"), wire::kAck);
    EXPECT_EQ(Call(wire::kReadFile, R"({"container":"nope","file":"/tmp/a"})"), wire::kError);
    EXPECT_EQ(Call(wire::kSignalProcess, R"({"container":"web","process":"x","signal":1})"),
              wire::kError);
    EXPECT_EQ(Call(wire::kWinSize, R"({"container":"web","process":"init","row":1,"column":1})"),
              wire::kError);
    EXPECT_EQ(Call(wire::kRemoveContainer, R"({"container":"web"})"), wire::kError);
    EXPECT_EQ(Call(wire::kKillContainer, R"({"container":"no","signal":9})"), wire::kError);
    EXPECT_EQ(Call(wire::kOnlineCpuMem), wire::kAck);
    EXPECT_EQ(Call(99), wire::kError);
    EXPECT_EQ(Call(wire::kExecCmd, ExecJson("web", "sleep", 7, "/bin/sleep")), wire::kAck);
    EXPECT_EQ(Call(wire::kKillContainer, R"({"container":"web","signal":9})"), wire::kAck);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("init")"));
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("sleep")"));
    EXPECT_EQ(Call(wire::kNewContainer, ContainerJson("web", 1, "/bin/sleep")), wire::kAck);
    ctl().Write(wire::Ctl(wire::kDestroyPod));
    EXPECT_EQ(ctl().ReadFrame().value().key, wire::kNext);
    EXPECT_THAT(ReadEvent(), HasSubstr(R"("web")"));
    EXPECT_EQ(ctl().ReadFrame().value().key, wire::kAck);
    EXPECT_EQ(ctl().ReadToEnd(), "");
    io().ReadToEnd();
  }

  Options WithDeadline() const {
    Options options;
    options.timeout = kDeadline;
    return options;
  }

  const AgentVersion version_;
  const TemporaryPlace place_;
  std::optional<Machine> machine_;
  MockHyperstart spy_{WithDeadline()};
  std::optional<RawClient> ctl_;
  std::optional<RawClient> io_;
  bool had_io_ = false;
};

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_MOCK_COMPARE_FIXTURE_HPP_
