"""Where each target stands: what is reached, what should be by now, and what the rest of the period has to bring.

A target that is looked at on the last day of the month comes too late. `metrics.pace` tells how a sum is on its way;
this module says which KPIs are such sums, reads their figures off the KPI document, and writes the gauges. A KPI that
is unknown has a target and no standing: what can't be known isn't behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from metrics import names
from metrics.catalogue import BY_ID
from metrics.compiled import KpiValues
from metrics.economics import Target
from metrics.formula import Binary, Formula, KpiValue, Named, Number, Setting, Span, Statistic
from metrics.kpi import Better
from metrics.pace import Pace, Period, pace_of
from metrics.restatement import why_not

Origin = Literal["settings", "set"]
_ATTAINMENT = "target_attainment"
_GAUGES = {
    names.TARGET_EXPECTED: ("expected", "What a sum should be by now for its target to be met, in the KPI's unit."),
    names.TARGET_PACE: ("pace", "The sum so far over what is expected by now."),
    names.TARGET_FORECAST: ("forecast", "What the period will end at if the days go on as of late, in the KPI's unit."),
    names.TARGET_NEEDED: ("needed_per_day", "What each day from now on must bring, in the KPI's unit."),
    names.TARGET_CHANCE: ("chance", "The chance to end at the target or better."),
    names.TARGET_ELAPSED: ("elapsed", "How much of the target's period is over."),
}
"""Metric -> the attribute that it shows, and its help."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one target stands; what can't be said is None.

    Attributes:
        kpi, window: what the target is set for.
        target: its value, in the KPI's unit.
        origin: who has set it: the settings, or somebody since.
        first, last: the period's days, both in it, by the Gregorian calendar.
        elapsed: how much of the period is over, 0 to 1.
        value: the KPI in the period so far.
        attainment: of the whole target, as the KPI `target_attainment` has it.
        adds_up: whether the KPI is a sum over days; only then has it what follows.
        pace: how it is on its way.
        unknown: why the KPI can't be known now.
    """

    kpi: str
    window: str
    target: float
    origin: Origin
    first: date
    last: date
    elapsed: float
    value: float | None
    attainment: float | None
    adds_up: bool
    pace: Pace | None = None
    unknown: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        said = asdict(self)
        origin, pace = said.pop("origin"), said.pop("pace") or dict.fromkeys(Pace.__slots__)
        return {**said, **pace, "from": origin, "first": self.first.isoformat(), "last": self.last.isoformat()}


@cache
def adds_up(kpi_id: str) -> bool:
    """Tell whether a KPI of a period is the sum of its days: only such a one has a pace.

    >>> adds_up("revenue"), adds_up("churn_rate"), adds_up("average_order_value"), adds_up("buyers")
    (True, False, False, False)
    """
    kpi = BY_ID[kpi_id]
    return kpi.label is None and why_not(kpi) is None and _adds_up(kpi.formula)


def _adds_up(formula: Formula) -> bool:
    match formula:
        case Statistic(span=Span.IN):
            return True
        case Named(of=part):
            return _adds_up(part)
        case KpiValue(id=other, over=""):
            return _adds_up(BY_ID[other].formula)
        case Binary(operator="+" | "-", left=left, right=right):
            return _adds_up(left) and _adds_up(right)
        case Binary(operator="/", left=left, right=Setting() | Number()):
            return _adds_up(left)
    return False


def standing_of(
    target: Target,
    origin: Origin,
    period: Period,
    values: KpiValues,
    daily: Mapping[date, float],
    unknown: str | None = None,
) -> Standing:
    """Say where a target stands.

    Args:
        target: what is to be reached.
        origin: who has set it.
        period: the current one of its window.
        values: everybody's KPIs in that window.
        daily: what whole days before today brought of the KPI; may be empty.
        unknown: why the KPI can't be known now, if it can't.
    """
    goal, kpi = float(target.value), BY_ID[target.kpi]
    days = (period.last - period.first).days + 1
    elapsed = ((period.today - period.first).days + period.elapsed) / days
    value = None if unknown is not None else _number(values.get(kpi.id))
    attained = values.get(_ATTAINMENT)
    attainment = _number(attained.get(kpi.id)) if isinstance(attained, dict) and value is not None else None
    is_sum = adds_up(kpi.id)
    pace = None
    if is_sum and value is not None:
        more_is_better = kpi.better is not Better.LOWER
        pace = pace_of(period, value, goal, daily, more_is_better=more_is_better)
    place = (kpi.id, target.window, goal, origin, period.first, period.last, elapsed)
    return Standing(*place, value, attainment, is_sum, pace, unknown)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None


def render_targets(standings: Iterable[Standing]) -> bytes:
    """Return the gauges in Prometheus's text format; what can't be said has none."""
    known = [standing for standing in standings if standing.value is not None]
    return "".join(line for name in _GAUGES for line in _family(name, known)).encode()


def _family(name: str, standings: list[Standing]) -> Iterator[str]:
    attribute, help_ = _GAUGES[name]
    samples = [
        f'{name}{{{names.KPI}="{standing.kpi}",{names.WINDOW}="{standing.window}"}} {figure!r}\n'
        for standing in standings
        if (figure := getattr(standing if attribute == "elapsed" else standing.pace, attribute, None)) is not None
    ]
    if samples:
        yield f"# HELP {name} {help_}\n# TYPE {name} gauge\n"
        yield from samples
