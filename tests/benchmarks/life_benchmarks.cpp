// Whole lives: one mock from construction to Stop, many at once, and one that keeps a million
// messages.

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "benchmarks/alone.hpp"
#include "benchmarks/life.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"

namespace {

template <typename Server>
Contender Lives() {
  return {Server::kName, [](Samples& samples) {
            for (int i = 0; i < 10; ++i) samples.Time(LiveOnce<Server>);
          }};
}

void Life(benchmark::State& state) {
  Compare(state, {Lives<Raw>(), Lives<Recording>()}, {Lives<Mock>()});
}
BENCHMARK(Life)->Name("life")->Apply(OnceARound);

void Fleets(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<double> raw;
  std::vector<double> mock;
  for (auto _ : state) {
    raw = StartAlone("fleet", Raw::kName, count);
    mock = StartAlone("fleet", Mock::kName, count);
  }
  constexpr std::array<const char*, 5> kFigures = {"start_ns", "stop_ns", "threads", "descriptors",
                                                   "bytes"};
  for (std::size_t i = 0; i < kFigures.size(); ++i) {
    state.counters[std::string("raw_") + kFigures[i]] = raw.at(i);
    state.counters[std::string("mock_") + kFigures[i]] = mock.at(i);
  }
  state.counters["start_to_raw"] = mock.at(0) / raw.at(0);
  state.counters["stop_to_raw"] = mock.at(1) / raw.at(1);
}
BENCHMARK(Fleets)->Name("mocks")->ArgName("count")->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Apply(
    OnceARound);

void Keeping(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<double> record;
  std::vector<double> mock;
  for (auto _ : state) {
    record = StartAlone("keep", Recording::kName, count);
    mock = StartAlone("keep", Mock::kName, count);
  }
  constexpr std::array<const char*, 3> kFigures = {"first_ns", "last_ns", "bytes"};
  for (std::size_t i = 0; i < kFigures.size(); ++i) {
    state.counters[std::string("record_") + kFigures[i]] = record.at(i);
    state.counters[std::string("mock_") + kFigures[i]] = mock.at(i);
  }
  state.counters["last_to_first"] = mock.at(1) / mock.at(0);
  state.counters["last_to_record"] = mock.at(1) / record.at(1);
}
BENCHMARK(Keeping)->Name("keep")->ArgName("pings")->Arg(1'000'000)->Apply(OnceARound);

}  // namespace
