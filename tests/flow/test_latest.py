"""What only the latest matters of is never waited for: neither by who sends it, nor by what goes elsewhere."""

from __future__ import annotations

import asyncio
import logging

import pytest

from streams.latest import Latest


def test_a_place_that_takes_nothing_holds_up_no_other() -> None:
    """One message is on its way there; what comes meanwhile is left out, and the first one after that goes again."""

    async def scene() -> None:
        latest, taken, opened = Latest(), list[str](), asyncio.Event()

        async def stuck() -> None:
            await opened.wait()
            taken.append("stuck")

        async def free(number: int) -> None:
            taken.append(f"free {number}")

        assert latest.offer("a", stuck)
        for number in range(3):
            assert not latest.offer("a", stuck)
            assert latest.offer("b", lambda number=number: free(number))  # type: ignore[misc]
            await asyncio.sleep(0)
        assert taken == ["free 0", "free 1", "free 2"]
        opened.set()
        await asyncio.sleep(0.01)
        assert taken[3:] == ["stuck"]
        assert latest.offer("a", lambda: free(3))

    asyncio.run(scene())


def test_a_message_that_fails_is_told_and_the_next_one_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    """It ends nobody: a topic without a leader is no reason to stop counting."""

    async def scene() -> None:
        latest, taken = Latest(), list[str]()

        async def fail() -> None:
            raise TimeoutError("no leader")

        async def work() -> None:
            taken.append("taken")

        latest.offer("snapshot", fail)
        await asyncio.sleep(0)
        assert latest.offer("snapshot", work)
        await asyncio.sleep(0)
        assert taken == ["taken"]

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert "snapshot not sent: no leader" in caplog.text
