"""Short texts, one a row, packed: a million Python strings would take sixty bytes each before they say anything."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

ABSENT = -1
"""Where the text of a row would begin that has none."""
PREFIX = 2
"""Bytes before each text that say how many bytes it has."""


class TextColumn:
    """One short text a row, packed; replacing a text leaves the old bytes behind until the next load."""

    def __init__(self) -> None:
        self._heap = bytearray()
        self._starts = array("q")

    def append(self, text: str) -> None:
        """Add a row."""
        self._starts.append(ABSENT)
        if text:
            self[len(self._starts) - 1] = text

    def __setitem__(self, row: int, text: str) -> None:
        data = text.encode()
        self._starts[row] = len(self._heap)
        self._heap += len(data).to_bytes(2, "little") + data

    def fill(self, rows: npt.NDArray[np.int64], texts: Sequence[str]) -> None:
        """Replace the texts of many rows; an empty one is passed over."""
        data = [text.encode() for text in texts]
        sizes = np.fromiter(map(len, data), np.int64, len(data))
        given = sizes > 0
        if not given.any():
            return
        ends = np.cumsum((sizes + 2)[given])
        starts = np.frombuffer(self._starts, np.int64)
        starts[rows[given]] = len(self._heap) + np.concatenate([[0], ends[:-1]])
        self._heap += b"".join([len(text).to_bytes(2, "little") + text for text in data if text])

    def __getitem__(self, row: int) -> str:
        start = self._starts[row]
        return "" if start == ABSENT else _text(self._heap, start)

    def reader(self, rows: npt.NDArray[np.int64] | slice) -> Callable[[], list[str]]:
        """Return what reads the texts that rows have now, later and in any thread: the heap grows at its end only."""
        starts, heap = np.frombuffer(self._starts, np.int64)[rows].copy(), self._heap
        return lambda: ["" if start == ABSENT else _text(heap, start) for start in starts.tolist()]

    @property
    def heap(self) -> bytearray:
        """Return the bytes of all texts, each after its length as two bytes, least first."""
        return self._heap

    def starts(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where in the heap the lengths of the texts of rows lie, `ABSENT` where there is none."""
        return np.frombuffer(self._starts, np.int64)[rows]

    def grow(self, count: int) -> None:
        """Add empty rows."""
        self._starts.extend(array("q", [ABSENT]) * count)

    def __len__(self) -> int:
        return len(self._starts)


def _text(heap: bytearray, start: int) -> str:
    size = heap[start] | heap[start + 1] << 8
    return heap[start + 2 : start + 2 + size].decode()
