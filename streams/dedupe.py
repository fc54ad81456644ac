"""Deduplication: which events have been counted already, for as long as a producer may send them again.

Producers retry, jobs are run twice, and Kafka keeps what it was given: without this a re-sent order doubles
revenue. An event's identity is a 128-bit hash of (customer or channel, source, event id), so that two
different events don't collide in practice: a thousand million ids give a chance of one in 10^20.

A dict of them all would cost 165 bytes an id. So only the newest are in a dict; the rest lie in segments, sorted
arrays of some 31 bytes an id (`streams/segments.py`), which are looked up for a whole chunk at once. A segment goes
when its newest record is a horizon older than the partition's newest. Times here are Kafka record timestamps, never
event times.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec
import numpy as np
import xxhash

from events import wire
from streams.segments import KEY_BYTES, Halves, Known, Segment

RECENT_IDS = 1 << 16
"""Ids in the dict above which they become a segment, checkpoint or not."""
_ROW_BYTES = KEY_BYTES + 8 + 4
_SEALED_TOGETHER = 8
_DICT_BYTES = 150  # measured: an id, its number, and their place in a dict
_NOTHING: Mapping[bytes, Known] = {}
_content = msgspec.msgpack.Encoder().encode


class Verdict(Enum):
    """What deduplication says of an event."""

    NEW = 0
    DUPLICATE = 1
    DIFFERENT = 2
    """A duplicate by its identity, but not by its content: some producer uses an event id twice."""


def event_identity(event: wire.Event) -> bytes:
    """Return the identity of an event, 16 bytes; a spend's never equals a person's."""
    return event_identities([event])[0]


def event_identities(events: Sequence[wire.Event]) -> list[bytes]:
    """Return the identities of many events."""
    digest = xxhash.xxh3_128_digest  # as `identity` has it, without its detours: every event comes by
    return [
        digest(
            f"\1{event.channel or ''}\0{event.source or ''}\0{event.event_id}".encode()
            if isinstance(event, wire.MarketingSpend)
            else f"\0{event.customer_id}\0{event.source or ''}\0{event.event_id}".encode()
        )
        for event in events
    ]


def event_content(event: wire.Event) -> int:
    """Return a 32-bit hash of all that an event says, however its JSON was written."""
    return xxhash.xxh32_intdigest(_content(event))


class Deduplicator:
    """The identities seen within the horizon.

    Args:
        horizon_ms: how far apart two records may be and still be the same event; None: however far.

    Attributes:
        newest_ms: the newest record time seen.
        unread_from_ms: records as old as this may still come, whatever was seen of other topics; None: no older ones
            than the newest. Ids that they may repeat aren't over.
    """

    def __init__(self, horizon_ms: int | None) -> None:
        self.horizon_ms = horizon_ms
        self.newest_ms = 0
        self.unread_from_ms: int | None = None
        self._recent: dict[bytes, int] = {}  # id -> its place in the two arrays
        self._recent_ms = array("q")
        self._recent_content = array("I")
        self._segments: list[Segment] = []  # in the order in which they were cut
        self._uncut: list[Segment] = []  # those of them that no checkpoint has been given yet

    def __len__(self) -> int:
        return len(self._recent) + sum(map(len, self._segments))

    @property
    def size_bytes(self) -> int:
        """Return the memory that the ids take, about."""
        recent = (_DICT_BYTES + _ROW_BYTES - KEY_BYTES) * len(self._recent)
        return recent + sum(segment.size_bytes for segment in self._segments)

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Known]:
        """Return what segments know of some identities, at most a chunk of them at once.

        The answer holds until a segment goes or comes: use it before anything else happens.
        """
        if not self._segments or not keys:
            return _NOTHING
        left, ids = np.arange(len(keys)), Halves.of(b"".join(keys))
        found: dict[bytes, Known] = {}
        for segment in reversed(self._segments):  # the newest knows best
            places, rows = segment.find(ids)
            if len(places):
                for number, row in zip(left[places].tolist(), rows.tolist(), strict=True):
                    found[keys[number]] = segment.known(row)
                rest = np.delete(np.arange(len(left)), places)
                left, ids = left[rest], ids.at(rest)
        return found

    def judge(self, event: wire.Event, record_ms: int) -> Verdict:
        """Tell whether an event is new, and remember it if so."""
        key = event_identity(event)
        return self.judge_key(key, event, record_ms, _NOTHING if key in self._recent else self.find([key]))

    def judge_all(self, events: Sequence[wire.Event], record_ms: Sequence[int]) -> dict[int, Verdict]:
        """Return which of many events, by their place, aren't new, and remember those that are.

        Args:
            events: at most a chunk of them, in the order in which they came.
            record_ms: the Kafka timestamp of each one's record.
        """
        keys = event_identities(events)
        found = self.find(keys)
        distinct = set(keys)
        odd = (self._recent.keys() & distinct) | found.keys()
        if len(distinct) < len(keys):
            odd |= {key for key, times in Counter(keys).items() if times > 1}
        if not odd:
            self._remember_all(keys, record_ms, [event_content(event) for event in events])
            return {}
        verdicts: dict[int, Verdict] = {}
        plain: list[int] = []
        for index, key in enumerate(keys):
            if key not in odd:
                plain.append(index)
            elif (verdict := self.judge_key(key, events[index], record_ms[index], found)) is not Verdict.NEW:
                verdicts[index] = verdict
        self._remember_all(
            [keys[index] for index in plain],
            [record_ms[index] for index in plain],
            [event_content(events[index]) for index in plain],
        )
        return verdicts

    def judge_key(self, key: bytes, event: wire.Event, record_ms: int, found: Mapping[bytes, Known]) -> Verdict:
        """Tell whether an event is new, and remember it if so.

        Args:
            key: its identity.
            event: for its content, which is looked at only if it has to be.
            record_ms: its record's Kafka timestamp.
            found: what `find` said of this identity among others.
        """
        content = event_content(event)
        place = self._recent.get(key)
        if place is not None:
            known_ms, known_content = self._recent_ms[place], self._recent_content[place]
        elif key in found:
            known_ms, known_content = found[key]
        else:
            self._remember(key, record_ms, content)
            return Verdict.NEW
        if self.horizon_ms is None or abs(record_ms - known_ms) <= self.horizon_ms:
            return Verdict.DUPLICATE if known_content == content else Verdict.DIFFERENT
        if place is None:
            self._remember(key, record_ms, content)
        else:
            self._recent_ms[place], self._recent_content[place] = record_ms, content
            self.newest_ms = max(self.newest_ms, record_ms)
        return Verdict.NEW

    def tidy(self) -> None:
        """Bring recent ids into a segment once they have become many. Not while an answer of `find` is in use."""
        if len(self._recent) >= RECENT_IDS:
            self._seal()

    def cut(self) -> list[Segment]:
        """Return the ids that are new since the last cut, for a checkpoint."""
        self._seal()
        cut, self._uncut = self._uncut, []
        return cut

    def remember(self, segment: Segment) -> None:
        """Take in a segment of a checkpoint. Segments come in the order in which they were cut."""
        self._segments.append(segment)
        self.newest_ms = max(self.newest_ms, segment.newest_ms)

    def replace(self, old: Sequence[Segment], merged: Segment) -> None:
        """Put one segment in the place of those of which it was made; those that are gone already are passed over."""
        gone = {id(segment) for segment in old}
        place = next((n for n, segment in enumerate(self._segments) if id(segment) in gone), len(self._segments))
        self._segments = [segment for segment in self._segments if id(segment) not in gone]
        self._segments.insert(place, merged)

    def is_over(self, newest_ms: int) -> bool:
        """Tell whether a segment whose newest id has this record time is beyond the horizon."""
        if self.horizon_ms is None:
            return False
        oldest_ms = self.newest_ms if self.unread_from_ms is None else min(self.newest_ms, self.unread_from_ms)
        return newest_ms < oldest_ms - self.horizon_ms

    def forget(self, segment: Segment) -> None:
        """Drop a segment; of its ids those that were seen anew since are in a later one."""
        self._segments = [kept for kept in self._segments if kept is not segment]

    def _remember(self, key: bytes, record_ms: int, content: int) -> None:
        self._recent[key] = len(self._recent_ms)
        self._recent_ms.append(record_ms)
        self._recent_content.append(content)
        self.newest_ms = max(self.newest_ms, record_ms)

    def _remember_all(self, keys: Sequence[bytes], record_ms: Sequence[int], contents: Sequence[int]) -> None:
        """Remember ids of which none is known and none comes twice."""
        if keys:
            first = len(self._recent_ms)
            self._recent.update(zip(keys, range(first, first + len(keys)), strict=True))
            self._recent_ms.extend(record_ms)
            self._recent_content.extend(contents)
            self.newest_ms = max(self.newest_ms, *record_ms)

    def _seal(self) -> None:
        if not self._recent:
            return
        ids = Halves.of(b"".join(self._recent))
        segment = Segment.sorted(
            ids.high,
            ids.low,
            np.frombuffer(self._recent_ms.tobytes(), np.int64),
            np.frombuffer(self._recent_content.tobytes(), np.uint32),
        )
        self._recent, self._recent_ms, self._recent_content = {}, array("q"), array("I")
        self._segments.append(segment)
        self._uncut.append(segment)
        alike = [each for each in self._uncut[-_SEALED_TOGETHER:] if len(each) < 2 * len(segment)]
        if len(alike) == _SEALED_TOGETHER:  # no checkpoint merges them: a file is read, or the broker is away
            self._join(alike)

    def _join(self, last: list[Segment]) -> None:
        merged = Segment.concatenate(last)
        self.replace(last, merged)
        self._uncut[-len(last) :] = [merged]
        before = self._uncut[-_SEALED_TOGETHER:]
        if len(before) == _SEALED_TOGETHER and all(len(each) < 2 * len(merged) for each in before):
            self._join(before)
