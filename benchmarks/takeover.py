"""What taking over a large partition costs: the part of a takeover that a standby would save.

A worker that dies is missed after the session timeout, and the group meets; that takes as long as it takes. Then the
next owner reads the partition's changelog and puts the state together. This measures that second part, in processor
time, for one partition in one process: so the machine's other work doesn't show.
"""

from __future__ import annotations

import itertools
import time

from benchmarks import results
from benchmarks.load import Load, mixed, opening
from benchmarks.machine import load_average
from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, newest
from streams.meaning import Meaning
from streams.partition import PartitionState

_DAY_MS = 86_400_000
_BATCH = 2_000
_NOW_MS = 1_767_312_000_000


def run(*, customers: int = 100_000, events_each: int = 2) -> None:
    """Fold a shop, write its checkpoint, and print what loading that takes."""
    state = PartitionState(Meaning(), horizon_ms=_DAY_MS)
    load = Load(customers, customers * events_each, _NOW_MS, hours=9 * 24)
    lines = itertools.chain(opening(load), mixed(load))
    began = time.process_time()
    count = 0
    while batch := [drawn.value for drawn in itertools.islice(lines, _BATCH)]:
        state.arrive(batch, [_NOW_MS] * len(batch))
        count += len(batch)
    state.advance(_NOW_MS)
    folded_s = time.process_time() - began
    stored: dict[bytes, bytes] = {}
    draft = Checkpointer(0, Epoch(0, 1)).draft(state, {"customer-events": count}).pack()
    stored.update([*draft.entries, draft.manifest])

    began = time.process_time()
    heir = PartitionState(Meaning(), horizon_ms=_DAY_MS)
    plan = newest(stored, 0)
    if plan is None:
        raise RuntimeError("the checkpoint that was just written isn't found")
    restore(heir, plan, stored)
    took_s = time.process_time() - began
    size = sum(len(value) for value in stored.values())
    print(f"{len(heir.fold.persons):,} persons, {len(heir.dedupe):,} ids, {count:,} events in one partition")
    print(f"changelog: {len(stored):,} messages, {size / 2**20:.1f} MiB compressed")
    print(
        f"loaded in {took_s:.2f} s of processor time ({took_s / customers * 1e5:.2f} s per 100,000 persons);", end=" "
    )
    print(f"folding it took {folded_s:.1f} s")
    results.keep(
        "takeover",
        {
            "persons": len(heir.fold.persons),
            "ids": len(heir.dedupe),
            "events": count,
            "messages": len(stored),
            "bytes": size,
            "loaded_cpu_s": took_s,
            "folded_cpu_s": folded_s,
            "load_average": load_average(),
        },
    )
