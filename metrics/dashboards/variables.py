"""What is the same on every board: drop-downs, what is marked in time, and ways to the other boards."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from metrics import names
from metrics.catalogue import BY_ID
from metrics.dashboards.edition import LANGUAGES, Edition
from metrics.dashboards.kpi_panels import JOB
from metrics.dashboards.panel import Board
from metrics.delivery import DATASOURCE_UID
from metrics.kpi import Text
from metrics.names import SLICE, VALUE, WINDOW, metric_name
from metrics.promql import selector

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOK_TAG = "tapesh-runbook"
FIRING = 'alertname=~"Tapesh.+", alertstate="firing", severity!="none"'
"""Labels of alerts for people; one of severity `none` fires for machines, always."""

_DATA_SOURCE = Text("Data source", "منبع داده")
_ENGINE = Text("Engine", "موتور")
_WINDOW = Text("Window", "بازهٔ زمانی")
_SLICE = Text("Slice by", "برش بر پایهٔ")
_VALUE = Text("Value", "مقدار")
_ALERTS = Text("Alerts", "هشدارها")
_RUNBOOK = Text("What alerts mean, and what to do", "هشدارها چه می‌گویند و چه باید کرد")
_BOARDS = {"en": "Boards", "fa": "تابلوها"}


def variables(board: Board, edition: Edition) -> list[Any]:
    """Make a board's drop-downs; each offers what the engine exports now."""
    say, chosen = edition.say, models.VariableOption
    base = metric_name(BY_ID["active_customers"], edition.currency)

    def values(name: str, label: Text, of: str, within: dict[str, str]) -> Any:
        return (
            builders.QueryVariable(name)
            .label(say(label))
            .datasource(DATASOURCE)
            .query(f"label_values({selector(of, within)}, {name})")
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.NATURAL_ASC)
        )

    if board.chosen == "nothing":
        return []
    always = [
        builders.DatasourceVariable("datasource")
        .label(say(_DATA_SOURCE))
        .type("prometheus")
        .current(chosen(text="Prometheus", value=DATASOURCE_UID)),
        # From a metric that every worker has: the engine's own board works when there are no KPIs.
        values("job", _ENGINE, names.PARTITIONS_OWNED, {}).current(chosen(text="tapesh", value="tapesh")),
    ]
    if board.chosen == "engine":
        return always
    return [
        *always,
        values(WINDOW, _WINDOW, base, JOB).current(chosen(text="30d", value="30d")),
        values(SLICE, _SLICE, base, JOB).current(chosen(text=names.ALL, value=names.ALL)),
        values(VALUE, _VALUE, base, JOB | {SLICE: "$slice"})
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(chosen(text=["All"], value=["$__all"])),
    ]


def alert_marks(board: Board, edition: Edition) -> list[dict[str, Any]]:
    """Mark the times at which an alert for people fired; the SDK doesn't know the titles of Prometheus's marks."""
    if board.chosen == "nothing":
        return []
    return [
        {
            "name": edition.say(_ALERTS),
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "enable": True,
            "hide": False,
            "iconColor": "red",
            "expr": f"max by (alertname, severity, layer) (ALERTS{{{FIRING}}})",
            "step": "30s",
            "titleFormat": "{{alertname}}",
            "textFormat": "{{severity}}, {{layer}}",
            "tagKeys": "severity,layer",
        }
    ]


def links(edition: Edition) -> list[Any]:
    """Lead to the other boards with the same choice and time, to the other language, and to the runbook."""

    def to(title: str, tag: str) -> Any:
        found = builders.DashboardLink(title).type(models.DashboardLinkType.DASHBOARDS).tags([tag])
        return found.icon("external link").include_vars(True).keep_time(True)

    own = [to(_BOARDS[edition.language], f"tapesh-{edition.language}").as_dropdown(True)]
    others = [to(_BOARDS[code], f"tapesh-{code}").as_dropdown(True) for code in LANGUAGES if code != edition.language]
    return [*own, *others, to(edition.say(_RUNBOOK), RUNBOOK_TAG)]
