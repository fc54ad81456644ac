"""From false alarms a year to alpha: how many looks a sliding window takes, counted honestly.

A window of six hours that is looked at every fifteen seconds isn't looked at two million times a year, since
neighbouring looks share nearly all of their customers; nor 1,460 times, since each of them slides. What can be counted
is how often the count *rises to* a level. A count of independent events with mean m over a window of length W does so

    n x P(count = n) / W

times per unit of time where they come evenly (it steps from n - 1 to n whenever one more comes: rate m/W x
P(count = n - 1), the same). In a morning more come than the night that the window still holds tells: then it is that
times the present rate over the window's mean one. Each false alarm begins with such a step, or with a step of the level
itself, which the season moves. So the sum of both over a week bounds the expected number of false alarms from above,
whatever the short window asks for besides; alpha is the largest for which the bound keeps to the budget.
`docs/alerting.md` compares it with simulated years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
import numpy.typing as npt

from metrics.alerting import HIGHEST_ALPHA, Tier
from metrics.tails import exactly, least_surprising, most_surprising

MINUTES_A_YEAR = 525_960
MINUTES_A_WEEK = 10_080
_LOWEST_ALPHA = 1e-15
_HALVINGS = 12
"""Of the logarithm: alpha is found within a per cent."""
_LARGEST_TABLE = 4_000
"""Counts; where more are in question they hardly differ from moment to moment, and are looked at at fewer."""
_MOMENTS = 14

Floats = npt.NDArray[np.float64]


def false_alarms_a_year(
    tier: Tier,
    expected: Sequence[float],
    alpha: float,
    dispersion: float = 0.0,
    *,
    falls: bool = False,
    present: Sequence[float] = (),
) -> float:
    """Return an upper bound on the expected number of false alarms of one tier.

    Args:
        tier: the tier.
        expected: of the long window, at evenly spaced moments of a week.
        alpha: the tail probability below which it alarms.
        dispersion: of the count; taken as a rate that changes slowly against the window.
        falls: it alarms where the count is too small.
        present: how many would be expected at each moment if its own rate held; without, as many as are.
    """
    rates = [rate / mean for rate, mean in zip(present or expected, expected, strict=True) if mean > 0]
    means = [mean for mean in expected if mean > 0]
    if not means:
        return 0.0
    table = _table(tuple(means), dispersion, falls)
    if table is None:
        stepped, moved = _in_numbers(tier, means, rates, alpha, dispersion, falls)
    else:
        stepped, moved = table.crossings(tier, alpha, np.array(rates))
    share = len(means) / len(expected)
    return share * stepped * MINUTES_A_YEAR / tier.long_min + moved * MINUTES_A_YEAR / MINUTES_A_WEEK


def alpha_for(
    tier: Tier,
    expected: Sequence[float],
    budget: float,
    dispersion: float = 0.0,
    *,
    falls: bool = False,
    present: Sequence[float] = (),
) -> float:
    """Return the largest alpha that keeps the bound on false alarms a year within a budget.

    It is never above `HIGHEST_ALPHA`, and never 0. Arguments as `false_alarms_a_year`.
    """
    # Three digits are enough for a bound, and let neighbouring questions share an answer.
    means, rates = (tuple(float(f"{mean:.3g}") for mean in of) for of in (expected, present))
    return _alpha_for(tier, means, rates, budget, float(f"{dispersion:.3g}"), falls)


@lru_cache(maxsize=256)
def _alpha_for(
    tier: Tier, expected: tuple[float, ...], present: tuple[float, ...], budget: float, dispersion: float, falls: bool
) -> float:
    def is_within(alpha: float) -> bool:
        return false_alarms_a_year(tier, expected, alpha, dispersion, falls=falls, present=present) <= budget

    low, high = _LOWEST_ALPHA, HIGHEST_ALPHA[tier.severity]
    if is_within(high):
        return high
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        within = is_within(middle)
        low, high = (middle, high) if within else (low, middle)
    return low


@dataclass(frozen=True, slots=True)
class _Table:
    """Probabilities of counts at moments of a week: moment x count.

    Attributes:
        means: by moment.
        chances: of exactly so many.
        tails: of so many or more (where less is worse: or fewer).
    """

    means: Floats
    chances: Floats
    tails: Floats
    falls: bool

    def crossings(self, tier: Tier, alpha: float, rates: Floats) -> tuple[float, float]:
        """Return how often a count steps to its level, per window and averaged, and the level to it, per week."""
        moments = np.arange(len(self.means))
        width = self.tails.shape[1]
        surprising = (self.tails < alpha).sum(axis=1)
        if self.falls:
            levels = np.minimum(surprising - 1, (self.means / tier.factor).astype(np.int64))
            upper, there = levels + 1, levels >= 0
            at_level = np.where(there, self.tails[moments, levels], 0.0)
            before = np.roll(levels, 1)
            at_before = np.where(before >= 0, self.tails[moments, np.minimum(before, width - 1)], 0.0)
        else:
            levels = np.maximum(width - surprising, np.ceil(self.means * tier.factor).astype(np.int64))
            upper, there = levels, levels < width
            before = np.minimum(np.roll(levels, 1), width - 1)
            at_level, at_before = self.tails[moments, np.minimum(levels, width - 1)], self.tails[moments, before]
        stepped = np.where(there, rates * upper * self.chances[moments, np.clip(upper, 0, width - 1)], 0.0)
        moved = np.where(there, np.maximum(at_level - at_before, 0.0), 0.0)
        return float(stepped.mean()), float(moved.sum()) if len(moments) > 1 else 0.0


@lru_cache(maxsize=64)
def _table(means: tuple[float, ...], dispersion: float, falls: bool) -> _Table | None:
    """Return the table of all counts in question; None where they are too many."""
    highest = max(means)
    width = int(highest + 15 * (highest + dispersion * highest**2) ** 0.5) + 40
    if width > _LARGEST_TABLE:
        return None
    counts = np.arange(width)
    at = np.array(means)[:, None]
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    if dispersion > 0:
        size = 1 / dispersion
        rising = np.concatenate([[0.0], np.cumsum(np.log(size + counts[:-1]))])
        spread = np.log1p(at * dispersion)
        logs = rising - log_factorial + counts * (np.log(at * dispersion) - spread) - size * spread
    else:
        logs = counts * np.log(at) - at - log_factorial
    chances = np.exp(logs)
    tails = np.cumsum(chances, axis=1) if falls else np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
    return _Table(at[:, 0], chances, tails, falls)


def _in_numbers(
    tier: Tier, means: Sequence[float], rates: Sequence[float], alpha: float, dispersion: float, falls: bool
) -> tuple[float, float]:
    """Return the crossings of large counts; their levels are no steps any more, and are taken not to move."""
    chosen = slice(None, None, max(len(means) // _MOMENTS, 1))
    moments = list(zip(means[chosen], rates[chosen], strict=True))
    stepped = 0.0
    for mean, rate in moments:
        if falls:
            upper = min(most_surprising(mean, alpha, dispersion), int(mean / tier.factor)) + 1
        else:
            upper = max(least_surprising(mean, alpha, dispersion), ceil(mean * tier.factor))
        stepped += rate * upper * exactly(upper, mean, dispersion)
    return stepped / len(moments), 0.0
