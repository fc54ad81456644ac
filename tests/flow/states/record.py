"""Records a state as the program in the path writes it, so that every later program can be held to reading it.

Run it once for a format, with the last program that writes it: from a checkout of that commit in ../then,

    PYTHONPATH=../then:tests python tests/flow/states/record.py 1

A log of all event types, out of order and with repeats, is folded in steps; after each there is a checkpoint, so that
the state is made of blocks, deltas, waiting events and several segments of ids. The log is recorded, too: it says what
the figures must be.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from streams import checkpoint as checkpoints
from streams import ids
from streams.checkpoint import Checkpointer
from streams.manifest import Epoch
from streams.meaning import Meaning
from streams.partition import PartitionState

HERE = Path(__file__).parent
NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
HORIZON_MS = 30 * 86_400_000
STEP = 40
TAIL = 60
"""Events that come after the last checkpoint."""


def record(name: str) -> None:
    """Write the log, and the changelog as it stands after the last checkpoint."""
    checkpoints.BLOCK_ROWS, ids.MERGED_SEGMENTS = 8, 4
    log = [json.dumps(event).encode() for event in generate(11, customers=26, days=400, duplicates=0.08)]
    (HERE / f"{name}.ndjson").write_bytes(b"\n".join(log) + b"\n")
    state = PartitionState(Meaning(), 0, 1, horizon_ms=HORIZON_MS)
    writer = Checkpointer(0, Epoch(0, 1))
    stored: dict[bytes, bytes] = {}
    position, end = 0, len(log) - TAIL
    while position < end:
        step = min(STEP, end - position)
        state.arrive(log[position : position + step], range(position * 1000, (position + step) * 1000, 1000))
        position += step
        state.advance(NOW_MS - 2 * (end - position) * 3_600_000 - 3_600_000)
        draft = writer.draft(state, {"customer-events": position}).pack()
        stored.update([*draft.entries, draft.manifest])
        for key in writer.settle(draft):
            stored.pop(key, None)
    (HERE / f"{name}.changelog").write_bytes(msgspec.msgpack.encode(stored))
    print(f"{name}: {len(log)} events, {position} in the state, {len(state.waiting)} waiting, {len(stored)} entries")


if __name__ == "__main__":
    record(f"format-{sys.argv[1]}")
