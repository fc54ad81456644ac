"""What is expected of a source by configuration: how often, or by which time of day; and when it is overdue.

Judged by the source's own clock as far as it goes: the latest event time that it has delivered says what it still
owes. A nightly batch owes nothing in the afternoon, and one that delivers the day before yesterday hasn't delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from streams.document import duration
from streams.panes import Days, days_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Daily:
    """A delivery that is due by a local time of day.

    Attributes:
        minute: of the day.
        grace_ms: how much later is still in time.
        weekdays: on which it is due, Monday 0.
    """

    minute: int
    grace_ms: int = 0
    weekdays: frozenset[int] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a source.

    Attributes:
        name: what reasons call it.
        types: the event types; any of them is a sign of life, and all KPIs fed by them are concerned.
        rhythm: the longest time between two events, in milliseconds; or a daily delivery.
        source: whose events; None: anybody's.
    """

    name: str
    types: tuple[str, ...]
    rhythm: int | Daily
    source: str | None = None

    def covers(self, source: str, kind: str) -> bool:
        """Tell whether it speaks of a source's events of a type."""
        return kind in self.types and self.source in (None, source)

    def due_ms(self, event_ms: int, record_ms: int | None, timezone: str) -> int:
        """Return the instant from which the source is overdue.

        Args:
            event_ms: its latest event time.
            record_ms: when something arrived last; None where arrivals mean nothing, as in a replay.
            timezone: in which days are cut and times of day are meant.
        """
        if not isinstance(self.rhythm, Daily):
            return event_ms + self.rhythm
        due = _Due(self.rhythm, timezone)
        owed = due.after_day_of(event_ms)
        return owed if record_ms is None else min(owed, due.after_arrival(record_ms))

    def told(self) -> str:
        """Say in words what is expected."""
        rhythm = self.rhythm
        if not isinstance(rhythm, Daily):
            return f"expected every {duration(rhythm)}"
        days = [name for number, name in enumerate(WEEKDAYS) if number in rhythm.weekdays]
        when = "daily" if len(days) == len(WEEKDAYS) else ", ".join(days)
        grace = f", {duration(rhythm.grace_ms)} of grace" if rhythm.grace_ms else ""
        return f"expected {when} by {rhythm.minute // 60:02d}:{rhythm.minute % 60:02d}{grace}"


class _Due:
    """The deadlines of a daily delivery."""

    def __init__(self, daily: Daily, timezone: str) -> None:
        self._daily = daily
        self._days: Days = days_of(timezone)
        self._zone = ZoneInfo(timezone)

    def after_day_of(self, event_ms: int) -> int:
        """Return when the day after the next one is due: what came up to the day of `event_ms` is delivered.

        The delivery that is due on a day brings what happened since the day on which the last one was due.
        """
        return self._deadline(self._next(self._next(self._days.of(max(event_ms, 0)))))

    def after_arrival(self, record_ms: int) -> int:
        """Return the deadline after the one for which something arrived at `record_ms`."""
        day = self._next(self._days.of(max(record_ms, 0)) - 2 - self._daily.grace_ms // 86_400_000)
        while self._deadline(day) < record_ms:
            day = self._next(day)
        return self._deadline(self._next(day))

    def _next(self, day: int) -> int:
        """Return the first day after `day` on which the delivery is due; days are numbered as by `Days`."""
        return next(d for d in range(day + 1, day + 8) if date.fromordinal(d).weekday() in self._daily.weekdays)

    def _deadline(self, day: int) -> int:
        midnight = datetime.combine(date.fromordinal(day), datetime.min.time())
        local = (midnight + timedelta(minutes=self._daily.minute)).replace(tzinfo=self._zone)
        since = local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return since // timedelta(milliseconds=1) + self._daily.grace_ms
