"""The ingest side of a worker: which partitions it owns, and what happens to them as they come and go.

A partition comes with its changelog: the newest manifest decides from which positions the sources are read, and
the group's committed offsets are advisory. It goes with a checkpoint. Rebalances take everything away and give
most of it back, so a partition that went is kept aside, and taken up again if its own last checkpoint is still
the newest: a rebalance then costs no recovery.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from faust.types import TP

from streams.checkpoint import Checkpointer, Loaded, restoring
from streams.counts import Counts
from streams.manifest import EntryMissingError, Epoch, Manifest, keys_of, last_epoch, manifest_key, newest
from streams.messages import Answer, Tick, failure
from streams.owned import CheckpointStatistics, Log, OwnedPartition
from streams.partition import PartitionState
from streams.settings import Settings
from streams.sums import RangeError
from streams.transport import Chunk, Edge, Position

Ends: TypeAlias = Callable[[AbstractSet[TP]], Awaitable[Mapping[TP, int]]]
HasRead: TypeAlias = Callable[[TP, int], bool]

_log = logging.getLogger(__name__)
_OUTDATED_MS = 10_000
_DONE = object()
OUT_OF_RANGE = "its sums have left the range of 64-bit integers, so it takes no more records"
"""Nothing that comes makes such a partition right again."""
HALF_READ = "its changelog was read in part and is to be read again"
"""Another owner has written since it was last here, on top of entries that were read and thrown away long ago."""


class Engine:
    """The partitions of one worker.

    Attributes:
        owned: partitions whose state is here.
        failed: partition -> why it takes no records and has no sums; its KPIs are unknown, and say so.
        ailing: those among them that weren't taken up, and may be once the group has shared out anew.

    Args:
        settings: of the deployment.
        log: where partitions write.
        stored: the state table's raw content; entries are taken out once they are loaded.
        ends: asks the broker where sources end; None: nobody minds figures of the past.
        has_read: tells whether a source holds nothing more before a position, though no record reached it.
    """

    def __init__(
        self,
        settings: Settings,
        log: Log,
        stored: MutableMapping[bytes, bytes],
        ends: Ends | None = None,
        has_read: HasRead | None = None,
    ) -> None:
        self.counts = Counts()
        self.checkpoints = CheckpointStatistics()
        self.owned: dict[int, OwnedPartition] = {}
        self.failed: dict[int, str] = {}
        self.ailing: dict[int, str] = {}
        self.last_tick_s = 0.0
        self.generation = 0
        self.dealt_with: Mapping[tuple[str, int], int] = {}
        self._settings = settings
        self._log = log
        self._stored = stored
        self._ends = ends
        self._has_read = has_read or (lambda _tp, _goal: False)
        self._aside: dict[int, OwnedPartition] = {}

    # Coming and going

    async def positions(
        self, partitions: AbstractSet[TP], apart: Mapping[int, str] | None = None
    ) -> Mapping[TP, Position]:
        """Take partitions up, and say from where their sources are to be read.

        Args:
            partitions: of the sources, all that this worker now has.
            apart: partitions that came without some of what belongs to them, and why; they aren't taken up.

        Returns:
            positions of the sources of the partitions that were taken up.

        Raises:
            StateRefusedError: the stored state would be misread; nothing has been taken up.
        """
        ailing = dict(apart or {})
        taken: dict[int, OwnedPartition] = {}
        for number in sorted({tp.partition for tp in partitions} - ailing.keys()):
            retained = self._retained(number)
            try:
                taken[number] = await self._take_up(number, retained)
            except EntryMissingError:
                if retained is None:
                    raise
                ailing[number] = HALF_READ
            await asyncio.sleep(0)
        found = {tp for tp in partitions if tp.partition in taken}
        await self._set_goals({tp for tp in found if taken[tp.partition] is not self._aside.get(tp.partition)}, taken)
        self._stored.clear()
        self._aside.clear()
        self.owned = taken
        self.failed, self.ailing = dict(ailing), ailing
        return {tp: taken[tp.partition].positions.get(tp.topic, Edge.START) for tp in found}

    async def _set_goals(self, partitions: set[TP], taken: Mapping[int, OwnedPartition]) -> None:
        """Note where the sources of loaded partitions end: up to there, figures would fall back into the past."""
        if self._ends is not None and partitions:
            for tp, end in (await self._ends(partitions)).items():
                taken[tp.partition].set_goal(tp.topic, end)

    async def let_go(self, partitions: AbstractSet[TP]) -> None:
        """Save partitions that are about to be another's, and keep aside those that are safe.

        Raises:
            Exception: what the log answered about one of them, once all have been tried.
        """
        numbers = sorted({tp.partition for tp in partitions if tp.partition in self.owned})
        going = {number: self.owned.pop(number) for number in numbers if self._is_source(number, partitions)}
        leaving = (self._leave(number, owned) for number, owned in going.items())
        for outcome in await asyncio.gather(*leaving, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _leave(self, number: int, owned: OwnedPartition) -> None:
        try:
            if number not in self.failed:
                await owned.save_now()
                self._aside[number] = owned
        finally:
            owned.abandon()

    @property
    def kept(self) -> frozenset[int]:
        """Return the partitions whose state is in memory; of others, all of the changelog must be read again."""
        return frozenset({*self.owned, *self._aside})

    def _is_source(self, number: int, partitions: AbstractSet[TP]) -> bool:
        """Tell whether it is the sources of a partition that go: the KPI agent's topic has a partition 0 too."""
        return any(tp.partition == number and tp.topic in self.sources for tp in partitions)

    @property
    def sources(self) -> frozenset[str]:
        """Return the topics that are read as chunks."""
        return source_topics(self._settings)

    def _retained(self, number: int) -> OwnedPartition | None:
        # Owned still: another rebalance came after it was taken up, and before a record or a tick could reach it.
        return self._aside.get(number) or self.owned.get(number)

    async def _take_up(self, number: int, retained: OwnedPartition | None) -> OwnedPartition:
        began = time.monotonic()
        stored = {key: self._stored[key] for key in keys_of(self._stored, number)}
        manifest = newest(stored, number)
        if retained is not None and not _is_newer(manifest, retained.checkpointer.last):
            last = retained.checkpointer.last
            retained.checkpointer.epoch = (Epoch(*last.epoch) if last else Epoch()).after(self.generation)
            return retained
        state = PartitionState(
            self._settings.meaning,
            number,
            self._settings.kafka.partitions,
            horizon_ms=self._settings.dedup_horizon.ms,
            future_tolerance_ms=self._settings.future_tolerance.ms,
            counts=self.counts,
        )
        state.forgetting.sources = self.sources
        state.forgetting.serves_profiles = self._settings.redis.enabled and self._settings.redis.profiles
        loaded = await self._load(state, manifest, stored) if manifest else None
        needed = manifest.keys(number) | {manifest_key(number, Epoch(*manifest.epoch))} if manifest else set()
        orphans = stored.keys() - needed
        epoch = last_epoch(stored).after(self.generation)
        checkpointer = Checkpointer(number, epoch, manifest, loaded, orphans, stored)
        positions = dict(manifest.offsets) if manifest else {}
        took_s = time.monotonic() - began
        _log.info("partition %d: %d persons loaded in %.1f s, epoch %s", number, len(state.fold.persons), took_s, epoch)
        dealt_with = {topic: end for (topic, of), end in self.dealt_with.items() if of == number}
        return OwnedPartition(
            state,
            checkpointer,
            positions,
            self._log,
            self.checkpoints,
            lambda topic, goal: self._has_read(TP(topic, number), goal),
            dealt_with=dealt_with,
        )

    async def _load(self, state: PartitionState, plan: Manifest, stored: Mapping[bytes, bytes]) -> Loaded:
        """Fill a partition in steps, between which others get their turn: heartbeats, ticks, whoever asks for KPIs."""
        loaded, is_left = Loaded(), True
        steps = restoring(state, plan, stored, loaded)
        while is_left:
            with self.checkpoints.holds.of("load"):
                is_left = next(steps, _DONE) is not _DONE
            await asyncio.sleep(0)
        return loaded

    # Records and ticks

    def take(self, chunk: Chunk) -> None:
        """Fold a chunk of records.

        Raises:
            LostRecordsError: records are missing before it.
        """
        owned = self.owned.get(chunk.partition)
        if owned is not None and chunk.partition not in self.failed:
            try:
                with self.checkpoints.holds.of("take"):
                    owned.take(chunk, int(time.time() * 1000))
            except RangeError:
                self._fail(chunk.partition)

    def is_flooded(self, partition: int) -> bool:
        """Tell whether a partition has sent more elsewhere than it may before the broker has taken it."""
        owned = self.owned.get(partition)
        return owned is not None and owned.is_flooded

    async def ease(self, partition: int) -> None:
        """Wait until the broker has taken what a partition has sent elsewhere."""
        owned = self.owned.get(partition)
        if owned is not None:
            await owned.ease()

    def is_ours(self, tick: Tick) -> bool:
        """Tell a tick from another engine's on the same topics, and from one that was replaced without knowing it."""
        return tick.app == self._settings.app_id and tick.generation >= self.generation

    async def approach(self, partition: int, tick: Tick) -> None:
        """Fold what has waited for a tick in steps, between which others get their turn; `answer` then has little left.

        The partition may go meanwhile: it was saved as it was between two steps, and `answer` has nothing to say.
        """
        owned = None if partition in self.failed else self.owned.get(partition)
        if owned is None or time.time() * 1000 - tick.sent_ms > _OUTDATED_MS or not self.is_ours(tick):
            return
        with contextlib.suppress(RangeError):  # it comes again with the answer, which knows what to do
            steps, is_left = owned.state.steps(tick.now_ms), True
            while is_left and self.owned.get(partition) is owned:
                with self.checkpoints.holds.of("fold"):
                    is_left = next(steps, _DONE) is not _DONE
                await asyncio.sleep(0)

    def answer(self, partition: int, tick: Tick) -> Answer | None:
        """Bring a partition to a tick and begin a checkpoint if one is due; None if there is nothing to say."""
        if time.time() * 1000 - tick.sent_ms > _OUTDATED_MS or not self.is_ours(tick):
            return None
        why = self.failed.get(partition)
        if why is None and partition in self.owned and tick.topics and self.sources != set(tick.topics):
            why = f"its worker reads {', '.join(sorted(self.sources))}, the KPI agent's {', '.join(tick.topics)}"
        if why is not None:
            return failure(tick, partition, why)
        owned = self.owned.get(partition)
        if owned is None:
            return None
        self.last_tick_s = time.monotonic()
        try:
            with self.checkpoints.holds.of("answer"):
                reply = owned.answer(tick)
        except RangeError:
            self._fail(partition)
            return failure(tick, partition, OUT_OF_RANGE)
        if owned.is_due(asyncio.get_running_loop().time(), self._settings.checkpoint.pace):
            owned.begin_checkpoint()
        return reply

    def _fail(self, partition: int) -> None:
        """Keep a partition out of range, its KPIs unknown: another worker would fail on it alike, and the next one."""
        _log.exception("partition %d: its sums can't be known any more", partition)
        self.failed[partition] = OUT_OF_RANGE


def source_topics(settings: Settings) -> frozenset[str]:
    """Return the topics that hold events, with the deployment's prefix."""
    return frozenset(settings.topic(name) for name in (*settings.kafka.customer_topics, "business-events"))


def _is_newer(found: Manifest | None, own: Manifest | None) -> bool:
    """Tell whether somebody else has written a checkpoint since our own."""
    if found is None:
        return False
    if own is None:
        return True
    return (tuple(found.epoch), found.version) > (tuple(own.epoch), own.version)
