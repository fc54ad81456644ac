"""Alpha follows from false alarms a year, and simulated years keep to the budget."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest

from benchmarks.false_alarms import SEASON, Shop, false_alarms, year
from metrics.alerting import BY_ID, DAY, HIGHEST_ALPHA, HOUR, QUARTER, WEEK, Seen, reach
from metrics.budget import MINUTES_A_WEEK, MINUTES_A_YEAR, alpha_for, false_alarms_a_year
from metrics.tails import exactly, least_surprising, most_surprising
from streams.alert_windows import HOUR_STEPS, WEEK_STEPS, Baseline, Budget, series_of, week_of
from streams.replay import first_within, replay
from streams.track import STEP_MIN, STEP_MS

CHURN, CONVERSION = BY_ID["churn"], BY_ID["conversion"]
SEASONAL = tuple(1 + 0.8 * np.sin(np.arange(168) / 4))


def counted_by_hand(tier, expected, alpha, dispersion, *, falls, present=()):
    """The bound, by loops over moments and counts."""
    rates = [rate / mean for rate, mean in zip(present or expected, expected, strict=True)]
    levels = [
        min(most_surprising(mean, alpha, dispersion), int(mean / tier.factor))
        if falls
        else max(least_surprising(mean, alpha, dispersion), ceil(mean * tier.factor))
        for mean in expected
    ]
    stepped = moved = 0.0
    for index, (mean, level) in enumerate(zip(expected, levels, strict=True)):
        if level < 0:
            continue
        upper, before = level + falls, levels[index - 1]
        stepped += rates[index] * upper * exactly(upper, mean, dispersion)
        newly = range(max(before + 1, 0), level + 1) if falls else range(level, before)
        moved += sum(exactly(count, mean, dispersion) for count in newly)
    return stepped / len(expected) * MINUTES_A_YEAR / tier.long_min + moved * MINUTES_A_YEAR / MINUTES_A_WEEK


@pytest.mark.parametrize("tier", [HOUR, QUARTER, DAY, WEEK], ids=lambda tier: tier.name)
@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("dispersion", [0.0, 0.02, 0.3])
def test_the_bound_is_the_sum_that_the_docs_state(tier, falls, dispersion):
    """Tables and loops agree."""
    for scale in (0.3, 30.0):
        expected = [scale * factor for factor in SEASONAL]
        present = [mean * (1 + index % 3) / 2 for index, mean in enumerate(expected)]
        for rates in ([], present):
            bound = false_alarms_a_year(tier, expected, 1e-4, dispersion, falls=falls, present=rates)
            by_hand = counted_by_hand(tier, expected, 1e-4, dispersion, falls=falls, present=rates)
            assert bound == pytest.approx(by_hand, rel=1e-6)


def test_the_bound_is_what_a_sliding_window_does_where_mornings_follow_nights():
    """Sixty simulated years cross the level as often as it says; without the present rate it would say less."""
    shop, alpha = Shop(20_000), 1e-3
    usual = Baseline(shop.hourly, SEASON)
    series = series_of(year(shop, 2, np.random.default_rng(0)), CHURN, "UTC")
    means, present = week_of(CHURN, QUARTER, series, usual, series.end)
    mean = np.tile(np.repeat(SEASON, HOUR_STEPS), 53) * shop.customers * shop.hourly / HOUR_STEPS
    steps = QUARTER.long_min // STEP_MIN
    usually = np.convolve(mean, np.ones(steps), "valid")
    week = [max(least_surprising(one, alpha), ceil(one * QUARTER.factor)) for one in usually[:WEEK_STEPS].tolist()]
    level = np.resize(week, len(usually))
    random, years, crossed = np.random.default_rng(7), 60, 0
    for _ in range(years):
        so_far = np.concatenate([[0], np.cumsum(random.poisson(mean))])
        is_above = so_far[steps:] - so_far[:-steps] >= level
        crossed += int((is_above[1:] & ~is_above[:-1]).sum())
    by_bound = false_alarms_a_year(QUARTER, means, alpha, present=present) * years * 53 / 52.18
    assert abs(crossed - by_bound) < 4 * by_bound**0.5
    without = false_alarms_a_year(QUARTER, means, alpha) * years * 53 / 52.18
    assert crossed - without > 4 * without**0.5


@pytest.mark.parametrize("scale", [0.05, 0.8, 6.0, 300.0, 40_000.0])
def test_alpha_keeps_to_the_budget_and_to_its_cap(scale):
    """A smaller budget never gives a larger alpha."""
    expected = [scale * factor for factor in SEASONAL]
    alphas = [alpha_for(HOUR, expected, budget) for budget in (0.01, 0.1, 1.0)]
    assert alphas == sorted(alphas)
    assert alphas[-1] <= HIGHEST_ALPHA["page"]
    for alpha, budget in zip(alphas, (0.01, 0.1, 1.0), strict=True):
        assert false_alarms_a_year(HOUR, [float(f"{mean:.3g}") for mean in expected], alpha) <= budget


def test_a_tier_that_would_wait_for_a_catastrophe_is_off():
    """The smallest rise that it can see is the minimum count over the expected; never below its factor."""
    assert reach(CHURN, QUARTER, 0.08, 1e-4) == pytest.approx(3 / 0.08)
    assert reach(CHURN, QUARTER, 100.0, 1e-4) == QUARTER.factor
    assert reach(CHURN, QUARTER, 0.0, 1e-4) is None
    assert reach(CONVERSION, DAY, 5.0, 1e-4) is None


def test_too_many_in_one_window_alone_is_no_news():
    """Both windows must be off by the factor, and the long one surprising."""
    many, few = Seen(40, 5.0), Seen(1, 0.5)
    assert CHURN.judge(QUARTER, many, Seen(4, 0.4), 1e-4).firing
    assert not CHURN.judge(QUARTER, many, few, 1e-4).firing
    assert not CHURN.judge(QUARTER, Seen(4, 0.5), Seen(4, 0.1), 1e-4).firing
    assert CONVERSION.judge(DAY, Seen(2, 20.0), Seen(0, 2.0), 1e-4).firing
    assert not CONVERSION.judge(DAY, Seen(2, 20.0), Seen(2, 2.0), 1e-4).firing


def test_simulated_years_keep_to_the_bound():
    """Twenty years of a shop whose 24-hour tier is on: fewer false alarms than the bound says, for each tier."""
    budget = Budget()
    found = false_alarms(Shop(5_000), 20, learn=False, budget=budget)
    years = found.days["churn"] / 365.25
    for tier in (DAY, WEEK):
        assert found.days_on["churn", tier.name] == found.days["churn"]
        alarms = sum(one.tier == tier.name for one in found.episodes)
        # The budget is what is expected at most: by chance there may be more, with a probability of 1 in 1,000.
        assert alarms < least_surprising(budget.share(tier.severity) * years, 1e-3)


def test_a_burst_pages_soon_and_nothing_else_does():
    """Twelve weeks, in the last of which five times as many leave for a day."""
    begin = 11 * 7 * 288
    track = year(Shop(20_000), 12, np.random.default_rng(3), burst=(begin, 288, 5.0))
    episodes = replay(track, "UTC", Budget(), [CHURN]).episodes
    begin_ms = (track.first + begin) * STEP_MS
    page = first_within([one for one in episodes if one.severity == "page"], "churn", begin_ms, begin_ms + 86_400_000)
    assert page is not None
    assert page.p_value < page.alpha <= 1e-4
    assert [one for one in episodes if one.begin_ms < begin_ms] == []
