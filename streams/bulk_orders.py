"""What many orders are worth, and what their lines are: numbers side by side, read off the events once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from events import wire
from streams.bulk_money import minor_of_all, minor_of_own
from streams.sums import Ints, heads

OFFERS = ("upsell", "cross-sell")
"""Offers that are counted, in the order of the numbers by which `OrderColumns` knows them, from 1 on."""
_OFFER_NUMBERS: dict[str | None, int] = {None: 0, "base": 0} | {offer: at for at, offer in enumerate(OFFERS, 1)}


@dataclass(frozen=True, slots=True)
class OrderColumns:
    """Orders and their lines, as columns.

    Attributes:
        minor: of each order its total, in minor units of the reporting currency.
        carrying: the orders that have lines.
        of: of each line the order, by its place; rising.
        line_minor: of each line its total.
        offers: of each line the number of its offer, 0 for none that is counted.
    """

    minor: Ints
    carrying: Ints
    of: Ints
    line_minor: Ints
    offers: Ints

    @classmethod
    def read(
        cls, orders: Sequence[wire.Purchase], reporting: str, convert: Callable[[wire.Money], int]
    ) -> OrderColumns:
        """Read them off events whose amounts have been accepted; `convert` reads another currency's."""
        lines_of = [order.lines or () for order in orders]
        lines = list(chain.from_iterable(lines_of))
        minor = _minor_of(orders, lines, reporting, convert)
        sizes = np.fromiter(map(len, lines_of), np.int64, len(orders))
        return cls(
            minor[: len(orders)],
            np.flatnonzero(sizes),
            np.repeat(np.arange(len(orders)), sizes),
            minor[len(orders) :],
            np.array([_OFFER_NUMBERS[line.offer] for line in lines], np.int64),
        )

    def offered(self, number: int) -> tuple[Ints, Ints, Ints]:
        """Return the orders with lines of an offer, each once; and of each such line the order and the total."""
        lines = np.flatnonzero(self.offers == number)
        of = self.of[lines]
        return of[heads(of)], of, self.line_minor[lines]


def _minor_of(
    orders: Sequence[wire.Purchase],
    lines: Sequence[wire.Line],
    reporting: str,
    convert: Callable[[wire.Money], int],
) -> Ints:
    """Return the totals of orders, and behind them those of their lines, which are in the currency of their order."""
    if {reporting}.issuperset([order.total.currency for order in orders]):
        amounts = [order.total.amount for order in orders]
        amounts += [line.total.amount for line in lines]
        return minor_of_own(amounts, reporting)
    money = [order.total for order in orders]
    money += [line.total for line in lines]
    return minor_of_all(money, reporting, convert)
