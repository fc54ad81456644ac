"""What a customer costs: memory for each that was acquired, and whether a million of them slow down the fold.

In one process, without a broker: one partition's state takes in acquisitions, and at each size its resident memory is
read (deduplication's ids apart, by the engine's own count), and the processor time of a mixed stream over all of them.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from benchmarks import results
from benchmarks.load import DAY_MS, Drawn, Load, mixed, opening
from benchmarks.machine import load_average, resident_mib
from streams.meaning import Meaning
from streams.partition import PartitionState

_CHUNK = 2_000
_TICK_EVENTS = 10_000
"""Of a tick every half second at 20,000 events/s."""
_MIB = 2**20
SIZES = (100_000, 1_000_000, 5_000_000, 10_000_000)


def run(*, sizes: tuple[int, ...] = SIZES, events: int = 300_000) -> None:
    """Grow one state through all sizes, and keep what was measured at each."""
    now_ms = int(time.time() * 1000)
    state = PartitionState(Meaning(), horizon_ms=DAY_MS, future_tolerance_ms=300_000)
    load = Load(sizes[-1], events, now_ms)
    acquired = opening(load)
    _take(state, itertools.islice(acquired, _CHUNK), now_ms)
    empty_mib, at = _resident(), _CHUNK
    measured = []
    for size in sizes:
        opening_s = _take(state, itertools.islice(acquired, size - at), now_ms)
        memory = _resident() - empty_mib
        ids_mib = state.dedupe.size_bytes / _MIB
        shop = replace(load, customers=size, seed=size)
        fold_s = _take(state, mixed(shop), now_ms)
        measured.append(
            {
                "customers": size,
                "persons": len(state.fold.persons),
                "resident_mib": memory,
                "ids_mib": ids_mib,
                "bytes_a_customer": (memory - ids_mib) * _MIB / (size - _CHUNK),
                "opening_us": 1e6 * opening_s / max(size - at, 1),
                "mixed_us": 1e6 * fold_s / events,
                "load_average": load_average(),
            }
        )
        at = size
        print(", ".join(f"{name} {value:,.1f}" for name, value in measured[-1].items()))
    results.keep("customers", {"events": events, "sizes": measured})


def _take(state: PartitionState, drawn: Iterator[Drawn], now_ms: int) -> float:
    """Take in events, with a tick now and then, and return the processor time without that of drawing them."""
    used = 0.0
    count = 0
    while some := [each.value for each in itertools.islice(drawn, _CHUNK)]:
        stamps = [now_ms] * len(some)
        began = time.process_time()
        state.arrive(some, stamps)
        count += len(some)
        if count % _TICK_EVENTS == 0:
            state.advance(now_ms)
            state.report(everybody_only=True)
            state.take_unsaved_flows()
        used += time.process_time() - began
    state.advance(now_ms)
    state.take_unsaved_flows()
    return used


def _resident() -> float:
    """Return the resident memory in MiB, what was freed given back first."""
    gc.collect()
    with suppress(OSError):  # another C library keeps what it keeps
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident_mib(os.getpid())
