"""The targets while the KPI agent is ours: which hold, where each stands, and what happens when one is set.

A target that is set is written down and acknowledged, and the group has said that the KPI agent is still ours, before
anybody is told that it holds. It is kept under the epoch of its writer (`streams.remembered`): an owner that was
replaced without knowing it overwrites nothing of its successor, and says that it couldn't.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Protocol

from metrics.evaluate import Snapshot
from metrics.pace import Period
from metrics.standing import Standing, render_targets, standing_of
from streams.remembered import Remembered
from streams.settings import Settings
from streams.target_book import TargetBook

_KIND = "targets"
_NO_DAYS: Mapping[str, Mapping[date, float]] = {}


class Desk(Protocol):
    """Where the office writes."""

    def send(self, topic: str, key: bytes, value: bytes | None) -> Awaitable[None]:
        """Write a message to a topic's only partition; returns once it is acknowledged."""

    def confirm(self) -> Awaitable[None]:
        """Return if this worker still owns the KPI agent, else raise."""


class TargetOffice:
    """The targets of one owner of the KPI agent.

    Args:
        settings: of the deployment.
        stored: the memory table, as recovered.
        generation: of the group.
        memory_topic: where the memory is kept.
        desk: where to write.
        told: is called with the book at the beginning and whenever it changes.

    Attributes:
        book: the targets that hold.
    """

    def __init__(
        self,
        settings: Settings,
        stored: Mapping[bytes, bytes],
        generation: int,
        memory_topic: str,
        desk: Desk,
        told: Callable[[TargetBook], None],
    ) -> None:
        self._remembered = Remembered(_KIND, stored, generation)
        self.book = TargetBook.read(settings.economics, self._remembered.value)
        self._time = settings.reporting_time
        self._memory_topic = memory_topic
        self._desk = desk
        self._told = told
        self._writing = asyncio.Lock()
        told(self.book)

    async def set(self, kpi: str, window: str, value: str, at_ms: int) -> None:
        """Have a target hold from now on.

        Raises:
            ValueError: there can't be such a target.
            Exception: it couldn't be written, or the KPI agent isn't ours any more; it may hold or not.
        """
        async with self._writing:
            await self._keep(self.book.with_set(kpi, window, value, at_ms))

    async def unset(self, kpi: str, window: str) -> None:
        """Have a target that was set hold no more; one of the settings does again.

        Raises:
            LookupError: nobody has set it.
            Exception: as of `set`.
        """
        async with self._writing:
            await self._keep(self.book.without(kpi, window))

    async def _keep(self, book: TargetBook) -> None:
        await self._desk.confirm()
        for key, value in self._remembered.written(book.packed()):
            await self._desk.send(self._memory_topic, key, value)
        await self._desk.confirm()
        self.book = book
        self._told(book)

    def standings(
        self, document: Snapshot, unknown: Mapping[str, str], daily: Mapping[str, Mapping[date, float]] = _NO_DAYS
    ) -> list[Standing]:
        """Say where each target stands.

        Args:
            document: the latest KPI document.
            unknown: KPI -> why it can't be known now.
            daily: KPI -> what past days brought.
        """
        if not document["now"]:
            return []
        now_ms = round(datetime.fromisoformat(document["now"]).timestamp() * 1000)
        periods = {window: self._period(window, now_ms) for window in {target.window for target, _ in self.book}}
        return [
            standing_of(
                target,
                origin,
                periods[target.window],
                document["windows"].get(target.window, {}),
                daily.get(target.kpi, {}),
                unknown.get(target.kpi),
            )
            for target, origin in self.book
        ]

    def exposition(
        self, document: Snapshot, unknown: Mapping[str, str], daily: Mapping[str, Mapping[date, float]] = _NO_DAYS
    ) -> bytes:
        """Return the gauges, in Prometheus's text format."""
        return render_targets(self.standings(document, unknown, daily))

    def told(
        self, document: Snapshot, unknown: Mapping[str, str], daily: Mapping[str, Mapping[date, float]] = _NO_DAYS
    ) -> dict[str, Any]:
        """Return what `GET /targets` answers."""
        targets = []
        for standing in self.standings(document, unknown, daily):
            later = self.book.later.get((standing.kpi, standing.window))
            targets.append({**standing.document(), "set_at": later and _instant(later.at_ms)})
        return {"now": document["now"] or None, "targets": targets}

    def _period(self, window: str, now_ms: int) -> Period:
        first, last = self._time.period_days(window, now_ms)
        days = self._time.days
        today = days.of(now_ms)
        begins, ends = days.start(today), days.start(today + 1)
        return Period(first, last, date.fromordinal(today), (now_ms - begins) / (ends - begins))


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
