"""The pages: one KPI in full, the catalogue, a stream of changes, and the description of them all."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from metrics.catalogue import BREAKDOWNS, BY_ID, CATALOGUE, THEMES
from metrics.described import bands_described, breakdown_described, described
from streams.api.alerts import add_alerts
from streams.api.changes import Changes
from streams.api.customers import add_customers
from streams.api.openapi import openapi
from streams.api.targets import add_targets, goals_of
from streams.forwarding import ask_owner
from streams.web import document_of, live_document

if TYPE_CHECKING:
    from streams.app import Worker

LANGUAGES = ("en", "fa")
_NOBODY = "no worker answers for the KPIs yet; try again in a moment"


def add_api(worker: Worker) -> Changes:
    """Add the pages to a worker's Faust app, before it starts."""
    settings = worker.settings
    router = worker.app.web.web_app.router

    async def look() -> dict[str, Any] | None:
        return await document_of(worker)

    listeners = Changes(look)

    async def one_kpi(request: web.Request) -> web.StreamResponse:
        kpi = request.match_info["id"]
        if kpi not in BY_ID:
            near = get_close_matches(kpi, BY_ID, n=1, cutoff=0.5)
            return _error(404, f"kpi {kpi!r} is not declared" + (f"; did you mean {near[0]!r}?" if near else ""))
        lang = request.query.get("lang", "en")
        if lang not in LANGUAGES:
            return _error(400, f"lang: got {lang!r}, expected one of {', '.join(LANGUAGES)}")
        document = live_document(worker)
        if document is not None:
            return _json(_in_full(worker, kpi, lang, document, request.query.get("window")))
        answer = await ask_owner(worker, request.path_qs, request.headers)
        if answer is None:
            return _error(503, _NOBODY)
        return web.Response(status=answer[0], body=answer[1], content_type="application/json")

    async def catalogue(request: web.Request) -> web.StreamResponse:
        lang = request.query.get("lang", "en")
        if lang not in LANGUAGES:
            return _error(400, f"lang: got {lang!r}, expected one of {', '.join(LANGUAGES)}")
        themes = [{"title": getattr(theme, lang), "kpis": [kpi.id for kpi in kpis]} for theme, kpis in THEMES]
        targets = await goals_of(worker)
        kpis = [{**described(kpi, lang, settings.currency), "targets": targets.get(kpi.id, {})} for kpi in CATALOGUE]
        breakdowns = [breakdown_described(one, lang) for one in BREAKDOWNS]
        beside = {"breakdowns": breakdowns, "bands": bands_described(lang), "currency": settings.currency}
        return _json({"themes": themes, "kpis": kpis, **beside})

    async def description(_request: web.Request) -> web.StreamResponse:
        return _json(openapi(worker.url, takes_events=worker.gateway is not None))

    router.add_get("/kpis/{id}", one_kpi)
    router.add_get("/catalogue", catalogue)
    add_alerts(worker)
    add_targets(worker)
    add_customers(worker)
    router.add_get("/changes", listeners.stream)
    router.add_get("/openapi.json", description)
    return listeners


def _in_full(
    worker: Worker, kpi: str, lang: str, document: dict[str, Any], window: str | None = None
) -> dict[str, Any]:
    """Return what is known of one KPI: its definition, its values in every window and slice, and how they came.

    With a window the history is of that one alone: all of them are half a megabyte.
    """
    windows = {name: values[kpi] for name, values in document["windows"].items() if kpi in values}
    slices = {
        attribute: {
            value: {name: of[kpi] for name, of in by_window.items() if kpi in of} for value, by_window in values.items()
        }
        for attribute, values in document["slices"].items()
    }
    history = {name: worker.history.of(f"{name}:{kpi}") for name in windows if window in (None, name)}
    return {
        **described(BY_ID[kpi], lang, worker.settings.currency),
        "now": document["now"],
        "unknown": document["unknown"].get(kpi),
        "windows": windows,
        "slices": slices,
        "history": {name: values for name, values in history.items() if values},
    }


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")


def _error(status: int, error: str) -> web.Response:
    return _json({"error": error}, status)
