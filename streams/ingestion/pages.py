"""`POST /events` and `POST /webhooks/NAME`, on every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web
from redis.asyncio import Redis

from events.identity import partition_of
from streams.engine import source_topics
from streams.ingestion.gateway import Gateway, Reply
from streams.ingestion.memory import Memory

if TYPE_CHECKING:
    from streams.settings import Settings

EVENTS = "/events"
WEBHOOKS = "/webhooks/"


def is_posted_to(path: str) -> bool:
    """Tell whether a path takes what is posted; it asks for credentials of its own."""
    return path == EVENTS or path.startswith(WEBHOOKS)


def add_ingestion(app: Any, settings: Settings) -> Gateway | None:
    """Add the two pages to a Faust app before it starts; without a source or a webhook there are none."""
    ingest = settings.ingest
    if not ingest.sources and not ingest.webhooks:
        return None
    memory = Memory(_redis(settings), settings.redis.prefix) if ingest.webhooks and settings.redis.enabled else None
    keyed = source_topics(settings)

    async def publish(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> object:
        partition = partition_of(key.decode(), settings.kafka.partitions) if topic in keyed else None
        sent = await app.producer.send(topic, key, value, partition, None, headers)
        return await sent

    gateway = Gateway(settings, publish, memory)

    async def post_events(request: web.Request) -> web.Response:
        body = await _body(request, ingest.largest_body)
        if body is None:
            return _too_large(ingest.largest_body)
        return _answer(await gateway.post_events(_headers(request), body))

    async def deliver(request: web.Request) -> web.Response:
        body = await _body(request, ingest.largest_body)
        if body is None:
            return _too_large(ingest.largest_body)
        return _answer(await gateway.deliver(request.match_info["name"], _headers(request), body))

    app.web.web_app.router.add_post(EVENTS, post_events)
    app.web.web_app.router.add_post(f"{WEBHOOKS}{{name}}", deliver)
    return gateway


def _redis(settings: Settings) -> Redis:
    options: dict[str, Any] = {"ssl_ca_certs": str(settings.redis.ca_file)} if settings.redis.ca_file else {}
    return Redis.from_url(settings.redis.url.get_secret_value(), socket_timeout=3.0, **options)


async def _body(request: web.Request, most: int) -> bytes | None:
    """Read a body, no further than its bound; None if it goes on."""
    if request.content_length is not None and request.content_length > most:
        return None
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _answer(reply: Reply) -> web.Response:
    return web.json_response(reply.document, status=reply.status, headers=reply.headers)


def _too_large(most: int) -> web.Response:
    return web.json_response({"error": f"expected a body of at most {most} bytes"}, status=413)
