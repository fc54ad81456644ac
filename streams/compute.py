"""KPIs of event files without a broker: the worker's own fold over a log, once.

A file has no arrival order worth keeping beyond deduplication, so acquisitions are folded first, by time:
every event then finds its person's slices, and the answer depends on the set of events alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from events import wire
from metrics.economics import Economics
from streams.document import KpiDocument, kpi_document
from streams.fold import rank
from streams.meaning import Meaning
from streams.merge import Admission, merge
from streams.panes import MINUTE_MS
from streams.partition import STEP, PartitionState, Refused, Waiting
from streams.spans import picture_of, spans_of
from streams.tally import bounds_at, tallied

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Computed:
    """The answer of a computation: the KPIs, and what wasn't counted.

    Attributes:
        snapshot: the JSON of the KPI contract.
        refused: the lines that aren't events; `at` counts from 0.
        duplicates: events that had been counted already; `different`: those of them that said something else.
        later: events after `now`.
    """

    snapshot: KpiDocument
    refused: list[Refused]
    duplicates: int
    different: int
    later: int


def compute(
    lines: Iterable[bytes],
    meaning: Meaning,
    economics: Economics,
    *,
    now_ms: int | None = None,
    clock_ms: int | None = None,
    future_tolerance_ms: int = 5 * MINUTE_MS,
    max_values: int = 50,
    counted: Callable[[int, int], None] = lambda _done, _of: None,
) -> Computed:
    """Compute every KPI of a log.

    Args:
        lines: one JSON event each, in order of arrival.
        meaning: how state is kept.
        economics: how KPIs are read from it.
        now_ms: as of when; None: the latest event.
        clock_ms: the wall clock: an event further ahead of it, and of `now_ms`, than the tolerance is refused;
            None: no event is.
        future_tolerance_ms: that tolerance.
        max_values: slice values and labels that get a name of their own.
        counted: is told now and then how many events of how many are folded, once all lines are read.
    """
    tolerance = None if clock_ms is None else future_tolerance_ms
    state = PartitionState(meaning, future_tolerance_ms=tolerance, keep_raw=False)
    heard_ms = max(clock_ms or 0, now_ms or 0)
    refused: list[Refused] = []
    remaining, first = iter(lines), 0
    while batch := list(itertools.islice(remaining, _BATCH)):
        outcomes = state.arrive(batch, [heard_ms] * len(batch))
        refused += (Refused(first + outcome.at, outcome.why) for outcome in outcomes if isinstance(outcome, Refused))
        first += len(batch)
    as_of = max(state.latest_event_ms, 0) if now_ms is None else now_ms
    _name_in_order_of_arrival(state, as_of)
    state.waiting = acquisitions_first(state.waiting)
    every = len(state.waiting)
    for number, _ in enumerate(state.steps(as_of), 1):
        counted(min(number * STEP, every), every)
    windows = [plan.name for plan in state.fold.time.plans]
    sums = merge([state.report()], windows, Admission(max_values))
    document = kpi_document(meaning, state.fold.time, sums, economics, as_of)
    bounds = bounds_at(state.fold.time, as_of)
    tally = tallied(spans_of(picture_of(state.fold.persons)), bounds)
    document["cohorts"], document["tenure"] = bounds.sections(tally)
    return Computed(document, refused, state.counts.duplicates, state.counts.different, len(state.waiting))


def acquisitions_first(events: Iterable[Waiting]) -> list[Waiting]:
    """Put acquisitions, by time, before all else, which keeps its order: every event then finds its person's slices."""
    return sorted(
        events,
        key=lambda item: (
            (0, item.at_ms, rank(item.event)) if isinstance(item.event, wire.CustomerAcquired) else (1, 0, "")
        ),
    )


def _name_in_order_of_arrival(state: PartitionState, as_of_ms: int) -> None:
    """Number slice values as they appear in the log, before its events are put in another order."""
    slices = state.fold.slices
    for item in state.waiting:
        if item.at_ms > as_of_ms:
            continue
        if isinstance(item.event, wire.CustomerAcquired):
            slices.of_person(tuple(getattr(item.event, name) for name in slices.attributes))
        elif isinstance(item.event, wire.Lead | wire.MarketingSpend):
            slices.of_channel(item.event.channel)
