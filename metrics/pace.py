"""On the way to a target: how far one should be by now, what is needed from now on, and the chance to get there.

A month isn't half over at noon of its fifteenth day if the shop lives on its weekends. So the way is measured by a
curve: how much the days of a week have brought of late. The same days say how much they vary, and with that what the
rest of the period is likely to bring.

Only sums have a pace: new customers, orders, revenue. The churn rate of a month half over, or its NPS, has a target
and no way to it that could be divided into days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist

LEARNED_DAYS = 56
"""Days back from which the week is learned: eight of each."""
FEWEST_DAYS = 14
"""Below two weeks every day counts alike, and nothing is said of chances."""
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Period:
    """The calendar window of a target.

    Attributes:
        first, last: its days, both in it.
        today: the day that runs.
        elapsed: how much of today is over, 0 to 1.
    """

    first: date
    last: date
    today: date
    elapsed: float

    def __post_init__(self) -> None:
        if not self.first <= self.today <= self.last:
            raise ValueError(f"period: today {self.today} isn't in {self.first} to {self.last}")
        if not 0 <= self.elapsed <= 1:
            raise ValueError(f"period: elapsed {self.elapsed}, expected a share of the day from 0 to 1")

    @property
    def rest(self) -> list[date]:
        """The days after today."""
        return [self.today + timedelta(n) for n in range(1, (self.last - self.today).days + 1)]


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a target stands.

    Attributes:
        expected: what the KPI should be by now for the target to be met, in its own unit.
        pace: value / expected; None where nothing is expected yet.
        forecast: what the period will end at, if the days go on as of late; None before two weeks are known.
        needed_per_day: what each day from now on must bring, today's rest counted by its share; None once it is over.
        chance: to end at the target or better, 0 to 1; None before two weeks are known.
    """

    expected: float
    pace: float | None
    forecast: float | None
    needed_per_day: float | None
    chance: float | None


def pace_of(period: Period, value: float, target: float, daily: Mapping[date, float], *, more_is_better: bool) -> Pace:
    """Tell how a sum is on its way to its target.

    The chance takes the rest of the period as normal, with the mean and the variance of the last eight weeks' days
    about their weekdays, and counts that these are themselves estimates.

    Args:
        period: the target's.
        value: the sum so far.
        target: what it should be at the end; for a KPI of which less is better, at most.
        daily: what whole days before today brought; days that aren't in it are unknown, not 0.
        more_is_better: the KPI's direction.
    """
    week = _Week(daily, period.today)
    today = period.today
    over = [period.first + timedelta(n) for n in range((today - period.first).days)]
    done = math.fsum(map(week.weight, over)) + period.elapsed * week.weight(today)
    left = math.fsum(map(week.weight, period.rest)) + (1 - period.elapsed) * week.weight(today)
    expected = target * done / (done + left)
    days_left = len(period.rest) + 1 - period.elapsed
    needed = (target - value) / days_left if days_left > 0 else None
    forecast = chance = None
    if week.is_known:
        coming = math.fsum(map(week.mean, period.rest)) + (1 - period.elapsed) * week.mean(today)
        forecast = value + coming
        chance = _chance(target - value, coming, week.variance * (days_left + days_left**2 / week.days))
        if not more_is_better:
            chance = 1 - chance
    return Pace(expected, value / expected if expected else None, forecast, needed, chance)


def _chance(needed: float, coming: float, variance: float) -> float:
    """Return the chance that what comes is at least what is needed."""
    if variance <= 0:
        return 1.0 if coming >= needed else 0.0
    return 1 - NormalDist(coming, math.sqrt(variance)).cdf(needed)


class _Week:
    """What the days of a week bring, learned from the last eight."""

    def __init__(self, daily: Mapping[date, float], today: date) -> None:
        known = {day: amount for day, amount in daily.items() if 0 < (today - day).days <= LEARNED_DAYS}
        self.days = len(known)
        by_weekday: list[list[float]] = [[] for _ in range(_WEEK)]
        for day, amount in known.items():
            by_weekday[day.weekday()].append(amount)
        self.is_known = self.days >= FEWEST_DAYS and all(len(amounts) > 1 for amounts in by_weekday)
        self._means = [math.fsum(amounts) / len(amounts) if amounts else 0.0 for amounts in by_weekday]
        self.variance = 0.0
        if self.is_known:
            squares = math.fsum((amount - self._means[day.weekday()]) ** 2 for day, amount in known.items())
            self.variance = squares / (self.days - _WEEK)
        # A curve of days that brought nothing, or took away, is no curve.
        self._has_curve = self.is_known and min(self._means) >= 0 and math.fsum(self._means) > 0

    def mean(self, day: date) -> float:
        """Return what such a day brings."""
        return self._means[day.weekday()]

    def weight(self, day: date) -> float:
        """Return what such a day counts for on the curve."""
        return self._means[day.weekday()] if self._has_curve else 1.0
