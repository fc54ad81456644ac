"""What is usual of a watch: learned from the weeks before, or a target's where the settings want it so.

The engine and the back-test ask the same, or the one would promise what the other doesn't keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from metrics.alerting import Watch
from metrics.economics import Target
from streams.alert_windows import Baseline, Series, learned, targeted

Usual: TypeAlias = Callable[[Watch, Series, int], Baseline | None]
"""Says what is usual of a watch as a step begins; None where that isn't known."""
_PERIOD_HOURS = {"month": 730.485, "quarter": 2_191.455, "year": 8_765.82}


def by_targets(goals: Iterable[Target]) -> Usual:
    """Expect what targets say of the KPIs that have one; the shape of the week is learned all the same.

    Of several targets for one KPI the shortest period's is the one that counts.
    """
    targets = {goal.kpi: goal for goal in sorted(goals, key=lambda goal: -_PERIOD_HOURS[goal.window])}

    def usual(watch: Watch, series: Series, end: int) -> Baseline | None:
        shape = learned(watch, series, end)
        target = targets.get(watch.kpi)
        if target is None:
            return shape
        return targeted(watch, float(target.value), _PERIOD_HOURS[target.window], shape)

    return usual
