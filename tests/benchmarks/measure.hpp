// How ratios are measured: each repetition of a benchmark is a round, in which the contenders work
// in turns, slice by slice, so that what disturbs the machine disturbs all of them alike. A round
// yields counters, among them ratios; Google Benchmark takes their medians over the rounds.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_MEASURE_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_MEASURE_HPP_

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sched.h>
#include <sys/socket.h>  // AF_UNIX, for wire.hpp
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/wire.hpp"

/// Client and servers share one processor: where they would be scheduled otherwise changes a ping's
/// cost fivefold from one moment to the next. To be called before any thread starts.
inline void PinToOneProcessor() {
  cpu_set_t allowed;
  Check(::sched_getaffinity(0, sizeof(allowed), &allowed) == 0, "sched_getaffinity");
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &allowed)) --last;
  CPU_ZERO(&allowed);
  CPU_SET(last, &allowed);
  Check(::sched_setaffinity(0, sizeof(allowed), &allowed) == 0, "sched_setaffinity");
}

inline double WallNanoseconds() {
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  return Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}
/// Of all threads of this process, client and servers.
inline double CpuNanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// What one contender took in one round.
struct Samples {
  std::vector<double> ns;  // an operation each
  double wall = 0;         // of all operations
  double cpu = 0;
  double operations = 0;

  template <typename Operation>
  void Time(const Operation& operation) {
    const double start = WallNanoseconds();
    operation();
    const double time = WallNanoseconds() - start;
    wall += time;
    ++operations;
    ns.push_back(time);
  }
  /// Many operations that can't be told apart.
  template <typename Series>
  void TimeSeries(double count, const Series& series) {
    const double start = WallNanoseconds();
    series();
    const double time = WallNanoseconds() - start;
    wall += time;
    operations += count;
    ns.push_back(time / count);
  }
  double Percentile(double part) {
    const auto at = ns.begin() + std::lround(part * static_cast<double>(ns.size() - 1));
    std::nth_element(ns.begin(), at, ns.end());
    return *at;
  }
};

struct Contender {
  std::string name;  // in the counters
  std::function<void(Samples&)> slice;
};

/// A benchmark runs once a round; run.py says how many rounds there are.
inline void OnceARound(benchmark::internal::Benchmark* each) {
  each->Iterations(1)->Unit(benchmark::kMillisecond);
}

/// One round. Counters: what each contender took, and for each that is judged its ratio to each
/// baseline. Nothing that is recorded is forgotten before its end, and it begins with no memory to
/// be used again: as in a test, each record takes new memory, whose page faults are part of its
/// cost.
inline void Compare(benchmark::State& state, const std::vector<Contender>& baselines,
                    const std::vector<Contender>& judged, std::size_t slices = 20) {
  std::vector<Contender> contenders = baselines;
  contenders.insert(contenders.end(), judged.begin(), judged.end());
  std::vector<Samples> all(contenders.size());
  for (auto _ : state) {
    ::malloc_trim(0);
    for (const Contender& contender : contenders) {  // warm up
      Samples ignored;
      contender.slice(ignored);
    }
    for (std::size_t slice = 0; slice < slices; ++slice) {
      for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
        const std::size_t who = (slice + turn) % contenders.size();
        const double cpu = CpuNanoseconds();
        contenders[who].slice(all[who]);
        all[who].cpu += CpuNanoseconds() - cpu;
      }
    }
  }
  struct Figures {
    double mean, p50, p99, cpu;
  };
  std::vector<Figures> figures;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Samples& samples = all[i];
    figures.push_back({samples.wall / samples.operations, samples.Percentile(0.5),
                       samples.Percentile(0.99), samples.cpu / samples.operations});
    const std::string& name = contenders[i].name;
    state.counters[name + "_mean_ns"] = figures[i].mean;
    state.counters[name + "_p50_ns"] = figures[i].p50;
    state.counters[name + "_p99_ns"] = figures[i].p99;
  }
  for (std::size_t of = baselines.size(); of < all.size(); ++of) {
    for (std::size_t to = 0; to < baselines.size(); ++to) {
      const auto name = [&](const char* what) {
        return contenders[of].name + "_" + what + "_to_" + contenders[to].name;
      };
      state.counters[name("mean")] = figures[of].mean / figures[to].mean;
      state.counters[name("p50")] = figures[of].p50 / figures[to].p50;
      state.counters[name("p99")] = figures[of].p99 / figures[to].p99;
      state.counters[name("cpu")] = figures[of].cpu / figures[to].cpu;
    }
  }
}

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_MEASURE_HPP_
