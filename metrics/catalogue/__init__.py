"""What is measured: every KPI and every breakdown, declared once."""

from metrics.catalogue.tenure import BREAKDOWNS
from metrics.catalogue.tenure import TITLE as BREAKDOWNS_TITLE
from metrics.catalogue.whole import BY_ID, CATALOGUE, THEMES

__all__ = ["BREAKDOWNS", "BREAKDOWNS_TITLE", "BY_ID", "CATALOGUE", "THEMES"]
