"""Changes as they come, to every browser that looks on: server-sent events from one look a second.

Any worker streams, whoever owns the KPIs: it looks at the document once a second however many look on, and tells each
of them what has changed. Who connects is told everything first, so a connection that was cut has missed nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from metrics.serving import Flat, changes, flattened

LOOK_S = 1.0
QUIET_S = 15.0
"""Without news for so long a comment is sent: proxies cut what is silent."""
MOST_LISTENERS = 100
MOST_WAITING = 20
"""News that may wait for a listener; one who takes them slower is let go, and connects again."""
_BESIDE = ("alerts", "watermarks")
"""What is told whole with each change: it is small, and has no windows."""

_log = logging.getLogger(__name__)
Look = Callable[[], Awaitable[dict[str, Any] | None]]


class Changes:
    """Tells listeners what changes in a document.

    Args:
        look: returns the KPI document as of now, None if nobody knows it.
        look_s: seconds between two looks.
    """

    def __init__(self, look: Look, look_s: float = LOOK_S) -> None:
        self._look = look
        self._look_s = look_s
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._document: dict[str, Any] | None = {}
        self._flat: Flat = {}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer with events until the listener goes: `snapshot` first, then a `change` whenever there is one.

        `lost`: nobody answers for the KPIs any more, so what was told isn't known; a `snapshot` follows once one does.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            return web.json_response({"error": "too many listen; ask /kpis instead"}, status=503)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        queue.put_nowait(b"retry: 1000\n\n")
        if self._document:
            queue.put_nowait(event("snapshot", self._document))
        elif self._document is None:
            queue.put_nowait(_LOST)
        self._listeners.add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="tapesh-changes")
        try:
            while (news := await _next(queue)) is not None:
                await asyncio.wait_for(response.write(news), QUIET_S)
        except (ConnectionError, TimeoutError):
            pass  # gone, or reading nothing any more, which is how it ends
        finally:
            self._listeners.discard(queue)
        return response

    async def stop(self) -> None:
        """Let all listeners go; they connect again, to whoever answers then."""
        if self._task is not None:
            self._task.cancel()
        self._let_all_go()

    async def _watch(self) -> None:
        """Look while anybody listens."""
        try:
            while self._listeners:
                document = await self._look()
                if document is not None:
                    self._tell(document)
                elif self._document is not None:
                    self._document = None
                    self._send(_LOST)
                await asyncio.sleep(self._look_s)
        except Exception:  # noqa: BLE001 - they connect again, and it is tried again
            _log.warning("changes can't be told", exc_info=True)
            self._let_all_go()
        finally:
            self._task, self._document, self._flat = None, {}, {}

    def _tell(self, document: dict[str, Any]) -> None:
        flat = flattened(document["windows"])
        if not self._document:
            news = event("snapshot", document)
        elif flat == self._flat and document["unknown"] == self._document["unknown"]:
            news = None
        else:
            told = {"now": document["now"], "changed": changes(self._flat, flat), "unknown": document["unknown"]}
            told |= {name: document[name] for name in _BESIDE if name in document}
            news = event("change", told)
        self._document, self._flat = document, flat
        if news is not None:
            self._send(news)

    def _send(self, news: bytes) -> None:
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
                self._let_go(queue)
            else:
                queue.put_nowait(news)

    def _let_all_go(self) -> None:
        for queue in self._listeners:
            self._let_go(queue)
        self._listeners.clear()

    @staticmethod
    def _let_go(queue: asyncio.Queue[bytes | None]) -> None:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def event(name: str, data: object) -> bytes:
    """Return a server-sent event; JSON has no line breaks that would end it early."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


_LOST = event("lost", {"error": "no worker answers for the KPIs"})


async def _next(queue: asyncio.Queue[bytes | None]) -> bytes | None:
    try:
        return await asyncio.wait_for(queue.get(), QUIET_S)
    except TimeoutError:
        return b": still here\n\n"
