"""Messages of which only the latest matters: ticks, answers to them, snapshots.

A producer takes a message at once, or, while the leader of a partition is away, after most of a minute, or never.
Nobody may wait for that: ticks to the other partitions would stop, and with them folding and checkpoints. So each place
has one message on its way; what comes until that is through is left out, for the one after it says the same and more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


class Latest:
    """What is on its way, by place."""

    def __init__(self) -> None:
        self._on_the_way: dict[str, asyncio.Task[None]] = {}

    def offer(self, place: str, send: Callable[[], Awaitable[object]]) -> bool:
        """Send a message unless one is on its way to that place; returns at once, whether it is being sent.

        Args:
            place: where to, as a warning is to name it.
            send: returns when the next message may go there. What it raises is told, and the next one tries again.
        """
        if place in self._on_the_way:
            return False
        self._on_the_way[place] = asyncio.create_task(self._see_off(place, send))
        return True

    async def _see_off(self, place: str, send: Callable[[], Awaitable[object]]) -> None:
        try:
            await send()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message tries again
            _log.warning("%s not sent: %s", place, error)
        finally:
            del self._on_the_way[place]
