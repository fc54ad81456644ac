"""The judge is judged: by the two complete examples, by the worked ones, and by cases small enough for a pencil."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi_oracle.clock import first_instant, instant_ms, instant_text, local_date, window_start
from kpi_oracle.history import Event, distinct, to_minor
from kpi_oracle.logs import event_logs
from kpi_oracle.oracle import compute
from kpi_oracle.small_logs import NOW

NUMBERS = count(1)


def event(kind: str, at: str, customer: str | None = "c1", **fields: Any) -> Event:
    """An event with an id that no other has, unless one is given."""
    owner = {} if customer is None else {"customer_id": customer}
    return {"type": kind, "event_id": f"e{next(NUMBERS):06}", "occurred_at": at, **owner, **fields}


def acquired(at: str, customer: str = "c1", **fields: Any) -> Event:
    return event("customer-acquired", at, customer, **fields)


def cancelled(at: str, customer: str = "c1", **fields: Any) -> Event:
    return event("cancellation", at, customer, **fields)


def bought(at: str, customer: str = "c1", amount: str = "10.00", **fields: Any) -> Event:
    return event("purchase", at, customer, order_id="o", total={"amount": amount, "currency": "EUR"}, **fields)


def differences(got: Any, want: Any, path: str = "") -> list[str]:
    """Where two outputs differ: keys and integers exactly, floats by more than 1e-9 of their size."""
    if isinstance(want, dict) and isinstance(got, dict):
        unequal_keys = [f"{path}: keys {sorted(set(got) ^ set(want))}"] if set(got) != set(want) else []
        return unequal_keys + [
            d for key in want if key in got for d in differences(got[key], want[key], f"{path}/{key}")
        ]
    if isinstance(want, float) and isinstance(got, float):
        return [] if abs(got - want) <= 1e-9 * max(1.0, abs(want)) else [f"{path}: {got} instead of {want}"]
    return [] if type(got) is type(want) and got == want else [f"{path}: {got!r} instead of {want!r}"]


@pytest.mark.parametrize("name", ["example-1", "example-2"])
def test_the_oracle_agrees_with_the_complete_examples(name: str, shared_dir: Path) -> None:
    """All windows with exactly their keys, and every slice value that the example shows."""
    path = shared_dir / "spec" / f"{name}.ndjson"
    want = json.loads(path.with_suffix(".kpis.json").read_text())
    got = compute([json.loads(line) for line in path.read_text().splitlines()], want["now"])
    shown = {
        attribute: {
            value: {window: got["slices"][attribute][value][window] for window in windows}
            for value, windows in values.items()
        }
        for attribute, values in want["slices"].items()
    }
    assert {a: set(got["slices"][a]) for a in shown} == {a: set(values) for a, values in want["slices"].items()}
    assert differences({**got, "slices": shown}, want) == []


class TestWorkedExamples:
    """What the definitions' page works out in numbers, scaled where it is large."""

    def test_a_telecom_quarter(self) -> None:
        """1,700 subscribers, 68 join, 17 leave: churn 1 %, acquisition rate 4 %, growth 3 %, 1,751 at the end."""
        log = [acquired("2026-01-05T00:00:00Z", f"old{n}") for n in range(1700)]
        log += [acquired("2026-04-20T00:00:00Z", f"new{n}") for n in range(68)]
        log += [cancelled("2026-05-01T00:00:00Z", f"old{n}") for n in range(17)]
        quarter = compute(log, "2026-06-15T00:00:00Z", slices=())["windows"]["quarter"]
        assert quarter["churn_rate"] == 0.01
        assert quarter["acquisition_rate"] == 0.04
        assert quarter["base_growth_active"] == 0.03
        assert quarter["active_customers"] == 1751

    def test_net_promoter_score(self) -> None:
        """90 promoters, 70 passive and 40 detractors of 200: +25."""
        scores = [9] * 90 + [8] * 70 + [6] * 40
        log = [event("survey-response", "2026-06-15T00:00:00Z", survey="nps", score=score) for score in scores]
        day = compute(log, "2026-06-15T01:00:00Z")["windows"]["24h"]
        assert (day["nps"], day["nps_responses"]) == (25.0, 200)

    def test_retention_and_churn_add_up_to_one(self) -> None:
        """Retention 22.5 % means churn 77.5 %."""
        log = [acquired("2026-01-05T00:00:00Z", f"c{n}") for n in range(40)]
        log += [cancelled("2026-06-01T00:00:00Z", f"c{n}") for n in range(31)]
        month = compute(log, "2026-06-15T00:00:00Z", slices=())["windows"]["month"]
        assert (month["retention_rate"], month["churn_rate"]) == (0.225, 0.775)

    def test_customer_lifetime_value(self) -> None:
        """20,000 in 400 orders by 180 buyers in a year, over 5 years: 555.56."""
        log = [bought("2026-03-01T00:00:00Z", f"c{n % 180}", "50.00") for n in range(400)]
        year = compute(log, "2026-06-15T00:00:00Z", lifespan=5, slices=())["windows"]["365d"]
        assert year["average_order_value"] == 50.0
        assert year["purchase_frequency"] == pytest.approx(400 / 180)
        assert year["customer_value"] == pytest.approx(111.11, abs=0.005)
        assert year["clv"] == pytest.approx(555.56, abs=0.005)

    def test_net_growth(self) -> None:
        """1,000 join in a month and 300 leave: net 700."""
        log = [acquired("2026-06-02T00:00:00Z", f"c{n}") for n in range(1000)]
        log += [cancelled("2026-06-03T00:00:00Z", f"c{n}") for n in range(300)]
        assert compute(log, "2026-06-15T00:00:00Z", slices=())["windows"]["month"]["net_customer_growth"] == 700


class TestLifetimes:
    """Openings and closes, alone and at one instant."""

    def test_repeated_openings_and_closes_change_nothing(self) -> None:
        """A lifetime opens once and closes at the first cancellation after it."""
        log = [acquired("2026-06-01T00:00:00Z"), acquired("2026-06-02T00:00:00Z")]
        log += [cancelled("2026-06-03T00:00:00Z", reason="price"), cancelled("2026-06-04T00:00:00Z", reason="site")]
        lifetime = compute(log, "2026-06-15T00:00:00Z")["windows"]["lifetime"]
        assert (lifetime["new_customers"], lifetime["won_back_customers"], lifetime["lost_customers"]) == (1, 0, 1)
        assert lifetime["churn_reasons"] == {"price": 1}
        assert lifetime["average_completed_tenure"] == 2.0

    def test_a_closed_lifetime_opens_and_closes_at_one_instant(self) -> None:
        """An acquisition and a cancellation at one instant are a lifetime of length 0."""
        log = [cancelled("2026-06-01T00:00:00Z"), acquired("2026-06-01T00:00:00Z")]
        lifetime = compute(log, "2026-06-15T00:00:00Z")["windows"]["lifetime"]
        assert (lifetime["new_customers"], lifetime["lost_customers"], lifetime["active_customers"]) == (1, 1, 0)
        assert lifetime["average_tenure"] == 0.0

    def test_an_open_lifetime_closes_and_opens_again_at_one_instant(self) -> None:
        """The same pair in an open lifetime is a loss and a win-back."""
        log = [acquired("2026-05-01T00:00:00Z"), acquired("2026-06-01T00:00:00Z"), cancelled("2026-06-01T00:00:00Z")]
        month = compute(log, "2026-06-15T00:00:00Z")["windows"]["month"]
        assert (month["won_back_customers"], month["lost_customers"], month["active_customers"]) == (1, 1, 1)
        assert month["churn_rate"] == 1.0

    def test_the_smallest_event_id_gives_the_reason(self) -> None:
        """Of several cancellations at one instant; and a failed payment isn't voluntary unless it says so."""
        log = [acquired("2026-05-01T00:00:00Z")]
        log += [cancelled("2026-06-02T00:00:00Z", reason="price") | {"event_id": "b"}]
        log += [cancelled("2026-06-02T00:00:00Z", reason="payment-failed") | {"event_id": "a"}]
        month = compute(log, "2026-06-15T00:00:00Z")["windows"]["month"]
        assert month["churn_reasons"] == {"payment-failed": 1}
        assert month["involuntary_churn_rate"] == 1.0

    @pytest.mark.parametrize(
        ("purchase", "orders_open_at"),
        [("2026-03-17T00:00:00Z", (1, 0)), ("2026-03-16T23:59:59.999Z", (1, 0)), ("2026-03-17T00:00:00.001Z", (1, 1))],
    )
    def test_a_buying_lifetime_lapses_at_a_local_midnight(self, purchase: str, orders_open_at: tuple[int, int]) -> None:
        """Ninety days after its last purchase and on to the next midnight; it counts once its moment has come."""
        before = compute([bought(purchase)], "2026-06-14T23:59:59.999Z")["windows"]["24h"]["active_buyers"]
        after = compute([bought(purchase)], "2026-06-15T00:00:00Z")["windows"]["24h"]
        assert (before, after["active_buyers"]) == orders_open_at

    @pytest.mark.parametrize(("second", "lapsed"), [("2026-06-14T23:59:59.999Z", 0.0), ("2026-06-15T00:00:00Z", 1.0)])
    def test_a_purchase_at_the_midnight_of_the_lapse_opens_a_new_lifetime(self, second: str, lapsed: float) -> None:
        """One a millisecond earlier carries the old one on."""
        windows = compute([bought("2026-03-17T00:00:00Z"), bought(second)], "2026-06-15T12:00:00Z")["windows"]
        assert windows["24h"]["lapse_rate"] == lapsed
        assert windows["24h"]["active_buyers"] == 1


class TestTime:
    """Panes, local days and calendars."""

    @pytest.mark.parametrize(
        ("window", "start"),
        [
            ("1h", "2026-06-15T12:38:00.000Z"),
            ("24h", "2026-06-14T13:38:00.000Z"),
            ("7d", "2026-06-08T14:00:00.000Z"),
            ("30d", "2026-05-16T14:00:00.000Z"),
            ("90d", "2026-03-18T00:00:00.000Z"),
            ("365d", "2025-06-16T00:00:00.000Z"),
            ("month", "2026-06-01T00:00:00.000Z"),
            ("quarter", "2026-04-01T00:00:00.000Z"),
            ("year", "2026-01-01T00:00:00.000Z"),
        ],
    )
    def test_windows_begin_on_panes(self, window: str, start: str) -> None:
        """Minutes up to 24h, hours up to 30d, local days above."""
        assert instant_text(window_start(window, instant_ms(NOW), "UTC", "gregorian") or 0) == start

    def test_a_day_begins_at_its_first_instant(self) -> None:
        """Tehran's 2021-03-22 begins at 01:00, Havana's 2025-11-02 at the first of its two midnights."""
        for zone, day, first in [
            ("Asia/Tehran", "2021-03-22", "2021-03-21T20:30:00.000Z"),
            ("Asia/Kathmandu", "2026-06-15", "2026-06-14T18:15:00.000Z"),
            ("America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z"),
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00.000Z"),
        ]:
            date = local_date(instant_ms(f"{day}T12:00:00Z"), "UTC")
            assert instant_text(first_instant(date, zone)) == first, zone

    @pytest.mark.parametrize(
        ("window", "start"), [("month", "2026-05-22"), ("quarter", "2026-03-21"), ("year", "2026-03-21")]
    )
    def test_jalali_periods(self, window: str, start: str) -> None:
        """15 June 2026 is 25 Khordad 1405, in the first quarter of the year."""
        begin = window_start(window, instant_ms(NOW), "Asia/Tehran", "jalali")
        assert begin == instant_ms(f"{start}T00:00:00+03:30")

    def test_an_event_at_the_start_of_a_window_is_in_it(self) -> None:
        """And one a millisecond before is not."""
        log = [acquired("2026-06-15T12:37:59.999Z", "a"), acquired("2026-06-15T12:38:00Z", "b")]
        hour = compute(log, NOW)["windows"]["1h"]
        assert (hour["new_customers"], hour["base_growth_total"], hour["acquisition_rate"]) == (1, 1.0, 1.0)

    def test_events_after_now_wait(self) -> None:
        """An event at `now` is seen, the one after it isn't; without `now` the latest event gives it."""
        log = [acquired(NOW, "a"), acquired("2026-06-15T13:37:20.251Z", "b")]
        assert compute(log, NOW)["windows"]["1h"]["new_customers"] == 1
        assert compute(log)["now"] == "2026-06-15T13:37:20.251Z"
        assert compute(log)["windows"]["1h"]["new_customers"] == 2

    def test_exposure_counts_the_days_inside_the_window(self) -> None:
        """One customer lost after 14 of 14.5 days of June with another who stays: 1 x 30 / 28.5."""
        log = [acquired("2025-01-01T00:00:00Z", "a"), acquired("2025-01-01T00:00:00Z", "b")]
        log += [cancelled("2026-06-15T00:00:00Z", "b")]
        month = compute(log, "2026-06-15T12:00:00Z")["windows"]["month"]
        assert month["exposure_churn_rate"] == pytest.approx(30 / 28.5)


class TestSlices:
    """Who stands under which value."""

    def test_all_of_a_persons_events_follow_its_earliest_acquisition(self) -> None:
        """Also those before it, and whatever a win-back says; nobody's are unattributed."""
        log = [bought("2026-06-01T00:00:00Z"), acquired("2026-06-05T00:00:00Z", channel="app")]
        log += [acquired("2026-06-03T00:00:00Z", channel="web"), bought("2026-06-01T00:00:00Z", "c2")]
        channels = compute(log, NOW)["slices"]["channel"]
        assert {value: kpis["lifetime"]["orders"] for value, kpis in channels.items()} == {"web": 1, "unattributed": 1}

    def test_a_lead_keeps_its_own_channel(self) -> None:
        """With its stages, cost and conversion, even where its person came by another."""
        cost = {"amount": "2.50", "currency": "EUR"}
        log = [acquired("2026-06-03T00:00:00Z", channel="web", segment="vip")]
        log += [event("lead", "2026-06-02T00:00:00Z", lead_id="l", stage="won", channel="web", cost=cost)]
        log += [event("lead", "2026-06-01T00:00:00Z", lead_id="l", channel="ads", cost=cost)]
        slices = compute(log, NOW)["slices"]
        ads, web = slices["channel"]["ads"]["lifetime"], slices["channel"]["web"]["lifetime"]
        assert (ads["leads"], ads["lead_spend"], ads["lead_conversion_rate"]) == (1, 5.0, 1.0)
        assert ads["leads_by_stage"] == {"new": 1, "won": 1}
        assert (web["leads"], web["lead_spend"], web["new_customers"]) == (0, 0.0, 1)
        assert (slices["segment"]["vip"]["lifetime"]["leads"], slices["segment"]["vip"]["lifetime"]["lead_spend"]) == (
            1,
            None,
        )

    def test_values_beyond_the_bound_are_other(self) -> None:
        """In order of appearance."""
        log = [acquired("2026-06-01T00:00:00Z", f"c{n}", channel=f"ch{n}") for n in range(4)]
        channels = compute(log, NOW, max_slice_values=2)["slices"]["channel"]
        found = {value: kpis["lifetime"]["new_customers"] for value, kpis in channels.items()}
        assert found == {"ch0": 1, "ch1": 1, "other": 2}


class TestMoneyAndIdentity:
    """Conversion, deduplication, absent values."""

    def test_each_value_is_converted_on_its_own_half_even(self) -> None:
        """Half a cent goes to the even one; a yen has no decimals."""
        rates = {"USD": "0.5", "JPY": "0.005"}
        assert [to_minor({"amount": a, "currency": "USD"}, "EUR", rates) for a in ("0.01", "0.03", "0.05")] == [0, 2, 2]
        assert to_minor({"amount": 100, "currency": "JPY"}, "EUR", rates) == 50
        assert to_minor({"amount": "1.00", "currency": "EUR"}, "JPY", {"EUR": 200}) == 200

    def test_of_one_identity_the_first_to_arrive_counts(self) -> None:
        """The same event_id from another source or for another person is another event."""
        first = bought("2026-06-01T00:00:00Z", amount="10.00") | {"event_id": "x"}
        again = bought("2026-06-02T00:00:00Z", amount="99.00") | {"event_id": "x"}
        log = [first, again, first | {"source": "crm"}, first | {"customer_id": "c2"}]
        lifetime = compute(log, NOW)["windows"]["lifetime"]
        assert (lifetime["orders"], lifetime["revenue"], lifetime["buyers"]) == (3, 30.0, 2)

    def test_null_and_empty_text_are_absent(self) -> None:
        """A reason "" is unknown."""
        log = [acquired("2026-06-01T00:00:00Z", channel=""), cancelled("2026-06-02T00:00:00Z", reason="")]
        result = compute(log, NOW)
        assert result["windows"]["lifetime"]["churn_reasons"] == {"unknown": 1}
        assert list(result["slices"]["channel"]) == ["unattributed"]

    def test_targets_are_attained_upside_down_where_lower_is_better(self) -> None:
        """Value / target, or target / value."""
        log = [acquired("2026-01-01T00:00:00Z", f"c{n}") for n in range(4)] + [cancelled("2026-06-02T00:00:00Z", "c0")]
        log += [acquired("2026-06-02T00:00:00Z", "new")]
        month = compute(log, NOW, targets={"month": {"churn_rate": 0.05, "new_customers": 4}})["windows"]["month"]
        assert month["target_attainment"] == {"churn_rate": 0.2, "new_customers": 0.25}


@given(log=event_logs(varying_attributes=True), random=st.randoms(use_true_random=False))
def test_the_order_of_distinct_events_does_not_matter(log: list[Event], random: Any) -> None:
    """Once the repeated ones are gone, any arrival order gives the same KPIs."""
    once = [{name: value for name, value in kept.items() if name != "at"} for kept in distinct(log)]
    shuffled = random.sample(once, len(once))
    assert compute(once, NOW) == compute(shuffled, NOW) == compute(log, NOW)


@given(log=event_logs(timezone="Asia/Tehran", calendar="jalali"))
def test_the_books_balance_in_every_window_and_slice(log: list[Event]) -> None:
    """Opening + new + won back - lost = closing, and the values of a slice add up to the total."""
    result = compute(log, NOW, timezone="Asia/Tehran", calendar="jalali")
    for window, kpis in result["windows"].items():
        start = window_start(window, instant_ms(NOW), "Asia/Tehran", "jalali")
        earlier = [e for e in distinct(log) if start is not None and e["at"] < start]
        opening = compute(earlier, start - 1)["windows"]["lifetime"]["active_customers"] if earlier and start else 0
        assert opening + kpis["net_customer_growth"] == kpis["active_customers"], window
        for attribute, values in result["slices"].items():
            for kpi in ("new_customers", "lost_customers", "orders", "buyers", "leads", "nps_responses"):
                assert sum(value[window][kpi] for value in values.values()) == kpis[kpi], (attribute, kpi)
