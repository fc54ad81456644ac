"""Which KPIs of a past day or month can be restated, and why the others can't: read off their formulas.

A late event or a refund belongs to the day on which it happened, so that day's figures change after the fact. That
can be told from the ordinary passage of time only where nothing but late events moves the past: where a KPI is made
of sums over the period alone, and of components whose contributions stay where they were placed. `buyers` of a past
day falls as its buyers buy again; to write that down as a correction would fill the books with what isn't one.
"""

from __future__ import annotations

from collections.abc import Mapping

from metrics.catalogue import BY_ID, CATALOGUE
from metrics.components import BY_NAME, STOCK, Component
from metrics.economics import Economics
from metrics.feeds import FEEDS, needed_components
from metrics.formula import (
    Attainment,
    EachLabel,
    Formula,
    Instant,
    KpiValue,
    Setting,
    Span,
    Statistic,
    WindowDays,
    nodes,
)
from metrics.frame import Window
from metrics.kpi import Kpi

_A_PERIOD = Window("month", "calendar", 0, None)
_CONSTANT_SETTINGS = frozenset({"minor units per major unit"})
"""Settings that can't change without the state's being counted anew."""


def why_not(kpi: Kpi) -> str | None:
    """Why a KPI of a past period can't be restated; None if it can.

    >>> why_not(BY_ID["revenue"]) is None
    True
    >>> why_not(BY_ID["average_order_value"]) is None
    True
    >>> why_not(BY_ID["purchase_frequency"])
    'builds on `buyers`: `buyers` leaves a past day with the next purchase'
    """
    if isinstance(kpi.formula, Attainment):
        return "measures against the targets of the current period"
    if not kpi.windows.hold(_A_PERIOD):
        return f"isn't defined for a calendar period, but for {kpi.windows.value}"
    return _why_not(kpi.formula)


def restated(kpi: Kpi) -> str:
    """Whether a KPI is restated, for who reads its definition."""
    reason = why_not(kpi)
    return "yes" if reason is None else f"no: {reason}"


def _why_not(formula: Formula) -> str | None:
    for node in nodes(formula):
        match node:
            case Statistic() | EachLabel():
                reason = _of_component(BY_NAME[node.component], getattr(node, "span", Span.IN))
            case Instant():
                reason = "depends on the clock"
            case WindowDays():
                reason = "depends on a rolling window's length"
            case Setting() if node.name not in _CONSTANT_SETTINGS:
                reason = f"depends on the setting for the {node.name}"
            case KpiValue():
                inner = f"over {node.over}" if node.over else _why_not(BY_ID[node.id].formula)
                reason = inner and f"builds on `{node.id}`: {inner}"
            case _:
                reason = None
        if reason:
            return reason
    return None


def _of_component(component: Component, span: Span) -> str | None:
    if component.at == STOCK:
        return f"`{component.name}` holds what is true now"
    if span is not Span.IN:
        return f"takes `{component.name}` {span.value}, not in the period alone"
    if component.moved_by:
        return f"`{component.name}` leaves a past day with {component.moved_by}"
    return None


RESTATABLE: tuple[Kpi, ...] = tuple(kpi for kpi in CATALOGUE if why_not(kpi) is None)
"""In the order of the catalogue."""
RESTATED_COMPONENTS: frozenset[str] = frozenset().union(
    *(needed_components(kpi.id, Economics("EUR")) for kpi in RESTATABLE)
)
"""What these KPIs are made of: all that has to be known of a past day."""

FED_BY: Mapping[str, tuple[str, ...]] = {
    component: tuple(sorted(FEEDS[component])) for component in sorted(RESTATED_COMPONENTS)
}
"""Restated component -> the types of events that may have changed it."""
