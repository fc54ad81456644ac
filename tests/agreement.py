"""How the tests say that two sets of KPIs agree: integers exactly, floats to 1e-9."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from metrics.economics import Economics
from streams.document import kpi_document
from streams.meaning import Meaning
from streams.merge import Admission, merge
from streams.panes import DAY_MS
from streams.partition import PartitionState


def differences(got: Any, expected: Any, path: str = "") -> list[str]:
    """Return where two KPI documents part, as `path: got, expected` lines."""
    if isinstance(got, dict) and isinstance(expected, dict):
        found = [f"{path}/{key}: missing" for key in expected if key not in got]
        found += [f"{path}/{key}: not expected, got {got[key]!r}" for key in got if key not in expected]
        for key in got.keys() & expected.keys():
            found += differences(got[key], expected[key], f"{path}/{key}")
        return found
    exact = not isinstance(got, float) and not isinstance(expected, float)
    same = (
        got == expected if exact or None in (got, expected) else math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)
    )
    return [] if same else [f"{path}: got {got!r}, expected {expected!r}"]


def lines(events: Sequence[dict[str, Any]]) -> list[bytes]:
    """Return events as messages."""
    return [json.dumps(event).encode() for event in events]


def kpis(states: Sequence[PartitionState], economics: Economics | None = None) -> dict[str, Any]:
    """Return what a KPI agent would make of partitions that stand at one `now`."""
    time = states[0].fold.time
    sums = merge([state.report() for state in states], [plan.name for plan in time.plans], Admission())
    settings = states[0].meaning
    return kpi_document(settings, time, sums, economics or Economics(settings.currency), states[0].now_ms)


def meaning(*, lapse_after_days: int = 90, **settings: Any) -> Meaning:
    """Return settings of state, with the lapse in days as the oracle takes it."""
    return Meaning(lapse_after_ms=lapse_after_days * DAY_MS, **settings)
