"""The message that an agent sees in place of thousands: consecutive records of one partition.

A chunk covers the *positions* `[begin, end)`, which may be more than its records do: the markers of transactional
producers, aborted records and compacted ones occupy offsets that no consumer is ever given. So chunks of one partition
follow each other exactly when `begin` equals the `end` before; anything else is a loss or a repetition, never a marker.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Record(Protocol):
    """What a chunk needs to know of a fetched record, whoever decoded it."""

    @property
    def offset(self) -> int:
        """Place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, the broker's or the producer's."""

    @property
    def key(self) -> bytes | None:
        """What decided on the partition."""

    @property
    def value(self) -> bytes | None:
        """None in a tombstone."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]:
        """Names may repeat."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive records of one partition, in the order of their offsets; never empty.

    Attributes:
        records: as fetched. A tombstone keeps its null here.
        values: the raw values, a tombstone's as b"" (which no codec accepts, so that it ends as a dead letter).
        begin: position from which these were read.
        end: position after them: what a checkpoint that includes this chunk commits.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    values: Sequence[bytes]
    begin: int
    end: int

    @classmethod
    def of(
        cls,
        topic: str,
        partition: int,
        records: Sequence[Record],
        *,
        begin: int,
        end: int,
    ) -> "Chunk":
        """Collapse fetched records, at least one."""
        return cls(
            topic,
            partition,
            records,
            [record.value or b"" for record in records],
            begin,
            end,
        )

    # Only dead letters and the skip after a recovery read these: made on demand, or each would cost every record.
    @property
    def offsets(self) -> list[int]:
        """Each record's own."""
        return [record.offset for record in self.records]

    @property
    def timestamps(self) -> list[int]:
        """Each record's own, milliseconds since 1970."""
        return [record.timestamp for record in self.records]

    @property
    def keys(self) -> list[bytes | None]:
        """Raw keys."""
        return [record.key for record in self.records]

    @property
    def headers(self) -> list[tuple[tuple[str, bytes | None], ...]]:
        """Each record's own, mostly empty."""
        return [tuple(record.headers) for record in self.records]

    @property
    def last(self) -> Record:
        """The newest record."""
        return self.records[-1]

    def __len__(self) -> int:
        return len(self.records)

    def __reduce__(self) -> Any:
        raise TypeError(f"a chunk of {self.topic!r} never leaves its process: send its records instead")
