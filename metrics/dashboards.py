"""Grafana boards, made from the catalogue: a panel is a choice of KPIs, its words and units are theirs.

Needs the `render` extra (the SDK that knows Grafana's schema); the engine doesn't import this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from string import ascii_uppercase
from typing import Any, Literal

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement

from metrics import names
from metrics.catalogue import BY_ID
from metrics.delivery import DATASOURCE_UID
from metrics.kpi import Kpi, Unit
from metrics.names import SLICE, VALUE, WINDOW, metric_name
from metrics.promql import selector

OVERVIEW_UID = "tapesh-overview"
_DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_JOB = {"job": "$job"}
_PLACE = _JOB | {WINDOW: "$window", SLICE: "$slice"}
_SERIES = {VALUE: "$value"}
_UNITS: dict[Unit, str] = {
    Unit.RATIO: units.PercentUnit,
    Unit.DAYS: units.Days,
    Unit.YEARS: "suffix: years",
    Unit.SCORE: units.NoUnit,
}
"""Grafana's names for units; counts are `short`."""


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a panel: PromQL and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, before it has a place and a number."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["line", "number"] = "line"
    width: int = 8


def overview(currency: str) -> models.Dashboard:
    """The board that shows the customer base at a glance, and whether it may be believed.

    Args:
        currency: the reporting currency: names and units of what is money depend on it.
    """
    board = (
        boards.Dashboard("Tapesh: overview")
        .uid(OVERVIEW_UID)
        .description("The live pulse of the customer base, by window and slice, and the health of what counts it.")
        .tags(["tapesh"])
        .readonly()
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("10s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(currency))
    )
    numbers = count(1)
    for title, panels in _overview_rows(currency).items():
        board.with_row(boards.Row(title).id(next(numbers)))
        for panel in panels:
            board.with_panel(_built(panel, next(numbers)))
    return board.build()


def _overview_rows(currency: str) -> dict[str, list[Panel]]:
    def number(kpi_id: str) -> Panel:
        return _of_kpis((kpi_id,), currency, kind="number", width=4)

    def lines(*kpi_ids: str, title: str = "", width: int = 8) -> Panel:
        return _of_kpis(kpi_ids, currency, title=title, width=width)

    return {
        "At a glance": [
            number(kpi_id)
            for kpi_id in ("active_customers", "net_customer_growth", "churn_rate", "revenue", "clv", "nps")
        ],
        "Base": [
            lines("active_customers"),
            lines("net_customer_growth"),
            lines("new_customers", "won_back_customers", "lost_customers", title="New, won back and lost"),
        ],
        "Churn": [
            lines("churn_rate", "involuntary_churn_rate", "exposure_churn_rate", title="Churn", width=12),
            lines("churn_reasons", width=12),
        ],
        "Revenue and value": [lines("revenue"), lines("average_order_value"), lines("clv", "net_clv", title="CLV")],
        "Acquisition": [lines("leads", width=12), lines("conversion_rate", "lead_conversion_rate", width=12)],
        "Satisfaction": [_nps(currency), lines("csat", width=12)],
        "Engine": _engine(),
    }


def _of_kpis(
    kpi_ids: tuple[str, ...],
    currency: str,
    *,
    title: str = "",
    kind: Literal["line", "number"] = "line",
    width: int = 8,
) -> Panel:
    kpis = [BY_ID[kpi_id] for kpi_id in kpi_ids]
    if len(unit := {kpi.unit for kpi in kpis}) > 1:
        raise ValueError(f"panel of {', '.join(kpi_ids)}: expected one unit, got {sorted(unit)}; make it two panels")
    alone = len(kpis) == 1
    return Panel(
        title=title or ", ".join(kpi.title.en for kpi in kpis),
        description=kpis[0].meaning.en if alone else "\n\n".join(f"{kpi.title.en}: {kpi.meaning.en}" for kpi in kpis),
        unit=grafana_unit(kpis[0].unit, currency),
        queries=tuple(Query(_gauge(kpi, currency), _legend(kpi, alone=alone)) for kpi in kpis),
        kind=kind,
        width=width,
    )


def _nps(currency: str) -> Panel:
    score, margin = (BY_ID[kpi_id] for kpi_id in ("nps", "nps_margin"))
    value, half = _gauge(score, currency), _gauge(margin, currency)
    return Panel(
        title=f"{score.title.en}, with its margin",
        description=f"{score.meaning.en} {margin.title.en}: {margin.meaning.en}",
        unit=grafana_unit(score.unit, currency),
        queries=(
            Query(value, "{{value}}"),
            Query(f"{value} - {half}", "{{value}} at least"),
            Query(f"{value} + {half}", "{{value}} at most"),
        ),
        width=12,
    )


def _engine() -> list[Panel]:
    def rate(name: str, label: str) -> str:
        return f"sum by ({label}) (rate({selector(name, _JOB)}[$__rate_interval]))"

    def worst(name: str) -> Query:
        return Query(f"max by (instance) ({selector(name, _JOB)})", "{{instance}}")

    unknown = f"count({selector(names.KPI_UNKNOWN, _JOB)} == 1)"
    healthy = f"0 * max({selector(names.SNAPSHOT_AGE, _JOB)})"
    return [
        Panel(
            "Events",
            "Events counted per second, by type.",
            units.EventsPerSecond,
            (Query(rate(names.EVENTS, names.TYPE), "{{type}}"),),
        ),
        Panel(
            "Event lag",
            "How long ago the newest event that a worker has read was published. It grows while none arrives.",
            units.Seconds,
            (worst(names.EVENT_LAG),),
        ),
        Panel(
            "Rejected events",
            "Events per second that the contract refuses, by reason; they are in the topic dead-letters.",
            units.EventsPerSecond,
            (Query(rate(names.EVENTS_REJECTED, names.REASON), "{{reason}}"),),
        ),
        Panel(
            "Unknown KPIs",
            "KPIs that can't be known now: their gauges are absent. Nothing at all: nobody publishes KPIs.",
            units.Short,
            (Query(f"{unknown} or {healthy}", "unknown"),),
        ),
        Panel(
            "Age of the KPIs",
            "Seconds since the latest snapshot.",
            units.Seconds,
            (worst(names.SNAPSHOT_AGE),),
        ),
        Panel(
            "Books",
            "Opening + new + won back - lost - closing. Anything but 0 is a defect.",
            units.Short,
            (Query(f"max(abs({selector(names.BOOKS_RESIDUAL, _JOB)}))", "residual"),),
        ),
    ]


def grafana_unit(unit: Unit, currency: str) -> str:
    """Grafana's name for a unit of the catalogue; a currency that it doesn't know is written after the number."""
    if unit is Unit.CURRENCY:
        known = {value for value in vars(units).values() if str(value).startswith("currency")}
        return f"currency{currency}" if f"currency{currency}" in known else f"suffix: {currency}"
    return _UNITS.get(unit, str(units.Short))


def _gauge(kpi: Kpi, currency: str) -> str:
    by = ", ".join((VALUE, *([kpi.label] if kpi.label else [])))
    # Without the worker: the line goes on when the KPIs move to another one.
    return f"max by ({by}) ({selector(metric_name(kpi, currency), _PLACE, _SERIES)})"


def _legend(kpi: Kpi, *, alone: bool) -> str:
    of = [] if alone else [kpi.title.en]
    return " ".join([*of, "{{value}}", *([f"{{{{{kpi.label}}}}}"] if kpi.label else [])])


def _built(panel: Panel, number: int) -> Any:
    made: Any = timeseries.Panel() if panel.kind == "line" else stat.Panel()
    made.id(number).title(panel.title).description(panel.description).unit(panel.unit)
    made.datasource(_DATASOURCE).height(4 if panel.kind == "number" else 8).span(panel.width)
    if panel.kind == "line":
        made.legend(
            VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
        )
        made.fill_opacity(8)
    else:
        made.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    for query, letter in zip(panel.queries, ascii_uppercase, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .expr(query.expr)
            .legend_format(query.legend)
            .ref_id(letter)
            .datasource(_DATASOURCE)
            .range()
        )
    return made


def _variables(currency: str) -> list[Any]:
    base = metric_name(BY_ID["active_customers"], currency)

    def values(name: str, label: str, within: dict[str, str]) -> Any:
        return (
            boards.QueryVariable(name)
            .label(label)
            .datasource(_DATASOURCE)
            .query(f"label_values({selector(base, within)}, {name})")
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.NATURAL_ASC)
        )

    chosen = models.VariableOption
    return [
        boards.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(chosen(text="Prometheus", value=DATASOURCE_UID)),
        values("job", "Engine", {}).current(chosen(text="tapesh", value="tapesh")),
        values(WINDOW, "Window", _JOB).current(chosen(text="30d", value="30d")),
        values(SLICE, "Slice by", _JOB).current(chosen(text=names.ALL, value=names.ALL)),
        values(VALUE, "Value", _JOB | {SLICE: "$slice"})
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(chosen(text=["All"], value=["$__all"])),
    ]
