#!/usr/bin/python3
"""From the benchmarks' JSON: the README's table, printed, and with a second argument a plot of cost
over size. plot.py BENCHMARKS.json [PLOT.svg]. Debian: python3-matplotlib, for the plot only."""

import json
import pathlib
import sys


def medians(results):
    """{name: {counter: its median over the rounds}}"""
    return {
        one["run_name"].split("/iterations:")[0]: one
        for one in results["benchmarks"]
        if one.get("aggregate_name") == "median"
    }


class Table:
    def __init__(self):
        self.lines = ["| | measured | target | |", "|---|---|---|---|"]

    def row(self, what, value, unit, target, at_least=False):
        """The figure is a ratio or a quantity; the target, if there is one, its limit."""
        if target is None:
            self.lines.append(f"| {what} | {value:.4g}{unit} | | |")
            return
        met = value >= target if at_least else value <= target
        bound = "≥" if at_least else "≤"
        self.lines.append(
            f"| {what} | {value:.4g}{unit} | {bound} {target:g}{unit} | {'met' if met else 'missed'} |")


def size(count):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count // unit} {name}"
    return f"{count} B"


def table(results):
    found = medians(results)
    out = Table()
    ping = found["ctl/bytes:0"]
    record, raw = " × RAW+RECORD", " × RAW"
    out.row(f"ctl ping, p50 ({ping['mock_p50_ns'] / 1000:.1f} µs)", ping["p50_to_record"], record, 1.10)
    out.row(f"ctl ping, rate ({1e9 / ping['mock_mean_ns']:,.0f}/s)", ping["mean_to_record"], record, 1.10)
    out.row(f"ctl ping, p99 ({ping['mock_p99_ns'] / 1000:.1f} µs)", ping["p99_to_record"], record, 1.25)
    for count in (1 << 10, 1 << 16, 1 << 20):
        one = found[f"ctl/bytes:{count}"]
        rate = count / one["mock_p50_ns"] * 1000
        out.row(f"ctl {size(count)} ({rate:,.0f} MB/s)", one["p50_to_record"], record, 1.10)
    for count in (64, 1 << 12, 1 << 16):
        one = found[f"io_to_client/bytes:{count}"]
        out.row(f"io to the client, {size(count)}, singly ({one['mock_p50_ns'] / 1000:.2f} µs)",
                one["p50_to_raw"], raw, 1.10)
    one = found["io_backlog/bytes:64/frames:100000"]
    out.row("io to the client, 64 B, a backlog of 100,000", one["frames_per_s"] / 1e6, " M frames/s", 10,
            at_least=True)
    out.row("to put such a frame into the backlog", one["send_p50_ns"], " ns", None)
    for count, frames in ((1 << 12, 10_000), (1 << 16, 1000)):
        one = found[f"io_backlog/bytes:{count}/frames:{frames}"]
        out.row(f"io to the client, {size(count)}, a backlog of {frames:,}", one["frames_per_s"] * count / 1e6,
                " MB/s", None)
    for count, write in ((64, 0), (1 << 12, 0), (1 << 16, 0), (64, 1 << 16), (1 << 12, 1 << 16)):
        one = found[f"io_from_client/bytes:{count}/write:{write}"]
        how = f"{size(write)} a write" if write else "singly"
        # A rate, over a whole round: a sample is a series of frames, and the baseline pays for the
        # growth of its records in a few of them, which a median would leave out.
        out.row(f"io from the client, {size(count)}, {how} ({1e9 / one['mock_mean_ns']:,.0f}/s)",
                one["mean_to_record"], record, 1.15)
    life = found["life"]
    out.row(f"a mock's life, on tmpfs ({1e9 / life['mock_p50_ns']:,.0f}/s)", life["p50_to_raw"], raw, 1.20)
    fleet = found["mocks/count:100"]
    out.row(f"100 mocks: start ({fleet['mock_start_ns'] / 1e6:.1f} ms)", fleet["start_to_raw"], raw, None)
    fleet = found["mocks/count:1000"]
    out.row("1,000 mocks: threads", fleet["mock_threads"], "", 2001)
    out.row("1,000 mocks: descriptors each", fleet["mock_descriptors"], "", 7)
    out.row("1,000 mocks: resident each", fleet["mock_bytes"] / 1000, " kB", 45)
    out.row(f"1,000 mocks: start ({fleet['mock_start_ns'] / 1e6:.0f} ms)", fleet["start_to_raw"], raw, 1.3)
    out.row("system calls a ping", round(results["system_calls_a_ping"]["mock"], 1), "", 2)
    keep = found["keep/pings:1000000"]
    out.row("1,000,000 recorded pings: bytes each", keep["mock_bytes"], "", 100)
    out.row(f"1,000,000 recorded pings, 100 at a time ({keep['mock_last_ns']:.0f} ns each)",
            keep["mock_last_ns"] / keep["record_last_ns"], record, None)
    out.row("the last tenth of them against the first", keep["last_to_first"], " ×", 1.05)
    wait = found["wait/present:100000"]
    out.row(f"a wait with 100,000 records present ({wait['mock_p50_ns']:.0f} ns)", wait["p50_to_empty"],
            " × with none", 1.05)
    handler = found["expect_call"]
    # A rate: the median jumps with whether the client runs between the `next` and the `ack`.
    out.row("ping answered by EXPECT_CALL, rate", handler["mean_to_handler"], " × a plain handler", None)
    return "\n".join(out.lines)


def draw(results, path):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    found = medians(results)
    panels = (
        ("ctl, a round trip", "payload, bytes", "ctl/bytes:{}", (1, 1 << 10, 1 << 16, 1 << 20),
         ("raw_p50_ns", "record_p50_ns", "mock_p50_ns"), 1e3, "µs"),
        ("io to the client, a frame", "data, bytes", "io_to_client/bytes:{}", (64, 1 << 12, 1 << 16),
         ("raw_p50_ns", "mock_p50_ns"), 1e3, "µs"),
        ("io from the client, a frame", "data, bytes", "io_from_client/bytes:{}/write:0",
         (64, 1 << 12, 1 << 16), ("raw_p50_ns", "record_p50_ns", "mock_p50_ns"), 1e3, "µs"),
        ("start", "mocks", "mocks/count:{}", (1, 10, 100, 1000), ("raw_start_ns", "mock_start_ns"), 1e6,
         "ms"),
    )
    names = {"raw": ("bare sockets", "C0"), "record": ("bare sockets, keeping all", "C1"),
             "mock": ("mock_hyperstart", "C2")}
    figure, axes = pyplot.subplots(1, len(panels), figsize=(16, 4), layout="constrained")
    for axis, (title, unit, name, sizes, counters, scale, time) in zip(axes, panels):
        for counter in counters:
            # No payload at all stands at 1, where a logarithm can show it.
            key = lambda count: name.format(0 if name.startswith("ctl") and count == 1 else count)
            label, colour = names[counter.split("_")[0]]
            axis.plot(sizes, [found[key(count)][counter] / scale for count in sizes], marker="o",
                      label=label, color=colour)
        axis.set(title=title, xlabel=unit, ylabel=time, xscale="log", yscale="log")
        axis.grid(True, alpha=0.3)
    axes[0].legend()
    figure.savefig(path)


if __name__ == "__main__":
    measured = json.loads(pathlib.Path(sys.argv[1]).read_text())
    print(table(measured))
    if len(sys.argv) > 2:
        draw(measured, sys.argv[2])
