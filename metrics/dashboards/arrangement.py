"""Series arranged as a table: a matrix of two labels, coloured by value, and a curve over a label that is a number.

Prometheus promises no order, so rows and columns are sorted here; numbers in labels have as many digits as the longest,
since labels are texts. Grafana's heat map is over time, so a matrix is a table whose cells are coloured.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import table, trend
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    FieldTextAlignment,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    TableAutoCellOptions,
    TableCellBackgroundDisplayMode,
    TableCellHeight,
    TableColoredBackgroundCellOptions,
    VisibilityMode,
)

from metrics.dashboards.panel import Column, Panel

_COLUMN_WIDTH, _OWN_WIDTH, _FIRST_WIDTH = 56, 84, 96
_NOTHING = models.SpecialValueMap(
    options=models.DashboardSpecialValueMapOptions(
        match=models.SpecialValueMatch.NULL, result=models.ValueMappingResult(text=" ")
    )
)
"""A month that hasn't come yet: blank, and not what the panel says where nothing is known at all."""


def matrix() -> Any:
    """Return a table whose cells are coloured by their value, from 0 to 1."""
    made = table.Panel().show_header(True).cell_height(TableCellHeight.SM).width(_COLUMN_WIDTH).min_width(_COLUMN_WIDTH)
    made.min(0).max(1).decimals(0).align(FieldTextAlignment.CENTER).mappings([_NOTHING])
    made.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
    return made.cell_options(TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC))


def curve(panel: Panel) -> Any:
    """Return a line over a number."""
    legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    made = trend.Panel().x_field(_over(panel).title).legend(legend.show_legend(False)).fill_opacity(8).min(0).max(1)
    return made.line_interpolation(LineInterpolation.LINEAR).show_points(VisibilityMode.ALWAYS)


def arrange(made: Any, panel: Panel) -> None:
    """Add what makes a table of series a matrix or a curve."""
    if panel.kind == "matrix":
        rows, columns, *apart = panel.columns
        for label in (rows.name, columns.name):  # the last decides, and keeps the order of the first among equals
            made.with_transformation(_step("sortBy", {"sort": [{"field": label}]}))
        fields = {"rowField": rows.name, "columnField": columns.name, "valueField": "Value", "emptyValue": "null"}
        made.with_transformation(_step("groupingToMatrix", fields))
        made.override_by_name(f"{rows.name}\\{columns.name}", _as_heading(rows))
        for column in apart:
            made.override_by_name(column.name, _as_own(column))
    else:
        over, value = panel.columns
        number = {"conversions": [{"targetField": over.name, "destinationType": "number"}]}
        titles = {column.name: column.title for column in (over, value)}
        made.with_transformation(_step("convertFieldType", number))
        made.with_transformation(_step("sortBy", {"sort": [{"field": over.name}]}))
        made.with_transformation(_step("organize", {"excludeByName": {"Time": True}, "renameByName": titles}))
        axis = [("unit", over.unit), ("custom.axisLabel", over.title), ("min", None), ("max", None)]
        made.override_by_name(over.title, [models.DynamicConfigValue(name, value) for name, value in axis])


def _over(panel: Panel) -> Column:
    return next(column for column in panel.columns if column.is_row)


def _step(name: str, options: dict[str, Any]) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=name, options=options)


def _as_heading(column: Column) -> list[models.DynamicConfigValue]:
    """Show a row's name without a colour."""
    shown = {"custom.width": _FIRST_WIDTH, "custom.align": FieldTextAlignment.LEFT}
    return [*_plain(column), *(models.DynamicConfigValue(name, value) for name, value in shown.items())]


def _as_own(column: Column) -> list[models.DynamicConfigValue]:
    """Show a column of another unit without a colour; one of the same unit under its own title."""
    if not column.unit:
        return [models.DynamicConfigValue("displayName", column.title)]
    shown = {"unit": column.unit, "custom.width": _OWN_WIDTH}
    return [*_plain(column), *(models.DynamicConfigValue(name, value) for name, value in shown.items())]


def _plain(column: Column) -> list[models.DynamicConfigValue]:
    shown = {"displayName": column.title, "custom.cellOptions": TableAutoCellOptions()}
    return [models.DynamicConfigValue(name, value) for name, value in shown.items()]
