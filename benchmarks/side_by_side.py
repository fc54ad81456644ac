"""tapesh and its peers on the same bytes and the same broker, one after the other, several rounds.

Each runs alone on one core, the broker on the other. What tapesh does is everything (all KPIs, windows and slices of a
million customers, deduplication, checkpoints), what a peer does is in its row. Processor time is what is compared:
a neighbour on the machine changes it less than the clock. Each ratio is taken within a round, and their median told.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from benchmarks import environments, peer, results
from benchmarks.bench import EVENT_TOPICS, PARTITIONS, Bench, bench_of, broker, create_topics, ends
from benchmarks.load import Drawn, Load, mixed, opening
from benchmarks.machine import load_average
from benchmarks.publish import only, publish
from benchmarks.truth import Plain, Truth, differences
from metrics import names

_POLL_S = 0.5
_SETTLED = 0.03
"""Share of the stream at either end that isn't measured: the last of the acquisitions at one, the last chunk at the
other."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What lies ready on the broker, and what must come of it."""

    bootstrap: str
    load: Load
    truth: Truth
    messages: int
    size: int
    given: dict[float, peer.Given]


def run(*, customers: int = 1_000_000, events: int = 2_000_000, rounds: int = 3) -> None:
    """Publish, run all in turn, and keep what was measured."""
    laid, absent = _environments()
    made: list[dict[str, Any]] = []
    about = {"customers": customers, "events": events, "absent": absent}
    about["versions"] = {name: environments.versions(name) for name in {each.environment for each in peer.PEERS}}
    with staged(customers, events, {each.share for each in peer.PEERS}) as stage:
        for number in range(rounds):
            made.append(_round(stage, laid, f"round-{number}"))
            print(f"round {number + 1}: " + ", ".join(_told(name, one) for name, one in made[-1]["runs"].items()))
            results.keep("side-by-side", about | {"rounds": made})


def _told(name: str, one: dict[str, float]) -> str:
    return f"{name} {one['events'] / one['cpu_s']:,.0f}/s"


def _environments() -> tuple[dict[str, Any], dict[str, str]]:
    laid, absent = {}, {}
    for name in dict.fromkeys(each.environment for each in peer.PEERS):
        try:
            laid[name] = environments.python(name)
            if name == "flink":
                environments.connector_jars()
        except environments.NotToBeHad as why:
            laid.pop(name, None)
            absent[name] = str(why)
            print(f"{name} is left out: {why}")
    return laid, absent


@contextmanager
def staged(customers: int, events: int, shares: set[float], *, values: int = 0) -> Iterator[Stage]:
    """A broker with the stream in tapesh's topics, and beginnings of it in topics for the peers."""
    with broker() as kafka:
        load = Load(customers, events, int(time.time() * 1000), values=values)
        bench_of(kafka.bootstrap)  # makes the topics
        truth = Truth()
        every: Iterator[Drawn] = itertools.chain(opening(load), mixed(load))
        messages, size = asyncio.run(publish(every, kafka.bootstrap, PARTITIONS, tap=truth.take))
        print(f"{messages:,} events, {size / messages:.0f} bytes each")
        given = {}
        for share in sorted(shares):
            topic, plain = f"peers-{round(share * 1000)}", Plain()
            create_topics(kafka.bootstrap, topic)
            part = itertools.islice(mixed(load), round(events * share))
            asyncio.run(publish(part, kafka.bootstrap, PARTITIONS, topic=only(topic), tap=plain.take))
            given[share] = peer.Given(
                kafka.bootstrap, topic, PARTITIONS, plain.events, plain.answers(), f"peers-{round(min(shares) * 1000)}"
            )
        yield Stage(kafka.bootstrap, load, truth, messages, size, given)


def _round(stage: Stage, laid: dict[str, Any], name: str) -> dict[str, Any]:
    runs: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    began = load_average()
    runs["tapesh"] = tapesh(stage, name)
    for each in peer.PEERS:
        if each.environment not in laid:
            continue
        given = stage.given[each.share]
        if each.environment == "flink":
            given = replace(given, jars=str(environments.connector_jars()))
        try:
            timed = peer.run(each, laid[each.environment], given)
        except peer.WrongAnswer as why:
            wrong[each.name] = str(why)
            print(why)
            continue
        runs[each.name] = {"events": timed.events, "wall_s": timed.wall_s, "cpu_s": timed.cpu_s}
    return {"runs": runs, "wrong": wrong, "load_average": [began, load_average()]}


def tapesh(stage: Stage, app_id: str) -> dict[str, Any]:
    """Run one worker over the whole stream, hold its KPIs to the truth, and return what the mixed part took."""
    bench = bench_of(stage.bootstrap, app_id=f"tapesh-{app_id}")
    try:
        bench.start_worker()
        first, last = measured(bench, stage.load.customers, stage.messages)
        document = bench.document(ends(stage.bootstrap, *EVENT_TOPICS))
        return {
            "events": last.taken - first.taken,
            "wall_s": last.at_s - first.at_s,
            "cpu_s": last.cpu_s - first.cpu_s,
            "checkpoints": bench.metric(names.CHECKPOINTS),
            "checkpoint_bytes": bench.metric(names.CHECKPOINT_BYTES),
            "input_bytes": stage.size,
            "resident_mib": bench.resident_mib(),
            "persons": bench.metric(names.PERSONS),
            "figures_compared": _compared(stage, document),
        }
    finally:
        bench.worker.stop()


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a worker was at an instant."""

    at_s: float
    taken: int
    cpu_s: float
    least: int = 0
    """Taken of the partition that is furthest behind."""


def measured(bench: Bench, opening_events: int, count: int, *, patience_s: float = 900.0) -> tuple[Sample, Sample]:
    """Watch a worker until it has taken all, and return the first and the last sample of the settled part."""
    samples: list[Sample] = []
    deadline = time.monotonic() + patience_s
    while not samples or samples[-1].taken < count:
        taken = bench.by_partition()
        least = min(taken) if len(taken) == PARTITIONS else 0
        samples.append(Sample(time.monotonic(), sum(taken), bench.cpu_s(), least))
        if time.monotonic() > deadline:
            raise RuntimeError(f"{samples[-1].taken:,} of {count:,} events after {patience_s:.0f} s")
        time.sleep(_POLL_S)  # how often we look, not a wait for something
    margin = round(_SETTLED * (count - opening_events))
    first = (opening_events + margin) / PARTITIONS  # of every partition the acquisitions are over
    inside = [sample for sample in samples if sample.least >= first and sample.taken <= count - margin]
    if len(inside) < 2:
        raise RuntimeError("the partitions were taken one after the other, or the stream is too short to be measured")
    return inside[0], inside[-1]


def now_of(document: dict[str, Any]) -> int:
    """Return the instant of a KPI document, in milliseconds since 1970."""
    now = datetime.fromisoformat(document["now"])
    return int(now.timestamp()) * 1000 + now.microsecond // 1000


def _compared(stage: Stage, document: dict[str, Any]) -> int:
    true = stage.truth.document(now_of(document))
    if wrong := differences(true, document):
        raise RuntimeError(f"{len(wrong)} figures differ: {'; '.join(wrong[:5])}")
    return sum(len(figures) for figures in true["windows"].values()) + sum(
        len(figures)
        for values in true["slices"].values()
        for windows in values.values()
        for figures in windows.values()
    )
