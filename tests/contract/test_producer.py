"""The producer client against real brokers: right topic, right partition, and no silent loss."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from contract_messages import GOOD, changed, raw
from kafka import KafkaConsumer, TopicPartition

from events import models
from events.codec import decode
from events.identity import partition_of
from events.producer import NotDeliveredError, TapeshProducer
from events.rejection import Rejected

PARTITIONS = 4
WHEN = datetime(2026, 6, 15, 13, 37, 20, tzinfo=UTC)


@pytest.fixture
def topics(any_kafka, fresh_prefix, create_topics) -> tuple[str, str]:
    """The broker and the prefix of two topics of four partitions."""
    names = (f"{fresh_prefix}customer-events", f"{fresh_prefix}business-events")
    create_topics(any_kafka.bootstrap, dict.fromkeys(names, PARTITIONS))
    return any_kafka.bootstrap, fresh_prefix


def records(bootstrap: str, topic: str, count: int) -> list:
    """The first `count` records of a topic."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        found: list = []
        deadline = time.monotonic() + 20
        while len(found) < count and time.monotonic() < deadline:
            found += [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
        return found
    finally:
        consumer.close()


def purchase(number: int) -> models.Purchase:
    return models.Purchase.natural(
        customer_id=f"c-{number}",
        occurred_at=WHEN + timedelta(seconds=number),
        order_id=f"A-{number}",
        total=models.Money(amount="19.99", currency="EUR"),
    )


def test_events_arrive_at_the_partition_of_their_customer(topics) -> None:
    bootstrap, prefix = topics
    with TapeshProducer(bootstrap, prefix) as producer:
        for number in range(40):
            producer.send(purchase(number))
    arrived = records(bootstrap, f"{prefix}customer-events", 40)
    assert {decode(record.value).event_id for record in arrived} == {f"purchase:A-{number}" for number in range(40)}
    for record in arrived:
        customer = decode(record.value).customer_id
        assert record.key.decode() == customer
        assert record.partition == partition_of(customer, PARTITIONS)


def test_spend_goes_to_its_own_topic_by_channel(topics) -> None:
    bootstrap, prefix = topics
    with TapeshProducer(bootstrap, prefix) as producer:
        producer.send(models.MarketingSpend.model_validate(GOOD["marketing-spend"]))
        producer.send_raw(raw(changed("marketing-spend", event_id="s-2")))
    arrived = records(bootstrap, f"{prefix}business-events", 2)
    assert [record.key for record in arrived] == [b"web", b"web"]


def test_a_raw_message_goes_out_untouched(topics) -> None:
    bootstrap, prefix = topics
    message = raw(changed("refund", unknown="é")) + b" \n"
    with TapeshProducer(bootstrap, prefix) as producer:
        producer.send_raw(message)
        with pytest.raises(Rejected):
            producer.send_raw(b"{}")
    (arrived,) = records(bootstrap, f"{prefix}customer-events", 1)
    assert (arrived.key, arrived.value) == (b"c-1", message)


def test_a_message_that_the_client_refuses_is_named_and_the_rest_arrives(topics) -> None:
    bootstrap, prefix = topics
    producer = TapeshProducer(bootstrap, prefix, max_request_size=300)
    producer.send(purchase(1))
    with pytest.raises(NotDeliveredError, match="purchase:A-2"):
        producer.send(purchase(2).model_copy(update={"source": "x" * 256}))
    producer.flush()
    producer.close()
    assert len(records(bootstrap, f"{prefix}customer-events", 1)) == 1


class Refusing:
    """Stands in for the client where no broker can be made to fail on demand."""

    def __init__(self, **options: object) -> None:
        from kafka.future import Future

        self.options = options
        self.futures: list[Future] = []
        self._make = Future

    def send(self, topic: str, value: bytes, key: bytes):
        self.futures.append(self._make())
        return self.futures[-1]

    def flush(self, timeout: float | None = None) -> None:
        from kafka.errors import NotEnoughReplicasError

        for future in self.futures[::2]:
            if not future.is_done:
                future.failure(NotEnoughReplicasError("1 of 2"))

    def close(self, timeout: float | None = None) -> None:
        self.closed = True


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.producer.KafkaProducer", Refusing)


def test_flush_names_what_failed_and_what_is_still_unacknowledged(refusing) -> None:
    producer = TapeshProducer("nowhere:1")
    producer.send(purchase(1))
    producer.send(purchase(2))
    with pytest.raises(NotDeliveredError) as caught:
        producer.flush(timeout_s=0.01)
    failed, waiting = caught.value.events
    assert (failed.event_id, waiting.event_id) == ("purchase:A-1", "purchase:A-2")
    assert "NotEnoughReplicas" in failed.error
    assert str(caught.value).startswith("2 event(s) not delivered: 'purchase:A-1' (topic customer-events, key 'c-1')")


def test_a_full_buffer_blocks_then_says_so(refusing) -> None:
    producer = TapeshProducer("nowhere:1", max_unacknowledged=2, max_block_s=0.01)
    producer.send(purchase(1))
    producer.send(purchase(2))
    with pytest.raises(NotDeliveredError, match="buffer holds 2 unacknowledged"):
        producer.send(purchase(3))


def test_undelivered_events_keep_their_place_until_reported(refusing) -> None:
    producer = TapeshProducer("nowhere:1", max_unacknowledged=1, max_block_s=0.01)
    producer.send(purchase(1))
    producer._kafka.flush()
    with pytest.raises(NotDeliveredError, match="A-2"):
        producer.send(purchase(2))
    with pytest.raises(NotDeliveredError, match="A-1"):
        producer.flush()
    producer.send(purchase(2))


def test_leaving_the_block_raises_what_was_not_delivered(refusing) -> None:
    with pytest.raises(NotDeliveredError, match="purchase:A-1"), TapeshProducer("nowhere:1") as producer:
        producer.send(purchase(1))
    assert producer._kafka.closed


def _fail_after_sending(producer: TapeshProducer) -> None:
    producer.send(purchase(1))
    raise KeyError("the shop's own")


def test_an_error_in_the_block_stays_in_front_with_the_loss_as_a_note(refusing) -> None:
    with pytest.raises(KeyError) as caught, TapeshProducer("nowhere:1") as producer:
        _fail_after_sending(producer)
    assert "purchase:A-1" in caught.value.__notes__[0]


def test_it_asks_for_all_replicas_and_idempotence_and_lets_nobody_change_that(refusing) -> None:
    options = TapeshProducer("a:1,b:2", linger_ms=50)._kafka.options
    assert (options["acks"], options["enable_idempotence"], options["linger_ms"]) == ("all", True, 50)
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    with pytest.raises(TypeError, match="'acks' is fixed by the event contract"):
        TapeshProducer("a:1", acks=0)


def test_no_broker_is_an_error_at_once_rather_than_at_the_first_event() -> None:
    with socket.socket() as reserved:  # bound, not listening: nobody else answers there
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(Exception, match="Unable to bootstrap"):
            TapeshProducer(f"127.0.0.1:{reserved.getsockname()[1]}", bootstrap_timeout_ms=300)
