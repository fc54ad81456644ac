"""The HTTP interface of a worker, on Faust's own web server: /kpis, /metrics, /health, /ready.

Every worker answers every page. Only one knows the KPIs, so the others ask it, by the address that its ticks
carry: whoever asks needn't know who owns what. A worker that can't say says so with 503 and a reason.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from metrics.evaluate import rfc3339
from metrics.withheld import withheld
from streams.engine_metrics import exposition
from streams.forwarding import ask_owner
from streams.rounds import MISSED_TICKS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from streams.app import Worker
    from streams.settings import Settings

TEXT_METRICS = "text/plain; version=0.0.4"


def add_pages(worker: Worker) -> None:
    """Add a worker's pages to its Faust app."""
    app = worker.app

    @app.page("/kpis", name="kpis")
    async def kpis(web: Any, request: Any) -> Any:
        document = await document_of(
            worker, [name for name in ("covers", "sources") if name in request.query], request.headers
        )
        if document is None:
            return _json(web, {"error": "no worker answers for the KPIs yet; try again in a moment"}, status=503)
        return _json(web, document)

    @app.page("/metrics", name="metrics")
    async def metrics(_web: Any, _request: Any) -> Any:
        return text_metrics([exposition(worker), *worker.exporter.parts()])

    @app.page("/health", name="health")
    async def health(web: Any, _request: Any) -> Any:
        report = health_report(worker)
        return _json(web, report, status=200 if report["healthy"] else 503)

    @app.page("/ready", name="ready")
    async def ready(web: Any, _request: Any) -> Any:
        reasons = not_ready(worker)
        told = {"ready": not reasons, "reasons": [*reasons, *unknown_in_part(worker)]}
        return _json(web, told, status=503 if reasons else 200)


def live_document(worker: Worker, *, covers: bool = False, sources: bool = False) -> dict[str, Any] | None:
    """Return the KPI document as of now, with what is unknown; None if this worker doesn't own the KPIs.

    What is unknown has no value: null in the place of each of its figures.
    """
    rounds = worker.rounds
    if rounds is None or not worker.owns_kpis or worker.standing.is_succeeded:
        return None
    unknown = rounds.unknown(time.monotonic())
    if rounds.snapshot is None:
        nothing = {"now": None, "windows": {}, "slices": {}, "unknown": unknown, "watermarks": {}}
        return {**nothing, "cohorts": None, "tenure": None}
    document = withheld(rounds.snapshot.document, unknown)
    document["watermarks"] = {kind: rfc3339(ms) for kind, ms in rounds.snapshot.watermarks.items()}
    if sources:
        document["sources"] = rounds.health.sources()
    document["alerts"] = rounds.alerts.document(unknown)
    if covers:
        document["covers"], document["slices_covers"] = rounds.snapshot.covers, rounds.slices_covers
    return document


def health_report(worker: Worker) -> dict[str, Any]:
    """Say how this worker is: healthy as long as its partitions are brought to ticks."""
    engine = worker.engine
    partitions = {
        str(number): {
            "positions": dict(owned.positions),
            "epoch": str(owned.checkpointer.epoch),
            "persons": len(owned.state.fold.persons),
            "waiting": len(owned.state.waiting),
        }
        for number, owned in sorted(engine.owned.items())
    }
    silent_s = time.monotonic() - engine.last_tick_s if engine.last_tick_s else None
    return {
        "healthy": not engine.owned or silent_s is None or silent_s < silence_limit_s(worker.settings),
        "owns_kpis": worker.owns_kpis,
        "engine": worker.settings.app_id,
        "serves": worker.standing.speaks,
        "partitions": partitions,
        "failed": {str(number): why for number, why in sorted(engine.failed.items())},
        "seconds_since_tick": silent_s,
    }


def silence_limit_s(settings: Settings) -> float:
    """Return how long a worker may be without ticks and healthy: until another one has taken over sending them.

    A shorter limit would have the workers that are left restarted because one of them died.
    """
    kafka = settings.kafka
    takeover_s = kafka.session_timeout.seconds + kafka.rebalance_timeout.seconds
    return takeover_s + (MISSED_TICKS + 1) * settings.tick_interval.seconds


def not_ready(worker: Worker) -> list[str]:
    """Return why this worker shouldn't be asked yet; empty once it may be."""
    reasons = []
    if not worker.engine.owned and not worker.owns_kpis:
        reasons.append("no partition is assigned to this worker")
    reasons += [f"partition {number}: {why}" for number, why in sorted(worker.engine.failed.items())]
    if worker.rounds is not None:
        obstacle = worker.rounds.obstacle(time.monotonic())
        reasons += [obstacle.text] if obstacle else []
    elif not worker.owner_url:
        reasons.append("no tick has come yet")
    return list(dict.fromkeys(reasons))


def unknown_in_part(worker: Worker) -> list[str]:
    """Return why some KPIs can't be known while others can: no reason not to ask for those."""
    rounds = worker.rounds
    if rounds is None or rounds.obstacle(time.monotonic()):
        return []
    return sorted({reason.text for reason in rounds.health.unknown.values()})


async def document_of(
    worker: Worker, asked: Collection[str] = (), asked_with: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Return the KPI document, from here or from the worker that owns it; None if nobody answers.

    Args:
        worker: whom we were asked on.
        asked: what is wanted beside it: `covers`, `sources`.
        asked_with: the headers of the request, if it was one.
    """
    document = live_document(worker, **dict.fromkeys(asked, True))
    if document is not None:
        return document
    answer = await ask_owner(worker, f"/kpis?{'&'.join(asked)}", asked_with)
    return dict(msgspec.json.decode(answer[1])) if answer is not None and answer[0] == HTTPStatus.OK else None


def text_metrics(parts: Sequence[bytes]) -> web.Response:
    """Return a text in parts, as they are: joined, many megabytes would be copied at each scrape, at one go.

    It isn't compressed either, though Prometheus would take it: see docs/decisions/rounds-in-steps.md.
    """

    async def one_by_one() -> AsyncIterator[bytes]:
        for part in parts:
            if part:
                yield part

    headers = {"Content-Type": TEXT_METRICS, "Content-Length": str(sum(map(len, parts)))}
    return web.Response(body=one_by_one(), headers=headers)


def _json(web: Any, document: Any, *, status: int = 200) -> Any:
    return web.bytes(msgspec.json.encode(document), content_type="application/json", status=status)
