"""Draws from tables of probabilities, and the table of reasons for which customers leave."""

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from typing import Generic, TypeVar

Ball = TypeVar("Ball")

UNSAID = ""
CALM_REASONS: Mapping[str, float] = {
    "price": 0.28,
    "service": 0.14,
    "delivery": 0.16,
    "product": 0.15,
    "payment-failed": 0.17,
    UNSAID: 0.10,
}
SPIKE_REASONS: Mapping[str, float] = {"service": 0.7, "price": 0.3}
"""Of the cancellations that there wouldn't be on calm days; the others go on as ever."""


class Urn(Generic[Ball]):
    """Keys of a table of weights, each drawn as often as it weighs."""

    __slots__ = ("_balls", "_last", "_up_to")

    def __init__(self, weights: Mapping[Ball, float]) -> None:
        self._balls = tuple(weights)
        self._up_to = tuple(accumulate(weights.values()))
        self._last = len(self._balls) - 1

    @property
    def weight(self) -> float:
        """Of all together."""
        return self._up_to[-1]

    def draw(self, uniform: float) -> Ball:
        """The key for a number from [0, 1)."""
        return self._balls[bisect(self._up_to, uniform * self._up_to[-1], 0, self._last)]
