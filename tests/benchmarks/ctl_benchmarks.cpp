// Commands: round trips by payload, alone, beside a blocked wait and 100 at a time; answered by a
// handler and by an expectation; and a wait for one among many.

#include <benchmark/benchmark.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <cstdint>
#include <mock_hyperstart.hpp>
#include <string>

#include "benchmarks/client.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

using hyperstart::DecodedMessage;
using hyperstart::Reply;

constexpr int kPings = 500;  // a slice

template <typename Server>
Contender RoundTrips(const char* name, Pair<Server>& pair, const std::string& frame, int count) {
  return {name, [&pair, frame, count](Samples& samples) {
            for (int i = 0; i < count; ++i) samples.Time([&] { pair.client().Command(frame); });
          }};
}
template <typename Server>
Contender RoundTrips(Pair<Server>& pair, const std::string& frame, int count) {
  return RoundTrips(Server::kName, pair, frame, count);
}

/// `waiter` is a mock whose test is blocked in ReadIo meanwhile.
void Ctl(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  const std::string frame =
      payload == 0 ? CtlFrame(kPing, {}) : CtlFrame(kWriteFile, std::string(payload, 'x'));
  const int count = payload < 4096 ? kPings : payload < 100'000 ? 100 : 10;
  Pair<Raw> raw;
  Pair<Recording> record;
  Pair<Mock> mock;
  Pair<Mock> waiter;
  const BlockedReader reader(waiter);
  Compare(state, {RoundTrips(raw, frame, count), RoundTrips(record, frame, count)},
          {RoundTrips(mock, frame, count), RoundTrips("waiter", waiter, frame, count)});
}
BENCHMARK(Ctl)->Name("ctl")->ArgName("bytes")->Arg(0)->Arg(1024)->Arg(65536)->Arg(1 << 20)->Apply(
    OnceARound);

template <typename Server>
Contender Batches(Pair<Server>& pair, const std::string& frames, std::size_t count) {
  return {Server::kName, [&pair, frames, count](Samples& samples) {
            for (int i = 0; i < 50; ++i) {
              samples.TimeSeries(static_cast<double>(count),
                                 [&] { pair.client().Command(frames, count); });
            }
          }};
}

/// So many pings in one write.
void Batch(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::string pings;
  for (std::size_t i = 0; i < count; ++i) pings += CtlFrame(kPing, {});
  Pair<Raw> raw;
  Pair<Recording> record;
  Pair<Mock> mock;
  Compare(state, {Batches(raw, pings, count), Batches(record, pings, count)},
          {Batches(mock, pings, count)});
}
BENCHMARK(Batch)->Name("ctl_batch")->ArgName("pings")->Arg(100)->Apply(OnceARound);

/// Pings that a handler and a GoogleMock expectation answer, against those that nothing was said
/// about.
void Answered(benchmark::State& state) {
  const std::string ping = CtlFrame(kPing, {});
  testing::MockFunction<Reply(const DecodedMessage&)> commands;  // outlives the mock that calls it
  EXPECT_CALL(commands, Call).WillRepeatedly(testing::Return(Reply()));
  Pair<Mock> none;
  Pair<Mock> handler;
  Pair<Mock> expectation;
  handler.server().agent().SetHandler([](const DecodedMessage&) { return Reply(); });
  expectation.server().agent().SetHandler(commands.AsStdFunction());
  Compare(state, {RoundTrips("none", none, ping, kPings)},
          {RoundTrips("handler", handler, ping, kPings),
           RoundTrips("expect_call", expectation, ping, kPings)});
}
BENCHMARK(Answered)->Name("answered")->Apply(OnceARound);

Contender Waits(const char* name, Pair<Mock>& pair) {
  return {name, [&pair](Samples& samples) {
            const std::string ping = CtlFrame(kPing, {});
            for (int i = 0; i < 200; ++i) {
              pair.client().Command(ping);
              samples.Time([&] {
                Check(bool(pair.server().agent().WaitForMessage(hyperstart::Command::kPing)),
                      "the message is missing");
              });
            }
          }};
}

/// A wait for a message that is there, among `present` others and among none.
void Wait(benchmark::State& state) {
  constexpr std::size_t kAtOnce = 100;
  std::string others;
  for (std::size_t i = 0; i < kAtOnce; ++i) others += CtlFrame(kWriteFile, "other");
  Pair<Mock> empty;
  Pair<Mock> full;
  for (std::int64_t i = 0; i < state.range(0); i += kAtOnce) full.client().Command(others, kAtOnce);
  Compare(state, {Waits("empty", empty)}, {Waits("mock", full)});
}
BENCHMARK(Wait)->Name("wait")->ArgName("present")->Arg(100'000)->Apply(OnceARound);

}  // namespace
