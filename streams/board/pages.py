"""`GET /board` and what it loads, on every worker.

Scripts and styles come from us alone, and nothing is written into the page: whatever an event's text says, a browser
that keeps to the policy runs none of it.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

from aiohttp import web

from streams.board.assets import Assets, load_assets

BOARD = "/board"
_ALLOWED = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
POLICY = "; ".join(f"{what} {where}" for what, where in _ALLOWED.items())
_FOR_EVER = "public, max-age=31536000, immutable"
_PROTECTION = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def is_of_the_board(path: str) -> bool:
    """Tell whether a path is the page or part of it: without figures, so without a token."""
    return path == BOARD or path.startswith(f"{BOARD}/")


def add_board(app: Any) -> None:
    """Add the board to a Faust app, before it starts."""
    Board().add_to(app.web.web_app)


class Board:
    """Serves the page; reads and packs its files when the first browser asks."""

    def __init__(self) -> None:
        self._loading: asyncio.Task[Assets] | None = None

    def add_to(self, application: web.Application) -> None:
        """Add the pages to a web application."""
        application.router.add_get(BOARD, self._page)
        application.router.add_get(f"{BOARD}/{{digest}}/{{name}}", self._file)

    async def _assets(self) -> Assets:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(load_assets), name="tapesh-board")
        return await asyncio.shield(self._loading)

    async def _page(self, _request: web.Request) -> web.Response:
        assets = await self._assets()
        headers = {**_PROTECTION, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return web.Response(body=assets.page, content_type="text/html", charset="utf-8", headers=headers)

    async def _file(self, request: web.Request) -> web.Response:
        assets = await self._assets()
        file = assets.files.get(request.match_info["name"])
        if file is None:
            return web.json_response({"error": f"the board has no {request.match_info['name']!r}"}, status=404)
        is_this_release = request.match_info["digest"] == assets.digest
        headers = {**_PROTECTION, "Cache-Control": _FOR_EVER if is_this_release else "no-store"}
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = file.packed
        else:
            body = await asyncio.to_thread(gzip.decompress, file.packed)
        return web.Response(body=body, content_type=file.content_type, charset="utf-8", headers=headers)
