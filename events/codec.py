"""Bytes to events, and back: the door through which every message comes in.

The contract is judged by pydantic (`judge`), at some sixty thousand messages a second. `decode` gives the same
verdicts and the same events at many times that: msgspec reads a plain message straight into a struct, a few
checks make sure of what a struct can't say, and *whatever is in doubt goes to the judge*. So the fast path
never rejects, it only declines; it is right if it accepts nothing that the judge refuses.

What makes a message plain: text without escapes that is ASCII or else normalised already (so there is nothing
to normalise, and no control character but DEL and C1, which are looked for), no CloudEvents envelope, and an
instant in the strict form of RFC 3339 with at most microseconds (msgspec rounds beyond them, and also takes a
space for the `T`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec

from . import models, wire
from .instant import instant_ms
from .judgement import judged
from .money import Amounts, has_sign
from .names import LARGEST_MESSAGE
from .rejection import Rejected

__all__ = ["Rejected", "decode", "encode", "instant_ms", "judge", "to_wire"]

_FIRST_YEAR, _LAST_YEAR = 1970, 9999  # within them, an instant is in or out by its offset: the judge's business

_BACKSLASH, _DELETE = 0x5C, 0x7F  # as integers: a search for one byte is several times faster than for bytes

_fast = msgspec.json.Decoder(wire.Event)
_c1_control = re.compile(rb"\xc2[\x80-\x9f]").search
_instant_at = re.compile(
    rb'"occurred_at"[ \t\n\r]*:[ \t\n\r]*".{10}[Tt].{8}(?:\.[0-9]{1,6})?(?:[Zz]|.{3}:.{2})"'
).search  # msgspec has checked the digits; what it is lenient about is pinned down here
_STRUCTS: dict[str, type[wire.Event]] = {struct.type: struct for struct in get_args(wire.Event)}


def decode(raw: bytes) -> wire.Event:
    """The event that a message holds.

    Raises:
        Rejected: the message breaks the contract; `reason`, `field` and `detail` say how.
    """
    if (
        len(raw) <= LARGEST_MESSAGE
        and has_plain_text(raw)
        and (instant := _instant_at(raw))
        and raw.find(b'"occurred_at"', instant.end()) < 0
    ):
        try:
            event: wire.Event = _fast.decode(raw)
            if _FIRST_YEAR < event.occurred_at.year < _LAST_YEAR and _is_clean(event):
                return event
        except (ValueError, RecursionError):  # msgspec's errors and AmountError are ValueErrors
            pass
    return judge(raw)


def decode_plain(raws: Sequence[bytes]) -> list[wire.Event | None]:
    """The events of messages whose size, text and instants are known to be plain; None for what is in doubt still."""
    events: list[wire.Event | None] = []
    take, read = events.append, _fast.decode
    for raw in raws:
        try:
            event: wire.Event = read(raw)
            check = _CHECKS.get(type(event))
            take(event if check is None or check(event) else None)
        except (ValueError, RecursionError):
            take(None)
    return events


def has_plain_text(raw: bytes) -> bool:
    """Is there nothing to unescape and to normalise in it, and no control character but white space?"""
    return _BACKSLASH not in raw and _DELETE not in raw and (raw.isascii() or _is_normal(raw))


def _is_normal(raw: bytes) -> bool:
    """Is it UTF-8 in NFC, without C1 control characters? Then so is every part of it."""
    try:
        return not _c1_control(raw) and unicodedata.is_normalized("NFC", raw.decode())
    except UnicodeDecodeError:
        return False


def _is_clean(event: wire.Event) -> bool:
    """Does the struct hold what its types can't say? False, or a ValueError, sends it to the judge."""
    check = _CHECKS.get(type(event))
    return check is None or check(event)


def _purchase_is_clean(event: wire.Purchase) -> bool:
    total = event.total
    currency, amount = total.currency, total.amount
    amounts = Amounts.of(currency)
    for line in event.lines or ():
        money = line.total
        if money.currency != currency:
            return False
        amounts[money.amount]
    return amounts[amount] > 0 or not has_sign(amount)


def _money_is_clean(money: wire.Money | None) -> bool:
    return money is None or Amounts.of(money.currency)[money.amount] > 0 or not has_sign(money.amount)


def _survey_is_clean(event: wire.SurveyResponse) -> bool:
    if event.survey == "csat" and event.scale not in models.CSAT_SCALES:
        return False
    allowed = models.answers(event.survey, event.scale)
    return all(getattr(event, field) in values for field, values in allowed.items())


_CHECKS: dict[type[wire.Event], Callable[[Any], bool]] = {
    wire.Purchase: _purchase_is_clean,
    wire.Refund: lambda event: _money_is_clean(event.total),
    wire.CustomerAcquired: lambda event: _money_is_clean(event.cost),
    wire.Lead: lambda event: _money_is_clean(event.cost),
    wire.MarketingSpend: lambda event: _money_is_clean(event.spend),
    wire.SurveyResponse: _survey_is_clean,
}


def judge(raw: bytes) -> wire.Event:
    """`decode` by the contract's models alone: slow, and the last word.

    Raises:
        Rejected: as `decode`.
    """
    return to_wire(judged(raw))


def encode(event: models.AnyEvent | wire.Event) -> bytes:
    """The event, of either kind, as the bytes of a message. Absent fields are left out."""
    if isinstance(event, msgspec.Struct):
        return msgspec.json.encode(event)
    return event.model_dump_json(exclude_none=True).encode()


def to_wire(event: models.AnyEvent) -> wire.Event:
    """The struct of a validated model."""
    struct: wire.Event = msgspec.convert(event, _STRUCTS[event.type], from_attributes=True)
    return struct
