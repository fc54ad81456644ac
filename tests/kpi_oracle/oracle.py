"""The judge of the engine: every KPI of the catalogue by loops over the whole log.

It shares no code with the engine. For each window and each slice value it goes through all events again, counts in
integers and fractions, and divides at the end. Where it and the engine differ, one of them misreads the
definitions, and a reader can tell which by reading `definitions.py`, `history.py` and `clock.py`.

Readings decided by the examples (each was turned round once, and the examples then disagreed):
- A lifetime of length 0 counts in `average_tenure` and `average_completed_tenure`.
- What changes the state comes first: both orders of a tie occur, for an open and for a closed lifetime.
- A lapse at the very midnight that begins a window belongs to the window: the lifetime was open at its start.
- `30d` is cut in hours, not in days.
- `clv` and `net_clv` take the nominal length of the window, not the time since its start.
- `involuntary_churn_rate` counts among the lifetimes open at start only, `churn_reasons` among all that closed.
- Slices by other attributes than the channel keep `leads`, `conversion_rate` and the like (by the person); only
  spends and what is divided out of them is null. By channel, a value without spend has 0.0, not null.
- Without responses `nps_margin` is null, though its formula has a value; a labelled KPI without labels is {}.
- The loyalty KPIs of now stand in every window; `loyalty_engagement` counts what happened in the window.
- `targets`: without any, there is no `target_attainment` key.

Readings that neither page nor examples decide, and how they are taken here:
- Two events of one person, instant and event_id but of two sources: the smaller source first, none before any.
- A lead whose earliest event has no channel is `unattributed`, even if a later event has one; likewise a person
  whose earliest acquisition lacks an attribute.
- Deduplication comes before the clock: a repeated event is dropped even if the one that came first is after `now`.
- Lines that are an empty list aren't lines. `orders` counts purchase events, not order ids.
- Only values under which something happened have a slice. Values are admitted in order of arrival, by the value that
  an event has in the end; reasons and touchpoints by the events that carry them, whether or not they close anything.
- `clv_to_cac` and `acquisition_roi` are null at a CAC of 0. Targets are attained in the totals, not in slices.
- A spend without a channel is identified by source and event_id alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from kpi_oracle.clock import CALENDAR_WINDOWS, DAY_MS, instant_ms, instant_text
from kpi_oracle.definitions import OTHER, Kpis, Population, Terms, divided, kpis
from kpi_oracle.history import Event, by_time, distinct, leads_of, persons_of

UNATTRIBUTED = "unattributed"
ROLLING = ("1h", "24h", "7d", "30d", "90d", "365d")
SLICES = ("channel", "segment", "country", "plan")
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
    {
        "lost_customers",
        "churn_rate",
        "involuntary_churn_rate",
        "exposure_churn_rate",
        "lapse_rate",
        "acquisition_cost",
        "lead_cost",
    }
)


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
        currency: what money is reported in.
        timezone: whose midnights begin days.
        calendar: `gregorian` or `jalali`, for month, quarter and year.
        lapse_after_days: in days of 24 h.
        windows: the rolling ones; month, quarter, year and lifetime always come with them.
        lifespan: `expected`, `observed`, or years.
        gross_margin: the share of revenue that is earned.
        slices: the attributes of an acquisition to slice by.
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
    lead_of = {lead.key: lead for lead in everything.leads}

    def value_of(event: Event) -> str | None:
        if event["type"] == "marketing-spend":
            return event.get("channel") if attribute == "channel" else None
        if event["type"] == "lead" and attribute == "channel":
            return lead_of[event["customer_id"], event["lead_id"]].channel
        return person_of[event["customer_id"]].attribute(attribute)

    of_interest = [event for event in arrived if event["type"] != "marketing-spend" or attribute == "channel"]
    known = admitted((value_of(event) for event in of_interest), at_most)
    places: dict[str, list[Event]] = {}
    for event in of_interest:
        value = value_of(event)
        place = UNATTRIBUTED if value is None else value if value in known else OTHER
        places.setdefault(place, []).append(event)

    found = {}
    for place, here in places.items():
        people = {event["customer_id"] for event in here if event["type"] not in ("marketing-spend", "lead")}
        leads = {(event["customer_id"], event["lead_id"]) for event in here if event["type"] == "lead"}
        found[place] = Population(
            persons=[person for person in everything.persons if person.customer_id in people],
            leads=[lead for lead in everything.leads if lead.key in leads],
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
    met = divided(Fraction(str(over)), Fraction(str(under)))
    return None if met is None else float(met)
