"""Partitions' sums become the cluster's: added up, with labels and slice values bounded for everyone alike.

A partition keeps more values apart than are shown. Which ones are shown is decided here, in order of
appearance, once for the whole cluster, and remembered: two workers that decided for themselves would publish
different slices. What isn't admitted is added to `other`, so that slices still sum to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.components import BY_NAME, Unit
from metrics.frame import Cell, CellSums
from streams.panes import DAY_MS
from streams.partition import Report
from streams.slices import MS_OF_DAY, OTHER, UNATTRIBUTED
from streams.sums import SAFE_SUM, Ints, RangeError


@dataclass(slots=True)
class Admission:
    """The values that have a name of their own, for each slice attribute and each labelled component.

    Attributes:
        limit: how many, besides `other` and `unattributed`.
        admitted: the values by what they are values of, in order of appearance.
        refused: distinct values that went under `other`, for the metric.
    """

    limit: int = 50
    admitted: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def name(self, of: str, value: str) -> str:
        """Return the name under which a value is shown: its own or `other`."""
        if value in (OTHER, UNATTRIBUTED):
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


def merge(reports: Iterable[Report], windows: Sequence[str], admission: Admission) -> Sums:
    """Add reports up.

    Args:
        reports: of different partitions at one `now`.
        windows: names in the order of the reports' rows.
        admission: which values are shown; it learns those that are new.

    Returns:
        Per cell and window the sums by component; every cell has every window. Everybody comes first.

    Raises:
        RangeError: a sum has left the range of 64-bit integers.
    """
    slots: dict[tuple[Cell, str, str | None], int] = {(None, "persons", None): 0}
    added = np.zeros((len(windows), 1), np.int64)
    for report in reports:
        numbers = [
            slots.setdefault(_shown(report, cell, column, admission), len(slots))
            for cell, column in zip(report.cell.tolist(), report.column.tolist(), strict=True)
        ]
        added = np.concatenate([added, np.zeros((len(windows), len(slots) - added.shape[1]), np.int64)], axis=1)
        np.add.at(added, (slice(None), np.array(numbers, np.int64)), report.sums)
    if float(np.abs(added.astype(np.float64)).max()) > SAFE_SUM:
        raise RangeError("the partitions' sums have left the range of 64-bit integers")
    return _by_cell(slots, added, windows)


def _shown(report: Report, cell: int, column: int, admission: Admission) -> tuple[Cell, str, str | None]:
    place = report.cells[cell]
    if place is not None:
        place = (place[0], admission.name(place[0], place[1]))
    component, label = report.columns[column]
    if label is not None and label != MS_OF_DAY:
        label = admission.name(component, label)
    return place, component, label


def _by_cell(slots: Mapping[tuple[Cell, str, str | None], int], added: Ints, windows: Sequence[str]) -> Sums:
    sums: Sums = {}
    rows = added.tolist()
    for (cell, component, label), slot in slots.items():
        of_cell = sums.setdefault(cell, {name: CellSums({}, {}) for name in windows})
        timed = BY_NAME[component].unit is Unit.MS
        for window, row in zip(windows, rows, strict=True):
            amount = row[slot]
            if amount == 0:
                continue
            values, labelled = of_cell[window].values, of_cell[window].labelled
            if label is not None and label != MS_OF_DAY:
                labelled.setdefault(component, {})[label] = amount  # type: ignore[attr-defined]
            else:
                scale = DAY_MS if timed and label is None else 1
                values[component] = values.get(component, 0) + amount * scale  # type: ignore[index]
    return sums
