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
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from events import wire
from streams.segments import KEY_BYTES, Halves, Known, Segment

RECENT_IDS = 1 << 16
"""Ids in the dict above which they become a segment, checkpoint or not."""
_ROW_BYTES = KEY_BYTES + 8 + 4
_SEALED_TOGETHER = 8
_DICT_BYTES = 150  # measured: an id, its number, and their place in a dict
_NOTHING: Mapping[bytes, Known] = {}
_write = msgspec.msgpack.Encoder().encode_into


class Verdict(Enum):
    """What deduplication says of an event."""

    NEW = 0
    DUPLICATE = 1
    DIFFERENT = 2
    """A duplicate by its identity, but not by its content: some producer uses an event id twice."""


def event_identity(event: wire.Event) -> bytes:
    """Return the identity of an event, 16 bytes; a spend's never equals a person's."""
    return event_identities([event])[0]


def event_identities(events: Sequence[Any]) -> list[bytes]:
    """Return the identities of many events."""
    spend = wire.MarketingSpend
    texts = [  # as `identity` has it, without its detours: every event comes by
        f"\0{event.customer_id}\0{event.source or ''}\0{event.event_id}"
        if type(event) is not spend
        else f"\1{event.channel or ''}\0{event.source or ''}\0{event.event_id}"
        for event in events
    ]
    return list(map(xxhash.xxh3_128_digest, map(str.encode, texts)))


def event_content(event: wire.Event) -> int:
    """Return a 32-bit hash of all that an event says, however its JSON was written."""
    return event_contents([event])[0]


def event_contents(events: Sequence[wire.Event]) -> list[int]:
    """Return hashes of all that events say, one of each."""
    written, digest, write = bytearray(), xxhash.xxh32_intdigest, _write
    contents = []
    for event in events:
        write(event, written)  # over the last one's, and cut where it ends
        contents.append(digest(written))
    return contents


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
        return self.judge_all([event], np.array([record_ms], np.int64)).get(0, Verdict.NEW)

    def judge_all(self, events: Sequence[wire.Event], record_ms: npt.NDArray[np.int64]) -> dict[int, Verdict]:
        """Return which of many events, by their place, aren't new, and remember those that are.

        Args:
            events: at most a chunk of them, in the order in which they came.
            record_ms: the Kafka timestamp of each one's record.
        """
        return self.judge_keys(event_identities(events), event_contents(events), record_ms)

    def judge_keys(
        self, keys: Sequence[bytes], contents: Sequence[int], record_ms: npt.NDArray[np.int64]
    ) -> dict[int, Verdict]:
        """Do so by their identities and contents.

        All are entered among the recent ids at once, which tells who was there before; these, and those that are in a
        segment, are judged one by one.
        """
        count, first = len(keys), len(self._recent_ms)
        found = self.find(keys)
        places = np.fromiter(map(self._recent.setdefault, keys, range(first, first + count)), np.int64, count)
        self._recent_ms.frombytes(record_ms.tobytes())
        self._recent_content.extend(contents)
        known = places != np.arange(first, first + count)
        if found:
            known |= np.fromiter(map(found.__contains__, keys), bool, count)
        verdicts: dict[int, Verdict] = {}
        for index in np.flatnonzero(known).tolist():
            verdict = self._judge_known(keys[index], first + index, found)
            if verdict is not Verdict.NEW:
                verdicts[index] = verdict
        new = np.delete(record_ms, list(verdicts)) if verdicts else record_ms
        if len(new):
            self.newest_ms = max(self.newest_ms, int(new.max()))
        return verdicts

    def _judge_known(self, key: bytes, place: int, found: Mapping[bytes, Known]) -> Verdict:
        """Tell whether an event is new that may have been seen: if it is not, its place isn't used."""
        record_ms, content = self._recent_ms[place], self._recent_content[place]
        before = self._recent.get(key, place)
        if before != place:
            known_ms, known_content = self._recent_ms[before], self._recent_content[before]
        else:
            known_ms, known_content = found[key]
        if self.horizon_ms is not None and abs(record_ms - known_ms) > self.horizon_ms:
            self._recent[key] = place
            return Verdict.NEW
        if before == place:
            self._recent.pop(key, None)  # a segment knows it
        return Verdict.DUPLICATE if known_content == content else Verdict.DIFFERENT

    def tidy(self) -> None:
        """Bring recent ids into a segment once they have become many. Not while an answer of `find` is in use."""
        if len(self._recent) >= RECENT_IDS:
            self._seal()
        elif len(self._recent_ms) >= 2 * RECENT_IDS:  # nearly all of them of duplicates, as in a replay
            record_ms, content = self._recent_columns()
            self._recent = dict(zip(self._recent, range(len(record_ms)), strict=True))
            self._recent_ms, self._recent_content = array("q", record_ms.tobytes()), array("I", content.tobytes())

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

    def _recent_columns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
        """Return record times and contents of the recent ids; places that duplicates have taken are passed over."""
        places = np.fromiter(self._recent.values(), np.int64, len(self._recent))
        return np.frombuffer(self._recent_ms, np.int64)[places], np.frombuffer(self._recent_content, np.uint32)[places]

    def _seal(self) -> None:
        if not self._recent:
            return
        ids = Halves.of(b"".join(self._recent))
        segment = Segment.sorted(ids.high, ids.low, *self._recent_columns())
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
