"""Fills the tables of docs/scaling.md, between its marks, with what was measured and what the model makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks import figures
from benchmarks.environments import ROOT
from benchmarks.figures import Kept
from benchmarks.scaling_model import Measured, Needs, Shop, limits, reckon

PAGE = ROOT / "docs" / "scaling.md"
_CHART = ROOT / "docs" / "performance" / "scaling.svg"
SHOPS = (
    ("a small shop", Shop(10, 100_000)),
    ("a large shop", Shop(1_000, 5_000_000)),
    ("a marketplace", Shop(20_000, 50_000_000)),
    ("a continent", Shop(100_000, 200_000_000)),
    ("internet scale", Shop(1_000_000, 1_000_000_000)),
    ("the same, deduplication over an hour", Shop(1_000_000, 1_000_000_000, horizon_s=3_600)),
)
INTERNET = SHOPS[-2][1]
_RATES = (100, 1_000, 10_000, 100_000, 1_000_000)


def page(kept: Kept, written: str) -> str:
    """Return the page with its tables made anew."""
    tables: dict[str, Callable[[Kept], Iterator[str]]] = {
        "constants": _constants,
        "fold": _fold,
        "rounds": _rounds,
        "shops": _shops,
        "limits": _limits,
    }
    for name, table in tables.items():
        made = "\n".join(table(kept))
        written, found = re.subn(
            rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)",
            lambda marks, text=made: f"{marks[1]}\n{text}\n\n{marks[2]}",
            written,
            flags=re.DOTALL,
        )
        if found != 1:
            raise ValueError(f"{PAGE.name}: expected one pair of marks {name!r}, found {found}")
    return written


def charts(kept: Kept) -> list[dict[str, Any]]:
    """Return the page's chart."""
    cost = Measured.of(kept)
    day, hour = (
        [reckon(cost, replace(INTERNET, events_s=rate, customers=rate * 1_000, horizon_s=horizon)) for rate in _RATES]
        for horizon in (86_400, 3_600)
    )
    x = list(_RATES)

    def lines(of: Callable[[Needs], float]) -> list[dict[str, Any]]:
        both = ("deduplication over a day", day), ("over an hour", hour)
        return [{"name": name, "x": x, "y": [of(each) for each in needs]} for name, needs in both]

    return [
        {
            "kind": "lines",
            "path": str(_CHART),
            "panels": [
                {
                    "title": "workers of one core",
                    "x": "events/s on average",
                    "log": True,
                    "lines": lines(lambda n: n.workers),
                },
                {
                    "title": "memory of all workers, GiB",
                    "x": "events/s on average",
                    "log": True,
                    "lines": lines(lambda n: n.worker_gib * n.workers),
                },
            ],
        }
    ]


def _constants(kept: Kept) -> Iterator[str]:
    cost = Measured.of(kept)
    yield "| what | measured | by |"
    yield "|---|---|---|"
    rows = (
        ("an event, of a worker's processor time", f"{cost.event_us:.1f} us", "throughput"),
        ("a message of the mixed stream", f"{cost.event_bytes:.0f} bytes", "throughput"),
        ("checkpoints for each byte of events", f"{cost.checkpoint_share:.2f} bytes", "throughput"),
        ("an acquired customer, in memory", f"{cost.customer_bytes:.0f} bytes", "customers"),
        ("an id of deduplication, in memory", f"{cost.id_bytes:.0f} bytes", "stalls"),
        ("a customer with the ids that come with it, in the changelog", f"{cost.state_bytes:.0f} bytes", "stalls"),
        ("to load one", f"{cost.load_us:.1f} us", "stalls"),
        ("a message through Faust, one by one", f"{cost.message_us:.0f} us", "side-by-side"),
        ("an answer to a tick", f"{cost.answer_ms:.2f} ms, {cost.answer_bytes / 1000:.1f} kB", "scaling"),
        (
            "the same with slices of 50 values",
            f"{cost.full_answer_ms:.2f} ms, {cost.full_bytes / 1000:.0f} kB",
            "scaling",
        ),
        (
            "a round of the KPI agent",
            f"{cost.round_ms.fixed:.1f} ms, and {cost.round_ms.each:.3f} a partition",
            "scaling",
        ),
        (
            "the same with slices of 50 values",
            f"{cost.full_round_ms.fixed:.0f} ms, and {cost.full_round_ms.each:.2f} a partition",
            "scaling",
        ),
    )
    for what, value, by in rows:
        yield f"| {what} | {value} | `{by}` |"


def _fold(kept: Kept) -> Iterator[str]:
    made = figures.measured(kept, "scaling")
    yield "| rolling windows | slice attributes | values of each | an event costs the fold |"
    yield "|---|---|---|---|"
    for point in made["fold"] if made else ():
        values = point["values"] or "4 to 20"
        yield f"| {point['windows']} | {point['slices']} | {values} | {point['event_us']:.1f} us |"


def _rounds(kept: Kept) -> Iterator[str]:
    made = figures.measured(kept, "scaling")
    yield "| partitions | a round | with slices, 4 to 20 values | with slices, 50 values | gauges of that |"
    yield "|---|---|---|---|---|"
    points = {(each["partitions"], each["values"], each["full"]): each for each in (made["rounds"] if made else ())}
    for partitions in sorted({each[0] for each in points}):
        plain, some, many = (points[partitions, *which] for which in ((50, False), (0, True), (50, True)))
        yield (
            f"| {partitions} | {plain['round_ms']:.1f} ms | {some['round_ms']:.0f} ms | {many['round_ms']:.0f} ms"
            f" | {many['gauges_bytes'] / 1e6:.1f} MB |"
        )


def _shops(kept: Kept) -> Iterator[str]:
    cost = Measured.of(kept)
    needs = [reckon(cost, shop) for _, shop in SHOPS]
    yield "| | " + " | ".join(name for name, _ in SHOPS) + " |"
    yield "|---" * (len(SHOPS) + 1) + "|"
    yield _row("events/s on average", [f"{shop.events_s:,.0f}" for _, shop in SHOPS])
    yield _row("customers", [f"{shop.customers:,.0f}" for _, shop in SHOPS])
    rows: tuple[tuple[str, Callable[[Needs], str]], ...] = (
        ("workers of one core", lambda n: f"{n.workers:,} ({n.bound_by})"),
        ("partitions of each event topic", lambda n: f"{n.partitions:,}"),
        ("memory of all customers", lambda n: f"{n.customers_gib:,.1f} GiB"),
        ("memory of all ids", lambda n: f"{n.ids_gib:,.1f} GiB"),
        ("memory of each worker", lambda n: f"{n.worker_gib:,.1f} GiB"),
        ("into the brokers at the peak, three copies", lambda n: f"{n.into_brokers_mb_s:,.1f} MB/s"),
        ("out of them", lambda n: f"{n.out_of_brokers_mb_s:,.1f} MB/s"),
        ("of that, checkpoints (one copy)", lambda n: f"{n.checkpoints_mb_s:,.1f} MB/s"),
        ("events of a day, one copy", lambda n: f"{n.stored_gib_a_day:,.0f} GiB"),
        ("the state in the changelog, one copy", lambda n: f"{n.changelog_gib:,.1f} GiB"),
        ("to load one partition", lambda n: f"{n.partition_load_s:,.1f} s"),
        ("from a worker's death until all has caught up", lambda n: f"{n.takeover_s:,.0f} s"),
        ("the KPI agent's core", lambda n: f"{n.agent_share:.0%}"),
        ("slices are at most so old", lambda n: f"{n.slices_every_s:.1f} s"),
    )
    for name, told in rows:
        yield _row(name, [told(each) for each in needs])


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _limits(kept: Kept) -> Iterator[str]:
    cost = Measured.of(kept)
    yield "| gives way | at |"
    yield "|---|---|"
    for limit in limits(cost, INTERNET):
        yield f"| {limit.what} | {limit.partitions:,.0f} partitions |"
    seconds = INTERNET.most_gib * 2**30 / cost.id_bytes / (INTERNET.busy * 1e6 / cost.event_us / INTERNET.peak)
    yield (
        f"| ids fill {INTERNET.most_gib:.0f} GiB of a worker that is as busy as planned"
        f" | a horizon of {seconds / 3_600:.1f} hours |"
    )
