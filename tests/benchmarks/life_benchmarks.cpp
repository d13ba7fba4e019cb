// Whole lives: one mock from construction to Stop, many at once, and one that keeps a million
// messages. What counts memory runs in a program of its own, this one again with `--alone`, so that
// no other benchmark has left memory to be used again.

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "benchmarks/client.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

template <typename Server>
void Live() {
  Server server;
  server.Start();
  Client client(server.ctl_path(), server.io_path());
  client.Command(CtlFrame(kPing, {}));
  server.Stop();
}

template <typename Server>
Contender Lives() {
  return {Server::kName, [](Samples& samples) {
            for (int i = 0; i < 10; ++i) samples.Time(Live<Server>);
          }};
}

void Life(benchmark::State& state) {
  Compare(state, {Lives<Raw>(), Lives<Recording>(), Lives<Mock>()}, 20);
}
BENCHMARK(Life)->Name("life")->Apply(Rounds);

// ---- Alone in a process

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

/// Prints: start in ns, threads, and descriptors and bytes a server. The client's two descriptors
/// a server are not counted.
template <typename Server>
int Fleet(std::size_t count) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
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
  const auto each = static_cast<double>(count);
  std::printf("%.0f %.0f %.3f %.0f\n", started - start, after.threads,
              (after.descriptors - before.descriptors) / each - 2,
              (after.bytes - before.bytes) / each);
  return 0;
}

/// Prints ns a ping over the first and the last tenth of them, and bytes a ping.
template <typename Server>
int Keep(std::size_t count) {
  constexpr std::size_t kAtOnce = 100;
  std::string pings;
  for (std::size_t i = 0; i < kAtOnce; ++i) pings += CtlFrame(kPing, {});
  Pair<Server> pair;
  for (int i = 0; i < 10; ++i) pair.client().Command(pings, kAtOnce);  // warm up
  pair.server().Forget();
  const Process before = Process::Now();
  std::array<double, 10> tenths{};
  for (double& tenth : tenths) {
    const double start = WallNanoseconds();
    for (std::size_t i = 0; i < count / 10; i += kAtOnce) pair.client().Command(pings, kAtOnce);
    tenth = (WallNanoseconds() - start) / static_cast<double>(count / 10);
  }
  const Process after = Process::Now();
  std::printf("%.1f %.1f %.1f\n", tenths.front(), tenths.back(),
              (after.bytes - before.bytes) / static_cast<double>(count));
  return 0;
}

/// Pings, for who counts system calls.
template <typename Server>
int Ping(std::size_t count) {
  Pair<Server> pair;
  for (std::size_t i = 0; i < count; ++i) pair.client().Command(CtlFrame(kPing, {}));
  return 0;
}

/// Lives, for the same.
template <typename Server>
int Life(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) Live<Server>();
  return 0;
}

template <typename Server>
int RunAlone(const std::string& what, std::size_t count) {
  return what == "fleet"  ? Fleet<Server>(count)
         : what == "keep" ? Keep<Server>(count)
         : what == "life" ? Life<Server>(count)
                          : Ping<Server>(count);
}

std::vector<double> Alone(const char* what, const char* server, std::size_t count) {
  const std::string command = std::filesystem::read_symlink("/proc/self/exe").string() +
                              " --alone " + what + " " + server + " " + std::to_string(count);
  FILE* const out = ::popen(command.c_str(), "r");
  Check(out != nullptr, "popen");
  std::array<char, 200> line{};
  Check(std::fgets(line.data(), line.size(), out) != nullptr, command.c_str());
  Check(::pclose(out) == 0, command.c_str());
  std::istringstream numbers(line.data());
  return {std::istream_iterator<double>(numbers), {}};
}

void Fleets(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<double> raw;
  std::vector<double> mock;
  for (auto _ : state) {
    raw = Alone("fleet", Raw::kName, count);
    mock = Alone("fleet", Mock::kName, count);
  }
  const char* const names[] = {"start_ns", "threads", "descriptors", "bytes"};
  for (std::size_t i = 0; i < 4; ++i) {
    state.counters[std::string("raw_") + names[i]] = raw.at(i);
    state.counters[std::string("mock_") + names[i]] = mock.at(i);
  }
  state.counters["start_to_raw"] = mock[0] / raw[0];
}
BENCHMARK(Fleets)->Name("mocks")->ArgName("count")->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Apply(
    Rounds);

void Keeping(benchmark::State& state) {
  std::vector<double> record;
  std::vector<double> mock;
  for (auto _ : state) {
    record = Alone("keep", Recording::kName, static_cast<std::size_t>(state.range(0)));
    mock = Alone("keep", Mock::kName, static_cast<std::size_t>(state.range(0)));
  }
  state.counters["record_first_ns"] = record.at(0);
  state.counters["record_last_ns"] = record.at(1);
  state.counters["record_bytes"] = record.at(2);
  state.counters["mock_first_ns"] = mock.at(0);
  state.counters["mock_last_ns"] = mock.at(1);
  state.counters["mock_bytes"] = mock.at(2);
  state.counters["last_to_first"] = mock[1] / mock[0];
}
BENCHMARK(Keeping)->Name("keep")->ArgName("pings")->Arg(1'000'000)->Apply(Rounds);

}  // namespace

int main(int argc, char** argv) {
  PinToOneProcessor();
  if (argc == 5 && std::string(argv[1]) == "--alone") {
    const std::string server = argv[3];
    const auto count = static_cast<std::size_t>(std::atol(argv[4]));
    return server == Raw::kName         ? RunAlone<Raw>(argv[2], count)
           : server == Recording::kName ? RunAlone<Recording>(argv[2], count)
                                        : RunAlone<Mock>(argv[2], count);
  }
  testing::InitGoogleTest();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return testing::Test::HasFailure() ? 1 : 0;
}
