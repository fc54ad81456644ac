"""Rejected messages can be looked at, mended and sent back, each once, whatever breaks in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import dying_replay
import pytest
from kafka import KafkaProducer, TopicPartition

from events import names
from events.identity import partition_of
from streams.cli.safe_text import printable, shown_value
from streams.dead_letters import (
    DeadLetter,
    Judge,
    LetterId,
    MendError,
    Origin,
    Planner,
    Ready,
    Refused,
    Replay,
    mended,
    reader,
)
from streams.services import EmbeddedBroker
from streams.settings import Settings

SECRET = "anna@example.org"
NOW_MS = 1_800_000_000_000


def letter(value: bytes | None, offset: int = 0, topic: str = "customer-events", **headers: str) -> DeadLetter:
    """A dead letter as a worker writes it."""
    told = {"error": "invalid-field: got 1", "topic": topic, "partition": "0", "offset": str(offset), **headers}
    made = tuple((name.replace("_", "-"), text.encode()) for name, text in told.items())
    return DeadLetter(LetterId(0, offset), b"c-1", value, made, NOW_MS)


def planner(**options: Any) -> Planner:
    settings = Settings()
    judge = Judge(settings.meaning, settings.future_tolerance.ms)
    return Planner(judge, frozenset({"customer-events"}), lambda _: 3, **options)


# Without a broker


@pytest.mark.parametrize(
    ("assignment", "result"),
    [
        ("order_id=A-2", {"order_id": "A-2"}),
        ("order_id=7", {"order_id": 7}),
        ('order_id="7"', {"order_id": "7"}),
        ("total.amount=19.99", {"total": {"amount": 19.99}}),
        ("lines.0.sku=s", {"lines": [{"sku": "s"}, 2]}),
        ("lines.1=null", {"lines": [{}, None]}),
        ("note=a=b", {"note": "a=b"}),
    ],
)
def test_a_field_is_set_by_its_path(assignment, result):
    """JSON where it is JSON, else text; the rest stays as it was."""
    document = {"order_id": "A-1", "lines": [{}, 2]}
    assert json.loads(mended(json.dumps(document).encode(), [assignment])) == document | result


@pytest.mark.parametrize("assignment", ["lines.7=1", "lines.x=1", "order_id.a=1", "order_id", "=1", "a..b=1"])
def test_a_path_that_leads_nowhere_is_refused(assignment):
    """With what was asked for."""
    with pytest.raises(MendError, match="--set"):
        mended(b'{"order_id": "A-1", "lines": [{}]}', [assignment])


def test_without_anything_to_set_not_a_byte_changes():
    """A letter whose currency has got a rate meanwhile goes back as it came."""
    assert mended(b'{ "a":1.10 }', []) == b'{ "a":1.10 }'


def test_what_would_be_rejected_again_is_refused_without_its_data(purchase):
    """The field and the way out are named; what was got is its customer's business."""
    refused = planner().plan(letter(purchase(1, order_id="", note=SECRET, total={"amount": SECRET})), NOW_MS)
    assert isinstance(refused, Refused)
    assert "it would be rejected again: " in refused.why
    assert "--set" in refused.why
    assert SECRET not in refused.why


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"topic": "another-shop.customer-events"}, "isn't a topic that the engine reads"),
        ({"offset": "x"}, "don't say where it came from"),
        ({"cut_from": "900000"}, "of its 900000 bytes were kept"),
    ],
)
def test_a_letter_that_cannot_go_back_says_why(purchase, bad, why):
    """A header is anybody's word: nothing is sent to a topic that the engine doesn't read."""
    refused = planner().plan(
        letter(purchase(1), **{"offset": 0} | bad)
        if "offset" not in bad
        else DeadLetter(LetterId(0, 0), None, purchase(1), (("offset", b"x"),), NOW_MS),
        NOW_MS,
    )
    assert isinstance(refused, Refused)
    assert why in refused.why


def test_a_mended_letter_goes_to_its_customers_partition(purchase):
    """Whatever its key was: the customer decides, by murmur2; the event id stays."""
    ready = planner(assignments=["total.amount=10"]).plan(letter(purchase(4, total={"currency": "EUR"})), NOW_MS)
    assert isinstance(ready, Ready)
    assert (ready.topic, ready.key, ready.partition) == ("customer-events", "c-4", partition_of("c-4", 3))
    assert json.loads(ready.value)["event_id"] == "p-4"


def test_nothing_that_a_message_holds_reaches_the_terminal_as_a_command():
    """Escape sequences, C1 controls and overrides of direction are written out."""
    hostile = "\x1b[2J\x9b31m\u202e\x07"
    assert printable(hostile).isascii()
    assert "\x1b" not in shown_value(json.dumps({"a": hostile}, ensure_ascii=False).encode())
    assert shown_value(b"\xff\x1b]0;x\x07") == "\\xff\\x1b]0;x\\x07"
    assert shown_value(None) == "(none: a tombstone)"


def test_the_origin_of_a_letter_is_what_makes_two_of_them_one():
    """A crash of a worker may write one letter twice."""
    assert letter(b"", 3).origin == Origin("customer-events", 0, 3)
    assert letter(b"", topic="").origin == Origin("", 0, 0)
    assert DeadLetter(LetterId(0, 0), None, None, (), NOW_MS).origin is None


# On both brokers


@pytest.fixture
def bury(on_kafka, fresh_prefix):
    """Writes dead letters as a worker does: `bury(value, reason=, field=, origin=)`; gives their ids."""
    producer = KafkaProducer(bootstrap_servers=on_kafka.bootstrap)
    count = iter(range(1_000))

    def write(value: bytes | None, reason="invalid-field", field="total.amount", origin: int | None = None) -> str:
        headers = {
            names.HEADER_ERROR: f"{reason}: got {SECRET!r}, expected something else",
            names.HEADER_ERROR_FIELD: field,
            names.HEADER_TOPIC: f"{fresh_prefix}customer-events",
            names.HEADER_PARTITION: "0",
            names.HEADER_OFFSET: str(next(count) if origin is None else origin),
            names.HEADER_REJECTED_AT: f"{time.time():.3f}",
        }
        made = [(name, text.encode()) for name, text in headers.items()]
        sent = producer.send(f"{fresh_prefix}dead-letters", value=value, key=b"c-1", headers=made).get(10)
        return f"{sent.partition}-{sent.offset}"

    yield write
    producer.close()


@pytest.fixture
def topics(on_kafka, tapesh):
    """All topics, as `tapesh topics` makes them."""
    assert tapesh("topics").exit_code == 0


@pytest.fixture
def settings(on_kafka, fresh_prefix) -> Settings:
    return Settings(kafka={"bootstrap": on_kafka.bootstrap, "topic_prefix": fresh_prefix, "partitions": 3})


def test_the_list_is_newest_first_and_says_nothing_of_customers(topics, bury, tapesh, purchase):
    """Filters by reason, bounds, a summary; neither value nor key nor what was got is shown."""
    first = bury(purchase(1, customer_id=SECRET, source="till"))
    second = bury(b"{" + SECRET.encode(), reason="not-json", field="")
    third = bury(purchase(2, source="till"))
    listed = tapesh("dead-letters", "list", "--json")
    rows = json.loads(listed.stdout)
    assert [row["id"] for row in rows] == [third, second, first]
    assert rows[0]["source"] == "till"
    assert not any(row["replayed"] for row in rows)
    shown = tapesh("dead-letters", "list")
    assert SECRET not in listed.stdout + shown.stdout + shown.stderr
    chosen = json.loads(tapesh("dead-letters", "list", "--reason", "not-json", "--since", "1h", "--json").stdout)
    assert [row["id"] for row in chosen] == [second]
    assert json.loads(tapesh("dead-letters", "list", "--since", "2200-01-01T00:00:00Z", "--json").stdout) == []
    assert [row["id"] for row in json.loads(tapesh("dead-letters", "list", "--limit", "1", "--json").stdout)] == [third]
    groups = json.loads(tapesh("dead-letters", "list", "--summary", "--json").stdout)
    assert [(group["reason"], group["source"], group["count"]) for group in groups] == [
        ("invalid-field", "till", 2),
        ("not-json", "unknown", 1),
    ]


def test_one_letter_is_shown_whole_with_the_contracts_verdict(topics, bury, tapesh, purchase):
    """Headers, value, and what the contract says of it today: field, got, expected, the way out."""
    broken = bury(purchase(1, total={"amount": "19.999", "currency": "EUR"}))
    sound, bytes_ = bury(purchase(2)), bury(b"\xff\x1b[2J", reason="not-utf8", field="")
    told = json.loads(tapesh("dead-letters", "show", broken, "--json").stdout)
    assert told["value"]["total"]["amount"] == "19.999"
    assert told["headers"]["error-field"] == "total.amount"
    verdict = told["verdict"]
    assert (verdict["field"], verdict["got"], verdict["expected"]) == (
        "total.amount",
        "'19.999'",
        "at most 2 decimals in EUR",
    )
    assert verdict["remedy"] == "put the field right: --set total.amount=..."
    assert "accepted" in tapesh("dead-letters", "show", sound).stdout
    shown = tapesh("dead-letters", "show", bytes_)
    assert "\x1b" not in shown.stdout
    assert tapesh("dead-letters", "show", bytes_, "--raw").stdout_bytes == b"\xff\x1b[2J"
    gone = tapesh("dead-letters", "show", "0-99")
    assert gone.exit_code == 1
    assert "there is no dead letter 0-99" in gone.stderr


def test_a_mended_letter_goes_back_once(topics, bury, tapesh, purchase, read_all):
    """Two commands, a letter written twice: one event, in its customer's partition, under its own id."""
    broken = purchase(1, total={"amount": "19.999", "currency": "EUR"})
    letter_id, twin, hopeless = bury(broken, origin=7), bury(broken, origin=7), bury(b"nothing", reason="not-json")
    mend = ("--set", "total.amount=19.99")
    dry = json.loads(tapesh("dead-letters", "replay", letter_id, *mend, "--dry-run", "--json").stdout)
    assert [each["id"] for each in dry["would_replay"]] == [letter_id]
    done = tapesh("dead-letters", "replay", "--all", *mend, "--json")
    assert done.exit_code == 1, "one of them was refused"
    account = json.loads(done.stdout)
    assert [each["id"] for each in account["replayed"]] == [letter_id]
    assert account["replayed_before"] == [twin]
    assert [each["id"] for each in account["refused"]] == [hopeless]
    again = json.loads(tapesh("dead-letters", "replay", letter_id, twin, *mend, "--json").stdout)
    assert (again["replayed"], again["replayed_before"]) == ([], [letter_id, twin])
    (event,) = read_all("customer-events", 1)
    assert json.loads(event.value)["total"] == {"amount": 19.99, "currency": "EUR"}
    assert json.loads(event.value)["event_id"] == "p-1"
    assert (event.key, event.partition) == (b"c-1", partition_of("c-1", 3))
    assert dict(event.headers)[names.HEADER_DEAD_LETTER] == letter_id.encode()
    assert {row["id"] for row in json.loads(tapesh("dead-letters", "list", "--json").stdout) if row["replayed"]} == {
        letter_id,
        twin,
    }
    tapesh("dead-letters", "replay", letter_id, *mend, "--again")
    assert len(read_all("customer-events", 2)) == 2


def test_a_whole_message_takes_a_letters_place(topics, bury, tapesh, purchase, read_all, tmp_path):
    """What isn't JSON has no field to set."""
    letter_id = bury(b"{oh", reason="not-json", field="")
    refused = tapesh("dead-letters", "replay", letter_id, "--set", "order_id=A")
    assert "isn't a JSON object" in refused.stderr
    (tmp_path / "fixed.json").write_bytes(purchase(5))
    assert tapesh("dead-letters", "replay", letter_id, "--edit", str(tmp_path / "fixed.json")).exit_code == 0
    assert [record.value for record in read_all("customer-events", 1)] == [purchase(5)]


@pytest.mark.parametrize(
    "wrong", [(), ("0-1", "--all"), ("1:2",), ("--all", "--edit", "x.json"), ("0-1", "--reason", "not-json")]
)
def test_an_odd_call_is_refused_before_anything_is_sent(tapesh, wrong, tmp_path):
    """With exit status 2 and what was expected."""
    (tmp_path / "x.json").write_text("{}")
    assert tapesh("dead-letters", "replay", *wrong).exit_code == 2


def committed(settings: Settings, topic: str, partitions: int) -> list[Any]:
    """What a reader of committed records sees."""
    found = []
    with reader(settings, 10) as consumer:
        for number in range(partitions):
            place = TopicPartition(settings.topic(topic), number)
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            end = consumer.end_offsets([place])[place]
            while consumer.position(place) < end:
                found += [each for batch in consumer.poll(timeout_ms=200).values() for each in batch]
    return found


@pytest.mark.parametrize("stage", dying_replay.STAGES)
def test_a_replay_that_dies_is_finished_by_the_next_one(topics, on_kafka, bury, tapesh, purchase, settings, stage):
    """Wherever it died, in the end a reader of what is committed sees each event once, and each letter is marked."""
    if isinstance(on_kafka, EmbeddedBroker) and stage != "sent":
        return  # it differs from Apache Kafka there alone: it shows what was rolled back
    for number in range(3):
        bury(purchase(number))
    died = subprocess.run(
        [sys.executable, dying_replay.__file__, stage, "dead-letters", "replay", "--all"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert died.returncode == 9, died.stderr
    done = tapesh("dead-letters", "replay", "--all", "--json")
    assert done.exit_code == 0
    account = json.loads(done.stdout)
    assert len(account["replayed"]) + len(account["replayed_before"]) == 3
    seen = committed(settings, names.CUSTOMER_EVENTS, 3)
    assert sorted(json.loads(record.value)["event_id"] for record in seen) == ["p-0", "p-1", "p-2"]
    assert all(row["replayed"] for row in json.loads(tapesh("dead-letters", "list", "--json").stdout))


def test_a_second_replay_shuts_the_first_one_out(kafka, fresh_prefix, purchase, monkeypatch, tapesh):
    """Two people at once: the one who began first sends nothing more. (The embedded broker fences nobody.)"""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", fresh_prefix)
    tapesh("topics")
    settings = Settings(kafka={"bootstrap": kafka.bootstrap, "topic_prefix": fresh_prefix})
    ready = Ready(letter(purchase(1)), purchase(1), settings.topic("customer-events"), 0, "c-1")
    with reader(settings, 10) as one, reader(settings, 10) as two:
        first, second = Replay(settings, one, 10), None
        try:
            second = Replay(settings, two, 10)
            with pytest.raises(Exception, match="another replay has begun meanwhile"):
                first.send([ready])
            assert len(second.send([ready])) == 1
        finally:
            for each in (first, second):
                if each is not None:
                    each.__exit__(None, None, None)
    assert len(committed(settings, names.CUSTOMER_EVENTS, 12)) == 1
