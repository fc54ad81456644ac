"""`tapesh check` finds what works today and fails at the next restart or rebuild, and says how to mend it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient
from redis import Redis

from streams.cli import redis_findings
from streams.engines import write_record
from streams.services import RedisServer
from streams.settings import Settings, load
from streams.succession import Engine, Record

Findings = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def findings(tapesh: Any, monkeypatch: pytest.MonkeyPatch) -> Findings:
    """Runs the check and returns what was found under a name, problems marked by `ok`."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "127.0.0.1:9")

    def run(name: str) -> list[dict[str, Any]]:
        found = json.loads(tapesh("check", "--json", "--timeout", "1").stdout)["findings"]
        return [each for each in found if each["name"] == name]

    return run


@pytest.fixture
def at_broker(kafka: Any, findings: Findings, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name a real broker, in the environment too."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", fresh_prefix)
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "2")
    monkeypatch.setenv("TAPESH_APP_ID", f"{fresh_prefix}group")
    return load()


def made(settings: Settings, topics: dict[str, dict[str, str]]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    for name, configs in topics.items():
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1, "configs": configs}})
    admin.close()


def test_event_topics_that_somebody_made_early_are_told(at_broker: Settings, findings: Findings) -> None:
    """Compacted, a rebuild would lose nearly all; with the broker's week of retention, all but that week."""
    customers, business = at_broker.topic("customer-events"), at_broker.topic("business-events")
    made(at_broker, {customers: {"cleanup.policy": "compact"}, business: {"retention.ms": str(7 * 86_400_000)}})
    compacted, short = findings("retention")
    assert not compacted["ok"]
    assert f"{customers} is compacted" in compacted["text"]
    assert "cleanup.policy=delete" in compacted["text"]
    assert (short["ok"], short["advice"]) == (True, True)
    assert f"{business} keeps 7 days" in short["text"]


def test_a_changelog_that_forgets_or_takes_no_large_message_is_told(at_broker: Settings, findings: Findings) -> None:
    """State would be gone after its retention, or never be saved."""
    state, memory = (f"{at_broker.app_id}-{table}-changelog" for table in ("state", "kpi-memory"))
    made(
        at_broker,
        {state: {"cleanup.policy": "delete"}, memory: {"cleanup.policy": "compact", "max.message.bytes": "99999"}},
    )
    policy, size = findings("state")
    assert "cleanup.policy 'delete', expected 'compact'" in policy["text"]
    assert "max.message.bytes=710000 or more" in size["text"]
    assert not policy["ok"]
    assert not size["ok"]


def test_a_worker_that_would_be_refused_is_told_before_it_starts(
    at_broker: Settings, findings: Findings, tapesh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine in service counts under other settings: with both values, and both ways out."""
    tapesh("topics")
    group = at_broker.app_id
    write_record(at_broker, Record(Engine(group, 1, at_broker.meaning.describe()), None, (Engine(f"{group}.0", 0),)))
    alone, retired = findings("engine")
    assert "no worker" in alone["text"]
    assert "tapesh rebuild --remove-old" in retired["text"]
    monkeypatch.setenv("TAPESH_TIMEZONE", "Asia/Tehran")
    refused, _ = findings("engine")
    assert not refused["ok"]
    assert "timezone was 'UTC' and is now 'Asia/Tehran'" in refused["text"]
    assert "tapesh rebuild" in refused["text"]


def test_messages_that_are_no_events_are_counted_by_reason(
    at_broker: Settings, findings: Findings, tapesh: Any, purchase: Callable[..., bytes]
) -> None:
    """Many of them: a producer is set up wrongly, or a rate is missing. An order to forget isn't one of them."""
    tapesh("topics")
    dollars = {"total": {"amount": "7.77", "currency": "USD"}}
    rows = [purchase(number, **(dollars if number % 3 == 0 else {})) for number in range(30)]
    tapesh("produce", "--on-error", "send", stdin=b"\n".join(rows))
    tapesh("forget", "c-1", "--yes", "--timeout", "0")
    (told,) = findings("contract")
    assert not told["ok"]
    assert "10 of 30 sampled messages aren't events: 10 unknown-currency" in told["text"]
    assert "total.currency" in told["text"]
    assert "7.77" not in told["text"]


def test_what_only_works_on_ones_own_machine_is_advice(
    findings: Findings, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Pages that anybody may read, and a directory that can't be written."""
    monkeypatch.setenv("TAPESH_WEB__HOST", "0.0.0.0")
    (told,) = findings("token")
    assert "TAPESH_WEB__TOKEN_FILE" in told["text"]
    assert told["advice"]
    monkeypatch.setenv("TAPESH_WEB__TOKEN", "long-enough-for-a-token")
    assert findings("token") == []
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("TAPESH_DATA_DIR", str(tmp_path / "taken" / "data"))
    (told,) = findings("data")
    assert not told["ok"]
    assert "TAPESH_DATA_DIR" in told["text"]


def test_webhooks_without_redis_are_a_problem(findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every delivery would be answered 503 until the sender gives up."""
    webhooks = {"my-shop": {"kind": "shopify", "secret": "long enough for a secret"}}
    monkeypatch.setenv("TAPESH_INGEST__WEBHOOKS", json.dumps(webhooks))
    (told,) = findings("Redis")
    assert not told["ok"]
    assert "my-shop" in told["text"]


def test_a_redis_that_takes_no_writes_or_drops_what_it_holds_is_told(
    redis_url: str, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica, a full one, one that evicts anything, one that can't save; each with the way out."""
    del redis_url  # its fixture says what to do where there is no redis-server
    webhooks = {"my-shop": {"kind": "shopify", "secret": "long enough for a secret"}}
    with RedisServer() as server, Redis.from_url(server.endpoint) as redis:
        monkeypatch.setenv("TAPESH_REDIS__URL", server.endpoint)
        assert [each["ok"] for each in findings("Redis")] == [True]

        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("maxmemory", "100mb")
        _, told = findings("Redis")
        assert (told["ok"], told["advice"]) == (True, True)
        assert "noeviction" in told["text"]
        monkeypatch.setenv("TAPESH_INGEST__WEBHOOKS", json.dumps(webhooks))
        _, told = findings("Redis")
        assert not told["ok"]
        assert "count again" in told["text"]

        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("maxmemory", "1")
        (told,) = findings("Redis")
        assert "it is full" in told["text"]
        redis.config_set("maxmemory", "0")
        redis.execute_command("REPLICAOF", "127.0.0.1", "9")
        (told,) = findings("Redis")
        assert "it is a replica" in told["text"]


def test_clocks_that_are_apart_are_told(redis_url: str, findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    """By how much; an event of the wrong one lies in the future, and is refused."""
    monkeypatch.setenv("TAPESH_REDIS__URL", redis_url)
    assert findings("clock") == []
    monkeypatch.setattr(redis_findings, "time", SimpleNamespace(time=lambda: time.time() + 400))
    (told,) = findings("clock")
    assert "+400 s" in told["text"]
    assert not told["ok"]
