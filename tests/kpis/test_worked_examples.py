"""The worked examples of the definitions, as events, through the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics.economics import Economics
from streams.compute import compute
from streams.document import kpi_document
from streams.meaning import Meaning
from streams.merge import Admission, merge
from streams.panes import DAY_MS
from streams.partition import PartitionState
from streams.parts import place, stock

QUARTER = datetime(2026, 4, 1, tzinfo=UTC)
END = datetime(2026, 6, 30, 23, 59, 59, 999_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def event(kind: str, number: int, customer: str, at: datetime, **fields: Any) -> bytes:
    """An event as a message."""
    common = {"type": kind, "event_id": f"{kind}-{number}", "customer_id": customer, "occurred_at": at.isoformat()}
    return json.dumps(common | fields).encode()


def computed(log: list[bytes], **economics: Any) -> dict[str, dict[str, Any]]:
    """The KPIs of all windows at the end of June 2026."""
    answer = compute(log, Meaning(), Economics("EUR", **economics), now_ms=ms(END))
    assert not answer.refused
    windows: dict[str, dict[str, Any]] = answer.snapshot["windows"]
    return windows


SEEDED, REAL_OLD, JOINING, LEAVING = 16_830_000, 170_000, 680_000, 170_000
CHUNK = 20_000


def telecom_events() -> Iterator[bytes]:
    """170,000 subscribers of last year; in the quarter 680,000 join, and those of last year leave."""
    spread = (END - QUARTER) / JOINING
    acquired = b'{"type":"customer-acquired","event_id":"a","customer_id":"%b%d","occurred_at":"%b"}'
    cancelled = b'{"type":"cancellation","event_id":"c","customer_id":"old%d","occurred_at":"%b","reason":"price"}'
    for number in range(REAL_OLD):
        yield acquired % (b"old", number, (QUARTER - timedelta(days=200) + number * SECOND).isoformat().encode())
    for number in range(JOINING):
        at = (QUARTER + number * spread).isoformat().encode()
        yield acquired % (b"new", number, at)
        if number % 4 == 0:
            yield cancelled % (number // 4, at)


def seed(state: PartitionState, customers: int, opened_ms: int) -> None:
    """Contribute subscribers who opened at one instant and stay, as so many persons would."""
    fold, number = state.fold, state.fold.columns.number
    cell_set = fold.slices.unattributed
    days, ms_of_day = divmod(opened_ms, DAY_MS)
    for name, amount in (("acquired", 1), ("opened", 1), ("opened_at", days)):
        fold.derived[place(opened_ms, cell_set) + number(name)] += customers * amount
    fold.derived[place(opened_ms, cell_set) + number("opened_at") + 1] += customers * ms_of_day
    for name in ("persons", "open_lifetimes"):
        fold.derived[stock(cell_set) + number(name)] += customers


@pytest.mark.slow
def test_a_telecom_of_17_million_loses_one_percent_and_grows_by_three() -> None:
    """680,000 join and 170,000 of the old leave in a quarter. Most of the base is seeded, all that moves is real:
    850,000 persons and 1,020,000 events go through decoding, deduplication and the fold.
    """
    state = PartitionState(Meaning(), horizon_ms=DAY_MS, keep_raw=False)
    state.advance(ms(QUARTER - timedelta(days=400)))
    seed(state, SEEDED, ms(QUARTER - timedelta(days=500)))
    events, taken = telecom_events(), 0
    for moment in (QUARTER - SECOND, END):  # the clock goes from the eve of the quarter to its end in one tick
        share = REAL_OLD if moment < QUARTER else JOINING + LEAVING
        for start in range(0, share, CHUNK):
            chunk = [next(events) for _ in range(min(CHUNK, share - start))]
            assert state.arrive(chunk, [0] * len(chunk)) == []
            taken += len(chunk)
        state.advance(ms(moment))
    assert next(events, None) is None
    assert (taken, state.counts.duplicates, len(state.waiting)) == (REAL_OLD + JOINING + LEAVING, 0, 0)
    time = state.fold.time
    sums = merge([state.report()], [plan.name for plan in time.plans], Admission())
    windows = kpi_document(state.meaning, time, sums, Economics("EUR"), ms(END))["windows"]

    quarter = windows["quarter"]
    assert quarter["active_customers"] - quarter["net_customer_growth"] == 17_000_000
    assert (quarter["new_customers"], quarter["lost_customers"]) == (680_000, 170_000)
    assert quarter["churn_rate"] == 0.01
    assert quarter["retention_rate"] == 0.99
    assert quarter["acquisition_rate"] == 0.04
    assert quarter["base_growth_active"] == 0.03
    assert quarter["active_customers"] == 17_510_000
    assert quarter["churn_reasons"] == {"price": 170_000}
    assert windows["lifetime"]["customers_ever"] == 17_680_000


def test_nps_follows_the_formula() -> None:
    """200 responses, 90 promoters, 70 passive, 40 detractors: +25."""
    scores = [9, 10] * 45 + [7, 8] * 35 + [0, 6, 3, 5] * 10
    log = [
        event("survey-response", number, f"c{number % 150}", END - number * 60 * SECOND, survey="nps", score=score)
        for number, score in enumerate(scores)
    ]
    for name in ("24h", "7d", "30d", "month", "lifetime"):
        window = computed(log)[name]
        assert (window["nps"], window["nps_responses"]) == (25.0, 200)
    assert 10 < window["nps_margin"] < 11


def test_a_retention_of_22_5_percent_is_a_churn_of_77_5() -> None:
    """Of 200 customers at the year's start 45 are left; those who came since count on neither side."""
    eve = datetime(2025, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    log = [event("customer-acquired", number, f"c{number}", eve) for number in range(200)]
    log += [event("cancellation", number, f"c{number}", QUARTER) for number in range(155)]
    log += [event("customer-acquired", number, f"late{number}", QUARTER) for number in range(60)]
    log += [event("cancellation", number, f"late{number}", QUARTER + SECOND) for number in range(30)]
    log += [event("customer-acquired", 1000 + number, f"c{number}", QUARTER + SECOND) for number in range(10)]
    year = computed(log)["year"]
    assert year["retention_rate"] == 0.225
    assert year["churn_rate"] == 0.775
    came_and_stayed = 30 + 10
    assert (year["active_customers"] - came_and_stayed) / 200 == year["retention_rate"]  # (CE - CA) / CS


def test_the_lifetime_value_of_a_buyer() -> None:
    """20,000 in 400 orders by 180 buyers in a year, 5 years' lifespan: 50 per order, 2.22 orders, CLV 555.56."""
    log = [
        event(
            "purchase",
            number,
            f"c{number % 180}",
            END - timedelta(days=number % 360),
            order_id=f"o{number}",
            total={"amount": "50.00" if number % 2 else "49.99" if number % 4 else "50.01", "currency": "EUR"},
        )
        for number in range(400)
    ]
    year = computed(log, lifespan=5)["365d"]
    assert (year["revenue"], year["orders"], year["buyers"]) == (20_000.0, 400, 180)
    assert year["average_order_value"] == 50.0
    assert year["purchase_frequency"] == 400 / 180
    assert year["customer_value"] == year["sales_per_customer"] == pytest.approx(111.11, abs=0.005)
    assert year["clv"] == pytest.approx(555.56, abs=0.005)


def test_a_month_that_wins_1000_and_loses_300_grows_by_700() -> None:
    """The books balance: what came less what went is what is there now."""
    june = datetime(2026, 6, 1, tzinfo=UTC)
    log = [event("customer-acquired", number, f"c{number}", june + number * 60 * SECOND) for number in range(1000)]
    log += [event("cancellation", number, f"c{number}", END - number * SECOND) for number in range(300)]
    month = computed(log)["month"]
    assert (month["new_customers"], month["lost_customers"], month["net_customer_growth"]) == (1000, 300, 700)
    assert month["active_customers"] == 700
    assert month["base_growth_active"] is None  # nobody was there at the month's start
