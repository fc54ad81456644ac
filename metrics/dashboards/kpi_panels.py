"""Panels of KPIs: title, meaning, unit, direction and name come from the declaration.

A KPI that is unknown has no gauge. Its panel asks for the reason beside the value, so that it says `unknown: ...`
where others would show the last number that they got, or a gap that nobody can read.
"""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.catalogue import BY_ID
from metrics.dashboards.edition import Edition
from metrics.dashboards.panel import Kind, Limit, Panel, Query
from metrics.economics import Target
from metrics.kpi import Better, Kpi, Scope, Text, Unit, Windows
from metrics.names import ALL, SLICE, VALUE, WINDOW, metric_name
from metrics.promql import selector

JOB = {"job": "$job"}
NOT_PUBLISHED = "not-published"
"""The reason where there is nobody to give one."""
_PLACE = JOB | {WINDOW: "$window", SLICE: "$slice"}
_SERIES = {VALUE: "$value"}
_UNITS: dict[Unit, str] = {
    Unit.RATIO: units.PercentUnit,
    Unit.DAYS: "suffix: days",  # as `d`, Grafana would make weeks of them
    Unit.YEARS: "suffix: years",
    Unit.SCORE: units.NoUnit,
}
"""Grafana's names for units; counts are `short`."""
_TIMES = frozenset({"clv_to_cac"})
"""Ratios of which nobody thinks as of a share."""

_DIRECTIONS = {
    Better.HIGHER: Text("Higher is better.", "هرچه بیشتر، بهتر."),
    Better.LOWER: Text("Lower is better.", "هرچه کمتر، بهتر."),
    Better.NEITHER: Text("Neither higher nor lower is better.", "بیشتر یا کمتر بودنش به‌خودی‌خود خوب یا بد نیست."),
}
_WINDOWS = {
    Windows.NOT_LIFETIME: Text("Not over the lifetime.", "برای بازهٔ lifetime تعریف نمی‌شود."),
    Windows.ROLLING_FROM_30D: Text("In rolling windows of 30 days and more.", "تنها در بازه‌های غلتان ۳۰ روزه و بیشتر."),
    Windows.WITH_TARGETS: Text("In calendar windows with a target.", "تنها در بازه‌های تقویمی که هدف دارند."),
}
_BY_CHANNEL = Text("For everybody, and in slices by channel.", "برای همه، و در برش بر پایهٔ کانال (channel).")
_UNDEFINED = Text("undefined here", "اینجا تعریف‌نشده")
_UNKNOWN = Text("unknown", "نامعلوم")


def of_kpis(edition: Edition, *kpi_ids: str, title: Text | None = None, kind: Kind = "line", width: int = 8) -> Panel:
    """Show KPIs of one unit, in the chosen window and slice.

    Args:
        edition: for whom.
        kpi_ids: of the catalogue.
        title: of several; one has its own.
        kind: how.
        width: of 24.
    """
    kpis = [BY_ID[kpi_id] for kpi_id in kpi_ids]
    if len(found := {kpi.unit for kpi in kpis}) > 1:
        raise ValueError(f"panel of {', '.join(kpi_ids)}: expected one unit, got {sorted(found)}; make it two panels")
    alone = len(kpis) == 1
    return Panel(
        title=edition.say(title) if title else ", ".join(edition.say(kpi.title) for kpi in kpis),
        description="\n\n".join(told(edition, kpi, named=not alone) for kpi in kpis),
        unit=units.NoUnit if kpi_ids[0] in _TIMES else grafana_unit(kpis[0].unit, edition.currency),
        queries=tuple(Query(gauge(kpi, edition.currency), _legend(edition, kpi, alone=alone)) for kpi in kpis),
        kind=kind,
        width=width,
        unknown=_unknown(edition, kpi_ids, kind),
        absent=edition.say(_UNDEFINED),
    )


def numbers(edition: Edition, *kpi_ids: str) -> tuple[Panel, ...]:
    """Show up to six KPIs as of now, side by side."""
    return tuple(of_kpis(edition, kpi_id, kind="number", width=24 // len(kpi_ids)) for kpi_id in kpi_ids)


def with_margin(edition: Edition, value_id: str, margin_id: str, title: Text, width: int = 8) -> Panel:
    """Show a KPI between what it may be at least and at most."""
    value, margin = BY_ID[value_id], BY_ID[margin_id]
    middle, half = gauge(value, edition.currency), gauge(margin, edition.currency)
    least, most = Text("{{value}} at least", "{{value}} دست‌کم"), Text("{{value}} at most", "{{value}} دست‌بالا")
    return Panel(
        title=edition.say(title),
        description="\n\n".join(told(edition, kpi, named=True) for kpi in (value, margin)),
        unit=grafana_unit(value.unit, edition.currency),
        queries=(
            Query(middle, "{{value}}"),
            Query(f"{middle} - {half}", edition.say(least)),
            Query(f"{middle} + {half}", edition.say(most)),
        ),
        width=width,
        unknown=_unknown(edition, (value_id, margin_id), "line"),
        absent=edition.say(_UNDEFINED),
    )


def of_target(edition: Edition, target: Target) -> Panel:
    """Show a KPI in the window of its target: green where it is met, orange where it isn't."""
    kpi = BY_ID[target.kpi]
    higher = kpi.better is not Better.LOWER
    everybody = JOB | {WINDOW: target.window, SLICE: ALL, VALUE: ALL}
    against = Text(f"Target for the {target.window}: {target.value:g}.", f"هدف {target.window}: {target.value:g}.")
    return Panel(
        title=f"{edition.say(kpi.title)} ({target.window})",
        description=f"{told(edition, kpi)} {edition.say(against)}",
        unit=grafana_unit(kpi.unit, edition.currency),
        queries=(Query(f"max({selector(metric_name(kpi, edition.currency), everybody)})", target.window),),
        kind="number",
        width=4,
        below="orange" if higher else "green",
        limits=(Limit(float(target.value), "green" if higher else "orange"),),
        unknown=_unknown(edition, (kpi.id,), "number"),
        absent=edition.say(_UNDEFINED),
    )


def told(edition: Edition, kpi: Kpi, *, named: bool = False) -> str:
    """Say what a KPI means, which way it should go, and where it can be had."""
    parts = [edition.say(kpi.meaning), edition.say(_DIRECTIONS[kpi.better])]
    if kpi.windows in _WINDOWS:
        parts.append(edition.say(_WINDOWS[kpi.windows]))
    if kpi.scope is Scope.CHANNEL_ONLY:
        parts.append(edition.say(_BY_CHANNEL))
    return (f"{edition.say(kpi.title)}: " if named else "") + " ".join(parts)


def direction(better: Better) -> Text:
    """Return which way a figure should go, in words."""
    return _DIRECTIONS[better]


def grafana_unit(unit: Unit, currency: str) -> str:
    """Grafana's name for a unit of the catalogue; a currency that it doesn't know is written after the number."""
    if unit is Unit.CURRENCY:
        known = {value for value in vars(units).values() if str(value).startswith("currency")}
        return f"currency{currency}" if f"currency{currency}" in known else f"suffix: {currency}"
    return _UNITS.get(unit, str(units.Short))


def gauge(kpi: Kpi, currency: str) -> str:
    """Select a KPI's series where the drop-downs say.

    Without the worker: the line goes on when the KPIs move to another one.
    """
    by = ", ".join((VALUE, *([kpi.label] if kpi.label else [])))
    return f"max by ({by}) ({selector(metric_name(kpi, currency), _PLACE, _SERIES)})"


def _legend(edition: Edition, kpi: Kpi, *, alone: bool) -> str:
    of = [] if alone else [edition.say(kpi.title)]
    return " ".join([*of, "{{value}}", *([f"{{{{{kpi.label}}}}}"] if kpi.label else [])])


def _unknown(edition: Edition, kpi_ids: Iterable[str], kind: Kind) -> Query:
    """Ask for the reason; of now also whether anybody publishes: else a dead engine's KPIs would seem undefined."""
    why = f"max by ({names.KPI}, {names.REASON}) ({selector(names.KPI_UNKNOWN, JOB, {names.KPI: '|'.join(kpi_ids)})})"
    if kind != "line":
        base = selector(metric_name(BY_ID["active_customers"], edition.currency), JOB | {SLICE: ALL})
        nobody = f"(absent({base}) unless on () {selector(names.KPI_UNKNOWN, JOB)})"
        nobody = f'label_replace({nobody}, "{names.REASON}", "{NOT_PUBLISHED}", "", "")'
        why += f' or on () label_replace({nobody}, "{names.KPI}", "{ALL}", "", "")'
    legend = f"{edition.say(_UNKNOWN)}: {{{{{names.KPI}}}}}, {{{{{names.REASON}}}}}"
    return Query(why, legend)
