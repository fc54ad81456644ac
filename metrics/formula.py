"""What a KPI's definition is written in: a small tree, so that one declaration has many readers.

A formula is data, not code. `metrics.compiled` turns it into fast Python, `metrics.prose` into English for
the docs, and each knows nothing of the other. Were KPIs functions, the docs would be a second, drifting copy.

Every leaf is an integer and every number a fraction; a reader that computes keeps numerator and denominator
apart until the end, so there is one rounding, in the last division.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import Literal, TypeAlias

MS_PER_DAY = 86_400_000


class Span(StrEnum):
    """Which of a component's contributions a leaf adds up; W is the window that is evaluated."""

    IN = "in W"
    BEFORE = "before W"
    EVER = "ever"


class Formula:
    """Base of the tree's nodes: arithmetic builds a bigger tree."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Binary:
        return Binary("+", self, _node(other))

    def __sub__(self, other: Operand) -> Binary:
        return Binary("-", self, _node(other))

    def __mul__(self, other: Operand) -> Binary:
        return Binary("*", self, _node(other))

    def __truediv__(self, other: Operand) -> Binary:
        return Binary("/", self, _node(other))

    def __radd__(self, other: int) -> Binary:
        return Binary("+", _node(other), self)

    def __rsub__(self, other: int) -> Binary:
        return Binary("-", _node(other), self)

    def __rmul__(self, other: int) -> Binary:
        return Binary("*", _node(other), self)

    def __rtruediv__(self, other: int) -> Binary:
        return Binary("/", _node(other), self)

    def or_else(self, other: Formula) -> OrElse:
        """This, or `other` where this is undefined."""
        return OrElse(self, other)

    def at_most(self, limit: int) -> AtMost:
        """This, but never above `limit`."""
        return AtMost(self, limit)

    def given(self, condition: Formula) -> Given:
        """This, undefined where `condition` is 0."""
        return Given(self, condition)


Operand: TypeAlias = Formula | int | Fraction


def _node(value: Operand) -> Formula:
    return value if isinstance(value, Formula) else Number(Fraction(value))


@dataclass(frozen=True, slots=True)
class Number(Formula):
    """A constant; `name` is what prose calls it."""

    value: Fraction
    name: str = ""


@dataclass(frozen=True, slots=True)
class Statistic(Formula):
    """The sum of one component over a span; `label` picks one entry of a labelled component."""

    component: str
    span: Span
    label: str | None = None


@dataclass(frozen=True, slots=True)
class EachLabel(Formula):
    """The sums of a labelled component in W: the formula around it is evaluated once per label."""

    component: str


@dataclass(frozen=True, slots=True)
class Instant(Formula):
    """A bound of W in milliseconds since 1970."""

    which: Literal["now", "start"]


@dataclass(frozen=True, slots=True)
class WindowDays(Formula):
    """The nominal length of a rolling window in days: 30 for `30d`, whatever its current, partial pane."""


@dataclass(frozen=True, slots=True)
class Setting(Formula):
    """A figure that configuration gives."""

    name: Literal["gross margin", "lifespan in years", "minor units per major unit"]


@dataclass(frozen=True, slots=True)
class KpiValue(Formula):
    """Another KPI's value, in W or over the fixed window named `over`."""

    id: str
    over: Literal["", "365d", "lifetime"] = ""


@dataclass(frozen=True, slots=True)
class Named(Formula):
    """A part that business has a word for."""

    name: str
    of: Formula


@dataclass(frozen=True, slots=True)
class Binary(Formula):
    """Arithmetic; a division by 0 is undefined, and so is all that is computed from it."""

    operator: Literal["+", "-", "*", "/"]
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class OrElse(Formula):
    """The first, or the second where the first is undefined."""

    first: Formula
    second: Formula


@dataclass(frozen=True, slots=True)
class AtMost(Formula):
    """The smaller of a value and a limit."""

    value: Formula
    limit: int


@dataclass(frozen=True, slots=True)
class Given(Formula):
    """A value that is undefined where the condition is 0, though its own arithmetic isn't."""

    value: Formula
    condition: Formula


@dataclass(frozen=True, slots=True)
class ScaledRoot(Formula):
    """`factor` times a square root. Leaves the fractions, so it may only be the outermost node."""

    factor: float
    of: Formula


@dataclass(frozen=True, slots=True)
class Attainment(Formula):
    """Each configured target's attainment: value / target, or target / value where lower is better."""


def w(component: str, label: str | None = None) -> Statistic:
    """The component's sum in W."""
    return Statistic(component, Span.IN, label)


def before(component: str) -> Statistic:
    """Its sum strictly before W's start: 0 over lifetime."""
    return Statistic(component, Span.BEFORE)


def total(component: str) -> Statistic:
    """Its sum over everything up to now."""
    return Statistic(component, Span.EVER)


def each(component: str) -> EachLabel:
    """Its sums in W, one per label."""
    return EachLabel(component)


def kpi(kpi_id: str, over: Literal["", "365d", "lifetime"] = "") -> KpiValue:
    """Another KPI's value."""
    return KpiValue(kpi_id, over)


def named(name: str, of: Formula) -> Named:
    """Give a part the word that prose uses for it."""
    return Named(name, of)


def number(value: Fraction | int, name: str = "") -> Number:
    """A constant."""
    return Number(Fraction(value), name)


def major(minor: Formula) -> Formula:
    """Money for the reader: minor units over 10 to the number of the currency's decimals."""
    return minor / Setting("minor units per major unit")


def in_days(ms: Formula) -> Formula:
    """Milliseconds as days of 24 h."""
    return ms / number(MS_PER_DAY, "milliseconds per day")


NOW = Instant("now")
START = Instant("start")
WINDOW_DAYS = WindowDays()
GROSS_MARGIN = Setting("gross margin")
LIFESPAN = Setting("lifespan in years")


def nodes(formula: Formula) -> Iterator[Formula]:
    """The formula and every part of it, outermost first."""
    yield formula
    for part in parts(formula):
        yield from nodes(part)


def parts(formula: Formula) -> Iterator[Formula]:
    """A node's direct parts."""
    for field in fields(formula):  # type: ignore[arg-type]  # every node is a dataclass, the bare base is never built
        value = getattr(formula, field.name)
        if isinstance(value, Formula):
            yield value


def components(formula: Formula) -> frozenset[str]:
    """Names of the components that the formula itself names."""
    return frozenset(n.component for n in nodes(formula) if isinstance(n, Statistic | EachLabel))


def references(formula: Formula) -> frozenset[str]:
    """Ids of the KPIs that the formula builds on."""
    return frozenset(n.id for n in nodes(formula) if isinstance(n, KpiValue))
