"""The shape of a KPI's declaration: everything that any reader (gauge, board, alert, docs) needs to know.

A KPI has no code path of its own. What can't be said with these fields is a new field, for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

from metrics.formula import Formula
from metrics.frame import Window

CHANNEL = "channel"
"""The one slice attribute that marketing spend carries."""


LONG_DAYS = 30
"""A shorter window says too little about a year to be stretched to one."""


class Unit(StrEnum):
    """What a KPI's number is a number of; the last part of its metric's name."""

    RATIO = "ratio"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    LEADS = "leads"
    RESPONSES = "responses"
    SCORE = "score"
    DAYS = "days"
    YEARS = "years"
    CURRENCY = "currency"  # published under the reporting currency's code, lower-case


COUNTS = frozenset({Unit.CUSTOMERS, Unit.LEADS, Unit.RESPONSES})
"""Units of whole numbers only. `orders` isn't one: orders per buyer are orders too."""


class Better(IntEnum):
    """Which way a KPI should go."""

    HIGHER = 1
    LOWER = -1
    NEITHER = 0


class Windows(Enum):
    """In which windows a KPI is defined; elsewhere its key is left out."""

    ALL = "every window"
    NOT_LIFETIME = "every window but lifetime"
    ROLLING_FROM_30D = "rolling windows of 30 days and more"
    WITH_TARGETS = "calendar windows with a target"

    def hold(self, window: Window, *, has_targets: bool = False) -> bool:
        """Whether a KPI of this rule is defined in `window`."""
        match self:
            case Windows.ALL:
                return True
            case Windows.NOT_LIFETIME:
                return window.kind != "lifetime"
            case Windows.ROLLING_FROM_30D:
                return window.days is not None and window.days >= LONG_DAYS
            case Windows.WITH_TARGETS:
                return window.kind == "calendar" and has_targets


class Scope(Enum):
    """In which slices a KPI can be known; elsewhere it is undefined."""

    EVERY_SLICE = "every slice"
    CHANNEL_ONLY = "slices by channel only: spend is known by channel"

    def holds(self, attribute: str) -> bool:
        """Whether a KPI of this scope is known in slices by `attribute`."""
        return self is Scope.EVERY_SLICE or attribute == CHANNEL


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in the two languages of the boards."""

    en: str
    fa: str


@dataclass(frozen=True, slots=True)
class Kpi:
    """One definition.

    Attributes:
        id: key in the output and middle of the metric's name.
        title: what a board calls it.
        meaning: one sentence for the person who reads the board.
        unit: of its values.
        better: +1 where higher is better, -1 where lower is, 0 where neither.
        formula: how it is computed.
        windows: where it is defined.
        scope: in which slices it can be known.
        label: name of the label that splits it; its value is then a map.
        source: where the definition comes from.
    """

    id: str
    title: Text
    meaning: Text
    unit: Unit
    better: Better
    formula: Formula
    source: str
    windows: Windows = Windows.ALL
    scope: Scope = Scope.EVERY_SLICE
    label: str | None = None
