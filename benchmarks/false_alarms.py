"""False alarms a year of a shop in which nothing is wrong, by simulation: `python -m benchmarks.false_alarms`.

Customers leave independently at a rate that follows the simulated shop's hours and weekdays, year after year, and every
five minutes are judged as the engine judges. Once what is usual is known, once it is learned from the eight weeks
before, as in life; and once chance is joined by days that are better and worse (a dispersion), which it must learn too.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from events.simulator.season import HOUR_FACTORS, WEEKDAY_FACTORS
from metrics.alerting import BY_ID
from metrics.budget import false_alarms_a_year
from streams.alert_windows import (
    DAY_STEPS,
    HOUR_STEPS,
    WEEK_STEPS,
    Baseline,
    Budget,
    learned,
    series_of,
    tier_setting,
    week_of,
)
from streams.expected import Usual
from streams.replay import Replayed, replay
from streams.track import COLUMNS, STEP_MS, Track

CHURN = BY_ID["churn"]
MONDAY_MS = 1_704_067_200_000  # 2024-01-01, a Monday
SEASON = np.array([hour * weekday for weekday in WEEKDAY_FACTORS for hour in HOUR_FACTORS])
_WARM_UP_WEEKS = 10


@dataclass(frozen=True, slots=True)
class Shop:
    """One that never changes: its customers, and the share of them that leaves in 30.44 days."""

    customers: int
    churn: float = 0.02
    dispersion: float = 0.0

    @property
    def hourly(self) -> float:
        """The share that leaves in an hour."""
        return self.churn / 730.485


def year(shop: Shop, weeks: int, random: np.random.Generator, *, burst: tuple[int, int, float] | None = None) -> Track:
    """Draw so many weeks; `burst` (first step, steps, factor) is when more of them leave."""
    steps = weeks * WEEK_STEPS
    mean = np.tile(np.repeat(SEASON, HOUR_STEPS), weeks) * shop.customers * shop.hourly / HOUR_STEPS
    if shop.dispersion:
        days = random.gamma(1 / shop.dispersion, shop.dispersion, steps // DAY_STEPS)
        mean = mean * np.repeat(days, DAY_STEPS)
    if burst is not None:
        mean[burst[0] : burst[0] + burst[1]] *= burst[2]
    track = Track(MONDAY_MS // STEP_MS, steps)
    left = random.poisson(mean)
    track.counts[COLUMNS.index("closed")] = left
    track.counts[COLUMNS.index("opened")] = left  # whoever leaves is replaced: the base stays
    track.before[COLUMNS.index("opened")] = shop.customers
    return track


def false_alarms(shop: Shop, years: int, seed: int = 1, *, learn: bool, budget: Budget | None = None) -> Replayed:
    """Judge so many years, in pieces of a year each."""
    random = np.random.default_rng(seed)
    truth = Baseline(shop.hourly, SEASON)
    usual: Usual = learned if learn else (lambda *_: truth)
    found = Replayed([], {"churn": 0}, {})
    for _ in range(years):
        track = year(shop, 52 + (_WARM_UP_WEEKS if learn else 1), random)
        played = replay(track, "UTC", budget or Budget(), [CHURN], usual)
        found.episodes += played.episodes
        found.days["churn"] += played.days["churn"]
        for key, days in played.days_on.items():
            found.days_on[key] = found.days_on.get(key, 0) + days
    return found


def main() -> None:
    """Print a row for each shop and tier."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=__doc__)
    parser.add_argument("--years", type=int, default=100, help="of each shop (default: 100)")
    parser.add_argument("--customers", type=int, nargs="*", default=[500, 5_000, 20_000, 100_000])
    options = parser.parse_args()
    budget = Budget()
    print("customers  usual is  dispersion  tier   on      alpha    bound/year  false/year  (budget for the tier)")
    for customers in options.customers:
        for dispersion, learn in ((0.0, False), (0.0, True), (0.05, True)):
            shop = Shop(customers, dispersion=dispersion)
            began = time.process_time()
            found = false_alarms(shop, options.years, learn=learn, budget=budget)
            _report(shop, found, budget, learn=learn)
            print(f"{'':10} {time.process_time() - began:.0f} s of processor")


def _report(shop: Shop, found: Replayed, budget: Budget, *, learn: bool) -> None:
    years = found.days["churn"] / 365.25
    sample = series_of(year(shop, 2, np.random.default_rng(0)), CHURN, "UTC")
    usual = Baseline(shop.hourly, SEASON)
    place = f"{shop.customers:>9}  {'learned' if learn else 'known':8}  {shop.dispersion:<10}"
    for tier in CHURN.tiers:
        alarms = sum(one.tier == tier.name for one in found.episodes)
        on = found.days_on.get(("churn", tier.name), 0) / max(found.days["churn"], 1)
        alpha = bound = "-"
        if not learn:  # what is learned differs from day to day
            allowed, _ = tier_setting(CHURN, tier, sample, usual, sample.end, budget)
            means, present = week_of(CHURN, tier, sample, usual, sample.end)
            alpha, bound = f"{allowed:.1e}", f"{false_alarms_a_year(tier, means, allowed, present=present):.2f}"
        share = budget.share(tier.severity)
        print(f"{place}  {tier.name:5}  {on:5.0%}  {alpha:>8}  {bound:>10}  {alarms / years:>10.3f}  ({share:.2f})")
    pages = [one for one in found.episodes if one.severity == "page"]
    share = sum(budget.share(tier.severity) for tier in CHURN.tiers if tier.severity == "page")
    print(f"{place}  pages  {'':5}  {'':8}  {'':10}  {len(pages) / years:>10.3f}  ({share:.2f})", flush=True)


if __name__ == "__main__":
    main()
