"""The shop's truth agrees with its events: exactly where it counted, within chance where it knows by design.

The bounds are four standard deviations at fixed seeds, so they hold for ever once they hold.
"""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from math import sqrt
from typing import Any

import pytest

from events.models import EVENT_ADAPTER

DEVIATIONS = 4.0


@pytest.fixture(params=["calm", "spiked"])
def shop(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def minor(money: dict[str, str]) -> int:
    return int(Decimal(money["amount"]) * 100)


def assert_share(hits: int, of: int, expected: float) -> None:
    assert abs(hits / of - expected) < DEVIATIONS * sqrt(expected * (1 - expected) / of)


def test_every_event_keeps_the_contract(shop: Any) -> None:
    """The models judge each one."""
    for event in shop.events:
        EVENT_ADAPTER.validate_python(event)


def test_events_come_in_order_up_to_the_end(shop: Any) -> None:
    """As timestamps are of one width, their text sorts as their time."""
    instants = [event["occurred_at"] for event in shop.events]
    assert instants == sorted(instants)
    assert datetime.fromisoformat(instants[-1]) < shop.end


def test_no_two_events_share_their_identity(shop: Any) -> None:
    """Or the engine would drop one as a duplicate."""
    owners = [(e.get("customer_id") or e["channel"], e["event_id"]) for e in shop.events]
    assert len(set(owners)) == len(owners)


def test_all_types_surveys_and_actions_occur(shop: Any) -> None:
    """Whatever the engine counts, the shop does."""
    assert set(shop.truth.events) == {
        "customer-acquired", "purchase", "refund", "lead", "survey-response", "cancellation", "loyalty-activity",
        "marketing-spend",
    }  # fmt: skip
    assert {e["survey"] for e in shop.of("survey-response")} == {"nps", "csat", "ces", "cli"}
    assert {e["action"] for e in shop.of("loyalty-activity")} == {
        "enrolled", "left", "earned", "reward-issued", "reward-redeemed",
    }  # fmt: skip
    assert {e["stage"] for e in shop.of("lead")} == {"new", "qualified", "proposal", "won", "lost"}
    assert {e["purpose"] for e in shop.of("marketing-spend")} == {"acquisition", "lead-generation", "retention"}


def test_lifetimes_counted_naively_are_the_truth(shop: Any) -> None:
    """Nobody joins twice, nobody leaves who isn't there, and the books balance."""
    open_now: set[str] = set()
    ever: set[str] = set()
    won_back = 0
    for event in shop.events:
        who = event.get("customer_id")
        if event["type"] == "customer-acquired":
            assert who not in open_now
            won_back += who in ever
            ever.add(who)
            open_now.add(who)
        elif event["type"] == "cancellation":
            open_now.remove(who)
    truth = shop.truth
    assert (len(ever), won_back, len(open_now)) == (truth.acquired, truth.won_back, truth.active)
    assert Counter(e.get("reason", "unknown") for e in shop.of("cancellation")) == truth.lost_by_reason
    assert truth.lost_by_reason.total() == truth.lost
    assert won_back > 0


def test_only_customers_buy_and_cancelled_ones_answer_no_survey(shop: Any) -> None:
    """A refund may come after a cancellation, a purchase can't."""
    open_now: set[str] = set()
    for event in shop.events:
        if event["type"] == "customer-acquired":
            open_now.add(event["customer_id"])
        elif event["type"] == "cancellation":
            open_now.discard(event["customer_id"])
        elif event["type"] in ("purchase", "survey-response"):
            assert event["customer_id"] in open_now


def test_sums_counted_naively_are_the_truth(shop: Any) -> None:
    """Orders, money, stages, scores, members and rewards, and the number of events of each type."""
    truth = shop.truth
    orders = shop.of("purchase")
    assert Counter(e["type"] for e in shop.events) == truth.events
    assert len(orders) == truth.orders
    assert sum(minor(e["total"]) for e in orders) == truth.revenue_minor
    assert all(minor(e["total"]) == sum(minor(line["total"]) for line in e["lines"]) for e in orders)
    assert sum(minor(e["total"]) for e in shop.of("refund")) == truth.refunded_minor
    assert Counter(e["stage"] for e in shop.of("lead")) == truth.leads_by_stage
    assert Counter(e["score"] for e in shop.of("survey-response", survey="nps")) == truth.nps_by_score
    assert Counter(e["score"] for e in shop.of("survey-response", survey="csat")) == truth.csat_by_score
    assert len(shop.of("loyalty-activity", action="reward-issued")) == truth.rewards_issued
    assert len(shop.of("loyalty-activity", action="reward-redeemed")) == truth.rewards_redeemed

    spend: Counter[str] = Counter()
    for event in shop.events:
        if event["type"] == "marketing-spend":
            spend[event["purpose"]] += minor(event["spend"])
        elif "cost" in event:
            spend["lead-generation" if event["type"] == "lead" else "acquisition"] += minor(event["cost"])
    assert spend == truth.spend_minor


def test_members_counted_naively_are_the_truth(shop: Any) -> None:
    """Enrolled, not left since; some without a lifetime, as half of those who cancel stay in the programme."""
    members: set[str] = set()
    open_now: set[str] = set()
    for event in shop.events:
        who = event.get("customer_id")
        if event["type"] == "customer-acquired":
            open_now.add(who)
        elif event["type"] == "cancellation":
            open_now.remove(who)
        elif event.get("action") == "enrolled":
            assert who not in members
            members.add(who)
        elif event.get("action") == "left":
            members.remove(who)
    assert len(members) == shop.truth.members
    assert len(members & open_now) == shop.truth.members_with_lifetime
    assert members - open_now


def test_cancellations_and_orders_follow_their_hazards(shop: Any) -> None:
    """Both are Poisson, with the sum of all customers' rates as mean."""
    truth = shop.truth
    for counted, expected in (
        (truth.lost, truth.expected_lost),
        (truth.orders - truth.first_orders, truth.expected_orders),
    ):
        assert abs(counted - expected) < DEVIATIONS * sqrt(expected)


def test_order_value_follows_the_assortment(shop: Any) -> None:
    """Within 2 % at these numbers of orders."""
    assert shop.truth.revenue_minor == pytest.approx(shop.truth.expected_revenue_minor, rel=0.02)


def test_a_lead_converts_as_often_as_designed(calm: Any) -> None:
    """Of the leads that came to an end; who was won became a customer with the lead's id."""
    stages = calm.truth.leads_by_stage
    assert_share(stages["qualified"], stages["new"], 0.6)  # the few still waiting are within chance
    assert_share(stages["won"], stages["won"] + stages["lost"], calm.truth.lead_conversion)
    won = {(e["customer_id"], e["lead_id"]) for e in calm.of("lead", stage="won")}
    joined = {(e["customer_id"], e["lead_id"]) for e in calm.of("customer-acquired") if "lead_id" in e}
    assert joined <= won
    assert len(won - joined) <= 1  # won within the last minute


def test_opinions_follow_the_quality_of_service(calm: Any) -> None:
    """Promoters, detractors and satisfied, each share within chance."""
    scores, expected = calm.truth.nps_by_score, calm.truth.nps_shares(calm.end)
    answers = scores.total()
    assert_share(scores[9] + scores[10], answers, expected.promoter)
    assert_share(sum(scores[s] for s in range(7)), answers, expected.detractor)
    csat = calm.truth.csat_by_score
    assert_share(csat[4] + csat[5], csat.total(), calm.truth.satisfied_share(calm.end))


def test_as_many_leave_per_day_as_configured(calm: Any) -> None:
    """The mix of customers at hand leaves a little less than joiners: who stays is who is loyal."""
    assert calm.truth.daily_hazard(calm.end) == pytest.approx(calm.config.daily_hazard, rel=0.1)


def test_the_base_came_before_the_start(calm: Any) -> None:
    """Its acquisitions are spread over the year before, and nothing else happened then but enrolments."""
    history = [e for e in calm.events if e["occurred_at"] < "2026-03-02"]
    assert Counter(e["type"] for e in history)["customer-acquired"] == calm.config.customers
    assert {e["type"] for e in history} == {"customer-acquired", "loyalty-activity"}
    assert history[0]["occurred_at"] < "2025-03-05"
