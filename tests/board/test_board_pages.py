"""The board's pages: what is sent, how long it may be kept, and what a browser is allowed to do with it."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from streams.board import is_of_the_board
from streams.board.assets import LIBRARY, load_assets
from streams.board.pages import Board
from streams.web_guard import Guard

STATIC = Path(__file__).resolve().parents[2] / "streams/board/static"


@pytest.fixture(scope="module")
def assets():
    return load_assets()


def served(ask: Callable[[ClientSession, str], Awaitable[None]], token: str = "") -> None:
    """Run `ask` against a board behind a guard."""

    async def run() -> None:
        guard = Guard(token, without_figures=is_of_the_board)
        application = web.Application(middlewares=[guard.middleware()])
        Board().add_to(application)
        async with TestServer(application) as server, ClientSession(auto_decompress=False) as session:
            await ask(session, str(server.make_url("/")))

    asyncio.run(run())


def test_the_page_allows_scripts_and_styles_of_our_own_alone():
    """No inline script, no other host; and nothing of it is kept without asking."""

    async def ask(session, url) -> None:
        async with session.get(f"{url}board") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "no-cache"
            page = await answer.text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", page)

    served(ask)


def test_what_the_page_loads_is_packed_and_kept_for_ever(assets):
    """Under the digest of everything; a client that can't unpack gets it unpacked."""

    async def ask(session, url) -> None:
        address = f"{url}board/{assets.digest}/{LIBRARY}"
        async with session.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
            packed = await answer.read()
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Encoding"] == "gzip"
        async with session.get(address, headers={"Accept-Encoding": "identity"}) as answer:
            assert await answer.read() == gzip.decompress(packed)
        assert len(packed) < 1_600_000

    served(ask)


def test_another_release_s_address_is_answered_and_not_kept():
    """Behind one name there may be workers of two releases, while one of them is rolled out."""

    async def ask(session, url) -> None:
        async with session.get(f"{url}board/0123456789abcdef/main.js") as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"

    served(ask)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpages.py", "%2Fetc%2Fpasswd", "board.html"])
def test_there_is_nothing_else(name):
    """What isn't one of the board's files isn't there, wherever it lies."""

    async def ask(session, url) -> None:
        async with session.get(f"{url}board/x/{name}") as answer:
            assert answer.status == 404

    served(ask)


def test_the_page_needs_no_token_and_figures_do():
    """It holds none; a path that merely begins like it is no way in."""

    async def ask(session, url) -> None:
        for path, status in {
            "board": 200,
            "board/x/main.js": 200,
            "boards": 401,
            "kpis": 401,
            "board-kpis": 401,
        }.items():
            async with session.get(f"{url}{path}") as answer:
                assert answer.status == status, path

    served(ask, token="secret")


def test_modules_import_what_is_there(assets):
    """Each by a relative path, so that all come from one release."""
    for module in STATIC.glob("*.js"):
        for imported in re.findall(r'from "([^"]+)"', module.read_text()):
            assert imported.startswith("./")
            assert imported.removeprefix("./") in assets.files


def test_every_text_is_in_both_languages():
    """A word that a module asks for is in the dictionary, and each entry has two texts with the same gaps."""
    dictionary = (STATIC / "words.js").read_text()
    entries = dict(re.findall(r'^  "?([\w:-]+)"?: \[(".*)\],$', dictionary, re.MULTILINE))
    for name, texts in entries.items():
        english, persian = re.fullmatch(r'"(.*)", "(.*)"', texts).groups()
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", persian)), name
        assert name == "language" or (
            english != persian and not re.search(r"[a-z]{4}", re.sub(r"web\.token|\{\d\}", "", persian))
        ), name
    asked = {name for module in STATIC.glob("*.js") for name in re.findall(r'\bword\("(\w+)"', module.read_text())}
    assert asked <= set(entries)
