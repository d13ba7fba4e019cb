// Streams: frames towards the client and from it, by size, one a write and many.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "benchmarks/client.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

constexpr std::uint64_t kSeq = 1;

/// Each frame is sent, then read, on one thread.
template <typename Server>
Contender ToClient(Pair<Server>& pair, const std::string& data) {
  return {Server::kName, [&pair, &data](Samples& samples) {
            for (int i = 0; i < 1000; ++i) {
              samples.Time([&] {
                pair.server().SendIo(kSeq, data);
                pair.client().ReadIo(kIoHeader + data.size());
              });
            }
          }};
}

void IoToClient(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  Pair<Raw> raw;
  Pair<Mock> mock;
  Compare(state, {ToClient(raw, data), ToClient(mock, data)}, 20);
}
BENCHMARK(IoToClient)
    ->Name("io_to_client")
    ->ArgName("bytes")
    ->Arg(64)
    ->Arg(4096)
    ->Arg(65536)
    ->Apply(Rounds);

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
    ->Apply(Rounds);

/// `writes` times the same bytes, whole frames; ends when the last one has been taken in.
template <typename Server>
Contender FromClient(Pair<Server>& pair, const std::string& bytes, std::size_t frames,
                     std::size_t writes) {
  return {Server::kName, [&pair, &bytes, frames, writes](Samples& samples) {
            samples.TimeSeries(static_cast<double>(frames * writes), [&] {
              for (std::size_t i = 0; i < writes; ++i) pair.client().WriteIo(bytes);
              pair.client().WriteIo(IoFrame(kLastSeq, {}));
              pair.server().WaitForLast();
            });
          }};
}

void IoFromClient(benchmark::State& state) {
  const std::string frame =
      IoFrame(kSeq, std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  const std::size_t frames =
      std::max<std::size_t>(1, static_cast<std::size_t>(state.range(1)) / frame.size());
  std::string bytes;
  for (std::size_t i = 0; i < frames; ++i) bytes += frame;
  const std::size_t writes = std::min<std::size_t>(2000, 8 * 1024 * 1024 / bytes.size());
  Pair<Raw> raw;
  Pair<Recording> record;
  Pair<Mock> mock;
  Compare(state,
          {FromClient(raw, bytes, frames, writes), FromClient(record, bytes, frames, writes),
           FromClient(mock, bytes, frames, writes)},
          20);
}
BENCHMARK(IoFromClient)
    ->Name("io_from_client")
    ->ArgNames({"bytes", "write"})
    ->Args({64, 0})
    ->Args({4096, 0})
    ->Args({65536, 0})
    ->Args({64, 65536})
    ->Args({4096, 65536})
    ->Apply(Rounds);

}  // namespace
