"""Flows for a checkpoint: what panes hold that no person's row could tell again.

Orders, money and answers are counted once and forgotten, so their panes have to be written. What follows from
persons lies in the same panes and is left out: a recovery contributes it anew.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from streams.meaning import FLOWS
from streams.panes import GRAINS
from streams.partition import PartitionState
from streams.sums import Ints


class PackedFlows(msgspec.Struct, array_like=True):
    """Flows by grain, then over lifetime: the bytes of (pane, cell, column, amount), each int64."""

    grains: list[tuple[bytes, bytes, bytes, bytes]]
    lifetime: tuple[bytes, bytes, bytes]
    entries: int


def export_flows(state: PartitionState) -> PackedFlows:
    """Pack the flows of every pane that a window may still need, and those over lifetime."""
    sums = state.sums
    is_flow = np.array([name in FLOWS for name, _ in state.fold.columns.names], bool)
    grains: list[tuple[bytes, bytes, bytes, bytes]] = []
    entries = 0
    for grain in GRAINS:
        panes, slots, amounts = sums.panes(grain)
        kept = _of_flows(is_flow, sums.slot_columns[slots])
        panes, slots, amounts = panes[kept], slots[kept], amounts[kept]
        columns = (panes, sums.slot_cells[slots], sums.slot_columns[slots], amounts)
        grains.append((*(column.tobytes() for column in columns),))  # type: ignore[arg-type]
        entries += len(panes)
    kept = _of_flows(is_flow, sums.slot_columns) & (sums.values[-1] != 0)
    lifetime = (sums.slot_cells[kept].tobytes(), sums.slot_columns[kept].tobytes(), sums.values[-1][kept].tobytes())
    return PackedFlows(grains, lifetime, entries + int(kept.sum()))


def restore_flows(state: PartitionState, packed: PackedFlows) -> None:
    """Put packed flows back into sums that have been slid to the checkpoint's `now` and hold nothing."""
    for grain, columns in zip(GRAINS, packed.grains, strict=True):
        panes, cells, numbers, amounts = (np.frombuffer(column, np.int64) for column in columns)
        state.sums.add_panes(grain, panes, cells, numbers, amounts)
    cells, numbers, amounts = (np.frombuffer(column, np.int64) for column in packed.lifetime)
    state.sums.add_lifetime(cells, numbers, amounts)


def _of_flows(is_flow: npt.NDArray[np.bool_], columns: Ints) -> npt.NDArray[np.bool_]:
    return is_flow[columns] if len(columns) else np.zeros(0, bool)
