"""Laws that hold for every KPI the moment it is declared, whatever was counted.

The compiled reader is judged by another one, written here: it walks the tree in fractions, with None for undefined,
and knows none of the compiler's devices.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.catalogue import BY_ID, CATALOGUE
from metrics.catalogue.value import EXPECTED_LIFESPAN, OBSERVED_LIFESPAN
from metrics.compiled import Bounds, compile_kpis
from metrics.components import COMPONENTS, Unit
from metrics.evaluate import Cell, CellSums, Economics, Frame, Snapshot, Window, evaluate
from metrics.exporter import render
from metrics.formula import (
    AtMost,
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
    w,
)
from metrics.prose import prose

DAY = 86_400_000
NOW = 1_781_530_640_250
FRAME = Frame(
    NOW,
    (
        Window("1h", "rolling", NOW - DAY // 24, 1 / 24),
        Window("30d", "rolling", NOW - 30 * DAY, 30.0),
        Window("365d", "rolling", NOW - 365 * DAY, 365.0),
        Window("month", "calendar", NOW - 14 * DAY, None),
        Window("lifetime", "lifetime", None, None),
    ),
)
LABELS = ("won", "lost", "price", 'a "quoted"\\\n label')
SETTINGS = (Economics("EUR"), Economics("JPY", 0.35, "observed"), Economics("KWD", 0.5, 3.7))
SIZES = {Unit.COUNT: 40, Unit.MINOR: 10**12, Unit.MS: 10**17, Unit.POINTS: 10**6}


@st.composite
def sums(draw: st.DrawFn) -> CellSums:
    """Any integers, zeros among them; nothing need fit together."""
    values: dict[str, int] = {}
    labelled: dict[str, dict[str, int]] = {}
    for component in COMPONENTS:
        low = -SIZES[component.unit] if component.unit is Unit.MINOR else 0
        amounts = st.just(0) | st.integers(low, SIZES[component.unit])
        if component.label is None:
            values[component.name] = draw(amounts)
        else:
            labelled[component.name] = draw(st.dictionaries(st.sampled_from(LABELS), amounts, max_size=3))
    return CellSums(values, labelled)


cells = st.fixed_dictionaries({window.name: sums() for window in FRAME.windows})
economies = st.sampled_from(SETTINGS)


class Reader:
    """One window of one cell, read by walking trees."""

    def __init__(self, cell: Mapping[str, CellSums], window: str, economics: Economics) -> None:
        self.cell, self.window, self.economics = cell, window, economics
        self.frame = next(found for found in FRAME.windows if found.name == window)

    def read(self, node: Formula, label: str = "") -> Fraction | None:  # noqa: C901, PLR0911, PLR0912  # one case a node
        match node:
            case Number(value):
                return value
            case Statistic(component, span, picked):
                return Fraction(self.statistic(component, span, picked))
            case EachLabel(component):
                return Fraction(self.cell[self.window].labelled[component].get(label, 0))
            case Instant(which):
                return Fraction(NOW if which == "now" else self.frame.start_ms or 0)
            case WindowDays():
                return Fraction(self.frame.days or 0)
            case Setting(name):
                return self.setting(name)
            case KpiValue(id, over):
                return Reader(self.cell, over or self.window, self.economics).read(BY_ID[id].formula)
            case Named(_, of) | ScaledRoot(_, of):
                return self.read(of, label)
            case OrElse(first, second):
                value = self.read(first, label)
                return self.read(second, label) if value is None else value
            case AtMost(inner, limit):
                value = self.read(inner, label)
                return None if value is None else min(value, Fraction(limit))
            case Given(inner, condition):
                return self.read(inner, label) if self.read(condition, label) else None
            case Binary(operator, left, right):
                a, b = self.read(left, label), self.read(right, label)
                if a is None or b is None or (operator == "/" and b == 0):
                    return None
                return {"+": a + b, "-": a - b, "*": a * b, "/": a / (b or 1)}[operator]
        raise AssertionError(f"no reading of {node!r}")

    def statistic(self, component: str, span: Span, picked: str | None) -> int:
        here, ever = self.cell[self.window], self.cell["lifetime"]
        if picked is not None:
            return here.labelled[component].get(picked, 0)
        in_w, in_all = here.values[component], ever.values[component]
        return {Span.IN: in_w, Span.EVER: in_all, Span.BEFORE: in_all - in_w}[span]

    def setting(self, name: str) -> Fraction | None:
        if name == "gross margin":
            return Fraction(str(self.economics.gross_margin))
        if name == "minor units per major unit":
            return Fraction({"EUR": 100, "JPY": 1, "KWD": 1000}[self.economics.currency])
        if isinstance(self.economics.lifespan, str):
            return self.read(EXPECTED_LIFESPAN if self.economics.lifespan == "expected" else OBSERVED_LIFESPAN)
        return Fraction(str(self.economics.lifespan))


def expected(cell: Mapping[str, CellSums], window: str, kpi_id: str, economics: Economics) -> Any:
    """The KPI's value by the tree-walking reader."""
    reader, kpi = Reader(cell, window, economics), BY_ID[kpi_id]
    if kpi.label is None:
        value = reader.read(kpi.formula)
        if isinstance(kpi.formula, ScaledRoot):
            return None if value is None or value < 0 else kpi.formula.factor * math.sqrt(value)
        return None if value is None else float(value)
    found = {}
    split = cell[window].labelled
    names = [n for n in split if n in repr(kpi.formula)]
    for label in {label for name in names for label, amount in split[name].items() if amount}:
        value = reader.read(kpi.formula, label)
        if value is not None:
            found[label] = float(value)
    return found


@settings(max_examples=30)
@given(cells, economies)
def test_the_compiled_reader_agrees_with_one_that_walks_the_tree(
    cell: dict[str, CellSums], economics: Economics
) -> None:
    """Every KPI, every window, every setting: the same fraction, rounded once."""
    windows = evaluate(FRAME, {None: cell}, economics)["windows"]
    for window, values in windows.items():
        for kpi_id, value in values.items():
            assert value == expected(cell, window, kpi_id, economics), (window, kpi_id)


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from([None, ("channel", "web"), ("plan", "gold")]), cells), economies)
def test_a_value_is_a_finite_number_or_none(sums: dict[Cell, dict[str, CellSums]], economics: Economics) -> None:
    """Never NaN, never infinite, never an exception, and an export that says no more than that."""
    snapshot = evaluate(FRAME, sums, economics)
    for values in every_window(snapshot):
        for value in values.values():
            for part in value.values() if isinstance(value, dict) else [value]:
                assert part is None or (isinstance(part, int | float) and math.isfinite(part))
                assert str(part) != "-0.0"
    json.dumps(snapshot, allow_nan=False)
    render(snapshot, {}, economics.currency)


@settings(max_examples=30)
@given(cells)
def test_keys_come_in_the_catalogues_order_whatever_was_counted(cell: dict[str, CellSums]) -> None:
    """Readers may rely on which keys a window has; the sums don't decide it."""
    order = [kpi.id for kpi in CATALOGUE]
    empty = evaluate(FRAME, {}, SETTINGS[0])["windows"]
    for window, values in evaluate(FRAME, {None: cell}, SETTINGS[0])["windows"].items():
        assert list(values) == list(empty[window]) == [kpi_id for kpi_id in order if kpi_id in values]


@settings(max_examples=30)
@given(cells)
def test_the_books_balance(cell: dict[str, CellSums]) -> None:
    """Active at the end less active at the start is what came less what went."""
    ever = cell["lifetime"].values
    for window, values in evaluate(FRAME, {None: cell}, SETTINGS[0])["windows"].items():
        here = cell[window].values
        at_start = ever["opened"] - here["opened"] - (ever["closed"] - here["closed"])
        assert values["net_customer_growth"] == values["active_customers"] - at_start  # type: ignore[operator]


@settings(max_examples=30)
@given(sums())
def test_over_lifetime_nothing_comes_before(everything: CellSums) -> None:
    """What is divided by a start is undefined there, even in a busy shop."""
    cell = {window.name: everything for window in FRAME.windows}
    lifetime = evaluate(FRAME, {None: cell}, SETTINGS[0])["windows"]["lifetime"]
    for kpi_id in ("churn_rate", "retention_rate", "acquisition_rate", "base_growth_total", "lapse_rate"):
        assert lifetime[kpi_id] is None


X, Y, ZERO = w("orders"), w("buyers"), w("leads")


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (X / Y, 3.5),
        (X / ZERO, None),
        (ZERO / X, 0.0),
        (1 / (X / ZERO), None),
        (ZERO / (X / ZERO), None),
        (X / (ZERO / X), None),
        (X + X / ZERO, None),
        (X / ZERO - X / ZERO, None),
        (ZERO * (X / ZERO), None),
        ((X / ZERO).or_else(Y), 2.0),
        ((X / Y).or_else(Y), 3.5),
        ((X / Y).at_most(3), 3.0),
        ((X / (ZERO - Y)).at_most(3), -3.5),
        ((X / ZERO).at_most(3), None),
        ((X / Y).given(ZERO), None),
        ((X / Y).given(X / ZERO), None),
        (X - (Y - X / Y), 8.5),
        (X / (Y / X), 24.5),
        (X / Y / X, 0.5),
        (ScaledRoot(2.0, X + Y), 6.0),
        (ScaledRoot(2.0, ZERO - Y), None),
    ],
    ids=lambda part: prose(part) if isinstance(part, Formula) else "",
)
def test_undefined_survives_arithmetic_and_precedence_holds(formula: Formula, value: float | None) -> None:
    """With orders 7, buyers 2 and no leads; whatever touches a division by 0 is undefined too."""
    kpi = replace(BY_ID["csat"], formula=formula)
    sums = CellSums({"orders": 7, "buyers": 2})
    read = compile_kpis([kpi], SETTINGS[0])
    assert read(sums, sums, sums, Bounds(0, 0, 0, Fraction(0))) == {"csat": value}


def every_window(snapshot: Snapshot) -> list[Any]:
    """The values of each window, of everybody and of each slice."""
    whole = list(snapshot["windows"].values())
    for by_value in snapshot["slices"].values():
        for windows in by_value.values():
            whole += windows.values()
    return whole
