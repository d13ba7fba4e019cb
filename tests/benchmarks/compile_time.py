#!/usr/bin/python3
"""What it costs to compile a test file that uses the library (each one costs the same), over what
such a file includes without it: user time, peak memory and the object's size. Writes a JSON file if
asked to, and prints tables. Needs g++ and clang++; with --quick g++ -O0 alone, once."""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import tempfile

import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILED = "#define MOCK_HYPERSTART_COMPILED\n"  # as linking mock_hyperstart::compiled defines it
GTEST = "#include <gtest/gtest.h>\nTEST(Nothing, Holds) { EXPECT_EQ(1, 1); }\n"
MOCK = GTEST + """#include <mock_hyperstart.hpp>
TEST(Ping, IsAcknowledged) {
  hyperstart::MockHyperstart agent;
  agent.On(hyperstart::Command::kStartPod).WillOnce(hyperstart::Reply::Error("disk full"));
  agent.Start();
  const auto message = agent.WaitForMessage(hyperstart::Command::kPing);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload, "");
}
"""
GMOCK_JSON = """#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
TEST(Nothing, Holds) { EXPECT_THAT(1, testing::Eq(1)); }
"""
JSON = GMOCK_JSON + """#include <mock_hyperstart/json.hpp>
TEST(Payload, HasAnId) {
  hyperstart::DecodedMessage message;
  message.payload = R"({"id": "web"})";
  EXPECT_THAT(message, hyperstart::PayloadJson("/id", "web"));
}
"""


@dataclasses.dataclass(frozen=True)
class Source:
    name: str
    text: str
    over: str | None = None  # the name of the source that it is compared with
    target: float | None = None  # seconds over that, with g++ -O0


SOURCES = (
    Source("GoogleTest alone", GTEST),
    Source("GoogleTest and <asio.hpp>", "#include <asio.hpp>\n" + GTEST, "GoogleTest alone"),
    Source("a test that makes a mock, header-only", MOCK, "GoogleTest alone", 3.0),
    Source("a test that makes a mock, mock_hyperstart::compiled", COMPILED + MOCK, "GoogleTest alone", 0.40),
    Source("GoogleMock and nlohmann-json", GMOCK_JSON),
    Source("a test that uses json.hpp, header-only", JSON, "GoogleMock and nlohmann-json", 1.5),
    Source("a test that uses json.hpp, mock_hyperstart::compiled", COMPILED + JSON,
           "GoogleMock and nlohmann-json"),
)


@dataclasses.dataclass(frozen=True)
class Cost:
    user_s: float
    peak_mb: float  # of the compiler and its children
    object_kb: float


def compile_once(setup, source, directory):
    compiler, level = setup
    (directory / "test.cpp").write_text(source.text)
    command = [compiler, "-std=c++17", level, "-DASIO_STANDALONE", f"-I{ROOT}/include", "-c",
               str(directory / "test.cpp"), "-o", str(directory / "test.o")]
    child = os.posix_spawnp(compiler, command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed on: {source.name}")
    return Cost(usage.ru_utime, usage.ru_maxrss / 1024, (directory / "test.o").stat().st_size / 1000)


def complete_run(setups):
    """{(setup, the source's name): Cost}"""
    with tempfile.TemporaryDirectory() as directory:
        return {(setup, source.name): compile_once(setup, source, pathlib.Path(directory))
                for setup in setups for source in SOURCES}


def time_rows(setups):
    for setup in setups:
        for source in SOURCES:
            if source.over is None:
                continue
            mine, other = (setup, source.name), (setup, source.over)
            yield table.Row(
                f"{' '.join(setup)}: {source.name}",
                lambda run, mine=mine, other=other: run[mine].user_s - run[other].user_s,
                f" s over {source.over}", source.target if setup == ("g++", "-O0") else None,
                absolute=lambda run, mine=mine: run[mine].user_s, absolute_format="{:.2f} s")


def sizes(setups, runs):
    yield "| | peak memory | object |\n|---|---|---|"
    for setup in setups:
        for source in SOURCES:
            costs = [run[setup, source.name] for run in runs]
            memory = statistics.median(cost.peak_mb for cost in costs)
            size = statistics.median(cost.object_kb for cost in costs)
            yield f"| {' '.join(setup)}: {source.name} | {memory:.0f} MB | {size:.0f} kB |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path, nargs="?", help="a JSON file to write")
    parser.add_argument("--runs", type=int, default=3, help="complete runs, an odd number (default: 3)")
    parser.add_argument("--quick", action="store_true",
                        help="one run with g++ -O0: for development, not for judging")
    options = parser.parse_args()
    if options.runs < 1 or options.runs % 2 == 0:
        parser.error("--runs must be odd, for one of them is the middle one")
    setups = [(compiler, level) for compiler in ("g++", "clang++") for level in ("-O0", "-O2")]
    if options.quick:
        setups, options.runs = setups[:1], 1
    runs = [complete_run(setups) for _ in range(options.runs)]
    if options.output:
        options.output.write_text(json.dumps({"runs": [
            [{"setup": " ".join(setup), "source": name, **dataclasses.asdict(cost)}
             for (setup, name), cost in run.items()]
            for run in runs]}, indent=1) + "\n")
    print(table.render(time_rows(setups), runs), end="\n\n")
    print("\n".join(sizes(setups, runs)))


if __name__ == "__main__":
    main()
