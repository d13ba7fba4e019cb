#!/usr/bin/python3
"""What it costs to compile a test that includes the face (each test file costs the same), against
GoogleTest alone and <asio.hpp>: user time, peak memory and the object's size, medians over the
runs. compile_time.py [OUTPUT.json]"""

import json
import os
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GTEST = "#include <gtest/gtest.h>\n"
PING = """#include <mock_hyperstart.hpp>
TEST({suite}, IsAcknowledged) {{
  hyperstart::MockHyperstart agent;
  agent.On(hyperstart::Command::kStartPod).WillOnce(hyperstart::Reply::Error("disk full"));
  agent.Start();
  const auto message = agent.WaitForMessage(hyperstart::Command::kPing);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload, "");
}}
"""
SOURCES = {
    "GoogleTest alone": GTEST + "TEST(Nothing, Holds) { EXPECT_EQ(1, 1); }\n",
    "<asio.hpp>": GTEST + "#include <asio.hpp>\nTEST(Nothing, Holds) { EXPECT_EQ(1, 1); }\n",
    "the face": GTEST + PING.format(suite="Ping"),
    "the face, with mock_hyperstart::compiled": "#define MOCK_HYPERSTART_COMPILED\n" + GTEST
                                                + PING.format(suite="Ping"),
}
RUNS = 3


def compile_once(compiler, level, source, directory):
    """User seconds and peak MB of the compiler with its children, and the object's kB."""
    (directory / "test.cpp").write_text(source)
    command = [compiler, "-std=c++17", level, "-DASIO_STANDALONE", f"-I{ROOT}/include", "-c",
               str(directory / "test.cpp"), "-o", str(directory / "test.o")]
    child = os.posix_spawnp(compiler, command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime, usage.ru_maxrss / 1024, (directory / "test.o").stat().st_size / 1000


def main(output=None):
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for compiler in ("g++", "clang++"):
            for level in ("-O0", "-O2"):
                runs = {name: [] for name in SOURCES}
                for _ in range(RUNS):  # in turns: what disturbs one disturbs all
                    for name, source in SOURCES.items():
                        runs[name].append(
                            compile_once(compiler, level, source, pathlib.Path(directory)))
                alone = statistics.median(run[0] for run in runs["GoogleTest alone"])
                for name, measured in runs.items():
                    user, memory, size = (statistics.median(column) for column in zip(*measured))
                    rows.append({"compiler": f"{compiler} {level}", "source": name, "user_s": user,
                                 "over_googletest_s": user - alone, "peak_mb": memory,
                                 "object_kb": size})
    print("| | | user time | over GoogleTest alone | peak memory | object |\n|---|---|---|---|---|---|")
    for row in rows:
        print("| {compiler} | {source} | {user_s:.2f} s | {over_googletest_s:.2f} s | {peak_mb:.0f} MB "
              "| {object_kb:.0f} kB |".format(**row))
    if output:
        pathlib.Path(output).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
