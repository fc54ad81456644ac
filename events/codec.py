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
from collections.abc import Sequence
from typing import get_args

import msgspec

from . import models, wire
from .checks import currencies_of_clean, is_clean
from .instant import instant_ms
from .judgement import judged
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
            if _FIRST_YEAR < event.occurred_at.year < _LAST_YEAR and is_clean(event):
                return event
        except (ValueError, RecursionError):  # msgspec's errors and AmountError are ValueErrors
            pass
    return judge(raw)


def decode_plain(raws: Sequence[bytes]) -> tuple[list[wire.Event], set[str]]:
    """The events of messages whose size, text and instants are known to be plain, and the currencies of their money.

    Raises:
        ValueError, RecursionError: one of them isn't an event, or is for the judge to say.
    """
    events: list[wire.Event] = list(map(_fast.decode, raws))
    return events, currencies_of_clean(events)


def has_plain_text(raw: bytes) -> bool:
    """Is there nothing to unescape and to normalise in it, and no control character but white space?"""
    return _BACKSLASH not in raw and _DELETE not in raw and (raw.isascii() or _is_normal(raw))


def _is_normal(raw: bytes) -> bool:
    """Is it UTF-8 in NFC, without C1 control characters? Then so is every part of it."""
    try:
        return not _c1_control(raw) and unicodedata.is_normalized("NFC", raw.decode())
    except UnicodeDecodeError:
        return False


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
