"""KPIs of the past, step by step: the worker's own fold over event files, with a tick at each instant asked for.

What `compute` says of one instant, this says of thousands in one pass. Windows slide between two ticks as they do in
a worker, so a year by the hour costs the fold of its events and 8,760 evaluations, not 8,760 folds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from metrics.economics import Economics
from metrics.evaluate import Snapshot, evaluate
from metrics.steps import at_once
from streams.compute import acquisitions_first
from streams.meaning import Meaning
from streams.merge import Admission, Merger
from streams.panes import MINUTE_MS
from streams.partition import PartitionState, Refused, Waiting

_BATCH = 2_000
_REMEMBERED = 1_000
"""Events of a person not yet acquired that move to its slices: as many as the settings allow at most."""


@dataclass(slots=True)
class Past:
    """Events that were read, in order of time, and how they were received.

    Attributes:
        events: those that count.
        refused: lines that aren't events.
        duplicates: events that were there already.
    """

    events: list[Waiting]
    refused: list[Refused] = field(default_factory=list)
    duplicates: int = 0

    @property
    def first_ms(self) -> int:
        """The earliest event."""
        return self.events[0].at_ms

    @property
    def last_ms(self) -> int:
        """The latest."""
        return self.events[-1].at_ms


class Backfill:
    """The KPIs of a log as of many instants.

    Args:
        meaning: how state is kept.
        economics: how KPIs are read from it.
        max_values: slice values and labels that get a name of their own; once named, a value stays so.
        clock_ms: the wall clock: an event further ahead of it than the tolerance is refused; None: no event is.
        future_tolerance_ms: that tolerance.
    """

    def __init__(
        self,
        meaning: Meaning,
        economics: Economics,
        *,
        max_values: int = 50,
        clock_ms: int | None = None,
        future_tolerance_ms: int = 5 * MINUTE_MS,
    ) -> None:
        tolerance = None if clock_ms is None else future_tolerance_ms
        remembering = replace(meaning, remembered_events=max(meaning.remembered_events, _REMEMBERED))
        self._state = PartitionState(remembering, future_tolerance_ms=tolerance, keep_raw=False)
        self._heard_ms = clock_ms or 0
        self._economics = economics
        self._merger = Merger([plan.name for plan in self._state.fold.time.plans], Admission(max_values))

    def read(self, lines: Iterable[bytes]) -> Past:
        """Take all events in; files have no order that could be relied upon.

        Args:
            lines: one JSON event each.
        """
        refused: list[Refused] = []
        remaining, first = iter(lines), 0
        while batch := list(itertools.islice(remaining, _BATCH)):
            outcomes = self._state.arrive(batch, [self._heard_ms] * len(batch))
            refused += (Refused(first + one.at, one.why) for one in outcomes if isinstance(one, Refused))
            first += len(batch)
        events, self._state.waiting = self._state.waiting, []
        return Past(sorted(events, key=lambda event: event.at_ms), refused, self._state.counts.duplicates)

    def snapshots(self, past: Past, instants_ms: Iterable[int], *, slices: bool) -> Iterator[tuple[int, Snapshot]]:
        """Tell the KPIs at each instant.

        Args:
            past: what `read` gave.
            instants_ms: rising.
            slices: whether slices are told too.
        """
        state, events, folded = self._state, past.events, 0
        for now_ms in instants_ms:
            until = folded
            while until < len(events) and events[until].at_ms <= now_ms:
                until += 1
            state.waiting = acquisitions_first(events[folded:until])
            folded = until
            state.advance(now_ms)
            sums = at_once(self._merger.add([state.report(everybody_only=not slices)]))
            yield now_ms, evaluate(state.fold.time.frame(now_ms), sums, self._economics)


def steps(since_ms: int, until_ms: int, step_ms: int) -> range:
    """Whole steps of the clock in UTC, both ends included.

    >>> list(steps(1, 7_200_000, 3_600_000))
    [3600000, 7200000]
    """
    return range(-(-since_ms // step_ms) * step_ms, until_ms + 1, step_ms)
