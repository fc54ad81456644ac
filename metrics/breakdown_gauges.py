"""Breakdowns for Prometheus: the sections `cohorts` and `tenure` of the KPI document in its text format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from metrics.breakdown import SO_FAR
from metrics.catalogue import BREAKDOWNS
from metrics.names import COHORT, DAYS, MONTHS, TENURE, WINDOW

_Sample = tuple[str, int | float | None]
_MONTH_DIGITS, _DAY_DIGITS = 2, 4
"""Numbers in labels have as many digits as the longest of them, so that they sort as numbers do."""


def render_breakdowns(cohorts: Mapping[str, Any], tenure: Mapping[str, Any]) -> bytes:
    """Return the gauges of both sections; what is undefined has no sample.

    Args:
        cohorts: as `metrics.breakdown_document.cohorts_of` makes it.
        tenure: as `tenure_of` does.
    """
    samples: dict[str, list[_Sample]] = defaultdict(list)
    for row in cohorts["months"]:
        _add_cohort(samples, row)
    samples["active_by_tenure"] += _by_band(tenure["active_by_tenure"])
    for window, found in tenure["windows"].items():
        for breakdown, by_band in found.items():
            samples[breakdown] += _by_band(by_band, f'{WINDOW}="{window}",')
    samples["survival"] += [
        (f'{DAYS}="{int(days):0{_DAY_DIGITS}}"', share) for days, share in tenure["survival"].items()
    ]
    return "".join(f"{line}\n" for line in _lines(samples)).encode()


def _add_cohort(samples: dict[str, list[_Sample]], row: Mapping[str, Any]) -> None:
    of = f'{COHORT}="{row["cohort"]}"'
    samples["cohort_acquired"].append((of, row["acquired"]))
    for breakdown, key in (("cohort_retained", "retained"), ("cohort_retention", "retention")):
        ended = [(f"{months:0{_MONTH_DIGITS}}", value) for months, value in enumerate(row[key])]
        values = [*ended, (SO_FAR, row["so_far"][key])]
        samples[breakdown] += [(f'{of},{MONTHS}="{months}"', value) for months, value in values]


def _by_band(found: Mapping[str, int | float | None], before: str = "") -> list[_Sample]:
    return [(f'{before}{TENURE}="{band}"', value) for band, value in found.items()]


def _lines(samples: Mapping[str, list[_Sample]]) -> Iterable[str]:
    for breakdown in BREAKDOWNS:
        known = [(labels, value) for labels, value in samples[breakdown.id] if value is not None]
        if known:
            yield f"# HELP {breakdown.gauge} {breakdown.title.en}. {breakdown.meaning.en}"
            yield f"# TYPE {breakdown.gauge} gauge"
            yield from (f"{breakdown.gauge}{{{labels}}} {value!r}" for labels, value in known)
