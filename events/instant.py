"""Instants: RFC 3339 text to aware datetimes, and those to exact milliseconds.

`datetime.fromisoformat` takes more than RFC 3339 (no offset, no colons, week dates), and each client library takes
something else again; what a message may say is decided here. `datetime.timestamp()` goes through a float and
loses milliseconds; `instant_ms` doesn't.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = 253_402_300_799_999  # the end of the year 9999 in UTC: beyond it, conversions between offsets overflow
_MILLISECOND = timedelta(milliseconds=1)

RFC3339 = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[0-9]{2}:){2}[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9])"
_RFC3339 = re.compile(RFC3339)
_SECONDS = slice(17, 19)


def instant_ms(instant: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime; sub-millisecond digits are cut off, not rounded."""
    return (instant - EPOCH) // _MILLISECOND


def parse_instant(text: str) -> datetime:
    """The instant that an RFC 3339 text names; digits beyond microseconds are cut off.

    A leap second (`23:59:60Z`) is the first instant of the next day, as on every POSIX clock.

    Raises:
        ValueError: the text isn't RFC 3339 (a space for the `T`, no offset, ...) or no such instant exists.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("not RFC 3339")
    if text[_SECONDS] != "60":
        return datetime.fromisoformat(text.upper())
    before = datetime.fromisoformat(f"{text[:17]}59{text[19:]}".upper())
    utc = before.astimezone(UTC)
    if (utc.hour, utc.minute) != (23, 59):
        raise ValueError("a leap second ends a day in UTC")
    return before.replace(microsecond=0) + timedelta(seconds=1)
