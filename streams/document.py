"""The KPI document: what `tapesh compute` prints, `GET /kpis` answers and the exporter renders.

One function makes it from sums, for the file and the live path alike, so that the two can't say different things.
"""

from __future__ import annotations

from typing import NotRequired

from metrics.breakdown_document import Section
from metrics.economics import Economics
from metrics.evaluate import Snapshot, evaluation
from metrics.steps import Steps, at_once
from streams.meaning import Meaning
from streams.merge import Sums
from streams.panes import DAY_MS, HOUR_MS, MINUTE_MS, ReportingTime


class KpiDocument(Snapshot):
    """A snapshot with what its reader must know.

    Attributes:
        settings: those that give the figures their meaning.
        slices_now: as of when the slices are, where they are worked out less often than the windows.
        cohorts, tenure: breakdowns of everybody, which say themselves as of when; None while they aren't known.
    """

    settings: dict[str, str]
    slices_now: NotRequired[str]
    cohorts: NotRequired[Section | None]
    tenure: NotRequired[Section | None]


def kpi_document(meaning: Meaning, time: ReportingTime, sums: Sums, economics: Economics, now_ms: int) -> KpiDocument:
    """Return every KPI at one instant.

    Args:
        meaning: the settings of state; those that a reader needs are in the document.
        time: the reporting time made of them.
        sums: by cell and window.
        economics: currency, margin, lifespan, targets.
        now_ms: the instant that the sums are as of.

    Returns:
        `now`, `settings`, `windows` and `slices`, ready for JSON; every configured attribute is in `slices`.
    """
    return at_once(kpi_document_steps(meaning, time, sums, economics, now_ms))


def kpi_document_steps(
    meaning: Meaning, time: ReportingTime, sums: Sums, economics: Economics, now_ms: int
) -> Steps[KpiDocument]:
    """Do what `kpi_document` does in bounded steps."""
    snapshot = yield from evaluation(time.frame(now_ms), sums, economics)
    return {
        "now": snapshot["now"],
        "settings": {
            "currency": meaning.currency,
            "timezone": meaning.timezone,
            "calendar": meaning.calendar,
            "lapse_after": duration(meaning.lapse_after_ms),
            **({} if meaning.fiscal_year_start == 1 else {"fiscal_year_start": str(meaning.fiscal_year_start)}),
        },
        "windows": snapshot["windows"],
        "slices": {name: snapshot["slices"].get(name, {}) for name in meaning.slices},
    }


def duration(ms: int) -> str:
    """Write a duration with its largest whole unit: `90d`, `36h`, `1500ms`."""
    for unit, length in (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", 1000)):
        if ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"
