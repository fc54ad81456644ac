"""False tickets a year on slices of a shop in which nothing is wrong: `python -m benchmarks.false_slice_tickets`.

Customers leave as in `benchmarks.false_alarms`. Each belongs to one value of each of four attributes; every attribute
has fifty values, whose sizes follow Zipf's law. Every five minutes the values that are watched are judged as the engine
judges, with what is usual of everybody known and of each value learned.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.false_alarms import SEASON, Shop
from metrics.alerting import BY_SLICE, Tier
from streams.alert_windows import DAY_STEPS, HOUR_STEPS, WEEK_STEPS, Floats
from streams.replay import SURELY_CHANCE
from streams.settings import Settings
from streams.slice_alerts import LEAN, Facts, Usual, judge
from streams.sums import Ints
from streams.track import STEP_MIN

ATTRIBUTES, VALUES = 4, 50
REFERENCE_DAYS = 90
_WEEKS = 52
_WARM_UP = (REFERENCE_DAYS // 7 + 1) * WEEK_STEPS
_SPANS = {"1h": HOUR_STEPS, "24h": DAY_STEPS, "7d": WEEK_STEPS, "90d": REFERENCE_DAYS * DAY_STEPS}


def sizes(watched: int) -> Floats:
    """Return the shares of customers of an attribute's largest values, and of all the others together."""
    shares = 1 / np.arange(1, VALUES + 1)
    shares /= shares.sum()
    return np.append(shares[:watched], 1 - shares[:watched].sum())


def year(shop: Shop, random: np.random.Generator) -> tuple[Ints, Floats]:
    """Draw a year and what comes before it: losses by step, and how many times the average week's were expected."""
    weeks = _WEEKS + _WARM_UP // WEEK_STEPS
    season = np.tile(np.repeat(SEASON, HOUR_STEPS), weeks)
    mean = season * shop.customers * shop.hourly / HOUR_STEPS
    if shop.dispersion:
        days = random.gamma(1 / shop.dispersion, shop.dispersion, len(mean) // DAY_STEPS)
        mean = mean * np.repeat(days, DAY_STEPS)
    return random.poisson(mean).astype(np.int64), season


def rolling(amounts: Ints | Floats, steps: int) -> Ints | Floats:
    """Return what the last so many steps hold, at each step after the warm-up."""
    so_far = np.concatenate([[0], np.cumsum(amounts)])
    ends = np.arange(_WARM_UP, len(amounts) + 1)
    found: Ints | Floats = so_far[ends] - so_far[ends - steps]
    return found


def tickets(shop: Shop, values: int, budget: float, random: np.random.Generator) -> Iterator[tuple[str, int, int]]:
    """Yield (tier, tickets, whether it is on) for each value of each attribute that is watched."""
    lost, season = year(shop, random)
    all_lost = {name: rolling(lost, steps) for name, steps in _SPANS.items()}
    seasons = {name: rolling(season, steps) / steps for name, steps in _SPANS.items()}
    share = budget / (ATTRIBUTES * values * len(BY_SLICE.tiers))
    for attribute in range(ATTRIBUTES):
        parts = random.multinomial(lost, sizes(values))
        for value, size in enumerate(sizes(values)[:-1].tolist()):
            own = {name: rolling(parts[:, value], steps) for name, steps in _SPANS.items()}
            cell = (f"attribute-{attribute}", f"value-{value}")
            for tier in BY_SLICE.tiers:
                alarms, on = _judged(cell, shop, size, own, all_lost, seasons, tier, share)
                yield tier.name, alarms, on


def _judged(
    cell: tuple[str, str],
    shop: Shop,
    size: float,
    own: dict[str, Ints | Floats],
    all_lost: dict[str, Ints | Floats],
    seasons: dict[str, Ints | Floats],
    tier: Tier,
    share: float,
) -> tuple[int, int]:
    base = round(shop.customers * size)
    hours = {name: steps / HOUR_STEPS for name, steps in _SPANS.items()}
    before = own["90d"] - own["7d"]
    risk = (before + LEAN) / ((all_lost["90d"] - all_lost["7d"]) * base / shop.customers + LEAN)
    may = np.ones(len(before), bool)
    names = {minutes: name for name, steps in _SPANS.items() for minutes in (steps * STEP_MIN,)}
    for minutes in (tier.long_min, tier.short_min):
        name = names[minutes]
        expected = base * hours[name] * shop.hourly * risk * seasons[name]
        may &= own[name] >= tier.factor * expected
        if minutes == tier.long_min:
            may &= own[name] > expected + SURELY_CHANCE * np.sqrt(expected)

    def at(index: int) -> tuple[Facts, Facts, Usual]:
        facts, whole = (
            Facts(
                {name: int(counts[name][index]) for name in _SPANS},
                {name: hours[name] * customers for name in _SPANS},
                customers,
            )
            for counts, customers in ((own, base), (all_lost, shop.customers))
        )
        season = {minutes: float(seasons[name][index]) for minutes, name in names.items()}
        return facts, whole, Usual(shop.hourly, season, shop.dispersion)

    alarms, until = 0, -1
    for index in np.flatnonzero(may).tolist():
        judged = judge(cell, *at(index), tier, share)
        if judged is not None and judged.verdict.firing:
            alarms += index > until
            until = index + tier.holds_min // STEP_MIN
    return alarms, int(judge(cell, *at(len(before) // 2), tier, share) is not None)


def main() -> None:
    """Print a row for each shop and tier."""
    settings = Settings().alerts
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_slice_tickets", description=__doc__)
    parser.add_argument("--years", type=int, default=20, help="of each shop (default: 20)")
    parser.add_argument("--customers", type=int, nargs="*", default=[20_000, 100_000, 1_000_000])
    parser.add_argument("--values", type=int, default=settings.slice_values, help="watched of each attribute")
    options = parser.parse_args()
    budget = settings.false_slice_tickets_per_year
    print(f"customers  dispersion  tier  values on  false tickets a year (budget for all: {budget:g})")
    for customers in options.customers:
        for dispersion in (0.0, 0.05):
            shop, random, began = Shop(customers, dispersion=dispersion), np.random.default_rng(1), time.process_time()
            alarms: dict[str, int] = {}
            on: dict[str, int] = {}
            for _ in range(options.years):
                for tier, count, is_on in tickets(shop, options.values, budget, random):
                    alarms[tier] = alarms.get(tier, 0) + count
                    on[tier] = on.get(tier, 0) + is_on
            for tier, count in alarms.items():
                values = on[tier] / options.years
                print(f"{customers:>9}  {dispersion:<10}  {tier:4}  {values:>9.1f}  {count / options.years:>8.3f}")
            total = sum(alarms.values()) / options.years
            print(f"{customers:>9}  {dispersion:<10}  all   {'':9}  {total:>8.3f}", flush=True)
            print(f"{'':10} {time.process_time() - began:.0f} s of processor")


if __name__ == "__main__":
    main()
