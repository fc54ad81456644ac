"""`tapesh forget` on Apache Kafka and Redis: under load, over a crash and a rebuild, no id is left and no KPI moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from deployment import Deployment, WorkerProcess, eventually, windows_differ
from flow import Flow, publish
from redis import Redis

from events.identity import partition_of
from metrics.names import RedisKeys
from streams.services import ApacheKafka

LINES = 12_000
SECRET = "secret-customer-17"
LEAD = "secret-lead-17"


def live_changelog(live: Deployment, group: str) -> bytes:
    """What the changelog says, by key, decompressed: pieces of one entry lie side by side."""
    stored: dict[bytes, bytes] = {}
    for records in live.records(f"{group}-state-changelog", range(4)).values():
        for record in records:
            if record.value is None:
                stored.pop(record.key, None)
            else:
                stored[record.key] = record.value
    said, entries = [], dict[bytes, list[tuple[int, bytes]]]()
    for key, value in stored.items():
        said.append(key)
        if key.endswith(b"/manifest"):
            said.append(value)
        else:
            entry, _, piece = key.rpartition(b"/")
            entries.setdefault(entry, []).append((int(piece), value))
    whole = (b"".join(value for _, value in sorted(pieces)) for pieces in entries.values())
    return b"\n".join([*said, *map(zstandard.ZstdDecompressor().decompress, whole)])


def secret_events(life: str) -> list[bytes]:
    """All kinds of a person's events, so that every place that may hold an id holds one."""
    common: dict[str, Any] = {"customer_id": SECRET}
    told: list[dict[str, Any]] = [
        {"type": "lead", "lead_id": LEAD, "stage": "new", "channel": "web"},
        {"type": "lead", "lead_id": LEAD, "stage": "won", "channel": "web"},
        {"type": "customer-acquired", "channel": "web"},
        {"type": "purchase", "order_id": f"{SECRET}-1", "total": {"amount": "10.00", "currency": "GBP"}},
        {"type": "purchase", "order_id": f"{SECRET}-2", "total": {"amount": "12.00", "currency": "GBP"}},
        {"type": "survey-response", "survey": "nps", "score": 9},
        {"type": "loyalty-activity", "action": "enrolled"},
        {"type": "cancellation", "reason": "price"},
    ]
    return [
        json.dumps(
            {**common, **event, "event_id": f"{SECRET}-{life}-{n}", "occurred_at": f"2010-12-0{1 + n}T09:00:00Z"}
        ).encode()
        for n, event in enumerate(told)
    ]


def forget(live: Deployment, *arguments: str, **options: str) -> tuple[int, str]:
    """Run the command as a process beside the workers."""
    command = live.start(command=("forget", SECRET, "--yes", *arguments), **options)
    return command.wait(120.0), command.said()


@pytest.mark.timeout(500)
def test_a_forgotten_person_is_nowhere_and_no_figure_moves(
    kafka: ApacheKafka, redis_url: str, deploy: Callable[..., Deployment], fresh_prefix: str, retail_year: list[bytes]
) -> None:
    """Ordered under load; the owner is killed as soon as it has read the order; then all is read anew."""
    lines, person = retail_year[:LINES], secret_events("first")
    live = deploy(kafka.bootstrap)
    live.options |= {"clock": "event", "currency": "GBP", "redis.url": redis_url, "redis.prefix": fresh_prefix}
    group, profile = f"{live.prefix}group", RedisKeys(fresh_prefix).profile(SECRET)
    worker = live.start()
    live.ready()
    publish(live, [*person, *lines[: LINES // 2]])
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        eventually("the profile is there", lambda: redis.exists(profile))
        eventually("and the state is saved", lambda: SECRET.encode() in live_changelog(live, group))
        with Flow(live, lines[LINES // 2 :], rate=LINES / 40) as flow:
            outcome: list[tuple[int, str]] = []
            ordering = threading.Thread(target=lambda: outcome.append(forget(live)))
            ordering.start()
            at = eventually("the order lies there", lambda: offset_of_order(live))
            eventually("the owner has read it", lambda: position(live, worker) > at)
            worker.kill()
            heir = live.start()
            ordering.join(150)
            assert outcome, "the command goes on"
            code, said = outcome[0]
            assert code == 0, said
            assert "forgotten: state, changelog and profile hold the id no more" in said
            flow.hurry()
            flow.wait()
        expected = live.expected([*person, *lines])
        settled(heir, expected)
        held = live_changelog(live, group)
        assert SECRET.encode() not in held
        assert LEAD.encode() not in held
        assert not redis.exists(profile)
        ledger = live.records(f"{group}-kpi-memory-changelog", [0])[0]
        assert not [record for record in ledger if SECRET.encode() in (record.key or b"") + (record.value or b"")]
        for key in redis.keys(f"{fresh_prefix}*"):
            assert SECRET not in key
        for each in live.workers[:1] + live.workers[-1:]:
            assert SECRET not in each.said()

        # What the topics retain is read anew: the order is met again, where it lies.
        rebuilt = live.start(command=("rebuild", "--yes"))
        eventually(f"the new engine serves; {rebuilt.said()}", lambda: rebuilt.json("/health").get("serves"))
        settled(rebuilt, expected)
        assert not redis.exists(profile)
        eventually(
            "and has forgotten as well", lambda: SECRET.encode() not in live_changelog(live, f"{live.prefix}group.2")
        )

        # Who comes back is somebody new.
        again = secret_events("second")[3:4]
        publish(live, again)
        eventually("a new profile", lambda: redis.hgetall(profile).get("purchases") == "1")
        renamed = [line.replace(SECRET.encode(), b"somebody-else") for line in again]
        settled(rebuilt, live.expected([*person, *lines, *renamed]))


def offset_of_order(live: Deployment) -> int | None:
    home = partition_of(SECRET, 4)
    records = live.records(live.topic("customer-events"), [home])[home]
    return next((record.offset for record in records if b"forget-customer" in record.value), None)


def position(live: Deployment, worker: WorkerProcess) -> int:
    partition = worker.partitions().get(str(partition_of(SECRET, 4)), {})
    return int(partition.get("positions", {}).get(live.topic("customer-events"), 0))


def settled(worker: WorkerProcess, expected: dict[str, Any]) -> None:
    """Wait for the last event, and compare every figure."""

    def reached() -> Any:
        document = worker.kpis()
        return document if document.get("windows") and windows_differ(document, expected) == [] else None

    eventually(f"the figures of {expected['now']}; {worker.kpis().get('unknown')}", reached)
