"""Rows of persons as bytes: columns packed side by side, so that recovery reads arrays and not a million objects.

A *base* holds a block of rows whole. A *delta* holds the rows changed since the last checkpoint: all their
whole-number columns, but texts and histories only where those changed, since an order changes neither and
event ids don't compress.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streams.persons import INT_COLUMNS, TEXT_COLUMNS, Persons

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


def pack(persons: Persons, rows: Rows, *, new_from: int, text_rows: Rows, history_rows: Rows) -> PackedRows:
    """Pack rows (sorted) with the texts and histories of some of them."""
    return PackedRows(
        rows.tobytes(),
        [_view(persons, name, code)[rows].tobytes() for name, code in INT_COLUMNS.items()],
        [persons.ids[row] for row in rows[np.searchsorted(rows, new_from) :].tolist()],
        new_from,
        text_rows.tobytes(),
        [[getattr(persons, name)[row] for row in text_rows.tolist()] for name in TEXT_COLUMNS],
        history_rows.tobytes(),
        [persons.packed_history(row) for row in history_rows.tolist()],
    )


def pack_block(persons: Persons, first: int, end: int) -> PackedRows:
    """Pack rows `first` to `end` whole."""
    rows = np.arange(first, min(end, len(persons)), dtype=np.int64)
    with_history = np.array([row for row in rows.tolist() if persons.has_history(row)], np.int64)
    return pack(persons, rows, new_from=0, text_rows=rows, history_rows=with_history)


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
        view = _view(persons, name, code)
        view[rows[mask]] = np.frombuffer(data, _DTYPES[code])[mask]
        del view
    new_rows = rows[np.searchsorted(rows, packed.new_from) :].tolist()
    for row, customer_id in zip(new_rows, packed.ids, strict=True):
        persons.ids[row] = customer_id
    text_rows = np.frombuffer(packed.text_rows, np.int64)
    text_mask = np.ones(len(text_rows), bool) if wanted is None else wanted(text_rows)
    for name, texts in zip(TEXT_COLUMNS, packed.texts, strict=True):
        column = getattr(persons, name)
        for row, text, take in zip(text_rows.tolist(), texts, text_mask.tolist(), strict=True):
            if take and text:
                column[row] = text
    history_rows = np.frombuffer(packed.history_rows, np.int64)
    history_mask = np.ones(len(history_rows), bool) if wanted is None else wanted(history_rows)
    for row, history, take in zip(history_rows.tolist(), packed.histories, history_mask.tolist(), strict=True):
        if take:
            persons.keep_packed(row, history)


def _view(persons: Persons, name: str, code: str) -> npt.NDArray[Any]:
    return np.frombuffer(getattr(persons, name), _DTYPES[code])
