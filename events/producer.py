"""The producer client: typed events in, each to its topic and partition, and no silent loss.

A plain Kafka client would do, and would let a shop get three things wrong without a sign: the key (a person
whose events lie in two partitions has two half lifetimes), the event id (an order sent twice counts twice) and
the delivery error (a future that nobody looks at). Here the first two follow from the event, and the third is
raised by `flush` and at the end of the `with` block:

    with TapeshProducer("localhost:9092") as producer:
        producer.send(Purchase.natural(customer_id="c-1", occurred_at=datetime.now(UTC), order_id="A-1",
                                       total=Money(amount="19.99", currency="EUR")))
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from .identity import partition_key
from .models import AnyEvent
from .names import topic_of

try:  # the engine's reader, several times faster, where it is installed
    from .codec import decode as judged
except ModuleNotFoundError:
    from .judgement import judged  # type: ignore[assignment]

MOST_NAMED = 5
"""Undelivered events that an error message names; the exception holds them all."""

_FIXED = {"acks": "all", "enable_idempotence": True}
_OURS = frozenset({"partitioner", "key_serializer", "value_serializer", "bootstrap_servers", *_FIXED})


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that no broker has acknowledged, and why."""

    event_id: str
    topic: str
    key: str
    error: str

    def __str__(self) -> str:
        return f"{self.event_id!r} (topic {self.topic}, key {self.key!r}): {self.error}"


class NotDeliveredError(Exception):
    """Events were handed over, and Kafka hasn't taken them. `events` names each; send them again.

    Sending again is safe even where Kafka took one in the end: its event id is the same.
    """

    def __init__(self, events: Sequence[Undelivered]) -> None:
        super().__init__(events)
        self.events = tuple(events)

    def __str__(self) -> str:
        more = len(self.events) - MOST_NAMED
        named = "; ".join(str(event) for event in self.events[:MOST_NAMED])
        return f"{len(self.events)} event(s) not delivered: {named}{f'; and {more} more' if more > 0 else ''}"


class TapeshProducer:
    """Publishes events to Kafka, in the background, acknowledged by all replicas, without duplicates of its own.

    Thread-safe; share one. Undelivered events keep their place in the buffer until `flush` or `close` has
    reported them, so memory is bounded even if nobody asks.

    Args:
        bootstrap: `host:port` of one broker or several, separated by commas.
        topic_prefix: what the deployment puts before its topics' names.
        max_unacknowledged: events that may wait for their acknowledgement; `send` blocks beyond that.
        max_block_s: how long `send` blocks, for room in the buffer or a topic's metadata, before it gives up.
        kafka_options: kafka-python's own, e.g. `security_protocol`, `delivery_timeout_ms`, `linger_ms`.

    Raises:
        TypeError: an option that the contract fixes (partitioner, serializers, acks, idempotence).
        kafka.errors.KafkaError: no broker answers.
    """

    def __init__(
        self,
        bootstrap: str,
        topic_prefix: str = "",
        *,
        max_unacknowledged: int = 10_000,
        max_block_s: float = 60.0,
        **kafka_options: Any,
    ) -> None:
        if fixed := sorted(_OURS & kafka_options.keys()):
            raise TypeError(f"kafka option {fixed[0]!r} is fixed by the event contract and can't be set; leave it out")
        options = {"linger_ms": 5, "max_block_ms": int(max_block_s * 1000), **kafka_options, **_FIXED}
        self._topic_prefix = topic_prefix
        self._max_block_s = max_block_s
        self._max_unacknowledged = max_unacknowledged
        self._changed = threading.Condition()
        self._waiting: dict[int, Undelivered] = {}
        self._failed: dict[int, Undelivered] = {}
        self._sent = 0
        self._kafka = KafkaProducer(bootstrap_servers=bootstrap.split(","), **options)

    def send(self, event: AnyEvent) -> None:
        """Queue an event. Whether it arrived, `flush` and `close` tell.

        Raises:
            NotDeliveredError: the buffer stayed full, or the topic stayed unknown, for `max_block_s`.
        """
        self._send(event, event.model_dump_json(exclude_none=True).encode())

    def send_raw(self, message: bytes) -> None:
        """Queue a message as it is, CloudEvents included; it is judged first, for its key and its topic.

        Raises:
            Rejected: it breaks the contract.
            NotDeliveredError: as `send`.
        """
        self._send(judged(message), message)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            NotDeliveredError: something wasn't, finally or within `timeout_s` seconds.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with suppress(KafkaTimeoutError):
            self._kafka.flush(timeout_s)
        with self._changed:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._changed.wait_for(lambda: not self._waiting, left)
            undelivered = [*self._failed.values(), *self._waiting.values()]
            self._failed.clear()
        if undelivered:
            raise NotDeliveredError(undelivered)

    def close(self, timeout_s: float | None = None) -> None:
        """Flush and disconnect.

        Raises:
            NotDeliveredError: as `flush`; disconnected all the same.
        """
        try:
            self.flush(timeout_s)
        finally:
            with suppress(KafkaTimeoutError):
                self._kafka.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except NotDeliveredError as undelivered:
            if error is None:
                raise
            error.add_note(str(undelivered))  # what went wrong first stays in front

    def _send(self, event: Any, message: bytes) -> None:
        topic, key = topic_of(event.type, self._topic_prefix), partition_key(event)
        place = self._take_place(Undelivered(event.event_id, topic, key, "not acknowledged in time"))
        try:
            future = self._kafka.send(topic, value=message, key=key.encode())
        except BaseException as error:
            undelivered = self._waiting[place]
            self._settle(place, None)
            if isinstance(error, KafkaError):
                raise NotDeliveredError([_because(undelivered, error)]) from error
            raise
        future.add_callback(lambda _: self._settle(place, None))
        future.add_errback(lambda error: self._settle(place, error))

    def _take_place(self, event: Undelivered) -> int:
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._max_block_s):
                detail = f"the buffer holds {self._max_unacknowledged} unacknowledged events; is Kafka reachable?"
                raise NotDeliveredError([Undelivered(event.event_id, event.topic, event.key, detail)])
            self._sent += 1
            self._waiting[self._sent] = event
            return self._sent

    def _has_room(self) -> bool:
        return len(self._waiting) + len(self._failed) < self._max_unacknowledged

    def _settle(self, place: int, error: BaseException | None) -> None:
        with self._changed:
            event = self._waiting.pop(place)
            if error is not None:
                self._failed[place] = _because(event, error)
            self._changed.notify_all()


def _because(event: Undelivered, error: BaseException) -> Undelivered:
    return Undelivered(event.event_id, event.topic, event.key, f"{type(error).__name__}: {error}")
