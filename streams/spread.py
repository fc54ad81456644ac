"""From contributions by cell set to contributions by cell.

Of a heap of contributions most lie in the same few minutes and columns, and each counts in a cell of every slice
attribute: spread out they are five times as many, added up again a fifth of that. So they are added up while they are
spread, and what follows (windows, hours, days) is had from what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.sums import COLUMN_BITS, MINUTE_SHIFT, SET_BITS, Ints, add_up, heads, sort

_MINUTE_BITS = 63 - MINUTE_SHIFT
_SPARSE = 8
"""So many places an amount, and looking through all of them takes longer than sorting those that are used."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Contributions by cell, in rows of one column and one minute.

    Attributes:
        columns, minutes: of each row, sorted by column and then by minute; minute -1 is no instant.
        rows, cells, amounts: of each contribution, sorted; a (row, cell) is there once, and no amount is 0.
    """

    columns: Ints
    minutes: Ints
    rows: Ints
    cells: Ints
    amounts: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def since(self, minute: int) -> Spread:
        """Return what lies at a minute or after it."""
        later = self.minutes >= minute
        if later.all():
            return self
        kept = np.flatnonzero(later[self.rows])
        return Spread(self.columns, self.minutes, self.rows[kept], self.cells[kept], self.amounts[kept])

    def of_panes(self, panes: Ints) -> Spread:
        """Return it with one row for all that fall in a pane; `panes` is where that of each row begins."""
        if len(self) == 0:
            return self
        first = heads(self.columns) | heads(panes)
        row, width = np.cumsum(first) - 1, int(self.cells.max()) + 1
        places, amounts = _added_up(row[self.rows] * width + self.cells, self.amounts, (int(row[-1]) + 1) * width)
        return Spread(self.columns[first], panes[first], *np.divmod(places, width), amounts)


def spread(keys: Ints, amounts: Ints, sets: Ints) -> Spread:
    """Spread contributions over the cells in which they count.

    Args:
        keys: `minute + 1 << 32 | cell set << 12 | column`, at least one, each as often as it likes.
        amounts: of each.
        sets: the matrix of `Slices.matrix`.
    """
    places, order = sort((keys & (1 << COLUMN_BITS) - 1) << _MINUTE_BITS | keys >> MINUTE_SHIFT)
    first = heads(places)
    cells = sets.take(keys[order] >> COLUMN_BITS & (1 << SET_BITS) - 1, axis=0)
    width = int(cells.max()) + 2
    row_begins = (np.cumsum(first) - 1) * width
    cells += (row_begins + 1)[:, np.newaxis]  # what counts in no cell, -1, has a place of its own: the first of a row
    used, sums = _added_up(cells.ravel(), np.repeat(amounts[order], cells.shape[1]), int(first.sum()) * width)
    rows, cells = np.divmod(used, width)
    counted = np.flatnonzero(cells)
    columns, minutes = places[first] >> _MINUTE_BITS, (places[first] & (1 << _MINUTE_BITS) - 1) - 1
    return Spread(columns, minutes, rows[counted], cells[counted] - 1, sums[counted])


def _added_up(places: Ints, amounts: Ints, size: int) -> tuple[Ints, Ints]:
    """Do what `add_up` does, of keys below `size`."""
    if size > _SPARSE * len(places):
        return add_up(places, amounts)
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, amounts)
    used = np.flatnonzero(sums)
    return used, sums[used]
