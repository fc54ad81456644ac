"""Instants, local days and window starts, worked out the slow way.

The engine has its own arithmetic for panes; the oracle must not share it, or a wrong day boundary would be wrong
on both sides and no test would see it. Everything here is found by asking `zoneinfo` about single instants.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo

import jdatetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
CALENDAR_WINDOWS = ("month", "quarter", "year")
_UNIT_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def instant_ms(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time; finer digits are cut off."""
    return (datetime.fromisoformat(text.upper()) - EPOCH) // timedelta(milliseconds=1)


def instant_text(ms: int) -> str:
    """The instant as RFC 3339 in UTC with three decimals, the way the KPI output writes `now`."""
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_date(ms: int, timezone: str) -> date:
    """The date that a calendar on the wall shows at the instant."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(timezone)).date()


@cache
def first_instant(day: date, timezone: str) -> int:
    """The first instant of a local date: its midnight, or where the clocks skip that, the instant after the jump."""
    zone = ZoneInfo(timezone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    readings = [(midnight.replace(fold=fold).astimezone(UTC) - EPOCH) // timedelta(milliseconds=1) for fold in (0, 1)]
    for ms in sorted(readings):
        if (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
            return ms
    before, after = min(readings), max(readings)  # the midnight doesn't exist: the jump lies between the two readings
    while before + 1 < after:
        middle = (before + after) // 2
        if local_date(middle, timezone) < day:
            before = middle
        else:
            after = middle
    return after


def day_of(ms: int, timezone: str) -> date:
    """The date whose day pane holds the instant.

    It is the local date, except in the hour that a zone lives twice across midnight (a clock put back from 00:01 to
    23:01): the new date's pane has begun already.
    """
    day = local_date(ms, timezone)
    while first_instant(day + timedelta(days=1), timezone) <= ms:
        day += timedelta(days=1)
    return day


def midnight_at_or_after(ms: int, timezone: str) -> int:
    """The first beginning of a local day that isn't before the instant: where a buying lifetime lapses."""
    day = day_of(ms, timezone)
    while first_instant(day, timezone) < ms:
        day += timedelta(days=1)
    return first_instant(day, timezone)


def rolling_ms(window: str) -> int:
    """The nominal length of a rolling window's name: `30d` is 30 times 24 hours."""
    match = re.fullmatch(r"(\d+)([mhd])", window)
    if match is None:
        raise ValueError(f"window {window!r}: expected a number and m, h or d, such as 24h or 30d")
    return int(match[1]) * _UNIT_MS[match[2]]


def rolling_days(window: str) -> Fraction:
    """The same in days."""
    return Fraction(rolling_ms(window), DAY_MS)


def window_start(window: str, now_ms: int, timezone: str, calendar: str) -> int | None:
    """Where a window begins; None for `lifetime`, which begins before everything."""
    if window == "lifetime":
        return None
    today = day_of(now_ms, timezone)
    if window in CALENDAR_WINDOWS:
        return first_instant(period_start(window, today, calendar), timezone)
    length = rolling_ms(window)
    if length <= 24 * HOUR_MS:
        return now_ms - now_ms % MINUTE_MS + MINUTE_MS - length
    if length <= 30 * DAY_MS:
        return now_ms - now_ms % HOUR_MS + HOUR_MS - length
    return first_instant(today - timedelta(days=length // DAY_MS - 1), timezone)


def period_start(window: str, today: date, calendar: str) -> date:
    """The (Gregorian) date on which the current month, quarter or year of the calendar began."""
    if calendar == "jalali":
        jalali = jdatetime.date.fromgregorian(date=today)
        month = _first_month(window, jalali.month)
        begin: date = jdatetime.date(jalali.year, month, 1).togregorian()
        return begin
    return date(today.year, _first_month(window, today.month), 1)


def _first_month(window: str, month: int) -> int:
    return {"month": month, "quarter": (month - 1) // 3 * 3 + 1, "year": 1}[window]
