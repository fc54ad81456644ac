"""Reads formulas as English, so that the reference says exactly what the engine computes."""

from __future__ import annotations

from functools import singledispatch

from metrics.components import BY_NAME, STOCK
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
    Statistic,
    WindowDays,
    nodes,
)

_SIGNS = {"+": "+", "-": "−", "*": "×", "/": "/"}
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2}


@singledispatch
def prose(formula: Formula) -> str:
    """The formula on one line; components in plain type, other KPIs in backticks, named parts in italics."""
    raise TypeError(f"formula node {formula!r} has no prose; register it in metrics.prose")


@prose.register
def _(node: Number) -> str:
    return node.name or str(node.value)


@prose.register
def _(node: Statistic) -> str:
    of = node.component if node.label is None else f"{node.component}[{node.label}]"
    return f"{of} now" if BY_NAME[node.component].at == STOCK else f"{of} {node.span}"


@prose.register
def _(node: EachLabel) -> str:
    return f"{node.component}[each {BY_NAME[node.component].label}] in W"


@prose.register
def _(node: Instant) -> str:
    return node.which


@prose.register
def _(_node: WindowDays) -> str:
    return "days of W"


@prose.register
def _(node: Setting) -> str:
    return f"*{node.name}*"


@prose.register
def _(node: KpiValue) -> str:
    return f"`{node.id}`" + (f" over {node.over}" if node.over else "")


@prose.register
def _(node: Named) -> str:
    return f"*{node.name}*"


@prose.register
def _(node: Binary) -> str:
    binds = _BINDS[node.operator]
    left = _bracketed(node.left, unless=binds)
    right = _bracketed(node.right, unless=binds + (node.operator in "-/"))
    return f"{left} {_SIGNS[node.operator]} {right}"


@prose.register
def _(node: OrElse) -> str:
    return f"{prose(node.first)}; where that is undefined, {prose(node.second)}"


@prose.register
def _(node: AtMost) -> str:
    return f"{prose(node.value)}, at most {node.limit}"


@prose.register
def _(node: Given) -> str:
    return f"{prose(node.value)}, where there are {prose(node.condition)}"


@prose.register
def _(node: ScaledRoot) -> str:
    return f"{node.factor!r} × the square root of ({prose(node.of)})"


@prose.register
def _(_node: Attainment) -> str:
    return "value / target, or target / value where lower is better"


def terms(formula: Formula) -> dict[str, Formula]:
    """The named parts of a formula and what each stands for."""
    return {node.name: node.of for node in nodes(formula) if isinstance(node, Named)}


def _bracketed(formula: Formula, *, unless: int) -> str:
    text = prose(formula)
    if isinstance(formula, Binary):
        return text if _BINDS[formula.operator] >= unless else f"({text})"
    return f"({text})" if isinstance(formula, OrElse | AtMost | Given) else text
