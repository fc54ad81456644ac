"""Sums over windows that slide: every contribution is added once and taken back when its pane leaves.

Contributions come as amounts by (minute, cell set, column), which is how the fold batches a tick's events. They are
spread over slices and grains here, vectorised, and kept twice: as running sums per window, which a tick reads, and as
logs of (pane, slot, amount), from which a window that moves on takes back what it leaves behind. A sum is never
recomputed over its window: a 365-day window costs what a 1-hour window costs.

Exactness: everything is int64; `check_range` refuses sums that come near its end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics.frame import Frame
from streams.pane_log import PaneLog
from streams.panes import GRAINS, MINUTE_MS, Grain, ReportingTime, WindowPlan
from streams.slices import EVERYBODY
from streams.spread import Spread, spread
from streams.sums import COLUMN_BITS, SAFE_SUM, TOO_LARGE, Ints, RangeError, refuse_too_large
from streams.track import Track


class WindowSums:
    """Running sums of every window, for every (cell, column) that has been touched.

    Attributes:
        slot_cells, slot_columns: the cell and the column of each slot, in order of appearance.
    """

    def __init__(self, time: ReportingTime) -> None:
        self._time = time
        self._plans: Sequence[WindowPlan] = time.plans
        self._starts = np.zeros(len(self._plans), np.int64)
        self._frame: Frame | None = None
        self._logs: dict[Grain, PaneLog] = {grain: PaneLog() for grain in GRAINS}
        self._table: Ints = np.full((1, 1), -1, np.int64)
        self.slot_cells: Ints = np.empty(0, np.int64)
        self.slot_columns: Ints = np.empty(0, np.int64)
        self._by_slot: Ints = np.zeros((0, len(self._plans)), np.int64)  # what is added to a slot lies side by side
        self._track: Track | None = None
        self._tracked: Ints = np.full(1 << COLUMN_BITS, -1, np.int64)

    def follow(self, track: Track, columns: Sequence[int]) -> None:
        """From now on, tell a track what everybody does in these columns, in its own order of them."""
        self._track = track
        self._tracked[np.array(columns, np.int64)] = np.arange(len(columns))

    @property
    def frame(self) -> Frame | None:
        """The windows as of the last slide, None before the first."""
        return self._frame

    @property
    def values(self) -> Ints:
        """Window x slot, in the order of `ReportingTime.plans`; the last row is `lifetime`."""
        return self._by_slot.T

    def slide(self, frame: Frame) -> None:
        """Move every window to its start in `frame`, taking back what it leaves behind.

        Contributions may be added only after the first slide. Time doesn't go back.
        """
        starts = np.array([_start_minute(window.start_ms) for window in frame.windows], np.int64)
        for row, plan in enumerate(self._plans):
            if plan.grain is not None and starts[row] > self._starts[row]:
                slots, amounts = self._logs[plan.grain].between(int(self._starts[row]), int(starts[row]))
                np.subtract.at(self.values[row], slots, amounts)
        first = self._first_minutes()
        self._starts, self._frame = starts, frame
        for grain, minute in self._first_minutes().items():
            if minute > first[grain]:
                self._logs[grain].drop_before(minute)
        if self._track is not None:
            self._track.slide(frame.now_ms)

    def add_gathered(self, keys: Ints, amounts: Ints, sets: Ints) -> None:
        """Add contributions keyed `minute + 1 << 32 | cell set << 12 | column`, of which a key may occur many times.

        Args:
            keys: of the contributions; `NO_INSTANT` as minute field counts in `lifetime` only.
            amounts: of each.
            sets: the matrix of `Slices.matrix`.

        Raises:
            RangeError: they may leave 64 bits; none of them is added.
        """
        if len(keys) == 0:
            return
        refuse_too_large(amounts)
        added = spread(keys, amounts, sets)
        if self._track is not None:
            self._tell(self._track, added)
        self._add_to_windows(added)
        for grain, minute in self._first_minutes().items():
            kept = added.since(max(minute, 0))
            kept = kept if grain == "minute" else kept.of_panes(self._pane(grain, kept.minutes))
            slots = self._slots(kept.cells, kept.columns[kept.rows])
            self._logs[grain].append(kept.minutes[kept.rows], slots, kept.amounts)

    def _tell(self, track: Track, added: Spread) -> None:
        """Tell a track what everybody does in the columns that it follows."""
        columns = np.where(added.minutes >= 0, self._tracked[added.columns], -1)
        told = np.flatnonzero((added.cells == EVERYBODY) & (columns[added.rows] >= 0))
        rows = added.rows[told]
        track.add(columns[rows], added.minutes[rows], added.amounts[told])

    def _add_to_windows(self, added: Spread) -> None:
        """Add to windows, each of which holds what every later one holds: from the latest start back, sums of sums."""
        slots = self._slots(added.cells, added.columns[added.rows])
        is_touched = np.zeros(len(self.slot_cells), bool)
        is_touched[slots] = True
        touched = np.flatnonzero(is_touched)
        number = np.empty(len(is_touched), np.int64)
        number[touched] = np.arange(len(touched))
        starts = np.append(self._starts[:-1], -1)  # over lifetime, what has no instant counts, too
        windows = np.argsort(-starts)
        bands = np.searchsorted(-starts[windows], -added.minutes)
        sums = np.zeros((len(touched), len(windows)), np.int64)
        np.add.at(sums.reshape(-1), number[slots] * len(windows) + bands[added.rows], added.amounts)
        in_order = np.empty_like(sums)
        in_order[:, windows] = np.cumsum(sums, axis=1)
        self._by_slot[touched] += in_order

    def panes(self, grain: Grain) -> tuple[Ints, Ints, Ints]:
        """Return (pane, slot, amount) of all that the panes of a grain hold."""
        return self._logs[grain].panes()

    def logs(self) -> list[tuple[Grain, PaneLog]]:
        """Return copies of the logs, that stay as they are now: arrays are replaced here, never changed."""
        return [(grain, self._logs[grain].copy()) for grain in GRAINS]

    def before(self, grain: Grain, end_pane: int, places: Ints) -> tuple[Ints, Ints]:
        """Return what the panes of a grain hold of some slots; see `PaneLog.before`."""
        return self._logs[grain].before(end_pane, places)

    def add_panes(self, grain: Grain, panes: Ints, cells: Ints, columns: Ints, amounts: Ints) -> None:
        """Add to the panes of one grain alone, and to the windows that are made of them."""
        slots = self._slots(cells, columns)
        self._logs[grain].append(panes, slots, amounts)
        for row, plan in enumerate(self._plans):
            if plan.grain == grain:
                inside = panes >= self._starts[row]
                np.add.at(self.values[row], slots[inside], amounts[inside])

    def add_lifetime(self, cells: Ints, columns: Ints, amounts: Ints) -> None:
        """Add to the sums over lifetime alone."""
        slots = self._slots(cells, columns)
        np.add.at(self.values[-1], slots, amounts)

    def check_range(self) -> None:
        """Raise `RangeError` if any sum has come near the end of 64 bits."""
        lifetime = self.values[-1]
        if lifetime.size and max(int(lifetime.max()), -int(lifetime.min())) > SAFE_SUM:
            raise RangeError(TOO_LARGE)

    def _first_minutes(self) -> dict[Grain, int]:
        """Return for each grain that windows are made of where the first of them begins."""
        first: dict[Grain, int] = {}
        for plan, start in zip(self._plans, self._starts.tolist(), strict=True):
            if plan.grain is not None:
                first[plan.grain] = min(first.get(plan.grain, start), start)
        return first

    def _pane(self, grain: Grain, minutes: Ints) -> Ints:
        return minutes - minutes % 60 if grain == "hour" else self._time.days.first_minutes(minutes)

    def _slots(self, cells: Ints, columns: Ints) -> Ints:
        if len(cells) == 0:
            return cells
        self._grow_table(int(cells.max()), int(columns.max()))
        slots = self._table[cells, columns]
        if slots.min() < 0:
            self._give_slots(cells[slots < 0], columns[slots < 0])
            slots = self._table[cells, columns]
        return slots

    def _give_slots(self, cells: Ints, columns: Ints) -> None:
        pairs = np.unique(cells << COLUMN_BITS | columns)
        first = len(self.slot_cells)
        new_cells, new_columns = pairs >> COLUMN_BITS, pairs & (1 << COLUMN_BITS) - 1
        self._table[new_cells, new_columns] = np.arange(first, first + len(pairs))
        self.slot_cells = np.concatenate([self.slot_cells, new_cells])
        self.slot_columns = np.concatenate([self.slot_columns, new_columns])
        self._by_slot = np.concatenate([self._by_slot, np.zeros((len(pairs), len(self._plans)), np.int64)])

    def _grow_table(self, cell: int, column: int) -> None:
        rows, width = self._table.shape
        if cell >= rows or column >= width:
            grown = np.full((max(rows, 2 * (cell + 1)), max(width, 2 * (column + 1))), -1, np.int64)
            grown[:rows, :width] = self._table
            self._table = grown


def _start_minute(start_ms: int | None) -> int:
    return 0 if start_ms is None else max(start_ms, 0) // MINUTE_MS
