"""The usual rhythm of a source, learned by hour of the week, and when its silence stops being usual.

For each hour of the week, the last whole weeks say in how many of them anything arrived. The chance that nothing
arrives in one more such hour is (n - k + 1) / (n + 1), for k arrivals in n weeks: the rule of succession for somebody
who expects nothing before it was seen. An hour that was always silent adds nothing to suspicion; one that was always
busy leaves a chance of 1 in n + 1. Later weeks of the same silence count as seen, so the chance shrinks ever more
slowly: over a trickle of independent events the product is (w / (w + t)) ** events, the exact odds of t silent weeks
after w observed ones, whatever the true rate is. That is why a sparse source isn't called silent, and no threshold of
sparseness is needed.

When the product falls below `alpha` the source is overdue. That instant follows from what arrived, not from the
clock: until something arrives, an overdue source stays overdue.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from streams.watermarks import HOUR_MS, WEEK_HOURS, Mark

LEAST_WEEKS = 2
_FARTHEST_HOURS = 52 * WEEK_HOURS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rhythm:
    """Judges marks by hours of the week in one time zone.

    Args:
        timezone: in which the week has its hours.
        alpha: the chance of an ordinary silence below which it isn't taken for one.
    """

    def __init__(self, timezone: str, alpha: float) -> None:
        self._slot = lru_cache(maxsize=1 << 15)(_slots(timezone))
        self._log_alpha = math.log(alpha)
        self._due: dict[tuple[int, int, int], int | None] = {}

    def busy_hours(self, mark: Mark) -> int:
        """Return in how many hours of the week anything ever arrived in the weeks observed."""
        return sum(1 for arrivals in self._week(mark)[1] if arrivals)

    def due_ms(self, mark: Mark) -> int | None:
        """Return the instant from which the silence since the last arrival isn't usual any more.

        None: too little is known, or the source is too sparse to be missed within a year.
        """
        if mark.weeks < LEAST_WEEKS:
            return None
        key = (mark.since_hour, mark.newest_hour, mark.hours)
        if key not in self._due:
            if len(self._due) >= 1_024:  # noqa: PLR2004 - many more than there are pairs
                self._due.clear()
            self._due[key] = self._find(mark)
        return self._due[key]

    def _find(self, mark: Mark) -> int | None:
        observed, arrivals = self._week(mark)
        log_chance = 0.0
        for hour in range(mark.newest_hour + 1, mark.newest_hour + 1 + _FARTHEST_HOURS):
            slot = self._slot(hour)
            if arrivals[slot]:
                log_chance += math.log((observed[slot] - arrivals[slot] + 1) / (observed[slot] + 1))
                if log_chance < self._log_alpha:
                    return (hour + 1) * HOUR_MS
            observed[slot] += 1
        return None

    def _week(self, mark: Mark) -> tuple[list[int], list[int]]:
        """Return for each hour of the week how often it was observed, and how often anything arrived.

        The newest hour isn't among them: that something arrived in it is why the observation ends there.
        """
        observed, arrivals = [0] * WEEK_HOURS, [0] * WEEK_HOURS
        for back in range(1, mark.weeks * WEEK_HOURS + 1):
            slot = self._slot(mark.newest_hour - back)
            observed[slot] += 1
            arrivals[slot] += mark.hours >> back & 1
        return observed, arrivals


def _slots(timezone: str) -> Callable[[int], int]:
    zone = ZoneInfo(timezone)

    def slot(hour: int) -> int:
        local = (_EPOCH + timedelta(hours=hour)).astimezone(zone)
        return local.weekday() * 24 + local.hour

    return slot
