"""How long a worker takes from its assignment to its first answered tick, with a million customers to load.

The worker has taken all, and is stopped; the one that follows finds everything in the changelog alone. It is watched
from outside: its log says when the group gave it the partitions, a page when each is loaded, another when the first
complete snapshot stands.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Sequence
from datetime import datetime

from typing_extensions import override

from benchmarks import results
from benchmarks.bench import EVENT_TOPICS, PARTITIONS, Bench, bench_of, broker, ends
from benchmarks.load import Load, mixed, opening
from benchmarks.machine import load_average
from benchmarks.publish import publish
from metrics import names
from streams.demo.worker import Worker

_POLL_S = 0.02
_PATIENCE_S = 300.0
_ASSIGNED = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\].*Setting newly assigned partitions")


class TalkativeWorker(Worker):
    """A worker that tells its milestones."""

    @override
    def command(self) -> Sequence[str]:
        return [*super().command(), "--loglevel", "info"]


def run(*, customers: int = 1_000_000, events: int = 500_000, rounds: int = 3) -> None:
    """Build the state, then start a worker on it several times, and keep what each took."""
    with broker() as kafka:
        bench = bench_of(kafka.bootstrap)
        bench = Bench(bench.settings, TalkativeWorker(bench.settings, deadline_s=_PATIENCE_S))
        load = Load(customers, events, int(time.time() * 1000))
        every = itertools.chain(opening(load), mixed(load))
        count, _ = asyncio.run(publish(every, kafka.bootstrap, PARTITIONS))
        try:
            bench.start_worker()
            while bench.taken() < count:
                time.sleep(_POLL_S)
            bench.document(ends(kafka.bootstrap, *EVENT_TOPICS))
            made = []
            for number in range(rounds):
                made.append(_again(bench))
                print(f"round {number + 1}: " + ", ".join(f"{name} {value:.2f}" for name, value in made[-1].items()))
            persons = bench.metric(names.PERSONS)
        finally:
            bench.worker.stop()
    results.keep("recovery", {"customers": customers, "persons": persons, "rounds": made})


def _again(bench: Bench) -> dict[str, float]:
    log_size = bench.worker.log.stat().st_size
    began_s, load = time.time(), load_average()
    bench.worker.restart()
    while True:
        document = bench.json("/kpis")
        if document.get("now") and not document["unknown"]:
            break
        if time.time() - began_s > _PATIENCE_S:
            raise RuntimeError(f"no complete answer; the worker's log:\n{bench.worker.log_tail()}")
        time.sleep(_POLL_S)
    answered_s = time.time()
    said = bench.worker.log.read_text(errors="replace")[log_size:]
    found = _ASSIGNED.search(said)
    if found is None:
        raise RuntimeError(f"the log doesn't say when partitions were assigned:\n{said[-3000:]}")
    assigned_s = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
    return {
        "assignment_to_answer_s": answered_s - assigned_s,
        "stop_and_start_to_answer_s": answered_s - began_s,
        "cpu_s": bench.cpu_s(),
        "load_average": load,
    }
