"""The judge of the engine: every KPI of the catalogue by loops over the whole log.

It shares no code with the engine. For each window and each slice value it goes through all events again, counts in
integers and fractions, and divides at the end. Where it and the engine differ, one of them misreads the
definitions, and a reader can tell which by reading this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

from kpi_oracle.clock import CALENDAR_WINDOWS, DAY_MS, instant_ms, instant_text, rolling_days, window_start
from kpi_oracle.history import (
    Event,
    Lead,
    Lifetime,
    Person,
    by_time,
    decimals,
    distinct,
    leads_of,
    persons_of,
    to_minor,
)

Kpis = dict[str, Any]

UNATTRIBUTED = "unattributed"
OTHER = "other"
ROLLING = ("1h", "24h", "7d", "30d", "90d", "365d")
SLICES = ("channel", "segment", "country", "plan")
SATISFIED_FROM = {5: 4, 7: 6, 10: 8}
YEAR_MS = Fraction(36525, 100) * DAY_MS
NOT_BY_ATTRIBUTE = (
    "acquisition_spend",
    "lead_spend",
    "retention_spend",
    "acquisition_cost",
    "lead_cost",
    "net_clv",
    "clv_to_cac",
    "acquisition_roi",
)
"""Null in slices by any attribute but the channel: a spend knows no person."""
LOWER_IS_BETTER = frozenset(
    "lost_customers churn_rate involuntary_churn_rate exposure_churn_rate churn_reasons lapse_rate"
    " acquisition_cost lead_cost".split()
)


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


def compute(
    events: Sequence[Event],
    now: str | int | None = None,
    *,
    currency: str = "EUR",
    timezone: str = "UTC",
    calendar: str = "gregorian",
    lapse_after_days: float = 90,
    windows: Sequence[str] = ROLLING,
    lifespan: str | float = "expected",
    gross_margin: float = 1,
    slices: Sequence[str] = SLICES,
    rates: Mapping[str, Any] | None = None,
    max_slice_values: int = 50,
    max_label_values: int = 50,
    targets: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """All KPIs of a log of valid events, in the output's shape.

    Args:
        events: JSON objects in arrival order, repeated ones included.
        now: as-of instant (RFC 3339 or milliseconds since 1970); None is the latest event's.
        lapse_after_days: in days of 24 h.
        windows: the rolling ones; month, quarter, year and lifetime always come with them.
        lifespan: `expected`, `observed`, or years.
        rates: one unit of a foreign currency in the reporting currency.
        max_slice_values: values admitted per attribute in order of appearance; the rest is `other`.
        max_label_values: the same for reasons and touchpoints.
        targets: calendar window -> KPI -> target; attained in the totals only.
    """
    arrived = distinct(events)
    if now is None:
        now = max(event["at"] for event in arrived)
    now_ms = instant_ms(now) if isinstance(now, str) else now
    arrived = [event for event in arrived if event["at"] <= now_ms]
    terms = Terms(
        now=now_ms,
        currency=currency,
        timezone=timezone,
        calendar=calendar,
        lifespan=lifespan if isinstance(lifespan, str) else Fraction(str(lifespan)),
        gross_margin=Fraction(str(gross_margin)),
        rates=rates or {},
        admitted_labels={
            "reason": admitted((event.get("reason") for event in arrived), max_label_values),
            "touchpoint": admitted((event.get("touchpoint") for event in arrived), max_label_values),
        },
    )
    persons = persons_of(arrived, round(Fraction(str(lapse_after_days)) * DAY_MS), timezone, now_ms)
    spends = by_time(event for event in arrived if event["type"] == "marketing-spend")
    everything = Population(persons, leads_of(persons), spends)
    names = (*windows, *CALENDAR_WINDOWS, "lifetime")
    totals = {name: kpis(everything, name, terms) for name in names}
    for name, wanted in (targets or {}).items():
        totals[name]["target_attainment"] = {kpi: attainment(kpi, totals[name][kpi], wanted[kpi]) for kpi in wanted}
    return {
        "now": instant_text(now_ms),
        "settings": {
            "currency": currency,
            "timezone": timezone,
            "calendar": calendar,
            "lapse_after": f"{lapse_after_days}d",
        },
        "windows": totals,
        "slices": {
            attribute: {
                value: {name: sliced(kpis(population, name, terms), attribute) for name in names}
                for value, population in populations(everything, arrived, attribute, max_slice_values).items()
            }
            for attribute in slices
        },
    }


def admitted(values: Iterable[str | None], at_most: int) -> frozenset[str]:
    """The first so many different values."""
    return frozenset(list(dict.fromkeys(value for value in values if value is not None))[:at_most])


def populations(everything: Population, arrived: list[Event], attribute: str, at_most: int) -> dict[str, Population]:
    """Who and what belongs to each value of a slice attribute; only values under which something happened."""
    person_of = {person.customer_id: person for person in everything.persons}
    lead_of = {(lead.person.customer_id, lead.events[0]["lead_id"]): lead for lead in everything.leads}

    def value_of(event: Event) -> str | None:
        if event["type"] == "marketing-spend":
            return event.get("channel") if attribute == "channel" else None
        if event["type"] == "lead" and attribute == "channel":
            return lead_of[event["customer_id"], event["lead_id"]].channel
        return person_of[event["customer_id"]].attribute(attribute)

    of_interest = [event for event in arrived if event["type"] != "marketing-spend" or attribute == "channel"]
    known = admitted((value_of(event) for event in of_interest), at_most)

    def place_of(event: Event) -> str:
        value = value_of(event)
        return UNATTRIBUTED if value is None else value if value in known else OTHER

    found: dict[str, Population] = {}
    for place in dict.fromkeys(place_of(event) for event in of_interest):
        here = [event for event in of_interest if place_of(event) == place]
        found[place] = Population(
            persons=[
                person
                for person in everything.persons
                if any(event.get("customer_id") == person.customer_id and event["type"] != "lead" for event in here)
            ],
            leads=[lead for lead in everything.leads if place_of(lead.events[0]) == place],
            spends=[event for event in here if event["type"] == "marketing-spend"],
        )
    return found


def sliced(values: Kpis, attribute: str) -> Kpis:
    """A slice value's KPIs, with null for what can't be told by this attribute."""
    if attribute == "channel":
        return values
    return {name: None if name in NOT_BY_ATTRIBUTE else value for name, value in values.items()}


def attainment(kpi: str, value: float | None, target: float) -> float | None:
    """How far a target is met: value / target, or target / value where lower is better."""
    if value is None:
        return None
    over, under = (target, value) if kpi in LOWER_IS_BETTER else (value, target)
    return divided(Fraction(str(over)), Fraction(str(under)))


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
    carrying = lines_total = 0
    offer_orders = {"upsell": 0, "cross-sell": 0}
    offer_totals = {"upsell": 0, "cross-sell": 0}
    for person in population.persons:
        bought = person.of("purchase")
        in_window = [purchase for purchase in bought if purchase["at"] >= start]
        refunds += sum(money(refund, "total", terms) for refund in person.of("refund") if refund["at"] >= start)
        orders += len(in_window)
        for purchase in in_window:
            total = money(purchase, "total", terms)
            gross += total
            if purchase is not bought[0]:
                later_gross += total
            lines = purchase.get("lines", [])
            if lines:
                carrying += 1
            lines_total += sum(money(line, "total", terms) for line in lines)
            for offer in offer_orders:
                offered = [line for line in lines if line.get("offer") == offer]
                offer_totals[offer] += sum(money(line, "total", terms) for line in offered)
                if offered:
                    offer_orders[offer] += 1
        if in_window:
            buyers += 1
            span_ms += bought[-1]["at"] - bought[0]["at"]
            if len(in_window) >= 2:
                repeat_buyers += 1
            if bought[0]["at"] < start:
                returning_buyers += 1
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
        "upsell_rate": divided(offer_orders["upsell"], carrying),
        "cross_sell_rate": divided(offer_orders["cross-sell"], carrying),
        "upsell_revenue_share": divided(offer_totals["upsell"], lines_total),
        "cross_sell_revenue_share": divided(offer_totals["cross-sell"], lines_total),
        "repeat_purchase_rate": divided(repeat_buyers, buyers),
        "returning_revenue_share": divided(later_gross, gross),
        "average_buying_span": divided(Fraction(span_ms) / YEAR_MS, buyers),
        "customer_value": None if order_value is None or frequency is None else order_value * frequency,
    }
    if window != "lifetime":
        values["returning_buyer_rate"] = divided(returning_buyers, buyers)
    return values


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
        rate = base(population, "365d", terms)["exposure_churn_rate"]
        if rate:
            return min(Fraction(10), Fraction(30) / (365 * rate))
    span: Fraction | None = purchases(population, "lifetime", terms)["average_buying_span"]
    return span
