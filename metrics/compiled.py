"""Reads formulas as numbers: many KPIs become one Python function, compiled once per settings.

A snapshot is some 60 KPIs x 10 windows x 200 slice values; walking trees for each takes seconds, the function
takes milliseconds. Source is generated rather than closures chained, as `dataclasses` does, because a component
is then read once per window and every shared part computed once.

Every part of a formula is a pair of integers, numerator and denominator, and *undefined is the denominator 0*:
it survives +, -, x and / by arithmetic alone, so no step has to ask. The one division, at the end, is Python's
integer division: correctly rounded however long the integers are, so neither time sums nor money lose a digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from functools import singledispatchmethod
from typing import TypeAlias, assert_never, cast

from events.money import minor_digits
from metrics.catalogue import BY_ID
from metrics.catalogue.value import EXPECTED_LIFESPAN, OBSERVED_LIFESPAN
from metrics.economics import Economics, Target, exact
from metrics.formula import (
    AtMost,
    Attainment,
    Binary,
    EachLabel,
    Formula,
    Given,
    Instant,
    KpiValue,
    Named,
    Number,
    OrElse,
    ScaledRoot,
    Setting,
    Span,
    Statistic,
    WindowDays,
    nodes,
)
from metrics.frame import LIFETIME, YEAR, CellSums
from metrics.kpi import Better, Kpi, Unit

Value: TypeAlias = int | float | None
KpiValues: TypeAlias = dict[str, Value | dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a formula may know of time: milliseconds since 1970, and the nominal days of a rolling window."""

    now_ms: int
    start_ms: int
    year_start_ms: int
    days: Fraction


Evaluate: TypeAlias = Callable[[CellSums, CellSums, CellSums, Bounds], KpiValues]
"""(sums in W, over 365d, over lifetime; bounds) -> value by KPI."""

_Pair: TypeAlias = tuple[str, str]
"""Source of a numerator and a denominator; each an atom, so that it can be pasted anywhere."""

_W = ""
_SUMS = {_W: "in_w", YEAR: "in_year", LIFETIME: "ever"}


def compile_kpis(
    kpis: Collection[Kpi], economics: Economics, targets: Collection[Target] = (), unknowable: Collection[str] = ()
) -> Evaluate:
    """One function that evaluates `kpis` in one window of one cell.

    Args:
        kpis: those defined in the window, in the order of the output.
        economics: enters as constants.
        targets: those set for the window.
        unknowable: ids whose value is None whatever the sums.
    """
    writer = _Writer(economics)
    for kpi in kpis:
        if kpi.id in unknowable:
            writer.body.append(f"out[{kpi.id!r}] = None")
        elif isinstance(kpi.formula, Attainment):
            writer.attainment(kpi, targets)
        elif kpi.label is not None:
            writer.labelled(kpi)
        else:
            writer.plain(kpi)
    return writer.function()


class _Writer:
    """Collects the lines of one function; a part that was written once is never written again."""

    def __init__(self, economics: Economics) -> None:
        self.economics = economics
        self.body: list[str] = []
        self._reads: dict[str, str] = {}
        self._pairs: dict[tuple[Formula, str], _Pair] = {}
        self._temporaries = 0

    def plain(self, kpi: Kpi) -> None:
        formula = kpi.formula
        n, d = self.pair(formula, _W)
        if isinstance(formula, ScaledRoot):
            value = f"{formula.factor!r} * sqrt({n} / {d}) if {d} and {n} * {d} >= 0 else None"
        elif d == "1" and kpi.unit is not Unit.CURRENCY:
            value = n
        else:
            value = _quotient(n, d)
        self.body.append(f"out[{kpi.id!r}] = {value}")

    def labelled(self, kpi: Kpi) -> None:
        """One value per label that has anything in W, in the labels' order; an undefined one is left out."""
        names = sorted({node.component for node in nodes(kpi.formula) if isinstance(node, EachLabel)})
        reads = {name: self.read(f"each_{name}", f"in_w.labelled.get({name!r}, nothing)") for name in names}
        outer, outer_pairs, self.body = self.body, dict(self._pairs), []
        n, d = self.pair(kpi.formula, _W)
        # What the loop computes is unknown outside of it.
        inner, self.body, self._pairs = self.body, outer, outer_pairs
        union = " | ".join(f"{read}.keys()" for read in reads.values())
        self.body += [
            "labels = {}",
            f"for label in sorted({union}):",
            *(f"    {_each(name)} = {read}.get(label, 0)" for name, read in reads.items()),
            f"    if {' or '.join(map(_each, names))}:",
            *(f"        {line}" for line in inner),
            f"        if {d}:",
            f"            labels[label] = {n if d == '1' else _quotient(n, d)}",
            f"out[{kpi.id!r}] = labels",
        ]

    def attainment(self, kpi: Kpi, targets: Collection[Target]) -> None:
        self.body.append("labels = {}")
        for target in targets:
            reached, planned = KpiValue(target.kpi), Number(exact(target.value))
            lower = BY_ID[target.kpi].better is Better.LOWER
            n, d = self.pair(planned / reached if lower else reached / planned, _W)
            self.body.append(f"labels[{target.kpi!r}] = {_quotient(n, d)}")
        self.body.append(f"out[{kpi.id!r}] = labels")

    def function(self) -> Evaluate:
        lines = [
            "def evaluate(in_w, in_year, ever, bounds):",
            "    out = {}",
            *(f"    {name} = {source}" for source, name in self._reads.items()),
            *(f"    {line}" for line in self.body),
            "    return out",
        ]
        names: dict[str, object] = {"sqrt": math.sqrt, "nothing": {}}
        exec(compile("\n".join(lines), "<catalogue>", "exec"), names)  # noqa: S102  # made of the catalogue alone
        return cast("Evaluate", names["evaluate"])

    def read(self, name: str, source: str) -> str:
        """A local that is set once, at the top."""
        return self._reads.setdefault(source, name)

    def keep(self, source: str) -> str:
        """A local for a compound expression; what is an atom already stays as it is."""
        if source.isidentifier() or source.isdecimal():
            return source
        self._temporaries += 1
        name = f"t{self._temporaries}"
        self.body.append(f"{name} = {source}")
        return name

    def pair(self, formula: Formula, window: str) -> _Pair:
        """Atoms for a part of a formula in a window: the one evaluated, or a fixed one."""
        key = (formula, window)
        if key not in self._pairs:
            n, d = self._write(formula, window)
            self._pairs[key] = (self.keep(n), self.keep(d))
        return self._pairs[key]

    @singledispatchmethod
    def _write(self, formula: Formula, window: str) -> _Pair:
        raise TypeError(f"formula node {formula!r} has no value in {window or 'W'}; it is read as a whole KPI")

    @_write.register
    def _(self, node: Number, _window: str) -> _Pair:
        return str(node.value.numerator), str(node.value.denominator)

    @_write.register
    def _(self, node: Statistic, window: str) -> _Pair:
        return self._statistic(node, window), "1"

    @_write.register
    def _(self, node: EachLabel, _window: str) -> _Pair:
        return _each(node.component), "1"

    @_write.register
    def _(self, node: Instant, window: str) -> _Pair:
        if node.which == "now":
            return self.read("now_ms", "bounds.now_ms"), "1"
        field = "year_start_ms" if window == YEAR else "start_ms"
        return self.read(field, f"bounds.{field}"), "1"

    @_write.register
    def _(self, _node: WindowDays, _window: str) -> _Pair:
        return self.read("days_n", "bounds.days.numerator"), self.read("days_d", "bounds.days.denominator")

    @_write.register
    def _(self, node: Setting, window: str) -> _Pair:
        return self.pair(_setting(node, self.economics), window)

    @_write.register
    def _(self, node: KpiValue, window: str) -> _Pair:
        return self.pair(BY_ID[node.id].formula, node.over or window)

    @_write.register
    def _(self, node: Named | ScaledRoot, window: str) -> _Pair:
        return self.pair(node.of, window)

    @_write.register
    def _(self, node: Binary, window: str) -> _Pair:
        return _arithmetic(node.operator, self.pair(node.left, window), self.pair(node.right, window))

    @_write.register
    def _(self, node: OrElse, window: str) -> _Pair:
        (n, d), (other_n, other_d) = self.pair(node.first, window), self.pair(node.second, window)
        return f"{n} if {d} else {other_n}", f"{d} if {d} else {other_d}"

    @_write.register
    def _(self, node: AtMost, window: str) -> _Pair:
        # Multiplied by the denominator's square, the comparison holds for either sign, and for undefined.
        n, d = self.pair(node.value, window)
        below = self.keep(f"{n} * {d} <= {node.limit} * {d} * {d}")
        return f"{n} if {below} else {node.limit}", f"{d} if {below} else 1"

    @_write.register
    def _(self, node: Given, window: str) -> _Pair:
        (n, d), (condition_n, condition_d) = self.pair(node.value, window), self.pair(node.condition, window)
        return n, f"{d} if {condition_n} and {condition_d} else 0"

    def _statistic(self, node: Statistic, window: str) -> str:
        name = node.component
        if node.label is not None:
            source = f"{_SUMS[window]}.labelled.get({name!r}, nothing).get({node.label!r}, 0)"
            return self.read(f"{_SUMS[window]}_{name}_{node.label}", source)
        match node.span:
            case Span.IN:
                return self._sum(name, window)
            case Span.EVER:
                return self._sum(name, LIFETIME)
            case Span.BEFORE:
                return f"{self._sum(name, LIFETIME)} - {self._sum(name, window)}"
            case _:
                assert_never(node.span)

    def _sum(self, component: str, window: str) -> str:
        sums = _SUMS[window]
        values = self.read(f"{sums}_values", f"{sums}.values.get")
        return self.read(f"{sums}_{component}", f"{values}({component!r}, 0)")


def _arithmetic(operator: str, left: _Pair, right: _Pair) -> _Pair:
    (ln, ld), (rn, rd) = left, right
    if operator == "*":
        return _product(ln, rn), _product(ld, rd)
    if operator == "/":
        # a / (b / 0) would come out as 0 / b: the inner denominator has to be asked.
        d = _product(ld, rn)
        return _product(ln, rd), d if rd == "1" else f"{d} if {rd} else 0"
    if ld == rd:
        return f"{ln} {operator} {rn}", ld
    return f"{_product(ln, rd)} {operator} {_product(rn, ld)}", _product(ld, rd)


def _product(left: str, right: str) -> str:
    if left == "1":
        return right
    return left if right == "1" else f"{left} * {right}"


def _quotient(n: str, d: str) -> str:
    """The one division; 0 over a negative number is 0.0, not -0.0."""
    return f"{n} / {d} + 0.0 if {d} else None"


def _each(component: str) -> str:
    return f"of_label_{component}"


def _setting(node: Setting, economics: Economics) -> Formula:
    match node.name:
        case "gross margin":
            return Number(exact(economics.gross_margin))
        case "minor units per major unit":
            return Number(Fraction(10 ** minor_digits(economics.currency)))
        case "lifespan in years":
            if economics.lifespan == "observed":
                return OBSERVED_LIFESPAN
            if economics.lifespan == "expected":
                return EXPECTED_LIFESPAN
            return Number(exact(economics.lifespan))
        case _:
            assert_never(node.name)
