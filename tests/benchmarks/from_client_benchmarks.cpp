// io from the client: frames written one by one and 64 KiB at a time, which nobody takes, or which
// the test takes as they arrive, packet by packet or as one stream.

#include <benchmark/benchmark.h>

#include <algorithm>
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

/// The same whole frames, written again and again.
struct Traffic {
  /// A write of at most `write` bytes, but of one frame at least; `total` bytes in all.
  Traffic(std::int64_t data, std::int64_t write, std::size_t total, std::size_t most_writes)
      : frame_data(static_cast<std::size_t>(data)) {
    const std::string frame = IoFrame(kSeq, std::string(frame_data, 'x'));
    frames_a_write = std::max<std::size_t>(1, static_cast<std::size_t>(write) / frame.size());
    for (std::size_t i = 0; i < frames_a_write; ++i) bytes += frame;
    writes = std::min(most_writes, total / bytes.size());
  }
  std::size_t frames() const { return frames_a_write * writes; }

  std::size_t frame_data;
  std::size_t frames_a_write = 1;
  std::size_t writes = 1;
  std::string bytes;  // of one write
};

/// Ends when the last frame has been taken in; all of them stay recorded.
template <typename Server>
Contender NobodyTakes(Pair<Server>& pair, const Traffic& traffic) {
  return {Server::kName, [&pair, &traffic](Samples& samples) {
            samples.TimeSeries(static_cast<double>(traffic.frames()), [&] {
              for (std::size_t i = 0; i < traffic.writes; ++i) pair.client().WriteIo(traffic.bytes);
              pair.client().WriteIo(IoFrame(kLastSeq, {}));
              pair.server().WaitForLast();
            });
          }};
}

void IoFromClient(benchmark::State& state) {
  const Traffic traffic(state.range(0), state.range(1), 8 * 1024 * 1024, 2000);
  Pair<Raw> raw;
  Pair<Recording> record;
  Pair<Mock> mock;
  Compare(state, {NobodyTakes(raw, traffic), NobodyTakes(record, traffic)},
          {NobodyTakes(mock, traffic)});
}
BENCHMARK(IoFromClient)
    ->Name("io_from_client")
    ->ArgNames({"bytes", "write"})
    ->Args({64, 0})
    ->Args({4096, 0})
    ->Args({65536, 0})
    ->Args({64, 65536})
    ->Args({4096, 65536})
    ->Apply(OnceARound);

/// take() runs on a thread of its own while the client writes, and returns when it has taken all.
template <typename Server, typename Take>
Contender Taken(const char* name, Pair<Server>& pair, const Traffic& traffic, Take take) {
  return {name, [&pair, &traffic, take](Samples& samples) {
            std::thread taker(take);
            samples.TimeSeries(static_cast<double>(traffic.frames()), [&] {
              for (std::size_t i = 0; i < traffic.writes; ++i) pair.client().WriteIo(traffic.bytes);
              taker.join();
            });
          }};
}

constexpr std::size_t kTakenBytes = 4 * 1024 * 1024;  // a series

/// `taken` is RAW+RECORD whose test takes each message under the mutex, as it arrives.
void TakenEach(benchmark::State& state) {
  const Traffic traffic(state.range(0), state.range(1), kTakenBytes, kTakenBytes);
  Pair<Recording> record;
  Pair<Recording> taken;
  Pair<Mock> mock;
  const auto take_bare = [&] {
    for (std::size_t i = 0; i < traffic.frames(); ++i) {
      Check(taken.server().TakeIo().payload.size() == traffic.frame_data, "a wrong packet");
    }
  };
  const auto take_mock = [&] {
    for (std::size_t i = 0; i < traffic.frames(); ++i) {
      const auto packet = mock.server().agent().ReadIo(kSeq);
      Check(packet && packet->data.size() == traffic.frame_data, "a wrong packet");
    }
  };
  Compare(state, {NobodyTakes(record, traffic), Taken("taken", taken, traffic, take_bare)},
          {Taken("mock", mock, traffic, take_mock)});
}
BENCHMARK(TakenEach)
    ->Name("io_taken_each")
    ->ArgNames({"bytes", "write"})
    ->Args({64, 65536})
    ->Args({4096, 65536})
    ->Args({65536, 65536})
    ->Apply(OnceARound);

/// `taken` is RAW+RECORD whose test takes each message under the mutex and joins them.
void TakenAsStream(benchmark::State& state) {
  const Traffic traffic(state.range(0), state.range(1), kTakenBytes, kTakenBytes);
  const std::size_t total = traffic.frames() * traffic.frame_data;
  Pair<Recording> record;
  Pair<Recording> taken;
  Pair<Mock> mock;
  const auto take_bare = [&] {
    std::string stream;
    stream.reserve(total);
    while (stream.size() < total) stream += taken.server().TakeIo().payload;
  };
  const auto take_mock = [&] {
    const auto stream = mock.server().agent().ReadStream(kSeq, total);
    Check(stream && stream->size() == total, "a wrong stream");
  };
  Compare(state, {NobodyTakes(record, traffic), Taken("taken", taken, traffic, take_bare)},
          {Taken("mock", mock, traffic, take_mock)});
}
BENCHMARK(TakenAsStream)
    ->Name("io_taken_stream")
    ->ArgNames({"bytes", "write"})
    ->Args({64, 65536})
    ->Args({4096, 65536})
    ->Args({65536, 65536})
    ->Apply(OnceARound);

}  // namespace
