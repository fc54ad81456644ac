"""A back-test of simulated years in which it is known what went wrong: `python -m benchmarks.known_spikes`.

Shops of the simulator, each of 5,000 customers with 3 % churn a month and 400 days, of which those after the first five
weeks of losses are judged. Nobody buys anything in them: only lives and leads are watched here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from events.simulator import Simulator, SimulatorConfig
from streams.alert_windows import Budget
from streams.backtest import Spike, back_test
from streams.meaning import Meaning

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
_WATCHED = {"customer-acquired", "cancellation", "lead"}
YEARS: tuple[tuple[int, float, timedelta | None], ...] = (
    (1, 1.0, None),
    (2, 1.0, None),
    (3, 6.0, timedelta(days=3)),
    (4, 6.0, timedelta(days=3)),
    (5, 3.0, timedelta(days=3)),
    (6, 10.0, timedelta(hours=12)),
    (7, 2.0, timedelta(days=7)),
)
"""Seed, how many times as many leave as usual, and for how long."""


def shop(seed: int, factor: float, lasts: timedelta | None, days: int, customers: int) -> Iterator[bytes]:
    """Yield a year's events; what goes wrong begins in the morning of its 251st day."""
    spike = {"scenario": "churn-spike", "spike_at": _spike_at(days), "spike_lasts": lasts, "spike_factor": factor}
    config = SimulatorConfig(
        seed=seed, customers=customers, daily_hazard=0.001, purchases_per_day=0.0, **(spike if lasts else {})
    )
    for event in Simulator(config).events(BEGIN, BEGIN + timedelta(days=days)):
        if event["type"] in _WATCHED:
            yield json.dumps(event).encode()


def _spike_at(days: int) -> datetime:
    return BEGIN + timedelta(days=days * 5 // 8, hours=9)


def main() -> None:
    """Print a row for each year."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.known_spikes", description=__doc__)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--customers", type=int, default=5_000)
    options = parser.parse_args()
    print("seed  times  lasts           days       page after  false pages  false tickets  alerts")
    for seed, factor, lasts in YEARS:
        at_ms = round(_spike_at(options.days).timestamp() * 1000)
        spikes = [Spike(at_ms, at_ms + round(lasts.total_seconds() * 1000))] if lasts else []
        tested = back_test(shop(seed, factor, lasts, options.days, options.customers), Meaning(), Budget(), spikes)
        delays = ["missed" if delay is None else str(timedelta(milliseconds=delay)) for delay in tested.delays_ms]
        pages, tickets = (
            sum(one.severity == severity and one.watch == "churn" for one in tested.false)
            for severity in ("page", "ticket")
        )
        alerts = ", ".join(f"{one.watch}/{one.tier}" for one in tested.episodes)
        print(
            f"{seed:>4}  {factor:>5g}  {lasts or '-'!s:14}  {tested.days['churn']:>4}  {''.join(delays) or '-':>15}"
            f"  {pages:>11}  {tickets:>13}  {alerts}",
            flush=True,
        )


if __name__ == "__main__":
    main()
