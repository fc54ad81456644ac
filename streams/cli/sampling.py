"""Looks at the latest messages of a topic: which are no events, and whose customers are in the wrong partition.

A misplaced event is sent on to where it belongs, so no number is wrong; but each costs a second journey, and a producer
that puts all of its events elsewhere is easily put right once somebody says which one it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from events.identity import partition_key, partition_of
from events.rejection import Rejected
from streams.acceptance import Acceptance
from streams.forgetting import read_order
from streams.settings import Settings
from streams.topics import connected, quiet_kafka

_POLL_MS = 200


@dataclass(frozen=True, slots=True)
class Stray:
    """An event that isn't in its customer's partition."""

    source: str
    partition: int
    offset: int
    expected: int
    keyed_by_customer: bool


@dataclass(slots=True)
class Sample:
    """What was seen.

    Attributes:
        events: sound ones.
        strays: those of them that are elsewhere than they should be.
        refused: messages that aren't events, by reason.
        example: what is wrong with one of those, and where it lies.
    """

    events: int = 0
    strays: list[Stray] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def told(self) -> str:
        """The strays, by their emitters, with the way out."""
        sources = Counter(stray.source for stray in self.strays)
        stray = self.strays[0]
        emitters = ", ".join(f"{source or 'without a source'} ({count})" for source, count in sources.most_common(5))
        remedy = (
            "the producer has another partitioner; librdkafka needs partitioner=murmur2_random"
            if stray.keyed_by_customer
            else "the message's key must be its customer_id"
        )
        return (
            f"sampled events aren't in their customer's partition, from: {emitters}; such as the one in partition"
            f" {stray.partition} at offset {stray.offset}, which belongs in partition {stray.expected}: {remedy}"
        )


def sampled(settings: Settings, topic: str, partitions: int, sample: int, timeout_s: float) -> Sample:
    """Read the latest messages of a topic and see whether each is an event, and in its customer's partition.

    Args:
        settings: where the broker is.
        topic: with its prefix.
        partitions: how many it has.
        sample: how many messages to look at, spread over the partitions.
        timeout_s: how long to wait for them.

    Raises:
        BrokerUnreachable, KafkaError: it can't be read.
    """
    seen, acceptance = Sample(), Acceptance(settings.meaning, settings.future_tolerance.ms)
    with quiet_kafka():
        options = {"group_id": None, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        consumer = connected(KafkaConsumer, settings, timeout_s, **options)
        try:
            for record in _latest(
                consumer, [TopicPartition(topic, number) for number in range(partitions)], sample, timeout_s
            ):
                _look_at(record, partitions, acceptance, seen)
        finally:
            consumer.close()
    return seen


def _latest(consumer: Any, places: list[Any], sample: int, timeout_s: float) -> Iterator[Any]:
    """Yield about `sample` of the latest records, as many of each partition."""
    consumer.assign(places)
    first, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
    share = -(-sample // len(places))
    for place in places:
        consumer.seek(place, max(first[place], ends[place] - share))
    unread = {place for place in places if ends[place] > first[place]}
    deadline = time.monotonic() + timeout_s
    while unread and time.monotonic() < deadline:
        for place, records in consumer.poll(timeout_ms=_POLL_MS).items():
            yield from records
            if consumer.position(place) >= ends[place]:
                unread.discard(place)


def _look_at(record: Any, partitions: int, acceptance: Acceptance, seen: Sample) -> None:
    try:
        event, _ = acceptance.judged(record.value or b"", record.timestamp)
    except Rejected as why:
        if read_order(record.value) is None:
            seen.refused[why.reason] += 1
            seen.example = f"the one in partition {record.partition} at offset {record.offset}: {_in_words(why)}"
        return
    customer = partition_key(event)
    seen.events += 1
    expected = partition_of(customer, partitions)
    if record.partition != expected:
        by_customer = record.key == customer.encode()
        stray = Stray(event.source or "", record.partition, record.offset, expected, by_customer)
        seen.strays.append(stray)


def _in_words(why: Rejected) -> str:
    """Say what is wrong, without a value: a customer's data isn't for a terminal that nobody asked to show it."""
    expected = why.detail.rpartition("expected ")[2] if "expected " in why.detail else why.reason
    return f"{why.field or 'the message'}, expected {expected}"
