"""Lifetimes from transitions: when a customer was one, whatever the order in which we heard of it.

Two machines share the idea that state is a sorted history and lifetimes are read off it anew. A contractual
lifetime opens at an acquisition and closes at a cancellation; a buying lifetime opens at a purchase and
lapses when none follows in time. Kept as running counters instead, the first late cancellation would be wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import msgspec

from streams.panes import Days

CLOSED = -1
"""In the place of an opening's instant: no lifetime is open."""
LOOK_BACK = 16
"""Openings of an open lifetime that are looked through for the first of them."""


class Instant(msgspec.Struct, array_like=True, gc=False):
    """What happened to one person's lifetime at one instant, however many events said so."""

    at_ms: int
    opens: bool = False
    closes: bool = False
    event_id: str = ""
    reason: str = ""
    involuntary: bool = False


class Lifetime(NamedTuple):
    """A contractual lifetime; `close_ms` is None while it is open."""

    open_ms: int
    close_ms: int | None = None
    reason: str = ""
    involuntary: bool = False


def instant_at(history: list[Instant], at_ms: int) -> Instant:
    """Return the history's entry for an instant, inserted in order if it is new."""
    if not history or history[-1].at_ms < at_ms:  # as most are
        history.append(Instant(at_ms))
        return history[-1]
    index = bisect_left(history, at_ms, key=lambda instant: instant.at_ms)
    if history[index].at_ms != at_ms:
        history.insert(index, Instant(at_ms))
    return history[index]


def add_open(history: list[Instant], at_ms: int) -> None:
    """Record an acquisition."""
    instant_at(history, at_ms).opens = True


def add_close(history: list[Instant], at_ms: int, event_id: str, reason: str, *, involuntary: bool) -> None:
    """Record a cancellation; of several at one instant the smallest event id gives the reason."""
    instant = instant_at(history, at_ms)
    known = (instant.event_id, instant.reason, instant.involuntary)
    if not instant.closes or (event_id, reason, involuntary) < known:
        instant.closes, instant.event_id, instant.reason, instant.involuntary = True, event_id, reason, involuntary


def lifetimes(history: list[Instant]) -> list[Lifetime]:
    """Read the lifetimes off a history sorted by time.

    At one instant what changes the state comes first: an open lifetime is closed and opened again, a closed
    one is opened and closed again, a lifetime of length 0.
    """
    found: list[Lifetime] = []
    opened: int | None = None
    for instant in history:
        if opened is None and instant.opens:
            opened = instant.at_ms
            if instant.closes:
                found.append(Lifetime(opened, opened, instant.reason, instant.involuntary))
                opened = None
        elif opened is not None and instant.closes:
            found.append(Lifetime(opened, instant.at_ms, instant.reason, instant.involuntary))
            opened = instant.at_ms if instant.opens else None
    if opened is not None:
        found.append(Lifetime(opened))
    return found


def standing(history: list[Instant], at_ms: int) -> int | None:
    """Tell what a history leaves, for a transition after all of it, without reading every lifetime off it.

    Args:
        history: transitions sorted by time, at least one.
        at_ms: when the next one is.

    Returns:
        When the lifetime opened that is open; `CLOSED` if none is; None where only `lifetimes` can tell: the transition
        isn't after the others, or at one instant a lifetime opened and one closed, or an open one was opened often.
    """
    if at_ms <= history[-1].at_ms:
        return None
    opened = CLOSED
    for instant in history[: -LOOK_BACK - 1 : -1]:
        if instant.closes:
            return None if instant.opens else opened
        opened = instant.at_ms
    return opened if len(history) <= LOOK_BACK else None


def is_member(history: list[Instant]) -> bool:
    """Tell whether the last transition left the membership open; ties as for lifetimes.

    Read from the end, for it may hold thousands: an instant that opens and closes leaves everything as it was.
    """
    last = next((instant for instant in reversed(history) if instant.opens != instant.closes), None)
    return last is not None and last.opens


class Span(NamedTuple):
    """A buying lifetime: its opening and its latest purchase, in milliseconds."""

    open_ms: int
    last_ms: int


def add_purchase(spans: list[Span], at_ms: int, lapse_after_ms: int, days: Days) -> list[Span]:
    """Return the buying lifetimes, sorted, with one more purchase in them.

    Only the ends of a lifetime matter: a purchase inside one changes nothing, one after its end extends it if
    it comes before the lapse, and an extension that reaches the next lifetime joins the two.
    """
    merged: list[Span] = []
    for span in sorted([*spans, Span(at_ms, at_ms)]):
        if merged and span.open_ms < lapse_ms(merged[-1].last_ms, lapse_after_ms, days):
            merged[-1] = Span(merged[-1].open_ms, max(merged[-1].last_ms, span.last_ms))
        else:
            merged.append(span)
    return merged


def lapse_ms(last_ms: int, lapse_after_ms: int, days: Days) -> int:
    """Return the instant at which a buying lifetime lapses: a local midnight."""
    return days.at_or_after(last_ms + lapse_after_ms)
