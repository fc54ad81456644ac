"""What one would see on a board: days and weeks, campaigns, and a spike where there is one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.simulator import Simulator, SimulatorConfig

START = datetime(2026, 3, 2, tzinfo=UTC)
SPIKE = START + timedelta(days=14)


def when(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def test_evenings_are_busy_and_nights_are_not(calm: Any) -> None:
    """The hours that the design has ten times as busy come out so, roughly."""
    hours = Counter(when(e).hour for e in calm.of("purchase"))
    assert hours[19] > 10 * hours[3]


def test_saturdays_are_busier_than_wednesdays(calm: Any) -> None:
    """By 26 to 18 in the design; four of each here."""
    weekdays = Counter(when(e).weekday() for e in calm.of("purchase"))
    assert 1.2 < weekdays[5] / weekdays[2] < 1.7


def test_the_hours_are_those_of_the_time_zone() -> None:
    """The quietest hours, 2 to 4 at night, are 22:30 to 0:30 UTC in Tehran."""
    shop = Simulator(SimulatorConfig(customers=3_000, purchases_per_day=0.5, timezone="Asia/Tehran"))
    hours = Counter(when(e).hour for e in shop.events(START, START + timedelta(days=3)) if e["type"] == "purchase")
    assert hours[23] < 0.2 * hours[16]


def test_a_campaign_brings_customers_and_names_its_spend(calm: Any) -> None:
    """About twice as many come by its channel while it runs."""
    spends = [e for e in calm.of("marketing-spend") if "campaign" in e]
    assert spends
    channel = spends[0]["channel"]
    days = {e["occurred_at"][:10] for e in spends if e["channel"] == channel}
    joined = calm.of("lead", stage="new", channel=channel)
    during = sum(e["occurred_at"][:10] in days for e in joined) / len(days)
    otherwise = sum(e["occurred_at"][:10] not in days for e in joined) / (28 - len(days))
    assert 1.4 < during / otherwise < 2.8


def test_in_a_spike_six_times_as_many_leave(spiked: Any) -> None:
    """On its first day against the days before, as the design says over the whole base."""
    before = sum(START <= when(e) < SPIKE for e in spiked.of("cancellation")) / 14
    first_days = sum(SPIKE <= when(e) < SPIKE + timedelta(days=2) for e in spiked.of("cancellation")) / 2
    assert 4.5 < first_days / before < 7.5
    assert spiked.truth.daily_hazard(SPIKE) > 3 * spiked.truth.daily_hazard(SPIKE - timedelta(milliseconds=1))


def test_a_spike_has_its_channel_and_its_reasons(spiked: Any) -> None:
    """Most who leave came by the app, and they say service or price."""
    channel_of = {e["customer_id"]: e["channel"] for e in spiked.of("customer-acquired")}

    def shares(begin: datetime, end: datetime) -> tuple[float, float]:
        left = [e for e in spiked.of("cancellation") if begin <= when(e) < end]
        app = sum(channel_of[e["customer_id"]] == "app" for e in left) / len(left)
        return app, sum(e.get("reason") in ("service", "price") for e in left) / len(left)

    app_before, said_before = shares(START, SPIKE)
    app_after, said_after = shares(SPIKE, spiked.end)
    assert app_before < 0.4
    assert app_after > 0.6
    assert said_before < 0.55
    assert said_after > 0.8


def test_in_a_spike_opinions_fall(spiked: Any) -> None:
    """NPS as expected by the design: from +41 to far less, least of all with customers of the app."""

    def nps(begin: datetime, end: datetime) -> float:
        scores: list[int] = [e["score"] for e in spiked.of("survey-response", survey="nps") if begin <= when(e) < end]
        return 100 * (sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores)) / len(scores)

    assert nps(START, SPIKE) > 30
    assert nps(SPIKE, spiked.end) < 20
    truth = spiked.truth
    assert truth.nps_shares(SPIKE, "channel", "app").nps < -20 < truth.nps_shares(SPIKE).nps < 20
    assert truth.nps_shares(START).nps > 40


def test_a_spike_ends_when_it_is_told_to() -> None:
    """From then on customers leave as before."""
    config = SimulatorConfig(scenario="churn-spike", spike_at=SPIKE, spike_lasts=timedelta(days=1))
    truth = Simulator(config).truth
    moments = [SPIKE - timedelta(milliseconds=1), SPIKE, SPIKE + timedelta(days=1, milliseconds=-1)]
    assert [truth.is_spiking(m) for m in (*moments, SPIKE + timedelta(days=1))] == [False, True, True, False]


@pytest.mark.parametrize("focus", [("plan", "basic"), ("segment", "occasional")])
def test_a_spike_may_hit_any_attribute(focus: tuple[str, str]) -> None:
    """A plan's price rise, a segment's disappointment."""
    attribute, value = focus
    config = SimulatorConfig(scenario="churn-spike", spike_at=START, spike_focus=focus, customers=3_000)
    events = list(Simulator(config).events(START, START + timedelta(days=5)))
    has = {e["customer_id"]: e[attribute] for e in events if e["type"] == "customer-acquired"}
    left = [has[e["customer_id"]] for e in events if e["type"] == "cancellation"]
    assert left.count(value) > 0.6 * len(left)
