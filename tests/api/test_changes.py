"""Listeners are told everything once, and then what changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from streams.api import changes as module
from streams.api.changes import Changes

Document = dict[str, Any]


def document(now: int, **values: float | None) -> Document:
    return {"now": f"2026-06-15T13:37:{now:02d}.000Z", "windows": {"30d": values}, "slices": {}, "unknown": {}}


class Source:
    """Documents that a test changes while somebody listens."""

    def __init__(self, first: Document | None) -> None:
        self.document = first
        self.looks = 0

    async def look(self) -> Document | None:
        self.looks += 1
        return self.document


def listening(source: Source, scenario: Callable[[Changes, Any, str], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        changes = Changes(source.look, look_s=0.01)
        application = web.Application()
        application.router.add_get("/changes", changes.stream)
        async with TestServer(application) as server, ClientSession() as session:
            try:
                await asyncio.wait_for(scenario(changes, session, str(server.make_url("/changes"))), 20)
            finally:
                await changes.stop()

    asyncio.run(run())


async def next_event(answer: Any) -> tuple[str, Any]:
    """The next event's name and data; comments and hints are passed over."""
    while True:
        block = (await answer.content.readuntil(b"\n\n")).decode().strip()
        if block.startswith("event: "):
            name, data = block.split("\n", 1)
            return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_listener_hears_the_whole_and_then_what_changes() -> None:
    """Also what is gone; and nothing while nothing changes but the clock."""
    source = Source(document(0, nps=25.0, churn_rate=0.01))

    async def scenario(_changes: Changes, session: ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            assert answer.content_type == "text/event-stream"
            assert await next_event(answer) == ("snapshot", source.document)
            source.document = document(1, nps=25.0, churn_rate=0.01)
            seen = source.looks
            while source.looks < seen + 3:  # noqa: ASYNC110 - it is the looks that are counted
                await asyncio.sleep(0.005)
            source.document = document(2, nps=26.0)
            name, data = await next_event(answer)
            assert (name, data["changed"]) == ("change", {"30d:nps": 26.0, "30d:churn_rate": None})
            source.document = {**document(3), "unknown": {"nps": "starting"}}
            _, data = await next_event(answer)
            assert (data["changed"], data["unknown"]) == ({"30d:nps": None}, {"nps": "starting"})

    listening(source, scenario)


def test_many_listeners_cost_one_look() -> None:
    """And who comes later is told everything first."""
    source = Source(document(0, nps=25.0))

    async def scenario(_changes: Changes, session: ClientSession, url: str) -> None:
        async with session.get(url) as one, session.get(url) as two:
            assert (await next_event(one))[0] == (await next_event(two))[0] == "snapshot"
            before = source.looks
            await asyncio.sleep(0.1)
            assert source.looks - before <= 12
            source.document = document(1, nps=1.0)
            assert (await next_event(one))[1]["changed"] == (await next_event(two))[1]["changed"] == {"30d:nps": 1.0}

    listening(source, scenario)


def test_when_nobody_listens_nobody_looks() -> None:
    """A board that is closed costs nothing."""
    source = Source(document(0, nps=25.0))

    async def scenario(_changes: Changes, session: ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            await next_event(answer)
        source.document = document(1, nps=2.0)  # what makes the writer notice that its reader has gone
        async with asyncio.timeout(10):
            while True:
                before, source.document = source.looks, document(source.looks % 60, nps=float(source.looks))
                await asyncio.sleep(0.1)
                if source.looks == before:
                    break

    listening(source, scenario)


def test_more_than_can_be_served_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of being left waiting."""
    monkeypatch.setattr(module, "MOST_LISTENERS", 1)

    async def scenario(_changes: Changes, session: ClientSession, url: str) -> None:
        async with session.get(url) as first, session.get(url) as second:
            assert (first.status, second.status) == (200, 503)

    listening(Source(document(0)), scenario)


def test_who_stops_lets_listeners_go() -> None:
    """They connect again, to whoever answers then."""

    async def scenario(changes: Changes, session: ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            await next_event(answer)
            await changes.stop()
            assert await answer.content.read() == b""

    listening(Source(document(0)), scenario)


def test_who_can_t_be_told_any_more_is_told_so():
    """Once, and whoever connects then too; as soon as somebody knows again, everything is told."""
    source = Source(document(1, churn_rate=0.1))

    async def scenario(changes: Changes, session: Any, url: str) -> None:
        async with session.get(url) as answer:
            assert (await next_event(answer))[0] == "snapshot"
            source.document = None
            assert (await next_event(answer))[0] == "lost"
            async with session.get(url) as second:
                assert (await next_event(second))[0] == "lost"
            source.document = document(2, churn_rate=0.2)
            name, told = await next_event(answer)
            assert (name, told["windows"]["30d"]["churn_rate"]) == ("snapshot", 0.2)

    listening(source, scenario)


def test_alerts_and_watermarks_are_told_with_each_change():
    """They have no windows, and stand beside them."""
    source = Source({**document(1, orders=1), "alerts": {}, "watermarks": {"purchase": "1"}})

    async def scenario(changes: Changes, session: Any, url: str) -> None:
        async with session.get(url) as answer:
            await next_event(answer)
            source.document = {**document(2, orders=2), "alerts": {"churn": {}}, "watermarks": {"purchase": "2"}}
            _, told = await next_event(answer)
            assert (told["alerts"], told["watermarks"]) == ({"churn": {}}, {"purchase": "2"})

    listening(source, scenario)
