"""Rows of persons as bytes: columns packed side by side, so that recovery reads arrays and not a million objects.

A *base* holds a block of rows whole. A *delta* holds the rows changed since the last checkpoint: all their
whole-number columns, but texts and histories only where those changed, since an order changes neither and
event ids don't compress.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streams.persons import AS_IT_WAS, INT_COLUMNS, TEXT_COLUMNS, Persons
from streams.text_column import TextColumn

Rows = npt.NDArray[np.int64]
_DTYPES = {"b": np.int8, "i": np.int32, "q": np.int64}


class PackedRows(msgspec.Struct, array_like=True):
    """Rows of persons.

    Attributes:
        rows: their numbers, int64.
        columns: the bytes of each of `INT_COLUMNS`.
        ids: customer ids of the rows from `new_from` on, in the order of `rows`.
        new_from: the first row that the previous checkpoint didn't know; 0 in a base.
        text_rows, texts: rows with texts, and the texts of each of `TEXT_COLUMNS`.
        history_rows, histories: rows with a history, and its bytes.
    """

    rows: bytes
    columns: list[bytes]
    ids: list[str]
    new_from: int
    text_rows: bytes
    texts: list[list[str]]
    history_rows: bytes
    histories: list[bytes]


@dataclass(frozen=True, slots=True)
class RowsPicture:
    """Rows as they were when it was taken; `packed` is the slow part, and any thread may do it.

    Ids aren't changed any more once they are given, and the bytes of texts and histories aren't either: what is
    copied here are numbers and references.
    """

    rows: Rows
    columns: list[bytes]
    ids: Callable[[], list[str]]
    new_from: int
    text_rows: Rows
    texts: list[Callable[[], list[str]]]
    history_rows: Rows
    histories: Sequence[bytes | None]

    def packed(self) -> PackedRows:
        """Return the rows as an entry holds them."""
        with_history = np.fromiter((history is not None for history in self.histories), bool, len(self.histories))
        return PackedRows(
            self.rows.tobytes(),
            self.columns,
            self.ids(),
            self.new_from,
            self.text_rows.tobytes(),
            [texts() for texts in self.texts],
            self.history_rows[with_history].tobytes(),
            [history for history in self.histories if history is not None],
        )


def picture(persons: Persons, rows: Rows, *, new_from: int, text_rows: Rows, history_rows: Rows) -> RowsPicture:
    """Take a picture of rows (sorted) with the texts and histories of some of them."""
    new = rows[np.searchsorted(rows, new_from) :]
    return RowsPicture(
        rows,
        [_view(persons, name, code)[rows].tobytes() for name, code in INT_COLUMNS.items()],
        persons.ids.reader(new),
        new_from,
        text_rows,
        [getattr(persons, name).reader(text_rows) for name in TEXT_COLUMNS],
        history_rows,
        persons.packed_histories(history_rows),
    )


def picture_block(persons: Persons, first: int, end: int) -> RowsPicture:
    """Take a picture of rows `first` to `end`, whole."""
    rows, block = np.arange(first, end, dtype=np.int64), slice(first, end)
    return RowsPicture(
        rows,
        [getattr(persons, name)[block].tobytes() for name in INT_COLUMNS],
        persons.ids.reader(block),
        0,
        rows,
        [getattr(persons, name).reader(block) for name in TEXT_COLUMNS],
        rows,
        persons.packed_histories(block),
    )


def unpack(persons: Persons, packed: PackedRows, wanted: Callable[[Rows], npt.NDArray[np.bool_]] | None = None) -> None:
    """Write packed rows over a person table that has them.

    Args:
        persons: the table, already of its full length.
        packed: the rows.
        wanted: a function from row numbers to a mask of those to take; None takes all.
    """
    rows = np.frombuffer(packed.rows, np.int64)
    mask = np.ones(len(rows), bool) if wanted is None else wanted(rows)
    for (name, code), data in zip(INT_COLUMNS.items(), packed.columns, strict=True):
        values, told = np.frombuffer(data, _DTYPES[code]), mask
        if name == "activity_ms":
            told = mask & (values != AS_IT_WAS)
        view = _view(persons, name, code)
        view[rows[told]] = values[told]
        del view
    new_from = int(np.searchsorted(rows, packed.new_from))
    new_mask = mask[new_from:]
    persons.ids.fill(rows[new_from:][new_mask], list(compress(packed.ids, new_mask.tolist())))
    text_rows = np.frombuffer(packed.text_rows, np.int64)
    text_mask = np.ones(len(text_rows), bool) if wanted is None else wanted(text_rows)
    for name, texts in zip(TEXT_COLUMNS, packed.texts, strict=True):
        column: TextColumn = getattr(persons, name)
        column.fill(text_rows[text_mask], texts if text_mask.all() else list(compress(texts, text_mask.tolist())))
    history_rows = np.frombuffer(packed.history_rows, np.int64)
    history_mask = np.ones(len(history_rows), bool) if wanted is None else wanted(history_rows)
    for row, history, take in zip(history_rows.tolist(), packed.histories, history_mask.tolist(), strict=True):
        if take:
            persons.keep_packed(row, history)


def _view(persons: Persons, name: str, code: str) -> npt.NDArray[Any]:
    return np.frombuffer(getattr(persons, name), _DTYPES[code])
