"""What a rebuild changes, figure by figure: whoever puts it into service should have seen it before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from metrics.catalogue import CATALOGUE
from metrics.kpi import Unit

Figure: TypeAlias = int | float | None
_MONEY = frozenset(kpi.id for kpi in CATALOGUE if kpi.unit is Unit.CURRENCY)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs."""

    window: str
    kpi: str
    before: Figure
    after: Figure

    @property
    def weight(self) -> float:
        """Return by which share it changed; a figure that comes or goes weighs most."""
        if self.before is None or self.after is None:
            return math.inf
        return abs(self.after - self.before) / max(abs(self.before), abs(self.after))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everybody's figures of two documents.

    Attributes:
        changes: those that differ, the largest share first.
        same: how many don't.
        incomparable: how many are in one document alone, or money of another currency.
    """

    changes: tuple[Change, ...]
    same: int
    incomparable: int


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """Compare two KPI documents in the windows and KPIs that both have.

    Args:
        before: of the engine in service.
        after: of the one that counted anew.
    """
    was, now = dict(_figures(before)), dict(_figures(after))
    shared = was.keys() & now.keys()
    if before["settings"]["currency"] != after["settings"]["currency"]:
        shared = {key for key in shared if key[1] not in _MONEY}
    changes = [Change(*key, was[key], now[key]) for key in sorted(shared) if not _is_same(was[key], now[key])]
    changes.sort(key=lambda change: -change.weight)
    return Comparison(tuple(changes), len(shared) - len(changes), len(was.keys() | now.keys()) - len(shared))


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Figure]]:
    for window, values in document["windows"].items():
        for kpi, value in values.items():
            if not isinstance(value, Mapping):
                yield (window, kpi), value


def _is_same(one: Figure, other: Figure) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
