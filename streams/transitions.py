"""Openings and closings of persons who are acquired, many at once.

`Fold` reads a person's lifetimes off its transitions before and after each event, and contributes the difference. Of a
transition after all others that difference is known without: it closes the lifetime that is open, opens one where none
is, or changes nothing. So only the history is written, and what closed or opened is contributed as arrays. Late ones,
and those at the instant of another, go the general way, `Fold.apply`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from events import wire
from streams.columnwise import Gathered
from streams.fold import Fold, rank
from streams.lifetimes import CLOSED, Instant, standing
from streams.parts import Parts
from streams.persons import MEMBER, History
from streams.slices import UNKNOWN_REASON
from streams.sums import Ints

Event = TypeVar("Event", wire.Cancellation, wire.CustomerAcquired)


class Transitions:
    """Closes and opens lifetimes of persons who are known and acquired, whatever else these events tell of them.

    Args:
        fold: does the same one by one, and what isn't common.
        parts: gathers what persons contribute.
    """

    def __init__(self, fold: Fold, parts: Parts[Gathered]) -> None:
        self._fold = fold
        self._persons = fold.persons
        self._parts = parts

    def close(self, cancellations: Sequence[wire.Cancellation], at_ms: Ints, rows: Ints) -> None:
        """Take in cancellations, in their order."""
        known, apply = self._fold.columns.known, self._fold.apply
        closed: list[tuple[int, int, int, int, bool]] = []
        for event, moment_ms, row, acquired_ms in self._each(cancellations, at_ms, rows):
            reason = event.reason or UNKNOWN_REASON
            by_reason = known("closed_by_reason", reason)
            if by_reason is None:  # to be admitted, in its order among the others
                apply(event, moment_ms)
                continue
            involuntary = not event.is_voluntary
            instant = Instant(moment_ms, False, True, rank(event), reason, involuntary)
            open_ms = self._append(row, acquired_ms, instant)
            if open_ms is None:
                apply(event, moment_ms)
            elif open_ms != CLOSED:
                closed.append((row, open_ms, moment_ms, by_reason, involuntary))
        if closed:
            self._contribute_closed(*np.array(closed, np.int64).T)

    def open(self, acquisitions: Sequence[wire.CustomerAcquired], at_ms: Ints, rows: Ints) -> None:
        """Take in acquisitions of persons who were acquired before, in their order."""
        apply, add_cost = self._fold.apply, self._fold.add_cost
        opened: list[tuple[int, int]] = []
        for event, moment_ms, row, acquired_ms in self._each(acquisitions, at_ms, rows):
            open_ms = self._append(row, acquired_ms, Instant(moment_ms, True))
            if open_ms is None:
                apply(event, moment_ms)
                continue
            add_cost(event, row, moment_ms)
            if open_ms == CLOSED:
                opened.append((row, moment_ms))
        if opened:
            self._contribute_opened(*np.array(opened, np.int64).T)

    def _each(self, events: Sequence[Event], at_ms: Ints, rows: Ints) -> Iterator[tuple[Event, int, int, int]]:
        """Yield each event with when it occurred, to whom, and when that person was first acquired."""
        acquired_ms = np.frombuffer(self._persons.acquired_ms, np.int64)[rows]
        return zip(events, at_ms.tolist(), rows.tolist(), acquired_ms.tolist(), strict=True)

    def _append(self, row: int, acquired_ms: int, instant: Instant) -> int | None:
        """Put a transition behind those of a person.

        Returns:
            What it finds, as `standing` has it. None, and nothing is done, where it takes more to tell what it changes.
        """
        persons, history = self._persons, History()
        if persons.has_history(row):
            if row in self._fold.taken:
                return None
            history = persons.history(row)
        transitions = history.transitions or [Instant(acquired_ms, True)]
        open_ms = standing(transitions, instant.at_ms)
        if open_ms is None or (open_ms == CLOSED and instant.opens and history.leads):  # it may convert some of them
            return None
        transitions.append(instant)
        history.transitions = transitions
        persons.keep(row, history)
        persons.changed[row] = 1
        return open_ms

    def _contribute_closed(self, rows: Ints, open_ms: Ints, close_ms: Ints, by_reason: Ints, involuntary: Ints) -> None:
        parts, cell_set = self._parts, self._cell_set(rows)
        parts.closed(open_ms, close_ms, cell_set, 1)
        parts.closed_for(close_ms, by_reason, cell_set, 1)
        unmeant = involuntary != 0
        parts.closed_involuntarily(open_ms[unmeant], close_ms[unmeant], cell_set[unmeant], 1)
        self._contribute_active(rows, cell_set, -1)

    def _contribute_opened(self, rows: Ints, open_ms: Ints) -> None:
        cell_set = self._cell_set(rows)
        self._parts.opened(open_ms, cell_set, 1)
        self._contribute_active(rows, cell_set, 1)

    def _contribute_active(self, rows: Ints, cell_set: Ints, sign: int) -> None:
        self._parts.active(cell_set, sign)
        members = np.frombuffer(self._persons.flags, np.int8)[rows] & MEMBER != 0
        self._parts.active_member(cell_set[members], sign)

    def _cell_set(self, rows: Ints) -> Ints:
        return np.frombuffer(self._persons.cell_set, np.int32)[rows].astype(np.int64)
