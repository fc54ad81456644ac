"""First acquisitions, many at once: of strangers, and of those who are known by leads alone.

A shop that opens sends a million of them, and in one that runs every twentieth event is one. `Fold` takes a person back
and contributes it anew; here rows are appended for all newcomers of a chunk, and what they contribute is gathered as
arrays.

An acquisition decides where all of its person's events count, so only such are taken here whose person has no other
acquisition in the chunk and no event before it: what comes after it finds the person acquired, as it would one by one.
Nor is any value of a slice admitted here: who has a new one waits for its turn among the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from events import wire
from streams.columnwise import Gathered
from streams.fold import Fold, rank
from streams.moved_leads import MovedLeads
from streams.parts import Parts
from streams.persons import NEVER, SEEN, Lead
from streams.sums import Ints, heads

Values = tuple[str | None, ...]


class Welcomed(NamedTuple):
    """Persons with their first acquisition.

    Attributes:
        places: of the acquisitions in the chunk.
        rows: the persons.
        cell_set: where they count from now on.
        leads: of each that has some, by its place here.
    """

    places: Ints
    rows: Ints
    cell_set: Ints
    leads: list[tuple[int, list[Lead]]]


class Welcomes:
    """Welcomes new customers of a partition.

    Args:
        fold: does the same one by one, and what isn't common.
        parts: gathers what persons contribute.
    """

    def __init__(self, fold: Fold, parts: Parts[Gathered]) -> None:
        self._fold = fold
        self._persons = fold.persons
        self._slices = fold.slices
        self._parts = parts
        self._moved_leads = MovedLeads(parts.deltas, fold.columns, fold.slices)
        self._values_of = values_reader(fold.meaning.slices)

    def enter(self, events: Sequence[Any], rows: Ints) -> Ints:
        """Append a row for everybody who isn't known, in the order in which they come; return all rows.

        They contribute nothing until `welcome` has counted them.
        """
        spend = wire.MarketingSpend
        strange = [at for at in np.flatnonzero(rows < 0).tolist() if type(events[at]) is not spend]
        if not strange:
            return rows
        ids = [events[at].customer_id for at in strange]
        first: dict[str, int] = {}
        for at, customer_id in zip(strange, ids, strict=True):
            first.setdefault(customer_id, at)
        new = self._persons.extend(list(first), self._slices.unattributed)
        seen = [0 if type(events[at]) is wire.Lead else SEEN for at in first.values()]
        np.frombuffer(self._persons.flags, np.int8)[new] = seen
        row_of = dict(zip(first, new.tolist(), strict=True))
        rows = rows.copy()
        rows[strange] = [row_of[customer_id] for customer_id in ids]
        return rows

    def welcome(self, events: Sequence[Any], at_ms: Ints, rows: Ints, acquisitions: Ints, known: int) -> Ints:
        """Take in those acquisitions of a chunk that are the first of their persons, as far as they are common.

        Args:
            events: a chunk.
            at_ms: when they occurred.
            rows: whom they are about.
            acquisitions: the places of all acquisitions among them.
            known: how many rows there were before `enter`: later ones contribute nothing yet.

        Returns:
            The places of those that were taken in.
        """
        places = acquisitions[self._are_first(rows, acquisitions)] if self._slices.has_room else acquisitions[:0]
        welcomed = self._welcomed(places, [events[at] for at in places.tolist()], rows[places])
        places = welcomed.places
        taken_in = [events[at] for at in places.tolist()]
        self._count(welcomed, known)
        self._attribute(welcomed, at_ms[places], [rank(event) for event in taken_in])
        self._contribute(welcomed, at_ms[places])
        for event, row, moment_ms in zip(taken_in, welcomed.rows.tolist(), at_ms[places].tolist(), strict=True):
            if event.cost is not None:
                self._fold.add_cost(event, row, moment_ms)
        return places

    def _are_first(self, rows: Ints, acquisitions: Ints) -> npt.NDArray[np.bool_]:
        """Tell of which acquisitions the person has never been acquired, and has nothing before it or beside it."""
        persons, size = self._persons, len(rows)
        # Sorts by person, then by place, without the time of a stable sort.
        in_order = np.sort(rows * size + np.arange(size))
        of, places = np.divmod(in_order, size)
        begins = np.zeros(size, bool)
        begins[places[heads(of)]] = True
        of = rows[acquisitions]
        is_first: npt.NDArray[np.bool_] = begins[acquisitions]
        is_first &= np.frombuffer(persons.acquired_ms, np.int64)[of] == NEVER
        is_first &= np.frombuffer(persons.latest_ms, np.int64)[of] == NEVER
        several = [row for row, count in Counter(of.tolist()).items() if count > 1]
        return is_first & ~np.isin(of, several) if several else is_first

    def _welcomed(self, places: Ints, acquisitions: list[wire.CustomerAcquired], rows: Ints) -> Welcomed:
        """Leave out who has a new value of a slice, and of whom more is known than leads."""
        persons, of_known, values_of = self._persons, self._slices.of_known, self._values_of
        kept: list[int] = []
        cell_sets: list[int] = []
        leads: list[tuple[int, list[Lead]]] = []
        for at, (event, row) in enumerate(zip(acquisitions, rows.tolist(), strict=True)):
            cell_set = of_known(values_of(event))
            if cell_set is None:
                continue
            if persons.has_history(row):
                history = persons.history(row)
                if persons.is_hot(row) or history.transitions or history.membership or history.remembered:
                    continue
                leads.append((len(kept), history.leads))
            kept.append(at)
            cell_sets.append(cell_set)
        return Welcomed(places[kept], rows[kept], np.array(cell_sets, np.int64), leads)

    def _count(self, welcomed: Welcomed, known: int) -> None:
        """Count persons as heard of: newcomers, and those who are welcomed, who were counted elsewhere before."""
        others = np.ones(len(self._persons) - known, bool)
        is_new = welcomed.rows >= known
        others[welcomed.rows[is_new] - known] = False
        self._count_unattributed(np.flatnonzero(others) + known, 1)
        self._count_unattributed(welcomed.rows[~is_new], -1)
        self._parts.known(welcomed.cell_set, 1)

    def _count_unattributed(self, rows: Ints, sign: int) -> None:
        seen = np.frombuffer(self._persons.flags, np.int8)[rows] & SEEN != 0
        cell_set, unseen = self._slices.unattributed, int(len(rows) - seen.sum())
        if unseen:
            self._parts.known(np.full(unseen, self._slices.without_channel(cell_set)), sign)
        self._parts.known(np.full(len(rows) - unseen, cell_set), sign)

    def _attribute(self, welcomed: Welcomed, at_ms: Ints, event_ids: list[str]) -> None:
        persons, rows = self._persons, welcomed.rows
        np.frombuffer(persons.flags, np.int8)[rows] |= SEEN
        np.frombuffer(persons.cell_set, np.int32)[rows] = welcomed.cell_set
        np.frombuffer(persons.acquired_ms, np.int64)[rows] = at_ms
        persons.acquired_event.fill(rows, event_ids)
        for marks in (persons.changed, persons.texts):
            np.frombuffer(marks, np.uint8)[rows] = 1

    def _contribute(self, welcomed: Welcomed, at_ms: Ints) -> None:
        parts, cell_set = self._parts, welcomed.cell_set
        parts.acquired(at_ms, cell_set, 1)
        parts.opened(at_ms, cell_set, 1)
        parts.active(cell_set, 1)
        if welcomed.leads:
            self._moved_leads.move(welcomed.leads, at_ms, cell_set)


def values_reader(attributes: Sequence[str]) -> Callable[[wire.CustomerAcquired], Values]:
    """Return what reads an acquisition's values of some attributes, in their order."""
    if not attributes:
        return lambda _: ()
    read: Callable[[wire.CustomerAcquired], Any] = attrgetter(*attributes)
    return read if len(attributes) > 1 else lambda event: (read(event),)
