#!/usr/bin/python3
"""From the JSON of run.py: the table, printed, and with a second argument a plot of cost over size.
plot.py BENCHMARKS.json [PLOT.svg]. Debian: python3-matplotlib, for the plot only."""

import json
import pathlib
import statistics
import sys

import table

KIB = table.KIB
# Title, name of the x axis, benchmark, its sizes, contenders, counter, factor, unit of the y axis.
PANELS = (
    ("ctl, a round trip", "payload, bytes", "ctl/bytes:{}", (0, KIB, 64 * KIB, KIB * KIB),
     ("raw", "record", "mock"), "p50_ns", 1e-3, "µs"),
    ("io to the client, a frame", "data, bytes", "io_to_client/bytes:{}", (64, 4 * KIB, 64 * KIB),
     ("polling", "mock"), "p50_ns", 1e-3, "µs"),
    ("io from the client, a frame", "data, bytes", "io_from_client/bytes:{}/write:0",
     (64, 4 * KIB, 64 * KIB), ("raw", "record", "mock"), "p50_ns", 1e-3, "µs"),
    ("start", "mocks", "mocks/count:{}", (1, 10, 100, 1000), ("raw", "mock"), "start_ns", 1e-6, "ms"),
)
LABELS = {
    "raw": ("bare sockets", "C0"),
    "polling": ("bare sockets, polling first", "C3"),
    "record": ("bare sockets, keeping all", "C1"),
    "mock": ("mock_hyperstart", "C2"),
}


def draw(runs, path):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(16, 4), layout="constrained")
    for axis, (title, x_name, benchmark, sizes, contenders, counter, factor, unit) in zip(axes, PANELS):
        for contender in contenders:
            label, colour = LABELS[contender]
            costs = [
                factor * statistics.median(run[benchmark.format(size)][f"{contender}_{counter}"]
                                           for run in runs) for size in sizes
            ]
            # No payload at all stands at 1, where a logarithm can show it.
            axis.plot([max(size, 1) for size in sizes], costs, marker="o", label=label, color=colour)
        axis.set(title=title, xlabel=x_name, ylabel=unit, xscale="log", yscale="log")
        axis.grid(True, alpha=0.3)
    # One legend, of every contender in any panel.
    entries = dict(
        (label, handle) for axis in axes for handle, label in zip(*axis.get_legend_handles_labels()))
    axes[0].legend(entries.values(), entries.keys())
    figure.savefig(path)


def main(measured, picture=None):
    runs = [table.Run(run) for run in json.loads(pathlib.Path(measured).read_text())["runs"]]
    print(table.render(table.ROWS, runs))
    if picture:
        draw(runs, picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
