"""What is measured: every KPI, declared once."""

from metrics.catalogue.whole import BY_ID, CATALOGUE, THEMES

__all__ = ["BY_ID", "CATALOGUE", "THEMES"]
