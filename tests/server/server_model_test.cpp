// The model of the agent without a test framework: a program that links Asio, fmt and threads only
// starts a pod and a container in it over real sockets. It exits with 1 if a check has failed.

#include "mock_hyperstart/detail/model/server_model.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include "mock_hyperstart/detail/agent/server.hpp"
#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/program.hpp"
#include "support/raw_client.hpp"
#include "support/wire.hpp"

namespace hyperstart::detail {
namespace {

bool failed = false;

void Check(const char* what, bool holds) {
  if (holds) return;
  failed = true;
  std::fprintf(stderr, "FAILED: %s\n", what);
}

void PlaysTheAgent() {
  Server server{Options()};
  {
    const ServerModel model(server);
    model->ChangeSetup([](MachineSetup& setup) { setup.AddProgram("/bin/cat", Program::Echo()); });
    server.Start();
    RawClient ctl = RawClient::Ctl(server.paths().ctl);
    RawClient io = RawClient::Io(server.paths().io);
    Check("ping is acked", ctl.Call(wire::kPing).reply == wire::Frame{wire::kAck, ""});
    constexpr const char* kContainer =
        R"({"id":"c","rootfs":"r","image":"i","process":{"id":"init","stdio":1,"stderr":2,)"
        R"("args":["/bin/cat"],"workdir":"/"}})";
    Check("there is no container before the pod",
          ctl.Call(wire::kNewContainer, kContainer).reply == wire::Frame{wire::kError, ""});
    Check("a pod is started",
          ctl.Call(wire::kStartPod, R"({"hostname":"h","shareDir":"s"})").reply ==
              wire::Frame{wire::kAck, ""});
    Check("a container is started",
          ctl.Call(wire::kNewContainer, kContainer).reply == wire::Frame{wire::kAck, ""});
    Check("the model tells of it", model->Containers().size() == 1);
    io.Write(wire::Io(1, "hello"));
    Check("its program echoes", io.ReadFrame() == wire::Frame{1, "hello"});
  }
  RawClient ctl = RawClient::Ctl(server.paths().ctl);
  Check("a server without a model acks all",
        ctl.Call(wire::kNewContainer, "{}").reply == wire::Frame{wire::kAck, ""});
  server.Stop();
  Check("nothing went wrong", server.TakeVerdicts().empty());
}

int Run() {
  try {
    PlaysTheAgent();
  } catch (const std::exception& error) {
    Check(error.what(), false);
  }
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace hyperstart::detail

int main() { return hyperstart::detail::Run(); }
