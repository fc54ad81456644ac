"""The figures that no event carries: currency, gross margin, lifespan, targets.

They enter a formula as constants when it is compiled, so a bad one must be refused here, at start, and not
show up as an odd number on a board.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

CALENDAR_WINDOWS = ("month", "quarter", "year")


@dataclass(frozen=True, slots=True)
class Target:
    """What a KPI should reach by the end of a calendar window, in the unit it is published in (0.02, not 2 %)."""

    kpi: str
    window: str
    value: float | Decimal

    def __post_init__(self) -> None:
        if self.window not in CALENDAR_WINDOWS:
            raise ValueError(
                f"target {self.kpi!r}: window {self.window!r} is not a calendar window; "
                f"expected one of {', '.join(CALENDAR_WINDOWS)}"
            )
        if not math.isfinite(self.value):
            raise ValueError(f"target {self.kpi!r} in {self.window!r}: expected a finite number, got {self.value}")


@dataclass(frozen=True, slots=True)
class Economics:
    """Settings that formulas use.

    Attributes:
        currency: the reporting currency, ISO 4217.
        gross_margin: share of revenue that stays after the cost of goods, 0 to 1.
        lifespan: of a customer, in years; or how to take it from the data: `observed`, the mean buying span,
            or `expected`, the inverse of the exposure churn rate, at most 10.
        targets: at most one per KPI and calendar window.
    """

    currency: str
    gross_margin: float = 1.0
    lifespan: float | Literal["observed", "expected"] = "expected"
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.gross_margin <= 1:
            raise ValueError(f"gross margin: expected a share from 0 to 1, such as 0.35, got {self.gross_margin}")
        if isinstance(self.lifespan, str):
            if self.lifespan not in ("observed", "expected"):
                raise ValueError(f"lifespan: expected years, 'observed' or 'expected', got {self.lifespan!r}")
        elif not (math.isfinite(self.lifespan) and self.lifespan > 0):
            raise ValueError(f"lifespan: expected a positive number of years, such as 5, got {self.lifespan}")
        goals = [(target.kpi, target.window) for target in self.targets]
        for goal in goals:
            if goals.count(goal) > 1:
                raise ValueError(f"target {goal[0]!r} in {goal[1]!r}: given more than once")


def exact(value: float | Decimal) -> Fraction:
    """The fraction that a person meant: 0.35 is 7/20, not its nearest binary neighbour."""
    return Fraction(str(value))
