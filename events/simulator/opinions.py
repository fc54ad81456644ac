"""What customers answer when asked, given the quality of service that they feel.

Quality is latent, as in life: no event carries it, and the survey KPIs are how one gets to know it.
"""

from collections.abc import Callable
from dataclasses import dataclass

Dice = Callable[[], float]
"""Draws a number from [0, 1)."""


NINE_NOT_TEN = 0.5
SEVEN_NOT_EIGHT = 0.4


@dataclass(frozen=True, slots=True)
class NpsShares:
    """Probabilities of each kind of answer to "would you recommend us"."""

    promoter: float
    passive: float
    detractor: float

    @property
    def nps(self) -> float:
        """Expected score, -100 to 100."""
        return 100 * (self.promoter - self.detractor)


def nps_shares(quality: float) -> NpsShares:
    """What to expect at a quality from 0 to 1: NPS +41 at 0.8, -24 at 0.3."""
    promoter, detractor = 0.10 + 0.57 * quality, 0.73 - 0.73 * quality
    return NpsShares(promoter, 1 - promoter - detractor, detractor)


def satisfied_share(quality: float) -> float:
    """Probability that a csat answer is a 4 or a 5 of 5."""
    return 0.30 + 0.65 * quality


def nps_score(quality: float, dice: Dice) -> int:
    """0-10"""
    shares, draw = nps_shares(quality), dice()
    if draw < shares.promoter:
        return 9 + (dice() >= NINE_NOT_TEN)
    if draw < shares.promoter + shares.detractor:
        return _binomial(6, 0.7, dice)
    return 7 + (dice() >= SEVEN_NOT_EIGHT)


def csat_score(quality: float, dice: Dice) -> int:
    """1-5"""
    if dice() < satisfied_share(quality):
        return 4 + (dice() < quality / 2)
    return 1 + _binomial(2, 0.6, dice)


def ces_score(quality: float, dice: Dice) -> int:
    """1-7, expected 1 + 6 x quality"""
    return 1 + _binomial(6, quality, dice)


def cli_answers(quality: float, dice: Dice) -> dict[str, int]:
    """The three answers of the loyalty index, each 1-6, expected 1 + 5 x quality."""
    return {question: 1 + _binomial(5, quality, dice) for question in ("recommend", "repurchase", "try_other")}


def _binomial(trials: int, probability: float, dice: Dice) -> int:
    return sum(dice() < probability for _ in range(trials))
