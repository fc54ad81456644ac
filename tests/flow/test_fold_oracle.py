"""The fold agrees with a naive recomputation, whatever the order, the chunks, the partitions and the ticks."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from agreement import differences, kpis, lines, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle import oracle
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import event_logs, generate

from events.identity import partition_of
from metrics.economics import Economics
from streams.compute import compute
from streams.partition import PartitionState

NOW = "2026-06-15T13:37:20.250Z"
NOW_MS = instant_ms(NOW)
PLACES = [
    ("UTC", "gregorian"),
    ("Asia/Tehran", "jalali"),
    ("Asia/Kathmandu", "gregorian"),
    ("America/New_York", "gregorian"),
]


@pytest.mark.parametrize(("timezone", "calendar"), PLACES)
@pytest.mark.parametrize("seed", range(4))
def test_compute_agrees_with_the_oracle_in_every_kpi_window_and_slice(seed: int, timezone: str, calendar: str) -> None:
    """A generated log of all event types gives the oracle's figures."""
    log = generate(seed, timezone=timezone, calendar=calendar, currencies=("EUR", "USD", "JPY"))
    rates = {"USD": Decimal("0.9137"), "JPY": Decimal("0.0061")}
    expected = oracle.compute(log, NOW, timezone=timezone, calendar=calendar, rates=rates)
    got = compute(
        lines(log), meaning(timezone=timezone, calendar=calendar, rates=rates), Economics("EUR"), now_ms=NOW_MS
    )
    assert not got.refused
    assert not differences(got.snapshot["windows"], expected["windows"])
    assert not differences(got.snapshot["slices"], expected["slices"])


def test_compute_takes_the_slices_of_the_earliest_acquisition_whatever_comes_first() -> None:
    """With acquisitions that disagree, every event still counts under the earliest one's attributes."""
    for seed in range(6):
        log = generate(seed, varying_attributes=True, before_acquisition=None)
        expected = oracle.compute(log, NOW)
        got = compute(lines(log), meaning(), Economics("EUR"), now_ms=NOW_MS)
        assert not differences(got.snapshot["slices"], expected["slices"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_small_logs_full_of_coincidences_agree_with_the_oracle(data: st.DataObject) -> None:
    """Ties, window starts, lapse midnights: two or three events on the boundaries are counted as defined."""
    timezone, calendar = data.draw(st.sampled_from(PLACES))
    log = data.draw(event_logs(timezone=timezone, calendar=calendar))
    if not log:
        return
    expected = oracle.compute(log, NOW, timezone=timezone, calendar=calendar)
    got = compute(lines(log), meaning(timezone=timezone, calendar=calendar), Economics("EUR"), now_ms=NOW_MS)
    assert not differences(got.snapshot["windows"], expected["windows"])
    assert not differences(got.snapshot["slices"], expected["slices"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_chunks_partitions_and_ticks_do_not_show(seed: int, chance: random.Random, partitions: int) -> None:
    """At every tick the figures are those of a recomputation over what has arrived, however it came."""
    log = generate(seed, customers=6, days=420, duplicates=0.1)
    chance.shuffle(log)
    ticks = [*sorted(NOW_MS - chance.randrange(200 * 86_400_000) for _ in range(3)), NOW_MS]
    states = [PartitionState(meaning(), number, partitions) for number in range(partitions)]
    arrived: list[dict[str, Any]] = []
    cuts = [*sorted(chance.randrange(len(log) + 1) for _ in range(len(ticks) - 1)), len(log)]
    for tick, cut in zip(ticks, cuts, strict=True):
        chunk = log[len(arrived) : cut]
        deal(chunk, states)
        arrived = log[:cut]
        for state in states:
            state.advance(tick)
        expected = oracle.compute(arrived, tick) if arrived else None
        if expected is not None:
            assert not differences(kpis(states)["windows"], expected["windows"])
            assert not differences(kpis(states)["slices"], expected["slices"])


def deal(events: list[dict[str, Any]], states: list[PartitionState]) -> None:
    """Give each event to the partition of its key."""
    for event in events:
        key = event.get("customer_id") or event.get("channel") or event.get("campaign") or ""
        state = states[partition_of(key, len(states))]
        assert not state.arrive(lines([event]), [0])
