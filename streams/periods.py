"""Calendar days and months that are past: their names and bounds in the reporting calendar and time zone.

A period is half-open, [start, end). Figures of a period can be given while all of its days lie within reach, which is
how far back the sums of days are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

import jdatetime

from streams.panes import MINUTE_MS, ReportingTime

Kind = Literal["day", "month"]
KINDS: tuple[Kind, ...] = ("day", "month")


@dataclass(frozen=True, slots=True)
class Period:
    """A past day or month.

    Attributes:
        kind: which of them.
        name: `2026-06-14`, `2026-06`; in the Jalali calendar `1405-03-24`, `1405-03`.
        month: the name of the month that it is, or is in.
        start_ms, end_ms: its bounds.
        days: the first minute of each of its days, as panes are named.
    """

    kind: Kind
    name: str
    month: str
    start_ms: int
    end_ms: int
    days: tuple[int, ...]

    @property
    def key(self) -> str:
        """How it is called among periods of either kind: `day/2026-06-14`."""
        return f"{self.kind}/{self.name}"


class Periods:
    """The past days and months of a reporting calendar.

    Args:
        time: it.
        days: how many days back they are looked at, today included; never more than sums of days are kept.
        settle_ms: how long after its end a period is taken to be past.
    """

    def __init__(self, time: ReportingTime, days: int, settle_ms: int = 0) -> None:
        self._time = time
        self._reach = days
        self._settle_ms = settle_ms

    def past(self, now_ms: int) -> tuple[Period, ...]:
        """Return the days and months that are past at an instant and within reach, days first, each in order."""
        return self._past(self._first(now_ms), self._time.days.of(max(now_ms - self._settle_ms, 0)))

    def _first(self, now_ms: int) -> int:
        """Return the first day within reach."""
        days = self._time.days
        windows = self._time.frame(now_ms).windows
        starts = [
            window.start_ms
            for plan, window in zip(self._time.plans, windows, strict=True)
            if plan.grain == "day" and window.start_ms is not None
        ]
        kept = days.of(max(min(starts), 0))
        kept += days.start(kept) < min(starts)
        return max(kept, days.of(now_ms) - self._reach + 1)

    @lru_cache(maxsize=4)  # noqa: B019 - one of these lives as long as its owner, and what it holds is small
    def _past(self, first: int, today: int) -> tuple[Period, ...]:
        days = [period for number in range(first, today) if (period := self._day(number)) is not None]
        by_month: dict[str, list[Period]] = {}
        for day in days:
            by_month.setdefault(day.month, []).append(day)
        months = [self._month(month, of) for month, of in by_month.items()]
        begun = days[0].start_ms if days else 0
        end = self._time.days.start(today)
        return (*days, *(month for month in months if month.start_ms >= begun and month.end_ms <= end))

    def _day(self, number: int) -> Period | None:
        start_ms, end_ms = self._time.days.start(number), self._time.days.start(number + 1)
        if start_ms >= end_ms or start_ms < 0:
            return None  # a date that the zone skipped, or the one on which time began
        local = date.fromordinal(number)
        name = (
            jdatetime.date.fromgregorian(date=local).strftime("%Y-%m-%d")
            if self._time.calendar == "jalali"
            else local.isoformat()
        )
        return Period("day", name, name.rpartition("-")[0], start_ms, end_ms, (start_ms // MINUTE_MS,))

    def _month(self, name: str, days: list[Period]) -> Period:
        start_ms = self._time.period_start("month", days[0].start_ms)
        last = self._time.days.of(days[-1].start_ms)
        following = last + 1
        while self._time.period_start("month", self._time.days.start(following)) == start_ms:
            following += 1
        inside = tuple(day.days[0] for day in days)
        return Period("month", name, name, start_ms, self._time.days.start(following), inside)
