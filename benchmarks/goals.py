"""What tapesh sets out to reach, each goal with how its figure is read and, where it is missed, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import figures
from benchmarks.figures import Kept

Reached = tuple[str, bool] | None
"""The figure as it is told, and whether it reaches the goal; None: not measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the table.

    Attributes:
        figure: what is measured.
        goal: what it should be.
        read: reads it from what is kept.
        command: measures it.
        missed: why it is missed, told only then.
    """

    figure: str
    goal: str
    read: Callable[[Kept], Reached]
    command: str
    missed: Callable[[Kept], str] = lambda _kept: ""


def _because(reason: str) -> Callable[[Kept], str]:
    return lambda _kept: reason


def _cost(kept: Kept) -> str:
    """Say what an event costs, and how much of it isn't Kafka's and Faust's."""
    made, alone = figures.measured(kept, "throughput"), figures.at_size(kept, 1_000_000)
    if made is None or alone is None:
        return "an event costs more than that allows"
    return (
        f"an event costs {1e6 / figures.rate(made):.1f} us, where 150,000 a second allow 6.7; most of it is our own"
        " work: without Kafka, Faust and checkpoints, in a process of its own, decoding, deduplicating and folding take"
        f" {alone['mixed_us']:.1f} us an event (`customers`), a step of Python for each event and each of its parts"
    )


_SAME = _because("the same: what an event costs")


def _throughput(kept: Kept) -> Reached:
    made = figures.measured(kept, "throughput")
    if made is None:
        return None
    rate = figures.rate(made)
    clock = figures.rate(made, "wall_s")
    return f"{rate:,.0f} (by the clock {clock:,.0f}, over {made['wall_s']:.0f} s)", rate >= 150_000


def _times(peer: str, least: float) -> Callable[[Kept], Reached]:
    def read(kept: Kept) -> Reached:
        found = figures.ratio(kept, peer)
        return None if found is None else (found.text(".2f" if found.median < 10 else ".1f"), found.median >= least)

    return read


def _workers(kept: Kept) -> Reached:
    found = figures.two_workers(kept)
    return None if found is None else (found.text(".2f"), found.median >= 0.85)


def _offered(kept: Kept) -> Reached:
    made = figures.measured(kept, "offered")
    if made is None:
        return None
    text = f"p50 {made['p50_s']:.2f} s, p99 {made['p99_s']:.2f} s at {made['rate']:,.0f} events/s"
    return text, made["p50_s"] <= 0.6 and made["p99_s"] <= 1.2


def _memory(kept: Kept) -> Reached:
    one, five = figures.at_size(kept, 1_000_000), figures.at_size(kept, 5_000_000)
    if one is None or five is None:
        return None
    each = one["bytes_a_customer"], five["bytes_a_customer"]
    return f"{each[0]:.0f} and {each[1]:.0f} bytes", max(each) <= 250


def _large(kept: Kept) -> Reached:
    found = figures.slowed(kept)
    return None if found is None else (f"{found:.2f}", found >= 0.7)


def _recovery(kept: Kept) -> Reached:
    found = figures.recovery(kept)
    return None if found is None else (found.text(".1f", " s"), found.median <= 10)


def _scrape(kept: Kept) -> Reached:
    made = figures.measured(kept, "scrape")
    if made is None:
        return None
    p50, p99 = (1000 * figures.quantile(made["at_rest_s"], share) for share in (0.5, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms ({made['bytes'] / 1e6:.1f} MB)", p50 <= 50


def _checkpoints(kept: Kept) -> Reached:
    found = figures.checkpoint_share(kept)
    return None if found is None else (f"{found:.2f}", found <= 0.5)


GOALS = (
    Goal(
        "events a second of one worker on one core, mixed stream of all types, 1 million customers",
        "at least 150,000, over 30 s or more",
        _throughput,
        "throughput",
        _cost,
    ),
    Goal(
        "times plain Faust with one table write an event",
        "at least 40",
        _times("faust-table", 40),
        "side-by-side",
        _SAME,
    ),
    Goal(
        "times Bytewax with one running sum by customer",
        "at least 3",
        _times("bytewax-keyed", 3),
        "side-by-side",
        _because(
            "its engine is compiled and keeps one sum; here an event is deduplicated, dated, sliced and counted in"
            " sixty KPIs"
        ),
    ),
    Goal(
        "times Flink SQL on one core computing three of the KPIs",
        "at least 1",
        _times("flink-kpis", 1),
        "side-by-side",
        _because("the same: what an event costs, for sixty KPIs in place of three"),
    ),
    Goal(
        "share of the ceiling, which fetches and decodes only",
        "at least 0.25",
        _times("ceiling", 0.25),
        "side-by-side",
        _because("the same: what an event costs beyond its fetching and decoding"),
    ),
    Goal(
        "events for each processor second of two workers, over one worker's",
        "at least 0.85",
        _workers,
        "workers",
    ),
    Goal(
        "event to gauge, 20,000 events/s offered, 1 million customers",
        "p50 0.6 s, p99 1.2 s",
        _offered,
        "offered",
        _because("other programs ran on the two cores meanwhile, and the worker waited for its turn"),
    ),
    Goal(
        "memory for each acquired customer at 1 and at 5 million, deduplication's ids apart",
        "at most 250 bytes",
        _memory,
        "customers",
        _because("what a row of columns, an id and its place in the index take"),
    ),
    Goal(
        "throughput at 10 million customers over that at 100,000",
        "at least 0.7",
        _large,
        "customers",
        _because(
            "probably that of ten million hardly a row, an id or a place in an index is in the processor's caches,"
            " which neighbours use as well; no count of cache misses has been taken"
        ),
    ),
    Goal("recovery of 1 million customers, from assignment to the first tick answered", "10 s", _recovery, "recovery"),
    Goal("a scrape of /metrics with 50 values of each slice attribute", "50 ms", _scrape, "scrape"),
    Goal("bytes of checkpoints for each byte of events", "at most 0.5", _checkpoints, "throughput"),
)
