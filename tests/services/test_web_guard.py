"""Pages are read by who may, in requests of a bounded size, over connections that nobody holds for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from streams.services import free_port
from streams.web_guard import LONGEST_LINE, MOST_HEADERS, Guard

TOKEN = "a-token-of-many-signs"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def pages(guard: Guard) -> AsyncIterator[str]:
    """A server behind the guard, as a worker has it."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 50_000_000)

    async def stuck(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(8):
            await response.write(b"news\n")
            await asyncio.sleep(0.2)
        return response

    application = web.Application(middlewares=[guard.middleware()])
    for path, handler in {
        "/kpis": answer,
        "/health": answer,
        "/ready": answer,
        "/large": large,
        "/stuck": stuck,
        "/changes": stream,
    }.items():
        application.router.add_get(path, handler)
    for method in ("PUT", "DELETE"):
        application.router.add_route(method, "/targets/{kpi}/{window}", answer)
    runner = guard.runner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def status(url: str, method: str = "GET", **options) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as got:
        return got.status, dict(got.headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong-wrong-wrong"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        (RIGHT, 200),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
    ],
)
def test_a_page_wants_the_token(headers, expected):
    """A wrong or missing one is answered with 401 and with what is wanted, before anything is looked up."""

    async def ask() -> None:
        async with pages(Guard(TOKEN)) as url:
            got, told = await status(f"{url}/kpis", headers=headers)
            assert got == expected
            assert (told.get("WWW-Authenticate") == "Bearer") == (expected == 401)
            assert (await status(f"{url}/no-such-page", headers=headers))[0] == (401 if expected == 401 else 404)

    asyncio.run(ask())


def test_probes_need_no_token():
    """They say whether a worker lives; a path that merely looks like theirs is no way in."""

    async def ask() -> None:
        async with pages(Guard(TOKEN)) as url:
            assert [(await status(f"{url}/{page}"))[0] for page in ("health", "ready")] == [200, 200]
            for trick in ("//health", "/health/", "/health;/kpis", "/kpis?/health"):
                assert (await status(f"{url}{trick}"))[0] == 401, trick

    asyncio.run(ask())


def test_without_a_token_nobody_is_asked():
    """As on the loopback address by default."""

    async def ask() -> None:
        async with pages(Guard()) as url:
            assert (await status(f"{url}/kpis"))[0] == 200

    asyncio.run(ask())


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_targets_are_changed_by_who_shows_the_token_and_by_nobody_where_there_is_none(method):
    """Whoever reaches the port may read the pages without one; nothing may be changed like that."""

    async def ask() -> None:
        page = "/targets/revenue/month"
        async with pages(Guard()) as url:
            assert (await status(f"{url}{page}", method))[0] == 403
        async with pages(Guard(TOKEN)) as url:
            assert (await status(f"{url}{page}", method))[0] == 401
            assert (await status(f"{url}{page}", method, headers=RIGHT))[0] == 200
            refused, headers = await status(f"{url}{page}", "POST", headers=RIGHT)
            assert (refused, headers["Allow"]) == (405, "DELETE, PUT")
            assert (await status(f"{url}/kpis", method, headers=RIGHT))[0] == 405

    asyncio.run(ask())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_pages_can_be_read_and_nothing_else(method):
    """With or without a body."""

    async def ask() -> None:
        async with pages(Guard()) as url:
            assert (await status(f"{url}/kpis", method, data=b"x" * 5_000))[0] == 405

    asyncio.run(ask())


def test_requests_of_any_size_are_not_read():
    """Neither the address nor a header nor their number grows without bound."""

    async def ask() -> None:
        async with pages(Guard()) as url:
            assert (await status(f"{url}/kpis?{'x' * LONGEST_LINE}"))[0] == 400
            assert (await status(f"{url}/kpis", headers={"X-Long": "x" * (LONGEST_LINE + 1)}))[0] == 400
            many = {f"X-{number}": "x" for number in range(MOST_HEADERS + 1)}
            assert (await status(f"{url}/kpis", headers=many))[0] == 400

    asyncio.run(ask())


def test_a_page_that_does_not_answer_is_given_up():
    """With a reason, and the connection is free again."""

    async def ask() -> None:
        async with pages(Guard(handler_s=0.2)) as url:
            assert (await status(f"{url}/stuck"))[0] == 503

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("sent", "every_s"),
    [
        (b"", 0.0),
        (b"GET /kpis HTTP/1.1\r\nX-Slow: ", 0.05),
        (b"GET /kpis HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 0.05),
        (b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 0.0),
    ],
    ids=["says nothing", "a byte at a time", "a body that never ends", "never reads the answer"],
)
def test_nobody_holds_a_connection_for_ever(sent, every_s):
    """However a client drags its feet, it is cut off; others are answered meanwhile and afterwards."""

    async def ask() -> None:
        async with pages(Guard(connection_s=1.0)) as url:
            slow = asyncio.create_task(held_for(url, sent, every_s))
            assert (await status(f"{url}/kpis"))[0] == 200
            assert 0.3 < await slow < 6
            assert (await status(f"{url}/kpis"))[0] == 200

    asyncio.run(ask())


async def held_for(url: str, sent: bytes, every_s: float) -> float:
    """Hold a connection by such means, and say for how long that worked."""
    host, _, port = url.removeprefix("http://").partition(":")
    loop, lost = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    class Client(asyncio.Protocol):
        def connection_made(self, transport):
            transport.pause_reading() if b"/large" in sent else None
            transport.write(sent)

        def connection_lost(self, exc):
            lost.done() or lost.set_result(None)

    began = time.monotonic()
    transport, _ = await loop.create_connection(Client, host, int(port))
    while not lost.done() and time.monotonic() - began < 10:
        await asyncio.sleep(every_s or 0.05)
        transport.write(b"X" if every_s else b" " if transport.is_reading() is False else b"")
    transport.abort()
    return time.monotonic() - began


def test_a_stream_goes_on():
    """News come for as long as somebody listens; the page itself sees to it that he does."""

    async def ask() -> None:
        async with (
            pages(Guard(connection_s=0.4, handler_s=0.3)) as url,
            aiohttp.ClientSession() as session,
            session.get(f"{url}/changes") as got,
        ):
            assert await got.read() == b"news\n" * 8

    asyncio.run(ask())


def test_of_too_many_connections_the_most_silent_are_cut():
    """A thousand that say nothing leave room for one that asks."""

    async def ask() -> None:
        async with pages(Guard(connection_s=8.0, most_connections=10)) as url:
            host, _, port = url.removeprefix("http://").partition(":")
            idle = [await asyncio.open_connection(host, int(port)) for _ in range(60)]
            deadline = time.monotonic() + 8
            while sum(reader.at_eof() or reader.exception() is not None for reader, _ in idle) < 45:
                assert time.monotonic() < deadline, "still held"
                await asyncio.sleep(0.05)
            assert (await status(f"{url}/kpis"))[0] == 200
            for _, writer in idle:
                writer.transport.abort()

    asyncio.run(ask())
