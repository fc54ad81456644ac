"""How long an event takes from the producer's hand to the gauge, while so many are offered every second.

An event shows when a snapshot counts it. Each snapshot is also written to a topic the moment after its gauges were
rendered, with the time of writing; so nobody has to ask the worker, and the figure is that of the gauge or a little
more. Orders are counted on both sides: the n-th was published then, and a snapshot first said n or more then.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import time
from collections.abc import Iterator

from kafka import KafkaConsumer, TopicPartition

from benchmarks import results
from benchmarks.bench import PARTITIONS, Bench, deployment
from benchmarks.load import Load, mixed, opening
from benchmarks.machine import load_average
from benchmarks.publish import Pacer, publish
from events.names import KPI_SNAPSHOTS

_LEAD_S = 1.0
_POLL_S = 0.1


def run(*, customers: int = 1_000_000, rate: int = 20_000, seconds: int = 60) -> None:
    """Offer events at that rate, and keep how long each order took to show."""
    with deployment() as bench:
        past = Load(customers, 0, int(time.time() * 1000))
        count, _ = asyncio.run(publish(opening(past), bench.settings.kafka.bootstrap, PARTITIONS))
        bench.start_worker()
        while bench.taken() < count:
            time.sleep(_POLL_S)
        began, cpu_s, began_s = load_average(), bench.cpu_s(), time.monotonic()
        load = Load(customers, rate * seconds, int((time.time() + _LEAD_S + seconds) * 1000), hours=seconds / 3600)
        pacer = Pacer(load)
        asyncio.run(publish(mixed(load), bench.settings.kafka.bootstrap, PARTITIONS, pacer=pacer))
        offered_s = time.monotonic() - began_s
        cpu_s = bench.cpu_s() - cpu_s
        shown = _shown(bench, pacer.orders)
    took = sorted(_latencies(pacer, shown))
    p50, p99 = (took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
    print(f"{load.events / offered_s:,.0f} events/s for {offered_s:.0f} s: p50 {p50:.2f} s, p99 {p99:.2f} s", end=", ")
    print(f"max {took[-1]:.2f} s; {cpu_s / offered_s:.0%} of a core")
    results.keep(
        "offered",
        {
            "customers": customers,
            "rate": load.events / offered_s,
            "seconds": offered_s,
            "orders": len(took),
            "p50_s": p50,
            "p99_s": p99,
            "max_s": took[-1],
            "core_share": cpu_s / offered_s,
            "slipped_s": pacer.slipped_s,
            "load_average": [began, load_average()],
        },
    )


def _shown(bench: Bench, orders: int, patience_s: float = 60.0) -> list[tuple[float, int]]:
    """Return (when, orders) of each snapshot that said more than the one before, up to the last order."""
    place = TopicPartition(KPI_SNAPSHOTS, 0)
    consumer = KafkaConsumer(bootstrap_servers=bench.settings.kafka.bootstrap, auto_offset_reset="earliest")
    shown: list[tuple[float, int]] = []
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        deadline = time.monotonic() + patience_s
        while not shown or shown[-1][1] < orders:
            for record in consumer.poll(timeout_ms=500).get(place, []):
                said = json.loads(record.value)["windows"].get("lifetime", {}).get("orders") or 0
                if not shown or said > shown[-1][1]:
                    shown.append((record.timestamp / 1000, said))
            if time.monotonic() > deadline:
                raise RuntimeError(f"{orders:,} orders published, {shown[-1:]} shown after {patience_s:.0f} s")
    finally:
        consumer.close()
    return shown


def _latencies(pacer: Pacer, shown: list[tuple[float, int]]) -> Iterator[float]:
    counts = [count for _, count in shown]
    for number, at_s in pacer.published:
        yield shown[bisect.bisect_left(counts, number)][0] - at_s
