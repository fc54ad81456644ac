"""Messages to events, many at once: the verdicts and the events of `codec.decode`, at half its cost.

Most of what makes sure that a message is plain is asked of its bytes, and the bytes of many can be asked together: so
they are, where every instant ends in `Z`, as most producers write it. A batch with anything else in it is decoded
message by message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from . import wire
from .codec import decode, decode_plain, has_plain_text
from .names import LARGEST_MESSAGE
from .rejection import Rejected

BATCH = 256
"""Messages that are looked at together: an odd one among them costs the others a little."""
_NAME = b'"occurred_at"'
_instants_in = re.compile(rb'"occurred_at" ?: ?"(2.{9}T.{8}[.0-9]{0,7})Z"').findall
"""The form is msgspec's to judge, but for the `T`, and for digits beyond microseconds, which it rounds. In the years
2000 to 2999 no offset leads out of bounds."""

Outcome: TypeAlias = wire.Event | Rejected


class Decoded(NamedTuple):
    """What messages hold.

    Attributes:
        outcomes: the event of each message, or why it is none.
        instants: their `occurred_at` as they are written, less the `Z`; empty if they aren't all in the common form, or
            not all are events.
        currencies: of the events' money; None if they aren't known.
    """

    outcomes: list[Outcome]
    instants: list[bytes]
    currencies: set[str] | None = None


def decode_all(raws: Sequence[bytes]) -> list[Decoded]:
    """Return what messages hold, `BATCH` of them in each part."""
    return [_decode_batch(raws[first : first + BATCH]) for first in range(0, len(raws), BATCH)]


def _decode_batch(raws: Sequence[bytes]) -> Decoded:
    joined, count = b"\n".join(raws), len(raws)
    instants: list[bytes] = []
    # Each must have one instant. As many as messages will do: where one lacks it, that one is no event.
    if has_plain_text(joined) and joined.count(_NAME) == count and max(map(len, raws)) <= LARGEST_MESSAGE:
        instants = _instants_in(joined)
    if len(instants) != count:
        return Decoded([_one(raw) for raw in raws], [])
    try:
        events, currencies = decode_plain(raws)
    except (ValueError, RecursionError):  # one of them is none, or is in doubt
        return Decoded([_one(raw) for raw in raws], [])
    return Decoded([*events], instants, currencies)


def _one(raw: bytes) -> Outcome:
    try:
        return decode(raw)
    except Rejected as rejected:
        return rejected
