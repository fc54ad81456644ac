"""What the shop sells, and what lands in a basket.

Prices come from the seed, baskets from the shop's dice, so the expected value of an order is known exactly.
"""

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random

from .purse import Purse

_SKUS = 120
_LINES = (0.5, 0.3, 0.15, 0.05)
"""Probability of 1, 2, 3, 4 lines."""
_LINES_UP_TO = tuple(accumulate(_LINES))
_SECOND_PIECE = 0.2
UPSELL, CROSS_SELL = 0.15, 0.25
"""Probabilities of a line after the first; the rest, and every first line, is base."""
_EXPECTED_LINES = sum((i + 1) * share for i, share in enumerate(_LINES))


class Assortment:
    """Articles at one price level.

    Args:
        seed: the prices'; equal seeds have the same articles, at any price level.
        price_factor: the level, 1 being the shop's average.
        purse: writes money.
    """

    def __init__(self, seed: int, price_factor: float, purse: Purse) -> None:
        dice = Random(f"assortment {seed}")  # noqa: S311 - prices, not secrets
        unit = purse.of_units(1)
        self._skus = tuple(f"sku-{number:03d}" for number in range(_SKUS))
        self._prices_minor = [
            max(1, round(min(dice.lognormvariate(2.8, 0.6), 150) * price_factor * unit)) for _ in range(_SKUS)
        ]
        self._purse = purse

    @property
    def expected_order_minor(self) -> float:
        """Expected total of an order."""
        return _EXPECTED_LINES * (1 + _SECOND_PIECE) * sum(self._prices_minor) / _SKUS

    def draw_order(self, random: Callable[[], float]) -> tuple[int, list[dict[str, object]]]:
        """(total in minor units, lines) of an order."""
        total_minor = 0
        lines: list[dict[str, object]] = []
        for position in range(bisect(_LINES_UP_TO, random(), 0, len(_LINES) - 1) + 1):
            article = int(random() * _SKUS)
            quantity = 2 if random() < _SECOND_PIECE else 1
            minor = self._prices_minor[article] * quantity
            total_minor += minor
            line = {"sku": self._skus[article], "quantity": quantity, "total": self._purse(minor), "offer": "base"}
            if position:
                draw = random()
                if draw < UPSELL:
                    line["offer"] = "upsell"
                elif draw < UPSELL + CROSS_SELL:
                    line["offer"] = "cross-sell"
            lines.append(line)
        return total_minor, lines
