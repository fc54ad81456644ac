"""Amounts of many events as whole numbers: what `Fold.minor` reads one by one, read side by side.

A shop writes its amounts alike, with as many decimals as the currency has. Such ones are read off their digits, a
column of digits at a time: a table of amounts that have been seen is larger than a processor's cache, and a look-up
there costs several times as much. However else they are written, `Amounts` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from events import wire
from events.money import Amounts, minor_digits
from streams.sums import Ints

_MOST_DIGITS = 18
"""That 64 bits hold whatever they are."""
_COMMA, _MINUS, _POINT, _ZERO = b",-.0"


def minor_of_all(money: Sequence[wire.Money], reporting: str, convert: Callable[[wire.Money], int]) -> Ints:
    """Return money in minor units of the reporting currency.

    Args:
        money: of any currency; it has been accepted when it arrived.
        reporting: the reporting currency.
        convert: does the same for one of another currency.
    """
    currencies = [each.currency for each in money]
    if {reporting}.issuperset(currencies):
        return minor_of_own([each.amount for each in money], reporting)
    own = np.fromiter((currency == reporting for currency in currencies), bool, len(money))
    minor = np.empty(len(money), np.int64)
    minor[own] = minor_of_own([money[at].amount for at in np.flatnonzero(own).tolist()], reporting)
    minor[~own] = [convert(money[at]) for at in np.flatnonzero(~own).tolist()]
    return minor


def minor_of_own(amounts: Sequence[str | float], currency: str) -> Ints:
    """Return amounts of one currency in its minor units."""
    minor = _minor_of_plain(amounts, minor_digits(currency)) if amounts else None
    if minor is not None:
        return minor
    return np.fromiter(map(Amounts.of(currency).__getitem__, amounts), np.int64, len(amounts))


def _minor_of_plain(amounts: Sequence[str | float], decimals: int) -> Ints | None:
    """Read amounts that are all written with this many decimals, at least one; None if some aren't."""
    try:
        text = np.frombuffer((",".join(amounts) + ",").encode(), np.uint8)  # type: ignore[arg-type]
    except TypeError:  # a number among them
        return None
    ends, points = np.flatnonzero(text == _COMMA), np.flatnonzero(text == _POINT)
    if len(points) != len(ends) or not (ends - points == decimals + 1).all():
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    negative = text[starts] == _MINUS
    whole = points - starts - negative
    longest = int(whole.max())
    if longest + decimals > _MOST_DIGITS:  # zeros in front, for no larger amount is accepted
        return None
    minor = np.zeros(len(amounts), np.int64)
    for place in range(decimals):
        minor += (text[ends - 1 - place].astype(np.int64) - _ZERO) * 10**place
    for place in range(longest):
        has_one = place < whole
        digits = text[points[has_one] - 1 - place].astype(np.int64) - _ZERO
        minor[has_one] += digits * 10 ** (decimals + place)
    return np.where(negative, -minor, minor)
