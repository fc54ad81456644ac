"""Whatever lies in the topics, the good events around it count, and what is bad is kept as it was."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from deployment import PARTITIONS, Deployment, eventually, windows_differ

from events import names
from events.identity import partition_of
from events.instant import instant_ms
from metrics.names import CHECKPOINT_FAILURES, CHECKPOINTS, EVENTS_MISROUTED, EVENTS_REJECTED
from streams.services import ApacheKafka, EmbeddedBroker

GOOD: dict[str, dict[str, Any]] = {
    "customer-acquired": {"type": "customer-acquired", "channel": "web", "plan": "basic"},
    "purchase": {"type": "purchase", "order_id": "A-1", "total": {"amount": "19.99", "currency": "EUR"}},
    "marketing-spend": {
        "type": "marketing-spend",
        "event_id": "s-1",
        "spend": {"amount": "250", "currency": "EUR"},
        "purpose": "acquisition",
        "channel": "web",
    },
}
Bad = tuple[str, str, bytes | None]
"""Reason, field, value."""


def event(kind: str, customer: str, number: int, **fields: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=1, seconds=number)
    known = {"event_id": f"{kind}-{number}", "customer_id": customer, "occurred_at": at.isoformat()}
    return {**GOOD[kind], **known, **fields}


def raw(message: object) -> bytes:
    return json.dumps(message).encode()


def good_ones(count: int) -> list[tuple[str, bytes]]:
    """Key and value; customers enough to be in every partition."""
    made = []
    for number in range(count):
        customer = f"good-{number % 20}"
        kind = "customer-acquired" if number < 20 else "purchase"
        made.append((customer, raw(event(kind, customer, number, order_id=f"o-{number}"))))
    return made


def bad_ones(customer: str) -> list[Bad]:
    """What one customer's partition may be sent."""
    later = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    purchase = event("purchase", customer, 900)
    yen = {"amount": "5", "currency": "JPY"}
    return [
        ("not-json", "", b"{not json"),
        ("not-json", "", b""),
        ("not-json", "", None),
        ("not-json", "", b"[1, 2, 3]"),
        ("not-utf8", "", b'{"type": "purchase", "event_id": "\xff"}'),
        ("too-large", "", raw({**purchase, "padding": "x" * 65_536})),
        ("too-large", "", raw({**purchase, "padding": "x" * 900_000})),
        ("unknown-type", "type", raw({**purchase, "type": "abduction"})),
        ("missing-field", "order_id", raw({key: value for key, value in purchase.items() if key != "order_id"})),
        ("invalid-field", "total.amount", raw({**purchase, "total": {"amount": [1], "currency": "EUR"}})),
        ("unknown-currency", "total.currency", raw({**purchase, "total": yen})),
        ("future", "occurred_at", raw({**purchase, "occurred_at": later})),
    ]


def cloud_event(customer: str) -> bytes:
    """A purchase as an emitter of CloudEvents writes it."""
    body = event("purchase", customer, 950, order_id="o-cloud")
    data = {key: value for key, value in body.items() if key in ("order_id", "total", "lines")}
    return raw(
        {
            "specversion": "1.0",
            "type": "com.example.purchase.v1",
            "id": "cloud-1",
            "source": "/shop",
            "subject": customer,
            "time": body["occurred_at"],
            "data": data,
        }
    )


def test_bad_messages_stop_nothing_and_are_kept_untouched(
    any_kafka: ApacheKafka | EmbeddedBroker, deploy: Callable[..., Deployment]
) -> None:
    """Each bad message goes to the dead letters with its bytes, its key and the reason, and is counted."""
    live = deploy(any_kafka.bootstrap)
    topic = live.topic(names.CUSTOMER_EVENTS)
    good = good_ones(80)
    sent: dict[tuple[int, int], tuple[Bad, bytes | None]] = {}
    producer = live.producer()
    placed = []
    for number, (customer, value) in enumerate(good):
        producer.send(topic, value, key=customer.encode())
        if number < 40:
            place = partition_of(customer, PARTITIONS)
            bad = bad_ones(customer)[number % 12]
            key = None if number % 5 == 0 else customer.encode()
            placed.append((bad, key, producer.send(topic, bad[2], key=key, partition=place)))
    cloud = cloud_event("good-1")
    producer.send(topic, cloud, key=b"good-1")
    producer.flush()
    for bad, key, future in placed:
        at = future.get(0)
        sent[at.partition, at.offset] = (bad, key)
    producer.close()

    live.start(), live.start()
    live.ready(2)
    lines = [value for _, value in good] + [cloud]
    settle(live, lines)
    letters = eventually(
        "every bad message is a dead letter",
        lambda: found if len(found := live.records(live.topic(names.DEAD_LETTERS), [0])[0]) >= len(sent) else None,
    )
    assert len(letters) == len(sent)
    for letter in letters:
        headers = dict(letter.headers)
        (reason, field, value), key = sent[int(headers["partition"]), int(headers["offset"])]
        assert (letter.value, letter.key) == (value, key)
        assert headers["topic"].decode() == topic
        assert headers["error"].decode().split(":")[0] == reason
        assert headers["error-field"].decode() == field, headers
        assert abs(float(headers["rejected-at"]) - time.time()) < 120
    assert rejected(live) == Counter(reason for (reason, _, _), _ in sent.values())


def rejected(live: Deployment) -> Counter[str]:
    counts: Counter[str] = Counter()
    for worker in live.running:
        for (name, labels), value in worker.metrics().items():
            if name == EVENTS_REJECTED:
                counts[dict(labels)["reason"]] += int(value)
    return counts


def settle(live: Deployment, lines: list[bytes]) -> dict[str, Any]:
    """Wait until the KPIs, slices too, are those of these lines at the document's own `now`."""
    last: list[str] = []

    def agree() -> dict[str, Any] | None:
        document = live.known()
        if not document or document.get("slices_now") != document["now"]:
            return None
        expected = live.expected(lines, instant_ms(datetime.fromisoformat(document["now"])))
        last[:] = windows_differ(document, expected)
        return None if last else document

    try:
        return eventually("the KPIs are those of the good events", agree, 30)
    except AssertionError as error:
        raise AssertionError(f"{error}; {last[:10]}; {live.state()}") from error


def test_messages_in_the_wrong_partition_are_sent_on(
    any_kafka: ApacheKafka | EmbeddedBroker, deploy: Callable[..., Deployment]
) -> None:
    """Under a wrong key or by another partitioner: each event counts once, where its person lives."""
    live = deploy(any_kafka.bootstrap)
    topic = live.topic(names.CUSTOMER_EVENTS)
    live.start(), live.start()
    live.ready(2)
    good = good_ones(80)
    producer = live.producer()
    wrong = 0
    for number, (customer, value) in enumerate(good):
        place = number % PARTITIONS
        wrong += place != partition_of(customer, PARTITIONS)
        producer.send(topic, value, key=b"whoever", partition=place)
    spend = raw({**GOOD["marketing-spend"], "occurred_at": datetime.now(UTC).isoformat()})
    home = partition_of("web", PARTITIONS)
    producer.send(live.topic(names.BUSINESS_EVENTS), spend, key=b"other", partition=(home + 1) % PARTITIONS)
    producer.flush()
    producer.close()
    settle(live, [value for _, value in good] + [spend])
    assert sum(worker.metric(EVENTS_MISROUTED) for worker in live.running) == wrong + 1
    forwarded = [
        record
        for partition, records in live.records(topic, range(PARTITIONS)).items()
        for record in records
        if record.key != b"whoever"
    ]
    assert len(forwarded) == wrong
    assert all(partition_of(record.key.decode(), PARTITIONS) == record.partition for record in forwarded)
    assert rejected(live) == Counter()


def test_a_message_as_large_as_the_broker_takes_stops_nothing(
    any_kafka: ApacheKafka | EmbeddedBroker, deploy: Callable[..., Deployment]
) -> None:
    """With its headers a dead letter is larger than the message was; it gets through all the same."""
    live = deploy(any_kafka.bootstrap)
    topic = live.topic(names.CUSTOMER_EVENTS)
    good = good_ones(40)
    huge = b"x" * 1_048_400
    producer = live.producer()
    for number, (customer, value) in enumerate(good):
        producer.send(topic, value, key=customer.encode())
        if number == 20:
            producer.send(topic, huge, key=b"huge", partition=1)
    producer.flush()
    producer.close()
    live.start()
    live.ready()
    settle(live, [value for _, value in good])
    (letter,) = eventually("the dead letter", lambda: live.records(live.topic(names.DEAD_LETTERS), [0])[0])
    assert (letter.key, letter.value) == (b"huge", huge)
    eventually(
        "a checkpoint covers it",
        lambda: live.running[0].metric(CHECKPOINTS) > 0 and live.running[0].metric(CHECKPOINT_FAILURES) == 0,
    )
    worker = live.running[0]
    assert worker.terminate(20) == 0
