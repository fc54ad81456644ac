"""Contributions of everybody at once: what a recovery computes in place of reading sums.

One by one, a million persons take a quarter of a minute. Most of what a person contributes follows from its columns
alone, so here whole columns go through the very parts that the fold takes a person's numbers through. What lies in
packed histories (cancellations, leads, memberships, earlier buying lifetimes) is contributed one by one, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from streams.contributions import Contributions
from streams.lifetimes import is_member
from streams.parts import Parts
from streams.persons import LAPSED, NEVER, SEEN
from streams.sums import Ints

_ROWS_A_STEP = 16_384


@dataclass(slots=True)
class Gathered:
    """Gathers arrays of keys with their amounts; stands where a dict of contributions otherwise does."""

    keys: list[Ints] = field(default_factory=list)
    amounts: list[Ints] = field(default_factory=list)

    def __getitem__(self, keys: Ints, /) -> int:
        """Return 0: what lies under keys is added up later, by whoever takes it."""
        return 0

    def __setitem__(self, keys: Ints, amounts: Ints | int, /) -> None:
        """Add an amount, or one for each key."""
        self.add(keys, amounts)

    def __len__(self) -> int:
        return sum(map(len, self.keys))

    def add(self, keys: Ints, amounts: Ints | int) -> None:
        """Add an amount, or one for each key."""
        self.keys.append(keys)
        self.amounts.append(np.full(len(keys), amounts) if isinstance(amounts, int) else amounts)

    def take(self) -> tuple[Ints, Ints]:
        """Return all keys and their amounts, a key as often as it was added to, and forget them."""
        if not self.keys:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        keys, amounts = np.concatenate(self.keys), np.concatenate(self.amounts)
        self.keys, self.amounts = [], []
        return keys, amounts


class Columnwise:
    """Contributes all persons of a partition, blocks of rows at a time.

    Args:
        one_by_one: contributes what lies in histories.
    """

    def __init__(self, one_by_one: Contributions) -> None:
        self._persons = one_by_one.persons
        self._one_by_one = one_by_one
        self._gathered = Gathered()
        self._parts = Parts(self._gathered, one_by_one.columns)

    def blocks(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield what block after block contributes from columns: keys and amounts, not yet added up.

        Of the same rows, `one_by_one.deltas` then holds what follows from histories.
        """
        for first in range(0, len(self._persons), _ROWS_A_STEP):
            rows = slice(first, min(first + _ROWS_A_STEP, len(self._persons)))
            self._lifecycle(rows, self._histories(rows))
            self._buying(rows)
            yield self._gathered.take()

    def _histories(self, rows: slice) -> Ints:
        """Contribute what histories hold; return which persons' lifetimes lie there, and not in the columns."""
        persons, one_by_one = self._persons, self._one_by_one
        with_transitions: list[int] = []
        for row in persons.rows_with_history(rows):
            history, cell_set = persons.history(row), persons.cell_set[row]
            found = one_by_one.lifetimes(row, history)
            if history.transitions:
                with_transitions.append(row - rows.start)
                one_by_one.contract(found, cell_set, 1)
            if history.membership:  # an older format's flags don't say who is a member
                persons.set_member(row, is_so=is_member(history.membership))
            one_by_one.beside(row, history, found, 1)
            one_by_one.earlier_spans(history, cell_set, 1)
        return np.array(with_transitions, np.int64)

    def _lifecycle(self, rows: slice, in_histories: Ints) -> None:
        """Do what `Contributions.lifecycle` does for persons with one opening alone."""
        persons, parts = self._persons, self._parts
        cell_set, acquired_ms = persons.column("cell_set", rows), persons.column("acquired_ms", rows)
        unseen = persons.column("flags", rows) & SEEN == 0
        known_in = cell_set.copy()
        for one in np.unique(cell_set[unseen]).tolist():
            known_in[unseen & (cell_set == one)] = self._one_by_one.slices.without_channel(one)
        parts.known(known_in, 1)
        has_one = acquired_ms != NEVER
        has_one[in_histories] = False
        opened, within = acquired_ms[has_one], cell_set[has_one]
        parts.acquired(opened, within, 1)
        parts.opened(opened, within, 1)
        parts.active(within, 1)

    def _buying(self, rows: slice) -> None:
        """Do what `Contributions.buying` does, but for the buying lifetimes before the latest."""
        persons, parts, one_by_one = self._persons, self._parts, self._one_by_one
        buyers = persons.column("latest_ms", rows) != NEVER
        names = ("cell_set", "flags", "first_ms", "first_minor", "span_open_ms", "latest_ms", "second_ms")
        columns = (persons.column(name, rows)[buyers] for name in names)
        cell_set, flags, first_ms, first_minor, span_open_ms, latest_ms, second_ms = columns
        parts.bought(first_ms, first_minor, latest_ms, cell_set, 1)
        again = second_ms != NEVER
        parts.bought_again(second_ms[again], cell_set[again], 1)
        parts.buying_opened(span_open_ms, cell_set, 1)
        lapsed = flags & LAPSED != 0
        moments_ms = one_by_one.days.all_at_or_after(latest_ms[lapsed] + one_by_one.lapse_after_ms)
        parts.lapsed(span_open_ms[lapsed], moments_ms, cell_set[lapsed], 1)
