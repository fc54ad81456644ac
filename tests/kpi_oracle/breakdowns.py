"""The judge of cohorts and tenures: every figure by a loop over all lifetimes, read off the whole log.

It shares no code with the engine; months are found by asking the calendar, one day at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import jdatetime

from kpi_oracle.clock import CALENDAR_WINDOWS, DAY_MS, day_of, first_instant, instant_ms, instant_text, window_start
from kpi_oracle.history import Event, Lifetime, distinct, persons_of

ROLLING = ("1h", "24h", "7d", "30d", "90d", "365d")
BANDS = {"0-30d": (0, 30), "30-90d": (30, 90), "90-180d": (90, 180), "180-365d": (180, 365), "365-730d": (365, 730)}
LAST_BAND = "730d+"
MOST_MONTHS = 36
STEPS = 36


def breakdowns(
    log: Sequence[Event],
    now: str | int,
    *,
    timezone: str = "UTC",
    calendar: str = "gregorian",
    windows: Sequence[str] = ROLLING,
) -> dict[str, Any]:
    """What a document says under `cohorts` and `tenure` as of `now`."""
    now_ms = instant_ms(now) if isinstance(now, str) else now
    seen = [event for event in distinct(log) if event["at"] <= now_ms]
    histories = [person.lifetimes for person in persons_of(seen, 90 * DAY_MS, timezone, now_ms) if person.lifetimes]
    starts = {
        name: window_start(name, now_ms, timezone, calendar) for name in (*windows, *CALENDAR_WINDOWS, "lifetime")
    }
    everybody = [lifetime for lifetimes in histories for lifetime in lifetimes]
    return {
        "cohorts": {"now": instant_text(now_ms), "months": _cohorts(histories, now_ms, timezone, calendar)},
        "tenure": {
            "now": instant_text(now_ms),
            "active_by_tenure": _by_band(now_ms - one.opened for one in everybody if one.closed is None),
            "windows": {name: _window(everybody, start) for name, start in starts.items()},
            "survival": _survival(everybody, now_ms),
        },
    }


def _cohorts(histories: list[list[Lifetime]], now_ms: int, timezone: str, calendar: str) -> list[dict[str, Any]]:
    months = _months(now_ms, timezone, calendar)
    cohorts: dict[str, list[list[Lifetime]]] = {"older": [], **{name: [] for name, _ in months}}
    for lifetimes in histories:
        name = "older"
        for month, start in months:
            if lifetimes[0].opened >= start:
                name = month
        cohorts[name].append(lifetimes)
    names = list(cohorts)
    while names and not cohorts[names[0]]:
        names.pop(0)
    rows = []
    for name in names:
        ends = [start for month, start in months if month > name] if name != "older" else []
        retained = [sum(any(_is_open(one, end) for one in of) for of in cohorts[name]) for end in ends]
        open_now = sum(any(one.closed is None for one in of) for of in cohorts[name])
        size = len(cohorts[name])
        rows.append(
            {
                "cohort": name,
                "acquired": size,
                "retained": retained,
                "retention": [_share(count, size) for count in retained],
                "so_far": {"retained": open_now, "retention": _share(open_now, size)},
            }
        )
    return rows


def _months(now_ms: int, timezone: str, calendar: str) -> list[tuple[str, int]]:
    """The latest months and where each begins: the first local day of it, going back day by day."""
    day, found = day_of(now_ms, timezone), {}
    while len(found) <= MOST_MONTHS and day >= date(1969, 12, 31):
        found[_month(day, calendar)] = day
        day -= timedelta(days=1)
    return [(name, first_instant(first, timezone)) for name, first in [*found.items()][:MOST_MONTHS]][::-1]


def _month(day: date, calendar: str) -> str:
    shown = jdatetime.date.fromgregorian(date=day) if calendar == "jalali" else day
    return f"{shown.year:04}-{shown.month:02}"


def _window(lifetimes: list[Lifetime], start: int | None) -> dict[str, Any]:
    ended = [(one.opened, one.closed) for one in lifetimes if one.closed is not None]
    if start is None:
        return {"lost_by_tenure": _by_band(closed - opened for opened, closed in ended)}
    lost = _by_band(closed - opened for opened, closed in ended if closed >= start)
    there = [one for one in lifetimes if _is_open(one, start)]
    at_risk = _by_band(start - one.opened for one in there)
    churned = _by_band(start - one.opened for one in there if one.closed is not None)
    return {
        "at_risk_by_tenure": at_risk,
        "churned_by_tenure": churned,
        "churn_rate_by_tenure": {band: _share(churned[band], count) for band, count in at_risk.items()},
        "lost_by_tenure": lost,
    }


def _survival(lifetimes: list[Lifetime], now_ms: int) -> dict[str, float]:
    if not any(now_ms - one.opened >= 30 * DAY_MS for one in lifetimes):
        return {}
    share, curve = Fraction(1), {"0": 1.0}
    for step in range(1, STEPS + 1):
        age, before = step * 30 * DAY_MS, (step - 1) * 30 * DAY_MS
        could = [one for one in lifetimes if now_ms - one.opened >= age]
        reached = [one for one in could if _length(one, now_ms) >= before]
        lasted = [one for one in could if _length(one, now_ms) >= age]
        if not reached:
            break
        share *= Fraction(len(lasted), len(reached))
        curve[str(30 * step)] = float(share)
    return curve


def _is_open(one: Lifetime, at: int) -> bool:
    """Open at an instant: by the events strictly before it."""
    return one.opened < at and (one.closed is None or one.closed >= at)


def _length(one: Lifetime, now_ms: int) -> int:
    return (now_ms if one.closed is None else one.closed) - one.opened


def _by_band(lengths: Iterable[int]) -> dict[str, int]:
    counts = dict.fromkeys((*BANDS, LAST_BAND), 0)
    for length in lengths:
        inside = [band for band, (low, high) in BANDS.items() if low * DAY_MS <= length < high * DAY_MS]
        counts[inside[0] if inside else LAST_BAND] += 1
    return counts


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
