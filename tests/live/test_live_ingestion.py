"""Events posted over HTTP become figures, on real workers, Kafka and Redis."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from deployment import Deployment, WorkerProcess, eventually, windows_differ

from streams.services import ApacheKafka

TOKEN = "a-token-of-the-shop"
SECRET = "a-secret-of-the-shop"
ORDER = {
    "id": 820982911946154508,
    "currency": "EUR",
    "created_at": "2026-06-15T13:05:00Z",
    "total_price": "30.00",
    "customer": {"id": 7},
}


def purchase(number: int) -> dict[str, Any]:
    return {
        "type": "purchase",
        "event_id": f"purchase:{number}",
        "customer_id": f"c-{number % 7}",
        "occurred_at": f"2026-06-15T13:00:{number:02d}Z",
        "source": "shop",
        "order_id": f"{number}",
        "total": {"amount": "10.00", "currency": "EUR"},
    }


def post(worker: WorkerProcess, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(worker.url + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_what_is_posted_counts_once_wherever_it_is_posted(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], fresh_redis_url: str
) -> None:
    """Lines to one of two workers, a webhook to the other, each repeated; bad rows are named, strangers refused."""
    sources = json.dumps({"shop": {"token": TOKEN, "rate": 1000}})
    webhooks = json.dumps({"my-shop": {"kind": "shopify", "secret": SECRET, "source": "shopify"}})
    options = {"clock": "event", "ingest.sources": sources, "ingest.webhooks": webhooks, "redis.url": fresh_redis_url}
    live = deploy(kafka.bootstrap, **options)
    one, two = live.start(), live.start()
    live.ready(2)
    lines = [json.dumps(purchase(number)).encode() for number in range(40)]
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    status, said = post(one, "/events", b"\n".join([*lines, b"{}"]), headers)
    assert (status, said["accepted"], [row["row"] for row in said["rejected"]]) == (207, 40, [40])
    assert post(two, "/events", b"\n".join(lines), headers)[0] == 200
    body = json.dumps(ORDER).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    delivery = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Hmac-SHA256": signature}
    assert [post(each, "/webhooks/my-shop", body, delivery)[1]["accepted"] for each in (two, one)] == [1, 0]

    assert post(one, "/events", lines[0], {**headers, "Authorization": "Bearer another-token-of-shop"})[0] == 401
    assert post(one, "/webhooks/my-shop", body + b" ", delivery)[0] == 401
    assert post(one, "/kpis", b"", headers)[0] == 405
    assert post(one, "/events", b" " * 5_000_000, headers)[0] == 413

    order = {**purchase(0), "event_id": "purchase:820982911946154508", "order_id": "820982911946154508"}
    order |= {
        "customer_id": "7",
        "occurred_at": "2026-06-15T13:05:00Z",
        "total": {"amount": "30.00", "currency": "EUR"},
    }
    expected = live.expected([*lines, json.dumps({**order, "source": "shopify"}).encode()])

    def reached() -> dict[str, Any] | None:
        document = live.known()
        return document if document and document["now"] == expected["now"] else None

    document = eventually(f"the KPIs reach the last event; {live.state()}", reached)
    assert windows_differ(document, expected) == []
    assert document["windows"]["lifetime"]["orders"] == 41
