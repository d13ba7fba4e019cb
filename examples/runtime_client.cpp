// A small container runtime: runs one process in a pod, as runV does with the real agent.
//
//   runtime_client CTL_SOCKET IO_SOCKET [POD_AS_JSON]
//
// Its stdin, stdout, stderr and exit status are those of the process. If the agent answers with an
// error or disconnects, it prints that on stderr and exits with 125.

#include <poll.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "hyperstart_connection.hpp"
#include "hyperstart_ctl.hpp"

namespace {

/// Passes on a piece of stdin; an empty packet is its end. False at the end.
bool PassStdinOn(const Connection& io) {
  std::array<char, 512> buffer;
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  const std::size_t size = count > 0 ? static_cast<std::size_t>(count) : 0;
  io.Write(io.Encode({1, std::string(buffer.data(), size)}));
  return size > 0;
}

int Run(const std::string& ctl_path, const std::string& io_path, const std::string& pod) {
  Ctl ctl(ctl_path);
  const Connection io("io", io_path, 8);
  const std::string version = ctl.Call(kVersion);
  if (version.size() != 4 || ToNumber(version) < 4243) {
    throw std::runtime_error("the agent's API version is not 4243 or later");
  }
  ctl.Call(kStartPod, pod);
  ctl.Call(kNewContainer,
           R"({"id":"web","rootfs":"rootfs","image":"web.img","process":{"id":"init",)"
           R"("terminal":false,"stdio":1,"stderr":2,"args":["upper"],"workdir":"/"}})");

  std::array<pollfd, 3> inputs = {
      {{ctl.fd(), POLLIN, 0}, {io.fd(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
  for (bool ended = false; !ended || !ctl.exit_status();) {
    if (::poll(inputs.data(), inputs.size(), -1) < 0) continue;
    if (inputs[0].revents != 0) {
      ctl.Take();
    } else if (inputs[1].revents != 0) {
      const Frame packet = io.ReadFrame();
      (packet.key == 2 ? std::cerr : std::cout) << packet.payload << std::flush;
      if (packet.key == 1 && packet.payload.empty()) ended = true;
    } else if (!PassStdinOn(io)) {
      inputs[2].fd = -1;  // poll skips it
    }
    if (ended) inputs[2].fd = -1;
  }
  ctl.Call(kDestroyPod);
  return *ctl.exit_status();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3 && argc != 4) throw std::runtime_error("usage: CTL_SOCKET IO_SOCKET [POD_AS_JSON]");
  return Run(argv[1], argv[2], argc == 4 ? argv[3] : R"({"hostname":"web","shareDir":"share"})");
} catch (const std::exception& error) {
  std::cerr << "runtime_client: " << error.what() << "\n";
  return 125;
}
