"""A partition that this worker owns: its state, where its sources stand, and its checkpoints on their way.

Ties the pure state to a log without knowing Faust: what is sent goes through a `Log`, so that the protocol can
be tested message by message. The order is the protocol: what a chunk sent elsewhere is acknowledged, then the
entries, then the manifest, then the offsets are committed, and only then is anything deleted.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from events.names import (
    HEADER_ERROR,
    HEADER_ERROR_FIELD,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_TOPIC,
)
from streams.checkpoint import Checkpointer, Draft
from streams.day_sums import answer_days
from streams.holds import Holds
from streams.messages import Answer, Tick, answer
from streams.pace import Pace, Since
from streams.partition import Misplaced, PartitionState, Refused
from streams.profiles import ProfileMarks
from streams.tally_job import TallyJob
from streams.transport.chunk import Chunk

_log = logging.getLogger(__name__)
_MOST_ON_THE_WAY = 500
"""Records sent elsewhere and not yet acknowledged, above which nothing more is taken in."""

Headers: TypeAlias = list[tuple[str, bytes]]


class Log(Protocol):
    """Where a partition's messages go."""

    def save(self, partition: int, key: bytes, value: bytes | None) -> Awaitable[object]:
        """Write an entry of a checkpoint, None to delete it; awaited for the broker's acknowledgement."""

    def reject(self, key: bytes | None, value: bytes | None, headers: Headers) -> asyncio.Future[object]:
        """Write a dead letter, trying until it is acknowledged; returns at once."""

    def forward(self, topic: str, partition: int, key: bytes, value: bytes, at_ms: int) -> asyncio.Future[object]:
        """Send an event on to where its person lives, trying until it is acknowledged; returns at once."""

    async def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        """Commit source positions in the group generation in which the partition was given to this worker."""


class LostRecordsError(Exception):
    """Records are missing between what the state holds and what is read: going on would lose them."""


@dataclass(slots=True)
class CheckpointStatistics:
    """Of all partitions since the worker's start."""

    written: int = 0
    failed: int = 0
    bytes: int = 0
    last_at_s: float = 0.0
    last_duration_s: float = 0.0
    holds: Holds = field(default_factory=Holds)


@dataclass(slots=True)
class OwnedPartition:
    """One partition in the hands of this worker.

    Attributes:
        state: what is known.
        checkpointer: what has been saved.
        positions: of each source topic, the next record to take.
        log: where messages go.
        statistics: shared by all partitions of the worker.
        has_read: tells whether a source topic holds nothing more before a position, though no record reached it.
        last_record_ms: the newest record timestamp seen, -1 before the first.
        goals: where the sources ended when the partition was loaded: before them, its sums are those of the past.
        profiles: whose profile is to be written, once somebody asks.
        tally: of lifetimes, on its way.
        dealt_with: up to where another engine has written dead letters and sent events on, on our behalf.
        life: names this loading of it: a static member's next one may be in the same epoch.
    """

    state: PartitionState
    checkpointer: Checkpointer
    positions: dict[str, int]
    log: Log
    statistics: CheckpointStatistics
    has_read: Callable[[str, int], bool] = lambda _topic, _goal: False
    last_record_ms: int = -1
    goals: dict[str, int] = field(default_factory=dict)
    dealt_with: Mapping[str, int] = field(default_factory=dict)
    profiles: ProfileMarks | None = None
    tally: TallyJob = field(default_factory=TallyJob)
    life: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _newest_ms: dict[str, int] = field(default_factory=dict)
    _sent: set[asyncio.Future[object]] = field(default_factory=set)
    _events_since: int = 0
    _bytes_since: int = 0
    _last_size: int = 0
    _saved_at_s: float = 0.0
    _saving: asyncio.Task[None] | None = None

    def take(self, chunk: Chunk, clock_ms: int) -> None:
        """Fold a chunk, and send on what doesn't belong here.

        Args:
            chunk: the next records of one source.
            clock_ms: the wall clock: no record is taken to be younger.

        Raises:
            LostRecordsError: it isn't the next chunk.
        """
        expected = self.positions.get(chunk.topic, chunk.begin)
        if chunk.begin > expected:
            raise LostRecordsError(
                f"{chunk.topic}[{chunk.partition}]: got records from {chunk.begin}, expected {expected}: "
                "the state would miss what lies between"
            )
        timestamps = chunk.timestamps
        if max(timestamps) > clock_ms:
            timestamps = [min(timestamp, clock_ms) for timestamp in timestamps]
        values, first = chunk.values, 0
        if chunk.begin < expected:  # read again after a recovery: skip what the state holds
            first = sum(offset < expected for offset in chunk.offsets)
            values, timestamps = values[first:], timestamps[first:]
        dealt_with = self.dealt_with.get(chunk.topic, 0)
        for outcome in self.state.arrive(values, timestamps, chunk.topic):
            record = chunk.records[first + outcome.at]
            if record.offset < dealt_with:
                continue
            if isinstance(outcome, Refused):
                self._send(self.log.reject(record.key, record.value, _headers(outcome, chunk, record.offset)))
            elif isinstance(outcome, Misplaced):
                self._send(
                    self.log.forward(
                        chunk.topic, outcome.partition, outcome.key.encode(), record.value or b"", record.timestamp
                    )
                )
        self.positions[chunk.topic] = max(expected, chunk.end)
        self._events_since += len(values)
        self._bytes_since += sum(map(len, values))
        if timestamps:
            newest_ms = max(timestamps)
            self.last_record_ms = max(self.last_record_ms, newest_ms)
            self._newest_ms[chunk.topic] = max(self._newest_ms.get(chunk.topic, 0), newest_ms)

    def is_behind(self) -> bool:
        """Tell whether what is read is still what came before the partition was loaded.

        No record may reach the end of a source, where transactions left their markers or retention has removed
        everything: who reads it knows. That nothing comes is no sign: it may be held up.
        """
        self.goals = {
            topic: goal
            for topic, goal in self.goals.items()
            if self.positions.get(topic, 0) < goal and not self.has_read(topic, goal)
        }
        return bool(self.goals)

    def set_goal(self, topic: str, end: int) -> None:
        """Note where a source ends as the partition is taken up."""
        self.goals[topic] = end

    @property
    def is_flooded(self) -> bool:
        """Tell whether very many records are on their way elsewhere: a flood of bad ones mustn't pile up."""
        return len(self._sent) > _MOST_ON_THE_WAY

    async def ease(self) -> None:
        """Wait until what is on its way elsewhere has been taken."""
        while self.is_flooded:
            await asyncio.wait(set(self._sent))

    def _send(self, sending: asyncio.Future[object]) -> None:
        self._sent.add(sending)
        sending.add_done_callback(self._sent.discard)

    def answer(self, tick: Tick) -> Answer:
        """Bring the state to a tick and report on it."""
        self.state.advance(tick.now_ms)
        report = self.state.report(everybody_only=not tick.full)
        epoch = f"{self.checkpointer.epoch}/{self.life}"
        reply = answer(tick, epoch, report, dict(self.positions), len(self.state.waiting))
        reply.behind = self.is_behind()
        if tick.full:
            reply.watermarks = self.state.watermarks.pack()
        if tick.track:
            reply.track = self.state.track.pack()
        if tick.days and not reply.behind:
            known = tick.days[self.state.partition]
            reply.days_digest, reply.days = answer_days(self.state, tick.now_ms, known)
        if tick.tally and not reply.behind:
            self.tally.answer(tick, self.state, reply)
        return reply

    def is_due(self, now_s: float, pace: Pace) -> bool:
        """Tell whether a checkpoint should be begun: there are changes, and they are many or old."""
        if self._saving is not None or not self._has_changes():
            return False
        wrote = 0 if self.state.forgetting.is_changed else self._last_size  # somebody may be waiting to be forgotten
        return pace.is_due(Since(now_s - self._saved_at_s, self._events_since, self._bytes_since, wrote))

    def begin_checkpoint(self) -> None:
        """Take a picture of the state and write it in the background."""
        self._saving = asyncio.create_task(self._save_until_safe(self._draft()))

    async def save_now(self) -> None:
        """Wait for a checkpoint on its way, then save whatever has changed since.

        Raises:
            Exception: what the log answered; the state isn't saved then.
        """
        if self._saving is not None:
            await asyncio.wait([self._saving])
        if self._has_changes():
            self.state.settle()
            await self._save(self._draft())

    def abandon(self) -> None:
        """Stop writing: the partition is another's, or the worker has failed."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None

    def _has_changes(self) -> bool:
        """Tell whether records came or persons lapsed, or something superseded couldn't be deleted.

        A clock that moved alone needs no checkpoint.
        """
        last, state = self.checkpointer.last, self.state
        if state.fold.persons.has_changes or state.forgetting.is_changed or self.checkpointer.superseded_bytes:
            return True
        return (last.offsets if last else {}) != self.positions

    def _draft(self) -> Draft:
        # Of several topics that are read from long ago, one may be far ahead: the others' ids aren't old for that.
        self.state.dedupe.unread_from_ms = min((self._newest_ms.get(topic, 0) for topic in self.goals), default=None)
        if self.profiles is not None:
            self.profiles.notice(self.state.fold.persons)
        with self.statistics.holds.of("draft"):
            draft = self.checkpointer.draft(self.state, self.positions)
        self._events_since = self._bytes_since = 0
        self._saved_at_s = asyncio.get_running_loop().time()
        return draft

    async def _save_until_safe(self, draft: Draft) -> None:
        """Write a draft, again and again if need be: the state has gone on and can't be pictured like that again."""
        pause_s = 0.2
        while True:
            try:
                await self._save(draft)
            except Exception as error:  # noqa: BLE001 - whatever the broker said, the draft is still good
                self.statistics.failed += 1
                _log.warning("partition %d: checkpoint not written, trying again: %r", self.state.partition, error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
            else:
                self._saving = None
                return

    async def _save(self, draft: Draft) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        partition, log = self.state.partition, self.log
        if not draft.entries:
            await asyncio.to_thread(draft.pack)
        if sent := set(self._sent):
            await asyncio.wait(sent)
            self._sent -= sent
        await asyncio.gather(*(log.save(partition, key, value) for key, value in draft.entries))
        await log.save(partition, *draft.manifest)
        await log.commit(partition, draft.plan.offsets)
        superseded = self.checkpointer.settle(draft)
        self.statistics.written += 1
        self.statistics.bytes += draft.size
        self.statistics.last_at_s = time.time()
        self.statistics.last_duration_s = loop.time() - began
        self._last_size = draft.size
        await self._delete(superseded)

    async def _delete(self, keys: set[bytes]) -> None:
        """Delete what nothing needs any more; what couldn't be deleted is tried again with the next checkpoint."""
        saves = [self.log.save(self.state.partition, key, None) for key in keys]
        outcomes = await asyncio.gather(*saves, return_exceptions=True)
        failed = {key for key, outcome in zip(keys, outcomes, strict=True) if isinstance(outcome, BaseException)}
        self.checkpointer.deleted(keys - failed)
        if failed:
            _log.warning("partition %d: %d old entries not deleted yet", self.state.partition, len(failed))


def _headers(refused: Refused, chunk: Chunk, offset: int) -> Headers:
    """Say why a record was rejected, and where it came from; the log, which has a clock, adds when."""
    return [
        (HEADER_ERROR, f"{refused.why.reason}: {refused.why.detail}".encode()),
        (HEADER_ERROR_FIELD, refused.why.field.encode()),
        (HEADER_TOPIC, chunk.topic.encode()),
        (HEADER_PARTITION, str(chunk.partition).encode()),
        (HEADER_OFFSET, str(offset).encode()),
    ]
