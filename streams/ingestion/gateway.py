"""Takes requests in: who is it, how much, is each row an event, has Kafka got it, and what to answer.

Knows no web server: a request is headers and a body, an answer is a status and a document, so that every way through
it can be tested without a socket.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from events import wire
from events.identity import partition_key
from events.names import (
    BUSINESS_EVENTS,
    DEAD_LETTERS,
    HEADER_ERROR,
    HEADER_ERROR_FIELD,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_REJECTED_AT,
    HEADER_TOPIC,
    INVALID_FIELD,
    MISSING_FIELD,
    topic_of,
)
from events.rejection import Rejected
from events.webhooks import WEBHOOKS, BadDelivery, BadSignature, verify_timed
from streams.acceptance import Acceptance
from streams.ingestion.bodies import BadBody, rows_of
from streams.ingestion.limits import Bucket
from streams.ingestion.memory import Memory
from streams.settings import Settings
from streams.settings.ingest import IngestWebhook
from streams.settings.schema import Ingest

Publish = Callable[[str, bytes, bytes, list[tuple[str, bytes]]], Awaitable[object]]
"""(topic, key, value, headers) -> done once the broker has acknowledged."""

ACKNOWLEDGED_WITHIN_S = 8.0
"""Shorter than the time that a page may take, so that it can still say what is missing."""
_STEP = 250
"""Rows that are judged, or handed to Kafka, before others get their turn: some 10 ms."""
TIMED_HEADER = "X-Tapesh-Signature"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer.

    Attributes:
        status: HTTP's.
        document: for JSON.
        headers: beside the usual ones.
    """

    status: int
    document: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What came over HTTP since the start, for the metrics."""

    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    refused_requests: int = 0


class Gateway:
    """The door for HTTP.

    Args:
        settings: of the deployment.
        publish: hands a message to Kafka.
        memory: for webhooks; None without Redis.
        now_s: the wall clock.
    """

    def __init__(
        self, settings: Settings, publish: Publish, memory: Memory | None, now_s: Callable[[], float] = time.time
    ) -> None:
        self.tally = Tally()
        self._settings = settings
        self._ingest: Ingest = settings.ingest
        self._publish = publish
        self._memory = memory
        self._now_s = now_s
        self._buckets = {name: Bucket(source.rate) for name, source in self._ingest.sources.items()}
        self._on_the_way = 0
        self._acceptance = Acceptance(settings.meaning, settings.future_tolerance.ms)

    async def post_events(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take in what an emitter posts, every row on its own.

        Args:
            headers: by lower-case name.
            body: raw.

        Returns:
            200 if Kafka has all, 207 if some rows were rejected, 422 if all were, 503 if Kafka hasn't acknowledged
            some (they are named, and may be sent again); 401, 413, 415, 429 before anything is taken.
        """
        source = self._source_of(headers.get("authorization", ""))
        if source is None:
            return self._refused(401, "expected a bearer token of a configured source", {"WWW-Authenticate": "Bearer"})
        try:
            rows = rows_of(headers, body)
        except BadBody as bad:
            return self._refused(bad.status, str(bad))
        if busy := self._too_much(source, len(rows)):
            return busy
        messages, rejected = await self._all_judged(rows, source)
        lost = await self._send(messages)
        self.tally.rejected += len(rejected)
        self.tally.accepted += len(messages) - len(lost)
        document: dict[str, Any] = {"accepted": len(messages) - len(lost), "rejected": rejected}
        if lost:
            document["unacknowledged"] = lost
            document["error"] = "Kafka hasn't acknowledged these rows; send them again, with the same event ids"
            return Reply(503, document, {"Retry-After": "5"})
        return Reply((207 if messages else 422) if rejected else 200, document)

    async def deliver(self, name: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take in a webhook's delivery.

        Returns:
            200 once Kafka has what it says, or if it says nothing that counts, or nothing new; 401 for a signature that
            doesn't fit; 404 for a webhook that isn't configured; 503 with Retry-After if it must be delivered again.
        """
        webhook = self._ingest.webhooks.get(name)
        if webhook is None:
            known = ", ".join(self._ingest.webhooks) or "none"
            return self._refused(404, f"webhook {name!r} isn't configured, expected one of: {known}")
        if webhook.kind != "signed" and WEBHOOKS[webhook.kind].is_greeting(body):
            return Reply(200, {"accepted": 0, "ignored": "the greeting of a new webhook"})
        try:
            self._verify(webhook, headers, body)
            if webhook.kind == "signed":
                return await self._signed(headers, body)
            return await self._deliver(webhook, headers, json.loads(body))
        except (BadSignature, BadBody, BadDelivery, RedisError, ValueError, RecursionError) as error:
            return self._failed(error)

    # Emitters

    def _source_of(self, authorization: str) -> str | None:
        """Return the source whose token this is; every token is compared, as long for a hit as for a miss."""
        scheme, _, token = authorization.partition(" ")
        given, found = token.strip().encode(), None
        for name, source in self._ingest.sources.items():
            if hmac.compare_digest(source.secret().encode(), given) and scheme.lower() == "bearer":
                found = name
        return found

    def _too_much(self, source: str, rows: int) -> Reply | None:
        bucket = self._buckets[source]
        if rows > bucket.size:
            return self._refused(413, f"{rows} events, expected at most {bucket.size:.0f} at once from {source!r}")
        if self._on_the_way + rows > self._ingest.most_on_the_way:
            return self._refused(503, "too many events wait for Kafka", {"Retry-After": "1"})
        if wait_s := bucket.take(rows, time.monotonic()):
            detail = f"source {source!r} may send {bucket.rate:g} events a second"
            return self._refused(429, detail, {"Retry-After": str(math.ceil(wait_s))})
        return None

    async def _all_judged(
        self, rows: Sequence[bytes], source: str
    ) -> tuple[dict[int, tuple[wire.Event, bytes]], list[dict[str, object]]]:
        """Return events and messages by row, and what is wrong with the other rows; others get their turn meanwhile."""
        messages: dict[int, tuple[wire.Event, bytes]] = {}
        rejected: list[dict[str, object]] = []
        self._on_the_way += len(rows)
        try:
            for number, row in enumerate(rows, 1):
                try:
                    messages[number - 1] = self._judged(row, source)
                except Rejected as why:
                    said = {"reason": why.reason, "field": why.field, "detail": why.detail}
                    rejected.append({"row": number - 1, **said})
                if number % _STEP == 0:
                    await asyncio.sleep(0)
        finally:
            self._on_the_way -= len(rows)
        return messages, rejected

    def _judged(self, row: bytes, source: str) -> tuple[wire.Event, bytes]:
        """Return the event in a row, and the row as it goes to Kafka: with its source, if it names none.

        Raises:
            Rejected: it breaks the contract, or claims to be of another source.
        """
        event = self._accepted(row)
        if event.source is None:
            row = json.dumps({**json.loads(row), "source": source}).encode()
            return self._accepted(row), row
        if event.source != source and not self._ingest.sources[source].any_source:
            raise Rejected(INVALID_FIELD, "source", f"got {event.source!r}, expected {source!r}, whose token this is")
        return event, row

    def _accepted(self, row: bytes) -> wire.Event:
        return self._acceptance.judged(row, round(self._now_s() * 1000))[0]

    async def _send(self, messages: Mapping[int, tuple[wire.Event, bytes]]) -> list[int]:
        """Publish, wait for every acknowledgement, and return the numbers of those that got none."""
        numbers = list(messages)
        self._on_the_way += len(numbers)
        try:
            sending: list[asyncio.Task[None]] = []
            for place, number in enumerate(numbers, 1):
                sending.append(asyncio.create_task(self._one(*messages[number])))
                if place % _STEP == 0:
                    await asyncio.sleep(0)
            done = await asyncio.gather(*sending, return_exceptions=True)
        finally:
            self._on_the_way -= len(numbers)
        if stopped := next((each for each in done if isinstance(each, asyncio.CancelledError)), None):
            raise stopped
        return [number for number, each in zip(numbers, done, strict=True) if isinstance(each, Exception)]

    def _topic_of(self, event_type: str) -> str:
        """Return the topic from which the engine reads events of a type: of several, the contract's, else the first."""
        topic, customers = topic_of(event_type), self._settings.kafka.customer_topics
        return self._settings.topic(topic if topic in (BUSINESS_EVENTS, *customers) else customers[0])

    async def _one(self, event: wire.Event, message: bytes) -> None:
        topic = self._topic_of(event.type)
        key = partition_key(event) or event.event_id
        await asyncio.wait_for(self._publish(topic, key.encode(), message, []), ACKNOWLEDGED_WITHIN_S)

    # Webhooks

    def _verify(self, webhook: IngestWebhook, headers: Mapping[str, str], body: bytes) -> None:
        secrets = webhook.secrets()
        if webhook.kind == "signed":
            verify_timed(secrets, body, headers.get(TIMED_HEADER.lower(), ""), TIMED_HEADER, self._now_s())
        else:
            WEBHOOKS[webhook.kind].verify(secrets, headers, body, self._now_s())

    async def _signed(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take in a signed body of rows in the contract's own words, all or none."""
        try:
            messages = {number: (self._accepted(row), row) for number, row in enumerate(rows_of(headers, body))}
        except Rejected as why:
            return self._refused(422, f"{why.field}: {why.detail}")
        if await self._send(messages):
            return self._refused(503, "Kafka hasn't acknowledged; deliver it again", {"Retry-After": "5"})
        self.tally.accepted += len(messages)
        return Reply(200, {"accepted": len(messages)})

    async def _deliver(self, webhook: IngestWebhook, headers: Mapping[str, str], document: Any) -> Reply:
        memory = self._memory
        if memory is None:
            return self._refused(503, "webhooks need Redis, to know what they have had", {"Retry-After": "60"})
        sender = WEBHOOKS[webhook.kind]
        translation = sender.translate(headers, document, webhook.source or sender.source(headers))
        if translation.ignored:
            return Reply(200, {"accepted": 0, "ignored": translation.ignored})
        unheard = await memory.new_among(translation.events)
        new = [event for event, is_new in zip(translation.events, unheard, strict=True) if is_new]
        self.tally.repeated += len(translation.events) - len(new)
        messages: dict[int, tuple[wire.Event, bytes]] = {}
        odd: list[tuple[dict[str, Any], Rejected]] = []
        for number, event in enumerate(new):
            try:
                await self._name_customer(event, memory)
                message = json.dumps(event).encode()
                messages[number] = (self._accepted(message), message)
            except Rejected as why:
                odd.append((event, why))
        if await self._send(messages) or not await self._set_aside(odd):
            return self._refused(503, "Kafka hasn't acknowledged; deliver it again", {"Retry-After": "5"})
        await memory.remember([new[number] for number in messages])
        self.tally.accepted += len(messages)
        self.tally.rejected += len(odd)
        rejected = [{"field": why.field, "detail": why.detail} for _, why in odd]
        return Reply(200, {"accepted": len(messages), "repeated": len(translation.events) - len(new), "dead": rejected})

    async def _name_customer(self, event: dict[str, Any], memory: Memory) -> None:
        """Find out whose refund it is, by the order that it names.

        Raises:
            Rejected: the order was never heard of.
        """
        if "customer_id" not in event:
            owner = await memory.owner_of(event["source"], event["order_id"])
            if owner is None:
                detail = f"the refund of order {event['order_id']!r} doesn't say whose it is, and the order is unknown"
                raise Rejected(MISSING_FIELD, "customer_id", detail)
            event["customer_id"] = owner

    async def _set_aside(self, odd: Sequence[tuple[dict[str, Any], Rejected]]) -> bool:
        """Keep what was delivered and can't be an event among the dead letters: its sender wouldn't mend it."""
        topic = self._settings.topic(DEAD_LETTERS)
        sends = []
        for event, why in odd:
            headers = [
                (HEADER_ERROR, f"{why.reason}: {why.detail}".encode()),
                (HEADER_ERROR_FIELD, why.field.encode()),
                (HEADER_TOPIC, self._topic_of(event["type"]).encode()),
                (HEADER_PARTITION, b"-1"),  # it lay in none
                (HEADER_OFFSET, b"-1"),
                (HEADER_REJECTED_AT, f"{self._now_s():.3f}".encode()),
            ]
            key = str(event.get("customer_id") or event["event_id"]).encode()
            sends.append(
                asyncio.wait_for(self._publish(topic, key, json.dumps(event).encode(), headers), ACKNOWLEDGED_WITHIN_S)
            )
        done = await asyncio.gather(*sends, return_exceptions=True)
        return not any(isinstance(each, Exception) for each in done)

    def _failed(self, error: Exception) -> Reply:
        """Say what is wrong with a delivery, or with us."""
        match error:
            case BadSignature():
                return self._refused(401, str(error))
            case BadBody():
                return self._refused(error.status, str(error))
            case BadDelivery():
                return self._refused(422, str(error))
            case RedisError():
                return self._refused(503, f"Redis is away: {type(error).__name__}", {"Retry-After": "30"})
            case _:
                return self._refused(400, f"the body isn't JSON: {error}")

    def _refused(self, status: int, error: str, headers: dict[str, str] | None = None) -> Reply:
        self.tally.refused_requests += 1
        return Reply(status, {"error": error}, headers or {})
