"""How far each source has delivered each type of event, and in which hours: what a source's health is judged by.

Kept per partition, because events are, and merged by the KPI agent: the latest instants by maximum, the hours by
union. That is why hours are remembered one by one, as bits of the last eight weeks, and the rhythm is read off them
after merging: counts by hour of the week, kept in each partition, would not tell whether two partitions heard of a
source in the same hour or in two. It also forgets, as it should: a rhythm is that of the last weeks.

An hour is that of a record's Kafka time stamp, so a partition that is read again after years learns the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

HOUR_MS = 3_600_000
WEEK_HOURS = 168
REMEMBERED_WEEKS = 8
MOST_PAIRS = 64
"""Pairs of source and type that are told apart; what comes later is under `other`, by type."""
UNNAMED = "unnamed"
"""Source of events that name none."""
OTHER = "other"
PROMPT_MS = 15 * 60_000
"""An event that is published later than this after it occurred didn't come live."""
_WIDTH = REMEMBERED_WEEKS * WEEK_HOURS + 1
_MASK = (1 << _WIDTH) - 1
_RECENT = 512
_NOWHERE = -1

Ints: TypeAlias = npt.NDArray[np.int64]
Pair: TypeAlias = tuple[str, str]
"""A source and a type."""


class PackedMark(msgspec.Struct, array_like=True):
    """A `Mark` with its pair, for checkpoints and answers; `hours` as little-endian bytes."""

    source: str
    type: str
    latest_event_ms: int
    latest_record_ms: int
    since_hour: int
    newest_hour: int
    hours: bytes
    recent: int
    late: int


@dataclass(slots=True)
class Mark:
    """What is known of one source's events of one type.

    Attributes:
        latest_event_ms: the latest `occurred_at`.
        latest_record_ms: the latest Kafka time stamp.
        since_hour: the first hour in which anything arrived; hours are numbered since 1970, in UTC.
        newest_hour: the last such hour.
        hours: bit i is set if something arrived i hours before the newest.
        recent, late: of some hundred recent events, how many there were and how many weren't prompt.
    """

    latest_event_ms: int = -1
    latest_record_ms: int = -1
    since_hour: int = _NOWHERE
    newest_hour: int = _NOWHERE
    hours: int = 0
    recent: int = 0
    late: int = 0

    @property
    def weeks(self) -> int:
        """Return the number of whole weeks that were observed before the newest hour, up to those remembered."""
        return min((self.newest_hour - self.since_hour) // WEEK_HOURS, REMEMBERED_WEEKS)

    @property
    def is_prompt(self) -> bool:
        """Tell whether events mostly come as they occur, not in batches long after."""
        return 2 * self.late <= self.recent

    def enter(self, hour: int) -> None:
        """Note that something arrived in an hour."""
        self.merge_hours(hour, hour, 1)

    def merge_hours(self, since_hour: int, newest_hour: int, hours: int) -> None:
        """Add hours that somebody else has seen; in whatever order they are added, the outcome is the same."""
        if self.newest_hour == _NOWHERE:
            self.since_hour, self.newest_hour, self.hours = since_hour, newest_hour, hours & _MASK
            return
        ahead = newest_hour - self.newest_hour
        if ahead > 0:
            self.hours = hours | (self.hours << ahead if ahead < _WIDTH else 0)
            self.newest_hour = newest_hour
        elif -ahead < _WIDTH:
            self.hours |= hours << -ahead
        self.hours &= _MASK
        self.since_hour = min(self.since_hour, since_hour)

    def merge(self, other: Mark) -> None:
        """Add what another partition knows of the same pair."""
        self.latest_event_ms = max(self.latest_event_ms, other.latest_event_ms)
        self.latest_record_ms = max(self.latest_record_ms, other.latest_record_ms)
        self.merge_hours(other.since_hour, other.newest_hour, other.hours)
        self.recent += other.recent
        self.late += other.late


class Watermarks:
    """The marks of one partition."""

    def __init__(self) -> None:
        self.marks: dict[Pair, Mark] = {}

    def note_all(self, source: str | None, kind: str, at_ms: Ints, record_ms: Ints) -> None:
        """Take note of events that count, at least one, of one source and type.

        Args:
            source: theirs.
            kind: their type.
            at_ms: when each occurred.
            record_ms: when each was published.
        """
        mark = self.marks.get((source or UNNAMED, kind))
        if mark is None:
            mark = self._admit((source or UNNAMED, kind))
        mark.latest_event_ms = max(mark.latest_event_ms, int(at_ms.max()))
        oldest_ms, newest_ms = int(record_ms.min()), int(record_ms.max())
        mark.latest_record_ms = max(mark.latest_record_ms, newest_ms)
        is_of_one_hour = oldest_ms // HOUR_MS == newest_ms // HOUR_MS  # as chunks mostly are
        for hour in [newest_ms // HOUR_MS] if is_of_one_hour else np.unique(record_ms // HOUR_MS).tolist():
            mark.enter(hour)
        mark.recent += len(at_ms)
        mark.late += int(np.count_nonzero(record_ms - at_ms > PROMPT_MS))
        while mark.recent >= _RECENT:
            mark.recent //= 2
            mark.late //= 2

    def _admit(self, pair: Pair) -> Mark:
        return self.marks.setdefault(pair if len(self.marks) < MOST_PAIRS else (OTHER, pair[1]), Mark())

    def pack(self) -> list[PackedMark]:
        """Return all marks as they travel."""
        return [
            PackedMark(
                *pair,
                mark.latest_event_ms,
                mark.latest_record_ms,
                mark.since_hour,
                mark.newest_hour,
                mark.hours.to_bytes((mark.hours.bit_length() + 7) // 8, "little"),
                mark.recent,
                mark.late,
            )
            for pair, mark in self.marks.items()
        ]

    def restore(self, packed: Iterable[PackedMark]) -> None:
        """Take back the marks of a checkpoint."""
        self.marks = {(each.source, each.type): _unpacked(each) for each in packed}


def merged(partitions: Iterable[Iterable[PackedMark]]) -> Mapping[Pair, Mark]:
    """Return the cluster's marks of its partitions'.

    Of more pairs than are told apart, those known for longest are; who is admitted follows from the marks, not from the
    order of the partitions.
    """
    found: dict[Pair, Mark] = {}
    for partition in partitions:
        for each in partition:
            found.setdefault((each.source, each.type), Mark()).merge(_unpacked(each))
    for pair, mark in sorted(found.items(), key=lambda item: (item[1].since_hour, item[0]))[MOST_PAIRS:]:
        if pair[0] != OTHER:
            del found[pair]
            found.setdefault((OTHER, pair[1]), Mark()).merge(mark)
    return found


def _unpacked(packed: PackedMark) -> Mark:
    return Mark(
        packed.latest_event_ms,
        packed.latest_record_ms,
        packed.since_hour,
        packed.newest_hour,
        int.from_bytes(packed.hours, "little"),
        packed.recent,
        packed.late,
    )
