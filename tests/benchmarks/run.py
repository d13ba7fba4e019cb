#!/usr/bin/python3
"""Runs the benchmarks and writes one JSON file: what Google Benchmark measured, and how many system
calls a ping takes. run.py PROGRAM OUTPUT.json; then prints the table of plot.py. Sockets lie on a
tmpfs, as a disk's share would drown everything else. Debian: libbenchmark-dev strace."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import plot


def system_calls(program, server, pings):
    """Of the whole process, client and server."""
    with tempfile.NamedTemporaryFile() as summary:
        subprocess.run(
            ["strace", "-f", "-c", "-U", "calls,name", "-o", summary.name,
             program, "--alone", "ping", server, str(pings)],
            check=True)
        lines = pathlib.Path(summary.name).read_text().splitlines()
    return next(int(line.split()[0]) for line in lines if line.split()[-1:] == ["total"])


def system_calls_a_ping(program, server):
    """The server's: without the client's write and read, and without the life around the pings."""
    few, many = 1000, 4000
    difference = system_calls(program, server, many) - system_calls(program, server, few)
    return difference / (many - few) - 2


def main(program, output):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as tmpdir:
        os.environ["TMPDIR"] = tmpdir
        subprocess.run(
            [program, f"--benchmark_out={output}", "--benchmark_out_format=json",
             "--benchmark_counters_tabular=false"],
            check=True, stdout=subprocess.DEVNULL)
        results = json.loads(pathlib.Path(output).read_text())
        results["system_calls_a_ping"] = {
            server: system_calls_a_ping(program, server) for server in ("raw", "mock")}
    pathlib.Path(output).write_text(json.dumps(results, indent=1) + "\n")
    print(plot.table(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
