// benchmarks [Google Benchmark's options], or benchmarks --alone WHAT SERVER COUNT: see alone.hpp.

#include <benchmark/benchmark.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <string>

#include "benchmarks/alone.hpp"
#include "benchmarks/measure.hpp"

int main(int argc, char** argv) {
  PinToOneProcessor();
  if (argc == 5 && std::string(argv[1]) == "--alone") {
    const auto count = static_cast<std::size_t>(std::strtoul(argv[4], nullptr, 10));
    return RunAlone(argv[2], argv[3], count);
  }
  testing::InitGoogleTest();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return testing::Test::HasFailure() ? 1 : 0;
}
