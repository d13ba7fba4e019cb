#!/usr/bin/python3
"""Runs the benchmarks, each run complete, and writes one JSON file: what Google Benchmark measured in
each run, and how many system calls a ping takes. Then prints the table. Sockets lie on a tmpfs, as a
disk's share would drown everything else. Debian: libbenchmark-dev strace."""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import table


def system_calls(program, server, pings):
    """Of the whole process, client and server, without those that take memory for the records."""
    with tempfile.NamedTemporaryFile() as summary:
        subprocess.run(
            ["strace", "-f", "-c", "-e", "trace=!%memory", "-U", "calls,name", "-o", summary.name,
             program, "--alone", "ping", server, str(pings)],
            check=True)
        lines = pathlib.Path(summary.name).read_text().splitlines()
    return next(int(line.split()[0]) for line in lines if line.split()[-1:] == ["total"])


def system_calls_a_ping(program, server):
    """The server's: without the client's write and read, and without the life around the pings. To a
    hundredth: threads that start or end take a futex call more or less."""
    few, many = 1000, 4000
    difference = system_calls(program, server, many) - system_calls(program, server, few)
    return round(difference / (many - few) - 2, 2)


def complete_run(program, rounds, directory):
    measured = pathlib.Path(directory, "measured.json")
    subprocess.run(
        [program, f"--benchmark_out={measured}", "--benchmark_out_format=json",
         f"--benchmark_repetitions={rounds}", "--benchmark_report_aggregates_only=true"],
        check=True, stdout=subprocess.DEVNULL)
    results = json.loads(measured.read_text())
    results["system_calls_a_ping"] = {
        server: system_calls_a_ping(program, server) for server in ("raw", "mock")}
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("output", type=pathlib.Path, help="the JSON file to write")
    parser.add_argument("--runs", type=int, default=3, help="complete runs, an odd number (default: 3)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds a run (default: 9)")
    parser.add_argument("--quick", action="store_true",
                        help="one run of three rounds, under a minute: for development, not for judging")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.rounds = 1, 3
    if options.runs < 1 or options.runs % 2 == 0:
        parser.error("--runs must be odd, for one of them is the middle one")
    if options.rounds < 2:
        parser.error("--rounds must be at least 2, or there is no median")
    runs = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        os.environ["TMPDIR"] = directory
        for _ in range(options.runs):
            runs.append(complete_run(options.program, options.rounds, directory))
            options.output.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    print(table.render(table.ROWS, [table.Run(run) for run in runs]))


if __name__ == "__main__":
    main()
