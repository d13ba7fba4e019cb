// A small container runtime: runs one process in a pod, as runV does with the real agent.
//
//   runtime_client CTL_SOCKET IO_SOCKET [POD_AS_JSON [PROGRAM ARGUMENT...]]
//
// Its stdin, stdout, stderr and exit status are those of the process. If the agent answers with an
// error or disconnects, it prints that on stderr and exits with 125.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

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

/// `words` as a list in JSON. They hold no control characters.
std::string JsonList(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) {
    list += list.empty() ? "[\"" : ",\"";
    for (const char letter : word) {
      if (letter == '"' || letter == '\\') list += '\\';
      list += letter;
    }
    list += '"';
  }
  return list + ']';
}

int Run(const std::string& ctl_path, const std::string& io_path, const std::string& pod,
        const std::vector<std::string>& program) {
  Ctl ctl(ctl_path);
  const Connection io("io", io_path, 8);
  const std::string version = ctl.Call(kVersion);
  if (version.size() != 4 || ToNumber(version) < 4243) {
    throw std::runtime_error("the agent's API version is not 4243 or later");
  }
  ctl.Call(kStartPod, pod);
  ctl.Call(kNewContainer,
           R"({"id":"web","rootfs":"rootfs","image":"web.img","process":{"id":"init",)"
           R"("terminal":false,"stdio":1,"stderr":2,"args":)" +
               JsonList(program) + R"(,"workdir":"/"}})");

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
  if (argc < 3) {
    throw std::runtime_error(
        "usage: runtime_client CTL_SOCKET IO_SOCKET [POD_AS_JSON [PROGRAM ARGUMENT...]]");
  }
  std::vector<std::string> program(argv + std::min(argc, 4), argv + argc);
  if (program.empty()) program = {"upper"};
  return Run(argv[1], argv[2], argc > 3 ? argv[3] : R"({"hostname":"web","shareDir":"share"})",
             program);
} catch (const std::exception& error) {
  std::cerr << "runtime_client: " << error.what() << "\n";
  return 125;
}
