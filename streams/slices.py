"""Slices and columns: the small integers under which sums are kept.

A *cell* is everybody, or one value of one slice attribute. A *cell set* is the group of cells that one
person's events count in: everybody, its channel, its segment, ... A *column* is one component, or one label
of a labelled component. The fold knows only their numbers, so that a contribution is one addition in a dict.

Numbers are handed out in order of appearance and never change: checkpoints rely on it. Both registries are
bounded, so that a producer that writes customer ids into `segment` fills `other`, not the memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from metrics.components import BY_NAME, COMPONENTS, Component, Unit
from metrics.frame import Cell

UNATTRIBUTED = "unattributed"
OTHER = "other"
UNKNOWN_REASON = "unknown"
UNSPECIFIED_TOUCHPOINT = "unspecified"
OURS = frozenset({UNATTRIBUTED, OTHER, UNKNOWN_REASON, UNSPECIFIED_TOUCHPOINT})
"""Names that the engine gives: they take no place among the bounded values that events bring."""
CHANNEL = "channel"
EVERYBODY = 0
ABSENT = -1
MS_OF_DAY = "ms_of_day"
"""Suffix-like label of a time component's second column: the milliseconds beside the whole days."""
MOST_SETS = 1 << 16
"""Cell sets of a partition: a key has room for 16 times as many, but each is a row of the matrix."""


class Slices:
    """The cells and cell sets of a partition.

    Args:
        attributes: the slice attributes, such as `("channel", "segment")`.
        limit: how many values of one attribute get a cell of their own; the rest go under `other`.
    """

    def __init__(self, attributes: Sequence[str], limit: int) -> None:
        self.attributes = tuple(attributes)
        self.limit = limit
        self.cells: list[Cell] = [None]
        self.sets: list[tuple[int, ...]] = []
        self._cell_ids: dict[tuple[int, str], int] = {}
        self._set_ids: dict[tuple[int, ...], int] = {}
        self._with_channel: dict[tuple[int, str | None], int] = {}
        self._of_person: dict[tuple[str | None, ...], int] = {}  # of those who admit no value
        self._values = [0] * len(self.attributes)
        self._channel = self.attributes.index(CHANNEL) if CHANNEL in self.attributes else None
        self._matrix = np.empty((0, len(self.attributes) + 1), np.int64)
        self.overflowed = 0
        self.unattributed = self.of_person((None,) * len(self.attributes))

    def of_person(self, values: tuple[str | None, ...]) -> int:
        """Return the cell set of a person with these attribute values, in the order of the attributes."""
        return self._set(tuple(self._cell(index, value) for index, value in enumerate(values)))

    @property
    def has_room(self) -> bool:
        """Tell whether cell sets are so far from their bound that the order in which they come can't show."""
        return len(self.sets) < MOST_SETS // 2

    def of_known(self, values: tuple[str | None, ...]) -> int | None:
        """Return the cell set of a person with these attribute values, None if one of them were to be admitted for it.

        Which values are admitted follows from their order: who takes persons out of it may take those alone who admit
        none. So may it only while it `has_room`.
        """
        known = self._of_person.get(values)
        if known is not None:
            return known
        cell_ids = self._cell_ids
        cells: list[int] = []
        for index, value in enumerate(values):
            cell = cell_ids.get((index, UNATTRIBUTED if value is None else value))
            if cell is None:
                return None
            cells.append(cell)
        if len(self._of_person) >= MOST_SETS:
            self._of_person.clear()
        found = self._of_person[values] = self._set(tuple(cells))
        return found

    def of_channel(self, channel: str | None) -> int:
        """Return the cell set of what has a channel and no person, such as marketing spend."""
        cells = [ABSENT] * len(self.attributes)
        if self._channel is not None:
            cells[self._channel] = self._cell(self._channel, channel)
        return self._set(tuple(cells))

    def with_channel(self, cell_set: int, channel: str | None) -> int:
        """Return a person's cell set with its channel replaced by a lead's own."""
        if self._channel is None:
            return cell_set
        known = self._with_channel.get((cell_set, channel))
        if known is not None:
            return known
        cells, overflowed = list(self.sets[cell_set]), self.overflowed
        cells[self._channel] = self._cell(self._channel, channel)
        found = self._set(tuple(cells))
        if self.overflowed == overflowed:  # else it is to be counted each time
            if len(self._with_channel) >= MOST_SETS:
                self._with_channel.clear()
            self._with_channel[cell_set, channel] = found
        return found

    def without_channel(self, cell_set: int) -> int:
        """Return a cell set that doesn't count in any channel: of a person known by leads alone."""
        if self._channel is None:
            return cell_set
        cells = list(self.sets[cell_set])
        cells[self._channel] = ABSENT
        return self._set(tuple(cells))

    def matrix(self) -> npt.NDArray[np.int64]:
        """Return cell set x (everybody, attributes...) -> cell number, `ABSENT` where it doesn't count."""
        new = self.sets[len(self._matrix) :]
        if new:
            rows = np.array([(EVERYBODY, *cells) for cells in new], np.int64)
            self._matrix = np.concatenate([self._matrix, rows])
        return self._matrix

    def restore(self, cells: list[tuple[str, str]], sets: list[tuple[int, ...]]) -> None:
        """Take over the numbers of a checkpoint: cells after `everybody`, and all cell sets."""
        self.cells, self.sets = [None], []
        self._cell_ids, self._set_ids, self._matrix = {}, {}, self._matrix[:0]
        self._with_channel, self._of_person = {}, {}
        self._values = [0] * len(self.attributes)
        for attribute, value in cells:
            self._new_cell(self.attributes.index(attribute), value)
        for cell_set in sets:
            self._set(tuple(cell_set))
        self.unattributed = self.of_person((None,) * len(self.attributes))

    def _cell(self, attribute: int, value: str | None) -> int:
        name = UNATTRIBUTED if value is None else value
        known = self._cell_ids.get((attribute, name))
        if known is not None:
            return known
        if name not in (UNATTRIBUTED, OTHER) and self._values[attribute] >= self.limit:
            self.overflowed += 1
            return self._cell(attribute, OTHER)
        return self._new_cell(attribute, name)

    def _new_cell(self, attribute: int, name: str) -> int:
        if name not in (UNATTRIBUTED, OTHER):
            self._values[attribute] += 1
        self.cells.append((self.attributes[attribute], name))
        number = self._cell_ids[attribute, name] = len(self.cells) - 1
        return number

    def _set(self, cells: tuple[int, ...]) -> int:
        known = self._set_ids.get(cells)
        if known is None and len(self.sets) >= MOST_SETS:
            self.overflowed += 1
            cells = tuple(cell if cell == ABSENT else self._cell(index, OTHER) for index, cell in enumerate(cells))
            known = self._set_ids.get(cells)  # a handful of these, beyond the bound
        if known is None:
            known = self._set_ids[cells] = len(self.sets)
            self.sets.append(cells)
        return known


class Columns:
    """The columns of a partition: one for each component, two for a time, one for each label seen."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names: list[tuple[str, str | None]] = []
        self._ids: dict[tuple[str, str | None], int] = {}
        self._labels: dict[str, set[str]] = {}
        self.overflowed = 0
        for component in COMPONENTS:
            self._declare(component)

    def number(self, component: str) -> int:
        """Return the column of an unlabelled component; a time's milliseconds are in the next one."""
        return self._ids[component, None]

    def labelled(self, component: str, label: str) -> int:
        """Return the column of one label of a labelled component, `other` once there are too many.

        Components that share a label, such as two by touchpoint, keep the same ones apart: they are divided by
        each other.
        """
        known = self._ids.get((component, label))
        if known is not None:
            return known
        labels = self._labels.setdefault(BY_NAME[component].label or "", set())
        if label not in OURS and label not in labels:
            if len(labels) >= self.limit:
                self.overflowed += 1
                return self.labelled(component, OTHER)
            labels.add(label)
        return self._add(component, label)

    def known(self, component: str, label: str) -> int | None:
        """Return the column of a label, None if it has none of its own: it isn't admitted yet, or under `other`."""
        return self._ids.get((component, label))

    def restore(self, labelled: list[tuple[str, str]]) -> None:
        """Take over the labelled columns of a checkpoint, in their order."""
        for component, label in labelled:
            self.labelled(component, label)

    def labels(self) -> list[tuple[str, str]]:
        """Return the labelled columns in the order of their numbers, as `restore` takes them."""
        return [(name, label) for name, label in self.names if label is not None and label != MS_OF_DAY]

    def _declare(self, component: Component) -> None:
        if component.label is None:
            self._add(component.name, None)
            if component.unit is Unit.MS:
                self._add(component.name, MS_OF_DAY)

    def _add(self, component: str, label: str | None) -> int:
        number = self._ids[component, label] = len(self.names)
        self.names.append((component, label))
        return number
