"""What this engine accepts: an event of the contract whose money has a rate and whose time has nearly come.

The contract alone doesn't know rates or clocks. Whoever judges a message (a partition that reads it, whoever posts it,
whoever sends a dead letter back) judges it here, so that what one has accepted another doesn't reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from events import wire
from events.batch import Decoded, decode_all
from events.codec import decode
from events.instant import instant_ms
from events.money import Converter
from events.names import FUTURE
from events.rejection import Rejected
from streams.meaning import Meaning

Ints: TypeAlias = npt.NDArray[np.int64]
Outcome: TypeAlias = wire.Event | Rejected

FAR_FUTURE_MS = 7_258_118_400_000
"""The year 2200: later events are refused whatever the tolerance; minutes and days are numbered up to here."""
_PAYING = frozenset({wire.Purchase, wire.Refund, wire.MarketingSpend, wire.CustomerAcquired, wire.Lead})
"""Events that can carry money."""


class Judged(NamedTuple):
    """What many messages are.

    Attributes:
        outcomes: of each its event, or why it is refused.
        at_ms: when each event occurred; of what is refused it means nothing.
        refused: the latter by their places, in ascending order.
    """

    outcomes: list[Outcome]
    at_ms: Ints
    refused: dict[int, Rejected]


class Acceptance:
    """Judges messages under a deployment's settings.

    Args:
        meaning: the reporting currency, and rates.
        future_tolerance_ms: how far an event may lie after its record's timestamp; None: however far.
    """

    def __init__(self, meaning: Meaning, future_tolerance_ms: int | None) -> None:
        self._reporting = meaning.currency
        self._without_question = frozenset({meaning.currency})
        self._converter = Converter(meaning.currency, meaning.rates)
        self._future_tolerance_ms = future_tolerance_ms

    def judged(self, raw: bytes, record_ms: int) -> tuple[wire.Event, int]:
        """Return the event that a message holds, and its instant in milliseconds.

        Args:
            raw: the message.
            record_ms: when it was published.

        Raises:
            Rejected: it breaks the contract, its money has no rate, or it lies too far ahead.
        """
        event = decode(raw)
        if type(event) in _PAYING:
            self._check_money(event)
        at_ms, tolerance = instant_ms(event.occurred_at), self._future_tolerance_ms
        if at_ms > FAR_FUTURE_MS or (tolerance is not None and at_ms > record_ms + tolerance):
            raise _too_far_ahead(event, at_ms - record_ms, tolerance)
        return event, at_ms

    def judged_all(self, raws: Sequence[bytes], record_ms: Ints) -> Judged:
        """Return what `judged` says of many messages.

        Args:
            raws: the messages.
            record_ms: when each was published.
        """
        outcomes: list[Outcome] = []
        instants: list[Ints] = []
        refused: dict[int, Rejected] = {}
        for decoded in decode_all(raws):
            if decoded.currencies is None or not decoded.currencies <= self._without_question:
                self._refuse_money(decoded.outcomes)
                places = enumerate(decoded.outcomes, len(outcomes))
                refused |= {place: why for place, why in places if isinstance(why, Rejected)}
            outcomes += decoded.outcomes
            instants.append(_milliseconds(decoded))
        at_ms = np.concatenate(instants) if instants else np.empty(0, np.int64)
        tolerance = self._future_tolerance_ms
        too_far = at_ms > FAR_FUTURE_MS
        if tolerance is not None:
            too_far |= at_ms > record_ms + tolerance
        for index in np.flatnonzero(too_far).tolist():
            event = outcomes[index]
            if not isinstance(event, Rejected):
                why = _too_far_ahead(event, int(at_ms[index] - record_ms[index]), tolerance)
                outcomes[index] = refused[index] = why
        return Judged(outcomes, at_ms, dict(sorted(refused.items())))

    def _refuse_money(self, outcomes: list[Outcome]) -> None:
        """Refuse, in its place, each event with an amount that has no rate."""
        for index, event in enumerate(outcomes):
            if type(event) in _PAYING:
                try:
                    self._check_money(event)  # type: ignore[arg-type]
                except Rejected as why:
                    outcomes[index] = why

    def _check_money(self, event: wire.Event) -> None:
        """Refuse amounts that have no rate, now: once an event is folded it is too late."""
        reporting, minor = self._reporting, self._converter.minor
        if isinstance(event, wire.Purchase):
            if event.total.currency != reporting:  # the lines' currency is the total's
                minor(event.total, "total")
                for index, line in enumerate(event.lines or ()):
                    minor(line.total, f"lines.{index}.total")
        elif isinstance(event, wire.Refund):
            minor(event.total, "total")
        elif isinstance(event, wire.MarketingSpend):
            minor(event.spend, "spend")
        elif isinstance(event, wire.CustomerAcquired | wire.Lead) and event.cost is not None:
            minor(event.cost, "cost")


def _milliseconds(decoded: Decoded) -> Ints:
    """Return the instants of messages; 0 for what is no event."""
    if decoded.instants:
        microseconds = np.array(decoded.instants).astype("datetime64[us]").astype(np.int64)
        return microseconds // 1_000  # digits below are cut off, as `instant_ms` does
    return np.array(
        [0 if isinstance(out, Rejected) else instant_ms(out.occurred_at) for out in decoded.outcomes], np.int64
    )


def _too_far_ahead(event: wire.Event, ahead_ms: int, tolerance_ms: int | None) -> Rejected:
    got = f"got {event.occurred_at.isoformat()}"
    if tolerance_ms is None:
        return Rejected(FUTURE, "occurred_at", f"{got}, expected an instant before the year 2200")
    return Rejected(
        FUTURE,
        "occurred_at",
        f"{got}, {ahead_ms / 1000:.0f} s after it was published; expected at most {tolerance_ms / 1000:.0f} s: "
        "the emitter's clock is wrong, or its offset from UTC is",
    )
