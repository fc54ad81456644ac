"""From events to what happened: persons with their lifetimes, leads, spends.

Everything is sorted and told again from the beginning; nothing is kept up to date. That is what makes it a judge:
an engine that folds one event at a time has a hundred ways to be wrong here, and a loop over a sorted list has few.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from kpi_oracle.clock import instant_ms, midnight_at_or_after

Event = dict[str, Any]

_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def decimals(currency: str) -> int:
    """The number of decimals of an ISO 4217 currency."""
    return _DECIMALS.get(currency, 2)


@dataclass
class Lifetime:
    """One span between an opening and a close; for buying lifetimes the close is the lapse."""

    opened: int
    closed: int | None = None
    reason: str = "unknown"
    voluntary: bool = True


@dataclass
class Person:
    """All that the log tells about one customer, by event type, each list sorted by time and event_id."""

    customer_id: str
    events: dict[str, list[Event]] = field(default_factory=dict)
    lifetimes: list[Lifetime] = field(default_factory=list)
    buying: list[Lifetime] = field(default_factory=list)
    is_member: bool = False

    def of(self, kind: str) -> list[Event]:
        """The person's events of one type."""
        return self.events.get(kind, [])

    def attribute(self, name: str) -> str | None:
        """A slice attribute, as the earliest acquisition states it."""
        acquisitions = self.of("customer-acquired")
        return acquisitions[0].get(name) if acquisitions else None


@dataclass
class Lead:
    """A lead: the person and lead_id together."""

    person: Person
    events: list[Event]

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.person.customer_id, self.events[0]["lead_id"]

    @property
    def first_seen(self) -> int:
        """When its earliest event happened."""
        return int(self.events[0]["at"])

    @property
    def channel(self) -> str | None:
        """Its own channel: what its earliest event says."""
        return self.events[0].get("channel")

    def first_reached(self) -> dict[str, int]:
        """For each stage it reached, the first time."""
        reached: dict[str, int] = {}
        for event in self.events:
            reached.setdefault(event.get("stage", "new"), event["at"])
        return reached

    @property
    def converted(self) -> bool:
        """Whether its person has a lifetime that opened at or after the lead."""
        return any(lifetime.opened >= self.first_seen for lifetime in self.person.lifetimes)


def clean(value: Any) -> Any:
    """NFC text, and absent instead of null and ""."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if item is not None and item != ""}
    return value


def distinct(events: Iterable[Event]) -> list[Event]:
    """The events without the repeated ones, in arrival order: of one identity the first to arrive counts.

    Each gets its instant as `at`.
    """
    seen = set()
    kept = []
    for raw in events:
        event = clean(raw)
        whose = ("spend", event.get("channel")) if event["type"] == "marketing-spend" else ("of", event["customer_id"])
        identity = (whose, event.get("source"), event["event_id"])
        if identity not in seen:
            seen.add(identity)
            kept.append({**event, "at": instant_ms(event["occurred_at"])})
    return kept


def by_time(events: Iterable[Event]) -> list[Event]:
    """Sorted by time, then event_id (then source, for two systems that use one id at one instant)."""
    return sorted(events, key=lambda event: (event["at"], event["event_id"], event.get("source", "")))


def to_minor(money: Mapping[str, Any], currency: str, rates: Mapping[str, Any]) -> int:
    """A money value in minor units of the reporting currency, converted on its own, half-even."""
    amount = Fraction(str(money["amount"]))
    if money["currency"] != currency:
        amount *= Fraction(str(rates[money["currency"]]))
    scaled: Fraction = amount * 10 ** decimals(currency)
    return round(scaled)


def lifetimes_of(openings: list[Event], closes: list[Event]) -> list[Lifetime]:
    """The lifetimes between openings and closes, each list sorted by time and event_id.

    At one instant, what changes the state comes first.
    """
    lifetimes: list[Lifetime] = []
    is_open = False
    for at in sorted({event["at"] for event in openings + closes}):
        opens = any(event["at"] == at for event in openings)
        ends = [event for event in closes if event["at"] == at]
        steps = ("close", "open") if is_open else ("open", "close")
        for step in steps:
            if step == "open" and opens and not is_open:
                lifetimes.append(Lifetime(opened=at))
                is_open = True
            if step == "close" and ends and is_open:
                reason = ends[0].get("reason", "unknown")
                voluntary = ends[0].get("voluntary", reason != "payment-failed")
                lifetimes[-1] = Lifetime(lifetimes[-1].opened, at, reason, voluntary)
                is_open = False
    return lifetimes


def buying_lifetimes_of(purchases: list[Event], lapse_after_ms: int, timezone: str, now_ms: int) -> list[Lifetime]:
    """Lifetimes over purchases: closed by the lapse, if its moment has come by now and no purchase came before it."""
    lifetimes: list[Lifetime] = []
    lapse = None
    for purchase in purchases:
        if lapse is None or purchase["at"] >= lapse:
            if lapse is not None:
                lifetimes[-1].closed = lapse
            lifetimes.append(Lifetime(opened=purchase["at"]))
        lapse = midnight_at_or_after(purchase["at"] + lapse_after_ms, timezone)
    if lapse is not None and lapse <= now_ms:
        lifetimes[-1].closed = lapse
    return lifetimes


def persons_of(events: list[Event], lapse_after_ms: int, timezone: str, now_ms: int) -> list[Person]:
    """Everybody in the log, in order of appearance, told from the distinct events up to now."""
    persons: dict[str, Person] = {}
    for event in events:
        if event["type"] != "marketing-spend":
            person = persons.setdefault(event["customer_id"], Person(event["customer_id"]))
            person.events.setdefault(event["type"], []).append(event)
    for person in persons.values():
        person.events = {kind: by_time(of_kind) for kind, of_kind in person.events.items()}
        person.lifetimes = lifetimes_of(person.of("customer-acquired"), person.of("cancellation"))
        person.buying = buying_lifetimes_of(person.of("purchase"), lapse_after_ms, timezone, now_ms)
        activities = person.of("loyalty-activity")
        memberships = lifetimes_of(
            [event for event in activities if event["action"] == "enrolled"],
            [event for event in activities if event["action"] == "left"],
        )
        person.is_member = bool(memberships) and memberships[-1].closed is None
    return list(persons.values())


def leads_of(persons: Iterable[Person]) -> list[Lead]:
    """All leads: the lead events of one person with one lead_id."""
    leads: list[Lead] = []
    for person in persons:
        lead_ids = dict.fromkeys(event["lead_id"] for event in person.of("lead"))
        leads += [Lead(person, [e for e in person.of("lead") if e["lead_id"] == lead_id]) for lead_id in lead_ids]
    return leads
