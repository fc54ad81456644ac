"""Tiny logs in which everything collides: few persons, few ids, and instants that are all boundaries.

Hypothesis shrinks them to the two or three events on which an implementation and the oracle part.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from kpi_oracle.clock import (
    CALENDAR_WINDOWS,
    DAY_MS,
    EPOCH,
    first_instant,
    instant_ms,
    local_date,
    window_start,
)
from kpi_oracle.history import Event

NOW = "2026-06-15T13:37:20.250Z"
WINDOWS = ("1h", "24h", "7d", "30d", "90d", "365d", *CALENDAR_WINDOWS)
ATTRIBUTES: tuple[dict[str, str], ...] = (
    {"channel": "web", "segment": "vip", "country": "DE", "plan": "pro"},
    {"channel": "app"},
    {"segment": "std", "plan": "basic"},
    {},
)
CHANNELS = (None, "web", "app", "ads")


LENGTHS = (1, 2, 3, 4, 6, 8, 10, 12, 12, 14, 14, 16, 16, 16)
"""Small ones first, where hypothesis shrinks to; long ones more often, since it takes company to collide."""


def edges(now_ms: int, timezone: str, calendar: str) -> list[int]:
    """Where a window begins, the last local midnight, and `now`."""
    starts = [window_start(name, now_ms, timezone, calendar) for name in WINDOWS]
    midnight = first_instant(local_date(now_ms, timezone), timezone)
    return sorted({now_ms, midnight, *(start for start in starts if start is not None)})


@st.composite
def event_logs(
    draw: st.DrawFn,
    *,
    now: str | int = NOW,
    timezone: str = "UTC",
    calendar: str = "gregorian",
    lapse_after_days: int = 90,
    customers: int = 2,
    max_events: int = 16,
    varying_attributes: bool = False,
) -> list[Event]:
    """A log of up to `max_events` events in arrival order, to be read as of `now`.

    Its instants surround one or two edges, and the purchases whose lapse falls on them. With 16 events or fewer no
    person has more than that before its acquisition.
    """
    now_ms = instant_ms(now) if isinstance(now, str) else now
    chosen = draw(st.lists(st.sampled_from(edges(now_ms, timezone, calendar)), min_size=1, max_size=2, unique=True))
    centres = [*chosen, *(edge - lapse_after_days * DAY_MS for edge in chosen)]
    instants = [centre + beside for centre in centres for beside in (0, -1, 1)]
    attributes = draw(st.lists(st.sampled_from(ATTRIBUTES), min_size=customers, max_size=customers))
    log: list[Event] = []
    taken: dict[tuple[Any, ...], str | None] = {}
    for _ in range(min(max_events, draw(st.sampled_from(LENGTHS)))):
        at = draw(st.sampled_from(instants))
        who = draw(st.integers(0, customers - 1))
        event: Event = {
            "event_id": draw(st.sampled_from("abcdefghijklmnop")),
            "occurred_at": (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds"),
        }
        source = draw(st.sampled_from((None, None, None, "crm")))
        if source is not None:
            event["source"] = source
        event |= draw(_contents(who, ATTRIBUTES if varying_attributes else (attributes[who],)))
        # Two sources, one event_id, one instant: the contract orders ties by event_id alone, so no log holds this.
        tie = (event.get("customer_id", event.get("channel")), at, event["event_id"])
        if taken.setdefault(tie, source) == source:
            log.append(event)
    return log


@st.composite
def _contents(draw: st.DrawFn, who: int, attributes: tuple[dict[str, str], ...]) -> Event:
    kind = draw(
        st.sampled_from(
            (
                "customer-acquired",
                "customer-acquired",
                "cancellation",
                "cancellation",
                "purchase",
                "purchase",
                "refund",
                "lead",
                "survey-response",
                "loyalty-activity",
                "marketing-spend",
            )
        )
    )
    fields: dict[str, Any]
    match kind:
        case "customer-acquired":
            fields = {**draw(st.sampled_from(attributes)), "cost": draw(st.none() | _money())}
        case "cancellation":
            fields = {
                "reason": draw(st.sampled_from((None, "price", "payment-failed"))),
                "voluntary": draw(st.sampled_from((None, None, True, False))),
            }
        case "purchase":
            fields = {"order_id": draw(st.sampled_from("op")), "total": draw(_money())}
            fields["lines"] = draw(st.none() | st.lists(_line(), max_size=2))
        case "refund":
            fields = {"order_id": draw(st.sampled_from("op")), "total": draw(_money())}
        case "lead":
            fields = {
                "lead_id": draw(st.sampled_from("lm")),
                "stage": draw(st.sampled_from((None, "new", "qualified", "proposal", "won", "lost"))),
                "channel": draw(st.sampled_from(CHANNELS)),
                "cost": draw(st.none() | _money()),
            }
        case "survey-response":
            fields = draw(_answer())
        case "loyalty-activity":
            actions = ("enrolled", "left", "earned", "reward-issued", "reward-redeemed")
            fields = {"action": draw(st.sampled_from(actions))}
        case _:
            fields = {
                "spend": draw(_money()),
                "purpose": draw(st.sampled_from(("acquisition", "lead-generation", "retention"))),
                "channel": draw(st.sampled_from(CHANNELS)),
            }
    if kind != "marketing-spend":
        fields["customer_id"] = f"c{who}"
    return {"type": kind, **{name: value for name, value in fields.items() if value is not None}}


@st.composite
def _money(draw: st.DrawFn) -> dict[str, str]:
    return {"amount": draw(st.sampled_from(("0", "0.01", "9.99", "10", "33.33"))), "currency": "EUR"}


@st.composite
def _line(draw: st.DrawFn) -> dict[str, Any]:
    amount = draw(st.sampled_from(("0", "5", "9.99", "-5")))
    line: dict[str, Any] = {"sku": "s", "total": {"amount": amount, "currency": "EUR"}}
    offer = draw(st.sampled_from((None, "base", "upsell", "cross-sell")))
    return line if offer is None else {**line, "offer": offer}


@st.composite
def _answer(draw: st.DrawFn) -> dict[str, Any]:
    survey = draw(st.sampled_from(("nps", "csat", "ces", "cli")))
    answer: dict[str, Any] = {"survey": survey, "touchpoint": draw(st.sampled_from((None, "product", "price")))}
    if survey == "nps":
        return {**answer, "score": draw(st.integers(0, 10))}
    if survey == "csat":
        scale = draw(st.sampled_from((5, 7, 10)))
        return {**answer, "scale": scale, "score": draw(st.integers(1, scale))}
    if survey == "ces":
        return {**answer, "score": draw(st.integers(1, 7))}
    return {**answer, **{question: draw(st.integers(1, 6)) for question in ("recommend", "repurchase", "try_other")}}
