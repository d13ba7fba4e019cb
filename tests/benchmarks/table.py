"""The rows of the table: what each shows of what the benchmarks measured, and its target. A figure is
the middle one of several complete runs, with their range; a target holds where the middle one does."""

import dataclasses
import statistics
import typing

KIB, MIB = 1 << 10, 1 << 20
RAW, RECORD = " × RAW", " × RAW+RECORD"


class Run:
    """One complete run."""

    def __init__(self, results):
        self.system_calls = results["system_calls_a_ping"]
        self._medians = {
            one["run_name"].split("/iterations:")[0]: one
            for one in results["benchmarks"] if one.get("aggregate_name") == "median"
        }

    def __getitem__(self, benchmark):
        """{counter: its median over the rounds}"""
        return self._medians[benchmark]


@dataclasses.dataclass(frozen=True)
class Row:
    what: str
    value: typing.Callable  # of one run
    unit: str               # of the value and the target; a ratio's is what it is a multiple of
    target: float | None = None
    at_least: bool = False  # the target is a lower limit
    absolute: typing.Callable | None = None  # of one run: the figure behind a ratio
    absolute_format: str = ""


def counter(benchmark, name, factor=1):
    return lambda run: run[benchmark][name] * factor


def per_second(benchmark, name, factor=1):
    """From a counter in nanoseconds."""
    return lambda run: factor * 1e9 / run[benchmark][name]


def size(count):
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return f"{count // unit} {name}"
    return f"{count} B"


def ctl_rows():
    for mock, how, target in (("mock", "", 1.10), ("waiter", ", a test blocked in ReadIo", 1.20)):
        ping = "ctl/bytes:0"
        yield Row(f"ctl ping{how}, p50", counter(ping, f"{mock}_p50_to_record"), RECORD, target,
                  absolute=counter(ping, f"{mock}_p50_ns", 1e-3), absolute_format="{:.1f} µs")
        yield Row(f"ctl ping{how}, rate", counter(ping, f"{mock}_mean_to_record"), RECORD, target,
                  absolute=per_second(ping, f"{mock}_mean_ns"), absolute_format="{:,.0f}/s")
        if mock == "mock":
            yield Row("ctl ping, p99", counter(ping, "mock_p99_to_record"), RECORD, 1.25,
                      absolute=counter(ping, "mock_p99_ns", 1e-3), absolute_format="{:.1f} µs")
        for count in (KIB, 64 * KIB, MIB):
            one = f"ctl/bytes:{count}"
            yield Row(f"ctl {size(count)}{how}, rate", counter(one, f"{mock}_mean_to_record"), RECORD, 1.10,
                      absolute=per_second(one, f"{mock}_mean_ns", count / 1e6),
                      absolute_format="{:,.0f} MB/s")
    # The median, though it leaves out the few batches in which the baseline moves its records to a
    # larger block: with them, which take as long as a hundred others, no two rounds agree.
    batch = "ctl_batch/pings:100"
    yield Row("pings, 100 at a time", counter(batch, "mock_p50_to_record"), RECORD, 1.5,
              absolute=per_second(batch, "mock_p50_ns"), absolute_format="{:,.0f}/s")
    # Rates: the median jumps with whether the client runs between the `next` and the `ack`.
    for name, words, target in (("handler", "a handler", 1.25), ("expect_call", "EXPECT_CALL", 1.6)):
        yield Row(f"ping answered by {words}", counter("answered", f"{name}_mean_to_none"),
                  " × one that nothing was said about", target,
                  absolute=per_second("answered", f"{name}_mean_ns"), absolute_format="{:,.0f}/s")


def to_client_rows():
    polling = " × RAW that polls before it reads"
    for count in (64, 4 * KIB, 64 * KIB):
        one = f"io_to_client/bytes:{count}"
        yield Row(f"io to the client, {size(count)}, singly", counter(one, "mock_p50_to_polling"), polling,
                  1.10, absolute=counter(one, "mock_p50_ns", 1e-3), absolute_format="{:.2f} µs")
    # A rate: how much of a series waits in the mock's queue depends on the scheduler.
    stream = "io_stream/bytes:65536/frames:160"
    for baseline, unit, target in (("raw", RAW, 1.25), ("polling", polling, None)):
        yield Row("a stream of 64 KiB frames to the client", counter(stream, f"mock_mean_to_{baseline}"),
                  unit, target, absolute=per_second(stream, "mock_mean_ns", 64 * KIB / 1e6),
                  absolute_format="{:,.0f} MB/s")
    for count, frames in ((10_228, 104_982), (64 * KIB, 16_384)):
        spy = f"io_through_spy/bytes:{count}/frames:{frames}"
        yield Row(f"1 GiB to the client through a spy, frames of {count:,} B", counter(spy, "spy_mean_to_raw"),
                  " × direct, by RAW", 2, absolute=per_second(spy, "spy_mean_ns", count / 1e6),
                  absolute_format="{:,.0f} MB/s")
    backlog = "io_backlog/bytes:64/frames:100000"
    yield Row("io to the client, 64 B, a backlog of 100,000", counter(backlog, "frames_per_s", 1e-6),
              " M frames/s", 10, at_least=True)
    yield Row("to put such a frame into the backlog", counter(backlog, "send_p50_ns"), " ns")
    for count, frames in ((4 * KIB, 10_000), (64 * KIB, 1000)):
        yield Row(f"io to the client, {size(count)}, a backlog of {frames:,}",
                  counter(f"io_backlog/bytes:{count}/frames:{frames}", "frames_per_s", count / 1e6), " MB/s")


def from_client_rows():
    # Rates, over a whole round: a sample is a series of frames, and the baseline pays for the growth
    # of its records in a few of them, which a median would leave out.
    for count, write in ((64, 0), (4 * KIB, 0), (64 * KIB, 0), (64, 64 * KIB), (4 * KIB, 64 * KIB)):
        one = f"io_from_client/bytes:{count}/write:{write}"
        how = f"{size(write)} a write" if write else "singly"
        yield Row(f"io from the client, {size(count)}, {how}", counter(one, "mock_mean_to_record"), RECORD,
                  1.15, absolute=per_second(one, "mock_mean_ns"), absolute_format="{:,.0f}/s")
    for benchmark, how in (("io_taken_each", "taken by ReadIo each"),
                           ("io_taken_stream", "taken by one ReadStream")):
        for count in (64, 4 * KIB, 64 * KIB):
            one = f"{benchmark}/bytes:{count}/write:65536"
            yield Row(f"io from the client, {size(count)}, 64 KiB a write, {how}",
                      counter(one, "mock_mean_to_taken"), RECORD + " that is taken likewise", 1.5,
                      absolute=per_second(one, "mock_mean_ns"), absolute_format="{:,.0f}/s")


def life_rows():
    yield Row("a mock's life, on tmpfs", counter("life", "mock_p50_to_raw"), RAW, 1.30,
              absolute=per_second("life", "mock_p50_ns"), absolute_format="{:,.0f}/s")
    for count, target in ((100, None), (1000, 1.3)):
        for what in ("start", "stop"):
            one = f"mocks/count:{count}"
            yield Row(f"{count:,} mocks: {what}", counter(one, f"{what}_to_raw"), RAW, target,
                      absolute=counter(one, f"mock_{what}_ns", 1e-6), absolute_format="{:.1f} ms")
    fleet, keep, wait = "mocks/count:1000", "keep/pings:1000000", "wait/present:100000"
    yield Row("1,000 mocks: threads", counter(fleet, "mock_threads"), "", 2001)
    yield Row("1,000 mocks: descriptors each", counter(fleet, "mock_descriptors"), "", 7)
    yield Row("1,000 mocks: resident each", counter(fleet, "mock_bytes", 1e-3), " kB", 45)
    yield Row("system calls a ping", lambda run: run.system_calls["mock"], "", 2)
    yield Row("1,000,000 recorded pings: bytes each", counter(keep, "mock_bytes"), "", 60)
    yield Row("the last tenth of them against the first", counter(keep, "last_to_first"), " ×", 1.05)
    yield Row("the last tenth of them", counter(keep, "last_to_record"), RECORD,
              absolute=counter(keep, "mock_last_ns"), absolute_format="{:.0f} ns each")
    yield Row("a wait with 100,000 records present", counter(wait, "mock_p50_to_empty"), " × with none", 1.05,
              absolute=counter(wait, "mock_p50_ns"), absolute_format="{:.0f} ns")


ROWS = [*ctl_rows(), *to_client_rows(), *from_client_rows(), *life_rows()]


def render(rows, runs):
    """As Markdown."""
    lines = [f"| | | measured | range of {len(runs)} | target | |", "|---|---|---|---|---|---|"]
    for row in rows:
        values = [row.value(run) for run in runs]
        middle = statistics.median(values)
        absolute = ""
        if row.absolute:
            absolute = row.absolute_format.format(statistics.median(row.absolute(run) for run in runs))
        spread = f"{min(values):.4g} to {max(values):.4g}" if len(runs) > 1 else ""
        target, verdict = "", ""
        if row.target is not None:
            met = middle >= row.target if row.at_least else middle <= row.target
            target = f"{'≥' if row.at_least else '≤'} {row.target:g}"
            verdict = "met" if met else "missed"
        lines.append(
            f"| {row.what} | {absolute} | {middle:.4g}{row.unit} | {spread} | {target} | {verdict} |")
    return "\n".join(lines)
