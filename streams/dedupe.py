"""Deduplication: which events have been counted already, for as long as a producer may send them again.

Producers retry, jobs are run twice, and Kafka keeps what it was given: without this a re-sent order doubles
revenue. An event's identity is a 128-bit hash of (customer or channel, source, event id), so that two
different events don't collide in practice: a thousand million ids give a chance of one in 10^20.

Memory is bounded by the horizon: ids are journalled in segments, and a segment goes when its newest record
is a horizon older than the partition's newest. Times here are Kafka record timestamps, never event times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from events import wire
from events.identity import identity

CONTENT_BITS = 32
_KEY_BYTES = 16
_HALF = np.dtype(">u8")
_content = msgspec.msgpack.Encoder().encode


class Verdict(Enum):
    """What deduplication says of an event."""

    NEW = 0
    DUPLICATE = 1
    DIFFERENT = 2
    """A duplicate by its identity, but not by its content: some producer uses an event id twice."""


def event_identity(event: wire.Event) -> bytes:
    """Return the identity of an event, 16 bytes; a spend's never equals a person's."""
    owner, source, event_id = identity(event)
    kind = "\1" if isinstance(event, wire.MarketingSpend) else "\0"
    return xxhash.xxh3_128_digest(f"{kind}{owner}\0{source}\0{event_id}".encode())


def event_content(event: wire.Event) -> int:
    """Return a 32-bit hash of all that an event says, however its JSON was written."""
    return xxhash.xxh32_intdigest(_content(event))


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids that were new between two checkpoints: the halves of each identity, its record time, its content."""

    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    record_ms: npt.NDArray[np.int64]
    content: npt.NDArray[np.uint32]

    @staticmethod
    def concatenate(segments: Sequence[Segment]) -> Segment:
        """Return one segment with the ids of several."""
        return Segment(
            np.concatenate([segment.high for segment in segments]),
            np.concatenate([segment.low for segment in segments]),
            np.concatenate([segment.record_ms for segment in segments]),
            np.concatenate([segment.content for segment in segments]),
        )

    @property
    def newest_ms(self) -> int:
        """Return the record time of the newest id, 0 for an empty segment."""
        return int(self.record_ms.max()) if len(self.record_ms) else 0


class Deduplicator:
    """The identities seen within the horizon.

    Args:
        horizon_ms: how far apart two records may be and still be the same event; None: however far.
    """

    def __init__(self, horizon_ms: int | None) -> None:
        self.horizon_ms = horizon_ms
        self.newest_ms = 0
        self._seen: dict[bytes, int] = {}
        self._journal: list[bytes] = []

    def __len__(self) -> int:
        return len(self._seen)

    def judge(self, event: wire.Event, record_ms: int) -> Verdict:
        """Tell whether an event is new, and remember it if so."""
        key = event_identity(event)
        known = self._seen.get(key)
        if known is not None:
            known_ms, content = known >> CONTENT_BITS, known & (1 << CONTENT_BITS) - 1
            if self.horizon_ms is None or abs(record_ms - known_ms) <= self.horizon_ms:
                return Verdict.DUPLICATE if content == event_content(event) else Verdict.DIFFERENT
        self._seen[key] = record_ms << CONTENT_BITS | event_content(event)
        self.newest_ms = max(self.newest_ms, record_ms)
        if self.horizon_ms is not None:
            self._journal.append(key)
        return Verdict.NEW

    def cut(self) -> Segment:
        """Return the ids that are new since the last cut, for a checkpoint."""
        keys, self._journal = list(dict.fromkeys(self._journal)), []
        values = [self._seen[key] for key in keys]
        halves = np.frombuffer(b"".join(keys), _HALF).reshape(-1, 2)
        return Segment(
            halves[:, 0].astype(np.uint64),
            halves[:, 1].astype(np.uint64),
            np.array([value >> CONTENT_BITS for value in values], np.int64),
            np.array([value & (1 << CONTENT_BITS) - 1 for value in values], np.uint32),
        )

    def remember(self, segment: Segment) -> None:
        """Take in a segment of a checkpoint. Segments come in the order in which they were cut."""
        values = segment.record_ms.astype(object) * (1 << CONTENT_BITS) + segment.content.astype(object)
        self._seen.update(zip(_keys(segment), values.tolist(), strict=True))
        self.newest_ms = max(self.newest_ms, segment.newest_ms)

    def is_over(self, newest_ms: int) -> bool:
        """Tell whether a segment whose newest id has this record time is beyond the horizon."""
        return self.horizon_ms is not None and newest_ms < self.newest_ms - self.horizon_ms

    def forget(self, segment: Segment) -> None:
        """Drop a segment's ids, but for those that were seen anew since."""
        for key, record_ms in zip(_keys(segment), segment.record_ms.tolist(), strict=True):
            known = self._seen.get(key)
            if known is not None and known >> CONTENT_BITS == record_ms:
                del self._seen[key]


def _keys(segment: Segment) -> list[bytes]:
    packed = np.stack([segment.high, segment.low], axis=1).astype(_HALF).tobytes()
    return [packed[start : start + _KEY_BYTES] for start in range(0, len(packed), _KEY_BYTES)]
