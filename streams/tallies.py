"""The KPI agent's side of cohorts and tenures: when to ask for them, and what all partitions together say.

They are asked for at leisure, since they cost a look at everybody: the more they have cost, the less often. Partitions
count as of the tick with which they were asked, and what comes together is of that one instant.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from contextlib import suppress
from functools import reduce
from operator import add

from metrics.breakdown import KNOWN_WITH
from metrics.breakdown_document import Section
from metrics.breakdown_gauges import render_breakdowns
from metrics.tally import Tally, unpack
from streams.messages import Answer
from streams.panes import ReportingTime
from streams.tally import Bounds, bounds_at

EVERY_S = 10.0
SHARE = 0.02
"""How much of a processor's time may be spent on them, all partitions together."""
PATIENCE_S = 30.0
"""A tally that isn't whole by then is asked for anew: a partition has changed hands, and forgotten it."""
_STANDS = 3
"""After so many intervals without a new one the last tally is no longer shown."""


class Tallies:
    """Tallies in one life of the KPI agent.

    Args:
        time: the reporting time.
        partitions: how many there are.
    """

    def __init__(self, time: ReportingTime, partitions: int) -> None:
        self._time = time
        self._partitions = partitions
        self._asked = 0
        self._asked_at_s = -math.inf
        self._bounds: Bounds | None = None
        self._parts: dict[int, tuple[Tally, float]] = {}
        self._every_s = EVERY_S
        self._sections: tuple[Section, Section] | None = None
        self._gauges = b""
        self._until_s = -math.inf

    def ask(self, number: int, now_ms: int, now_s: float) -> int:
        """Return the number of the tick as of which a tally is wanted; 0: none is.

        Args:
            number: of the tick that is about to be sent.
            now_ms: its clock.
            now_s: a steady clock.
        """
        waited_s = now_s - self._asked_at_s
        if waited_s >= (PATIENCE_S if self._asked else self._every_s):
            self._asked, self._asked_at_s, self._parts = number, now_s, {}
            self._bounds = bounds_at(self._time, now_ms)
        return self._asked

    def take(self, answer: Answer, now_s: float) -> None:
        """Take in what an answer says, if it is what was asked for."""
        if not answer.tallied or answer.tally != self._asked or self._bounds is None:
            return
        bounds = self._bounds
        with suppress(ValueError):  # of a worker of another version, which tells other things apart: until it goes
            tally = unpack(answer.tallied, len(bounds.months), len(bounds.windows))
            self._parts[answer.partition] = tally, answer.tally_cost_s
        if len(self._parts) < self._partitions:
            return
        tallies, costs_s = zip(*self._parts.values(), strict=True)
        self._asked, self._parts = 0, {}
        self._every_s = max(EVERY_S, sum(costs_s) / SHARE)
        self._until_s = now_s + _STANDS * self._every_s + PATIENCE_S
        self._sections = bounds.sections(reduce(add, tallies))
        self._gauges = render_breakdowns(*self._sections)

    def sections(self, now_s: float) -> tuple[Section | None, Section | None]:
        """Return what the document says under `cohorts` and `tenure`; None while they aren't known."""
        return self._sections if self._sections is not None and now_s < self._until_s else (None, None)

    def exposition(self, unknown: Collection[str], now_s: float) -> bytes:
        """Return the gauges, in Prometheus's text format; none while what they rest on is unknown."""
        return self._gauges if KNOWN_WITH not in unknown and now_s < self._until_s else b""
