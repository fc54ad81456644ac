"""Panels that say what is wrong: which alerts fire, which KPIs can't be known. Nothing wrong is shown as `none`.

A panel that is empty when all is well can't be told from one whose query is broken, or whose engine is gone.
"""

from __future__ import annotations

from typing import Literal

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import JOB
from metrics.dashboards.panel import Limit, Panel, Query
from metrics.dashboards.variables import FIRING
from metrics.kpi import Text
from metrics.promql import selector

ALL_IS_WELL = (Limit(1, "red"),)
"""0 is well by definition, anything else isn't."""
_NONE = Text("none", "هیچ")
_NOBODY = Text("no engine answers", "هیچ موتوری پاسخ نمی‌دهد")


def firing(edition: Edition, layer: Literal["kpi", "engine"], width: int = 8) -> Panel:
    """Name the alerts that fire."""
    title, description = {
        "kpi": (
            Text("Alerts on customers", "هشدارهای مشتریان"),
            Text(
                "Firing now, on statistical evidence. Held back by Alertmanager while numbers can't be trusted.",
                "هشدارهای برقرار، بر پایهٔ گواه آماری. تا وقتی به عددها نمی‌شود اعتماد کرد، Alertmanager نگه‌شان می‌دارد.",
            ),
        ),
        "engine": (
            Text("Alerts on the engine", "هشدارهای موتور"),
            Text("Firing now; about tapesh itself.", "هشدارهای برقرار دربارهٔ خود تپش."),
        ),
    }[layer]
    return Panel(
        edition.say(title),
        edition.say(description),
        units.NoUnit,
        (
            Query(
                or_none(f'max by (alertname) (ALERTS{{layer="{layer}", {FIRING}}})', "alertname", edition, among="up"),
                "{{alertname}}",
            ),
        ),
        kind="names",
        width=width,
        below="green",
        limits=ALL_IS_WELL,
        absent=edition.say(_NOBODY),
    )


def unknown_kpis(edition: Edition, width: int = 8) -> Panel:
    """Count the KPIs that can't be known, by reason."""
    by_reason = f"count by ({names.REASON}) ({selector(names.KPI_UNKNOWN, JOB)} == 1)"
    return Panel(
        edition.say(Text("Unknown KPIs", "شاخص‌های نامعلوم")),
        edition.say(
            Text(
                "How many KPIs can't be known now, and why; their gauges are absent. Nothing at all: nobody publishes.",
                "چند شاخص اکنون نامعلوم‌اند و چرا؛ مقدارشان منتشر نمی‌شود. اگر خالی است، کسی شاخص‌ها را منتشر نمی‌کند.",
            )
        ),
        units.Short,
        (Query(or_none(by_reason, names.REASON, edition, among=names.SNAPSHOT_AGE), "{{reason}}"),),
        kind="number",
        width=width,
        below="green",
        limits=ALL_IS_WELL,
        absent=edition.say(_NOBODY),
    )


def or_none(expr: str, label: str, edition: Edition, *, among: str) -> str:
    """Answer with a 0 that is called `none` where there is nothing, as long as something else is there.

    Args:
        expr: what may have no series.
        label: that tells its series apart.
        edition: for whom.
        among: a metric that is always there while the engine is.
    """
    zero = f'label_replace(0 * max({selector(among, JOB)}), "{label}", "{edition.say(_NONE)}", "", "")'
    return f"{expr} or on () {zero}"
