"""Holds back a partition that has sent more elsewhere than the broker has taken, and no other.

One agent folds the chunks of all partitions, one after the other. If it waited while a flood of bad records from one
partition becomes dead letters, everybody's events would wait with it. So what is stopped is the reading of that
partition; what of it is on its way to the agent already, a few chunks, is still taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Protocol

from faust.types import TP


class Reader(Protocol):
    """Who reads the sources: the transport's consumer."""

    def hold_back(self, partitions: AbstractSet[TP]) -> None:
        """Read nothing more of these."""

    def read_on(self, partitions: AbstractSet[TP]) -> None:
        """Read them again."""


class BackPressure:
    """The partitions of one worker that are held back.

    Args:
        reader: gives the one who reads, which isn't there before the app has started.
        topics: of the sources.
    """

    def __init__(self, reader: Callable[[], Reader], topics: Iterable[str]) -> None:
        self._reader = reader
        self._topics = tuple(topics)
        self._waiting: dict[int, asyncio.Task[None]] = {}

    def hold_back(self, partition: int, relief: Callable[[int], Awaitable[None]]) -> None:
        """Stop reading a partition until `relief` of it returns; at once, and once for each partition."""
        if partition not in self._waiting:
            self.stop(partition)
            self._waiting[partition] = asyncio.create_task(self._read_on_after(partition, relief))

    def stop(self, partition: int) -> None:
        """Stop reading a partition for as long as it is this worker's."""
        self._reader().hold_back(self._sources(partition))

    async def _read_on_after(self, partition: int, relief: Callable[[int], Awaitable[None]]) -> None:
        try:
            await relief(partition)
        finally:
            del self._waiting[partition]
            self._reader().read_on(self._sources(partition))

    def _sources(self, partition: int) -> set[TP]:
        return {TP(topic, partition) for topic in self._topics}
