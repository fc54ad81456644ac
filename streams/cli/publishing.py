"""Rows to Kafka at a given rate, and the account of what became of each."""

from __future__ import annotations

import json
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer

from events.names import CUSTOMER_EVENTS
from events.producer import NotDeliveredError, TapeshProducer
from events.rejection import Rejected
from streams.cli.console import counted, say
from streams.settings import Settings
from streams.topics import admin_client, connected, ensure_topics, partition_counts, source_names

_BATCHING = {"linger_ms": 20, "batch_size": 256 * 1024}
"""Twenty milliseconds of delay for a third more throughput."""
_SLEEP_FROM_S = 0.002
"""Shorter sleeps than this take longer than they say."""
_NAMED = 5


class Publishing:
    """A connection that publishes rows and counts them.

    Args:
        settings: where the broker is, what its topics are called.
        timeout_s: how long to wait for a broker, at the start and for the acknowledgement of what was sent.
        rate: rows a second at most; 0: no bound.
        send_bad: send rows that aren't events, too, as they are.

    Raises:
        BrokerUnreachable: no broker answers in time.
        TopicsError: a topic is missing and can't be created, or another one has a wrong partition count.
    """

    def __init__(self, settings: Settings, *, timeout_s: float, rate: float = 0.0, send_bad: bool = False) -> None:
        self.sent = 0
        self.undelivered = 0
        self.rejected: Counter[str] = Counter()
        self._settings = settings
        self._timeout_s = timeout_s
        self._rate = rate
        self._send_bad = send_bad
        self._create_missing_topics()
        self._producer: TapeshProducer = self._connected(_tapesh_producer, topic_prefix=settings.kafka.topic_prefix)
        self._bad_rows: Any = None
        self._bad_rows_lost = 0
        self._began = time.monotonic()

    def publish(self, row: bytes) -> Rejected | None:
        """Send a row when its time has come; return why it isn't an event, if it isn't.

        Raises:
            NotDeliveredError: Kafka takes no more.
        """
        if self._rate:
            self._wait_for_turn()
        try:
            self._producer.send_raw(row)
        except Rejected as why:
            self.rejected[why.reason] += 1
            if self._send_bad:
                self._send_as_it_is(row)
            return why
        self.sent += 1
        return None

    def summary(self) -> str:
        """What became of the rows, on one line."""
        took_s = max(time.monotonic() - self._began, 1e-9)
        delivered = self.sent - (self.undelivered - self._bad_rows_lost)
        text = f"{delivered:,} events published in {took_s:.1f} s ({delivered / took_s:,.0f} a second)"
        if self.undelivered:
            text += f"; {self.undelivered:,} not delivered"
        if self.rejected:
            what = "bad rows, sent as they are" if self._send_bad else "rejected"
            text += f"; {self.rejected.total():,} {what} ({counted(self.rejected)})"
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Wait for what was sent; what Kafka hasn't taken is named and counted."""
        lost = list(error.events) if isinstance(error, NotDeliveredError) else []
        self.sent += len(lost)  # it was refused before it could be counted
        try:
            self._producer.close(self._timeout_s)
        except NotDeliveredError as undelivered:
            lost += undelivered.events
        if self._bad_rows is not None:
            self._bad_rows.close(self._timeout_s)
        self.undelivered = len(lost) + self._bad_rows_lost
        for event in lost[:_NAMED]:
            say(f"not delivered: {event}")
        if len(lost) > _NAMED:
            say(f"not delivered: {len(lost) - _NAMED:,} more")
        return isinstance(error, NotDeliveredError)

    def _create_missing_topics(self) -> None:
        """Create what isn't there as the settings have it: left to the broker, topics get its own partition count."""
        wanted = [self._settings.topic(name) for name in source_names(self._settings)]
        with admin_client(self._settings, self._timeout_s) as admin:
            there = partition_counts(admin, wanted)
        if any(topic not in there for topic in wanted):
            made = ensure_topics(self._settings, timeout_s=self._timeout_s).created
            say(f"topics created, with {self._settings.kafka.partitions} partitions for events: {len(made)}")

    def _wait_for_turn(self) -> None:
        rows = self.sent + self.rejected.total()
        ahead_s = self._began + rows / self._rate - time.monotonic()
        if ahead_s > _SLEEP_FROM_S:
            time.sleep(ahead_s)

    def _send_as_it_is(self, row: bytes) -> None:
        if self._bad_rows is None:
            self._bad_rows = self._connected(KafkaProducer, acks="all")
        topic = self._settings.topic(CUSTOMER_EVENTS)
        self._bad_rows.send(topic, value=row, key=_customer_of(row)).add_errback(self._lose_bad_row)

    def _lose_bad_row(self, why: BaseException) -> None:
        say(f"not delivered: a bad row: {why}")
        self._bad_rows_lost += 1

    def _connected(self, client: Any, **options: Any) -> Any:
        patience_ms = int(self._timeout_s * 1000)
        request_ms = min(30_000, patience_ms)
        return connected(
            client,
            self._settings,
            self._timeout_s,
            request_timeout_ms=request_ms,
            delivery_timeout_ms=patience_ms + _BATCHING["linger_ms"],
            max_block_ms=patience_ms,
            **_BATCHING,
            **options,
        )


def _tapesh_producer(*, bootstrap_servers: list[str], topic_prefix: str, **options: Any) -> TapeshProducer:
    patience_s = options["max_block_ms"] / 1000
    return TapeshProducer(",".join(bootstrap_servers), topic_prefix, max_block_s=patience_s, **options)


def _customer_of(row: bytes) -> bytes | None:
    """The key that the row would have if it were sound, as far as that can be told."""
    try:
        message = json.loads(row)
    except (ValueError, RecursionError):
        return None
    customer = message.get("customer_id") if isinstance(message, dict) else None
    return customer.encode() if isinstance(customer, str) else None
