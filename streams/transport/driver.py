"""Faust's aiokafka driver, taught to deliver chunks and to leave source positions to the engine.

Without this, Faust would commit what agents merely received, read on from committed offsets that say nothing about the
state, and let partitions go before their state is written down.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, cast

from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError
from faust.transport.drivers import aiokafka as faust_driver
from faust.types import TP, AppT, ConsumerMessage, Message
from faust.types.transports import TPorTopicSet
from faust.types.tuples import ack_lock

from .acks import Acks
from .chunk import Chunk
from .sources import Edge, Position, Sources, listed
from .thread import ConsumerThread

_BUFFERED_POLL = 0.02


class Consumer(faust_driver.Consumer):  # type: ignore[misc]  # Faust is untyped to us
    """Consumer of chunked and of single topics, in one group.

    A partition is *held* from the moment it stands at the position that the engine gave until `let_go` returned. Only
    held partitions are read: Faust resumes sources before it seeks, and what slips through in between is from nowhere.
    """

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources = cast("Transport", self.transport).sources
        self._thread.sources = self.sources
        self._held: set[TP] = set()
        self._acks: dict[TP, Acks] = {}
        self._generation = -1
        self._rebalances = -1
        self._room = asyncio.Event()
        self._held_back: set[TP] = set()
        self.app.on_before_shutdown.connect(self._before_shutdown)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def held(self) -> frozenset[TP]:
        """Partitions that stand at the engine's positions and are read."""
        return frozenset(self._held)

    @property
    def heard_at_s(self) -> float:
        """When the group last knew us as a member, on the steady clock: see `ConsumerThread`."""
        return self._thread.heard_at_s

    async def rejoin(self) -> None:
        """Have the group share its partitions out anew."""
        await self._thread.rejoin()

    def hold_back(self, partitions: AbstractSet[TP]) -> None:
        """Read nothing more of these until `read_on`; what is on its way to the agents comes still."""
        self._held_back |= partitions

    def read_on(self, partitions: AbstractSet[TP]) -> None:
        """Read partitions again that were held back."""
        self._held_back -= partitions
        self._room.set()

    def has_read(self, tp: TP, goal: int) -> bool:
        """Tell whether the agents have given back all that a source holds before `goal`.

        The goal itself may never be reached by a record: markers of transactions and what was rolled back occupy
        offsets, and what an open transaction holds isn't there yet.
        """
        acks = self._acks.get(tp)
        if acks is None or len(acks):
            return False
        reached = self._thread.passed(tp, acks.position)
        return reached >= goal or reached == self._thread.stable_end(tp)

    # --- fetching

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Chunk):
            return super()._to_message(tp, record)
        last = record.last
        self._acks[tp].hand_out(record.end)
        return ConsumerMessage(
            record.topic,
            record.partition,
            last.offset,
            last.timestamp / 1000.0,
            0,
            None,
            None,
            cast("bytes", record),  # Faust hands a `bytes` value to the agent as it is
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        """What Faust's does, but for three things.

        It reads held partitions only; it wakes when a full buffer drains (Faust sleeps for a second); and it never
        seeks by itself (Faust returns to committed offsets when the flow stops; here every flow that starts has been
        positioned before).
        """
        if self.app.client_only:
            async for tp, message in super().getmany(timeout):
                yield tp, message
            return
        if not self.flow_active:
            await self.wait(cast("Any", self.can_resume_flow))
        readable = self._readable()
        if not readable:
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), timeout)
            return
        generation = self.app.consumer_generation_id
        # A fetch in progress doesn't learn that another partition has room again: don't let it wait long for its own.
        try:
            records = await self._getmany(readable, _BUFFERED_POLL if self._buffered_partitions else timeout)
        except ConsumerStoppedError:  # the thread has ended before us: so does this
            return
        if self.should_stop:
            return
        for tp, record in self.scheduler.iterate(records):
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if tp in self._held or self._is_changelog_tp(tp):
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                yield tp, self._to_message(tp, record)

    def _readable(self) -> set[TP]:
        held = self._held - self._held_back
        return {tp for tp in self._get_active_partitions() if tp in held or self._is_changelog_tp(tp)}

    def on_buffer_drop(self, tp: TP) -> None:
        """Read this partition again, at once."""
        super().on_buffer_drop(tp)
        self._room.set()

    def stop_flow(self) -> None:
        """Take up nothing more."""
        super().stop_flow()
        self._room.set()

    # --- acks and commits

    def ack(self, message: Message) -> bool:
        """An agent is done with a message; of a chunk that is no permission to commit it."""
        if message.topic not in self.sources.chunked:
            return bool(super().ack(message))
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            # Faust acks what it skips (stale generation, stopped flow) without ever having tracked it.
            taken_up = message.tracked and message.generation_id == self.app.consumer_generation_id
            if taken_up and (acks := self._acks.get(message.tp)):
                acks.give_back(cast("Chunk", message.value).end)
            return True

    def acked_positions(self) -> dict[TP, int]:
        """How far the agents have acked each held chunked partition, never past a chunk that is still out."""
        return {tp: acks.position for tp, acks in self._acks.items()}

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        """Commit these source positions (the next offset to read, `Chunk.end`), all or nothing.

        Args:
            offsets: of held partitions.

        Raises:
            CommitFailedError: a partition is not held, the group is past the generation in which it was given to this
                worker, or the broker refused. Nothing may be concluded from the state of this worker any more.
            TimeoutError: no answer within Faust's `broker_request_timeout`; it may or may not have been committed.
        """
        if strange := offsets.keys() - self._held:
            raise CommitFailedError(f"commit of partitions that this worker doesn't hold: {listed(strange)}")
        if not offsets:
            return
        await self._thread.commit_in_generation(offsets, self._generation)
        for tp, offset in offsets.items():
            if acks := self._acks.get(tp):
                acks.pass_by(offset)
        self._committed_offset.update(offsets)
        self.app.monitor.on_tp_commit(dict(offsets))

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        """Faust's periodic commit covers single topics only: a chunk counts when a checkpoint includes it."""
        return (tp for tp in super()._filter_tps_with_pending_acks(topics) if tp.topic not in self.sources.chunked)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.sources.chunked:
            await super()._add_gap(tp, offset_from, offset_to)

    # --- positions

    async def perform_seek(self) -> None:
        """Called by Faust when its tables are recovered, before it lets records flow."""
        # Faust gives up silently when its own timeout strikes (its recovery task ends, the worker idles for ever).
        timeout = self.app.conf.broker_request_timeout * 0.9
        try:
            async with asyncio.timeout(timeout):
                await self._take_hold()
        except TimeoutError as exc:
            raise TimeoutError(f"no source positions within {timeout:.0f} s: is the broker reachable?") from exc

    async def _take_hold(self) -> None:
        assigned = {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        chunked = {tp for tp in assigned if tp.topic in self.sources.chunked}
        positions: dict[TP, Position] = {tp: Edge.END for tp in assigned if tp.topic in self.sources.from_end}
        answer = await self.sources.positions(frozenset(chunked))
        if wrong := answer.keys() - chunked:
            raise ValueError(f"positions() must answer for {listed(chunked)} and no more: see {listed(wrong)}")
        positions |= answer
        assigned -= chunked - answer.keys()
        chunked &= answer.keys()
        offsets: dict[TP, int | None] = {}
        if positions:
            offsets |= await self._thread.place(positions)
        if singles := assigned - positions.keys():
            committed = await self._thread.place_at_committed(singles)
            offsets |= committed
            self._committed_offset.update({tp: offset for tp, offset in committed.items() if offset})
        if self.app.rebalancing_count != self._rebalances:
            # Faust would resume the flow that its next rebalance has just stopped; this it takes for "start again".
            raise IllegalStateError("another rebalance began before the partitions were taken hold of")
        self._read_offset.update({tp: offset or None for tp, offset in offsets.items()})
        self._acks = {tp: Acks(cast("int", offsets[tp])) for tp in chunked}
        self._held = assigned
        self._held_back.clear()

    # --- letting go

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Remember the generation that commits belong to."""
        self._generation = generation_id
        self._rebalances = self.app.rebalancing_count
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the engine write its state down, then let Faust go on."""
        await self._let_go(revoked)
        await super().on_partitions_revoked(revoked)

    async def _before_shutdown(self, *_args: Any, **_kwargs: Any) -> None:
        # The last moment at which everything still runs: tables, producer, the consumer's membership.
        await self._let_go(self._held)

    async def _let_go(self, leaving: AbstractSet[TP]) -> None:
        leaving = frozenset(leaving & self._held)
        if not leaving:
            return
        # As Faust does it a moment later, so that no agent takes up a chunk while the engine writes its state down.
        self.stop_flow()
        self.app.flow_control.suspend()
        self.pause_partitions(self.assignment())
        self.app.flow_control.clear()
        grace = self.app.conf.broker_rebalance_timeout * 0.8
        try:
            if self.app.crashed:
                self.log.warning(
                    "Crashed: no checkpoint of %s, the next owner replays",
                    sorted(leaving),
                )
                return
            async with asyncio.timeout(grace):
                await self.sources.let_go(leaving)
        except Exception:
            # The partitions go whether or not their state was written: the next owner replays from what was.
            self.log.exception("Letting go of %s failed", listed(leaving))
        finally:
            self._held -= leaving
            for tp in leaving:
                self._acks.pop(tp, None)


class Transport(faust_driver.Transport):  # type: ignore[misc]  # Faust is untyped to us
    """The transport behind `tapesh://host:port`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    sources: Sources = Sources()


def bind(app: AppT, sources: Sources) -> None:
    """Tell the app's transport what its sources are; before the app starts.

    Raises:
        TypeError: the app's broker URL isn't a `tapesh://` one.
    """
    transport = app.transport
    if not isinstance(transport, Transport):
        raise TypeError(
            f"broker {app.conf.broker_consumer[0]} brings {type(transport).__module__}.{type(transport).__name__}: "
            "chunks need a broker URL of the form tapesh://host:9092"
        )
    transport.sources = sources
