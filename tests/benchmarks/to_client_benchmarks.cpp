// io towards the client: frames that are read one by one, as a stream by a client that reads
// meanwhile, and as a backlog that is there before the client reads.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "benchmarks/client.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

constexpr std::uint64_t kSeq = 1;

template <typename Server>
Contender Singly(Pair<Server>& pair, const std::string& data) {
  return {Server::kName, [&pair, data](Samples& samples) {
            for (int i = 0; i < 1000; ++i) {
              samples.Time([&] {
                pair.server().SendIo(kSeq, data);
                pair.client().ReadIo(kIoHeader + data.size());
              });
            }
          }};
}

/// Each frame is sent, then read, on one thread.
void IoToClient(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  Pair<PollingRaw> polling;
  Pair<Mock> mock;
  Compare(state, {Singly(polling, data)}, {Singly(mock, data)});
}
BENCHMARK(IoToClient)
    ->Name("io_to_client")
    ->ArgName("bytes")
    ->Arg(64)
    ->Arg(4096)
    ->Arg(65536)
    ->Apply(OnceARound);

template <typename Server>
Contender Stream(Pair<Server>& pair, const std::string& data, std::size_t frames) {
  return {Server::kName, [&pair, data, frames](Samples& samples) {
            for (int i = 0; i < 3; ++i) {
              std::thread reader([&] { pair.client().ReadIo(frames * (kIoHeader + data.size())); });
              samples.TimeSeries(static_cast<double>(frames), [&] {
                for (std::size_t frame = 0; frame < frames; ++frame) {
                  pair.server().SendIo(kSeq, data);
                }
                reader.join();
              });
            }
          }};
}

/// One thread sends as fast as it can, another reads; ends when all has been read.
void StreamToClient(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  const auto frames = static_cast<std::size_t>(state.range(1));
  Pair<Raw> raw;
  Pair<PollingRaw> polling;
  Pair<Mock> mock;
  Compare(state, {Stream(raw, data, frames), Stream(polling, data, frames)},
          {Stream(mock, data, frames)});
}
BENCHMARK(StreamToClient)
    ->Name("io_stream")
    ->ArgNames({"bytes", "frames"})
    ->Args({65536, 160})
    ->Apply(OnceARound);

template <typename Server>
Contender OneStream(Pair<Server>& pair, const std::string& data, std::size_t frames) {
  return {Server::kName, [&pair, data, frames](Samples& samples) {
            std::thread reader([&] { pair.client().ReadIo(frames * (kIoHeader + data.size())); });
            samples.TimeSeries(static_cast<double>(frames), [&] {
              for (std::size_t frame = 0; frame < frames; ++frame) {
                pair.server().SendIo(kSeq, data);
              }
              reader.join();
            });
          }};
}

/// A gibibyte from an agent to a client, direct and through a spy.
void StreamThroughSpy(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  const auto frames = static_cast<std::size_t>(state.range(1));
  Pair<Raw> raw;
  Pair<Spied<Raw>> spy;
  Compare(state, {OneStream(raw, data, frames)}, {OneStream(spy, data, frames)}, 3);
}
BENCHMARK(StreamThroughSpy)
    ->Name("io_through_spy")
    ->ArgNames({"bytes", "frames"})
    ->Args({10'228, 104'982})
    ->Args({65536, 16'384})
    ->Apply(OnceARound);

/// All is sent before the client reads.
void Backlog(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  const auto frames = static_cast<std::size_t>(state.range(1));
  const auto count = static_cast<double>(frames);
  Pair<Mock> mock;
  Samples sending;
  Samples reading;
  for (auto _ : state) {
    for (int i = 0; i < 5; ++i) {
      sending.TimeSeries(count, [&] {
        for (std::size_t frame = 0; frame < frames; ++frame) mock.server().SendIo(kSeq, data);
      });
      reading.TimeSeries(count, [&] { mock.client().ReadIo(frames * (kIoHeader + data.size())); });
    }
  }
  state.counters["send_p50_ns"] = sending.Percentile(0.5);
  state.counters["read_p50_ns"] = reading.Percentile(0.5);
  state.counters["frames_per_s"] = 1e9 / reading.Percentile(0.5);
}
BENCHMARK(Backlog)
    ->Name("io_backlog")
    ->ArgNames({"bytes", "frames"})
    ->Args({64, 100'000})
    ->Args({4096, 10'000})
    ->Args({65536, 1000})
    ->Apply(OnceARound);

}  // namespace
