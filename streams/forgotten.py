"""Seeing an order to forget through: it is written to the person's partitions, and nothing says done before it is.

Done means that the engine's newest manifest covers the order and names nobody as leaving, and that the changelog holds
no entry any more which that manifest doesn't name: what named the person is superseded. Kafka's compaction then takes
the bytes away, when it comes by.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.engines import changelogs
from streams.forgetting import Order, home_of, write_order
from streams.manifest import Epoch, Manifest, is_manifest, manifest_key, newest
from streams.settings import Settings
from streams.topics import connected, quiet_kafka

_POLL_MS = 200


class OutdatedWorkerError(RuntimeError):
    """The order was read by a worker that doesn't know what it is."""


def give(settings: Settings, order: Order, timeout_s: float) -> dict[str, int]:
    """Write an order to the person's partition of each of its topics; return where it lies there.

    Raises:
        BrokerUnreachable, KafkaError: it isn't in all of them; given again, it does no harm.
    """
    home = home_of(order, settings.kafka.partitions)
    with quiet_kafka():
        producer = connected(KafkaProducer, settings, timeout_s, acks="all")
        try:
            sent = {
                topic: producer.send(topic, write_order(order), order.customer_id.encode(), partition=home)
                for topic in order.topics
            }
            return {topic: sending.get(timeout_s).offset for topic, sending in sent.items()}
        finally:
            producer.close()


class Watch:
    """Follows the changelog of one partition until an order is carried out.

    Args:
        partition: the person's.
        order: what was ordered.
        offsets: where the order lies in each topic.
    """

    def __init__(self, partition: int, order: Order, offsets: Mapping[str, int]) -> None:
        self.partition = partition
        self._order = order
        self._offsets = offsets
        self._live: dict[bytes, bytes] = {}  # values of manifests alone

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take in a message of the changelog."""
        if value is None:
            self._live.pop(key, None)
        else:
            self._live[key] = value if is_manifest(key) else b""

    def left(self) -> str:
        """Say what is still to happen; nothing once all has.

        Raises:
            OutdatedWorkerError: it won't, since the worker doesn't know orders.
        """
        manifest = newest(self._live, self.partition)
        if manifest is None or not self._is_covered(manifest):
            return "no checkpoint with the order in it yet; is a worker running?"
        if self._order.order not in manifest.orders_heard:
            raise OutdatedWorkerError(
                f"the worker of partition {self.partition} has read the order and not heard it: a tapesh that knows "
                "no orders puts them among the dead letters. Upgrade all workers, then forget again"
            )
        if any(
            self._order.alias == each.alias or self._order.customer_id == each.customer_id for each in manifest.leaving
        ):
            return "events of the person are still on their way"
        if self._order.customer_id in manifest.profiles_to_delete:
            return "the profile isn't deleted yet; is Redis there?"
        behind = self._superseded(manifest)
        return f"{len(behind)} superseded entries aren't deleted yet, such as {min(behind).decode()}" if behind else ""

    def _is_covered(self, manifest: Manifest) -> bool:
        return all(manifest.offsets.get(topic, 0) > offset for topic, offset in self._offsets.items())

    def _superseded(self, manifest: Manifest) -> set[bytes]:
        """Return what lies there from before the manifest; later entries are of a checkpoint under way."""
        own = manifest_key(self.partition, Epoch(*manifest.epoch))
        latest = f"{self.partition}/{Epoch(*manifest.epoch)}/{manifest.version:010d}/~".encode()
        return {key for key in self._live.keys() - manifest.keys(self.partition) - {own} if key < latest}


@contextmanager
def following(settings: Settings, group: str, partition: int) -> Iterator[Any]:
    """Give a consumer that reads the changelog of one partition of an engine from its beginning.

    Raises:
        BrokerUnreachable: nobody answers.
    """
    with quiet_kafka():
        consumer = connected(KafkaConsumer, settings, 30.0, group_id=None, enable_auto_commit=False)
        try:
            place = TopicPartition(changelogs(group)[0], partition)
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            yield consumer
        finally:
            consumer.close()


def see_through(consumer: Any, watch: Watch, timeout_s: float) -> Iterator[str]:
    """Read on until an order is carried out, or for so long; yield what is left, nothing at the end.

    Raises:
        OutdatedWorkerError: it won't be.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        records = [record for batch in consumer.poll(timeout_ms=_POLL_MS).values() for record in batch]
        for record in records:
            watch.read(record.key, record.value)
        if records and time.monotonic() < deadline:
            continue  # there may be more, which says better what is left
        left = watch.left()
        yield left
        if not left or time.monotonic() > deadline:
            return
