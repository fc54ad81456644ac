"""What may be said while a KPI isn't known: the whole document, with null in the place of each of its figures.

One function for the HTTP interface, Redis and the topic of snapshots: readers of one must not find the shape, or a
figure, that readers of another don't.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.breakdown import KNOWN_WITH
from metrics.compiled import KpiValues
from metrics.evaluate import Snapshot


def withheld(document: Snapshot, unknown: Mapping[str, str]) -> dict[str, Any]:
    """Return a document in which what isn't known has no value, in any window or slice.

    Args:
        document: what `evaluate` answered, and whatever else its maker says in it; it isn't changed.
        unknown: KPI id -> why it can't be known now; while it is empty, everything is said.

    >>> nps = {"30d": {"nps": 25, "orders": 3}}
    >>> withheld({"now": "", "windows": nps, "slices": {"channel": {"web": nps}}}, {"nps": "starting"})["slices"]
    {'channel': {'web': {'30d': {'nps': None, 'orders': 3}}}}
    """
    said: dict[str, Any] = {**document, "unknown": dict(unknown)}
    if unknown:
        said["windows"] = _known(document["windows"], unknown)
        said["slices"] = {
            attribute: {value: _known(windows, unknown) for value, windows in by_value.items()}
            for attribute, by_value in document["slices"].items()
        }
    if KNOWN_WITH in unknown:
        said |= {section: None for section in ("cohorts", "tenure") if section in document}
    return said


def _known(windows: Mapping[str, KpiValues], unknown: Mapping[str, str]) -> dict[str, KpiValues]:
    return {
        window: {kpi: None if kpi in unknown else value for kpi, value in values.items()}
        for window, values in windows.items()
    }
