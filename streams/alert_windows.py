"""From counts to alerts: what was to be expected in each window, and whether what came is news.

How many are expected follows from those at risk (customers, buyers, leads), the rate at which they went in the eight
weeks before the one that is judged, and the hour of the week: a shop loses its customers on weekday evenings, and an
average night would alarm every evening. An hour of the week with few events leans on its hour of the day and its day
of the week. What the rate is uncertain by, and what it varied by beyond chance, widens what counts as chance.

Pure: the engine runs it on the cluster's track every half minute, the back-test on a year's.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from metrics.alerting import REACH, WATCHES, Seen, Severity, Tier, Verdict, Watch, reach
from metrics.budget import alpha_for
from metrics.surveys import SURVEYS
from streams.panes import HOUR_MS
from streams.sums import Ints
from streams.track import STEP_MIN, STEP_MS, Track

Floats = npt.NDArray[np.float64]

HOUR_STEPS = HOUR_MS // STEP_MS
DAY_STEPS = 24 * HOUR_STEPS
WEEK_STEPS = 7 * DAY_STEPS
WEEK_HOURS = 168
HISTORY_WEEKS = 8
LEAST_WEEKS = 4
"""Of history, before a rate that was learned is believed."""
_PRIOR_EVENTS = 10.0
"""An hour of the week leans on its hour of the day and its weekday as if they were so many events of its own."""
_LEAST_BLOCKS = 14
_STAYS_ON = "it stays on until its incident is over"


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms a year somebody is ready to have, over all watches together."""

    pages: float = 2.0
    tickets: float = 12.0

    def share(self, severity: Severity) -> float:
        """Return what one tier may use up: all that could alarm are counted, whether on or off.

        A survey counts for two tickets: against what is usual, and against a target.
        """
        tiers = sum(tier.severity == severity for watch in WATCHES for tier in watch.tiers)
        tiers += 2 * len(SURVEYS) if severity == "ticket" else 0
        return (self.pages if severity == "page" else self.tickets) / tiers


@dataclass(frozen=True, slots=True)
class Series:
    """A watch's counts and exposure by step, and the hour of the week of each.

    Attributes:
        first: the number of the first step.
        counts: what happened.
        exposure: what it could have happened to: customer-hours, or leads.
        hours: of the week, 0 is Monday's first.
    """

    first: int
    counts: Ints
    exposure: Floats
    hours: Ints

    @property
    def end(self) -> int:
        """The number of the step after the last."""
        return self.first + len(self.counts)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual.

    Attributes:
        rate: of the exposed, per unit of exposure.
        season: times as many at an hour of the week.
        dispersion: variance beyond chance, of a day's count.
        events, weeks: what it was learned from; without events it is a target's.
    """

    rate: float
    season: Floats
    dispersion: float = 0.0
    events: int = 0
    weeks: float = 0.0

    def expected(self, series: Series, first: int, end: int) -> Floats:
        """Return how many were to be expected in each of the steps `[first, end)`."""
        within = slice(first - series.first, end - series.first)
        expected: Floats = series.exposure[within] * self.rate * self.season[series.hours[within]]
        return expected

    def dispersion_of(self, watch: Watch, expected: float) -> float:
        """Return the dispersion of a window's count, with what the baseline itself is uncertain by."""
        if not self.events:
            return self.dispersion
        learned_from = min(expected * self.weeks, self.events) if watch.seasonal else self.events
        return self.dispersion + 1 / max(learned_from, 1.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """One tier at one moment.

    Attributes:
        watch, tier: which.
        end_ms: where its windows end.
        reason: why it is on, or why it is off.
        on: whether the base makes it meaningful.
        long, short: what was counted and expected.
        verdict: None while it is off.
        alpha: below which probability it alarms.
        base: customers or buyers at risk as the long window begins; or the leads in it.
    """

    watch: Watch
    tier: Tier
    end_ms: int
    on: bool
    reason: str
    long: Seen
    short: Seen
    verdict: Verdict | None
    alpha: float
    base: int


def series_of(track: Track, watch: Watch, timezone: str) -> Series:
    """Read a watch's series off a track."""
    if len(watch.exposed) == 1:
        exposure = track.column(watch.exposed[0]).astype(np.float64)
    else:
        exposure = track.stock(*watch.exposed) / HOUR_STEPS
    return Series(track.first, track.column(watch.counted), exposure, _hours_of_week(track, timezone))


def learned(watch: Watch, series: Series, end: int) -> Baseline | None:
    """Learn what is usual from the eight weeks before the week that ends at step `end`.

    Returns:
        None where what happened hasn't been counted for four weeks. Counting begins with the first that is known:
        a base that was imported has lost nobody on record before, and would be expected to lose nobody.
    """
    last = end - WEEK_STEPS - series.first
    first = max(last - HISTORY_WEEKS * WEEK_STEPS, 0)
    if last <= first:
        return None
    first = max(first, int(np.argmax(series.counts > 0)) + 1)
    counts, exposure, hours = series.counts[first:last], series.exposure[first:last], series.hours[first:last]
    events, exposed = int(counts.sum()), float(exposure.sum())
    weeks = len(counts) / WEEK_STEPS
    if weeks < LEAST_WEEKS or not events or exposed <= 0:
        return None
    rate = events / exposed
    season = _season(counts, exposure, hours, rate) if watch.seasonal else np.ones(WEEK_HOURS)
    expected = exposure * rate * season[hours]
    return Baseline(rate, season, _dispersion(counts, expected), events, weeks)


def targeted(watch: Watch, target: float, hours: float, shape: Baseline | None) -> Baseline:
    """Return what a target expects: a share of those at risk in so many hours, or per lead."""
    rate = target if len(watch.exposed) == 1 else target / hours
    season = np.ones(WEEK_HOURS) if shape is None else shape.season
    return Baseline(rate, season, 0.0 if shape is None else shape.dispersion)


def judge(
    watch: Watch, series: Series, baseline: Baseline, end: int, budget: Budget, held: Container[str] = ()
) -> list[Judged]:
    """Judge all tiers of a watch whose windows end as step `end` begins.

    Those whose incident lasts (`held`, by name) are on whatever the base is by now: who has left is missing from it,
    and an alert that ends because too many have left would say that it is over.
    """
    judged: list[Judged] = []
    expected = baseline.expected(series, max(end - WEEK_STEPS, series.first), end)
    for tier in watch.tiers:
        long, short = (_seen(series, expected, end, minutes) for minutes in (tier.long_min, tier.short_min))
        alpha, seen_from = _alpha(watch, tier, series, baseline, end, budget)
        begin = max(end - tier.long_min // STEP_MIN - series.first, 0)
        stock = len(watch.exposed) > 1
        base = series.exposure[begin] * HOUR_STEPS if stock else series.exposure[begin : end - series.first].sum()
        is_held = tier.name in held
        on = is_held or (seen_from is not None and seen_from <= REACH * tier.factor)
        verdict = None
        if on:
            verdict = watch.judge(tier, long, short, alpha, baseline.dispersion_of(watch, long.expected))
        reason = _STAYS_ON if is_held else _reason(watch, tier, seen_from)
        judged.append(Judged(watch, tier, end * STEP_MS, on, reason, long, short, verdict, alpha, round(base)))
    return judged


def tier_setting(
    watch: Watch, tier: Tier, series: Series, baseline: Baseline, end: int, budget: Budget
) -> tuple[float, bool]:
    """Return a tier's alpha, and whether it is on."""
    alpha, seen_from = _alpha(watch, tier, series, baseline, end, budget)
    return alpha, seen_from is not None and seen_from <= REACH * tier.factor


def _alpha(
    watch: Watch, tier: Tier, series: Series, baseline: Baseline, end: int, budget: Budget
) -> tuple[float, float | None]:
    """Return a tier's alpha, and the smallest change that it can see in an average hour."""
    means, present = week_of(watch, tier, series, baseline, end)
    mean = float(np.mean(means))
    dispersion = baseline.dispersion_of(watch, mean)
    share = budget.share(tier.severity)
    alpha = alpha_for(tier, means, share, dispersion, falls=watch.falls, present=present)
    return alpha, reach(watch, tier, mean, alpha, dispersion)


def week_of(watch: Watch, tier: Tier, series: Series, baseline: Baseline, end: int) -> tuple[list[float], list[float]]:
    """Return what a tier's long window expects at the hours of a week, and would if each hour's own rate held.

    With last week's exposure, to three digits.
    """
    last = slice(max(end - WEEK_STEPS - series.first, 0), end - series.first)
    an_hour = float(series.exposure[last].mean()) * HOUR_STEPS * baseline.rate if end > series.first else 0.0
    hours = tier.long_min // 60
    # A base that grows by a customer asks no new question; rounded further, a bound for 2.7 wouldn't hold for 2.74.
    level = float(f"{an_hour:.3g}")
    if not watch.seasonal or hours >= WEEK_HOURS:
        return [level * hours], [level * hours]
    season = np.round(baseline.season, 2)
    rolling = np.convolve(np.concatenate([season[-hours:], season]), np.ones(hours), "valid")[1:]
    # A moment ends one hour and begins the next.
    present = (season + np.roll(season, -1)) / 2 * hours
    means: list[float] = (level * rolling).tolist()
    rates: list[float] = (level * present).tolist()
    return means, rates


def _seen(series: Series, expected: Floats, end: int, minutes: int) -> Seen:
    steps = minutes // STEP_MIN
    begin = max(end - steps - series.first, 0)
    return Seen(int(series.counts[begin : end - series.first].sum()), float(expected[-steps:].sum()))


def _reason(watch: Watch, tier: Tier, seen_from: float | None) -> str:
    if seen_from is None:
        return "so few are expected that no count would be evidence"
    change = f"{seen_from:.1f} times {'fewer' if watch.falls else 'as many'} as expected"
    limit = REACH * tier.factor
    if seen_from > limit:
        return f"it would take {change}, more than {limit:g}: too few customers for a window of {tier.name}"
    return f"it sees {change} and above"


def _season(counts: Ints, exposure: Floats, hours: Ints, rate: float) -> Floats:
    """Return by hour of the week how many times the average rate, leaning on hour of day and weekday."""
    came = np.bincount(hours, counts, WEEK_HOURS).reshape(7, 24)
    usual = np.bincount(hours, exposure * rate, WEEK_HOURS).reshape(7, 24)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_day = np.nan_to_num(came.sum(axis=0) / usual.sum(axis=0))
        of_week = np.nan_to_num(came.sum(axis=1) / usual.sum(axis=1))
    lean = np.outer(of_week, of_day)
    season = (came + _PRIOR_EVENTS * lean) / (usual + _PRIOR_EVENTS)
    scale = came.sum() / max(float((usual * season).sum()), 1e-12)
    return np.asarray(season * scale, np.float64).reshape(-1)


def _dispersion(counts: Ints, expected: Floats) -> float:
    """Return by how much a day's count varied beyond chance, by the method of moments."""
    days = len(counts) // DAY_STEPS
    if days < _LEAST_BLOCKS:
        return 0.0
    size = days * DAY_STEPS
    came = counts[-size:].reshape(days, DAY_STEPS).sum(axis=1)
    usual = expected[-size:].reshape(days, DAY_STEPS).sum(axis=1)
    squared = float((usual**2).sum())
    beyond = float(((came - usual) ** 2).sum()) * days / (days - 7) - float(usual.sum())
    return max(0.0, beyond / squared) if squared else 0.0


def _hours_of_week(track: Track, timezone: str) -> Ints:
    first, last = track.first // HOUR_STEPS, max(track.end - 1, track.first) // HOUR_STEPS
    by_hour = np.array([_hour_of_week(hour, timezone) for hour in range(first, last + 1)], np.int64)
    steps = np.arange(track.first, track.end) // HOUR_STEPS - first
    hours: Ints = by_hour[steps]
    return hours


@lru_cache(maxsize=20_000)
def _hour_of_week(hour: int, timezone: str) -> int:
    local = datetime.fromtimestamp(hour * 3_600, UTC).astimezone(ZoneInfo(timezone))
    return local.weekday() * 24 + local.hour


def windows_end(watch: Watch, now_ms: int, watermarks: Mapping[str, int]) -> int:
    """Return the step at which a watch's windows end: where all its sources have been heard of, at the latest now."""
    return min(now_ms, *(watermarks.get(source, now_ms) for source in watch.sources)) // STEP_MS
