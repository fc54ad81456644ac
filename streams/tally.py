"""Counts everybody's lifetimes by month of acquisition and by tenure, as of one instant.

A tenure grows with the clock, so there is nothing to keep up to date: each time everything is counted anew, by whole
columns. See `metrics.tally` for what is counted, and the catalogue for what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import jdatetime
import numpy as np

from metrics.breakdown import BANDS, COHORTS, SURVIVAL_STEP_DAYS, SURVIVAL_STEPS
from metrics.breakdown_document import Section, cohorts_of, tenure_of
from metrics.evaluate import rfc3339
from metrics.tally import Tally
from streams.panes import DAY_MS, ReportingTime
from streams.persons import NEVER
from streams.spans import Spans
from streams.sums import Ints

_EDGES_MS = np.array([band.from_days * DAY_MS for band in BANDS], np.int64)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is told apart at one instant.

    Attributes:
        now_ms: it.
        months: name and first instant of each month, the current one last.
        windows: name and start of each published window; None: it has none.
    """

    now_ms: int
    months: tuple[tuple[str, int], ...]
    windows: tuple[tuple[str, int | None], ...]

    def sections(self, tally: Tally) -> tuple[Section, Section]:
        """Return what a document says under `cohorts` and `tenure`."""
        now = rfc3339(self.now_ms)
        months = [name for name, _ in self.months]
        windows = [(name, start_ms is not None) for name, start_ms in self.windows]
        return cohorts_of(tally, now, months), tenure_of(tally, now, windows)


def bounds_at(time: ReportingTime, now_ms: int) -> Bounds:
    """Return the months and windows as they stand at an instant."""
    windows = tuple((window.name, window.start_ms) for window in time.frame(now_ms).windows if window.published)
    return Bounds(now_ms, tuple(_months(time, now_ms)), windows)


def tallied(spans: Spans, bounds: Bounds) -> Tally:
    """Count lifetimes.

    Args:
        spans: of some persons, none later than the bounds' `now_ms`.
        bounds: what is told apart.
    """
    is_open = spans.close_ms == NEVER
    open_ms, ended = spans.open_ms[is_open], ~is_open
    gone_open_ms, gone_close_ms = spans.open_ms[ended], spans.close_ms[ended]
    starts = [start_ms for _, start_ms in bounds.windows]
    churned = [_churned(gone_open_ms, gone_close_ms, start_ms) for start_ms in starts]
    stayed = [_by_band(start_ms - open_ms[open_ms < start_ms]) if start_ms is not None else 0 for start_ms in starts]
    lost = [_by_band((gone_close_ms - gone_open_ms)[gone_close_ms >= (start_ms or 0)]) for start_ms in starts]
    acquired, retained = _cohorts(spans, [start_ms for _, start_ms in bounds.months])
    eligible, lasted = _survival(spans, is_open, bounds.now_ms)
    return Tally(
        acquired,
        retained,
        _by_band(bounds.now_ms - open_ms),
        np.array([left + there for left, there in zip(churned, stayed, strict=True)], np.int64),
        np.array(churned, np.int64),
        np.array(lost, np.int64),
        eligible,
        lasted,
    )


def _months(time: ReportingTime, now_ms: int) -> list[tuple[str, int]]:
    """Return the latest months, as many as are told apart; time begins with 1970."""
    found: list[tuple[str, int]] = []
    at_ms = now_ms
    while len(found) < COHORTS and at_ms >= 0:
        start_ms = time.period_start("month", at_ms)
        first = date.fromordinal(time.days.of(max(start_ms, 0)))
        named = jdatetime.date.fromgregorian(date=first) if time.calendar == "jalali" else first
        found.append((f"{named.year:04}-{named.month:02}", start_ms))
        at_ms = start_ms - 1
    return found[::-1]


def _cohorts(spans: Spans, starts: list[int]) -> tuple[Ints, Ints]:
    """Return persons by cohort, and by cohort and month those with a lifetime open at its end, in the last one now.

    A lifetime is open at the ends that lie after its opening and not after its close: it comes in at the first of them,
    and goes out behind the last.
    """
    months, ends = len(starts), np.array(starts[1:], np.int64)
    cohort = np.searchsorted(np.array(starts, np.int64), spans.first_ms, side="right")
    comes = np.searchsorted(ends, spans.open_ms, side="right")
    goes = np.searchsorted(ends, spans.close_ms, side="right")
    goes[spans.close_ms == NEVER] = months
    size = (months + 1) * (months + 1)
    moves = np.bincount(cohort * (months + 1) + comes, minlength=size)
    moves -= np.bincount(cohort * (months + 1) + goes, minlength=size)
    retained = np.cumsum(moves.reshape(months + 1, months + 1), axis=1)[:, :months]
    first = cohort[spans.open_ms == spans.first_ms]  # one of each person: no two of its lifetimes open at one instant
    return np.bincount(first, minlength=months + 1), retained


def _churned(open_ms: Ints, close_ms: Ints, start_ms: int | None) -> Ints:
    """Return by band those open at a start, of lifetimes that are closed by now."""
    if start_ms is None:
        return np.zeros(len(BANDS), np.int64)
    return _by_band(start_ms - open_ms[(open_ms < start_ms) & (close_ms >= start_ms)])


def _by_band(lengths_ms: Ints) -> Ints:
    return np.bincount(np.searchsorted(_EDGES_MS, lengths_ms, side="right") - 1, minlength=len(BANDS))


def _survival(spans: Spans, is_open: np.ndarray[tuple[int], np.dtype[np.bool_]], now_ms: int) -> tuple[Ints, Ints]:
    """Return for each step who could have reached its end and reached its beginning, and who of them its end."""
    step_ms, steps = SURVIVAL_STEP_DAYS * DAY_MS, SURVIVAL_STEPS
    until = np.where(is_open, now_ms, spans.close_ms)
    could = np.minimum((now_ms - spans.open_ms) // step_ms, steps)
    did = np.minimum((until - spans.open_ms) // step_ms, steps)
    both = np.bincount(could * (steps + 1) + did, minlength=(steps + 1) ** 2).reshape(steps + 1, steps + 1)
    # beyond[a, b]: who could have made a steps or more, and made b or more
    beyond = both[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    ends = np.arange(1, steps + 1)
    return beyond[ends, ends - 1], beyond[ends, ends]
