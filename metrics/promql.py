"""Selectors of Prometheus, written in one place: a label that is forgotten matches every slice without a sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metrics.kpi import Kpi
from metrics.names import ALL, SLICE, VALUE, WINDOW, metric_name


def selector(name: str, labels: Mapping[str, str] | None = None, patterns: Mapping[str, str] | None = None) -> str:
    """An instant selector.

    Args:
        name: the metric.
        labels: label -> the value that it equals.
        patterns: label -> the regular expression that its whole value matches.
    """
    matchers = [*_matchers("=", labels or {}), *_matchers("=~", patterns or {})]
    return f"{name}{{{', '.join(matchers)}}}" if matchers else name


def everybody(kpi: Kpi, window: str, currency: str, job: str) -> str:
    """A KPI's gauge over all customers: one series, whatever slices there are."""
    return selector(metric_name(kpi, currency), {"job": job, WINDOW: window, SLICE: ALL, VALUE: ALL})


def _matchers(operator: str, wanted: Mapping[str, str]) -> Iterable[str]:
    for label, value in wanted.items():
        yield f'{label}{operator}"{escaped(value)}"'


def escaped(text: str) -> str:
    """Return a label's value as it stands between quotes, in a selector and in Prometheus's text format alike."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
