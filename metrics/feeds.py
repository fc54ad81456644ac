"""Which event types a KPI rests on: when a source of one falls silent, these KPIs can't be known, and only these.

Each component says which types it is made of; what a KPI needs follows by walking its formula, with all that it
divides by and builds on. Kept by hand per KPI, the list would be wrong after the first change of a formula, and a
silent source would leave a figure standing that lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from events.names import (
    CANCELLATION,
    CUSTOMER_ACQUIRED,
    EVENT_TYPES,
    LEAD,
    LOYALTY_ACTIVITY,
    MARKETING_SPEND,
    PURCHASE,
    REFUND,
    SURVEY_RESPONSE,
)
from metrics.catalogue import BY_ID, CATALOGUE
from metrics.catalogue.value import EXPECTED_LIFESPAN, OBSERVED_LIFESPAN
from metrics.economics import Economics
from metrics.formula import Attainment, EachLabel, Formula, KpiValue, Setting, Statistic, nodes

_LIFETIMES = frozenset({CUSTOMER_ACQUIRED, CANCELLATION})
_BUYING = frozenset({PURCHASE})
_ANSWERS = frozenset({SURVEY_RESPONSE})

FEEDS: Final[Mapping[str, frozenset[str]]] = {
    "persons": frozenset(EVENT_TYPES) - {MARKETING_SPEND},
    # Contractual lifetimes: an opening counts as one only where a close came before it.
    "open_lifetimes": _LIFETIMES,
    "acquired": frozenset({CUSTOMER_ACQUIRED}),
    "opened": _LIFETIMES,
    "opened_at": _LIFETIMES,
    "closed": _LIFETIMES,
    "closed_at": _LIFETIMES,
    "closed_tenure": _LIFETIMES,
    "closed_by_opening": _LIFETIMES,
    "closed_involuntary": _LIFETIMES,
    "closed_involuntary_by_opening": _LIFETIMES,
    "closed_by_reason": _LIFETIMES,
    # Buying lifetimes, buyers, orders
    "buying_opened": _BUYING,
    "lapsed": _BUYING,
    "lapsed_by_opening": _BUYING,
    "buyers": _BUYING,
    "buying_span": _BUYING,
    "repeat_buyers": _BUYING,
    "first_buyers": _BUYING,
    "first_purchase_minor": _BUYING,
    "orders": _BUYING,
    "gross_minor": _BUYING,
    "refunds_minor": frozenset({REFUND}),
    "orders_with_lines": _BUYING,
    "orders_with_upsell": _BUYING,
    "orders_with_cross_sell": _BUYING,
    "lines_minor": _BUYING,
    "upsell_lines_minor": _BUYING,
    "cross_sell_lines_minor": _BUYING,
    # Leads: converted by a lifetime of their person
    "leads": frozenset({LEAD}),
    "leads_converted": frozenset({LEAD}) | _LIFETIMES,
    "leads_by_stage": frozenset({LEAD}),
    "leads_decided": frozenset({LEAD}),
    # Spend: an acquisition and a lead may carry a cost
    "spends": frozenset({MARKETING_SPEND}),
    "acquisition_spend_minor": frozenset({MARKETING_SPEND, CUSTOMER_ACQUIRED}),
    "lead_spend_minor": frozenset({MARKETING_SPEND}),
    "lead_costs_minor": frozenset({LEAD}),
    "retention_spend_minor": frozenset({MARKETING_SPEND}),
    # Surveys
    "nps_promoters": _ANSWERS,
    "nps_passives": _ANSWERS,
    "nps_detractors": _ANSWERS,
    "csat_responses": _ANSWERS,
    "csat_satisfied": _ANSWERS,
    "csat_points": _ANSWERS,
    "csat_responses_by_touchpoint": _ANSWERS,
    "csat_satisfied_by_touchpoint": _ANSWERS,
    "ces_responses": _ANSWERS,
    "ces_points": _ANSWERS,
    "cli_responses": _ANSWERS,
    "cli_points": _ANSWERS,
    "cli_repurchase_high": _ANSWERS,
    # Loyalty programme
    "members": frozenset({LOYALTY_ACTIVITY}),
    "members_active": frozenset({LOYALTY_ACTIVITY}) | _LIFETIMES,
    "members_engaged": frozenset({LOYALTY_ACTIVITY}),
    "rewards_issued": frozenset({LOYALTY_ACTIVITY}),
    "rewards_redeemed": frozenset({LOYALTY_ACTIVITY}),
}
"""Component -> the event types that can change it. A test folds logs with and without each type to hold it true."""

ON_LIFETIMES: Final = frozenset(
    name for name, types in FEEDS.items() if CANCELLATION in types and name != "persons"
) | {"acquired"}
"""Components that are wrong when the books don't balance."""


@lru_cache(maxsize=8)
def event_types(economics: Economics) -> Mapping[str, frozenset[str]]:
    """Return for each KPI the event types that it rests on.

    Args:
        economics: whose lifespan and targets bring other KPIs in.
    """
    return {
        kpi.id: frozenset(fed for name in needed_components(kpi.id, economics) for fed in FEEDS[name])
        for kpi in CATALOGUE
    }


@lru_cache(maxsize=8)
def kpis_on_lifetimes(economics: Economics) -> frozenset[str]:
    """Return the KPIs that rest on contractual lifetimes, so on balanced books."""
    return frozenset(kpi.id for kpi in CATALOGUE if needed_components(kpi.id, economics) & ON_LIFETIMES)


def needed_components(kpi_id: str, economics: Economics) -> frozenset[str]:
    """Return the components that a KPI is computed from, by way of whatever KPIs it builds on."""
    return frozenset(_components(BY_ID[kpi_id].formula, economics))


def _components(formula: Formula, economics: Economics) -> Iterator[str]:
    for node in nodes(formula):
        match node:
            case Statistic(component=name) | EachLabel(component=name):
                yield name
            case KpiValue(id=other):
                yield from _components(BY_ID[other].formula, economics)
            case Setting(name="lifespan in years") if economics.lifespan == "observed":
                yield from _components(OBSERVED_LIFESPAN, economics)
            case Setting(name="lifespan in years") if economics.lifespan == "expected":
                yield from _components(EXPECTED_LIFESPAN, economics)
            case Attainment():
                for target in economics.targets:
                    yield from _components(BY_ID[target.kpi].formula, economics)
