"""Publishes a load in whole batches, each message to its partition, and shows them to whoever works out the truth."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.load import Drawn, Load
from events.identity import partition_of
from events.names import BUSINESS_EVENTS, CUSTOMER_EVENTS

_BATCH_BYTES = 256 * 1024
_SLICE = 5_000
_home = lru_cache(maxsize=1 << 21)(partition_of)
Tap = Callable[[list[bytes]], None]


def topic_of(drawn: Drawn) -> str | None:
    """Return the topic of the contract that a message belongs to."""
    return BUSINESS_EVENTS if drawn.is_spend else CUSTOMER_EVENTS


def only(topic: str) -> Callable[[Drawn], str | None]:
    """Return a choice of topic that takes what customers do, and leaves spends out."""
    return lambda drawn: None if drawn.is_spend else topic


class Pacer:
    """Lets events out when they occur, and remembers when each order was handed to the producer.

    Args:
        load: whose mixed stream it paces; its events are let out in order.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._let_out = 0
        self._known: set[bytes] = set()
        self.orders = 0
        self.published: list[tuple[int, float]] = []
        self.slipped_s = 0.0

    @property
    def many(self) -> int:
        """How many events are let out at once: those of a hundredth of a second."""
        span_s = (self._load.until_ms - self._load.begins_ms) / 1000
        return max(1, round(self._load.events / span_s / 100))

    async def wait(self, some: list[Drawn]) -> None:
        """Wait until the last of them is due, and note its orders; one that comes twice is one."""
        load = self._load
        self._let_out += len(some)
        span_s = (load.until_ms - load.begins_ms) / 1000
        due_s = load.begins_ms / 1000 + span_s * self._let_out / load.events
        early_s = due_s - time.time()
        if early_s > 0:
            await asyncio.sleep(early_s)
        self.slipped_s = max(self.slipped_s, -early_s)
        now_s = time.time()
        for drawn in some:
            if drawn.value.startswith(b'{"type":"purchase"') and drawn.value not in self._known:
                self._known.add(drawn.value)
                self.orders += 1
                self.published.append((self.orders, now_s))


async def publish(
    load: Iterable[Drawn],
    bootstrap: str,
    partitions: int,
    *,
    topic: Callable[[Drawn], str | None] = topic_of,
    tap: Tap = lambda _values: None,
    pacer: Pacer | None = None,
) -> tuple[int, int]:
    """Publish what has a topic, and wait until all of it is acknowledged.

    Returns:
        How many messages, and how many bytes of values.
    """
    messages = size = 0
    batches: dict[tuple[str, int], Any] = {}
    sent = []
    rest = iter(load)
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=_BATCH_BYTES, max_request_size=4 * _BATCH_BYTES, linger_ms=5
    ) as producer:
        while some := list(itertools.islice(rest, pacer.many if pacer else _SLICE)):
            if pacer:
                await pacer.wait(some)
            placed = [(name, drawn) for drawn in some if (name := topic(drawn)) is not None]
            tap([drawn.value for _, drawn in placed])
            now_ms = int(time.time() * 1000)
            for name, drawn in placed:
                place = name, _home(drawn.key, partitions)
                record = {"key": drawn.key.encode(), "value": drawn.value, "timestamp": now_ms}
                if place not in batches:
                    batches[place] = producer.create_batch()
                if batches[place].append(**record) is None:  # it is full
                    sent.append(await producer.send_batch(batches[place], name, partition=place[1]))
                    batches[place] = producer.create_batch()
                    batches[place].append(**record)
                messages += 1
                size += len(drawn.value)
            if pacer:
                sent += [
                    await producer.send_batch(batch, *place[:1], partition=place[1]) for place, batch in batches.items()
                ]
                batches.clear()
        for (name, partition), batch in batches.items():
            sent.append(await producer.send_batch(batch, name, partition=partition))
        for each in sent:
            await each
    return messages, size
