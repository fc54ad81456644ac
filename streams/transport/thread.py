"""The consumer's side of the broker, in the thread and event loop where aiokafka runs.

Everything here is called through Faust's method queue, whose two workers must never both be stuck: one may fetch, so
the other carries commits and seeks. Hence no wait without an end.
"""
# ruff: noqa: SLF001 - aiokafka offers no public way to any of this; its minor version is pinned

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Transport as FaustTransport
from faust.types import TP

from .drain import Drain
from .membership import refusal_of
from .sources import Edge, Position, Sources, listed

_REBALANCE_POLL = 0.05
_METADATA_PATIENCE_S = 5.0
_MEMBERS_ONLY = ("HeartbeatRequest", "SyncGroupRequest")
"""Requests that the group answers well to its members only."""


class ConsumerThread(AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped to us
    """Fetches chunks, commits within one generation, and puts partitions at given positions.

    Attributes:
        heard_at_s: when it sent the last message to which the group answered as to a member, on the steady clock. The
            group gives such a member's partitions to nobody else for a session from then on, but to who comes under its
            own instance id.
    """

    sources: Sources = Sources()
    heard_at_s: float = -math.inf
    _drain: Drain | None = None
    _watching: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        """Start, and note from then on when the group has heard of us, and whether it still has us."""
        await super().on_start()
        coordinator = getattr(self._consumer, "_coordinator", None)
        send = getattr(coordinator, "_send_req", None)
        if coordinator is None or send is None:
            return  # a client that only awaits replies is no member

        async def sent(request: Any) -> Any:
            began = time.monotonic()
            answer = await send(request)
            if type(request).__name__.startswith(_MEMBERS_ONLY) and answer.error_code == 0:
                self.heard_at_s = began
            return answer

        coordinator._send_req = sent
        self._watching = asyncio.create_task(self._tell_of_refusal(coordinator))

    async def _tell_of_refusal(self, coordinator: Any) -> None:
        why = await refusal_of(coordinator)
        self.parent_loop.call_soon_threadsafe(self.sources.refused, why)

    async def on_thread_stop(self) -> None:
        """Stop, and ask no more."""
        if self._watching is not None:
            self._watching.cancel()
        await super().on_thread_stop()

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Have the thread do something and return its answer.

        Raises:
            ConsumerStoppedError: the thread has ended, as it does at once when the app crashes. Faust would wait for
                ever for an answer that nobody gives any more, and the worker would neither work nor end.
        """
        call = asyncio.ensure_future(super().call_thread(fun, *args, **kwargs))
        end = asyncio.ensure_future(self._shutdown.wait())
        try:
            await asyncio.wait([call, end], return_when=asyncio.FIRST_COMPLETED)
            # A loop that is closed already refuses the call by an error of its own.
            if not call.done() or (call.exception() is not None and self.thread_loop.is_closed()):
                raise ConsumerStoppedError
            return call.result()
        finally:
            end.cancel()
            call.cancel()

    def _stopped_set(self) -> None:
        try:
            super()._stopped_set()
        except RuntimeError:  # its loop is closed: a crash has ended it before the app told it to
            self._stopped.set()

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit single topics, as Faust does; at the end of a crash there is nobody left to do it."""
        try:
            return bool(await super().commit(offsets))
        except ConsumerStoppedError:
            return False

    async def rejoin(self) -> None:
        """Have the group share its partitions out anew."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        consumer = self._ensure_consumer()
        # Whoever shares out passes over topics of which it hasn't heard. One that has just been made is such a topic,
        # and aiokafka asks anew after minutes only.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(consumer._client.force_metadata_update(), _METADATA_PATIENCE_S)
        consumer._coordinator.request_rejoin()

    def passed(self, tp: TP, position: int) -> int:
        """Return how far markers alone have taken a partition that stood at `position`."""
        return position if self._drain is None else self._drain.passed(tp, position)

    def stable_end(self, tp: TP) -> int | None:
        """Return where the latest fetch saw the end of what is committed; None before the first."""
        subscription = getattr(self._consumer, "_subscription", None)
        assignment = subscription and subscription.subscription and subscription.subscription.assignment
        state = assignment.state_value(tp) if assignment and tp in assignment.tps else None
        return state.lso if state is not None else None

    def _create_worker_consumer(self, transport: FaustTransport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust passes 1,500 ms without a setting for it: see Sources.fetch_wait_ms.
        consumer._fetch_max_wait_ms = self.sources.fetch_wait_ms
        # Faust reads what was rolled back, unless it writes in transactions itself. What a shop rolled back never was.
        consumer._isolation_level = "read_committed"
        self._drain = Drain(self.sources)
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> RecordMap:
        if self._drain is None:
            return cast(
                "RecordMap",
                await super()._fetch_records(consumer, active_partitions, timeout, max_records),
            )  # a client that only awaits replies
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        if fetcher._subscriptions.reassignment_in_progress:
            # aiokafka waits here for the assignment, as long as it takes, holding one of the two workers.
            await asyncio.sleep(_REBALANCE_POLL)
            return {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout or 0)
        with fetcher._subscriptions.fetch_context():
            while True:
                if taken := self._drain.take(fetcher, active_partitions):
                    return taken
                news = fetcher._create_fetch_waiter()
                await asyncio.wait([news], timeout=max(0.0, deadline - loop.time()))
                if not news.done():
                    news.cancel()
                    return {}
                news.result()  # raises what ended the subscription
                if fetcher._closed:
                    return {}

    async def commit_in_generation(self, offsets: Mapping[TP, int], generation: int) -> None:
        """Commit exactly these, as a member of this generation and of no other.

        Raises:
            CommitFailedError: the group has moved on, or the broker refused.
            TimeoutError: no answer in time; the commit may or may not have happened.
        """
        await self.call_thread(self._commit_in_generation, offsets, generation)

    async def _commit_in_generation(self, offsets: Mapping[TP, int], generation: int) -> None:
        consumer = self._ensure_consumer()
        self._expect_generation(consumer, generation, offsets)
        wanted = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        await asyncio.wait_for(consumer.commit(wanted), self.app.conf.broker_request_timeout)
        # A member that was thrown out commits as generation -1, which the broker accepts while the group is empty. It
        # may have happened during the waits inside commit(), so a success counts only if nothing changed meanwhile.
        self._expect_generation(consumer, generation, offsets)
        now = asyncio.get_running_loop().time()
        self.tp_last_committed_at.update(dict.fromkeys(offsets, now))

    def _expect_generation(self, consumer: Any, generation: int, offsets: Mapping[TP, int]) -> None:
        now = consumer._coordinator.generation
        if now != generation or now < 0:
            raise CommitFailedError(
                f"commit of {listed(offsets)} belongs to generation {generation} of group "
                f"{self.app.conf.id!r}, which is at {now}: another worker may own these partitions now"
            )

    async def place(self, positions: Mapping[TP, Position]) -> Mapping[TP, int]:
        """Read on from these positions.

        Returns:
            the offsets that they stand for.

        Raises:
            OffsetOutOfRangeError: retention has removed records from that position on.
        """
        return cast("Mapping[TP, int]", await self.call_thread(self._place, positions))

    async def _place(self, positions: Mapping[TP, Position]) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        async with asyncio.timeout(self.app.conf.broker_request_timeout):
            earliest = await consumer.beginning_offsets(
                [TopicPartition(*tp) for tp, position in positions.items() if position is not Edge.END]
            )
            latest = await consumer.end_offsets(
                [TopicPartition(*tp) for tp, position in positions.items() if position is Edge.END]
            )
        offsets: dict[TP, int] = {}
        for tp, position in positions.items():
            if position is Edge.END:
                offsets[tp] = latest[tp]
            elif position is Edge.START:
                offsets[tp] = earliest[tp]
            else:
                offsets[tp] = position
                if position < earliest[tp]:
                    raise OffsetOutOfRangeError(
                        f"{tp.topic}[{tp.partition}]: to be read from {position}, but retention has removed everything "
                        f"before {earliest[tp]}: restore the topic, or count what is left: tapesh rebuild --accept-loss"
                    )
        for tp, offset in offsets.items():
            consumer.seek(TopicPartition(*tp), offset)
        return offsets

    async def place_at_committed(self, partitions: AbstractSet[TP]) -> Mapping[TP, int | None]:
        """Read on from the group's committed offsets, as Faust does; None where there are none."""
        return cast(
            "Mapping[TP, int | None]",
            await self.call_thread(self._place_at_committed, partitions),
        )

    async def _place_at_committed(self, partitions: AbstractSet[TP]) -> Mapping[TP, int | None]:
        committed = await self._ensure_consumer().seek_to_committed(*(TopicPartition(*tp) for tp in partitions))
        return {TP(*tp): offset for tp, offset in committed.items()}
