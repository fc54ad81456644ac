"""What a scrape of /metrics takes, with 50 values of each slice attribute: at rest and at full speed."""

from __future__ import annotations

import asyncio
import itertools
import re
import time

from benchmarks import figures, results
from benchmarks.bench import EVENT_TOPICS, PARTITIONS, Bench, deployment, ends
from benchmarks.load import Load, mixed, opening
from benchmarks.machine import load_average
from benchmarks.publish import publish
from metrics import names

_POLL_S = 0.1
_BETWEEN_S = 0.2


def run(*, customers: int = 200_000, events: int = 1_000_000, scrapes: int = 60) -> None:
    """Scrape so often, and keep how long each took."""
    with deployment() as bench:
        load = Load(customers, events, int(time.time() * 1000), values=50)
        bootstrap = bench.settings.kafka.bootstrap
        stream = mixed(load)
        first = itertools.chain(opening(load), itertools.islice(stream, events // 5))
        asyncio.run(publish(first, bootstrap, PARTITIONS))
        bench.start_worker()
        bench.document(ends(bootstrap, *EVENT_TOPICS))
        idle_cpu_s = _cpu_of(bench, lambda: None, scrapes)
        sizes: list[int] = []
        at_rest: list[float] = []
        cpu_s = _cpu_of(bench, lambda: at_rest.append(_one(bench, sizes)), scrapes)
        bench.worker.pause()
        try:
            count, _ = asyncio.run(publish(stream, bootstrap, PARTITIONS))
        finally:
            bench.worker.resume()
        at_work: list[float] = []
        goal = bench.taken() + 0.9 * count
        while bench.taken() < goal:
            at_work.append(_one(bench, sizes))
            time.sleep(_BETWEEN_S)
        longest_turn_s = _longest_turn_s(bench)
    cpu_s_each = max(0.0, (cpu_s - idle_cpu_s) / scrapes)
    made = {
        "series_values": 50,
        "bytes": sizes[0],
        "at_rest_s": sorted(at_rest),
        "at_work_s": sorted(at_work),
        "cpu_s_each": cpu_s_each,
        "longest_turn_s": longest_turn_s,
        "load_average": load_average(),
    }
    print(f"{sizes[0] / 1e6:.1f} MB, {cpu_s_each * 1000:.1f} ms of processor each; {_told(at_rest)} at rest,", end=" ")
    print(f"{_told(at_work)} at full speed; a round held the loop for {longest_turn_s * 1000:.0f} ms at most")
    results.keep("scrape", made)


def _one(bench: Bench, sizes: list[int]) -> float:
    began = time.perf_counter()
    sizes.append(len(bench.page("/metrics")))
    return time.perf_counter() - began


def _told(taken_s: list[float]) -> str:
    p50, p99 = (1000 * figures.quantile(sorted(taken_s), share) for share in (0.5, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {1000 * max(taken_s):.0f} ms"


def _longest_turn_s(bench: Bench) -> float:
    """Return for how long a round has held the event loop at most."""
    found = re.search(
        rf'^{names.LOOP_HELD_LONGEST}{{{names.STEP}="round"}} (\S+)$', bench.page("/metrics").decode(), re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def _cpu_of(bench: Bench, each: object, times: int) -> float:
    began = bench.cpu_s()
    for _ in range(times):
        if callable(each):
            each()
        time.sleep(_BETWEEN_S)  # as a scraper would, more often
    return bench.cpu_s() - began
