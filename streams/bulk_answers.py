"""Answers to surveys, many at once.

What an answer contributes follows from the few small numbers in it and, for some, a touchpoint. So what the fold says
of an answer is kept in a table by them, and a chunk's answers are looked up there.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from events import wire
from streams.columnwise import Gathered
from streams.fold import Fold
from streams.parts import place
from streams.persons import Persons
from streams.sums import Ints, tails

_NONE = -1
_MOST_KINDS = 1 << 12
"""Kinds of answers that are remembered: there are some hundreds, and as many more as there are touchpoints."""
_kind_of = attrgetter("survey", "score", "scale", "touchpoint", "recommend", "repurchase", "try_other")


class Answers:
    """Takes in answers of persons who are known and acquired.

    Args:
        fold: says of one answer what it contributes.
        flows: gathers it.
    """

    def __init__(self, fold: Fold, flows: Gathered) -> None:
        self._fold = fold
        self._flows = flows
        self._table = _Table()

    def take(self, answers: Sequence[wire.SurveyResponse], at_ms: Ints, rows: Ints) -> None:
        """Take in answers, when they were given, and by whom."""
        columns, amounts = self._table.look_up(self._fold, answers)
        persons = self._fold.persons
        cell_set = np.frombuffer(persons.cell_set, np.int32)[rows].astype(np.int64)
        given = columns != _NONE
        self._flows.add((place(at_ms, cell_set)[:, np.newaxis] + columns)[given], amounts[given])
        nps = np.array([answer.survey == "nps" for answer in answers], bool)
        if nps.any():
            scores = np.array([answer.score or 0 for answer in answers if answer.survey == "nps"], np.int64)
            _add_nps(persons, rows[nps], at_ms[nps], scores)


class _Table:
    """What answers contribute, by kinds of them: answers that say the same."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._parts: list[list[tuple[int, int]]] = []
        self._columns, self._amounts = _filled_up([])

    def look_up(self, fold: Fold, answers: Sequence[wire.SurveyResponse]) -> tuple[Ints, Ints]:
        """Return the columns and amounts of answers, a row each, the columns filled up with `_NONE`."""
        if len(self._numbers) > _MOST_KINDS:
            self._numbers, self._parts = {}, []
        kinds = list(map(_kind_of, answers))
        if not self._numbers.keys() >= set(kinds):
            for kind, answer in zip(kinds, answers, strict=True):  # in their order, in which touchpoints are admitted
                if kind not in self._numbers:
                    self._numbers[kind] = len(self._parts)
                    self._parts.append(fold.answer_parts(answer))
            self._columns, self._amounts = _filled_up(self._parts)
        numbers = np.fromiter(map(self._numbers.__getitem__, kinds), np.int64, len(kinds))
        return self._columns[numbers], self._amounts[numbers]


def _filled_up(parts: list[list[tuple[int, int]]]) -> tuple[Ints, Ints]:
    """Return columns and amounts of parts as two tables."""
    width = max(map(len, parts), default=0)
    table = np.array([[*of_one, *[(_NONE, 0)] * (width - len(of_one))] for of_one in parts], np.int64)
    table = table.reshape(len(parts), width, 2)
    return table[:, :, 0].copy(), table[:, :, 1].copy()


def _add_nps(persons: Persons, rows: Ints, at_ms: Ints, scores: Ints) -> None:
    """Do what `Persons.add_nps` does, for many answers: of one person, the latest is left, and the best of those."""
    order = np.lexsort((scores, at_ms, rows))
    last = order[tails(rows[order])]
    rows, at_ms, scores = rows[last], at_ms[last], scores[last]
    nps_ms, nps_score = np.frombuffer(persons.nps_ms, np.int64), np.frombuffer(persons.nps_score, np.int8)
    later = (at_ms > nps_ms[rows]) | ((at_ms == nps_ms[rows]) & (scores > nps_score[rows]))
    rows = rows[later]
    nps_ms[rows], nps_score[rows] = at_ms[later], scores[later]
    np.frombuffer(persons.changed, np.uint8)[rows] = 1
