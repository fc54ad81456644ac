"""Who is behind an alert that fires: for its page, what each slice, band of tenure and reason adds to the change.

The arithmetic of `tapesh explain` on the sums that are there: the shortest window that holds the alert's long one,
against 30 days. Only the foremost values of each attribute are kept: a page has room for a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from metrics.alerting import Tier, Watch
from metrics.explain import TENURE, Counted, facts_by_tenure, split
from metrics.frame import LIFETIME, NOTHING, Cell, CellSums, Frame

AGAINST = "30d"
FOREMOST = 3
REASON = "reason"
_DAY_MIN = 1_440
_REASONS = {"closed": "closed_by_reason"}
"""Counts that are split by a reason, too."""
_BY_TENURE = frozenset(_REASONS)
"""Counts that are split by bands of tenure, too."""

Sums = Mapping[Cell, Mapping[str, CellSums]]


@dataclass(frozen=True, slots=True)
class Part:
    """What a value adds to a change, as a share of it: because its own rate moved, or because the mix did."""

    attribute: str
    value: str
    by: Literal["rate", "mix"]
    share: float


def parts_of(sums: Sums, frame: Frame, watch: Watch, tier: Tier, tenure: Mapping[str, Any] | None = None) -> list[Part]:
    """Return the foremost parts of a change, by attribute; none where no window fits, or nothing changed.

    Args:
        sums: of every cell.
        frame: as of when.
        watch: that fires.
        tier: of it.
        tenure: the document's section; None where it isn't counted yet.
    """
    days = {window.name: window.days for window in frame.windows if window.days is not None}
    fitting = [(length, name) for name, length in days.items() if tier.long_min <= length * _DAY_MIN]
    window = min(fitting, default=(0.0, AGAINST))[1]
    if AGAINST not in days or days[window] >= days[AGAINST]:
        return []
    spans = window, AGAINST
    is_stock = len(watch.exposed) > 1
    minutes = [round(days[name] * _DAY_MIN) if is_stock else _DAY_MIN for name in spans]
    by_attribute: dict[str, dict[str, tuple[Counted, Counted]]] = {}
    for cell, windows in sums.items():
        if cell is not None:
            now, before = (_counted(windows, name, watch) for name in spans)
            by_attribute.setdefault(cell[0], {})[cell[1]] = now, before
    if tenure is not None and watch.counted in _BY_TENURE and all(name in tenure["windows"] for name in spans):
        by_attribute[TENURE] = facts_by_tenure(tenure, *spans)
    parts = [part for attribute, facts in by_attribute.items() for part in _parts(attribute, facts, minutes)]
    return [*parts, *_reasons(sums.get(None, {}), spans, watch, minutes)]


def _counted(windows: Mapping[str, CellSums], name: str, watch: Watch) -> Counted:
    within = windows.get(name, NOTHING).values
    if len(watch.exposed) == 1:
        return within.get(watch.counted, 0), within.get(watch.exposed[0], 0)
    opens, closes = watch.exposed
    ever = windows.get(LIFETIME, NOTHING).values
    base = ever.get(opens, 0) - ever.get(closes, 0) - within.get(opens, 0) + within.get(closes, 0)
    return (within.get(watch.counted, 0), base) if base > 0 else (0, 0)


def _parts(attribute: str, facts: Mapping[str, tuple[Counted, Counted]], minutes: list[int]) -> Iterator[Part]:
    explained = split(attribute, facts, *minutes)
    change = explained.rate - explained.usual if explained is not None else Fraction(0)
    if explained is not None and change:
        for part in explained.parts[:FOREMOST]:
            yield Part(attribute, part.value, "rate", float(part.by_rate / change))
            yield Part(attribute, part.value, "mix", float(part.by_mix / change))


def _reasons(
    windows: Mapping[str, CellSums], spans: tuple[str, str], watch: Watch, minutes: list[int]
) -> Iterator[Part]:
    """Yield what each reason adds: reasons split the losses, not the customers, so there is no mix."""
    component = _REASONS.get(watch.counted, "")
    counts = [windows.get(name, NOTHING).labelled.get(component, {}) for name in spans]
    bases = [_counted(windows, name, watch)[1] for name in spans]
    if not all(bases):
        return
    moved = {
        reason: Fraction(counts[0].get(reason, 0), bases[0] * minutes[0])
        - Fraction(counts[1].get(reason, 0), bases[1] * minutes[1])
        for reason in {**counts[0], **counts[1]}
    }
    change = sum(moved.values(), Fraction(0))
    if change:
        for reason in sorted(moved, key=lambda reason: -abs(moved[reason]))[:FOREMOST]:
            yield Part(REASON, reason, "rate", float(moved[reason] / change))
