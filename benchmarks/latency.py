"""How long an event takes from the producer's hand to `GET /kpis`, at rest: one order at a time, at odd moments."""

from __future__ import annotations

import json
import random
import statistics
import time
import urllib.request
from datetime import UTC, datetime

from benchmarks import results
from benchmarks.bench import Bench, deployment
from benchmarks.machine import load_average
from events.models import Money, Purchase
from events.producer import TapeshProducer

_POLL_S = 0.01


def run(*, orders: int = 100) -> None:
    """Publish orders one by one and print how long each took to show."""
    with deployment() as bench:
        bench.start_worker()
        chance = random.Random(7)
        while _orders(bench) is None:
            time.sleep(_POLL_S)
        with TapeshProducer(bench.settings.kafka.bootstrap) as producer:
            took = sorted(_one(bench, producer, number, chance.random()) for number in range(orders))
        print(f"event to /kpis over {orders} orders: p50 {statistics.median(took):.2f} s,", end=" ")
        p99 = took[int(0.99 * (orders - 1))]
        print(f"p99 {p99:.2f} s, max {took[-1]:.2f} s")
    results.keep(
        "latency",
        {
            "orders": orders,
            "p50_s": statistics.median(took),
            "p99_s": p99,
            "max_s": took[-1],
            "load_average": load_average(),
        },
    )


def _one(bench: Bench, producer: TapeshProducer, number: int, pause_s: float) -> float:
    time.sleep(pause_s)  # so that orders fall anywhere between two ticks
    before = _orders(bench) or 0
    total = Money(amount="19.99", currency="EUR")
    moment = datetime.now(UTC)
    order = Purchase.natural(customer_id=f"c{number}", order_id=f"o{number}", occurred_at=moment, total=total)
    began = time.monotonic()
    producer.send(order)
    producer.flush()
    while (_orders(bench) or 0) <= before:
        time.sleep(_POLL_S)
    return time.monotonic() - began


def _orders(bench: Bench) -> int | None:
    """Return the orders of all time, None while they aren't known."""
    try:
        with urllib.request.urlopen(f"{bench.worker.endpoint}/kpis", timeout=10) as page:  # noqa: S310 - our own
            document = json.load(page)
    except OSError:
        return None
    orders: int | None = document["windows"].get("lifetime", {}).get("orders")
    return orders
