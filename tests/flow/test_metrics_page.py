"""The page of metrics is sent part by part, as it was when it was asked for, however slowly it is read."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics.exporter import KpiExporter
from streams.web import text_metrics

LINE = b"tapesh_nps_score 25\n"


def page(exporter: KpiExporter) -> web.Application:
    """An application with that page alone."""

    async def metrics(_request: web.Request) -> web.StreamResponse:
        return text_metrics([b"tapesh_persons 3\n", *exporter.parts()])

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


def test_parts_make_one_text_of_known_length() -> None:
    """A scraper sees no seam, nor chunks; empty parts end nothing."""

    async def scene() -> None:
        exporter = KpiExporter()
        exporter.publish([LINE, b"", LINE * 50_000], float("inf"))
        async with TestClient(TestServer(page(exporter))) as client:
            answer = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
            text = await answer.read()
            assert text == b"tapesh_persons 3\n" + LINE * 50_001
            assert answer.headers["Content-Length"] == str(len(text))
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
            assert "Transfer-Encoding" not in answer.headers
            assert (await client.head("/metrics")).status == 200

    asyncio.run(scene())


def test_what_is_published_while_a_scrape_is_read_is_for_the_next_one() -> None:
    """Never half of one round and half of another."""

    async def scene() -> None:
        exporter = KpiExporter()
        exporter.publish([b"a" * 1_000_000 + b"\n"] * 20, float("inf"))
        async with TestClient(TestServer(page(exporter))) as client:
            answer = await client.get("/metrics")
            first = await answer.content.read(1_000)
            exporter.publish([b"b\n"], float("inf"))
            rest = await answer.read()
            assert (first + rest).replace(b"a", b"").replace(b"\n", b"") == b"tpesh_persons 3"
            assert len(first + rest) == len(b"tapesh_persons 3\n") + 20 * 1_000_001
            assert await (await client.get("/metrics")).read() == b"tapesh_persons 3\nb\n"

    asyncio.run(scene())


def test_a_scraper_that_goes_away_in_the_middle_ends_nothing() -> None:
    """The next one gets all of it."""

    async def scene() -> None:
        exporter = KpiExporter()
        exporter.publish([LINE * 100_000] * 10, float("inf"))
        async with TestClient(TestServer(page(exporter))) as client:
            answer = await client.get("/metrics")
            await answer.content.read(1_000)
            answer.close()
            assert len(await (await client.get("/metrics")).read()) == len(LINE) * 1_000_000 + 17

    asyncio.run(scene())
