"""Leads whose persons are acquired, many at once: from then on they count in the slices of the acquisition.

But for their channel, which is their own. Those from before the acquisition have become customers by it: they convert.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.columnwise import Gathered
from streams.parts import place
from streams.persons import DECIDED, NEVER, STAGES, Lead
from streams.slices import Columns, Slices
from streams.sums import Ints


class MovedLeads:
    """Moves leads of persons who weren't acquired.

    Args:
        derived: gathers what they contribute.
        columns: the partition's columns.
        slices: the partition's cell sets.
    """

    def __init__(self, derived: Gathered, columns: Columns, slices: Slices) -> None:
        self._derived = derived
        self._columns = columns
        self._slices = slices

    def move(self, leads: Sequence[tuple[int, Sequence[Lead]]], acquired_ms: Ints, cell_set: Ints) -> None:
        """Take leads back where they were, and contribute them where they are now.

        Args:
            leads: those of each person, with the person's place in the arrays.
            acquired_ms: when persons were acquired.
            cell_set: where they count from then on.
        """
        flat = [lead for _, of_one in leads for lead in of_one]
        owners = np.repeat([at for at, _ in leads], [len(of_one) for _, of_one in leads])
        with_channel, before = self._slices.with_channel, self._slices.unattributed
        after = zip(cell_set[owners].tolist(), flat, strict=True)
        old = [with_channel(before, lead.channel) for lead in flat]
        new = [with_channel(one, lead.channel) for one, lead in after]
        within, first_ms = np.array([old, new], np.int64), np.array([lead.first_ms for lead in flat], np.int64)
        self._move(within, np.arange(len(flat)), first_ms, self._columns.number("leads"))
        self._move_stages(within, np.array([lead.reached_ms for lead in flat], np.int64))
        costs = [(at, at_ms, minor) for at, lead in enumerate(flat) for at_ms, minor in lead.costs]
        if costs:
            paid, paid_ms, minor = np.array(costs, np.int64).T
            self._move(within, paid, paid_ms, self._columns.number("lead_costs_minor"), minor)
        converted = np.flatnonzero(acquired_ms[owners] >= first_ms)
        column = self._columns.number("leads_converted")
        self._derived.add(place(first_ms[converted], within[1, converted]) + column, 1)

    def _move_stages(self, within: Ints, reached_ms: Ints) -> None:
        """Move what leads have reached: an array of a line a lead, a column a stage."""
        reached = reached_ms != NEVER
        columns = [
            self._columns.labelled("leads_by_stage", stage) if some else 0
            for stage, some in zip(STAGES, reached.any(axis=0).tolist(), strict=True)
        ]
        leads, stages = reached.nonzero()
        self._move(within, leads, reached_ms[leads, stages], np.array(columns)[stages])
        decided_ms = reached_ms[:, -DECIDED:].max(axis=1)
        decided = np.flatnonzero(decided_ms != NEVER)
        self._move(within, decided, decided_ms[decided], self._columns.number("leads_decided"))

    def _move(self, within: Ints, leads: Ints, at_ms: Ints, column: Ints | int, amounts: Ints | int = 1) -> None:
        """Move what some leads have at an instant.

        Args:
            within: cell sets of all leads, as they were and as they are.
            leads: which leads.
            at_ms: when, for each of them.
            column: where, for each of them or for all.
            amounts: how much, for each of them or for all.
        """
        old, new = place(at_ms, within[:, leads]) + column
        self._derived.add(old, -amounts)
        self._derived.add(new, amounts)
