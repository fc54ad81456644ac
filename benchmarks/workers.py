"""What a second worker costs: events for each processor second of two workers, over those of one, on the same stream.

Processor time, because the second worker shares its core with the broker here. It is counted over the stretch in which
each of them has its partitions and work left.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from benchmarks import results
from benchmarks.bench import Bench, bench_of
from benchmarks.machine import BROKER_CORE, MEASURED_CORE, load_average
from benchmarks.side_by_side import Sample, Stage, staged

_POLL_S = 0.5
_PATIENCE_S = 600.0


def run(*, customers: int = 200_000, events: int = 1_000_000, rounds: int = 2) -> None:
    """Let one worker and two workers take the same stream, in turn, and keep what each took."""
    made = []
    with staged(customers, events, set()) as stage:
        for number in range(rounds):
            both = {str(count): _run(stage, count, f"workers-{number}-{count}") for count in (1, 2)}
            rate = {count: each["events"] / each["cpu_s"] for count, each in both.items()}
            print(f"{rate['1']:,.0f} and {rate['2']:,.0f} events a processor second: {rate['2'] / rate['1']:.2f}")
            made.append(both | {"load_average": load_average()})
    results.keep("workers", {"customers": customers, "events": events, "rounds": made})


def _run(stage: Stage, count: int, app_id: str) -> dict[str, float]:
    with ExitStack() as stack:
        benches = [bench_of(stage.bootstrap, app_id=f"tapesh-{app_id}") for _ in range(count)]
        for number, bench in enumerate(benches):
            stack.callback(bench.worker.stop)
            bench.start_worker(BROKER_CORE if number else MEASURED_CORE)
        return _watched(benches, stage)


def _watched(benches: list[Bench], stage: Stage) -> dict[str, Any]:
    wanted = 4 // len(benches)
    share = 0.9 * stage.messages / len(benches)
    samples: list[Sample] = []
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        each = [bench.json("/health").get("partitions") or {} for bench in benches]
        taken = [sum(sum(part["positions"].values()) for part in parts.values()) for parts in each]
        if all(len(parts) == wanted for parts in each):
            if any(one > share for one in taken):
                break
            if sum(taken) > stage.load.customers:
                samples.append(Sample(time.monotonic(), sum(taken), sum(bench.cpu_s() for bench in benches)))
        time.sleep(_POLL_S)  # how often we look, not a wait for something
    if len(samples) < 2:
        raise RuntimeError(f"{len(benches)} workers were never seen at work together; take more events")
    first, last = samples[0], samples[-1]
    return {
        "events": last.taken - first.taken,
        "cpu_s": last.cpu_s - first.cpu_s,
        "wall_s": last.at_s - first.at_s,
    }
