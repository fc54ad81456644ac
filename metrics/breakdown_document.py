"""The sections `cohorts` and `tenure` of the KPI document: the one place where breakdowns are divided out.

Pure, and the same for the file and the live path, as `metrics.evaluate` is for KPIs. Undefined is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from metrics.breakdown import BANDS, OLDER, SURVIVAL_STEP_DAYS
from metrics.tally import Ints, Tally

Section: TypeAlias = dict[str, Any]


def cohorts_of(tally: Tally, now: str, months: Sequence[str]) -> Section:
    """Return the section `cohorts`.

    Args:
        tally: of everybody.
        now: as of when, for the reader.
        months: names of the months that are told apart, the current one last.

    Returns:
        `months`: from the first one in which anybody was acquired to the current one, those before them first. In each
        `retained` and `retention` at the end of the month itself and of each later month that is over, and what holds
        now as `so_far`.
    """
    acquired = tally.acquired.tolist()
    first = next((place for place, count in enumerate(acquired) if count), len(acquired))
    told = [place for place in range(first, len(acquired)) if place or acquired[0]]
    return {"now": now, "months": [_cohort(tally, place, ([OLDER, *months])[place]) for place in told]}


def tenure_of(tally: Tally, now: str, windows: Sequence[tuple[str, bool]]) -> Section:
    """Return the section `tenure`.

    Args:
        tally: of everybody.
        now: as of when, for the reader.
        windows: names, and whether they have a start.
    """
    places = enumerate(windows)
    return {
        "now": now,
        "active_by_tenure": _by_band(tally.active),
        "windows": {name: _window(tally, place, has_start=has_start) for place, (name, has_start) in places},
        "survival": _survival(tally.eligible.tolist(), tally.lasted.tolist()),
    }


def _cohort(tally: Tally, place: int, name: str) -> Section:
    size = int(tally.acquired[place])
    *ended, so_far = tally.retained[place, max(place - 1, 0) :].tolist()
    retained = ended if place else []
    return {
        "cohort": name,
        "acquired": size,
        "retained": retained,
        "retention": [_share(count, size) for count in retained],
        "so_far": {"retained": so_far, "retention": _share(so_far, size)},
    }


def _window(tally: Tally, place: int, *, has_start: bool) -> Section:
    lost = {"lost_by_tenure": _by_band(tally.lost[place])}
    if not has_start:
        return lost
    at_risk, churned = _by_band(tally.at_risk[place]), _by_band(tally.churned[place])
    rates = {band: _share(churned[band], count) for band, count in at_risk.items()}
    return {"at_risk_by_tenure": at_risk, "churned_by_tenure": churned, "churn_rate_by_tenure": rates, **lost}


def _survival(eligible: list[int], lasted: list[int]) -> dict[str, float]:
    """Return share by age in days: up to the step of which nobody can tell."""
    share, found = Fraction(1), {"0": 1.0}
    if not eligible[0]:
        return {}
    for step, (before, after) in enumerate(zip(eligible, lasted, strict=True), start=1):
        if not before:
            break
        share *= Fraction(after, before)
        found[str(step * SURVIVAL_STEP_DAYS)] = float(share)
    return found


def _by_band(counts: Ints) -> dict[str, int]:
    return {band.name: count for band, count in zip(BANDS, counts.tolist(), strict=True)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
