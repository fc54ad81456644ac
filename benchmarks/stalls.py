"""What a million customers in one partition cost the event loop: checkpoints, ticks, chunks; and what recovery takes.

In one process, without a broker: records are made up, and what is saved goes into a dict. Each hold is measured twice:
as the wall clock saw it, with whatever else ran, and as processor time of the loop's thread, which is what it would
take on a core of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import results
from benchmarks.load import DAY_MS, Drawn, Load, mixed, opening
from benchmarks.machine import load_average
from streams.checkpoint import Checkpointer, Loaded, restoring
from streams.manifest import Epoch, newest
from streams.meaning import Meaning
from streams.messages import Tick
from streams.owned import CheckpointStatistics, OwnedPartition
from streams.partition import PartitionState
from streams.transport.chunk import Chunk

_CHUNK = 2_000
_TOPIC = "customer-events"
_RATE = 20_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as a broker would have it."""

    offset: int
    value: bytes
    timestamp: int
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class _MemoryLog:
    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}

    async def save(self, _partition: int, key: bytes, value: bytes | None) -> None:
        await asyncio.sleep(0)
        if value is None:
            self.stored.pop(key, None)
        else:
            self.stored[key] = value

    async def commit(self, _partition: int, _positions: Mapping[str, int]) -> None:
        await asyncio.sleep(0)

    def reject(self, *_message: object) -> asyncio.Future[object]:
        raise AssertionError("a made-up event was refused")

    forward = reject


def run(*, customers: int = 1_000_000, events: int = 800_000, checkpoint_events: int = 100_000) -> None:
    """Build the state, stream over it with checkpoints, recover it; print what each took."""
    asyncio.run(_run(customers, events, checkpoint_events))


async def _run(customers: int, events: int, checkpoint_events: int) -> None:  # noqa: C901, PLR0915 - one scene
    log, now_ms = _MemoryLog(), int(time.time() * 1000)
    lasts_ms = events * 1000 // _RATE
    load = Load(customers, events, now_ms + lasts_ms, hours=lasts_ms / 3_600_000)
    owned = OwnedPartition(_state(), Checkpointer(0, Epoch(0, 1)), {}, log, CheckpointStatistics())
    holds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    tick = itertools.count()

    @contextmanager
    def held(what: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        yield
        holds[what].append((time.perf_counter() - wall, time.thread_time() - cpu))

    async def bring_to(at_ms: int) -> None:
        steps, is_left = owned.state.steps(at_ms), True
        while is_left:
            with held("fold"):
                is_left = next(steps, "done") != "done"
            await asyncio.sleep(0)
        number = next(tick)
        with held("answer"):
            owned.answer(Tick("bench", number, at_ms, at_ms, number % 6 == 0, "", 1, "bench"))

    await bring_to(now_ms)
    for nth, chunk in enumerate(_chunks(opening(load), 0)):
        owned.take(chunk, now_ms)
        if nth % 20 == 0:
            await bring_to(now_ms)
    await owned.save_now()
    holds.clear()
    for nth, chunk in enumerate(_chunks(mixed(load), customers)):
        clock_ms = chunk.records[-1].timestamp
        with held("take"):
            owned.take(chunk, clock_ms)
        await asyncio.sleep(0)
        if nth % 5 == 4:
            await bring_to(clock_ms)
        if (nth + 1) * _CHUNK % checkpoint_events == 0:
            if (saving := owned._saving) is not None:  # noqa: SLF001 - as soon as the one before it is written
                await asyncio.wait([saving])
            with held("draft"):
                owned.begin_checkpoint()
    await owned.save_now()
    cpu_s = sum(cpu for steps in holds.values() for _, cpu in steps)
    print(f"{cpu_s / events * 1e6:.1f} us of the loop's processor time an event")
    made: dict[str, Any] = {"customers": customers, "events": events, "loop_us": cpu_s / events * 1e6, "holds_ms": {}}
    for what, measured in holds.items():
        for clock, values in zip(("wall", "cpu"), zip(*measured, strict=True), strict=True):
            ordered = [1000 * value for value in sorted(values)]
            p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
            made["holds_ms"][f"{what}-{clock}"] = {"p50": p50, "p99": p99, "max": ordered[-1], "times": len(ordered)}
            print(
                f"{what:6} {clock:4} p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, max {ordered[-1]:6.1f} ms of {len(ordered)}"
            )
    dedupe, statistics = owned.state.dedupe, owned.statistics
    print(
        f"{len(dedupe):,} ids, {dedupe.size_bytes / len(dedupe):.1f} bytes each; {statistics.written} checkpoints,",
        end=" ",
    )
    print(f"{owned.checkpointer.live_bytes / 1e6:.0f} MB live, {statistics.bytes / 1e6:.0f} MB written in all")
    made |= {"persons": len(owned.state.fold.persons), "ids": len(dedupe)}
    made |= {"id_bytes": dedupe.size_bytes / len(dedupe), "live_bytes": owned.checkpointer.live_bytes}
    made |= {"written_bytes": statistics.bytes, "load_average": load_average()}
    results.keep("stalls", made | _recover(log.stored))


def _recover(stored: dict[bytes, bytes]) -> dict[str, Any]:
    wall, cpu, state, plan = time.perf_counter(), time.process_time(), _state(), newest(stored, 0)
    steps: list[float] = []
    if plan is not None:
        began = time.thread_time()
        for _ in restoring(state, plan, stored, Loaded()):
            steps.append(time.thread_time() - began)
            began = time.thread_time()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"recovery of {len(state.fold.persons):,} persons: {wall:.1f} s, {cpu:.1f} s of processor time,", end=" ")
    print(f"in {len(steps):,} steps of at most {1000 * max(steps):.0f} ms")
    return {"recovery_cpu_s": cpu, "recovery_wall_s": wall, "recovery_longest_step_ms": 1000 * max(steps)}


def _state() -> PartitionState:
    return PartitionState(Meaning(), horizon_ms=DAY_MS, future_tolerance_ms=300_000)


def _chunks(events: Iterator[Drawn], begin: int) -> Iterator[Chunk]:
    newest_ms = 0  # a late event is published late
    while batch := list(itertools.islice(events, _CHUNK)):
        records = []
        for nth, drawn in enumerate(batch):
            newest_ms = max(newest_ms, drawn.at_ms)
            records.append(Stored(begin + nth, drawn.value, newest_ms))
        yield Chunk.of(_TOPIC, 0, records, begin=begin, end=begin + len(batch))
        begin += len(batch)
