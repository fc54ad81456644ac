"""Segments of deduplication ids: many ids in few bytes, asked for thousands of them at once.

A segment is sorted by the first half of each id, so that a chunk is looked up in it by binary search, all ids of the
chunk in one call. Most events are new, and there are dozens of segments: so each has a filter beside it, a few bits
an id in one machine word (a blocked Bloom filter), which answers "not here" for all but one new id in a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

KEY_BYTES = 16
_HALF = np.dtype(">u8")
_WORD_BITS = 64
_IDS_A_WORD = 4  # at most, so that about a fifth of a filter's bits are set
_BITS_AN_ID = 4
_BIT_SHIFTS = np.arange(0, 6 * _BITS_AN_ID, 6, dtype=np.uint64)
_SLICE = 1 << 16

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


class Known(NamedTuple):
    """What is remembered of an id: its record's time, and a hash of what the event said."""

    record_ms: int
    content: int


class Halves(NamedTuple):
    """Ids as numbers: their two halves, and the bits that each sets in a filter."""

    high: Words
    low: Words
    bits: Words

    @staticmethod
    def of(keys: bytes) -> Halves:
        """Return the halves of ids that were joined."""
        halves = np.frombuffer(keys, _HALF).reshape(-1, 2)
        low = halves[:, 1].astype(np.uint64)
        return Halves(halves[:, 0].astype(np.uint64), low, _bits(low))

    def at(self, places: Places) -> Halves:
        """Return some of them."""
        return Halves(self.high[places], self.low[places], self.bits[places])


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Ids by ascending first half, none twice: the halves of each identity, its record time, its content.

    Make one by `Segment.sorted`; `filter` and `shift` follow from the ids.
    """

    high: Words
    low: Words
    record_ms: npt.NDArray[np.int64]
    content: npt.NDArray[np.uint32]
    filter: Words
    shift: int
    newest_ms: int

    @staticmethod
    def sorted(high: Words, low: Words, record_ms: npt.NDArray[np.int64], content: npt.NDArray[np.uint32]) -> Segment:
        """Return a segment of ids in order of arrival; of an id that comes twice, the later one counts."""
        if not _ascends(high):
            order = np.argsort(high)
            if not _ascends(high[order]):  # an id that came again after the horizon, or two alike in this half
                order = np.lexsort((low, high))  # stable: what arrived later comes later
                same_as_next = (high[order[1:]] == high[order[:-1]]) & (low[order[1:]] == low[order[:-1]])
                order = order[np.append(~same_as_next, True)]
            high, low, record_ms, content = high[order], low[order], record_ms[order], content[order]
        words, shift = _filter(low)
        return Segment(high, low, record_ms, content, words, shift, int(record_ms.max()) if len(record_ms) else 0)

    @staticmethod
    def concatenate(segments: Sequence[Segment]) -> Segment:
        """Return one segment with the ids of several, which come in the order in which they were cut."""
        return Segment.sorted(
            np.concatenate([segment.high for segment in segments]),
            np.concatenate([segment.low for segment in segments]),
            np.concatenate([segment.record_ms for segment in segments]),
            np.concatenate([segment.content for segment in segments]),
        )

    def __len__(self) -> int:
        return len(self.high)

    @property
    def size_bytes(self) -> int:
        """Return the memory that it takes."""
        columns = (self.high, self.low, self.record_ms, self.content, self.filter)
        return sum(column.nbytes for column in columns)

    def find(self, ids: Halves) -> tuple[Places, Places]:
        """Return which of some ids are here, and in which rows."""
        maybe = np.flatnonzero(self.filter[ids.low >> np.uint64(self.shift)] & ids.bits == ids.bits)
        if not len(maybe):
            return maybe, maybe
        high, low = ids.high[maybe], ids.low[maybe]
        rows = np.searchsorted(self.high, high)
        rows[rows == len(self.high)] = 0  # another id's, so it isn't taken for it
        like = self.high[rows] == high
        here = like & (self.low[rows] == low)
        for number in np.flatnonzero(like & ~here).tolist():  # two ids alike in their first half: once in ages
            row = int(rows[number]) + 1
            while row < len(self.high) and self.high[row] == high[number]:
                if self.low[row] == low[number]:
                    rows[number], here[number] = row, True
                row += 1
        return maybe[here], rows[here]

    def known(self, row: int) -> Known:
        """Return what is remembered of the id in a row."""
        return Known(int(self.record_ms[row]), int(self.content[row]))


def _bits(low: Words) -> Words:
    """Return the bits of a filter's word that each id sets, taken from the digits that don't choose the word."""
    bits = np.zeros(len(low), np.uint64)
    for shift in _BIT_SHIFTS:
        bits |= np.uint64(1) << (low >> shift & np.uint64(_WORD_BITS - 1))
    return bits


def _ascends(high: Words) -> bool:
    return bool((high[1:] > high[:-1]).all())


def _filter(low: Words) -> tuple[Words, int]:
    """Return a filter of ids, and by how much an id is shifted to give the number of its word."""
    exponent = max(1, (len(low) // _IDS_A_WORD).bit_length())
    shift = _WORD_BITS - exponent
    words = np.zeros(1 << exponent, np.uint64)
    for start in range(0, len(low), _SLICE):  # by slices: none of them holds the interpreter for long
        part = low[start : start + _SLICE]
        np.bitwise_or.at(words, part >> np.uint64(shift), _bits(part))
    return words, shift
