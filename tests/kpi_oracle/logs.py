"""Event logs that are as unkind as real ones: late, repeated, contradictory, and full of coincidences.

A uniform random log never meets a boundary: two events at one instant, a purchase at the very midnight of a lapse,
a cancellation at the start of a window. Here such instants are sought. All logs are valid by the event contract, so
that whatever two implementations say differently about them is a difference in the definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from kpi_oracle.clock import (
    CALENDAR_WINDOWS,
    DAY_MS,
    EPOCH,
    HOUR_MS,
    MINUTE_MS,
    first_instant,
    instant_ms,
    local_date,
    midnight_at_or_after,
    window_start,
)
from kpi_oracle.history import Event, clean, decimals
from kpi_oracle.small_logs import event_logs

__all__ = ["event_logs", "generate", "hot_instants"]

ATTRIBUTES = {
    "channel": ("web", "app", "store", "café", None),
    "segment": ("std", "vip", None),
    "country": ("DE", "IR", "US", "NP", None),
    "plan": ("basic", "pro", None, None),
}
REASONS = ("price", "site", "delivery", "service", "payment-failed", "qualite\u0301", "", None)
TOUCHPOINTS = ("product", "service", "delivery", "price", "", None)
STAGES = ("new", "qualified", "proposal", "won", "lost", None)
ACTIONS = ("enrolled", "left", "earned", "earned", "reward-issued", "reward-redeemed")
SOURCES = (None, None, None, "shop", "crm")
OFFSETS_MINUTES = (0, 0, 0, 345, -240, 210, 840, -720)


def generate(
    seed: int,
    *,
    customers: int = 40,
    days: int = 500,
    end: str | int = "2026-06-15T13:37:20.250Z",
    disorder: float = 0.2,
    duplicates: float = 0.04,
    timezone: str = "UTC",
    calendar: str = "gregorian",
    windows: Sequence[str] = ("1h", "24h", "7d", "30d", "90d", "365d"),
    lapse_after_days: int = 90,
    currencies: Sequence[str] = ("EUR",),
    varying_attributes: bool = False,
    before_acquisition: int | None = 16,
    ahead: bool = True,
) -> list[Event]:
    """A log of all event types in arrival order; the same arguments give the same log.

    Args:
        seed: of the random numbers.
        customers: how many persons; about one in seven is never acquired.
        days: how far back before `end` the log reaches.
        end: the `now` that the log is made for; some events lie up to 4 minutes after it if `ahead`.
        disorder: share of events that arrive late: by minutes, hours, days or months.
        duplicates: share of events that arrive again later, some with other content.
        timezone: whose midnights, and days of 23 and 25 hours, are sought.
        calendar: whose month, quarter and year begin at sought instants.
        windows: whose starts are sought.
        lapse_after_days: around which the gaps between purchases lie.
        currencies: of the money values; lines have their order's.
        varying_attributes: whether a person's acquisitions may carry different attributes.
        before_acquisition: most events of an acquired person that happen, or arrive, before its (first arriving)
            acquisition; None is no bound.
        ahead: whether producers' clocks run ahead.
    """
    end_ms = instant_ms(end) if isinstance(end, str) else end
    maker = _Maker(
        rng=Random(seed),
        begin=end_ms - days * DAY_MS,
        end=end_ms,
        timezone=timezone,
        lapse_ms=lapse_after_days * DAY_MS,
        hot=hot_instants(end_ms, days, timezone, calendar, windows),
        currencies=currencies,
        varying_attributes=varying_attributes,
    )
    for number in range(customers):
        maker.person(f"c{number}", before_acquisition)
    for _ in range(max(1, days // 4)):
        maker.spend()
    if ahead:
        maker.peek_ahead(max(3, customers // 8))
    log = maker.arrivals(disorder, duplicates)
    return log if before_acquisition is None else _acquired_in_time(log, before_acquisition, end_ms)


def hot_instants(end_ms: int, days: int, timezone: str, calendar: str, windows: Sequence[str]) -> list[int]:
    """Where definitions change their mind: window starts, first instants of odd days, `end` itself."""
    starts = [window_start(name, end_ms, timezone, calendar) for name in (*windows, *CALENDAR_WINDOWS)]
    hot = [end_ms, *(start for start in starts if start is not None)]
    today = local_date(end_ms, timezone)
    for back in range(days):
        begin = first_instant(today - timedelta(days=back), timezone)
        if first_instant(today - timedelta(days=back - 1), timezone) - begin != DAY_MS:
            hot += [begin, begin + DAY_MS, begin + HOUR_MS]
    return sorted(instant for instant in set(hot) if instant <= end_ms)


@dataclass
class _Maker:
    """The state of one generation."""

    rng: Random
    begin: int
    end: int
    timezone: str
    lapse_ms: int
    hot: list[int]
    currencies: Sequence[str]
    varying_attributes: bool
    events: list[tuple[int, Event]] = field(default_factory=list)
    used: set[tuple[str, str | int | None, str]] = field(default_factory=set)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    numbers: int = 0

    # -- instants and values

    def moment(self, low: int | None = None, high: int | None = None) -> int:
        """An instant of the range, often one where something else begins, or a millisecond beside it."""
        low, high = max(self.begin, low or self.begin), high or self.end
        near = [instant for instant in self.hot if low <= instant <= high]
        if near and self.rng.random() < 0.2:
            return self.rng.choice(near) + self.rng.choice((-1, 0, 0, 1))
        return self.rng.randint(low, max(low, high))

    def text(self, at: int) -> str:
        """The instant in RFC 3339, at one of several offsets."""
        minutes = self.rng.choice(OFFSETS_MINUTES)
        moment = EPOCH + timedelta(milliseconds=at)
        if minutes == 0 and self.rng.random() < 0.2:
            return moment.astimezone(ZoneInfo(self.timezone)).isoformat(timespec="milliseconds")
        shifted = (moment + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(timespec="milliseconds")
        sign = "-" if minutes < 0 else "+"
        return shifted + (f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z")

    def money(self, at_most: float, *, low: float = 0, currency: str | None = None) -> dict[str, Any]:
        """An amount with the currency's own decimals, as a string or now and then as a number."""
        currency = currency or self.rng.choice(self.currencies)
        amount = f"{self.rng.uniform(low, at_most):.{decimals(currency)}f}"
        if self.rng.random() < 0.1:
            return {"amount": float(amount) if "." in amount else int(amount), "currency": currency}
        return {"amount": amount, "currency": currency}

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self.rng.random() < probability

    # -- events

    def emit(self, kind: str, at: int, customer: str | None, **fields: Any) -> None:
        """One event; now and then with an event_id that another source has used for the same person."""
        owner = customer if customer is not None else f"spend {fields.get('channel')}"
        source = self.rng.choice(SOURCES)
        self.numbers += 1
        event_id = f"{kind}-{self.numbers}"
        others = [
            event["event_id"] for _, event in self.events[-6:] if customer and event.get("customer_id") == customer
        ]
        if others and self.chance(0.08):
            taken = self.rng.choice(others)
            # Not at one instant: the contract orders ties by event_id alone.
            if not {(owner, source, taken), (owner, at, taken)} & self.used:
                event_id = taken
        self.used |= {(owner, source, event_id), (owner, at, event_id)}
        event: Event = {"type": kind, "event_id": event_id, "occurred_at": self.text(at)}
        if customer is not None:
            event["customer_id"] = customer
        if source is not None:
            event["source"] = source
        event |= {name: value for name, value in fields.items() if value is not None or self.chance(0.1)}
        self.events.append((at, event))

    def person(self, customer: str, before_acquisition: int | None) -> None:
        """Everything that happens to one person."""
        begun = len(self.events)
        first = self.lifetimes(customer) if self.chance(0.85) else None
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            self.lead(customer, first)
        if self.chance(0.9):
            self.shop(customer, first)
        for _ in range(self.rng.randint(0, 3)):
            self.respond(customer, self.moment(first))
        if self.chance(0.5):
            self.loyalty(customer, first)
        if first is not None and before_acquisition is not None:
            mine = self.events[begun:]
            early = [item for item in mine if item[0] < first]
            surplus = early[before_acquisition:]
            self.events[begun:] = [item for item in mine if item not in surplus]

    def acquire(self, customer: str, at: int) -> None:
        """An acquisition with the person's attributes."""
        if customer not in self.attributes or (self.varying_attributes and self.chance(0.5)):
            drawn = {name: self.rng.choice(values) for name, values in ATTRIBUTES.items()}
            self.attributes[customer] = {name: value for name, value in drawn.items() if value is not None}
        cost = self.money(5) if self.chance(0.4) else None
        self.emit("customer-acquired", at, customer, cost=cost, **self.attributes[customer])

    def cancel(self, customer: str, at: int) -> None:
        """A cancellation, with or without a reason."""
        voluntary = self.rng.choice((None, None, True, False))
        self.emit("cancellation", at, customer, reason=self.rng.choice(REASONS), voluntary=voluntary)

    def lifetimes(self, customer: str) -> int:
        """Openings and closes, win-backs, repetitions and ties; returns the first opening."""
        first = at = self.moment()
        self.acquire(customer, at)
        if self.chance(0.1):
            self.cancel(customer, self.moment(at - 40 * DAY_MS, at))
        if self.chance(0.1):
            self.cancel(customer, at)
        is_open = True
        while self.chance(0.6):
            at = self.moment(at, min(self.end, at + self.rng.choice((1, 30, 120)) * DAY_MS))
            step, other = (self.cancel, self.acquire) if is_open else (self.acquire, self.cancel)
            step(customer, at)
            if self.chance(0.2):
                step(customer, at)
            if self.chance(0.2):
                other(customer, at)
            if self.chance(0.2):
                step(customer, self.moment(at, min(self.end, at + 20 * DAY_MS)))
            is_open = not is_open
        return first

    def lead(self, customer: str, first: int | None) -> None:
        """A lead that reaches some stages, in any order of time, before or after the acquisition."""
        self.numbers += 1
        lead_id = f"l{self.numbers}"
        about = self.moment() if first is None or self.chance(0.3) else first - self.rng.choice((0, 1, 20 * DAY_MS))
        for stage in self.rng.sample(STAGES, self.rng.randint(1, 4)):
            cost = self.money(9) if self.chance(0.5) else None
            channel = self.rng.choice(ATTRIBUTES["channel"])
            at = about if self.chance(0.3) else self.moment(about, min(self.end, about + 60 * DAY_MS))
            self.emit("lead", at, customer, lead_id=lead_id, stage=stage, channel=channel, cost=cost)

    def shop(self, customer: str, first: int | None) -> None:
        """A chain of purchases whose gaps play around the lapse, and refunds."""
        anchor = self.moment() if first is None or self.chance(0.2) else first + self.rng.choice((0, 1, DAY_MS))
        at = anchor
        if self.chance(0.3):  # the lapse falls on a hot midnight
            target = midnight_at_or_after(self.rng.choice(self.hot), self.timezone)
            at = target - self.lapse_ms - self.rng.choice((0, 0, 1, self.rng.randint(0, DAY_MS - HOUR_MS)))
        for _ in range(self.rng.choice((1, 1, 2, 4, 8))):
            if not self.begin <= at <= self.end:
                return
            order_id = self.purchase(customer, at)
            if self.chance(0.15):
                self.emit(
                    "refund", self.moment(at, self.end), customer, order_id=order_id, total=self.money(30, low=0.01)
                )
            lapse = midnight_at_or_after(at + self.lapse_ms, self.timezone)
            gap = self.rng.choice(("same", "short", "short", "short", "at lapse", "around lapse", "long"))
            at = {
                "same": at,
                "short": at + self.rng.randint(1, 40 * DAY_MS),
                "at lapse": lapse + self.rng.choice((-1, 0, 0, 0, 1)),
                "around lapse": at + self.lapse_ms + self.rng.randint(-1, 1) * self.rng.choice((0, 1, DAY_MS)),
                "long": lapse + self.rng.randint(0, 60 * DAY_MS),
            }[gap]

    def purchase(self, customer: str, at: int) -> str:
        """One order, often with lines, some with offers or a discount; the lines needn't add up to the total."""
        self.numbers += 1
        total = self.money(120, low=1)
        lines = None
        if self.chance(0.6):
            lines = []
            for _ in range(self.rng.randint(0, 4)):
                line: dict[str, Any] = {"sku": f"s{self.rng.randint(1, 9)}"}
                line["total"] = self.money(40, currency=total["currency"])
                if self.chance(0.15):
                    line["total"]["amount"] = f"-{line['total']['amount']}"
                if self.chance(0.5):
                    line["quantity"] = self.rng.choice((1, 2, 0.5))
                if self.chance(0.5):
                    line["offer"] = self.rng.choice(("base", "upsell", "cross-sell"))
                lines.append(line)
        self.emit("purchase", at, customer, order_id=f"o{self.numbers}", total=total, lines=lines)
        return f"o{self.numbers}"

    def respond(self, customer: str, at: int) -> None:
        """An answer to one of the four surveys, on any scale."""
        survey = self.rng.choice(("nps", "csat", "csat", "ces", "cli"))
        fields: dict[str, Any] = {"survey": survey, "touchpoint": self.rng.choice(TOUCHPOINTS)}
        if survey == "nps":
            fields["score"] = self.rng.choice((0, 6, 7, 8, 9, 10))
        elif survey == "csat":
            fields["scale"] = self.rng.choice((5, 7, 10))
            fields["score"] = self.rng.randint(1, fields["scale"])
        elif survey == "ces":
            fields["score"] = self.rng.randint(1, 7)
        else:
            fields |= {question: self.rng.randint(1, 6) for question in ("recommend", "repurchase", "try_other")}
        self.emit("survey-response", at, customer, **fields)

    def loyalty(self, customer: str, first: int | None) -> None:
        """Programme activities, with enrolments and leavings at one instant."""
        at = self.moment(first)
        for action in ["enrolled", *self.rng.choices(ACTIONS, k=self.rng.randint(0, 5))]:
            points = self.rng.randint(0, 500) if self.chance(0.6) else None
            self.emit("loyalty-activity", at, customer, action=action, points=points)
            if self.chance(0.75):
                at = self.moment(at, min(self.end, at + 90 * DAY_MS))

    def spend(self) -> None:
        """Marketing money, with or without a channel and a campaign."""
        self.emit(
            "marketing-spend",
            self.moment(),
            None,
            spend=self.money(400),
            purpose=self.rng.choice(("acquisition", "lead-generation", "retention")),
            channel=self.rng.choice(ATTRIBUTES["channel"]),
            campaign=self.rng.choice((None, "spring", "nowruz")),
        )

    def peek_ahead(self, count: int) -> None:
        """Events a little after `end`, as clocks of producers that run ahead write them."""
        for _ in range(count):
            at = self.end + self.rng.randint(1, 4 * MINUTE_MS)
            customer = self.rng.choice(list(self.attributes) or ["c0"])
            if customer not in self.attributes:
                self.respond(customer, at)
                continue
            self.rng.choice((self.acquire, self.cancel, self.purchase, self.respond))(customer, at)

    # -- arrival

    def arrivals(self, disorder: float, duplicates: float) -> list[Event]:
        """The events in the order in which they arrive, some late, some again."""
        delays = (MINUTE_MS, HOUR_MS, DAY_MS, 10 * DAY_MS, 120 * DAY_MS)
        log: list[tuple[int, int, Event]] = []
        for number, (at, event) in enumerate(self.events):
            arrival = at + (self.rng.randint(1, self.rng.choice(delays)) if self.chance(disorder) else 0)
            log.append((arrival, number, event))
            if self.chance(duplicates):
                later = arrival + self.rng.randint(0, self.rng.choice(delays))
                log.append((later, number, self.altered(event) if self.chance(0.4) else event))
        return [event for _, _, event in sorted(log, key=lambda item: item[:2])]

    def altered(self, event: Event) -> Event:
        """The same identity with other content."""
        event = dict(event)
        if "total" in event:
            event["total"] = {**event["total"], "amount": "77"}
            event.pop("lines", None)
        event["occurred_at"] = self.text(self.moment())
        return event


def _acquired_in_time(log: list[Event], at_most: int, end_ms: int) -> list[Event]:
    """The log with acquisitions brought forward, where more of the person's events would arrive before any."""
    waiting: dict[str, list[int]] = {}
    arrived: dict[str, Event] = {}
    for position, event in enumerate(log):
        customer = clean(event.get("customer_id"))
        if customer is None or customer in arrived:
            continue
        if event["type"] == "customer-acquired" and instant_ms(event["occurred_at"]) <= end_ms:
            arrived[customer] = event
        else:
            waiting.setdefault(customer, []).append(position)
    result: list[tuple[float, Event]] = []
    for position, event in enumerate(log):
        customer = clean(event.get("customer_id"))
        place: float = position
        if arrived.get(customer) is event and len(waiting.get(customer, [])) > at_most:
            place = min(position, waiting[customer][at_most] - 0.5)
        result.append((place, event))
    return [event for _, event in sorted(result, key=lambda item: item[0])]
