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
_UNNUMBERED = -1


def merge(reports: Iterable[Report], windows: Sequence[str], admission: Admission) -> Sums:
    """Add reports of different partitions up, once; see `Merger.merge`."""
    return Merger(windows, admission).add(reports)


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
        self._tables: dict[tuple[int, str], Ints] = {}

    def merge(self, answers: Sequence[Answer]) -> Sums:
        """Add the answers to one tick up.

        Returns:
            Per cell and window the sums by component; every cell has every window. Everybody comes first.

        Raises:
            RangeError: a sum has left the range of 64-bit integers.
        """
        known = {(answer.partition, answer.epoch) for answer in answers}
        self._tables = {key: table for key, table in self._tables.items() if key in known}
        return self.add((answer.report() for answer in answers), [answer.epoch for answer in answers])

    def add(self, reports: Iterable[Report], epochs: Sequence[str] = ()) -> Sums:
        """Add reports up; within one epoch, a partition's numbers keep their meaning."""
        added = np.zeros((len(self._windows), max(len(self._slots), 1)), np.int64)
        for index, report in enumerate(reports):
            if len(report.cell) == 0:
                continue
            numbers = self._numbers(report, epochs[index] if epochs else "")
            missing = len(self._slots) - added.shape[1]
            added = np.concatenate([added, np.zeros((len(self._windows), missing), np.int64)], axis=1)
            for row, sums in zip(added, report.sums, strict=True):
                np.add.at(row, numbers, sums)
        if float(np.abs(added.astype(np.float64)).max()) > SAFE_SUM:
            raise RangeError("the partitions' sums have left the range of 64-bit integers")
        return self._by_cell(added)

    def _numbers(self, report: Report, epoch: str) -> Ints:
        shape = (int(report.cell.max()) + 1, int(report.column.max()) + 1)
        table = self._tables.get((report.partition, epoch), np.full((1, 1), _UNNUMBERED, np.int64))
        if table.shape[0] < shape[0] or table.shape[1] < shape[1]:
            grown = np.full((max(table.shape[0], shape[0]), max(table.shape[1], shape[1])), _UNNUMBERED, np.int64)
            grown[: table.shape[0], : table.shape[1]] = table
            table = grown
        numbers = table[report.cell, report.column]
        for index in np.flatnonzero(numbers == _UNNUMBERED).tolist():
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

    def _by_cell(self, added: Ints) -> Sums:
        sums: dict[Cell, dict[str, tuple[dict[str, int], dict[str, dict[str, int]]]]] = {}
        rows = added.tolist()
        for (cell, component, label), slot in self._slots.items():
            if slot and not any(row[slot] for row in rows):
                continue
            of_cell = sums.setdefault(cell, {name: ({}, {}) for name in self._windows})
            scale = DAY_MS if label is None and BY_NAME[component].unit is Unit.MS else 1
            for window, row in zip(self._windows, rows, strict=True):
                amount = row[slot]
                if amount == 0:
                    continue
                values, labelled = of_cell[window]
                if label is None or label == MS_OF_DAY:
                    values[component] = values.get(component, 0) + amount * scale
                else:
                    labelled.setdefault(component, {})[label] = amount
        return {
            cell: {window: CellSums(values, labelled) for window, (values, labelled) in windows.items()}
            for cell, windows in sums.items()
        }
