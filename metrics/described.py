"""The declaration of a KPI or a breakdown as a document: for the command line, the HTTP interface and the board."""

from __future__ import annotations

from typing import Any

from metrics.breakdown import BANDS, Breakdown
from metrics.economics import Economics
from metrics.feeds import event_types
from metrics.kpi import Kpi
from metrics.names import metric_name
from metrics.prose import prose, terms
from metrics.restatement import restated


def described(kpi: Kpi, lang: str = "en", currency: str = "<currency>") -> dict[str, Any]:
    """Return all that a reader must know of a KPI.

    Args:
        kpi: any declaration.
        lang: `en` or `fa`, of title and meaning.
        currency: the reporting currency, part of the gauge's name where it is the unit.
    """
    return {
        "id": kpi.id,
        "title": getattr(kpi.title, lang),
        "meaning": getattr(kpi.meaning, lang),
        "unit": kpi.unit.value,
        "better": kpi.better.name.lower(),
        "formula": prose(kpi.formula),
        "terms": {name: prose(of) for name, of in terms(kpi.formula).items()},
        "event_types": sorted(event_types(Economics("EUR"))[kpi.id]) or None,
        "windows": kpi.windows.value,
        "slices": kpi.scope.value,
        "label": kpi.label,
        "restated": restated(kpi),
        "gauge": metric_name(kpi, currency),
        "source": kpi.source,
    }


def breakdown_described(breakdown: Breakdown, lang: str = "en") -> dict[str, Any]:
    """Return all that a reader must know of a breakdown; `lang` is `en` or `fa`, of title and meaning."""
    return {
        "id": breakdown.id,
        "title": getattr(breakdown.title, lang),
        "meaning": getattr(breakdown.meaning, lang),
        "unit": breakdown.unit.value,
        "better": breakdown.better.name.lower(),
        "formula": breakdown.definition,
        "section": breakdown.section,
        "windows": breakdown.windows or "none: as of now",
        "labels": list(breakdown.labels),
        "gauge": breakdown.gauge,
        "source": breakdown.source,
    }


def bands_described(lang: str = "en") -> list[dict[str, str]]:
    """Return the bands of tenure: name and title."""
    return [{"id": band.name, "title": getattr(band.title, lang)} for band in BANDS]
