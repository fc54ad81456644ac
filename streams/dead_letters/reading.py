"""Reads topics of one's own from one place to another, and stops there: no group, no commits, no waiting for more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from events.names import DEAD_LETTERS
from streams.dead_letters.letter import DeadLetter, LetterId
from streams.settings import Settings
from streams.topics import BrokerUnreachable, connected, quiet_kafka

_POLL_MS = 200
_WHOLE_BATCHES = 100_000
"""Records of one poll: more than a batch has. A broker may give its last batch's begin for a topic's end."""

_BEYOND_THE_END_S = 1.0
"""For the same reason a letter may be there that the broker doesn't tell of yet."""


@contextmanager
def reader(settings: Settings, timeout_s: float) -> Iterator[Any]:
    """A consumer without a group, which sees only what was committed.

    Raises:
        BrokerUnreachable: no broker answers in time.
    """
    options = {
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "max_poll_records": _WHOLE_BATCHES,
    }
    with quiet_kafka():
        consumer = connected(KafkaConsumer, settings, timeout_s, **options)
        try:
            yield consumer
        finally:
            consumer.close()


def offsets_within(consumer: Any, place: TopicPartition, since_ms: int | None) -> tuple[int, int]:
    """Begin and end of what a partition holds, or holds since an instant."""
    begin, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
    if since_ms is not None:
        found = consumer.offsets_for_times({place: since_ms}).get(place)
        begin = found.offset if found is not None and found.offset >= 0 else end
    return begin, end


def records(consumer: Any, place: TopicPartition, begin: int, end: int, timeout_s: float) -> Iterator[Any]:
    """Yield a partition's records from `begin` to its end.

    Raises:
        BrokerUnreachable: nothing came for `timeout_s`.
    """
    if begin >= end:
        return
    consumer.assign([place])
    consumer.seek(place, begin)
    deadline = time.monotonic() + timeout_s
    while (position := consumer.position(place)) < end:
        for batch in consumer.poll(timeout_ms=_POLL_MS).values():
            yield from batch
        if consumer.position(place) > position:
            deadline = time.monotonic() + timeout_s
        elif time.monotonic() > deadline:
            silent = TimeoutError(f"{place.topic} stands at {position} of {end}")
            raise BrokerUnreachable(",".join(consumer.config["bootstrap_servers"]), timeout_s, silent)


def letters_place(consumer: Any, settings: Settings) -> TopicPartition | None:
    """Where the dead letters are, None if their topic isn't there."""
    topic = settings.topic(DEAD_LETTERS)
    return TopicPartition(topic, 0) if consumer.partitions_for_topic(topic) else None


def letters(consumer: Any, place: TopicPartition, within: tuple[int, int], timeout_s: float) -> Iterator[DeadLetter]:
    """Yield dead letters in the order in which they were written; raises as `records`."""
    for record in records(consumer, place, *within, timeout_s):
        yield DeadLetter.of(record)


def letter_of(consumer: Any, place: TopicPartition, wanted: LetterId, timeout_s: float) -> DeadLetter | None:
    """Return the dead letter of an id; None if there is none, or none any more."""
    if wanted.partition != place.partition:
        return None
    end = consumer.end_offsets([place])[place]
    consumer.assign([place])
    consumer.seek(place, wanted.offset)
    deadline = time.monotonic() + (timeout_s if wanted.offset < end else _BEYOND_THE_END_S)
    while time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=_POLL_MS).values():
            letter = DeadLetter.of(batch[0])
            return letter if letter.id == wanted else None
    return None
