#include "benchmarks/alone.hpp"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "benchmarks/client.hpp"
#include "benchmarks/life.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

struct Process {
  double threads, descriptors, bytes;

  static Process Now() {
    const auto entries = [](const char* directory) {
      return static_cast<double>(std::distance(std::filesystem::directory_iterator(directory),
                                               std::filesystem::directory_iterator()));
    };
    std::ifstream statm("/proc/self/statm");
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return {entries("/proc/self/task"), entries("/proc/self/fd"),
            resident * static_cast<double>(::sysconf(_SC_PAGESIZE))};
  }
};

void AllowManyDescriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

template <typename Server>
int Fleet(std::size_t count) {
  AllowManyDescriptors();
  std::vector<std::unique_ptr<Client>> clients(count);
  std::vector<std::unique_ptr<Server>> servers(count);
  const Process before = Process::Now();
  const double start = WallNanoseconds();
  for (auto& server : servers) {
    server = std::make_unique<Server>();
    server->Start();
  }
  const double started = WallNanoseconds();
  for (std::size_t i = 0; i < count; ++i) {
    clients[i] = std::make_unique<Client>(servers[i]->ctl_path(), servers[i]->io_path());
    clients[i]->Command(CtlFrame(kPing, {}));
    clients[i]->WriteIo(IoFrame(kLastSeq, "x"));
    servers[i]->WaitForLast();
  }
  const Process after = Process::Now();
  const double stop = WallNanoseconds();
  for (auto& server : servers) {
    server->Stop();
    server.reset();
  }
  const double stopped = WallNanoseconds();
  const auto each = static_cast<double>(count);
  std::printf("%.0f %.0f %.0f %.3f %.0f\n", started - start, stopped - stop, after.threads,
              (after.descriptors - before.descriptors) / each - 2,
              (after.bytes - before.bytes) / each);
  return 0;
}

template <typename Server>
int Keep(std::size_t count) {
  constexpr std::size_t kAtOnce = 100;
  std::string pings;
  for (std::size_t i = 0; i < kAtOnce; ++i) pings += CtlFrame(kPing, {});
  Pair<Server> pair;
  for (int i = 0; i < 10; ++i) pair.client().Command(pings, kAtOnce);  // warm up
  pair.server().Forget();
  const Process before = Process::Now();
  const std::size_t tenth = count / 10;
  std::array<double, 10> ns_a_ping{};
  for (double& ns : ns_a_ping) {
    const double start = WallNanoseconds();
    for (std::size_t i = 0; i < tenth; i += kAtOnce) pair.client().Command(pings, kAtOnce);
    ns = (WallNanoseconds() - start) / static_cast<double>(tenth);
  }
  const Process after = Process::Now();
  std::printf("%.1f %.1f %.1f\n", ns_a_ping.front(), ns_a_ping.back(),
              (after.bytes - before.bytes) / static_cast<double>(count));
  return 0;
}

template <typename Server>
int Ping(std::size_t count) {
  Pair<Server> pair;
  for (std::size_t i = 0; i < count; ++i) pair.client().Command(CtlFrame(kPing, {}));
  return 0;
}

template <typename Server>
int Live(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) LiveOnce<Server>();
  return 0;
}

template <typename Server>
int Run(const std::string& what, std::size_t count) {
  if (what == "fleet") return Fleet<Server>(count);
  if (what == "keep") return Keep<Server>(count);
  if (what == "ping") return Ping<Server>(count);
  if (what == "life") return Live<Server>(count);
  std::fprintf(stderr, "--alone: %s is none of fleet, keep, ping, life\n", what.c_str());
  return 2;
}

}  // namespace

int RunAlone(const std::string& what, const std::string& server, std::size_t count) {
  if (server == Raw::kName) return Run<Raw>(what, count);
  if (server == Recording::kName) return Run<Recording>(what, count);
  if (server == Mock::kName) return Run<Mock>(what, count);
  std::fprintf(stderr, "--alone: %s is none of raw, record, mock\n", server.c_str());
  return 2;
}

std::vector<double> StartAlone(const std::string& what, const std::string& server,
                               std::size_t count) {
  std::string command = std::filesystem::read_symlink("/proc/self/exe").string();
  command.append(" --alone ").append(what).append(" ").append(server);
  command.append(" ").append(std::to_string(count));
  FILE* const out = ::popen(command.c_str(), "r");
  Check(out != nullptr, "popen");
  std::array<char, 200> line{};
  Check(std::fgets(line.data(), line.size(), out) != nullptr, command.c_str());
  Check(::pclose(out) == 0, command.c_str());
  std::istringstream numbers(line.data());
  return {std::istream_iterator<double>(numbers), {}};
}
