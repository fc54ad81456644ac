"""Cohorts and tenures are those of a naive recomputation, whatever the order, the partitions and the instant."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from agreement import differences, lines, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle.breakdowns import breakdowns
from kpi_oracle.clock import DAY_MS, EPOCH, first_instant, instant_ms, local_date, window_start
from kpi_oracle.history import Event
from kpi_oracle.logs import event_logs, generate

from events.identity import partition_of
from metrics.breakdown import BANDS, COHORTS
from metrics.economics import Economics
from metrics.tally import Tally, unpack
from streams.compute import compute
from streams.panes import ReportingTime
from streams.partition import PartitionState
from streams.spans import picture_of, spans_of
from streams.tally import bounds_at, tallied

NOW = "2026-06-15T13:37:20.250Z"
NOW_MS = instant_ms(NOW)
PLACES = [
    ("UTC", "gregorian"),
    ("Asia/Tehran", "jalali"),
    ("Asia/Kathmandu", "gregorian"),
    ("America/New_York", "gregorian"),
]
WINDOWS = ("1h", "24h", "7d", "30d", "90d", "365d", "month", "quarter", "year")


def told(log: list[Event], timezone: str = "UTC", calendar: str = "gregorian", now_ms: int = NOW_MS) -> dict[str, Any]:
    """What `compute` says of a log, of cohorts and tenures."""
    of = meaning(timezone=timezone, calendar=calendar)
    snapshot = compute(lines(log), of, Economics("EUR"), now_ms=now_ms).snapshot
    return {name: snapshot[name] for name in ("cohorts", "tenure")}


def in_parts(log: list[Event], count: int) -> list[PartitionState]:
    """The log in so many partitions, brought to `NOW`."""
    states = [PartitionState(meaning(), number, count) for number in range(count)]
    for event in log:
        states[partition_of(event.get("customer_id") or event.get("channel") or "", count)].arrive(lines([event]), [0])
    for state in states:
        state.advance(NOW_MS)
    return states


def tally_of(state: PartitionState) -> Tally:
    return tallied(spans_of(picture_of(state.fold.persons)), bounds_at(state.fold.time, NOW_MS))


@st.composite
def comings_and_goings(draw: st.DrawFn, timezone: str, calendar: str) -> list[Event]:
    """A few persons' acquisitions and cancellations at instants at which a figure changes, and a moment beside them.

    They lie at ends of months, starts of windows, and edges of bands and steps before those.
    """
    ends = [window_start(name, NOW_MS, timezone, calendar) for name in WINDOWS]
    months_ago = first_instant(local_date(NOW_MS, timezone).replace(day=1) - timedelta(days=1), timezone)
    edges = sorted({NOW_MS, months_ago, *(end for end in ends if end is not None)})
    log = []
    for number in range(draw(st.integers(1, 10))):
        days = draw(st.sampled_from((0, 0, 0, 1, 30, 31, 60, 90, 180, 365, 730, 1_080, 1_100)))
        at = draw(st.sampled_from(edges)) - days * DAY_MS + draw(st.sampled_from((0, 0, -1, 1)))
        kind = draw(st.sampled_from(("customer-acquired", "customer-acquired", "cancellation", "purchase", "lead")))
        beside = {"purchase": {"order_id": "o", "total": {"amount": "1", "currency": "EUR"}}, "lead": {"lead_id": "l"}}
        log.append(
            {
                "type": kind,
                "event_id": f"e{number}",
                "occurred_at": (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds"),
                "customer_id": f"c{draw(st.integers(0, 2))}",
                **beside.get(kind, {}),
            }
        )
    return log


@pytest.mark.parametrize(("timezone", "calendar"), PLACES)
@pytest.mark.parametrize("seed", range(3))
def test_a_generated_log_gives_the_oracles_cohorts_and_tenures(seed: int, timezone: str, calendar: str) -> None:
    """Four years of a shop: more months than are told apart, win-backs, late events and duplicates."""
    log = generate(seed, customers=80, days=1_500, timezone=timezone, calendar=calendar)
    expected = breakdowns(log, NOW, timezone=timezone, calendar=calendar)
    got = told(log, timezone, calendar)
    assert not differences(got, expected)
    assert got["cohorts"]["months"][0]["cohort"] == "older"
    assert len(got["cohorts"]["months"]) == COHORTS + 1


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_lifetimes_on_the_edges_are_counted_as_defined(data: st.DataObject) -> None:
    """At the end of a month, at the start of a window, at the edge of a band, and a millisecond beside each."""
    timezone, calendar = data.draw(st.sampled_from(PLACES))
    log = data.draw(comings_and_goings(timezone, calendar))
    assert not differences(told(log, timezone, calendar), breakdowns(log, NOW, timezone=timezone, calendar=calendar))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_logs_of_all_events_give_the_oracles_figures(data: st.DataObject) -> None:
    """Leads, orders and memberships, in the same histories, change nothing."""
    timezone, calendar = data.draw(st.sampled_from(PLACES))
    log = data.draw(event_logs(timezone=timezone, calendar=calendar, customers=3))
    assert not differences(told(log, timezone, calendar), breakdowns(log, NOW, timezone=timezone, calendar=calendar))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.randoms(use_true_random=False), st.integers(1, 4))
def test_partitions_add_up_in_any_order_of_arrival(seed: int, chance: random.Random, count: int) -> None:
    """tally(A) + tally(B) == tally(A + B), each packed and unpacked on the way, and the sum is the oracle's."""
    log = generate(seed, customers=8, days=800, duplicates=0.1)
    chance.shuffle(log)
    bounds = bounds_at(ReportingTime(), NOW_MS)
    parts = [tally_of(state).pack() for state in in_parts(log, count)]
    first, *others = (unpack(part, len(bounds.months), len(bounds.windows)) for part in parts)
    cohorts, tenure = bounds.sections(sum(others, first))
    assert not differences({"cohorts": cohorts, "tenure": tenure}, breakdowns(log, NOW))


def test_a_tally_of_another_shape_is_refused() -> None:
    """A worker with other windows counts something else; taken for ours it would be a wrong number."""
    bounds = bounds_at(ReportingTime(), NOW_MS)
    packed = tally_of(in_parts(generate(1), 1)[0]).pack()
    with pytest.raises(ValueError, match="expected"):
        unpack(packed, len(bounds.months), len(bounds.windows) + 1)


@pytest.mark.parametrize("seed", range(3))
def test_breakdowns_add_up_to_the_kpis(seed: int) -> None:
    """Bands to active, lost and churned customers, in every window; cohorts to all that were ever acquired."""
    snapshot = compute(lines(generate(seed, days=1_500)), meaning(), Economics("EUR"), now_ms=NOW_MS).snapshot
    tenure, months = snapshot["tenure"], snapshot["cohorts"]["months"]
    for window, kpis in snapshot["windows"].items():
        found = tenure["windows"][window]
        assert sum(found["lost_by_tenure"].values()) == kpis["lost_customers"]
        if window != "lifetime":
            base = sum(found["at_risk_by_tenure"].values())
            assert base == kpis["active_customers"] - kpis["net_customer_growth"]
            assert sum(found["churned_by_tenure"].values()) == pytest.approx((kpis["churn_rate"] or 0) * base)
    lifetime = snapshot["windows"]["lifetime"]
    assert sum(tenure["active_by_tenure"].values()) == lifetime["active_customers"]
    assert sum(month["acquired"] for month in months) == lifetime["customers_ever"]
    assert sum(month["so_far"]["retained"] for month in months) == lifetime["active_customers"]


def test_who_is_won_back_counts_as_retained_while_open() -> None:
    """Acquired in March, lost in April, won back in May: a customer at the ends of March and May, and now."""
    moments = [("customer-acquired", "03-10"), ("cancellation", "04-10"), ("customer-acquired", "05-10")]
    log = [
        {"type": kind, "event_id": day, "customer_id": "c", "occurred_at": f"2026-{day}T10:00:00Z"}
        for kind, day in moments
    ]
    march, *later = told(log)["cohorts"]["months"]
    assert march == {
        "cohort": "2026-03",
        "acquired": 1,
        "retained": [1, 0, 1],
        "retention": [1.0, 0.0, 1.0],
        "so_far": {"retained": 1, "retention": 1.0},
    }
    assert [(month["cohort"], month["acquired"], month["so_far"]["retention"]) for month in later] == [
        ("2026-04", 0, None),
        ("2026-05", 0, None),
        ("2026-06", 0, None),
    ]


def test_nobody_has_no_cohort_and_no_curve() -> None:
    """What is undefined isn't 0: a shop without customers shows an empty map."""
    nothing = told([])
    assert nothing["cohorts"]["months"] == []
    assert nothing["tenure"]["survival"] == {}
    assert set(nothing["tenure"]["windows"]["30d"]["churn_rate_by_tenure"].values()) == {None}


def test_bands_cover_every_tenure_once() -> None:
    """From 0 on, rising."""
    edges = [band.from_days for band in BANDS]
    assert edges[0] == 0
    assert edges == sorted(set(edges))


def test_a_picture_stays_as_it_was_taken() -> None:
    """Events that come while it is read change the next one."""
    log = generate(3, customers=20)
    (state,) = in_parts(log[: len(log) // 2], 1)
    picture, bounds = picture_of(state.fold.persons), bounds_at(state.fold.time, NOW_MS)
    before = tallied(spans_of(picture), bounds).pack()
    state.arrive(lines(log[len(log) // 2 :]), [0] * (len(log) - len(log) // 2))
    state.advance(NOW_MS)
    assert tallied(spans_of(picture), bounds).pack() == before
    assert tally_of(state).pack() != before
    assert not np.array_equal(picture_of(state.fold.persons).acquired_ms, picture.acquired_ms)
