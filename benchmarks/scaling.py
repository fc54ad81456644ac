"""How cost grows with what a deployment has more of: windows, slices and their values, partitions.

In one process, in processor time, each point from a state of its own: what an event costs the fold; what a tick costs a
partition; what a round costs the KPI agent, from the partitions' answers as bytes to the gauges as bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import results
from benchmarks.load import DAY_MS, Load, mixed, opening
from benchmarks.machine import load_average
from streams.meaning import Meaning
from streams.merge import Admission
from streams.messages import Tick, answer, decode_answer, encode_answer
from streams.partition import PartitionState
from streams.rounds import Rounds
from streams.settings import Settings
from streams.settings.schema import Kafka

_CHUNK = 2_000
_TICK_EVENTS = 10_000
_WINDOWS = ("1h", "24h", "7d", "30d", "90d", "365d", "2h", "6h", "12h", "2d", "3d", "14d", "21d", "60d", "180d", "270d")
_ATTRIBUTES = ("channel", "segment", "country", "plan")
_TIMES, _REPEATED = 5, 4
"""The least of several is told: what comes on top is a neighbour's."""


def run(*, customers: int = 100_000, events: int = 100_000) -> None:
    """Measure every point, and keep it."""
    now_ms = int(time.time() * 1000)
    load = Load(customers, events, now_ms)
    made: dict[str, Any] = {"customers": customers, "events": events, "fold": [], "rounds": [], "answers": []}
    shapes = [(load, Meaning(windows=_WINDOWS[:windows])) for windows in (1, 3, 6, 16)]
    shapes += [(load, Meaning(slices=_ATTRIBUTES[:attributes])) for attributes in (0, 1, 2)]
    shapes.append((replace(load, values=50), Meaning()))
    least = [math.inf] * len(shapes)
    for _ in range(_REPEATED):  # one after the other, so that a busy minute is everybody's
        least = [min(so_far, _grown(*shape)[1]) for so_far, shape in zip(least, shapes, strict=True)]
    made["fold"] = [_fold(*shape, used_s) for shape, used_s in zip(shapes, least, strict=True)]
    for values in (0, 50):
        state = _grown(replace(load, values=values), Meaning())[0]
        for full in (False, True):
            one = _answered(state, full)
            made["answers"].append({"values": values, "full": full} | {k: v for k, v in one.items() if k != "data"})
            for partitions in (4, 16, 64, 256):
                made["rounds"].append(_round(one["data"], partitions, values, full=full))
    made["load_average"] = load_average()
    for which in ("fold", "answers", "rounds"):
        for point in made[which]:
            print(which, ", ".join(f"{name} {value}" for name, value in point.items()))
    results.keep("scaling", made)


def _fold(load: Load, meaning: Meaning, used_s: float) -> dict[str, Any]:
    return {
        "windows": len(meaning.windows),
        "slices": len(meaning.slices),
        "values": load.values,
        "event_us": 1e6 * used_s / load.events,
    }


def _grown(load: Load, meaning: Meaning) -> tuple[PartitionState, float]:
    """Return a state that has taken in a load, and the processor time that the mixed part took."""
    state = PartitionState(meaning, horizon_ms=DAY_MS, future_tolerance_ms=300_000)
    _take(state, [drawn.value for drawn in opening(load)], load.until_ms)
    return state, _take(state, [drawn.value for drawn in mixed(load)], load.until_ms)


def _take(state: PartitionState, values: Sequence[bytes], now_ms: int) -> float:
    began = time.process_time()
    for first in range(0, len(values), _CHUNK):
        some = values[first : first + _CHUNK]
        state.arrive(some, [now_ms] * len(some))
        if first % _TICK_EVENTS == 0:
            state.advance(now_ms)
    state.advance(now_ms)
    return time.process_time() - began


def _answered(state: PartitionState, full: bool) -> dict[str, Any]:
    tick = Tick("bench", 1, state.now_ms, state.now_ms, full, "")
    data, began = b"", time.process_time()
    for _ in range(_TIMES):
        data = encode_answer(answer(tick, "1", state.report(everybody_only=not full), {"customer-events": 1}, 0))
    return {"tick_ms": 1000 * (time.process_time() - began) / _TIMES, "bytes": len(data), "data": data}


def _round(data: bytes, partitions: int, values: int, *, full: bool) -> dict[str, Any]:
    """Let the KPI agent take a round of so many partitions, all with the same sums."""
    settings = Settings(kafka=Kafka(partitions=partitions))
    rounds = Rounds(settings, "bench", "", Admission(settings.max_slice_values))
    used: list[float] = []
    gauges = b""
    for number in range(1, _TIMES + 1):
        now_s = float(number)
        tick = rounds.tick(decode_answer(data).now_ms, now_s)
        began = time.process_time()
        for partition in range(partitions):
            each = decode_answer(data)
            each.number, each.partition, each.full, each.now_ms = (
                tick.number,
                partition,
                tick.full and full,
                tick.now_ms,
            )
            rounds.take(each, now_s)
        if rounds.snapshot is None:
            raise RuntimeError("the round isn't complete")
        gauges = b"".join(rounds.exposition(now_s))
        used.append(time.process_time() - began)
    return {
        "partitions": partitions,
        "values": values,
        "full": full,
        "round_ms": 1000 * min(used),
        "gauges_bytes": len(gauges),
    }
