"""History, played through the tiers: which alerts would have fired, when, and which were false.

The same baseline, budget and judgement as the engine's, at every step of five minutes; the baseline is learned anew
once a day from what lay before it, as the engine knew it then (but for events that arrived late, which are all here).
Only steps at which both windows are off by the tier's factor, and the long one by more than two standard deviations,
are judged one by one: the others can't fire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.alerting import MINUTE_MS, WATCHES, Seen, Tier, Watch
from streams.alert_windows import (
    DAY_STEPS,
    WEEK_STEPS,
    Baseline,
    Budget,
    Floats,
    Series,
    learned,
    series_of,
    tier_setting,
)
from streams.expected import Usual
from streams.track import STEP_MIN, STEP_MS, Track


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert from when it fired until it was quiet for as long as its tier holds it.

    Attributes:
        watch, tier: by id and name.
        severity: of the tier.
        begin_ms, end_ms: when.
        long, short: what was counted and expected as it began.
        p_value, alpha: how likely by chance; what was allowed.
    """

    watch: str
    tier: str
    severity: str
    begin_ms: int
    end_ms: int
    long: Seen
    short: Seen
    p_value: float
    alpha: float


@dataclass(slots=True)
class Replayed:
    """What a history alarmed.

    Attributes:
        episodes: by their beginning.
        days: judged, by watch: those after enough had been learned.
        days_on: by watch and tier, those on which it was on.
    """

    episodes: list[Episode]
    days: dict[str, int]
    days_on: dict[tuple[str, str], int]


SURELY_CHANCE = 2.3
"""So many standard deviations off, a count's tail is still above the highest alpha (1e-3), whatever is expected."""
_ALL: Mapping[str, range] = {}


def replay(
    track: Track,
    timezone: str,
    budget: Budget,
    watches: Iterable[Watch] = WATCHES,
    usual: Usual = learned,
    within: Mapping[str, range] = _ALL,
) -> Replayed:
    """Play a history through.

    Args:
        track: as long as it is known.
        timezone: the reporting time zone.
        budget: of false alarms a year.
        watches: what is watched.
        usual: says what is usual.
        within: watch -> the steps to judge; without one, all of them but the first week.
    """
    found = Replayed([], {}, {})
    for watch in watches:
        series = series_of(track, watch, timezone)
        steps = range(series.first + WEEK_STEPS, series.end)
        _Player(watch, series, budget, usual).play(found, within.get(watch.id, steps))
    found.episodes.sort(key=lambda episode: episode.begin_ms)
    return found


class _Player:
    """One watch's history."""

    def __init__(self, watch: Watch, series: Series, budget: Budget, usual: Usual) -> None:
        self._watch, self._series, self._budget, self._usual = watch, series, budget, usual
        self._so_far = np.concatenate([[0], np.cumsum(series.counts)])

    def play(self, found: Replayed, steps: range) -> None:
        firing: dict[str, list[Episode]] = {tier.name: [] for tier in self._watch.tiers}
        series = self._series
        days = 0
        for day in range(max(steps.start, series.first + WEEK_STEPS), steps.stop, DAY_STEPS):
            baseline = self._usual(self._watch, series, day)
            if baseline is None:
                continue
            days += 1
            until = min(day + DAY_STEPS, steps.stop)
            expected = baseline.expected(series, day - WEEK_STEPS, until)
            expected_so_far = np.concatenate([[0.0], np.cumsum(expected)])
            for tier in self._watch.tiers:
                alpha, on = tier_setting(self._watch, tier, series, baseline, day, self._budget)
                episodes = firing[tier.name]
                held = bool(episodes) and _lasts(episodes[-1], tier, day * STEP_MS)
                if on or held:
                    key = (self._watch.id, tier.name)
                    found.days_on[key] = found.days_on.get(key, 0) + 1
                    ends = range(day + 1, until + 1)
                    self._judge_day(tier, ends, expected_so_far, baseline, alpha, episodes, begins=on)
        found.days[self._watch.id] = days
        found.episodes += (episode for episodes in firing.values() for episode in episodes)

    def _judge_day(
        self,
        tier: Tier,
        ends: range,
        expected_so_far: Floats,
        baseline: Baseline,
        alpha: float,
        episodes: list[Episode],
        *,
        begins: bool,
    ) -> None:
        """Judge the steps of a day; a tier that is only held (`begins` is False) goes on with its episode alone."""
        counted, usual = [], []
        within = np.arange(len(ends)) + WEEK_STEPS + 1  # of the expected, which begin a week before the day
        overall = within + ends.start - 1 - WEEK_STEPS - self._series.first
        for minutes in (tier.long_min, tier.short_min):
            steps = minutes // STEP_MIN
            counted.append(self._so_far[overall] - self._so_far[overall - steps])
            usual.append(expected_so_far[within] - expected_so_far[within - steps])
        off = np.ones(len(ends), bool)
        for count, mean in zip(counted, usual, strict=True):
            off &= count * tier.factor <= mean if self._watch.falls else (count >= mean * tier.factor) & (mean > 0)
        off &= np.abs(counted[0] - usual[0]) > SURELY_CHANCE * np.sqrt(usual[0])
        for index in np.flatnonzero(off).tolist():
            long, short = (Seen(int(c[index]), float(m[index])) for c, m in zip(counted, usual, strict=True))
            dispersion = baseline.dispersion_of(self._watch, long.expected)
            verdict = self._watch.judge(tier, long, short, alpha, dispersion)
            if not verdict.firing:
                continue
            at_ms = ends[index] * STEP_MS
            if episodes and _lasts(episodes[-1], tier, at_ms):
                episodes[-1] = replace(episodes[-1], end_ms=at_ms)
            elif begins:
                place = (self._watch.id, tier.name, tier.severity, at_ms, at_ms)
                episodes.append(Episode(*place, long, short, verdict.p_value, alpha))


def _lasts(episode: Episode, tier: Tier, at_ms: int) -> bool:
    return at_ms - episode.end_ms <= tier.holds_min * MINUTE_MS


def first_within(episodes: Sequence[Episode], watch: str, begin_ms: int, end_ms: int) -> Episode | None:
    """Return the first alert of a watch that began while something was wrong: None is a miss."""
    return next((one for one in episodes if one.watch == watch and begin_ms <= one.begin_ms < end_ms), None)
