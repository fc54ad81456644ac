"""What each KPI means, as loops over one population and one window.

Every function goes through all events again and counts in integers and fractions; the one division comes at the
end. The text of the definitions is followed literally: "at start" is by what happened strictly before, "in the
window" is at or after its start, and nothing later than now is in sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

from kpi_oracle.clock import CALENDAR_WINDOWS, DAY_MS, rolling_days, window_start
from kpi_oracle.history import Event, Lead, Lifetime, Person, decimals, to_minor

Kpis = dict[str, Any]

OTHER = "other"
SATISFIED_FROM = {5: 4, 7: 6, 10: 8}
YEAR_MS = Fraction(36525, 100) * DAY_MS


@dataclass(frozen=True)
class Terms:
    """The settings that the definitions depend on."""

    now: int
    currency: str
    timezone: str
    calendar: str
    lifespan: str | Fraction
    gross_margin: Fraction
    rates: Mapping[str, Any]
    admitted_labels: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Population:
    """Whom and what a slice value covers; everybody and everything for the totals."""

    persons: list[Person]
    leads: list[Lead]
    spends: list[Event]


def kpis(population: Population, window: str, terms: Terms) -> Kpis:
    """The KPIs of one window for one population, with the keys that are defined in that window."""
    values: Kpis = {
        **base(population, window, terms),
        **purchases(population, window, terms),
        **acquisition(population, window, terms),
        **surveys(population, window, terms),
        **loyalty(population, window, terms),
    }
    if window not in CALENDAR_WINDOWS and window != "lifetime" and rolling_days(window) >= 30:
        values |= value_over_life(population, window, terms)
    return {name: plain(value) for name, value in values.items()}


def divided(over: Fraction | int | None, under: Fraction | int | None) -> Fraction | None:
    """A quotient, None where a term is None or the denominator is 0."""
    if over is None or under is None or under == 0:
        return None
    return Fraction(over) / Fraction(under)


def plain(value: Any) -> Any:
    """Fractions as floats, the one final division; integers stay integers."""
    if isinstance(value, dict):
        return {label: plain(item) for label, item in value.items()}
    return float(value) if isinstance(value, Fraction) else value


def start_of(window: str, terms: Terms) -> int:
    """Where the window begins; an instant before everything for `lifetime`."""
    start = window_start(window, terms.now, terms.timezone, terms.calendar)
    return -(10**18) if start is None else start


def major(total_minor: int, terms: Terms) -> Fraction:
    """Minor units as an amount."""
    return Fraction(total_minor, 10 ** decimals(terms.currency))


def money(event: Event, name: str, terms: Terms) -> int:
    """A money field of an event in minor units of the reporting currency, 0 where it is absent."""
    return to_minor(event[name], terms.currency, terms.rates) if name in event else 0


def counted(labels: Iterable[str]) -> dict[str, int]:
    """How often each label occurs."""
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts


def open_at(lifetimes: Iterable[Lifetime], start: int) -> list[Lifetime]:
    """The lifetimes open at start, by what happened strictly before."""
    return [life for life in lifetimes if life.opened < start and (life.closed is None or life.closed >= start)]


def base(population: Population, window: str, terms: Terms) -> Kpis:
    """The customer base: who came, who went, how long they stayed."""
    start, now = start_of(window, terms), terms.now
    firsts = [person.lifetimes[0] for person in population.persons if person.lifetimes]
    lives = [life for person in population.persons for life in person.lifetimes]
    buying = [life for person in population.persons for life in person.buying]
    new = sum(1 for life in firsts if life.opened >= start)
    won_back = sum(1 for life in lives if life.opened >= start) - new
    lost = [life for life in lives if life.closed is not None and life.closed >= start]
    active = sum(1 for life in lives if life.closed is None)
    at_start = open_at(lives, start)
    churned = [life for life in at_start if life.closed is not None]
    buying_at_start = open_at(buying, start)
    churn_rate = divided(len(churned), len(at_start))
    active_ms = sum(max(0, (now if life.closed is None else life.closed) - max(start, life.opened)) for life in lives)
    tenures = [
        (now if life.closed is None else life.closed) - life.opened
        for life in lives
        if life.closed is None or life.closed >= start
    ]
    lost_tenures = [life.closed - life.opened for life in lost if life.closed is not None]
    values: Kpis = {
        "new_customers": new,
        "won_back_customers": won_back,
        "lost_customers": len(lost),
        "active_customers": active,
        "active_buyers": sum(1 for life in buying if life.closed is None),
        "customers_ever": len(firsts),
        "base_growth_total": divided(new, len(firsts) - new),
        "acquisition_rate": divided(new + won_back, len(at_start)),
        "base_growth_active": divided(active - len(at_start), len(at_start)),
        "churn_rate": churn_rate,
        "retention_rate": None if churn_rate is None else 1 - churn_rate,
        "involuntary_churn_rate": divided(sum(1 for life in churned if not life.voluntary), len(at_start)),
        "churn_reasons": counted(bounded(life.reason, "unknown", "reason", terms) for life in lost),
        "lapse_rate": divided(sum(1 for life in buying_at_start if life.closed is not None), len(buying_at_start)),
        "net_customer_growth": new + won_back - len(lost),
        "average_tenure": divided(Fraction(sum(tenures), DAY_MS), len(tenures)),
        "average_completed_tenure": divided(Fraction(sum(lost_tenures), DAY_MS), len(lost_tenures)),
    }
    if window != "lifetime":
        values["exposure_churn_rate"] = divided(len(lost) * 30, Fraction(active_ms, DAY_MS))
    return values


def bounded(label: str, default: str, name: str, terms: Terms) -> str:
    """A label from an event, or `other` where too many different ones came before it."""
    return label if label == default or label in terms.admitted_labels[name] else OTHER


def purchases(population: Population, window: str, terms: Terms) -> Kpis:
    """Orders, revenue and buyers."""
    start = start_of(window, terms)
    orders = gross = refunds = later_gross = 0
    buyers = repeat_buyers = returning_buyers = span_ms = 0
    carrying: list[Event] = []
    for person in population.persons:
        bought = person.of("purchase")
        in_window = [purchase for purchase in bought if purchase["at"] >= start]
        refunds += sum(money(refund, "total", terms) for refund in person.of("refund") if refund["at"] >= start)
        orders += len(in_window)
        gross += sum(money(purchase, "total", terms) for purchase in in_window)
        later_gross += sum(money(purchase, "total", terms) for purchase in in_window if purchase is not bought[0])
        carrying += [purchase for purchase in in_window if purchase.get("lines")]
        if in_window:
            buyers += 1
            span_ms += bought[-1]["at"] - bought[0]["at"]
            repeat_buyers += len(in_window) >= 2
            returning_buyers += bought[0]["at"] < start
    revenue = major(gross - refunds, terms)
    order_value = divided(revenue, orders)
    frequency = divided(orders, buyers)
    values: Kpis = {
        "orders": orders,
        "revenue": revenue,
        "buyers": buyers,
        "average_order_value": order_value,
        "sales_per_customer": divided(revenue, buyers),
        "purchase_frequency": frequency,
        "upsell_rate": offer_rate(carrying, "upsell"),
        "cross_sell_rate": offer_rate(carrying, "cross-sell"),
        "upsell_revenue_share": offer_revenue_share(carrying, "upsell", terms),
        "cross_sell_revenue_share": offer_revenue_share(carrying, "cross-sell", terms),
        "repeat_purchase_rate": divided(repeat_buyers, buyers),
        "returning_revenue_share": divided(later_gross, gross),
        "average_buying_span": divided(Fraction(span_ms) / YEAR_MS, buyers),
        "customer_value": None if order_value is None or frequency is None else order_value * frequency,
    }
    if window != "lifetime":
        values["returning_buyer_rate"] = divided(returning_buyers, buyers)
    return values


def offer_rate(carrying: list[Event], offer: str) -> Fraction | None:
    """The share of the orders that carry lines with at least one line of the offer."""
    with_offer = [order for order in carrying if any(line.get("offer") == offer for line in order["lines"])]
    return divided(len(with_offer), len(carrying))


def offer_revenue_share(carrying: list[Event], offer: str, terms: Terms) -> Fraction | None:
    """The revenue of the offer's lines over that of all lines."""
    lines = [line for order in carrying for line in order["lines"]]
    offered = sum(money(line, "total", terms) for line in lines if line.get("offer") == offer)
    return divided(offered, sum(money(line, "total", terms) for line in lines))


def acquisition(population: Population, window: str, terms: Terms) -> Kpis:
    """Leads, what they became, and what it cost."""
    start = start_of(window, terms)
    spent = {"acquisition": 0, "lead-generation": 0, "retention": 0}
    for spend in population.spends:
        if spend["at"] >= start:
            spent[spend["purpose"]] += money(spend, "spend", terms)
    for person in population.persons:
        for event in person.of("customer-acquired"):
            if event["at"] >= start:
                spent["acquisition"] += money(event, "cost", terms)
    new_leads = [lead for lead in population.leads if lead.first_seen >= start]
    stages: list[str] = []
    won = decided = 0
    for lead in population.leads:
        spent["lead-generation"] += sum(money(event, "cost", terms) for event in lead.events if event["at"] >= start)
        reached = [stage for stage, at in lead.first_reached().items() if at >= start]
        stages += reached
        won += "won" in reached
        decided += "won" in reached or "lost" in reached
    firsts = [person.lifetimes[0] for person in population.persons if person.lifetimes]
    new_customers = sum(1 for life in firsts if life.opened >= start)
    return {
        "acquisition_spend": major(spent["acquisition"], terms),
        "lead_spend": major(spent["lead-generation"], terms),
        "retention_spend": major(spent["retention"], terms),
        "acquisition_cost": divided(major(spent["acquisition"], terms), new_customers),
        "leads": len(new_leads),
        "lead_cost": divided(major(spent["lead-generation"], terms), len(new_leads)),
        "conversion_rate": divided(new_customers, len(new_leads)),
        "lead_conversion_rate": divided(sum(1 for lead in new_leads if lead.converted), len(new_leads)),
        "closing_rate": divided(won, decided),
        "leads_by_stage": counted(stages),
    }


def surveys(population: Population, window: str, terms: Terms) -> Kpis:
    """What customers say."""
    start = start_of(window, terms)
    responses: dict[str, list[Event]] = {"nps": [], "csat": [], "ces": [], "cli": []}
    for person in population.persons:
        for event in person.of("survey-response"):
            if event["at"] >= start:
                responses[event["survey"]].append(event)
    nps, csat, ces, cli = responses["nps"], responses["csat"], responses["ces"], responses["cli"]
    promoters = sum(1 for event in nps if event["score"] >= 9)
    detractors = sum(1 for event in nps if event["score"] <= 6)
    touchpoints: dict[str, list[Event]] = {}
    for event in csat:
        touchpoint = bounded(event.get("touchpoint", "unspecified"), "unspecified", "touchpoint", terms)
        touchpoints.setdefault(touchpoint, []).append(event)
    csat_points = sum((Fraction(event["score"] - 1, event["scale"] - 1) for event in csat), Fraction(0))
    cli_points = sum(event["recommend"] + event["repurchase"] + event["try_other"] for event in cli)
    return {
        "nps": divided(100 * (promoters - detractors), len(nps)),
        "nps_responses": len(nps),
        "nps_margin": nps_margin(promoters, detractors, len(nps)),
        "csat": satisfied_share(csat),
        "csat_by_touchpoint": {touchpoint: satisfied_share(events) for touchpoint, events in touchpoints.items()},
        "csat_mean": divided(csat_points, len(csat)),
        "ces": divided(sum(event["score"] for event in ces), len(ces)),
        "cli": divided(Fraction(cli_points, 3), len(cli)),
        "loyalty_attitude": divided(sum(1 for event in cli if event["repurchase"] >= 5), len(cli)),
    }


def satisfied_share(responses: list[Event]) -> Fraction | None:
    """The share of csat responses at or over their scale's threshold."""
    satisfied = sum(1 for event in responses if event["score"] >= SATISFIED_FROM[event["scale"]])
    return divided(satisfied, len(responses))


def nps_margin(promoters: int, detractors: int, responses: int) -> float | None:
    """The half-width of the 95 % interval of the net promoter score; None without responses."""
    if responses == 0:
        return None
    p = Fraction(promoters * 4 + 3, 4 * (responses + 3))
    d = Fraction(detractors * 4 + 3, 4 * (responses + 3))
    return 100 * 1.959963984540054 * sqrt((p + d - (p - d) ** 2) / (responses + 3))


def loyalty(population: Population, window: str, terms: Terms) -> Kpis:
    """The loyalty programme: members are those of now in every window."""
    start = start_of(window, terms)
    members = [person for person in population.persons if person.is_member]
    active = [person for person in population.persons if person.lifetimes and person.lifetimes[-1].closed is None]
    engaged = issued = redeemed = 0
    for person in population.persons:
        actions = [event["action"] for event in person.of("loyalty-activity") if event["at"] >= start]
        issued += actions.count("reward-issued")
        redeemed += actions.count("reward-redeemed")
        if person.is_member and any(action not in ("enrolled", "left") for action in actions):
            engaged += 1
    return {
        "loyalty_members": len(members),
        "loyalty_participation": divided(sum(1 for person in active if person.is_member), len(active)),
        "loyalty_redemption": divided(redeemed, issued),
        "loyalty_engagement": divided(engaged, len(members)),
    }


def value_over_life(population: Population, window: str, terms: Terms) -> Kpis:
    """What a customer is worth over its lifespan, for the rolling windows of 30 days and more."""
    years_per_window = Fraction(365) / rolling_days(window)
    costs = acquisition(population, window, terms)
    cac = costs["acquisition_cost"]
    active = base(population, window, terms)["active_customers"]
    lifespan = lifespan_years(population, terms)
    per_customer = purchases(population, window, terms)["customer_value"]
    clv = None if per_customer is None or lifespan is None else per_customer * years_per_window * lifespan
    net = None
    if clv is not None and cac is not None and lifespan is not None and active:
        retention = costs["retention_spend"] * years_per_window * lifespan / active
        net = clv * terms.gross_margin - cac - retention
    earned = None if clv is None else clv * terms.gross_margin
    return {
        "clv": clv,
        "net_clv": net,
        "clv_to_cac": divided(earned, cac),
        "acquisition_roi": None if earned is None or cac is None else divided(earned - cac, cac),
    }


def lifespan_years(population: Population, terms: Terms) -> Fraction | None:
    """The lifespan by configuration: a number, the observed buying span, or what the churn rate makes expected."""
    if isinstance(terms.lifespan, Fraction):
        return terms.lifespan
    if terms.lifespan == "expected":
        rate: Fraction | None = base(population, "365d", terms)["exposure_churn_rate"]
        if rate:
            return min(Fraction(10), 30 / (365 * rate))
    span: Fraction | None = purchases(population, "lifetime", terms)["average_buying_span"]
    return span
