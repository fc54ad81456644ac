"""What is added up in arrays: amounts by key, exactly or not at all.

A contribution's key holds its minute, its cell set and its column, which is how the fold batches a tick's events.

Exactness: everything is int64, so what could leave its range is refused before it is added.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

COLUMN_BITS, SET_BITS = 12, 20
MINUTE_SHIFT = COLUMN_BITS + SET_BITS
NO_INSTANT = 0
"""The minute field of a stock contribution: it is true now and belongs to no pane. Minute m is field m + 1."""
SAFE_SUM = 2.0**61
_PACKED_BITS = 63
TOO_LARGE = "a sum has left the range of 64-bit integers: an amount far too large was accepted"


class RangeError(ArithmeticError):
    """A sum is too large for 64 bits: the KPIs can't be known exactly any more."""


def sort(keys: Ints) -> tuple[Ints, Ints]:
    """Return keys in their order, and where each of them was; equal ones lie in any order.

    If keys span few enough bits, they are sorted with their places behind them: to sort places by the keys that lie
    there takes twice as long.
    """
    bits = len(keys).bit_length()
    first = int(keys.min()) if len(keys) else 0
    if len(keys) == 0 or (int(keys.max()) - first).bit_length() + bits > _PACKED_BITS:
        order = np.argsort(keys)
        return keys[order], order
    packed = keys - first
    packed <<= bits
    packed |= np.arange(len(keys))
    packed.sort()
    order = packed & (1 << bits) - 1
    packed >>= bits
    packed += first
    return packed, order


def heads(sorted_keys: Ints) -> npt.NDArray[np.bool_]:
    """Tell of each whether it differs from the one before."""
    first = np.ones(len(sorted_keys), bool)
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=first[1:])
    return first


def tails(sorted_keys: Ints) -> npt.NDArray[np.bool_]:
    """Tell of each whether it differs from the one after."""
    return heads(sorted_keys[::-1])[::-1]


def add_up(keys: Ints, amounts: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys, sorted, with the sum of their amounts; sums of 0 are left out."""
    if len(keys) == 0:
        return keys, amounts
    keys, order = sort(keys)
    first = np.flatnonzero(heads(keys))
    sums = np.add.reduceat(amounts[order], first)
    kept = np.flatnonzero(sums)
    return keys[first[kept]], sums[kept]


def refuse_too_large(amounts: Ints) -> None:
    """Refuse amounts that could wrap a sum on the way, where `check_range` wouldn't see it any more.

    Raises:
        RangeError: together they may leave 64 bits.
    """
    if float(np.abs(amounts.astype(np.float64)).sum()) > SAFE_SUM:
        raise RangeError(TOO_LARGE)


def as_arrays(deltas: Mapping[int, int]) -> tuple[Ints, Ints]:
    """Return keys and amounts of contributions in a dict.

    Raises:
        RangeError: an amount is too large for 64 bits.
    """
    keys = np.fromiter(deltas.keys(), np.int64, len(deltas))
    try:
        return keys, np.fromiter(deltas.values(), np.int64, len(deltas))
    except OverflowError:
        raise RangeError(TOO_LARGE) from None
