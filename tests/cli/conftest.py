"""The command line, run within the test; and events for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from typer.testing import CliRunner

from streams.cli.app import app


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory holds no settings but the test's own; there is no Redis."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPESH_REDIS__URL", "")


@pytest.fixture
def tapesh() -> Callable[..., Any]:
    """Runs a command: `tapesh("compute", "-", stdin=b"...")` gives exit_code, stdout and stderr."""

    def run(*arguments: str, stdin: bytes | None = None) -> Any:
        result = CliRunner().invoke(app, list(arguments), input=stdin, prog_name="tapesh")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception  # a traceback is never what a user should see
        return result

    return run


@pytest.fixture
def purchase() -> Callable[..., bytes]:
    """Makes the row of a purchase: `purchase(1, total=...)`."""

    def make(number: int, **fields: Any) -> bytes:
        event = {
            "type": "purchase",
            "event_id": f"p-{number}",
            "customer_id": f"c-{number}",
            "occurred_at": f"2026-06-15T13:{number % 60:02}:00Z",
            "order_id": f"A-{number}",
            "total": {"amount": "10.00", "currency": "EUR"},
        }
        return json.dumps(event | fields).encode()

    return make


@pytest.fixture
def on_kafka(any_kafka: Any, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings that name a real broker, with three partitions and topics of the test's own; gives the broker."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", any_kafka.bootstrap)
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", fresh_prefix)
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "3")
    return any_kafka


@pytest.fixture
def read_all(on_kafka: Any, fresh_prefix: str) -> Iterator[Callable[[str], list[Any]]]:
    """Reads what a topic holds: `read_all("customer-events", 3)` waits for three records."""
    consumer = KafkaConsumer(
        bootstrap_servers=on_kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, group_id=None
    )

    def read(topic: str, count: int) -> list[Any]:
        consumer.assign([TopicPartition(f"{fresh_prefix}{topic}", partition) for partition in range(3)])
        consumer.seek_to_beginning()
        found: list[Any] = []
        for _ in range(100):  # 20 s
            found += [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
            if len(found) >= count:
                break
        return found

    yield read
    consumer.close()
