"""`tapesh produce`: every row is delivered, or named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from events.identity import partition_of
from streams.services import EmbeddedBroker, ServiceUnavailable


@pytest.fixture
def topics(on_kafka, tapesh):
    """Topics of the test's own on a real broker."""
    assert tapesh("topics").exit_code == 0
    return on_kafka


def test_rows_go_to_their_topic_and_partition_untouched(topics, tapesh, purchase, read_all):
    """Spend to its own topic; the bytes are those of the file."""
    spend = {
        "type": "marketing-spend",
        "event_id": "s-1",
        "occurred_at": "2026-06-15T13:37:20Z",
        "spend": {"amount": "5", "currency": "EUR"},
        "purpose": "acquisition",
        "channel": "web",
    }
    rows = [purchase(number) for number in range(20)]
    Path("events.ndjson").write_bytes(b"\n".join([*rows, json.dumps(spend).encode()]))
    result = tapesh("produce", "events.ndjson")
    assert result.exit_code == 0
    assert "21 events published" in result.stderr
    arrived = read_all("customer-events", 20)
    assert sorted(record.value for record in arrived) == sorted(rows)
    assert all(record.partition == partition_of(record.key.decode(), 3) for record in arrived)
    assert [record.key for record in read_all("business-events", 1)] == [b"web"]


def test_it_stops_at_a_bad_row_and_what_came_before_is_delivered(topics, tapesh, purchase, read_all):
    """The row is named by file, line and field; the exit status is 1."""
    Path("events.ndjson").write_bytes(purchase(1) + b"\n\n" + purchase(2, order_id="") + b"\n" + purchase(3))
    result = tapesh("produce", "events.ndjson")
    assert result.exit_code == 1
    assert "events.ndjson:3: invalid-field: order_id: got ''" in result.stderr
    assert "1 events published" in result.stderr
    assert "--on-error continue" in result.stderr
    assert [record.value for record in read_all("customer-events", 1)] == [purchase(1)]


def test_it_can_go_on_without_bad_rows(topics, tapesh, purchase, read_all):
    """Each is named, and they don't make it fail."""
    rows = purchase(1) + b"\nnope\n" + purchase(2) + b"\n{}\n"
    result = tapesh("produce", "-", "--on-error", "continue", stdin=rows)
    assert result.exit_code == 0
    assert "standard input:2: not-json" in result.stderr
    assert "standard input:4: missing-field: type" in result.stderr
    assert "2 events published" in result.stderr
    assert "2 rejected (1 missing-field, 1 not-json)" in result.stderr
    assert len(read_all("customer-events", 2)) == 2


def test_it_can_send_bad_rows_as_they_are(topics, tapesh, purchase, read_all):
    """To see them in the dead letters; one that names its customer has it as its key."""
    rows = [purchase(1), b"nope", b'{"customer_id": "c-9"}']
    result = tapesh("produce", "--on-error", "send", stdin=b"\n".join(rows))
    assert result.exit_code == 0
    assert "2 bad rows, sent as they are" in result.stderr
    arrived = {record.value: record.key for record in read_all("customer-events", 3)}
    assert arrived == {rows[0]: b"c-1", rows[1]: None, rows[2]: b"c-9"}


def test_a_rate_is_kept(topics, tapesh, purchase):
    """Forty events at a hundred a second take four tenths of a second."""
    began = time.monotonic()
    result = tapesh("produce", "--rate", "100", stdin=b"\n".join(purchase(number) for number in range(40)))
    assert result.exit_code == 0
    assert time.monotonic() - began >= 0.38


def test_topics_that_are_not_there_are_created_as_the_settings_have_them(on_kafka, tapesh, purchase, fresh_prefix):
    """Left to the broker they would get a partition count of its own."""
    result = tapesh("produce", stdin=purchase(1))
    assert result.exit_code == 0
    assert "topics created, with 3 partitions" in result.stderr
    with closing(KafkaConsumer(bootstrap_servers=on_kafka.bootstrap)) as consumer:
        assert len(consumer.partitions_for_topic(f"{fresh_prefix}customer-events")) == 3


def test_no_broker_is_told_after_a_bounded_time(tapesh, purchase, monkeypatch):
    """Without a traceback, with the setting that says where it is."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    began = time.monotonic()
    result = tapesh("produce", "--timeout", "0.5", stdin=purchase(1))
    assert result.exit_code == 1
    assert "no Kafka broker answers at 127.0.0.1:9" in result.stderr
    assert "TAPESH_KAFKA__BOOTSTRAP" in result.stderr
    assert time.monotonic() - began < 10


@pytest.fixture
def own_broker(monkeypatch, tapesh):
    """A broker that the test may kill, with topics."""
    try:
        broker = EmbeddedBroker()
        broker.start()
    except ServiceUnavailable as error:
        pytest.skip(str(error))
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", broker.bootstrap)
    assert tapesh("topics").exit_code == 0
    yield broker
    broker.stop()


def started(*options: str) -> subprocess.Popen[bytes]:
    """`tapesh produce` on standard input, as a program of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "produce", *options],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def has_events(broker: EmbeddedBroker) -> bool:
    """Whether the first have arrived."""
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=None)
    try:
        return any(consumer.end_offsets([TopicPartition("customer-events", number) for number in range(12)]).values())
    finally:
        consumer.close()


def feed_until_it_ends_or(condition, process, purchase) -> None:
    """Give it row after row until `condition`."""
    deadline = time.monotonic() + 120
    number = 0
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        rows = [purchase(number) for number in range(number, number + 1_000)]
        number += len(rows)
        try:
            process.stdin.write(b"\n".join(rows) + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return


def test_a_broker_that_goes_away_ends_it_with_the_events_named(own_broker, purchase):
    """It neither hangs nor passes over what wasn't delivered."""
    process = started("--timeout", "1")
    feed_until_it_ends_or(lambda: has_events(own_broker), process, purchase)
    own_broker.kill()
    feed_until_it_ends_or(lambda: False, process, purchase)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"not delivered: 'p-" in told
    assert b"Kafka hasn't taken every event" in told
    assert b"Traceback" not in told


def test_an_interrupt_delivers_what_was_read_and_says_how_much(own_broker, purchase):
    """As from a terminal, with Ctrl-C."""
    process = started()
    feed_until_it_ends_or(lambda: has_events(own_broker), process, purchase)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"events published" in told
    assert b"Traceback" not in told
