"""A shop's past to Kafka, as fast as the machine allows: the viewer waits for it.

One message at a time costs a Python client some 70 us, which makes up most of the demo's start; whole batches, built
by partition, cost a tenth. This is for events of our own making in bulk; whoever publishes life uses the producer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from events.identity import partition_of
from events.names import topic_of
from streams.settings import Settings

_BATCH_BYTES = 256 * 1024
_NEWS_EVERY = 1_000


async def publish_history(events: Iterable[dict[str, Any]], settings: Settings, *, news: Callable[[int], bool]) -> int:
    """Publish events and wait until all are acknowledged.

    Args:
        events: as the simulator makes them: sound, each with its key.
        settings: where to publish.
        news: told now and then how many there were; False ends it.

    Returns:
        How many were published.

    Raises:
        kafka.errors.KafkaError: the broker doesn't take them.
    """
    kafka = settings.kafka
    encode = msgspec.json.Encoder().encode
    count = 0
    batches: dict[tuple[str, int], Any] = {}
    sent = []
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, max_batch_size=_BATCH_BYTES, max_request_size=4 * _BATCH_BYTES, linger_ms=5
    ) as producer:
        for event in events:
            key = event.get("customer_id") or event["channel"]
            place = topic_of(event["type"], kafka.topic_prefix), partition_of(key, kafka.partitions)
            record = {"key": key.encode(), "value": encode(event), "timestamp": int(time.time() * 1_000)}
            if place not in batches:
                batches[place] = producer.create_batch()
            if batches[place].append(**record) is None:  # it is full
                sent.append(await producer.send_batch(batches[place], place[0], partition=place[1]))
                batches[place] = producer.create_batch()
                batches[place].append(**record)
            count += 1
            if count % _NEWS_EVERY == 0 and not news(count):
                return count
        for (topic, partition), batch in batches.items():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        for each in sent:
            await each
    return count
