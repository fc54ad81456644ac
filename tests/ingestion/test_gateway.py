"""Requests in, answers and messages out: nothing is answered for that Kafka hasn't got."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from events.webhooks import sign_timed
from streams.ingestion import Gateway, Memory, Reply
from streams.ingestion.gateway import TIMED_HEADER
from streams.settings import Settings
from streams.settings.schema import Ingest

TOKEN, OTHER = "a-token-of-the-shop", "a-token-of-another"
SECRET = "a-secret-of-the-shop"
NOW = 1_781_530_640.0  # 2026-06-15T13:37:20Z
PURCHASE = {
    "type": "purchase",
    "event_id": "purchase:A-1",
    "customer_id": "c-1",
    "occurred_at": "2026-06-15T13:00:00Z",
    "order_id": "A-1",
    "total": {"amount": "19.99", "currency": "EUR"},
}
ORDER = {
    "id": 1,
    "currency": "EUR",
    "created_at": "2026-06-15T13:00:00Z",
    "total_price": "19.99",
    "customer": {"id": 7},
}
REFUND = {
    "id": 2,
    "order_id": 1,
    "created_at": "2026-06-15T13:30:00Z",
    "transactions": [{"amount": "5.00", "currency": "EUR", "kind": "refund", "status": "success"}],
}


class Kafka:
    """Takes messages, but for those that a test lets fail."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, dict[str, Any], dict[str, bytes]]] = []
        self.refuses: Callable[[str, dict[str, Any]], bool] = lambda topic, event: False
        self.answers = asyncio.Event()
        self.answers.set()

    async def publish(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        await self.answers.wait()
        event = json.loads(value)
        if self.refuses(topic, event):
            raise ConnectionError("no broker")
        self.messages.append((topic, key, event, dict(headers)))


def settings(**ingest: Any) -> Settings:
    given = {
        "sources": {
            "shop": {"token": TOKEN, "rate": 5},
            "hub": {"token": OTHER, "rate": 1000, "any_source": True},
        },
        "webhooks": {
            "my-shop": {"kind": "shopify", "secret": SECRET, "source": "shopify:mine"},
            "wire": {"kind": "signed", "secret": SECRET},
        },
        **ingest,
    }
    return Settings(ingest=Ingest.model_validate(given))


def gateway(kafka: Kafka, memory: Memory | None = None, **ingest: Any) -> Gateway:
    return Gateway(settings(**ingest), kafka.publish, memory, lambda: NOW)


def post(door: Gateway, body: object, token: str = TOKEN, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return asyncio.run(door.post_events(named, raw))


def test_an_event_is_answered_for_once_kafka_has_it() -> None:
    """Keyed by its customer, with its emitter as source."""
    kafka = Kafka()
    reply = post(gateway(kafka), PURCHASE)
    assert (reply.status, reply.document) == (200, {"accepted": 1, "rejected": []})
    ((topic, key, event, _),) = kafka.messages
    assert (topic, key, event) == ("customer-events", b"c-1", {**PURCHASE, "source": "shop"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", json.dumps([PURCHASE, {**PURCHASE, "event_id": "2"}]).encode()),
        ("application/x-ndjson", b"\n".join([json.dumps(PURCHASE).encode()] * 2) + b"\n\n"),
    ],
)
def test_lists_and_lines_are_taken_row_by_row(kind: str, body: bytes) -> None:
    """Each is a message of its own."""
    kafka = Kafka()
    assert post(gateway(kafka), body, content_type=kind).document["accepted"] == 2
    assert len(kafka.messages) == 2


def test_events_go_where_the_engine_reads_them() -> None:
    """A shop that calls its topic otherwise would be told 200 for events that nobody ever counts."""
    spend = {
        "type": "marketing-spend",
        "event_id": "s-1",
        "channel": "web",
        "purpose": "acquisition",
        "occurred_at": "2026-06-15T13:00:00Z",
        "spend": PURCHASE["total"],
    }
    for listed, expected in (
        (["shop-events", "crm-events"], "shop-events"),
        (["shop-events", "customer-events"], "customer-events"),
    ):
        kafka = Kafka()
        configured = settings().model_copy(update={"kafka": Settings(kafka={"customer_topics": listed}).kafka})
        assert post(Gateway(configured, kafka.publish, None, lambda: NOW), [PURCHASE, spend]).status == 200
        assert [topic for topic, *_ in kafka.messages] == [expected, "business-events"]


def test_a_large_request_lets_others_have_their_turn() -> None:
    """The event loop is the engine's: ticks and heartbeats wait for nobody's ten thousand rows."""

    async def scene() -> None:
        kafka, turns = Kafka(), 0
        door = gateway(kafka)
        rows = [{**PURCHASE, "event_id": f"p-{number}"} for number in range(5_000)]
        headers = {"authorization": f"Bearer {OTHER}"}
        posting = asyncio.create_task(door.post_events(headers, json.dumps(rows).encode()))
        while not posting.done():
            await asyncio.sleep(0)
            turns += 1
        assert posting.result().document["accepted"] == len(kafka.messages) == 5_000
        assert turns > 30

    asyncio.run(scene())


CLOUD = {
    "specversion": "1.0",
    "id": "purchase:A-1",
    "source": "shop",
    "type": "com.example.purchase.v1",
    "subject": "c-1",
    "time": "2026-06-15T13:00:00Z",
    "data": {"order_id": "A-1", "total": PURCHASE["total"]},
}


def test_cloudevents_are_taken_in_all_three_modes() -> None:
    """Structured, binary with percent-encoded headers, and batched say the same."""
    kafka = Kafka()
    door = gateway(kafka)
    assert post(door, CLOUD, content_type="application/cloudevents+json").status == 200
    assert post(door, [CLOUD], content_type="application/cloudevents-batch+json").status == 200
    binary = {f"ce_{name}": value for name, value in CLOUD.items() if name != "data"}
    assert post(door, CLOUD["data"], **{**binary, "ce_id": "purchase%3AA-1"}).status == 200
    events = [event for _, _, event, _ in kafka.messages]
    assert events == [CLOUD, CLOUD, CLOUD]
    assert {key for _, key, _, _ in kafka.messages} == {b"c-1"}


def test_each_rejected_row_is_named_and_the_others_go_on() -> None:
    """With the reason and the field; of all rejected the answer is another."""
    kafka = Kafka()
    door = gateway(kafka)
    rows = [
        PURCHASE,
        {**PURCHASE, "total": None},
        {**PURCHASE, "occurred_at": "2026-06-15T14:00:00Z"},
        {**PURCHASE, "total": {"amount": "1", "currency": "USD"}},
        {**PURCHASE, "source": "another"},
    ]
    reply = post(door, rows)
    assert reply.status == 207
    assert [(row["row"], row["reason"], row["field"]) for row in reply.document["rejected"]] == [
        (1, "missing-field", "total"),
        (2, "future", "occurred_at"),
        (3, "unknown-currency", "total.currency"),
        (4, "invalid-field", "source"),
    ]
    assert len(kafka.messages) == 1
    assert post(door, rows[1:2]).status == 422
    assert post(door, [rows[4]], OTHER).status == 200, "a hub speaks for many sources"


def test_what_kafka_has_not_acknowledged_is_named_to_be_sent_again() -> None:
    """The rest stays accepted; sent again, event ids make it harmless."""
    kafka = Kafka()
    kafka.refuses = lambda _, event: event["event_id"] == "2"
    reply = post(gateway(kafka), [PURCHASE, {**PURCHASE, "event_id": "2"}])
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert (reply.document["accepted"], reply.document["unacknowledged"]) == (1, [1])


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong-token-of-shop", f"Basic {TOKEN}", TOKEN])
def test_without_a_token_nothing_is_taken(authorization: str) -> None:
    """And the answer says what is expected."""
    kafka = Kafka()
    reply = asyncio.run(gateway(kafka).post_events({"authorization": authorization}, json.dumps(PURCHASE).encode()))
    assert (reply.status, reply.headers) == (401, {"WWW-Authenticate": "Bearer"})
    assert not kafka.messages


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[{]", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/cloudevents-batch+json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"a,b", "text/csv", 415),
        (b"[" + b",".join([b"1"] * 10_001) + b"]", "application/json", 413),
        (b"[" + b",".join([b"1"] * 51) + b"]", "application/json", 413),
    ],
)
def test_a_body_that_holds_no_rows_is_refused_whole(body: bytes, kind: str, status: int) -> None:
    """Unreadable, empty, of another kind, or more than may ever come at once."""
    kafka = Kafka()
    assert post(gateway(kafka), body, content_type=kind).status == status
    assert not kafka.messages


def test_a_source_that_sends_too_much_is_told_when_to_come_back() -> None:
    """Ten seconds' worth at once, then no more; others aren't held up."""
    kafka = Kafka()
    door = gateway(kafka)
    rows = [{**PURCHASE, "event_id": str(number)} for number in range(50)]
    assert post(door, rows).status == 200
    reply = post(door, rows[:10])
    assert reply.status == 429
    assert 1 <= int(reply.headers["Retry-After"]) <= 2
    assert post(door, rows[:10], OTHER).status == 200


def test_while_too_many_wait_for_kafka_no_more_are_taken() -> None:
    """They would pile up in memory."""

    async def scenario() -> tuple[Reply, Reply]:
        kafka = Kafka()
        kafka.answers.clear()
        door = gateway(kafka, most_on_the_way=2)
        headers = {"authorization": f"Bearer {TOKEN}"}
        first = asyncio.create_task(door.post_events(headers, json.dumps([PURCHASE, PURCHASE]).encode()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = await door.post_events(headers, json.dumps(PURCHASE).encode())
        kafka.answers.set()
        return await first, second

    first, second = asyncio.run(scenario())
    assert (first.status, second.status, second.headers) == (200, 503, {"Retry-After": "1"})


@asynccontextmanager
async def memory_at(url: str, prefix: str) -> AsyncIterator[Memory]:
    memory = Memory(Redis.from_url(url), prefix)
    try:
        yield memory
    finally:
        await memory.close()


def signed(body: bytes) -> dict[str, str]:
    made = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-shopify-hmac-sha256": made}


def deliver(door: Gateway, topic: str, document: Any) -> Any:
    body = json.dumps(document).encode()
    return door.deliver("my-shop", {**signed(body), "x-shopify-topic": topic}, body)


def test_a_delivery_counts_once_however_often_it_comes(fresh_redis_url: str, fresh_prefix: str) -> None:
    """A shop repeats for days; and a refund belongs to whoever placed the order."""

    async def scenario() -> tuple[Kafka, list[Reply]]:
        kafka = Kafka()
        async with memory_at(fresh_redis_url, fresh_prefix) as memory:
            replies = [await deliver(gateway(kafka, memory), "orders/paid", ORDER) for _ in range(3)]
            replies.append(await deliver(gateway(kafka, memory), "refunds/create", REFUND))
            replies.append(await deliver(gateway(kafka, memory), "carts/update", {}))
        return kafka, replies

    kafka, replies = asyncio.run(scenario())
    assert [reply.status for reply in replies] == [200] * 5
    assert [reply.document.get("repeated") for reply in replies[:4]] == [0, 1, 1, 0]
    assert "ignored" in replies[4].document
    assert [(event["type"], event["customer_id"], key) for _, key, event, _ in kafka.messages] == [
        ("purchase", "7", b"7"),
        ("refund", "7", b"7"),
    ]
    assert {event["source"] for _, _, event, _ in kafka.messages} == {"shopify:mine"}


def test_a_delivery_that_kafka_did_not_take_is_taken_the_next_time(fresh_redis_url: str, fresh_prefix: str) -> None:
    """It isn't remembered before it is safe."""

    async def scenario() -> tuple[Kafka, Reply, Reply]:
        kafka = Kafka()
        kafka.refuses = lambda topic, event: True
        async with memory_at(fresh_redis_url, fresh_prefix) as memory:
            lost = await deliver(gateway(kafka, memory), "orders/paid", ORDER)
            kafka.refuses = lambda topic, event: False
            taken = await deliver(gateway(kafka, memory), "orders/paid", ORDER)
        return kafka, lost, taken

    kafka, lost, taken = asyncio.run(scenario())
    assert (lost.status, taken.status, taken.document["accepted"]) == (503, 200, 1)
    assert "Retry-After" in lost.headers
    assert len(kafka.messages) == 1


def test_a_refund_of_an_unknown_order_becomes_a_dead_letter(fresh_redis_url: str, fresh_prefix: str) -> None:
    """Its sender wouldn't mend it; whoever reads dead letters can name the customer."""

    async def scenario() -> tuple[Kafka, Reply]:
        kafka = Kafka()
        async with memory_at(fresh_redis_url, fresh_prefix) as memory:
            return kafka, await deliver(gateway(kafka, memory), "refunds/create", REFUND)

    kafka, reply = asyncio.run(scenario())
    assert reply.status == 200
    assert [dead["field"] for dead in reply.document["dead"]] == ["customer_id"]
    ((topic, _, event, headers),) = kafka.messages
    assert (topic, event["order_id"]) == ("dead-letters", "1")
    assert (headers["error-field"], headers["topic"]) == (b"customer_id", b"customer-events")


def test_a_delivery_that_is_not_signed_or_not_configured_is_refused() -> None:
    """Before it is read."""
    door = gateway(Kafka())
    body = json.dumps(ORDER).encode()
    assert asyncio.run(door.deliver("nobodys", {}, body)).status == 404
    assert asyncio.run(door.deliver("my-shop", {}, body)).status == 401
    assert asyncio.run(door.deliver("my-shop", signed(body + b" "), body)).status == 401
    assert asyncio.run(door.deliver("my-shop", signed(b"{"), b"{")).status == 400


def test_without_redis_webhooks_are_put_off(fresh_prefix: str) -> None:
    """They could count twice; the sender delivers again."""
    headers = {**signed(json.dumps(ORDER).encode()), "x-shopify-topic": "orders/paid"}
    reply = asyncio.run(gateway(Kafka()).deliver("my-shop", headers, json.dumps(ORDER).encode()))
    assert (reply.status, "Retry-After" in reply.headers) == (503, True)

    async def away() -> Reply:
        async with memory_at("redis://127.0.0.1:1/0", fresh_prefix) as memory:
            return await deliver(gateway(Kafka(), memory), "orders/paid", ORDER)

    assert asyncio.run(away()).status == 503


def test_a_signed_delivery_in_the_contracts_own_words_is_taken_whole_or_not() -> None:
    """For whoever can sign but has no Kafka client."""
    kafka = Kafka()
    door = gateway(kafka)

    def send(rows: list[object]) -> Reply:
        body = json.dumps(rows).encode()
        return asyncio.run(door.deliver("wire", {TIMED_HEADER.lower(): sign_timed(SECRET, body, NOW)}, body))

    assert send([PURCHASE, {**PURCHASE, "order_id": None}]).status == 422
    assert not kafka.messages
    assert send([PURCHASE]).document == {"accepted": 1}
    assert len(kafka.messages) == 1


def test_the_greeting_of_a_new_webhook_is_answered_though_nobody_signed_it() -> None:
    """WooCommerce asks so, with a form, whether anybody is there, and shows its user an error unless it hears 200."""
    settings = Settings(ingest={"webhooks": {"woo": {"kind": "woocommerce", "secret": SECRET}}})
    kafka = Kafka()
    door = Gateway(settings, kafka.publish, None)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert asyncio.run(door.deliver("woo", form, b"webhook_id=3")).status == 200
    for body in (b"webhook_id=3&id=1", b"webhook_id=", b"webhook_id=3\n", b'{"webhook_id": 3}'):
        assert asyncio.run(door.deliver("woo", form, body)).status == 401, body
    assert asyncio.run(gateway(Kafka()).deliver("my-shop", form, b"webhook_id=3")).status == 401
    assert kafka.messages == []


def test_whose_orders_were_a_forgotten_persons_is_forgotten(fresh_redis_url: str, fresh_prefix: str) -> None:
    """A later refund of one is nobody's: a dead letter that names the order alone. Others keep theirs."""

    async def scenario() -> tuple[Kafka, int, list[Any]]:
        kafka = Kafka()
        async with memory_at(fresh_redis_url, fresh_prefix) as memory:
            for number in range(1, 2100):
                await memory.remember(
                    [{"type": "purchase", "source": "s", "event_id": "e", "order_id": f"{number}", "customer_id": "8"}]
                ) if number > 90 else await deliver(gateway(kafka, memory), "orders/paid", {**ORDER, "id": number})
            count = await memory.forget("7")
            owners = [await memory.owner_of(*order) for order in (("shopify:mine", "1"), ("s", "91"), ("s", "2099"))]
            await deliver(gateway(kafka, memory), "refunds/create", REFUND)
        return kafka, count, owners

    kafka, count, owners = asyncio.run(scenario())
    assert (count, owners) == (90, [None, "8", "8"])
    topic, _, event, _ = kafka.messages[-1]
    assert (topic, event["type"], event.get("customer_id")) == ("dead-letters", "refund", None)
