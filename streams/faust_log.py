"""The log of a partition, on Faust's producer: entries to the changelog, dead letters, events sent on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError
from faust.types import TP

from events.names import DEAD_LETTERS, HEADER_CUT_FROM, HEADER_REJECTED_AT
from streams.owned import Headers

_log = logging.getLogger(__name__)
_PAUSE_S = 0.2
_CUT_TO = 64 * 1024


class FaustLog:
    """Writes through the app's producer, which waits for all replicas.

    Args:
        app: the Faust app, running.
        changelog: name of the state table's changelog topic.
        dead_letters: name of the topic for rejected records.
        sources: names of the topics that are read; None: all that positions speak of.
    """

    def __init__(
        self, app: Any, changelog: str, dead_letters: str = DEAD_LETTERS, sources: frozenset[str] | None = None
    ) -> None:
        self._app = app
        self._changelog = changelog
        self._dead_letters = dead_letters
        self._sources = sources
        self._tasks: set[asyncio.Task[object]] = set()

    async def save(self, partition: int, key: bytes, value: bytes | None) -> object:
        """Write an entry of a checkpoint, None to delete it."""
        return await self._send(self._changelog, key, value, partition)

    def reject(self, key: bytes | None, value: bytes | None, headers: Headers) -> asyncio.Future[object]:
        """Write a dead letter until it is acknowledged."""
        stamped = [*headers, (HEADER_REJECTED_AT, f"{time.time():.3f}".encode())]
        return self._in_background(self._bury(key, value, stamped))

    def forward(self, topic: str, partition: int, key: bytes, value: bytes, at_ms: int) -> asyncio.Future[object]:
        """Send an event on until it is acknowledged, under its own timestamp: deduplication goes by that."""
        sent = self._until_acknowledged(topic, key, value, partition, timestamp=(at_ms + 0.5) / 1000)
        return self._in_background(sent)

    async def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        """Commit source positions, fenced by the group's generation.

        A topic that was taken out of the settings keeps its position in the state, in case it comes back.
        """
        read = positions.keys() if self._sources is None else positions.keys() & self._sources
        await self._app.consumer.commit_offsets({TP(topic, partition): positions[topic] for topic in read})

    def _in_background(self, sending: Coroutine[Any, Any, object]) -> asyncio.Future[object]:
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _bury(self, key: bytes | None, value: bytes | None, headers: Headers) -> object:
        """Write a dead letter; one that the broker won't ever take is cut: trying on would hold every checkpoint up."""
        try:
            return await self._until_acknowledged(
                self._dead_letters, key, value, None, headers=headers, hopeless=(MessageSizeTooLargeError,)
            )
        except MessageSizeTooLargeError:
            whole = value or b""
            cut = [*headers, (HEADER_CUT_FROM, str(len(whole)).encode())]
            return await self._until_acknowledged(self._dead_letters, key, whole[:_CUT_TO], None, headers=cut)

    async def _until_acknowledged(
        self, *where: Any, hopeless: tuple[type[Exception], ...] = (), **options: Any
    ) -> object:
        is_told = False
        while True:
            try:
                return await self._send(*where, **options)
            except hopeless:
                raise
            except Exception as error:  # noqa: BLE001 - for no other reason it is given up
                if not is_told:
                    _log.warning("a record for %s was not taken, trying on: %r", where[0], error)
                    is_told = True
                await asyncio.sleep(_PAUSE_S)

    async def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        *,
        timestamp: float | None = None,
        headers: Headers | None = None,
    ) -> object:
        sent: Awaitable[object] = await self._app.producer.send(topic, key, value, partition, timestamp, headers)
        return await sent
