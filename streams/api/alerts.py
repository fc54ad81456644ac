"""The page of alerts: what is watched, what fires, and on which evidence; for who has no Alertmanager at hand."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from streams.forwarding import ask_owner
from streams.web import live_document

if TYPE_CHECKING:
    from streams.app import Worker

PATH = "/alerts"
_NOBODY = "no worker answers for the KPIs yet; try again in a moment"


def add_alerts(worker: Worker) -> None:
    """Add the page to a worker's Faust app, before it starts."""

    async def alerts(request: web.Request) -> web.Response:
        document = live_document(worker)
        if document is not None:
            return _json(told(document))
        answer = await ask_owner(worker, request.path_qs, request.headers)
        if answer is None:
            return _json({"error": _NOBODY}, HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=answer[0], body=answer[1], content_type="application/json")

    worker.app.web.web_app.router.add_get(PATH, alerts)


def told(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page answers.

    Args:
        document: of the KPIs, as `/kpis` has it.
    """
    watches: Mapping[str, Any] = document.get("alerts", {})
    firing = [
        {"alert": watch, "kpi": said["kpi"], "window": window, **evidence}
        for watch, said in watches.items()
        for window, evidence in said.get("windows", {}).items()
        if evidence["firing"]
    ]
    pages_first = sorted(firing, key=lambda one: (one["severity"] != "page", one["since"] or ""))
    return {"now": document["now"], "firing": pages_first, "watched": watches, "unknown": document["unknown"]}


def _json(document: object, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")
