"""Flows for a checkpoint: what panes hold that no person's row could tell again.

Orders, money and answers are counted once and forgotten, so their panes have to be written. What follows from
persons lies in the same panes and is left out: a recovery contributes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from streams.meaning import FLOWS
from streams.pane_log import PaneLog
from streams.panes import GRAINS, Grain
from streams.partition import PartitionState
from streams.sums import Ints


class PackedFlows(msgspec.Struct, array_like=True):
    """Flows by grain, then over lifetime: the bytes of (pane, cell, column, amount), each int64."""

    grains: list[tuple[bytes, bytes, bytes, bytes]]
    lifetime: tuple[bytes, bytes, bytes]
    entries: int


@dataclass(frozen=True, slots=True)
class FlowsPicture:
    """The sums as they were when it was taken; `packed` is the slow part, and any thread may do it."""

    is_flow: npt.NDArray[np.bool_]
    slot_cells: Ints
    slot_columns: Ints
    logs: list[tuple[Grain, PaneLog]]
    lifetime: Ints

    @property
    def entries(self) -> int:
        """Return at most how many entries there are; to know exactly, the logs would have to be merged."""
        return sum(len(log) for _, log in self.logs)

    def packed(self) -> PackedFlows:
        """Return the flows of every pane that a window may still need, and those over lifetime."""
        grains: list[tuple[bytes, bytes, bytes, bytes]] = []
        entries = 0
        for _, log in self.logs:
            panes, slots, amounts = log.panes()
            kept = _of_flows(self.is_flow, self.slot_columns[slots])
            panes, slots, amounts = panes[kept], slots[kept], amounts[kept]
            columns = (panes, self.slot_cells[slots], self.slot_columns[slots], amounts)
            grains.append((*(column.tobytes() for column in columns),))  # type: ignore[arg-type]
            entries += len(panes)
        kept = _of_flows(self.is_flow, self.slot_columns) & (self.lifetime != 0)
        over_lifetime = (
            self.slot_cells[kept].tobytes(),
            self.slot_columns[kept].tobytes(),
            self.lifetime[kept].tobytes(),
        )
        return PackedFlows(grains, over_lifetime, entries + int(kept.sum()))


def picture_flows(state: PartitionState) -> FlowsPicture:
    """Take a picture of the panes and of the sums over lifetime."""
    sums = state.sums
    is_flow = np.array([name in FLOWS for name, _ in state.fold.columns.names], bool)
    return FlowsPicture(is_flow, sums.slot_cells, sums.slot_columns, sums.logs(), sums.values[-1].copy())


def restore_flows(state: PartitionState, packed: PackedFlows) -> None:
    """Put packed flows back into sums that have been slid to the checkpoint's `now` and hold nothing."""
    for grain, columns in zip(GRAINS, packed.grains, strict=True):
        panes, cells, numbers, amounts = (np.frombuffer(column, np.int64) for column in columns)
        state.sums.add_panes(grain, panes, cells, numbers, amounts)
    cells, numbers, amounts = (np.frombuffer(column, np.int64) for column in packed.lifetime)
    state.sums.add_lifetime(cells, numbers, amounts)


def _of_flows(is_flow: npt.NDArray[np.bool_], columns: Ints) -> npt.NDArray[np.bool_]:
    return is_flow[columns] if len(columns) else np.zeros(0, bool)
