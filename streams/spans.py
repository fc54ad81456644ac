"""Everybody's contractual lifetimes as three columns, from a picture of a partition's persons.

Taking the picture is all that the event loop waits for: a copy of one column and of references to packed histories,
which aren't changed any more, only replaced. Reading lifetimes off it takes a second for a million persons, half of
whom have a history, and may happen in a thread meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from streams.lifetimes import Instant, lifetimes
from streams.persons import NEVER, Persons
from streams.sums import Ints


class _Transitions(msgspec.Struct, array_like=True):
    """The beginning of a packed `History`: the rest is passed over, unread."""

    transitions: list[Instant] = []


_transitions = msgspec.msgpack.Decoder(_Transitions).decode


@dataclass(frozen=True, slots=True)
class Picture:
    """What lifetimes follow from, as it was at one moment; a row a person."""

    acquired_ms: Ints
    histories: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Spans:
    """Contractual lifetimes, an item each.

    Attributes:
        first_ms: when the first-ever lifetime of the same person opened.
        open_ms: when it opened.
        close_ms: when it closed, or `NEVER`.
    """

    first_ms: Ints
    open_ms: Ints
    close_ms: Ints


def picture_of(persons: Persons) -> Picture:
    """Take a picture of a partition's persons."""
    everybody = slice(0, len(persons))
    return Picture(persons.column("acquired_ms", everybody), persons.packed_histories(everybody))


def spans_of(picture: Picture) -> Spans:
    """Read everybody's lifetimes off a picture."""
    has_one = picture.acquired_ms != NEVER
    found: list[int] = []
    for row, packed in enumerate(picture.histories):
        if packed is None:
            continue
        transitions = _transitions(packed).transitions
        if transitions:
            has_one[row] = False
            read = lifetimes(transitions)
            for one in read:
                found += (read[0].open_ms, one.open_ms, NEVER if one.close_ms is None else one.close_ms)
    alone = picture.acquired_ms[has_one]
    first_ms, open_ms, close_ms = np.array(found, np.int64).reshape(-1, 3).T
    return Spans(
        np.concatenate([alone, first_ms]),
        np.concatenate([alone, open_ms]),
        np.concatenate([np.full(len(alone), NEVER), close_ms]),
    )
