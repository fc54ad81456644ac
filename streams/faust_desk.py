"""Where the KPI agent's office writes: Faust's producer, and the group's word on who owns the KPI agent."""

from __future__ import annotations

from typing import Any

from faust.types import TP


class FaustDesk:
    """Writes through the app's producer, which waits for all replicas.

    Args:
        app: the Faust app, running.
        office: the partition whose owner is the KPI agent.
    """

    def __init__(self, app: Any, office: TP) -> None:
        self._app = app
        self._office = office

    async def send(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Write a message to a topic's only partition; returns once it is acknowledged."""
        sent = await self._app.producer.send(topic, key, value, 0, None, None)
        await sent

    async def confirm(self) -> None:
        """Return if this worker still owns the KPI agent: the broker takes a commit from nobody else.

        What is committed means nothing: answers are read from their end.
        """
        position = await self._app.consumer.position(self._office)
        await self._app.consumer.commit_offsets({self._office: position})
