"""The model behind docs/scaling.md: straight lines through what was measured, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import results
from benchmarks.scaling_model import Line, Measured, Shop, agent_share, limits, reckon

COST = Measured(
    event_us=10.0,
    event_bytes=250.0,
    customer_bytes=200.0,
    id_bytes=32.0,
    empty_mib=200.0,
    checkpoint_share=0.1,
    load_us=5.0,
    state_bytes=100.0,
    message_us=100.0,
    answer_bytes=2_000.0,
    full_bytes=60_000.0,
    answer_ms=0.1,
    full_answer_ms=1.0,
    round_ms=Line(1.0, 0.05),
    full_round_ms=Line(100.0, 0.5),
)
SHOP = Shop(20_000, 10_000_000, horizon_s=3_600)


def test_a_line_goes_through_what_lies_on_it_and_costs_nothing_less_than_nothing():
    line = Line.through([(4, 3.0), (16, 9.0), (64, 33.0)])
    assert (line.fixed, line.each) == pytest.approx((1.0, 0.5))
    assert Line.through([(1, 5.0), (2, 4.0)]).each == 0


def test_a_worker_carries_what_it_was_measured_to_carry():
    """At the whole of a core, a single worker takes exactly the measured rate, less its ticks."""
    shop = Shop(99_000, 100_000, peak=1.0, busy=1.0, horizon_s=60)
    assert reckon(COST, shop).workers == 1
    assert reckon(COST, replace(shop, events_s=101_000)).workers == 2


def test_ten_times_the_events_are_ten_times_the_work():
    """Workers, bytes and ids follow events; customers' memory follows customers alone."""
    one, ten = (reckon(COST, replace(SHOP, events_s=events_s)) for events_s in (200_000, 2_000_000))
    assert ten.workers == pytest.approx(10 * one.workers, rel=0.1)
    assert ten.ids_gib == pytest.approx(10 * one.ids_gib)
    assert ten.stored_gib_a_day == pytest.approx(10 * one.stored_gib_a_day)
    assert ten.checkpoints_mb_s == pytest.approx(10 * one.checkpoints_mb_s)
    assert ten.customers_gib == one.customers_gib


def test_ids_are_those_of_the_horizon():
    """A day of a thousand events a second, 32 bytes each."""
    needs = reckon(COST, Shop(1_000, 1_000))
    assert needs.ids_gib == pytest.approx(1_000 * 86_400 * 32 / 2**30)


def test_memory_asks_for_workers_that_events_do_not():
    """A day's ids of a busy shop fill more workers than its events do, an hour's don't."""
    day, hour = (reckon(COST, replace(SHOP, horizon_s=horizon)) for horizon in (86_400, 3_600))
    assert (day.bound_by, hour.bound_by) == ("memory", "processor")
    assert day.workers > hour.workers
    assert day.worker_gib <= SHOP.most_gib


def test_a_partition_is_small_enough_to_load():
    """A million customers at most in each, whatever the events."""
    needs = reckon(COST, Shop(10, 1_000_000_000))
    assert needs.partitions >= 1_000
    assert needs.partition_load_s <= 1_000_000 * COST.load_us / 1e6


def test_what_catches_up_takes_longer_the_busier_it_is():
    calm, busy = (reckon(COST, replace(SHOP, busy=busy)) for busy in (0.3, 0.8))
    assert busy.takeover_s > calm.takeover_s > SHOP.session_s


def test_limits_are_where_they_say():
    """One partition less is within, one more isn't."""
    of_ticks, of_slices = limits(COST, SHOP, full_s=1.0)
    assert agent_share(COST, SHOP, of_ticks.partitions - 1) < 1 < agent_share(COST, SHOP, of_ticks.partitions + 1)
    assert COST.full_round_ms.at(of_slices.partitions) == pytest.approx(1_000)


def test_constants_are_those_that_were_measured():
    """The model reads the results that are kept, and its lines run near what was measured."""
    kept = results.kept()
    cost = Measured.of(kept)
    throughput = kept["throughput"]["measured"]
    assert cost.event_us == pytest.approx(1e6 * throughput["cpu_s"] / throughput["events"])
    for point in kept["scaling"]["measured"]["rounds"]:
        if point["values"] == 50 and point["partitions"] >= 64:
            line = cost.full_round_ms if point["full"] else cost.round_ms
            assert line.at(point["partitions"]) == pytest.approx(point["round_ms"], rel=0.5)
