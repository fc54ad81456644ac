"""KPI values as a person reads them: shares in per cent, money with its decimals, what is undefined as a dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.money import minor_digits
from metrics.kpi import Kpi, Unit

UNDEFINED = "–"
_MULTIPLE_FROM = 10
"""A ratio from here on (CLV to CAC) is read as a multiple: 14.0x, not 1,401 %."""


def formatted(kpi: Kpi, value: Any, currency: str) -> str:
    """Write a KPI's value.

    Args:
        kpi: its declaration, whose unit decides.
        value: from the KPI document; None where it is undefined, a map where the KPI is split by a label.
        currency: the reporting currency, whose decimals money has.
    """
    match value:
        case None:
            return UNDEFINED
        case Mapping():
            parts = (f"{label} {formatted(kpi, part, currency)}" for label, part in sorted(value.items()))
            return "\n".join(parts) or UNDEFINED
        case int():
            return f"{value:,}"
        case _:
            return _number(kpi.unit, value, currency)


def _number(unit: Unit, value: float, currency: str) -> str:
    match unit:
        case Unit.RATIO:
            return f"{value:,.1f}x" if abs(value) >= _MULTIPLE_FROM else f"{100 * value:,.1f} %"
        case Unit.CURRENCY:
            return f"{value:,.{minor_digits(currency)}f}"
        case Unit.DAYS | Unit.SCORE:
            return f"{value:,.1f}"
        case _:
            return f"{value:,.2f}"


def heading(kpi: Kpi, currency: str) -> str:
    """A KPI's title, with its unit where the value doesn't show it."""
    match kpi.unit:
        case Unit.CURRENCY:
            return f"{kpi.title.en}, {currency}"
        case Unit.DAYS | Unit.YEARS:
            return f"{kpi.title.en}, {kpi.unit.value}"
        case _:
            return kpi.title.en
