"""From sums to KPIs: the one place where the engine divides.

Pure: a frame says what time it is and which windows there are, sums say what was counted, and the answer is the
JSON of the KPI contract. The same call serves the live agent and the offline computation, so they can't differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, TypedDict

from metrics.catalogue import BY_ID, CATALOGUE
from metrics.compiled import Bounds, Evaluate, KpiValues, compile_kpis
from metrics.economics import Economics, Target
from metrics.formula import ScaledRoot
from metrics.frame import LIFETIME, NOTHING, YEAR, Cell, CellSums, Frame, Window
from metrics.steps import Steps, at_once
from metrics.validation import suggestion

__all__ = [
    "Cell",
    "CellSums",
    "Economics",
    "Frame",
    "Snapshot",
    "Target",
    "Window",
    "evaluate",
    "evaluation",
    "refuse_bad_targets",
    "rfc3339",
]

WindowValues: TypeAlias = dict[str, KpiValues]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Snapshot(TypedDict):
    """Every KPI at one instant: windows, then slices by attribute and value, in the order of the catalogue."""

    now: str
    windows: dict[str, KpiValues]
    slices: dict[str, dict[str, WindowValues]]


def evaluate(frame: Frame, sums: Mapping[Cell, Mapping[str, CellSums]], economics: Economics) -> Snapshot:
    """Every KPI of every published window, for everybody and for each slice value.

    Args:
        frame: the clock and the windows.
        sums: per cell and window name, what was counted; what is absent is 0. `lifetime` must hold all that any
            other window of the cell holds.
        economics: currency, margin, lifespan, targets; targets are everybody's, slices have none.

    Returns:
        A dict that `json.dumps` takes as it is; undefined is None.
    """
    return at_once(evaluation(frame, sums, economics))


def evaluation(frame: Frame, sums: Mapping[Cell, Mapping[str, CellSums]], economics: Economics) -> Steps[Snapshot]:
    """Do what `evaluate` does in steps of one cell, all of its windows: a fraction of a millisecond."""
    program = _Program(frame, economics)
    snapshot: Snapshot = {"now": rfc3339(frame.now_ms), "windows": program.run(sums.get(None, {}), None), "slices": {}}
    for cell, cell_sums in sums.items():
        if cell is not None:
            attribute, value = cell
            snapshot["slices"].setdefault(attribute, {})[value] = program.run(cell_sums, attribute)
            yield
    return snapshot


def refuse_bad_targets(economics: Economics) -> None:
    """Raise where a target names no KPI, or one that has no single value in a calendar window."""
    for target in economics.targets:
        kpi = BY_ID.get(target.kpi)
        if kpi is None:
            raise ValueError(f"target {target.kpi!r}: no such KPI{suggestion(target.kpi, BY_ID)}")
        if kpi.label is not None:
            raise ValueError(f"target {target.kpi!r}: the KPI is split by {kpi.label!r}; set targets on plain KPIs")
        if isinstance(kpi.formula, ScaledRoot):
            raise ValueError(  # noqa: TRY004  # the name is wrong, not the type of an argument
                f"target {target.kpi!r}: an error margin is not a goal; set a target on the KPI itself"
            )
        if not kpi.windows.hold(Window(target.window, "calendar", 0, None)):
            raise ValueError(f"target {target.kpi!r}: not defined in {target.window!r}, but in {kpi.windows.value}")


class _Program:
    """A frame made ready: each published window with its bounds and its function."""

    def __init__(self, frame: Frame, economics: Economics) -> None:
        self._economics = economics
        self._functions: dict[tuple[str, str | None], Evaluate] = {}
        year = next(window for window in frame.windows if window.name == YEAR)
        self._windows = [
            (window, Bounds(frame.now_ms, window.start_ms or 0, year.start_ms or 0, Fraction(window.days or 0)))
            for window in frame.windows
            if window.published
        ]

    def run(self, sums: Mapping[str, CellSums], attribute: str | None) -> WindowValues:
        """All windows of one cell."""
        year, lifetime = sums.get(YEAR, NOTHING), sums.get(LIFETIME, NOTHING)
        return {
            window.name: self._function(window, attribute)(sums.get(window.name, NOTHING), year, lifetime, bounds)
            for window, bounds in self._windows
        }

    def _function(self, window: Window, attribute: str | None) -> Evaluate:
        key = (window.name, attribute)
        if key not in self._functions:
            self._functions[key] = _function(window, self._economics, attribute)
        return self._functions[key]


def _function(window: Window, economics: Economics, attribute: str | None) -> Evaluate:
    targets = tuple(target for target in economics.targets if target.window == window.name and attribute is None)
    defined = tuple(kpi.id for kpi in CATALOGUE if kpi.windows.hold(window, has_targets=bool(targets)))
    known = frozenset(kpi.id for kpi in CATALOGUE if attribute is None or kpi.scope.holds(attribute))
    return _compiled(defined, known, economics, targets)


@lru_cache(maxsize=64)
def _compiled(
    defined: tuple[str, ...], known: frozenset[str], economics: Economics, targets: tuple[Target, ...]
) -> Evaluate:
    if targets:
        refuse_bad_targets(economics)
    unknowable = [kpi_id for kpi_id in defined if kpi_id not in known]
    return compile_kpis([BY_ID[kpi_id] for kpi_id in defined], economics, targets, unknowable)


def rfc3339(ms: int) -> str:
    """An instant as documents write it: UTC, to the millisecond, `Z`."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
