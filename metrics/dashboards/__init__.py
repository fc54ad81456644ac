"""Grafana's boards, made from the catalogue: a panel is a choice of KPIs, its words and units are theirs.

Needs the `render` extra (the SDK that knows Grafana's schema); the engine doesn't import this package.
"""

from metrics.dashboards.boards import boards
from metrics.dashboards.edition import LANGUAGES, Edition
from metrics.dashboards.kpi_panels import grafana_unit

__all__ = ["LANGUAGES", "Edition", "boards", "grafana_unit"]
