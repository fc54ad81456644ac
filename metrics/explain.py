"""Who is behind a loss: what each slice contributes to the change of a rate, and whether its rate or the mix moved.

The rate of a window, losses per customer and 30 days, is compared with that of a longer one. With s the share of the
customers in a slice and r its rate, and s0 and r0 those of the longer window,

    R - R0 = sum of s x (r - r0)  +  sum of (s - s0) x (r0 - R0)
             rates that moved        customers that moved to slices with other rates

which adds up exactly, whatever the slices: the shares add up to 1 in both windows. Bands of tenure are such slices too:
in each, those who were there as the window began, and those of them who were lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

TENURE = "tenure"
"""What bands are values of, where a slice has its attribute."""
_LENGTH_MIN = {"m": 1, "h": 60, "d": 1_440}
_MONTH_MIN = 43_200


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a slice attribute: losses and base in the window, and what it adds to the change, in two parts."""

    value: str
    lost: int
    base: int
    rate: Fraction
    usual: Fraction
    by_rate: Fraction
    by_mix: Fraction


@dataclass(frozen=True, slots=True)
class Explained:
    """The change of a rate, by the values of one attribute; those that add most come first."""

    attribute: str
    rate: Fraction
    usual: Fraction
    parts: tuple[Part, ...]


Counted: TypeAlias = tuple[int, int]
"""Who was lost in a window, and who was there as it began."""


def explain(document: Mapping[str, Any], attribute: str, window: str, against: str) -> Explained | None:
    """Split the change of the churn rate by a slice attribute.

    Args:
        document: KPIs, live or computed.
        attribute: of `document["slices"]`.
        window: the rolling window to explain.
        against: a longer one: what is usual.

    Returns:
        None where nobody was at risk, or nothing is known.
    """
    facts = {value: (_facts(windows, window), _facts(windows, against)) for value, windows in _of(document, attribute)}
    return split(attribute, facts, _minutes(window), _minutes(against))


def explain_tenure(tenure: Mapping[str, Any], window: str, against: str) -> Explained | None:
    """Split the change of the churn rate by how long customers had been there as the windows began.

    Customers who came and left within a window are in no band, so the rates are a little lower than by a slice.

    Args:
        tenure: the document's section.
        window: the rolling window to explain.
        against: a longer one: what is usual.

    Returns:
        None where nobody was at risk.
    """
    return split(TENURE, facts_by_tenure(tenure, window, against), _minutes(window), _minutes(against))


def facts_by_tenure(tenure: Mapping[str, Any], window: str, against: str) -> dict[str, tuple[Counted, Counted]]:
    """Return who was lost and who was there, by band of tenure, in a window and in a longer one."""
    now, before = tenure["windows"][window], tenure["windows"][against]
    return {band: (_of_band(now, band), _of_band(before, band)) for band in now["at_risk_by_tenure"]}


def split(
    attribute: str, facts: Mapping[str, tuple[Counted, Counted]], minutes: int, minutes_0: int
) -> Explained | None:
    """Split the change of a rate by values that are apart and together everybody.

    Args:
        attribute: what they are values of.
        facts: by value, in the window and in the longer one.
        minutes: how long the window is.
        minutes_0: and the longer one; as much where what is lost is a share of what came in the window.

    Returns:
        None where nobody was at risk.
    """
    base, base_0 = (sum(pair[which][1] for pair in facts.values()) for which in (0, 1))
    if not base or not base_0:
        return None
    rates = {value: (_rate(now, minutes), _rate(before, minutes_0)) for value, (now, before) in facts.items()}
    rate, usual = (
        sum((rates[value][which] * pair[which][1] for value, pair in facts.items()), Fraction(0)) / whole
        for which, whole in ((0, base), (1, base_0))
    )
    parts = []
    for value, (now, before) in facts.items():
        share, share_0 = Fraction(now[1], base), Fraction(before[1], base_0)
        own, own_0 = rates[value]
        parts.append(Part(value, *now, own, own_0, share * (own - own_0), (share - share_0) * (own_0 - usual)))
    parts.sort(key=lambda part: -abs(part.by_rate + part.by_mix))
    return Explained(attribute, rate, usual, tuple(parts))


def _of(document: Mapping[str, Any], attribute: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(document["slices"].get(attribute, {}).items())


def _facts(windows: Mapping[str, Any], window: str) -> Counted:
    """Return what was counted in a window; a slice of nobody loses nobody."""
    values = windows[window]
    base = (values["active_customers"] or 0) - (values["net_customer_growth"] or 0)
    return (int(values["lost_customers"] or 0), int(base)) if base > 0 else (0, 0)


def _of_band(windows: Mapping[str, Any], band: str) -> Counted:
    return windows["churned_by_tenure"][band], windows["at_risk_by_tenure"][band]


def _rate(facts: Counted, minutes: int) -> Fraction:
    lost, base = facts
    return Fraction(lost * _MONTH_MIN, base * minutes) if base else Fraction(0)


def _minutes(window: str) -> int:
    return int(window[:-1]) * _LENGTH_MIN[window[-1]]
