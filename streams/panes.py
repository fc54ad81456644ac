"""Panes, days and windows: where an instant falls and from which instant a window counts.

A window is a whole number of panes and its last pane is the current, partial one. Days are cut in the
reporting time zone at the *first instant of the local date*, which isn't always a midnight and isn't always
24 hours after the last: without this file a day would be 86,400 seconds and every monthly figure of a shop
in Tehran or New York would be wrong twice a year.

All instants are integer milliseconds since 1970 (UTC). No clock is read here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import jdatetime
import numpy as np
import numpy.typing as npt

from metrics.frame import Frame, Window

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Grain = Literal["minute", "hour", "day"]
GRAINS: tuple[Grain, ...] = ("minute", "hour", "day")
CALENDAR_WINDOWS = ("month", "quarter", "year")
DEFAULT_WINDOWS = ("1h", "24h", "7d", "30d", "90d", "365d")
LIFESPAN_WINDOW = "365d"
"""The window that an expected lifespan is taken from: always kept, published only if configured."""

_WINDOW = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_EPOCH = date(1970, 1, 1).toordinal()
_BEYOND_DAYS = {"month": 32, "quarter": 95, "year": 370}
"""So many days after its beginning a period is over, and the next one isn't, in either calendar."""


def window_ms(name: str) -> int:
    """Return the nominal length of a rolling window such as `24h`, in milliseconds.

    Raises:
        ValueError: the name isn't a number and one of m, h, d, or a window above 30 d isn't whole days.
    """
    match = _WINDOW.fullmatch(name)
    if match is None:
        raise ValueError(f"window {name!r}: expected a number and m, h or d, such as '24h' or '90d'")
    length = int(match[1]) * _UNIT_MS[match[2]]
    pane = _PANE_MS[grain_of(length)]
    if length % pane:
        raise ValueError(f"window {name!r}: a window this long is a whole number of {grain_of(length)}s")
    return length


_PANE_MS: dict[Grain, int] = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}


def grain_of(length_ms: int) -> Grain:
    """Return the panes that a rolling window of this length is made of."""
    if length_ms <= DAY_MS:
        return "minute"
    return "hour" if length_ms <= 30 * DAY_MS else "day"


class Days:
    """The local dates of a time zone as half-open intervals of instants.

    A day is numbered by its proleptic Gregorian ordinal. Day d is `[start(d), start(d + 1))`, where `start`
    is the first instant whose local date is d; a date that the zone skipped is empty.
    """

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self._first = _EPOCH - 2
        self._starts: list[int] = []
        self._minutes = np.empty(0, np.int64)
        self._extend(_EPOCH + 60 * 366)

    def start(self, day: int) -> int:
        """Return the first instant of a local date, in milliseconds."""
        index = day - self._first
        if index < 0:
            raise ValueError(f"day {date.fromordinal(day)}: the engine's time begins at 1970-01-01")
        if index >= len(self._starts):
            self._extend(day)
        return self._starts[index]

    def of(self, instant_ms: int) -> int:
        """Return the number of the day that holds an instant."""
        while instant_ms >= self._starts[-1]:
            self._extend(self._first + len(self._starts) + 366)
        return self._first + bisect_right(self._starts, instant_ms) - 1

    def at_or_after(self, instant_ms: int) -> int:
        """Return the first beginning of a local date at or after an instant, in milliseconds."""
        day = self.of(instant_ms)
        start = self.start(day)
        return start if start == instant_ms else self.start(day + 1)

    def all_at_or_after(self, instants_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return for each instant what `at_or_after` says of it."""
        if len(instants_ms) == 0:
            return instants_ms
        self.at_or_after(int(instants_ms.max()))
        starts = np.array(self._starts, np.int64)
        return starts[np.searchsorted(starts, instants_ms)]

    def first_minutes(self, minutes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return for each minute since 1970 the minute with which its day begins, none before the first."""
        if len(minutes) == 0:
            return minutes
        self.of(int(minutes.max()) * MINUTE_MS)
        if len(self._minutes) != len(self._starts):
            self._minutes = np.array(self._starts, np.int64) // MINUTE_MS
        days = np.searchsorted(self._minutes, minutes, side="right") - 1
        return np.maximum(self._minutes[days], 0)

    def _extend(self, to_day: int) -> None:
        self._starts.extend(self._first_instant(day) for day in range(self._first + len(self._starts), to_day + 1))

    def _first_instant(self, day: int) -> int:
        midnight = datetime.fromordinal(day).replace(tzinfo=self.zone)
        instant = _to_ms(midnight)
        if self._local_ordinal(instant) == day and self._local_ordinal(instant - 1) < day:
            return instant
        # Midnight lies in a gap that doesn't begin at it: the date begins where the offset jumps.
        low, high = instant - 2 * DAY_MS, instant + 2 * DAY_MS
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._local_ordinal(middle) >= day else (middle, high)
        return high

    def _local_ordinal(self, instant_ms: int) -> int:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms)).astimezone(self.zone).toordinal()


@lru_cache(maxsize=8)
def days_of(timezone: str) -> Days:
    """Return the days of a time zone, the same for all who ask: they take a tenth of a second to find."""
    return Days(timezone)


def _to_ms(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """One window that is kept: its name, its nominal length, and the panes that it is made of."""

    name: str
    grain: Grain | None
    length_ms: int | None
    published: bool = True


class ReportingTime:
    """The reporting calendar: turns `now` into the frame of windows to evaluate.

    Args:
        timezone: IANA name of the reporting time zone.
        calendar: `gregorian` or `jalali`; decides where months, quarters and years begin.
        windows: names of the rolling windows, such as `24h`.
        fiscal_year_start: the month of that calendar with which a year begins; quarters follow it.
    """

    def __init__(
        self,
        timezone: str = "UTC",
        calendar: str = "gregorian",
        windows: tuple[str, ...] = DEFAULT_WINDOWS,
        fiscal_year_start: int = 1,
    ) -> None:
        self.days = days_of(timezone)
        self.calendar = calendar
        self._fiscal_year_start = fiscal_year_start
        kept = windows if LIFESPAN_WINDOW in windows else (*windows, LIFESPAN_WINDOW)
        rolling = tuple(
            WindowPlan(name, grain_of(window_ms(name)), window_ms(name), published=name in windows) for name in kept
        )
        periods = tuple(WindowPlan(name, "day", None) for name in CALENDAR_WINDOWS)
        self.plans: tuple[WindowPlan, ...] = (*rolling, *periods, WindowPlan("lifetime", None, None))

    def frame(self, now_ms: int) -> Frame:
        """Return every window as it stands at `now_ms`."""
        return Frame(now_ms, tuple(self._window(plan, now_ms) for plan in self.plans))

    def _window(self, plan: WindowPlan, now_ms: int) -> Window:
        if plan.grain is None:
            return Window(plan.name, "lifetime", None, None)
        if plan.length_ms is None:
            return Window(plan.name, "calendar", self.period_start(plan.name, now_ms), None)
        days = plan.length_ms / DAY_MS
        return Window(plan.name, "rolling", self._rolling_start(plan, now_ms), days, plan.published)

    def _rolling_start(self, plan: WindowPlan, now_ms: int) -> int:
        if plan.grain is None or plan.length_ms is None:
            raise ValueError(f"window {plan.name!r} doesn't roll")
        if plan.grain == "day":
            first = self.days.of(now_ms) - plan.length_ms // DAY_MS + 1
            return self.days.start(max(first, _EPOCH - 1))
        pane = _PANE_MS[plan.grain]
        return max(now_ms - now_ms % pane + pane - plan.length_ms, 0)

    def period_start(self, period: str, now_ms: int) -> int:
        """Return the first instant of the current `month`, `quarter` or `year`, in milliseconds."""
        today = date.fromordinal(self.days.of(now_ms))
        local = jdatetime.date.fromgregorian(date=today) if self.calendar == "jalali" else today
        year, month = divmod(local.year * 12 + local.month - 1 - self._months_into(period, local.month), 12)
        first = (
            jdatetime.date(year, month + 1, 1).togregorian() if self.calendar == "jalali" else date(year, month + 1, 1)
        )
        return self.days.start(max(first.toordinal(), _EPOCH - 1))

    def period_days(self, period: str, now_ms: int) -> tuple[date, date]:
        """Return the first and the last day of the current `month`, `quarter` or `year`, by the Gregorian calendar."""
        first = self.days.of(self.period_start(period, now_ms))
        following = self.period_start(period, self.days.start(first + _BEYOND_DAYS[period]))
        return date.fromordinal(first), date.fromordinal(self.days.of(following) - 1)

    def _months_into(self, period: str, month: int) -> int:
        into_the_year = (month - self._fiscal_year_start) % 12
        return {"month": 0, "quarter": into_the_year % 3, "year": into_the_year}[period]
