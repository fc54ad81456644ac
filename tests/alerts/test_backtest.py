"""Histories played through the tiers: the simulated shop's, and what the fold and a recovery make of a track."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from events.simulator import Simulator, SimulatorConfig
from metrics.economics import Target
from streams.alert_windows import Budget
from streams.backtest import Spike, back_test, track_of
from streams.expected import by_targets
from streams.meaning import Meaning
from streams.partition import PartitionState
from streams.track import COLUMNS, added_up, unpack

START = datetime(2026, 1, 5, tzinfo=UTC)


def shop(days: float, **settings: object) -> tuple[Simulator, list[bytes]]:
    """A shop whose customers buy little, and all that it said."""
    simulator = Simulator(SimulatorConfig(purchases_per_day=0.0, **settings))
    events = simulator.events(START, START + timedelta(days=days))
    wanted = ("customer-acquired", "cancellation", "lead")
    return simulator, [json.dumps(event).encode() for event in events if event["type"] in wanted]


def test_a_track_counts_what_the_shop_knows_of_itself():
    """Whoever left, came or came back, in its step; in any order, over any partitions, with whatever comes late."""
    simulator, lines = shop(20, customers=300, daily_hazard=0.02)
    track, count, refused = track_of(lines, Meaning())
    assert (count, refused) == (len(lines), 0)
    assert track.column("closed").sum() == simulator.truth.lost > 50
    assert track.stock("opened", "closed")[-1] == pytest.approx(simulator.truth.active, abs=1)
    shuffled = np.random.default_rng(1).permutation(len(lines)).tolist()
    parts = [PartitionState(Meaning(), number, 3) for number in range(3)]
    end_ms = int((START + timedelta(days=20)).timestamp() * 1000)
    for part in parts:
        part.advance(end_ms - 86_400_000)
        part.arrive([lines[index] for index in shuffled], [end_ms] * len(lines))
        part.advance(end_ms)
    total = added_up(unpack(part.track.pack()) for part in parts)
    known = slice(total.first - track.first, None)
    for column in COLUMNS:
        whole = track.column(column)[known]
        assert total.column(column)[: len(whole)].tolist() == whole.tolist()
    assert total.column("closed").sum() + total.before[COLUMNS.index("closed")] == simulator.truth.lost


def test_a_calm_quarter_pages_nobody_and_a_spike_pages_within_a_day():
    """The simulator says when it begins; before and after it there is silence."""
    begin = START + timedelta(days=80)
    _, lines = shop(
        90,
        seed=3,
        customers=4_000,
        scenario="churn-spike",
        spike_at=begin,
        spike_lasts=timedelta(days=2),
        spike_factor=6.0,
    )
    begin_ms = int(begin.timestamp() * 1000)
    tested = back_test(lines, Meaning(), Budget(), [Spike(begin_ms, begin_ms + 2 * 86_400_000)])
    (delay_ms,) = tested.delays_ms
    assert delay_ms is not None
    assert delay_ms < 86_400_000
    assert tested.false == []
    assert tested.false_a_year("page") == 0
    told = tested.document()
    assert any(alert["alert"] == "churn" and not alert["false"] for alert in told["alerts"])
    assert json.dumps(told)


def test_a_target_is_expected_of_a_history_too_short_to_learn_from():
    """As the engine does with the same settings: of several targets the shortest period's counts."""
    _, lines = shop(20, seed=4, customers=3_000, daily_hazard=0.02)
    assert back_test(lines, Meaning(), Budget()).days["churn"] == 0
    for monthly, is_news in ((0.05, True), (0.6, False)):
        goals = [Target("churn_rate", "year", 5.0), Target("churn_rate", "month", monthly)]
        tested = back_test(lines, Meaning(), Budget(), usual=by_targets(goals))
        assert tested.days["churn"] > 0
        assert any(one.severity == "page" for one in tested.false) is is_news
