"""Who may ask a worker, how much, and for how long.

Figures of a business aren't for everybody who reaches a port: with a token set, every page but those that probes ask
wants it. And a worker's pages share its event loop with the engine: a client that sends its request a byte at a time,
or reads the answer never, must not hold a connection for ever, nor a thousand of them.

aiohttp bounds the sizes of what it reads and the time between two requests, but not the time that a request's head may
take, nor that of an answer which nobody reads; hence the watch over connections.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from streams.board import is_of_the_board
from streams.ingestion.pages import is_posted_to

if TYPE_CHECKING:
    from streams.settings import Settings

_log = logging.getLogger(__name__)
OPEN_PAGES = frozenset({"/health", "/ready"})
"""Pages that need no token: a probe says whether a worker lives, and no more."""
ENDLESS = frozenset({"/changes"})
"""Pages that stream; who reads them too slowly is let go by the page itself."""
STREAMS = frozenset({"/changes"})
"""Pages whose answer goes on. They bound it themselves: how many listen, and how long one may take to read."""
READING = frozenset({"GET", "HEAD"})
WRITING = frozenset({"PUT", "DELETE"})
WRITTEN_TO = "/targets/"
"""Pages under this path take what is put there, from who shows the token; where none is set, from nobody."""
_NO_TOKEN = "nobody may change anything here while web.token is not set: set it (TAPESH_WEB__TOKEN), and show it"  # noqa: S105 - no secret, a way out
LONGEST_LINE = 4 * 1024
"""Bytes of a request's first line, and of each header."""
MOST_HEADERS = 64
LARGEST_BODY = 1024
"""Bytes; no page reads one."""
HANDLER_S = 10.0
"""Longer than any page takes, the forwarding of /kpis included."""
CONNECTION_S = 30.0
"""Without a new request for so long, whatever else it does, a connection is cut."""
MOST_CONNECTIONS = 200
_WATCH_S = _LINGER_S = 1.0
OURS_ALONE = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses that nobody else reaches."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Stands before the pages of one worker.

    Args:
        token: what to ask for; "" for nothing.
        posted_to: tells of a path whether it takes what is posted, and asks for credentials of its own.
        without_figures: tells of a path whether anybody may load it: a page that holds none.
        endless: paths whose answer goes on for as long as anybody listens.
        connection_s, most_connections, handler_s: as the constants, which are the defaults.
    """

    def __init__(
        self,
        token: str = "",
        *,
        posted_to: Callable[[str], bool] = lambda _path: False,
        without_figures: Callable[[str], bool] = lambda _path: False,
        endless: frozenset[str] = frozenset(),
        connection_s: float = CONNECTION_S,
        most_connections: int = MOST_CONNECTIONS,
        handler_s: float = HANDLER_S,
    ) -> None:
        self._token = token.encode()
        self._posted_to = posted_to
        self._without_figures = without_figures
        self._endless = endless
        self._connection_s = connection_s
        self._most_connections = most_connections
        self._handler_s = handler_s
        self._seen: dict[RequestHandler, float] = {}
        self._listening: set[RequestHandler] = set()
        self._server: Any = None

    def middleware(self) -> Any:
        """What each request passes through."""

        @web.middleware
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            self._seen[request.protocol] = time.monotonic()
            if (refusal := self._refusal(request)) is not None:
                return refusal
            if request.path in self._endless:
                return await self._listened(request, handler)
            if request.path in STREAMS:
                return await self._stream(request, handler)
            try:
                async with asyncio.timeout(self._handler_s):
                    return await handler(request)
            except TimeoutError:
                return _refused(503, f"no answer within {self._handler_s:g} s")

        return guard

    def _refusal(self, request: web.Request) -> web.Response | None:
        posts = request.method == "POST" and self._posted_to(request.path)
        writes = request.method in WRITING and request.path.startswith(WRITTEN_TO)
        if request.method not in READING and not posts and not writes:
            return _refused(405, "pages can be read, and nothing else", {"Allow": ", ".join(_allowed(request))})
        if writes and not self._token:
            return _refused(403, _NO_TOKEN)
        if not posts and not self._may_ask(request):
            return _refused(401, "a token is needed: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})
        return None

    async def _listened(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer for as long as somebody listens: such a connection is silent by its nature, and isn't cut for it."""
        self._listening.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._listening.discard(request.protocol)

    def runner(self, application: web.Application) -> web.AppRunner:
        """What serves an application: sizes of requests bounded, connections watched."""
        application.cleanup_ctx.append(self._watching)
        runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=self._connection_s,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
            lingering_time=_LINGER_S,
        )
        self._server = lambda: runner.server
        return runner

    def _may_ask(self, request: web.Request) -> bool:
        if not self._token or request.path in OPEN_PAGES or self._without_figures(request.path):
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self._token)
        return is_right and scheme.lower() == "bearer"

    async def _stream(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        self._seen[request.protocol] = math.inf
        try:
            return await handler(request)
        finally:
            self._seen[request.protocol] = time.monotonic()

    async def _watching(self, _application: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch(), name="tapesh-web-guard")
        yield
        task.cancel()

    async def _watch(self) -> None:
        pause_s = min(_WATCH_S, self._connection_s / 4)
        while True:
            await asyncio.sleep(pause_s)
            self._cut(time.monotonic())

    def _cut(self, now_s: float) -> None:
        """Cut connections that are overdue, and of too many those that have been silent for longest."""
        server = self._server() if self._server is not None else None
        connections: list[RequestHandler] = server.connections if server is not None else []
        self._seen = {connection: self._seen.get(connection, now_s) for connection in connections}
        silent = sorted(connections, key=self._seen.__getitem__)
        too_many = len(silent) - self._most_connections
        for number, connection in enumerate(silent):
            overdue = now_s - self._seen[connection] > self._connection_s and connection not in self._listening
            if (overdue or number < too_many) and connection.transport is not None:
                connection.transport.abort()  # close() would wait for the reader


def guard_pages(app: Any, settings: Settings) -> None:
    """Put a Faust app's pages behind a guard; before the app starts."""
    if not settings.web.bearer and settings.web.host not in OURS_ALONE:
        _log.warning("whoever reaches %s may read the pages: no web.token is set", settings.web.host)
    guard = Guard(settings.web.bearer, posted_to=is_posted_to, without_figures=is_of_the_board, endless=ENDLESS)
    server = app.web
    server.web_app.middlewares.append(guard.middleware())
    server._runner = guard.runner(server.web_app)  # noqa: SLF001 - Faust makes one without a way to give it options


def authorization(settings: Settings) -> dict[str, str]:
    """Headers with which to ask another worker of the same settings."""
    return {"Authorization": f"Bearer {settings.web.bearer}"} if settings.web.bearer else {}


def _allowed(request: web.Request) -> list[str]:
    return sorted(WRITING if request.path.startswith(WRITTEN_TO) else READING)


def _refused(status: int, why: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)
