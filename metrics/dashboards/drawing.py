"""Panels and boards in Grafana's schema: with the variables and the arrangement, all that knows the SDK's builders.

What Grafana would do unless told otherwise is told here: limits that nobody has set (it paints 80 and more red), the
last value that ever was where a gauge has ended (numbers ask for this instant), numbers of panels and queries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, text, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    VizOrientation,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from metrics.dashboards.arrangement import arrange, curve, matrix
from metrics.dashboards.edition import Edition
from metrics.dashboards.panel import Board, Panel, Query
from metrics.dashboards.variables import DATASOURCE, alert_marks, links, variables
from metrics.kpi import Text

UNKNOWN_REF = "U"
"""`refId` of the query that says why there is no value."""
_UNKNOWN = Text("unknown", "نامعلوم")


def drawn(board: Board, edition: Edition) -> dict[str, Any]:
    """Draw a board.

    Returns:
        What Grafana loads, ready for JSON.
    """
    made = (
        builders.Dashboard(board.title)
        .uid(edition.uid(board.id))
        .description(board.description)
        .tags(["tapesh", board.tag or f"tapesh-{edition.language}"])
        .readonly()
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("10s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(variables(board, edition))
        .links(links(edition))
    )
    numbers = count(1)
    for heading, panels in board.rows.items():
        made.with_row(builders.Row(heading).id(next(numbers)))
        for panel in panels:
            made.with_panel(_panel(panel, next(numbers), edition))
    content: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    content["annotations"] = {"list": alert_marks(board, edition)}
    return content


def _panel(panel: Panel, number: int, edition: Edition) -> Any:
    made = _of_kind(panel)
    made.id(number).title(panel.title).description(panel.description).height(panel.rows).span(panel.width)
    if panel.kind == "text":
        return made
    made.unit(panel.unit).datasource(DATASOURCE).no_value(panel.absent)
    steps = [models.Threshold(value=None, color=panel.below)]
    steps += [models.Threshold(value=limit.value, color=limit.colour) for limit in panel.limits]
    made.thresholds(builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    for ref, query in _queries(panel):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref).datasource(DATASOURCE)
        if panel.columns:
            target.format(PromQueryFormat.TABLE)
        made.with_target(target.range() if panel.kind == "line" else target.instant())
    if panel.columns:
        arrange(made, panel)
    if panel.unknown:
        made.override_by_query(UNKNOWN_REF, _as_unknown(panel, edition))
    return made


def _of_kind(panel: Panel) -> Any:
    now = ReduceDataOptions().calcs(["lastNotNull"])
    match panel.kind:
        case "line":
            legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
            return timeseries.Panel().legend(legend.show_legend(True)).fill_opacity(8)
        case "number" | "names":
            made = stat.Panel().reduce_options(now).graph_mode(BigValueGraphMode.NONE)
            made.color_mode(BigValueColorMode.VALUE).orientation(VizOrientation.HORIZONTAL)
            return made.text_mode(BigValueTextMode.NAME if panel.kind == "names" else BigValueTextMode.VALUE_AND_NAME)
        case "bars":
            made = bargauge.Panel().reduce_options(now).orientation(VizOrientation.HORIZONTAL)
            return made.display_mode(BarGaugeDisplayMode.BASIC).min(0)
        case "matrix":
            return matrix()
        case "curve":
            return curve(panel)
        case "text":
            return text.Panel().mode(TextMode.MARKDOWN).content(panel.text)


def _queries(panel: Panel) -> Iterator[tuple[str, Query]]:
    yield from zip(ascii_uppercase, panel.queries, strict=False)
    if panel.unknown:
        yield UNKNOWN_REF, panel.unknown


def _as_unknown(panel: Panel, edition: Edition) -> list[models.DynamicConfigValue]:
    """Show the 1 of an unknown KPI as a word; over time, as a grey band behind the lines, without an axis."""
    word = models.ValueMap(options={"1": models.ValueMappingResult(text=edition.say(_UNKNOWN), color="text", index=0)})
    shown: dict[str, object] = {
        "unit": "none",
        "mappings": [word],
        "color": models.FieldColor(mode=models.FieldColorModeId.FIXED, fixed_color="text"),
    }
    if panel.kind == "line":
        band = {"axisPlacement": "hidden", "lineWidth": 0, "fillOpacity": 20}
        shown |= {"min": 0, "max": 1, **{f"custom.{name}": value for name, value in band.items()}}
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in shown.items()]
