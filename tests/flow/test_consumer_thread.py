"""The thread that talks to the broker, without a broker: what it is asked it answers, or says that it can't."""

from __future__ import annotations

import asyncio
from unittest.mock import MagicMock

import pytest
from aiokafka.errors import ConsumerStoppedError
from faust.types import TP

from streams.transport.thread import ConsumerThread

PATIENCE_S = 10.0


class Unconnected(ConsumerThread):
    """One that has nobody to talk to, and no consumer to end."""

    async def on_start(self) -> None:
        pass

    async def on_thread_stop(self) -> None:
        await self.method_queue.stop()


async def started() -> Unconnected:
    thread = Unconnected(MagicMock(), loop=asyncio.get_running_loop())
    await thread.start()
    return thread


async def answer(number: int) -> int:
    return number


def test_a_thread_that_a_crash_has_ended_refuses_what_it_is_asked() -> None:
    """The app commits as it stops; to wait for an answer from nobody would be to wait for ever."""

    async def play() -> None:
        thread = await started()
        async with asyncio.timeout(PATIENCE_S):
            assert await thread.call_thread(answer, 7) == 7
            await thread.crash(RuntimeError("told to"))
            await thread._shutdown.wait()
            with pytest.raises(ConsumerStoppedError):
                await thread.call_thread(answer, 8)
            assert await thread.commit({TP("ticks", 0): 1}) is False, "there is nobody left to do it"
        await thread.stop()

    asyncio.run(play())


def test_what_a_call_raises_is_raised_to_who_asked() -> None:
    """A refused commit must reach the engine as what it is."""

    async def fail() -> None:
        raise LookupError("as it is")

    async def play() -> None:
        thread = await started()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(LookupError, match="as it is"):
                await thread.call_thread(fail)
        await thread.stop()

    asyncio.run(play())


def test_who_joins_anew_has_asked_first_which_topics_there_are() -> None:
    """A topic that was made a moment ago is passed over otherwise, again and again, until the worker gives up."""
    told: list[str] = []

    async def ask() -> bool:
        told.append("asked")
        return True

    async def play() -> None:
        thread = await started()
        consumer = MagicMock()
        consumer._client.force_metadata_update = ask
        consumer._coordinator.request_rejoin = lambda: told.append("joined")
        thread._consumer = consumer
        async with asyncio.timeout(PATIENCE_S):
            await thread.rejoin()
        await thread.stop()

    asyncio.run(play())
    assert told == ["asked", "joined"]
