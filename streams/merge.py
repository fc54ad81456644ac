"""Partitions' sums become the cluster's: added up, with labels and slice values bounded for everyone alike.

A partition keeps more values apart than are shown. Which ones are shown is decided here, in order of
appearance, once for the whole cluster, and remembered: two workers that decided for themselves would publish
different slices. What isn't admitted is added to `other`, so that slices still sum to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.components import BY_NAME, Unit
from metrics.frame import Cell, CellSums
from metrics.steps import Steps, at_once
from streams.messages import Answer
from streams.panes import DAY_MS
from streams.partition import Report
from streams.slices import MS_OF_DAY, OTHER, OURS
from streams.sums import SAFE_SUM, Ints, RangeError


@dataclass(slots=True)
class Admission:
    """The values that have a name of their own, for each slice attribute and each labelled component.

    Attributes:
        limit: how many, besides `other` and `unattributed`.
        admitted: the values by what they are values of (an attribute, a label), in order of appearance.
        refused: distinct values that went under `other`, for the metric.
    """

    limit: int = 50
    admitted: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def name(self, of: str, value: str) -> str:
        """Return the name under which a value is shown: its own or `other`."""
        if value in OURS:
            return value
        known = self.admitted.setdefault(of, [])
        if value in known:
            return value
        if len(known) < self.limit:
            known.append(value)
            return value
        self.refused.setdefault(of, set()).add(value)
        return OTHER


Sums = dict[Cell, dict[str, CellSums]]
Slot = tuple[Cell, str, str | None]
_KINDS = 3
_UNNUMBERED = -1
_NAMED_AT_ONCE = 2_000
"""Slots of a partition that is new here are looked up by name: so many take some milliseconds."""


def merge(reports: Iterable[Report], windows: Sequence[str], admission: Admission) -> Sums:
    """Add reports of different partitions up, once; see `Merger.merge`."""
    return at_once(Merger(windows, admission).add(reports))


@dataclass(frozen=True, slots=True)
class _Layout:
    """The cluster's slots in an order in which those of a cell lie together, and within it those of a kind.

    Attributes:
        order: slot numbers.
        cells: in the order in which they first had a slot.
        bounds: where each cell's counts begin, its times, its labels, and behind them the end.
        components, labels: of each place in the order.
        factors: by which a place's amount is multiplied; 1 but for a time's days.
    """

    order: Ints
    cells: list[Cell]
    bounds: Ints
    components: list[str]
    labels: list[str]
    factors: list[int]

    @classmethod
    def of(cls, slots: Iterable[Slot]) -> _Layout:
        """Lay slots out, which come in the order of their numbers."""
        slots = list(slots)
        cells = list(dict.fromkeys(cell for cell, _, _ in slots))
        places = {cell: place for place, cell in enumerate(cells)}
        kinds = [_KINDS * places[cell] + _kind(component, label) for cell, component, label in slots]
        order = np.argsort(np.array(kinds, np.int64), kind="stable")
        laid = [slots[number] for number in order.tolist()]
        bounds = np.searchsorted(np.sort(kinds), np.arange(_KINDS * len(cells) + 1))
        factors = [
            DAY_MS if label is None and BY_NAME[component].unit is Unit.MS else 1 for _, component, label in laid
        ]
        components, labels = [component for _, component, _ in laid], [label or "" for *_, label in laid]
        return cls(order, cells, bounds, components, labels, factors)

    def split(self, row: Ints) -> list[CellSums]:
        """Return one window's sums of each cell, without those that are 0; `row` is in the slots' order."""
        row = row[self.order]
        there = np.flatnonzero(row)
        bounds = np.searchsorted(there, self.bounds).tolist()
        amounts, places = row[there].tolist(), there.tolist()
        components = [self.components[place] for place in places]
        found = []
        for first in range(0, len(bounds) - 1, _KINDS):
            counts, times, labels, end = bounds[first : first + _KINDS + 1]
            values = dict(zip(components[counts:times], amounts[counts:times], strict=True))
            for index in range(times, labels):
                # Two slots make a time, its days and the rest of the last one: too long for 64 bits, not for Python.
                component, factor = components[index], self.factors[places[index]]
                values[component] = values.get(component, 0) + amounts[index] * factor
            labelled: dict[str, dict[str, int]] = {}
            for index in range(labels, end):
                of_component = labelled.setdefault(components[index], {})
                of_component[self.labels[places[index]]] = amounts[index]
            found.append(CellSums(values, labelled))
        return found


def _kind(component: str, label: str | None) -> int:
    """Return 0 for a count, 1 for a part of a time, 2 for what is split by label."""
    if label is not None:
        return 1 if label == MS_OF_DAY else 2
    return int(BY_NAME[component].unit is Unit.MS)


class Merger:
    """Adds partitions' reports up, round after round.

    It remembers which of a partition's slots is which of the cluster's, so that a round costs array additions
    and not a lookup by name for every slot.

    Args:
        windows: names in the order of the reports' rows.
        admission: which values are shown; it learns those that are new.
    """

    def __init__(self, windows: Sequence[str], admission: Admission) -> None:
        self._windows = list(windows)
        self._admission = admission
        self._slots: dict[Slot, int] = {(None, "persons", None): 0}
        self._layout = _Layout.of(self._slots)
        self._tables: dict[tuple[int, str], Ints] = {}

    def merge(self, answers: Sequence[Answer]) -> Steps[Sums]:
        """Add the answers to one tick up, in steps of one answer and then of one window.

        Returns:
            Per cell and window the sums by component; every cell has every window. Everybody comes first.

        Raises:
            RangeError: a sum has left the range of 64-bit integers.
        """
        known = {(answer.partition, answer.epoch) for answer in answers}
        self._tables = {key: table for key, table in self._tables.items() if key in known}
        return self.add((answer.report() for answer in answers), [answer.epoch for answer in answers])

    def add(self, reports: Iterable[Report], epochs: Sequence[str] = ()) -> Steps[Sums]:
        """Add reports up, in steps; within one epoch, a partition's numbers keep their meaning."""
        added = np.zeros((len(self._windows), max(len(self._slots), 1)), np.int64)
        for index, report in enumerate(reports):
            if len(report.cell) == 0:
                continue
            numbers = yield from self._numbers(report, epochs[index] if epochs else "")
            missing = len(self._slots) - added.shape[1]
            added = np.concatenate([added, np.zeros((len(self._windows), missing), np.int64)], axis=1)
            for row, sums in zip(added, report.sums, strict=True):
                np.add.at(row, numbers, sums)
            yield
        if float(np.abs(added.astype(np.float64)).max()) > SAFE_SUM:
            raise RangeError("the partitions' sums have left the range of 64-bit integers")
        return (yield from self._by_cell(added))

    def _numbers(self, report: Report, epoch: str) -> Steps[Ints]:
        shape = (int(report.cell.max()) + 1, int(report.column.max()) + 1)
        table = self._tables.get((report.partition, epoch), np.full((1, 1), _UNNUMBERED, np.int64))
        if table.shape[0] < shape[0] or table.shape[1] < shape[1]:
            grown = np.full((max(table.shape[0], shape[0]), max(table.shape[1], shape[1])), _UNNUMBERED, np.int64)
            grown[: table.shape[0], : table.shape[1]] = table
            table = grown
        numbers = table[report.cell, report.column]
        for nth, index in enumerate(np.flatnonzero(numbers == _UNNUMBERED).tolist()):
            if nth % _NAMED_AT_ONCE == _NAMED_AT_ONCE - 1:
                yield
            cell, column = int(report.cell[index]), int(report.column[index])
            slot = self._shown(report, cell, column)
            table[cell, column] = numbers[index] = self._slots.setdefault(slot, len(self._slots))
        self._tables[report.partition, epoch] = table
        return numbers

    def _shown(self, report: Report, cell: int, column: int) -> Slot:
        place = report.cells[cell]
        if place is not None:
            place = (place[0], self._admission.name(place[0], place[1]))
        component, label = report.columns[column]
        if label is not None and label != MS_OF_DAY:
            label = self._admission.name(BY_NAME[component].label or component, label)
        return place, component, label

    def _by_cell(self, added: Ints) -> Steps[Sums]:
        layout = self._layout = self._layout if len(self._layout.order) == len(self._slots) else _Layout.of(self._slots)
        counts = (added != 0).any(axis=0)
        counts[0] = True  # everybody is there before anybody is
        is_there = np.logical_or.reduceat(counts[layout.order], layout.bounds[:-1:_KINDS]).tolist()
        by_window = []
        for row in added:
            by_window.append(layout.split(row))
            yield
        return {
            cell: dict(zip(self._windows, of_cell, strict=True))
            for cell, of_cell, there in zip(layout.cells, zip(*by_window, strict=True), is_there, strict=True)
            if there
        }
