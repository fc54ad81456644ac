"""Why a KPI can't be known: each reason has a word that a metric's label may carry, and a sentence for people.

A label must have few values, or every new sentence would be a new series; a person wants to know which partition,
which source, since when. Both are made here, so that no second place can invent a third way of saying it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from metrics import names

_SHOWN = 5


class Reason(NamedTuple):
    """A word from `metrics.names.UNKNOWN_REASONS`, and a sentence."""

    slug: str
    text: str


STARTING: Final = Reason(names.STARTING, "starting")
NO_EVENT: Final = Reason(names.NO_EVENT, "no event has come yet")
LATE_ANSWERS: Final = Reason(names.LATE_ANSWERS, "answers are late")


def no_answer(partitions: Sequence[int]) -> Reason:
    """Partitions that have no owner, recover, or are overwhelmed."""
    return Reason(names.NO_ANSWER, f"no answer from partition {_listed(partitions)}")


def catching_up(partitions: Sequence[int]) -> Reason:
    """Partitions whose sums are still those of the past."""
    return Reason(names.CATCHING_UP, f"partition {_listed(partitions)} is still reading what came before")


def failure(told: str) -> Reason:
    """What has failed and won't be mended by waiting, such as sums that no integer of 64 bits holds."""
    return Reason(names.FAILURE, told)


def books_unbalanced(residual: int) -> Reason:
    """Lifetimes that don't add up."""
    return Reason(names.BOOKS_UNBALANCED, f"the books were out by {residual} customers")


def silent_sources(told: Sequence[str]) -> Reason:
    """Sources that should have delivered, each in a clause of its own."""
    rest = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return Reason(names.SILENT_SOURCE, "; ".join(told[:_SHOWN]) + rest)


def _listed(partitions: Sequence[int]) -> str:
    return f"{', '.join(str(number) for number in partitions[:_SHOWN])}{' ...' if partitions[_SHOWN:] else ''}"
