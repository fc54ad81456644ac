"""Customer ids by row, and rows by customer id.

A list of strings and a dict would take 150 bytes a person. Here the ids are packed, and a table of rows, open addressed
by the ids' hashes, finds them: some 40 bytes a person, and a chunk's ids are looked up in a dozen array operations.
Hashes are Python's own, so they differ from process to process and no checkpoint holds them; an id counts as found only
once its bytes have been compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.text_column import PREFIX, TextColumn

_FREE = -1
_LEAST = 1 << 10
_ROWS_A_STEP = 65_536
_WORD = 8
Rows = npt.NDArray[np.int64]


class CustomerIds:
    """The ids of a partition's persons, in the order of their rows."""

    def __init__(self) -> None:
        self._texts = TextColumn()
        self._hashes = array("q")
        self._table: npt.NDArray[np.int32] = np.full(_LEAST, _FREE, np.int32)
        self._entries = 0  # in the table; a row that was renamed has two, of which one is never found

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: int) -> str:
        return self._texts[row]

    def __contains__(self, customer_id: object) -> bool:
        return isinstance(customer_id, str) and self.row_of(customer_id) is not None

    def __iter__(self) -> Iterator[str]:
        return (self._texts[row] for row in range(len(self)))

    def reader(self, rows: Rows | slice) -> Callable[[], list[str]]:
        """Return what reads the ids of rows, later and in any thread."""
        return self._texts.reader(rows)

    def append(self, customer_id: str) -> int:
        """Add an id that isn't known and return its row."""
        row = len(self._texts)
        self._texts.append(customer_id)
        self._hashes.append(hash(customer_id))
        self._enter(row)
        return row

    def extend(self, customer_ids: Sequence[str]) -> Rows:
        """Add ids that aren't known, each of them once, and return their rows."""
        first = len(self)
        rows = np.arange(first, first + len(customer_ids))
        self.grow(len(rows))
        self.fill(rows, customer_ids)
        if 2 * (self._entries + len(rows)) > len(self._table):
            self._clear()
            self._place(np.arange(len(self)))
        else:
            self._place(rows)
            self._entries += len(rows)
        return rows

    def rename(self, row: int, customer_id: str) -> None:
        """Give a row another id, which isn't known; the old one isn't known from now on."""
        self._texts[row] = customer_id
        self._hashes[row] = hash(customer_id)
        self._enter(row)

    def row_of(self, customer_id: str) -> int | None:
        """Return the row of an id, None if it isn't known."""
        table, mask, hashed = self._table, len(self._table) - 1, hash(customer_id)
        place = hashed & mask
        while (row := int(table[place])) != _FREE:
            if self._hashes[row] == hashed and self._texts[row] == customer_id:
                return row
            place = (place + 1) & mask
        return None

    def find(self, customer_ids: Sequence[str]) -> Rows:
        """Return the rows of many ids, -1 for those that aren't known."""
        hashed = np.fromiter(map(hash, customer_ids), np.int64, len(customer_ids))
        mask, hashes = len(self._table) - 1, np.frombuffer(self._hashes, np.int64)
        found = np.full(len(customer_ids), _FREE, np.int64)
        left, places = np.arange(len(customer_ids)), hashed & mask
        while len(left):
            rows = self._table[places]
            taken = rows != _FREE
            left, places, rows = left[taken], places[taken], rows[taken]
            same = hashes[rows] == hashed[left]
            found[left[same]] = rows[same]
            left, places = left[~same], (places[~same] + 1) & mask
        del hashes  # a column that is looked at can't grow
        known = np.flatnonzero(found != _FREE)
        for at in known[~self._are(found[known], [customer_ids[at] for at in known.tolist()])].tolist():
            row = self.row_of(customer_ids[at])  # two ids of one hash: it may stand behind the other
            found[at] = _FREE if row is None else row
        return found

    def grow(self, count: int) -> None:
        """Append rows without an id, to be filled by a recovery."""
        self._texts.grow(count)
        self._hashes.extend(array("q", [0]) * count)

    def fill(self, rows: Rows, customer_ids: Sequence[str]) -> None:
        """Set the ids of rows; `index` makes them known."""
        self._texts.fill(rows, customer_ids)
        hashed = np.fromiter(map(hash, customer_ids), np.int64, len(customer_ids))
        np.frombuffer(self._hashes, np.int64)[rows] = hashed

    def index(self) -> Iterator[None]:
        """Make all ids known, in bounded steps, after rows have been filled."""
        self._clear()
        for first in range(0, len(self), _ROWS_A_STEP):
            self._place(np.arange(first, min(first + _ROWS_A_STEP, len(self))))
            yield

    def _clear(self) -> None:
        """Begin a table that all ids are about to be placed in, with room for a quarter more."""
        size = _LEAST
        while 2 * size < 5 * len(self):
            size *= 2
        self._table, self._entries = np.full(size, _FREE, np.int32), len(self)

    def _enter(self, row: int) -> None:
        """Enter a row into the table, a larger one if it would be more than half full."""
        if 2 * (self._entries + 1) > len(self._table):
            self._clear()
            self._place(np.arange(len(self)))
            return
        table, mask = self._table, len(self._table) - 1
        place = self._hashes[row] & mask
        while table[place] != _FREE:
            place = (place + 1) & mask
        table[place] = row
        self._entries += 1

    def _place(self, rows: Rows) -> None:
        """Enter rows into the table: all at once, and again those of which several have met at one place."""
        table, mask = self._table, len(self._table) - 1
        places = np.frombuffer(self._hashes, np.int64)[rows] & mask
        while len(rows):
            free = table[places] == _FREE
            table[places[free]] = rows[free]
            homeless = table[places] != rows
            rows, places = rows[homeless], (places[homeless] + 1) & mask

    def _are(self, rows: Rows, customer_ids: list[str]) -> npt.NDArray[np.bool_]:
        """Tell which rows have these very ids: all are compared at once, a word of eight bytes after the other."""
        asked, sizes = _encoded(customer_ids)
        heap, starts = self._texts.heap, self._texts.starts(rows)
        same: npt.NDArray[np.bool_] = _unaligned(heap, "<u2")[starts] == sizes
        is_inside = starts + (PREFIX + _WORD) + sizes <= len(heap)
        for at in np.flatnonzero(same & ~is_inside).tolist():  # a word there may reach beyond the heap
            same[at] = self._texts[int(rows[at])] == customer_ids[at]
        left = np.flatnonzero(same & is_inside)
        stored_words, asked_words = _unaligned(heap, "<u8"), _unaligned(asked, "<u8")
        stored, wanted, remaining = starts[left] + PREFIX, (np.cumsum(sizes) - sizes)[left], sizes[left]
        while len(left):
            beyond = (8 * np.maximum(_WORD - remaining, 0)).astype(np.uint64)  # bits of what follows the id
            differ = (stored_words[stored] ^ asked_words[wanted]) << beyond != 0
            same[left[differ]] = False
            more = np.flatnonzero((remaining > _WORD) & ~differ)
            left, remaining = left[more], remaining[more] - _WORD
            stored, wanted = stored[more] + _WORD, wanted[more] + _WORD
        return same


def _encoded(texts: list[str]) -> tuple[bytes, Rows]:
    """Return texts as UTF-8, one after the other and a word beyond, and the number of bytes of each."""
    joined = "".join(texts)
    sizes = map(len, texts) if joined.isascii() else (len(text.encode()) for text in texts)
    return joined.encode() + bytes(_WORD), np.fromiter(sizes, np.int64, len(texts))


def _unaligned(data: bytes | bytearray, number: str) -> npt.NDArray[Any]:
    """Return the numbers that begin at each byte."""
    size = np.dtype(number).itemsize
    return np.ndarray((max(0, len(data) - size + 1),), number, data, strides=(1,))
