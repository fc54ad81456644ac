"""Sums over windows that slide: every contribution is added once and taken back when its pane leaves.

Contributions come as amounts by (minute, cell set, column), which is how the fold batches a tick's events. They are
spread over slices and grains here, vectorised, and kept twice: as running sums per window, which a tick reads, and as
logs of (pane, slot, amount), from which a window that moves on takes back what it leaves behind. A sum is never
recomputed over its window: a 365-day window costs what a 1-hour window costs.

Exactness: everything is int64; `check_range` refuses sums that come near its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from metrics.frame import Frame
from streams.panes import GRAINS, MINUTE_MS, Grain, ReportingTime, WindowPlan
from streams.track import Track

Ints = npt.NDArray[np.int64]

COLUMN_BITS, SET_BITS = 12, 20
MINUTE_SHIFT = COLUMN_BITS + SET_BITS
NO_INSTANT = 0
"""The minute field of a stock contribution: it is true now and belongs to no pane. Minute m is field m + 1."""
SLOT_BITS = 32
SAFE_SUM = 2.0**61
_MERGE_AT = 300_000
TOO_LARGE = "a sum has left the range of 64-bit integers: an amount far too large was accepted"


class RangeError(ArithmeticError):
    """A sum is too large for 64 bits: the KPIs can't be known exactly any more."""


class PaneLog:
    """What each pane of one grain holds: sorted (pane, slot) keys with amounts, and a tail not yet merged."""

    def __init__(self) -> None:
        self.keys: Ints = np.empty(0, np.int64)
        self.amounts: Ints = np.empty(0, np.int64)
        self._tail: list[tuple[Ints, Ints]] = []
        self._tail_size = 0

    def __len__(self) -> int:
        return len(self.keys) + self._tail_size

    def copy(self) -> PaneLog:
        """Return a log of the same arrays, to which nothing is added any more."""
        log = PaneLog()
        log.keys, log.amounts, log._tail, log._tail_size = self.keys, self.amounts, list(self._tail), self._tail_size
        return log

    def panes(self) -> tuple[Ints, Ints, Ints]:
        """Return (pane, slot, amount) of all that it holds."""
        self.merge()
        return self.keys >> SLOT_BITS, self.keys & (1 << SLOT_BITS) - 1, self.amounts

    def append(self, panes: Ints, slots: Ints, amounts: Ints) -> None:
        """Add amounts to panes; a pane is named by its first minute."""
        if len(panes) == 0:
            return
        keys, amounts = add_up(panes << SLOT_BITS | slots, amounts)  # of an hour or a day, many are one entry
        self._tail.append((keys, amounts))
        self._tail_size += len(keys)
        if self._tail_size > max(_MERGE_AT, len(self.keys) // 4):
            self.merge()

    def merge(self) -> None:
        """Bring the tail into the sorted part, one entry for each (pane, slot), none that is 0."""
        if self._tail:
            keys = np.concatenate([keys for keys, _ in self._tail])
            amounts = np.concatenate([amounts for _, amounts in self._tail])
            self.keys, self.amounts = _merged(self.keys, self.amounts, *add_up(keys, amounts))
            self._tail, self._tail_size = [], 0

    def drop_before(self, pane: int) -> None:
        """Forget panes that every window has left."""
        self.merge()
        cut = int(np.searchsorted(self.keys, pane << SLOT_BITS))
        self.keys, self.amounts = self.keys[cut:], self.amounts[cut:]

    def before(self, end_pane: int, places: Ints) -> tuple[Ints, Ints]:
        """Return what panes before `end_pane` hold of some slots: (pane, place) keys, sorted, with amounts.

        Args:
            end_pane: the first pane that is left out.
            places: what stands for each slot in the keys; -1 for those that aren't wanted.
        """
        found, amounts = [], []
        for keys, added in ((self.keys, self.amounts), *self._tail):
            placed = places[keys & (1 << SLOT_BITS) - 1]
            kept = (placed >= 0) & (keys >> SLOT_BITS < end_pane)
            found.append(keys[kept] >> SLOT_BITS << SLOT_BITS | placed[kept])
            amounts.append(added[kept])
        return add_up(np.concatenate(found), np.concatenate(amounts))

    def between(self, first_pane: int, end_pane: int) -> tuple[Ints, Ints]:
        """Return slots and amounts of the panes in `[first_pane, end_pane)`; a slot may occur many times."""
        low, high = first_pane << SLOT_BITS, end_pane << SLOT_BITS
        start, stop = np.searchsorted(self.keys, [low, high])
        keys, amounts = [self.keys[start:stop]], [self.amounts[start:stop]]
        for tail_keys, tail_amounts in self._tail:
            inside = (tail_keys >= low) & (tail_keys < high)
            keys.append(tail_keys[inside])
            amounts.append(tail_amounts[inside])
        return np.concatenate(keys) & ((1 << SLOT_BITS) - 1), np.concatenate(amounts)


def add_up(keys: Ints, amounts: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys, sorted, with the sum of their amounts; sums of 0 are left out."""
    if len(keys) == 0:
        return keys, amounts
    order = np.argsort(keys)  # not stable: amounts of one key are added up whatever their order, and it costs a seventh
    keys, amounts = keys[order], amounts[order]
    heads = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.add.reduceat(amounts, heads)
    kept = sums != 0
    return keys[heads][kept], sums[kept]


def _merged(keys: Ints, amounts: Ints, new_keys: Ints, new_amounts: Ints) -> tuple[Ints, Ints]:
    """Return two sorted lists of entries as one: to sort all of them again would cost ten times as much."""
    at = np.searchsorted(keys, new_keys)
    known = at < len(keys)
    known[known] = keys[at[known]] == new_keys[known]
    changed = at[known]
    amounts = amounts.copy()
    amounts[changed] += new_amounts[known]
    if not amounts[changed].all():
        kept = amounts != 0
        at = np.concatenate([[0], np.cumsum(kept)])[at]
        keys, amounts = keys[kept], amounts[kept]
    return np.insert(keys, at[~known], new_keys[~known]), np.insert(amounts, at[~known], new_amounts[~known])


def refuse_too_large(amounts: Ints) -> None:
    """Refuse amounts that could wrap a sum on the way, where `check_range` wouldn't see it any more.

    Raises:
        RangeError: together they may leave 64 bits.
    """
    if float(np.abs(amounts.astype(np.float64)).sum()) > SAFE_SUM:
        raise RangeError(TOO_LARGE)


def as_arrays(deltas: Mapping[int, int]) -> tuple[Ints, Ints]:
    """Return keys and amounts of contributions in a dict.

    Raises:
        RangeError: an amount is too large for 64 bits.
    """
    keys = np.fromiter(deltas.keys(), np.int64, len(deltas))
    try:
        return keys, np.fromiter(deltas.values(), np.int64, len(deltas))
    except OverflowError:
        raise RangeError(TOO_LARGE) from None


class WindowSums:
    """Running sums of every window, for every (cell, column) that has been touched.

    Attributes:
        slots: the (cell, column) of each slot, in order of appearance.
        values: window x slot, in the order of `ReportingTime.plans`; the last row is `lifetime`.
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
        self.values: Ints = np.zeros((len(self._plans), 0), np.int64)
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

    def slide(self, frame: Frame) -> None:
        """Move every window to its start in `frame`, taking back what it leaves behind.

        Contributions may be added only after the first slide. Time doesn't go back.
        """
        starts = np.array([_start_minute(window.start_ms) for window in frame.windows], np.int64)
        for row, plan in enumerate(self._plans):
            if plan.grain is not None and starts[row] > self._starts[row]:
                slots, amounts = self._logs[plan.grain].between(int(self._starts[row]), int(starts[row]))
                np.subtract.at(self.values[row], slots, amounts)
        for grain in GRAINS:
            rows = [row for row, plan in enumerate(self._plans) if plan.grain == grain]
            if rows and int(starts[rows].min()) > int(self._starts[rows].min()):
                self._logs[grain].drop_before(int(starts[rows].min()))
        self._starts, self._frame = starts, frame
        if self._track is not None:
            self._track.slide(frame.now_ms)

    def add_gathered(self, keys: Ints, amounts: Ints, sets: Ints) -> None:
        """Add contributions as `add` does, of which a key may occur many times."""
        if len(keys):
            refuse_too_large(amounts)
            self.add(*add_up(keys, amounts), sets)

    def add(self, keys: Ints, amounts: Ints, sets: Ints) -> None:
        """Add contributions keyed `minute + 1 << 32 | cell set << 12 | column`, each key once.

        Args:
            keys: of the contributions; `NO_INSTANT` as minute field counts in `lifetime` only.
            amounts: of each.
            sets: the matrix of `Slices.matrix`.
        """
        cells = sets[keys >> COLUMN_BITS & (1 << SET_BITS) - 1]
        counted = cells >= 0
        times = counted.sum(axis=1)
        columns = np.repeat(keys & (1 << COLUMN_BITS) - 1, times)
        minutes = np.repeat((keys >> MINUTE_SHIFT) - 1, times)
        self.add_cells(minutes, cells[counted], columns, np.repeat(amounts, times))

    def add_cells(self, minutes: Ints, cells: Ints, columns: Ints, amounts: Ints) -> None:
        """Add contributions that already name their cells; minute -1 is no instant."""
        refuse_too_large(amounts)
        if self._track is not None:
            followed = (cells == 0) & (minutes >= 0) & (self._tracked[columns] >= 0)
            self._track.add(self._tracked[columns[followed]], minutes[followed], amounts[followed])
        slots = self._slots(cells, columns)
        np.add.at(self.values[-1], slots, amounts)
        timed = minutes >= 0
        minutes, slots, amounts = minutes[timed], slots[timed], amounts[timed]
        for row, plan in enumerate(self._plans):
            if plan.grain is not None:
                inside = minutes >= self._starts[row]
                np.add.at(self.values[row], slots[inside], amounts[inside])
        for grain in GRAINS:
            rows = [row for row, plan in enumerate(self._plans) if plan.grain == grain]
            if rows:
                kept = minutes >= self._starts[rows].min()
                self._logs[grain].append(self._pane(grain, minutes[kept]), slots[kept], amounts[kept])

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
        if self.values.size and float(np.abs(self.values[-1].astype(np.float64)).max()) > SAFE_SUM:
            raise RangeError(TOO_LARGE)

    def _pane(self, grain: Grain, minutes: Ints) -> Ints:
        if grain == "minute":
            return minutes
        if grain == "hour":
            return minutes - minutes % 60
        return self._time.days.first_minutes(minutes)

    def _slots(self, cells: Ints, columns: Ints) -> Ints:
        if len(cells) == 0:
            return cells
        self._grow_table(int(cells.max()), int(columns.max()))
        slots = self._table[cells, columns]
        missing = slots < 0
        if missing.any():
            pairs = np.unique(cells[missing] << COLUMN_BITS | columns[missing])
            first = len(self.slot_cells)
            new_cells, new_columns = pairs >> COLUMN_BITS, pairs & (1 << COLUMN_BITS) - 1
            self._table[new_cells, new_columns] = np.arange(first, first + len(pairs))
            self.slot_cells = np.concatenate([self.slot_cells, new_cells])
            self.slot_columns = np.concatenate([self.slot_columns, new_columns])
            self.values = np.concatenate([self.values, np.zeros((len(self._plans), len(pairs)), np.int64)], axis=1)
            slots = self._table[cells, columns]
        return slots

    def _grow_table(self, cell: int, column: int) -> None:
        rows, width = self._table.shape
        if cell >= rows or column >= width:
            grown = np.full((max(rows, 2 * (cell + 1)), max(width, 2 * (column + 1))), -1, np.int64)
            grown[:rows, :width] = self._table
            self._table = grown


def _start_minute(start_ms: int | None) -> int:
    return 0 if start_ms is None else max(start_ms, 0) // MINUTE_MS
