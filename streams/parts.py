"""What a person contributes, and where: each part declared once, for one person or for many at once.

The fold takes back and contributes one person at a time, a recovery all of them together. Two declarations would
drift apart, so there is this one: its methods take whole numbers and add to a dict, or take arrays of them, an item a
person, and add to whatever gathers arrays. Which parts a person has is its caller's business.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Generic, Protocol, TypeVar

from streams.panes import DAY_MS, MINUTE_MS
from streams.slices import Columns
from streams.sums import COLUMN_BITS, MINUTE_SHIFT, NO_INSTANT, SET_BITS, Ints

Deltas = defaultdict[int, int]
Number = TypeVar("Number", int, Ints)


class Amounts(Protocol):
    """Amounts by key, to which is added: a `Deltas`, or what takes arrays of keys."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return what lies under a key."""

    def __setitem__(self, key: Any, amount: Any, /) -> None:
        """Store what lies under a key."""


Sink = TypeVar("Sink", bound=Amounts)


def place(at_ms: Number, cell_set: Number) -> Number:
    """Return the key, less its column, of a contribution at an instant."""
    return (at_ms // MINUTE_MS + 1 << SET_BITS | cell_set) << COLUMN_BITS


def stock(cell_set: Number) -> Number:
    """Return the key, less its column, of a contribution that has no instant."""
    return NO_INSTANT << MINUTE_SHIFT | cell_set << COLUMN_BITS


class Parts(Generic[Sink]):
    """Adds (`sign` 1) or takes back (`sign` -1) parts of what persons contribute.

    Args:
        deltas: where to.
        columns: the partition's columns.
    """

    def __init__(self, deltas: Sink, columns: Columns) -> None:
        self.deltas = deltas
        number = columns.number
        self._person, self._open = number("persons"), number("open_lifetimes")
        self._acquired, self._opened, self._opened_at = number("acquired"), number("opened"), number("opened_at")
        self._closed, self._closed_at, self._tenure = number("closed"), number("closed_at"), number("closed_tenure")
        self._closed_by_opening = number("closed_by_opening")
        self._involuntary = number("closed_involuntary")
        self._involuntary_by_opening = number("closed_involuntary_by_opening")
        self._members_active = number("members_active")
        self._buying_opened, self._lapsed = number("buying_opened"), number("lapsed")
        self._lapsed_by_opening = number("lapsed_by_opening")
        self._buyers, self._span, self._repeat = number("buyers"), number("buying_span"), number("repeat_buyers")
        self._first_buyers, self._first_minor = number("first_buyers"), number("first_purchase_minor")

    def known(self, cell_set: Number, sign: int) -> None:
        """Somebody has been heard of."""
        self.deltas[stock(cell_set) + self._person] += sign

    def acquired(self, open_ms: Number, cell_set: Number, sign: int) -> None:
        """A first lifetime opened."""
        self.deltas[place(open_ms, cell_set) + self._acquired] += sign

    def opened(self, open_ms: Number, cell_set: Number, sign: int) -> None:
        """A lifetime opened, the first or a later one."""
        at_open = place(open_ms, cell_set)
        self.deltas[at_open + self._opened] += sign
        self._time(at_open + self._opened_at, open_ms, sign)

    def active(self, cell_set: Number, sign: int) -> None:
        """The latest lifetime is open."""
        self.deltas[stock(cell_set) + self._open] += sign

    def active_member(self, cell_set: Number, sign: int) -> None:
        """The latest lifetime of a member of the loyalty programme is open."""
        self.deltas[stock(cell_set) + self._members_active] += sign

    def closed(self, open_ms: Number, close_ms: Number, cell_set: Number, sign: int) -> None:
        """A lifetime closed."""
        at_close = place(close_ms, cell_set)
        self.deltas[at_close + self._closed] += sign
        self.deltas[place(open_ms, cell_set) + self._closed_by_opening] += sign
        self._time(at_close + self._closed_at, close_ms, sign)
        self._time(at_close + self._tenure, close_ms - open_ms, sign)

    def closed_for(self, close_ms: Number, by_reason: Number, cell_set: Number, sign: int) -> None:
        """A lifetime closed for a reason, whose column is `by_reason`."""
        self.deltas[place(close_ms, cell_set) + by_reason] += sign

    def closed_involuntarily(self, open_ms: Number, close_ms: Number, cell_set: Number, sign: int) -> None:
        """A lifetime closed that wasn't meant to."""
        self.deltas[place(close_ms, cell_set) + self._involuntary] += sign
        self.deltas[place(open_ms, cell_set) + self._involuntary_by_opening] += sign

    def bought(self, first_ms: Number, first_minor: Number, latest_ms: Number, cell_set: Number, sign: int) -> None:
        """Somebody has bought, first then and at last now."""
        deltas, at_first, at_latest = self.deltas, place(first_ms, cell_set), place(latest_ms, cell_set)
        deltas[at_latest + self._buyers] += sign
        self._time(at_latest + self._span, latest_ms - first_ms, sign)
        deltas[at_first + self._first_buyers] += sign
        deltas[at_first + self._first_minor] += sign * first_minor

    def bought_again(self, second_ms: Number, cell_set: Number, sign: int) -> None:
        """Somebody has bought more than once; `second_ms` is the latest purchase but one."""
        self.deltas[place(second_ms, cell_set) + self._repeat] += sign

    def buying_opened(self, open_ms: Number, cell_set: Number, sign: int) -> None:
        """A buying lifetime opened."""
        self.deltas[place(open_ms, cell_set) + self._buying_opened] += sign

    def lapsed(self, open_ms: Number, moment_ms: Number, cell_set: Number, sign: int) -> None:
        """A buying lifetime lapsed."""
        self.deltas[place(moment_ms, cell_set) + self._lapsed] += sign
        self.deltas[place(open_ms, cell_set) + self._lapsed_by_opening] += sign

    def _time(self, key: Number, amount_ms: Number, sign: int) -> None:
        self.deltas[key] += sign * (amount_ms // DAY_MS)
        self.deltas[key + 1] += sign * (amount_ms % DAY_MS)
