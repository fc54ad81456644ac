"""A KPI is fed by the event types that can change it: no other, and each of them."""

from __future__ import annotations

from typing import Any

import pytest
from agreement import lines, meaning
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from events.names import CANCELLATION, CUSTOMER_ACQUIRED, EVENT_TYPES, LEAD, MARKETING_SPEND, PURCHASE, REFUND
from metrics.catalogue import CATALOGUE
from metrics.components import BY_NAME
from metrics.economics import Economics, Target
from metrics.feeds import FEEDS, event_types, kpis_on_lifetimes
from streams.compute import compute

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
EUROS = Economics("EUR")
LOGS = [generate(seed) for seed in range(3)]


def figures(log: list[dict[str, Any]], economics: Economics = EUROS) -> dict[str, list[Any]]:
    """Each KPI's values in all windows."""
    windows = compute(lines(log), meaning(), economics, now_ms=NOW_MS).snapshot["windows"]
    return {kpi.id: [values.get(kpi.id) for values in windows.values()] for kpi in CATALOGUE}


WHOLE = [figures(log) for log in LOGS]


@pytest.mark.parametrize("missing", EVENT_TYPES)
def test_a_type_changes_the_kpis_that_it_feeds_and_no_other(missing: str) -> None:
    """Without a type's events, what isn't said to be fed by it is the same; all else differs in one log at least."""
    changed = set()
    for log, whole in zip(LOGS, WHOLE, strict=True):
        without = figures([event for event in log if event["type"] != missing])
        changed |= {kpi for kpi, values in without.items() if values != whole[kpi]}
    assert changed == {kpi for kpi, types in event_types(EUROS).items() if missing in types}


def test_every_component_says_what_feeds_it() -> None:
    """A new one fails here until it does; none is fed by a type that there isn't."""
    assert FEEDS.keys() == BY_NAME.keys()
    for name, types in FEEDS.items():
        assert types, name
        assert types <= set(EVENT_TYPES), name


def test_settings_bring_other_types_in() -> None:
    """A lifespan taken from churn needs cancellations, a configured one doesn't; targets need what theirs need."""
    assert event_types(EUROS)["clv"] == {PURCHASE, REFUND, CUSTOMER_ACQUIRED, CANCELLATION}
    assert event_types(Economics("EUR", lifespan="observed"))["clv"] == {PURCHASE, REFUND}
    assert event_types(Economics("EUR", lifespan=5.0))["clv"] == {PURCHASE, REFUND}
    assert event_types(EUROS)["target_attainment"] == frozenset()
    aimed = Economics("EUR", targets=(Target("lead_cost", "month", 20),))
    assert event_types(aimed)["target_attainment"] == {MARKETING_SPEND, LEAD}


def test_kpis_on_lifetimes_are_those_that_unbalanced_books_spoil() -> None:
    """Also where customers only divide, as in the cost of an acquisition; orders and answers stay."""
    spoilt = kpis_on_lifetimes(EUROS)
    assert {"churn_rate", "active_customers", "acquisition_cost", "loyalty_participation", "clv"} <= spoilt
    assert not spoilt & {"orders", "revenue", "lapse_rate", "nps", "leads", "loyalty_members", "retention_spend"}
