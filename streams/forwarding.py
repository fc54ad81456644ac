"""Asks the worker that owns the KPIs, for a page that another one was asked for.

A request is passed on once: if two workers each take the other for the owner, in the moment of a takeover, they say
that nobody answers instead of asking each other for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from streams.web_guard import authorization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.app import Worker

FORWARDED = "X-Tapesh-Forwarded"
TIMEOUT_S = 3.0


async def ask_owner(
    worker: Worker,
    path: str,
    asked_with: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
) -> tuple[int, bytes] | None:
    """Return the status and the body of the owner's page; None if nobody answers.

    Args:
        worker: whom we were asked on.
        path: with its query.
        asked_with: the headers of the request, if it was one.
        method: of the request.
        body: of the request.
    """
    owner_url = worker.standing.successor_url or worker.owner_url
    if not owner_url or (asked_with is not None and FORWARDED in asked_with):
        return None
    headers = {FORWARDED: "1", **authorization(worker.settings)}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, owner_url + path, data=body or None, headers=headers, allow_redirects=False) as got,
        ):
            return got.status, await got.read()
    except (aiohttp.ClientError, TimeoutError):
        return None
