"""Keeps the ledger while the KPI agent is ours: asks for past days, and writes what has become of them.

The order of writes is the protocol: the memory with its outbox acknowledged, the group's generation still ours, the
lines acknowledged, the outbox emptied. A crash anywhere repeats lines word for word. An owner that was replaced
without knowing it is stopped by the generation before it sends a line; had it passed that point, its successor has
found the same line in the outbox.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import msgspec

from events.names import KPI_LEDGER
from metrics.ledger_serving import LedgerServing
from metrics.pace import LEARNED_DAYS
from metrics.restatement import RESTATABLE
from streams.day_sums import DaySums
from streams.ledger import Draft, Entry, Ledger
from streams.ledger_memory import Line, Memory, Message
from streams.merge import Admission
from streams.periods import Periods
from streams.rounds import Round
from streams.settings import Settings

_log = logging.getLogger(__name__)
_IDS = frozenset(kpi.id for kpi in RESTATABLE)
_ASK_AGAIN_S = 2.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Desk(Protocol):
    """What the office needs of Kafka."""

    async def send(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Write a message to a topic's only partition; returns once it is acknowledged."""

    async def confirm(self) -> None:
        """Return if this worker still owns the KPI agent, by the broker's word; raise if not, or if it can't tell."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is being written: memory, then lines, then the memory without them."""

    draft: Draft | None
    messages: Sequence[Message]
    lines: Sequence[Line]


class LedgerOffice:
    """The ledger of one owner of the KPI agent.

    Args:
        settings: of the deployment.
        stored: the memory table, as recovered.
        generation: of the group.
        memory_topic: where the memory is kept.
        desk: where to write.
        restatements: counts them, by kind of period; it outlives this office.
        serving: Redis's copy, if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        stored: Mapping[bytes, bytes],
        generation: int,
        memory_topic: str,
        desk: Desk,
        restatements: dict[str, int],
        serving: LedgerServing | None = None,
    ) -> None:
        time = self._time = settings.reporting_time
        self._daily: dict[str, dict[date, float]] | None = None
        rules = settings.ledger
        self.ledger = Ledger(Periods(time, rules.days, rules.settle.ms), settings.economics)
        self._restatements = restatements
        self._memory = Memory(stored, generation)
        self._memory.restore(self.ledger)
        self._days = DaySums(settings.kafka.partitions)
        self._settings = settings
        self._memory_topic = memory_topic
        self._desk = desk
        self._serving = serving
        self._looked_s = self._asked_s = -math.inf
        self._gauges: dict[tuple[str, str], float] | None = None
        self._writing: asyncio.Task[None] | None = None
        if unwritten := self._memory.unwritten():
            self._begin(_Work(None, (), unwritten))

    @property
    def gauges(self) -> Mapping[tuple[str, str], float]:
        """Now known less first published, by kind of period and KPI; empty before the first look."""
        return self._gauges or {}

    @property
    def daily(self) -> Mapping[str, Mapping[date, float]]:
        """What the latest days brought of each KPI, as known now: for the pace of targets."""
        if self._daily is None:
            self._daily = {}
            for start_ms, values in self.ledger.recent_days(LEARNED_DAYS):
                day = date.fromordinal(self._time.days.of(start_ms))
                for kpi, value in values.items():
                    if value is not None and not isinstance(value, dict):
                        self._daily.setdefault(kpi, {})[day] = value
        return self._daily

    def asks(self, now_s: float) -> list[int]:
        """Return what the next tick asks for past days with: the digest that is known of each partition, or nothing."""
        if self._writing is not None or now_s - self._looked_s < self._settings.ledger.every.seconds:
            return []
        if now_s - self._asked_s < min(_ASK_AGAIN_S, self._settings.ledger.every.seconds):
            return []
        self._asked_s = now_s
        return self._days.digests.copy()

    def look(self, completed: Round, unknown: Collection[str], admission: Admission, now_s: float) -> None:
        """Look at a complete round; what it says about the past that is new is written in the background.

        Args:
            completed: the round.
            unknown: KPIs that can't be known now. While one is among those that are restated nothing is written: a
                day that lacks a source would be published as if it were whole.
            admission: which labels are shown.
            now_s: a steady clock.
        """
        if not completed.tick.days or self._writing is not None or not _IDS.isdisjoint(unknown):
            return
        tick = completed.tick
        answers = completed.answers.values()
        known = [self._days.take(each.partition, each.days_digest, each.days) for each in answers]
        if not all(known):
            return
        self._looked_s = now_s
        days = self._days.merged(admission)
        draft = self.ledger.look(tick.now_ms, tick.sent_ms, days)
        if draft is None:
            self._show()
            return
        lines = {entry.key: self._line(entry) for entry in draft.entries}
        self._begin(_Work(draft, self._memory.take(draft, lines), list(lines.values())))

    def close(self) -> None:
        """Stop writing: the KPI agent is another's."""
        if self._writing is not None:
            self._writing.cancel()

    async def idle(self) -> None:
        """Wait until what is being written is written."""
        while self._writing is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._writing)

    def _begin(self, work: _Work) -> None:
        self._writing = asyncio.create_task(self._write_until_safe(work), name="tapesh-ledger")

    async def _write_until_safe(self, work: _Work) -> None:
        """Write, again and again if need be: what the memory says will be published must be."""
        pause_s = _PAUSE_S
        while True:
            try:
                await self._write(work)
                break
            except Exception as error:  # noqa: BLE001 - whatever the broker said, the words stay the same
                _log.warning("ledger not written, trying again: %r", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._writing = None
        if work.draft is not None:
            self.ledger.settle(work.draft)
            self._show(work.draft.entries)

    async def _write(self, work: _Work) -> None:
        await self._send_all(self._memory_topic, work.messages)
        await self._desk.confirm()
        topic = self._settings.topic(KPI_LEDGER)
        await self._send_all(topic, [(key.encode(), value) for key, value in work.lines])
        await self._send_all(self._memory_topic, self._memory.written())

    async def _send_all(self, topic: str, messages: Sequence[Message]) -> None:
        """Send messages; one that deletes what another replaces is sent once that one is safe."""
        for batch in (
            [each for each in messages if each[1] is not None],
            [each for each in messages if each[1] is None],
        ):
            await asyncio.gather(*(self._desk.send(topic, key, value) for key, value in batch))

    def _line(self, entry: Entry) -> Line:
        return f"{self._settings.app_id}/{entry.key}", msgspec.json.encode(self._body(entry.body))

    def _body(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {"engine": self._settings.app_id, **said}

    def _show(self, entries: Sequence[Entry] = ()) -> None:
        for entry in entries:
            self._restatements[entry.period.kind] += entry.revision > 0
        first = self._gauges is None
        self._daily = None
        self._gauges = {(kind, kpi): value for (kind, kpi), value in self.ledger.restated().items()}
        if self._serving is not None and (entries or first):
            current = {key: self._body(said) for key, said in self.ledger.current().items()}
            self._serving.offer(current, [(entry.period.key, self._body(entry.body)) for entry in entries])
