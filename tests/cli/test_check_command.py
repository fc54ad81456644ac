"""`tapesh check` finds what is wrong before the first event is counted, and says what to do."""

from __future__ import annotations

import json
import socket

import pytest
from kafka import KafkaProducer

from events.identity import partition_of
from streams.services import free_port


@pytest.fixture
def findings(tapesh):
    """Runs the check: exit status, and texts by what was looked at; a problem's begin with an exclamation mark."""

    def run(*options: str) -> tuple[int, dict[str, str]]:
        result = tapesh("check", "--json", *options)
        found = json.loads(result.stdout)
        assert found["ok"] == (result.exit_code == 0)
        return result.exit_code, {
            item["name"]: ("" if item["ok"] else "!") + item["text"] for item in found["findings"]
        }

    return run


@pytest.fixture
def free_web_port(monkeypatch) -> int:
    port = free_port()
    monkeypatch.setenv("TAPESH_WEB__PORT", str(port))
    return port


def test_all_is_well(on_kafka, tapesh, findings, free_web_port, fresh_redis_url, monkeypatch, purchase):
    """Kafka, its topics, where customers are, Redis, the web port."""
    monkeypatch.setenv("TAPESH_REDIS__URL", fresh_redis_url)
    monkeypatch.setenv("TAPESH_TIMEZONE", "Asia/Tehran")
    tapesh("topics")
    tapesh("produce", stdin=b"\n".join(purchase(number) for number in range(30)))
    code, found = findings()
    assert code == 0
    assert found["time zone"].startswith("Asia/Tehran")
    assert "UTC+0330" in found["time zone"]
    assert "event topics of 3 partitions" in found["topics"]
    assert "sampled events are where they belong" in found["partitioning"]
    assert found["Redis"].startswith("127.0.0.1:")
    assert found["web port"] == f"127.0.0.1:{free_web_port} is free"


def test_nothing_is_there(findings, free_web_port, monkeypatch):
    """Each with the setting that says where it is; a password in the address isn't shown."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("TAPESH_REDIS__URL", "redis://user:hunter2@127.0.0.1:9/0")
    code, found = findings("--timeout", "0.5")
    assert code == 1
    assert "TAPESH_KAFKA__BOOTSTRAP" in found["Kafka"]
    assert found["Redis"].startswith("!127.0.0.1:9: no answer")
    assert "hunter2" not in str(found)


def test_topics_that_are_missing_or_cut_otherwise(on_kafka, findings, fresh_prefix, create_topics):
    """Both are told at once."""
    create_topics(on_kafka.bootstrap, {f"{fresh_prefix}customer-events": 5})
    code, found = findings()
    assert code == 1
    assert "not there: " in found["topics"]
    assert "create them: tapesh topics" in found["topics"]


@pytest.mark.parametrize(
    ("keyed", "said"), [(True, "partitioner=murmur2_random"), (False, "the message's key must be its customer_id")]
)
def test_a_producer_that_puts_customers_elsewhere(on_kafka, tapesh, findings, fresh_prefix, purchase, keyed, said):
    """By whom, one of its events, and what is wrong with it: the partitioner, or the key."""
    tapesh("topics")
    producer = KafkaProducer(bootstrap_servers=on_kafka.bootstrap)
    for number in range(9):
        customer = f"c-{number}"
        elsewhere = (partition_of(customer, 3) + 1) % 3
        key = customer.encode() if keyed else b"the shop"
        producer.send(f"{fresh_prefix}customer-events", purchase(number, source="till"), key=key, partition=elsewhere)
    producer.close()
    code, found = findings()
    assert code == 1
    assert "from: till (" in found["partitioning"]
    assert said in found["partitioning"]


def test_a_web_port_that_somebody_else_has(findings, monkeypatch):
    """It isn't an engine's, so another one must be chosen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("TAPESH_WEB__PORT", str(taken.getsockname()[1]))
        monkeypatch.setattr("streams.cli.engine_client._TIMEOUT_S", 0.2)
        monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "127.0.0.1:9")
        _, found = findings("--timeout", "0.2")
    assert "choose another web.port (TAPESH_WEB__PORT)" in found["web port"]


def test_settings_come_first(tapesh, monkeypatch):
    """Without them nothing else can be looked at; each line begins with its verdict."""
    monkeypatch.setenv("TAPESH_CURRENCY", "euro")
    result = tapesh("check")
    assert result.exit_code == 1
    assert result.stdout.startswith("PROBLEM  settings")
    assert "currency (TAPESH_CURRENCY): got 'euro'" in result.stdout
