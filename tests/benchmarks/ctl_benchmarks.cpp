// Commands: round trips by payload, what it costs to keep a million of them, and what a handler and
// an expectation cost.

#include <benchmark/benchmark.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <functional>
#include <mock_hyperstart.hpp>
#include <string>
#include <vector>

#include "benchmarks/client.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/servers.hpp"
#include "benchmarks/wire.hpp"

namespace {

using hyperstart::DecodedMessage;
using hyperstart::Reply;

template <typename Server>
Contender RoundTrips(Pair<Server>& pair, const std::string& frame, int count) {
  return {Server::kName, [&pair, frame, count](Samples& samples) {
            for (int i = 0; i < count; ++i) samples.Time([&] { pair.client().Command(frame); });
          }};
}

void Ctl(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  const std::string frame =
      payload == 0 ? CtlFrame(kPing, {}) : CtlFrame(kWriteFile, std::string(payload, 'x'));
  const int count = payload < 4096 ? 500 : payload < 100'000 ? 100 : 10;
  Pair<Raw> raw;
  Pair<Recording> record;
  Pair<Mock> mock;
  Compare(state,
          {RoundTrips(raw, frame, count), RoundTrips(record, frame, count),
           RoundTrips(mock, frame, count)},
          20);
}
BENCHMARK(Ctl)->Name("ctl")->ArgName("bytes")->Arg(0)->Arg(1024)->Arg(65536)->Arg(1 << 20)->Apply(
    Rounds);

void Handler(benchmark::State& state) {
  const std::string ping = CtlFrame(kPing, {});
  Pair<Mock> without;
  Pair<Mock> plain;
  Pair<Mock> expecting;
  testing::MockFunction<Reply(const DecodedMessage&)> commands;
  EXPECT_CALL(commands, Call).WillRepeatedly(testing::Return(Reply()));
  plain.server().agent().SetHandler([](const DecodedMessage&) { return Reply(); });
  expecting.server().agent().SetHandler(commands.AsStdFunction());
  Contender none = RoundTrips(without, ping, 500);
  Contender handler = RoundTrips(plain, ping, 500);
  none.name = "none";
  handler.name = "handler";
  Compare(state, {none, handler, RoundTrips(expecting, ping, 500)}, 20);
  expecting.server().Stop();
}
BENCHMARK(Handler)->Name("expect_call")->Apply(Rounds);

/// A wait for a message that is there, among `present` others and among none.
void Wait(benchmark::State& state) {
  const std::string ping = CtlFrame(kPing, {});
  const std::string other = CtlFrame(kWriteFile, "other");
  Pair<Mock> empty;
  Pair<Mock> full;
  constexpr std::size_t kAtOnce = 100;
  std::string others;
  for (std::size_t i = 0; i < kAtOnce; ++i) others += other;
  for (std::int64_t i = 0; i < state.range(0); i += kAtOnce) full.client().Command(others, kAtOnce);
  const auto waits = [&](Pair<Mock>& pair, const char* name) -> Contender {
    return {name, [&](Samples& samples) {
              for (int i = 0; i < 200; ++i) {
                pair.client().Command(ping);
                samples.Time([&] {
                  Check(bool(pair.server().agent().WaitForMessage(hyperstart::Command::kPing)),
                        "the message is missing");
                });
              }
            }};
  };
  Compare(state, {waits(empty, "empty"), waits(full, "mock")}, 20);
}
BENCHMARK(Wait)->Name("wait")->ArgName("present")->Arg(100'000)->Apply(Rounds);

}  // namespace
